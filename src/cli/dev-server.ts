/**
 * `inngest dev`: the platform on this machine, in dev mode (no keys, loopback only), until SIGINT or SIGTERM.
 *
 * Stdout carries one line, `ready <url>`, for scripts to wait for; the Worker's console and everything else goes to
 * stderr.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { discoverApps } from "./app-discovery.ts";
import { syncApps } from "./app-sync.ts";
import { usageError } from "./exit-codes.ts";
import { startLocalServer } from "./local-server.ts";
import { fileVariables, openFilesLimit } from "./open-files.ts";
import { prebuiltPlatform } from "./prebuilt.ts";
import { claimState, ownState } from "./state-owner.ts";
import { fetchTool, isInstalled } from "./tools.ts";
import { buildWorkerApart, type WorkerBuild } from "./worker-build.ts";

export interface DevServerOptions {
  /** default 8288, where every Inngest SDK looks for a dev server */
  port: Setting | undefined;
  /** directory of everything that outlives the process; default `.inngest`; delete it to start from nothing */
  state: Setting | undefined;
  /** false: the state goes with the process */
  isKept: boolean;
  /** entry of another Worker, such as one that holds app and engine; default: the platform */
  worker: string | undefined;
  /** where apps serve their functions */
  urls: string[];
  /** false: the apps are asked once */
  isPolling: boolean;
  /** apps on the usual ports are registered, too */
  isDiscovering: boolean;
  /** the Workers runtime is fetched when there is none */
  mayInstall: boolean;
}

/** A value and how it was given, `--port ` or `PORT=`, so that an error can say what to change. */
export interface Setting {
  value: string;
  name: string;
}

const packageRoot = join(import.meta.dirname, "../..");

export async function runDevServer(options: DevServerOptions): Promise<void> {
  const port = readPort(options.port);
  if (options.mayInstall && !isInstalled("miniflare")) await fetchTool("miniflare", console.error);
  const stateDir = options.isKept
    ? resolve(options.state?.value ?? ".inngest")
    : mkdtempSync(join(tmpdir(), "inngest-state-"));
  if (!options.isKept) process.once("exit", () => rmSync(stateDir, { recursive: true, force: true }));
  const ownerFile = join(stateDir, "owner");
  const worker = await findWorker(options.worker);
  mkdirSync(stateDir, { recursive: true });
  claimState(ownerFile, `${options.state?.name ?? "--state "}…`);

  // Until it is ready there is nothing to end gently: the exit itself takes the runtime along.
  const stopping = new AbortController();
  let stop = async (): Promise<void> => {};
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      stopping.abort();
      void stop().finally(() => process.exit(0));
    });
  }

  const server = await startLocalServer({
    worker,
    port,
    stateDir,
    vars: { INNGEST_DEV: "1", ...fileVariables(openFilesLimit(), console.error) },
    dashboardDir: findDashboard(),
    onRuntime: (pid) => ownState(ownerFile, pid),
    otherPort: `${options.port?.name ?? "--port "}${port + 1}`,
  });
  stop = async () => {
    await server.stop();
    rmSync(ownerFile, { force: true });
  };
  console.log(`ready ${server.url}`);
  const { urls, isPolling } = options;
  const { signal } = stopping;
  await syncApps({
    platform: server.url,
    urls,
    isPolling,
    signal,
    log: console.error,
    ...(options.isDiscovering && { discover: (known) => discoverApps({ known, exceptPort: port, signal }) }),
  });
}

function readPort(setting: Setting | undefined): number {
  if (setting === undefined) return 8288;
  const port = Number(setting.value);
  if (!/^\d+$/.test(setting.value) || port < 1 || port > 65_535) {
    const name = setting.name.replace(/[= ]$/, "");
    throw usageError(`${name} is "${setting.value}"; it must be a whole number from 1 to 65535`);
  }
  return port;
}

/** In a checkout the source runs, so that an edit needs no build; the installed package has a Worker that is built. */
async function findWorker(value: string | undefined): Promise<WorkerBuild> {
  const source = join(packageRoot, "src/platform.ts");
  if (!value && !existsSync(source)) return prebuiltPlatform();
  const entry = value ? resolve(value) : source;
  if (!existsSync(entry)) throw new Error(`INNGEST_WORKER is "${value}"; there is no file ${entry}`);
  return buildWorkerApart(entry, findConfig(entry));
}

/** In a checkout it is there once it is built; the platform runs without. */
function findDashboard(): string | undefined {
  const directory = join(packageRoot, "dist/dashboard");
  if (existsSync(directory)) return directory;
  console.error("inngest: there is no dashboard yet: npm run build makes it");
  return undefined;
}

/** The nearest wrangler configuration above the entry, else the platform's. */
function findConfig(entry: string): string {
  for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
    for (const name of ["wrangler.toml", "wrangler.jsonc", "wrangler.json"]) {
      if (existsSync(join(folder, name))) return join(folder, name);
    }
  }
  const own = join(packageRoot, "wrangler.toml");
  if (!existsSync(own)) throw new Error(`There is no wrangler.toml, .jsonc or .json in a folder above ${entry}`);
  return own;
}
