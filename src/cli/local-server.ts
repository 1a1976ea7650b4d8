/**
 * Runs a Worker with its objects and queues on this machine.
 *
 * Miniflare is driven directly: `wrangler dev` adds a proxy process, request tracing and a log line per request, which
 * together cost more than the Worker itself.
 *
 * 1. One workerd process per server, one server per state directory. Whatever ends the process (a crash, a step that
 *    spins, `kill -9`), the state on disk is complete: the next process carries on from it, overdue alarms first.
 * 2. The Worker listens on the public port itself. Miniflare's own entry, with its local admin routes, gets a random one.
 * 3. Only this file decides about restarts; Miniflare's own one, immediate and without end, is pre-empted.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { ChildProcess } from "node:child_process";
import diagnostics from "node:diagnostics_channel";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Miniflare, MiniflareOptions } from "miniflare";
import { loadTool } from "./tools.ts";
import { DASHBOARD_BINDING, type WorkerBuild, type WorkerSettings } from "./worker-build.ts";

export interface LocalServerOptions {
  worker: WorkerBuild;
  port: number;
  /** directory of everything that outlives the process; no two servers may share it */
  stateDir: string;
  /** variables beside those of the Worker's settings, which they override */
  vars?: Record<string, string>;
  /** default 127.0.0.1 */
  host?: string;
  /** directory of the built dashboard; a Worker that has assets of its own keeps those */
  dashboardDir?: string;
  /** receives the Worker's console output and this server's own messages; default: stderr */
  log?: Log;
  /** receives the process id of every workerd that is started */
  onRuntime?: (pid: number) => void;
  /** how the user sets another port, for the error that says it is in use */
  otherPort?: string;
  /** how often GET /health is asked; default 5 s */
  probeEveryMs?: number;
  /** silence after which the runtime is taken for stuck, killed and replaced; default 30 s */
  unresponsiveAfterMs?: number;
}

export interface LocalServer {
  readonly url: string;
  /** Ends the runtime and returns when its process is gone. */
  stop(): Promise<void>;
}

type Log = (line: string) => void;

/** The first restart is immediate; the delay before further ones doubles, until a runtime has lived long enough. */
const MIN_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;
const STABLE_AFTER_MS = 60_000;
const SWEEP_EVERY_MS = 60_000;

/** The runtime's young generation, in MB: it grows to what a burst takes, and none of that is given back. */
const RUNTIME_V8_FLAGS = "--max-semi-space-size=2";

/** Notes of a busy runtime on its own alarms, which it sets right by itself; "NOSENTRY" marks what its makers want no word of. */
const RUNTIME_NOTE = /^NOSENTRY SQLite alarm /;

/**
 * Starts the Worker and returns when it answers.
 *
 * @throws when the port or the state directory is taken, or the runtime refuses the Worker
 */
export async function startLocalServer(options: LocalServerOptions): Promise<LocalServer> {
  const { port, host = "127.0.0.1", probeEveryMs = 5_000, unresponsiveAfterMs = 30_000 } = options;
  const { otherPort = `port: ${port + 1}` } = options;
  const log: Log = options.log ?? console.error;
  const url = `http://${host}:${port}`;
  const stopping = new AbortController();

  process.env.MINIFLARE_WORKERD_V8_FLAGS ??= RUNTIME_V8_FLAGS;
  const tool = await loadTool("miniflare");
  const settings = describe(options, host, log);
  const start = () => Runtime.start(tool, settings, log, options.onRuntime);
  let runtime = await start().catch((cause: unknown) => {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ERR_ADDRESS_IN_USE")) throw cause;
    throw new Error(`Port ${port} is in use; end what listens on it or choose another: ${otherPort}`, { cause });
  });

  async function supervise(): Promise<void> {
    for (let backoffMs = 0; ;) {
      const startedAt = performance.now();
      const signal = AbortSignal.any([stopping.signal, runtime.ended]);
      const failure = await Promise.race([runtime.crash, silence(url, probeEveryMs, unresponsiveAfterMs, signal)]);
      await runtime.kill();
      if (stopping.signal.aborted) return;

      log(`inngest: the Workers runtime ${failure}; starting a new one on the same state`);
      if (performance.now() - startedAt > STABLE_AFTER_MS) backoffMs = 0;
      while (runtime.ended.aborted) {
        await pause(backoffMs, stopping.signal);
        if (stopping.signal.aborted) return;
        backoffMs = Math.min(Math.max(2 * backoffMs, MIN_BACKOFF_MS), MAX_BACKOFF_MS);
        runtime = await start().catch((error: unknown) => {
          log(`inngest: ${error}; next try in ${backoffMs / 1000} s`);
          return runtime;
        });
      }
    }
  }

  collectGarbage();
  const supervised = supervise();
  // Without a bound: a step that spins at once is for the supervisor, and the engine counts its attempts.
  while (!(await answers(url, probeEveryMs, stopping.signal))) await pause(50, stopping.signal);

  return {
    url,
    async stop() {
      stopping.abort();
      await supervised;
    },
  };
}

/** One workerd process, from its start to its end. */
class Runtime {
  /** Resolves with what happened when the process ends and {@link kill} did not ask for it. */
  readonly crash: Promise<string>;
  readonly ended: AbortSignal;
  readonly #miniflare: Miniflare;
  readonly #ending = new AbortController();
  #gone: Promise<void> | undefined;

