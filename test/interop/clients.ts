/** The clients of the suite: what is started for each, and what it lacks by its makers' choice. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** What not every client has; CONTRACT.md says what stands behind a name. */
export const capabilities = [
  "calls",
  "checkpointing",
  "raceMode",
  "sleepUntil",
  "useApi",
  "onFailure",
  "singleton",
  "timeouts",
  "wildcard",
  "batch",
  "middleware",
  "logger",
  "maxAttempts",
  "signals",
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
  /** what the client does not have, and why */
  lacks: Partial<Record<Capability, string>>;
}

const noneInV3 = {
  raceMode: "v3 has no group.parallel",
  realtime: "in v3 a package of its own, @inngest/realtime",
  defer: "came with v4",
  metadata: "came with v4",
  checkpointing: "off unless asked for in v3",
} as const;

const withoutCheckpoints = { checkpointing: "this client has it switched off" } as const;

const typescript = (id: string, directory: string, lacks: Client["lacks"] = {}): Client => ({
  id,
  runtime: "node",
  command: (node) => [node, "app.ts"],
  directory,
  lacks,
});

const notInPython = {
  checkpointing: "the Python SDK has none",
  maxAttempts: "not in the Python SDK's context",
  signals: "the Python SDK has none",
  fetch: "the Python SDK has none",
  aiWrap: "the Python SDK has ai.infer alone",
  defer: "the Python SDK has none",
  metadata: "the Python SDK has none",
} as const;

const python = (id: string): Client => ({
  id,
  runtime: "python",
  command: (interpreter) => [interpreter, "main.py"],
  directory: "python",
  lacks: notInPython,
});

const notInGo = {
  useApi: "the Go SDK reads use_api and does nothing about it",
  onFailure: "the Go SDK has no failure handlers",
  maxAttempts: "not in the Go SDK's context",
  aiWrap: "the Go SDK has step.Infer alone",
  defer: "the Go SDK has none",
  metadata: "the Go SDK has none",
} as const;

const go = (id: string, lacks: Client["lacks"] = {}): Client => ({
  id,
  runtime: "go",
  command: (app) => [app],
  directory: "go",
  lacks: { ...notInGo, ...lacks },
});

const all: Client[] = [
  typescript("ts4", "ts4"),
  typescript("ts4-plain", "ts4", withoutCheckpoints),
  typescript("ts4-serial", "ts4", { checkpointing: "v4 checkpoints only where parallelism is optimised" }),
  typescript("ts4-streaming", "ts4"),
  typescript("ts3", "ts3", noneInV3),
  python("py-fastapi"),
  python("py-flask"),
  go("go", { checkpointing: "off unless asked for in Go" }),
  go("go-checkpoint"),
];

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
