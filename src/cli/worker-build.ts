/** A Worker in the form that the local server runs, made from sources by wrangler's and esbuild's own code. */
import { fork } from "node:child_process";
import nodeModule from "node:module";
import { dirname, extname, join } from "node:path";
import type { MiniflareOptions } from "miniflare";
import { loadTool } from "./tools.ts";
import type { BuildOutcome } from "./worker-build-process.ts";

/** Objects, queues, triggers and compatibility date, in Miniflare's words. */
export type WorkerSettings = Omit<MiniflareOptions["workers"][number]["config"], "manifest">;

/** The name under which a Worker finds the dashboard's files. */
export const DASHBOARD_BINDING = "INNGEST_DASHBOARD";

export interface WorkerBuild {
  /** one ES module that exports the object classes and a default `{ fetch, queue, scheduled }` */
  script: string;
  settings: WorkerSettings;
}

/**
 * @param entry path of a worker module, .ts or .js
 * @param configPath wrangler configuration of that Worker: every binding comes from it
 */
export async function buildWorker(entry: string, configPath: string): Promise<WorkerBuild> {
  const [script, settings] = await Promise.all([bundle(entry), readSettings(configPath)]);
  return { script, settings };
}

/** As {@link buildWorker}, in a process of its own: what wrangler and bundler take, hundreds of megabytes, goes with it. */
export async function buildWorkerApart(entry: string, configPath: string): Promise<WorkerBuild> {
  const file = join(import.meta.dirname, `worker-build-process${extname(import.meta.filename)}`);
  const cache = nodeModule.getCompileCacheDir?.();
  const env = { ...process.env, ...(cache !== undefined && { NODE_COMPILE_CACHE: dirname(cache) }) };
  const child = fork(file, [entry, configPath], { serialization: "advanced", env });
  const outcome = await new Promise<BuildOutcome>((resolve, reject) => {
    child.once("message", (message) => resolve(message as BuildOutcome));
    child.once("error", reject);
    child.once("exit", (code, signal) =>
      reject(new Error(`the build of ${entry} ended (${signal ?? `exit code ${code}`})`)),
    );
  });
  if (outcome.kind === "failed") throw new Error(outcome.message);
  return outcome.kind === "built" ? outcome.worker : buildWorker(entry, configPath);
}

async function readSettings(configPath: string): Promise<WorkerSettings> {
  process.env.WRANGLER_LOG ??= "warn"; // stdout is the caller's
  process.env.WRANGLER_WRITE_LOGS ??= "false"; // else every start leaves a file in the home directory
  const { unstable_getMiniflareWorkerOptions, unstable_readConfig } = await loadTool("wrangler");
  const { convertV4MiniflareOptions } = await loadTool("miniflare");
  const config = unstable_readConfig({ config: configPath });
  // `modulesRules` tells wrangler how to bundle; here esbuild does.
  const { modulesRules: _, ...bindings } = unstable_getMiniflareWorkerOptions(config).workerOptions;
  const { workers } = convertV4MiniflareOptions({ ...bindings, name: config.name, modules: true, script: "" });
  const [worker] = workers;
  if (worker === undefined) throw new Error(`${configPath} describes no Worker`);
  const { manifest: _manifest, ...settings } = worker.config;
  return withoutDashboard(settings);
}

/** Where the dashboard's files are, the launcher knows itself: a path of this machine is of no use in the package. */
function withoutDashboard(settings: WorkerSettings): WorkerSettings {
  const { [DASHBOARD_BINDING]: dashboard, ...env } = settings.env ?? {};
  if (dashboard === undefined) return settings;
  const { assets: _, ...rest } = settings;
  return { ...rest, env };
}

let bundling = 0;

async function bundle(entry: string): Promise<string> {
  const { build, stop } = await loadTool("esbuild");
  bundling++;
  const building = build({ ...workerBundle, entryPoints: [entry], write: false });
  const result = await building.finally(() => --bundling || stop()); // a child process that would stay
  return result.outputFiles.map((file) => file.text).join("");
}

/** How a Worker is bundled; the package's build uses the same for its prebuilt platform. */
export const workerBundle = {
  bundle: true,
  format: "esm",
  target: "es2024",
  conditions: ["workerd", "worker", "browser"],
  external: ["cloudflare:*", "node:*"],
  loader: { ".html": "text", ".txt": "text", ".sql": "text" }, // wrangler's default rules
  logLevel: "silent", // what it would print is in the error it throws
} as const satisfies import("esbuild").BuildOptions;
