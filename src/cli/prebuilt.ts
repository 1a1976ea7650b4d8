/** The platform that the package brings along, bundled and packed: a quarter of its size to install. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { CommandError } from "./exit-codes.ts";
import type { WorkerBuild, WorkerSettings } from "./worker-build.ts";

const folder = join(import.meta.dirname, "../../dist/platform");

/** @throws CommandError in a checkout that is not built */
export function prebuiltPlatform(): WorkerBuild {
  const packed = join(folder, "worker.js.gz");
  if (!existsSync(packed)) throw new CommandError("there is no built platform; run: npm run build");
  const settings = JSON.parse(readFileSync(join(folder, "settings.json"), "utf8")) as WorkerSettings;
  return { script: gunzipSync(readFileSync(packed)).toString("utf8"), settings };
}

/** Leaves the Worker's module in a folder. @returns where */
export function unpackPlatform(script: string, into: string): string {
  const file = join(into, "worker.js");
  writeFileSync(file, script);
  return file;
}