  private constructor(miniflare: Miniflare, workerd: ChildProcess) {
    this.#miniflare = miniflare;
    this.ended = this.#ending.signal;
    this.crash = new Promise((settle) => {
      workerd.once("exit", (code, signal) => {
        if (this.ended.aborted) return;
        void this.kill(); // in this very turn, before Miniflare acts on the exit (3)
        settle(`crashed (${signal ?? `exit code ${code}`})`);
      });
    });
  }

  static async start(
    tool: typeof import("miniflare"),
    settings: MiniflareOptions,
    log: Log,
    onRuntime?: (pid: number) => void,
  ): Promise<Runtime> {
    const children: ChildProcess[] = [];
    const miniflare = withoutSignalHandlers(() => starting.run(children, () => new tool.Miniflare(settings)));
    try {
      const entry = await miniflare.ready;
      const [workerd] = children;
      if (workerd?.pid === undefined) throw new Error("Miniflare started no process");
      onRuntime?.(workerd.pid);
      const runtime = new Runtime(miniflare, workerd);
      void runtime.#sweep(new URL(tool.CorePaths.SCHEDULED, entry), log);
      return runtime;
    } catch (error) {
      await miniflare.dispose().catch(() => {}); // it fails with the same error
      throw error;
    }
  }

  /** Miniflare ends it with SIGKILL: a runtime that spins hears nothing else, and the state stands it (1). */
  kill(): Promise<void> {
    this.#ending.abort();
    return (this.#gone ??= this.#miniflare.dispose()); // a second dispose would throw outside of any promise
  }

  /** The Worker's cron. Not by Miniflare's `getWorker()`, which blocks this whole process while the runtime spins. */
  async #sweep(handler: URL, log: Log): Promise<void> {
    handler.searchParams.set("cron", "* * * * *");
    while (!this.ended.aborted) {
      try {
        const response = await fetch(handler, { signal: this.ended });
        const outcome = await response.text();
        if (!response.ok) log(`inngest: the Worker's scheduled handler failed: ${outcome}`);
      } catch {
        // The runtime has ended or will be found silent: the supervisor's case.
      }
      await pause(SWEEP_EVERY_MS, this.ended);
    }
  }
}

/** Everything Miniflare has to know, in its words. */
function describe(options: LocalServerOptions, host: string, log: Log): MiniflareOptions {
  const { script } = options.worker;
  const settings = withDashboard(options.worker.settings, options.dashboardDir);
  const vars = Object.entries(options.vars ?? {}).map(([name, value]) => [name, { type: "text", value }]);
  const folder = process.cwd();
  return {
    workers: [
      {
        config: {
          ...settings,
          env: { ...settings.env, ...Object.fromEntries(vars) },
          manifest: {
            mainModule: "worker.js",
            modulesRoot: folder,
            modules: { "worker.js": { type: "esm", contents: script } },
          },
        },
        dev: { rootPath: folder, unsafeDirectSockets: [{ host, port: options.port }], stripCfConnectingIp: true },
      },
    ],
    port: 0, // of Miniflare's own entry, which stays on loopback whatever the host (2)
    resourcePersistencePath: resolve(options.stateDir),
    cf: false, // else it downloads a sample of `request.cf`
    enableDevRegistry: false,
    logRequests: false,
    unsafeTriggerHandlers: true, // for the cron, on Miniflare's own entry only (2)
    handleStructuredLogs: ({ message }) => {
      if (!RUNTIME_NOTE.test(message)) log(message);
    },
  };
}

/** The Worker answers every request itself, and takes the dashboard's files from the binding. */
function withDashboard(settings: WorkerSettings, directory: string | undefined): WorkerSettings {
  if (directory === undefined || settings.assets !== undefined) return settings;
  const assets = { directory, hasUserWorker: true, runWorkerFirst: true };
  return { ...settings, assets, env: { ...settings.env, [DASHBOARD_BINDING]: { type: "assets" } } };
}

/** Resolves once /health has been silent for too long. It counts probes and reads no clock, so a laptop may sleep. */
async function silence(url: string, everyMs: number, limitMs: number, signal: AbortSignal): Promise<string> {
  for (let silentMs = 0; silentMs < limitMs && !signal.aborted;) {
    const [answered] = await Promise.all([answers(url, everyMs, signal), pause(everyMs, signal)]);
    silentMs = answered ? 0 : silentMs + everyMs;
  }
  return `did not answer GET /health for ${limitMs / 1000} s (a step that never yields?)`;
}

/** Any answer counts: an error is the Worker's business, silence is the runtime's. */
async function answers(url: string, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const answered = fetch(`${url}/health`, { signal: limited }).then((response) => response.body?.cancel());
  return answered.then(() => true).catch(() => false);
}

/** What the start has left: this process rests from now on, and nothing else would make it give that back. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") collect();
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {}); // aborted: the caller looks at its signal
}

/** Collects the processes that a Miniflare starts: it does not tell them itself. */
const starting = new AsyncLocalStorage<ChildProcess[]>();
diagnostics.subscribe("child_process", (message) => {
  starting.getStore()?.push((message as { process: ChildProcess }).process);
});

/** Miniflare would end this process with 143 on SIGTERM. How it ends is its owner's choice; the `exit` hook stays. */
function withoutSignalHandlers<T>(create: () => T): T {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const kept = signals.flatMap((signal) => process.listeners(signal));
  const created = create();
  for (const signal of signals) {
    for (const listener of process.listeners(signal)) if (!kept.includes(listener)) process.off(signal, listener);
  }
  return created;
}
