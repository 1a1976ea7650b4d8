/** The clients of the suite and what is started for each. What one lacks by its makers' choice stands in exclusions.json. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import exclusions from "./exclusions.json" with { type: "json" };

/** What not every client has; CONTRACT.md says what stands behind a name. */
export const capabilities = [
  "calls",
  "checkpointing",
  "raceMode",
  "sleepUntil",
  "useApi",
  "caughtErrors",
  "retryAfter",
  "onFailure",
  "singleton",
  "timeouts",
  "wildcard",
  "batch",
  "middleware",
  "logger",
  "maxAttempts",
  "signals",
  "sendSignal",
  "fetch",
  "aiInfer",
  "aiWrap",
  "realtime",
  "defer",
  "metadata",
] as const;

export type Capability = (typeof capabilities)[number];

export interface Client {
  id: string;
  runtime: "node" | "python" | "go";
  /** what runs its app, in a directory of `apps`, given what its runtime's installation answered */
  command(runtime: string): string[];
  directory: string;
}

/** Why a client does not have something; undefined when it has. */
export function lackOf(client: Client, capability: Capability): string | undefined {
  return (exclusions as Record<string, Partial<Record<Capability, string>>>)[client.id]?.[capability];
}

const typescript = (id: string, directory: string): Client => ({
  id,
  runtime: "node",
  command: (node) => [node, "app.ts"],
  directory,
});

const python = (id: string): Client => ({
  id,
  runtime: "python",
  command: (interpreter) => [interpreter, "main.py"],
  directory: "python",
});

const go = (id: string): Client => ({ id, runtime: "go", command: (app) => [app], directory: "go" });

/** Ours, for comparison; its rules have suites of their own. */
export const own = typescript("own", "own");

const all: Client[] = [
  typescript("ts4", "ts4"),
  typescript("ts4-plain", "ts4"),
  typescript("ts4-serial", "ts4"),
  typescript("ts4-streaming", "ts4"),
  typescript("ts4-connect", "ts4"),
  typescript("ts3", "ts3"),
  python("py-fastapi"),
  python("py-streaming"),
  python("py-flask"),
  python("py-connect"),
  go("go"),
  go("go-streaming"),
  go("go-checkpoint"),
  go("go-connect"),
];

/** ids of all clients, whichever are started */
export const known = all.map(({ id }) => id);

/** INTEROP_CLIENTS=go,py-flask: these alone, for whoever works on one of them. */
const only = process.env.INTEROP_CLIENTS?.split(",");
export const clients = all.filter(({ id }) => only === undefined || only.includes(id));

/**
 * Installs a runtime and what its apps need, and answers with what runs or is an app.
 *
 * @throws Error with the remedy when the machine cannot
 */
export const runtimes: Record<Client["runtime"], () => string> = {
  node: () => process.execPath,
  python: () => installed("apps/python/install.mjs"),
  go: () => installed("apps/go/install.mjs"),
};

function installed(script: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, script)], {
    encoding: "utf8",
  });
  if (status === 0) return stdout.trim();
  throw new Error(/^Error: (.*)$/m.exec(stderr)?.[1] ?? stderr);
}
