/**
 * `npm run dev`: the platform alone, in dev mode (no keys, loopback only), until SIGINT or SIGTERM.
 *
 * PORT            default 8288, where every Inngest SDK looks for a dev server
 * INNGEST_STATE   default `.inngest/`; delete it to start from nothing
 * INNGEST_WORKER  entry of another Worker, such as one that holds app and engine; default: the platform
 *
 * Stdout carries one line, `ready <url>`, for scripts to wait for; the Worker's console goes to stderr.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { startLocalServer } from "./local-server.ts";

const packageRoot = join(import.meta.dirname, "../..");

function readPort(value: string | undefined): number {
  if (value === undefined || value === "") return 8288;
  const port = Number(value);
  if (!/^\d+$/.test(value) || port < 1 || port > 65_535) {
    throw new Error(`PORT is "${value}"; it must be a whole number from 1 to 65535`);
  }
  return port;
}

/** In a checkout the source runs, so that an edit needs no build; the installed package has only the build. */
function findEntry(value: string | undefined): string {
  if (value) {
    const entry = resolve(value);
    if (!existsSync(entry)) throw new Error(`INNGEST_WORKER is "${value}"; there is no file ${entry}`);
    return entry;
  }
  const candidates = ["src/platform.ts", "dist/platform.js"].map((path) => join(packageRoot, path));
  const entry = candidates.find((path) => existsSync(path));
  if (entry === undefined) throw new Error(`There is no Worker to run: neither ${candidates.join(" nor ")} exists`);
  return entry;
}

/** The nearest wrangler configuration above the entry, else the platform's. */
function findConfig(entry: string): string {
  for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
    for (const name of ["wrangler.toml", "wrangler.jsonc", "wrangler.json"]) {
      if (existsSync(join(folder, name))) return join(folder, name);
    }
  }
  return join(packageRoot, "wrangler.toml");
}

/**
 * Makes sure that no one else serves this state: ends the workerd that a `kill -9` of its launcher left behind, and
 * refuses when that launcher lives.
 *
 * @param file three lines: launcher, workerd, and workerd's command line, whose random ports tell it from any later
 *   process that is given the same number
 */
function claimState(file: string): void {
  if (!existsSync(file)) return; // never served, or ended cleanly
  const [launcher = "", workerd = "", command = ""] = readFileSync(file, "utf8").split("\n");
  if (command === "" || commandOf(workerd) !== command) return;
  if (commandOf(launcher) !== "") {
    throw new Error(
      `Process ${launcher} uses ${dirname(file)}; end it (kill ${launcher}) or choose another directory: INNGEST_STATE=…`,
    );
  }
  process.kill(Number(workerd), "SIGKILL");
  while (commandOf(workerd) === command); // it holds the port until it is gone
}

/** The command line of a running process, "" when there is none. */
function commandOf(pid: number | string): string {
  try {
    return execFileSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8", stdio: "pipe" }).trim();
  } catch {
    return "";
  }
}

async function main(): Promise<void> {
  const port = readPort(process.env.PORT);
  const entry = findEntry(process.env.INNGEST_WORKER);
  const stateDir = resolve(process.env.INNGEST_STATE || ".inngest");
  const ownerFile = join(stateDir, "owner");
  mkdirSync(stateDir, { recursive: true });
  claimState(ownerFile);

  // Until it is ready there is nothing to end gently: the exit itself takes the runtime along.
  let stop = async (): Promise<void> => {};
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => void stop().finally(() => process.exit(0)));
  }

  const server = await startLocalServer({
    entry,
    configPath: findConfig(entry),
    port,
    stateDir,
    vars: { INNGEST_DEV: "1" },
    onRuntime: (pid) => writeFileSync(ownerFile, [process.pid, pid, commandOf(pid)].join("\n")),
  });
  stop = async () => {
    await server.stop();
    rmSync(ownerFile, { force: true });
  };
  console.log(`ready ${server.url}`);
}

main().catch((error: unknown) => {
  console.error(`inngest: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
