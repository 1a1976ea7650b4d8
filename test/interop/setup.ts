/** One platform on disk and one process per client for the whole suite: runs of one client invoke those of another. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { TestProject } from "vitest/node";
import { freePort, type PlatformProcess, spawnPlatform } from "../helpers/platform-process.ts";
import { makeStateDir } from "../helpers/state-dir.ts";
import { type Client, clients, runtimes } from "./clients.ts";

declare module "vitest" {
  interface ProvidedContext {
    platform: string;
    /** what each runtime's installation answered */
    runtimes: Record<string, string>;
    /** where each client's app is */
    apps: Record<string, string>;
    /** why the others are not there */
    missing: Record<string, string>;
  }
}

const READY_WITHIN_MS = 60_000;
const ENDS_WITHIN_MS = 5_000;

export interface App {
  readonly url: string;
  /** what it has written so far */
  output(): string;
  stop(): Promise<void>;
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { installed, missing } = installRuntimes();
  const state = makeStateDir("interop");
  const platform = await spawnPlatform({ stateDir: state });
  const apps = new Map<string, App>();
  const close = async () => {
    await Promise.all([...apps.values()].map((app) => app.stop()));
    await platform.stop();
    rmSync(state, { recursive: true, force: true });
  };
  const started = await Promise.allSettled(
    clients.map(async (client) => {
      const runtime = installed.get(client.runtime);
      if (runtime === undefined) return;
      const app = await startApp(client, runtime, { INNGEST_DEV: platform.url });
      apps.set(client.id, app);
      await sync(app);
    }),
  );
  const failed = started.find((one) => one.status === "rejected");
  if (failed) {
    await close();
    throw failed.reason;
  }
  const { provide } = project;
  provide("platform", platform.url);
  provide("apps", Object.fromEntries([...apps].map(([id, { url }]) => [id, url])));
  provide("runtimes", Object.fromEntries(installed));
  provide("missing", missing);
  return async () => {
    await close();
    if (process.env.INTEROP_LOGS) tell(platform, apps);
  };
}

/**
 * What the runtimes' installations answered, and why clients are not there, by their ids.
 *
 * @throws Error on CI, which has every runtime
 */
function installRuntimes() {
  const installed = new Map<string, string>();
  const missing: Record<string, string> = {};
  for (const [runtime, install] of Object.entries(runtimes)) {
    const own = clients.filter((client) => client.runtime === runtime);
    if (own.length === 0) continue;
    try {
      installed.set(runtime, install());
    } catch (error) {
      if (process.env.CI) throw error;
      for (const { id } of own) missing[id] = error instanceof Error ? error.message : String(error);
    }
  }
  return { installed, missing };
}

/** Starts a client's app and returns when it listens. */
export async function startApp(client: Client, runtime: string, env: Record<string, string>): Promise<App> {
  const port = await freePort();
  const [file = "", ...args] = client.command(runtime);
  const { HOME = "", PATH = "" } = process.env; // nothing of a developer's own INNGEST_… variables
  const child = spawn(file, args, {
    cwd: join(import.meta.dirname, "apps", client.directory),
    detached: true, // what it starts ends with it
    stdio: ["ignore", "pipe", "pipe"],
    env: { HOME, PATH, INTEROP_CLIENT: client.id, PORT: String(port), ...env },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const stop = async () => {
    if (hasEnded() || child.pid === undefined) return;
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    const { pid } = child;
    const late = setTimeout(() => process.kill(-pid, "SIGKILL"), ENDS_WITHIN_MS);
    await exit;
    clearTimeout(late);
  };

  for (const giveUpAt = performance.now() + READY_WITHIN_MS; !/^ready /m.test(output); await delay(50)) {
    if (!hasEnded() && performance.now() < giveUpAt) continue;
    await stop();
    throw new Error(`The app of ${client.id} (${[file, ...args].join(" ")}) did not get ready: ${output}`);
  }
  return { url: `http://127.0.0.1:${port}`, output: () => output, stop };
}

/** The app tells its platform about its functions. */
export async function sync(app: App): Promise<void> {
  const response = await fetch(`${app.url}/api/inngest`, { method: "PUT" });
  const answer = await response.text();
  if (!response.ok) throw new Error(`PUT ${app.url} answered ${response.status}: ${answer}\n${app.output()}`);
}

function tell(platform: PlatformProcess, apps: Map<string, App>): void {
  console.log(`-- platform\n${platform.output.stderr}`);
  for (const [id, app] of apps) console.log(`-- ${id}\n${app.output()}`);
}
