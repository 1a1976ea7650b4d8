import { mkdtempSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MEMORY_DISK = "/dev/shm";
const NEEDED_BYTES = 4 * 1024 ** 3;

/**
 * A directory for the state of thousands of runs. In memory where there is room: what a killed process has written stays
 * written there as well, and each run is a file or three.
 */
export function makeStateDir(name: string): string {
  return mkdtempSync(join(hasRoom(MEMORY_DISK) ? MEMORY_DISK : tmpdir(), `inngest-${name}-`));
}

function hasRoom(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize > NEEDED_BYTES;
  } catch {
    return false;
  }
}
