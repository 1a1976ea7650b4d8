/** What is measured: a server in a process of its own, on an empty disk, and apps that it calls. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launch, type PlatformOptions, spawnPlatform } from "../test/helpers/platform-process.ts";
import { servePython } from "./apps/python.ts";
import { type App, serveApp } from "./apps/typescript.ts";
import { Client } from "./client.ts";
import type { Mark } from "./functions.ts";
import { type ClientApp, startClients } from "./interop.ts";
import { Marks } from "./marks.ts";

const CONNECTIONS = 20;
const LAST_WORDS = 1_000;

/**
 * `platform`: ours, with the measured functions embedded. The others are what it is compared with: the runtime with nothing
 * in it, a server that answers an SDK at once, and Cloudflare Workflows' local engine.
 */
export type StageKind = "platform" | "floor" | "sdk" | "workflows";

/** Where functions live and who calls them; the first part of their events' names. */
export type TargetName = "embedded" | "binding" | "http" | "v4" | "v3" | "python" | "floor" | "workflows";

/** The functions of one transport. */
export interface Target {
  readonly name: TargetName;
  readonly client: Client;
  readonly marks: Marks;
}

export interface Stage {
  readonly client: Client;
  readonly url: string;
  /** of the launcher; the runtime is its child */
  readonly pid: number;
  /** Their app is started when it is first asked for. */
  target(name: TargetName): Promise<Target>;
  /** the last that it has written to its console */
  lastWords(): string;
  /** the apps of the interop suite, of all languages */
  clients(): Promise<ClientApp[]>;
  close(): Promise<void>;
}

const inWorkers = (path: string) => join(import.meta.dirname, "workers", path);

const servers: Record<StageKind, Pick<PlatformOptions, "worker" | "command">> = {
  platform: { worker: inWorkers("platform/worker.ts") },
  floor: { worker: inWorkers("floor.ts") },
  sdk: { command: launch("bench/sdk-floor.ts") },
  workflows: { worker: inWorkers("workflows/worker.ts") },
};

const open = new Set<() => Promise<unknown>>();
let isEnding = false;

/** Ends what is open, for good: whatever happens to the benchmark, nothing stays behind. */
export function endAll(): Promise<unknown> {
  isEnding = true;
  return Promise.allSettled([...open].map((end) => end()));
}

export async function openStage(kind: StageKind): Promise<Stage> {
  if (isEnding) throw new Error("the benchmark is ending");
  const stateDir = mkdtempSync(join(tmpdir(), "inngest-bench-"));
  const dispose = () => rmSync(stateDir, { recursive: true, force: true, maxRetries: 3 });
  const server = await spawnPlatform({ stateDir, ...servers[kind] }).catch((error: unknown) => {
    dispose();
    throw error;
  });
  if (isEnding) await server.killGroup();
  const client = new Client(server.url, CONNECTIONS);
  const apps = new Map<TargetName, Promise<App>>();
  let clients: Promise<ClientApp[]> | undefined;

  async function close(): Promise<void> {
    open.delete(close);
    client.close();
    await Promise.allSettled([...apps.values()].map(async (app) => (await app).close()));
    for (const one of (await clients?.catch(() => [])) ?? []) await one.stop();
    await server.killGroup(); // its disk is thrown away
    dispose();
  }
  open.add(close);

  const appOf = (name: TargetName): Promise<App> | null => {
    if (name === "python") return servePython(server.url);
    return name === "http" || name === "v4" || name === "v3" ? serveApp(name, server.url) : null;
  };
  const own = new Marks(() => client.get<Mark[]>("/bench/marks"));
  return {
    client,
    url: server.url,
    pid: server.pid,
    async target(name) {
      const app = apps.get(name) ?? appOf(name);
      if (app) apps.set(name, app);
      return { name, client, marks: (await app)?.marks ?? own };
    },
    lastWords: () => server.output.stderr.slice(-LAST_WORDS).trim(),
    clients: () => (clients ??= startClients(server.url)),
    close,
  };
}
