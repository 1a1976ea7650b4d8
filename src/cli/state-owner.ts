/** One state directory, one server: a file in it says which process serves it. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes sure that no one else serves this state: ends the workerd that a `kill -9` of its launcher left behind, and
 * refuses when that launcher lives.
 *
 * @param file three lines: launcher, workerd, and workerd's command line, whose random ports tell it from any later
 *   process that is given the same number
 * @param otherState how the user sets another directory
 */
export function claimState(file: string, otherState: string): void {
  if (!existsSync(file)) return; // never served, or ended cleanly
  const [launcher = "", workerd = "", command = ""] = readFileSync(file, "utf8").split("\n");
  if (command === "" || commandOf(workerd) !== command) return;
  if (commandOf(launcher) !== "") {
    throw new Error(
      `Process ${launcher} uses ${dirname(file)}; end it (kill ${launcher}) or choose another directory: ${otherState}`,
    );
  }
  process.kill(Number(workerd), "SIGKILL");
  while (commandOf(workerd) === command); // it holds the port until it is gone
}

/** Notes who serves the state from now on. */
export function ownState(file: string, workerd: number): void {
  writeFileSync(file, [process.pid, workerd, commandOf(workerd)].join("\n"));
}

/** The command line of a running process, "" when there is none. */
function commandOf(pid: number | string): string {
  try {
    return execFileSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8", stdio: "pipe" }).trim();
  } catch {
    return "";
  }
}
