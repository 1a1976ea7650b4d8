import type { EventRecord } from "../protocol/event.ts";
import type { DurationInput, InstantInput } from "../protocol/time-string.ts";
import type { Inngest } from "../sdk/client.ts";
import type { RunHost } from "../sdk/run-host.ts";
import { suggestion } from "../sdk/suggestion.ts";
import type { AnyFunction, TestTransport } from "./app-functions.ts";
import type { FaultSource } from "./host/faults.ts";
import type { WorldOptions } from "./host/world.ts";

/** Options of `createTestPlatform`. */
export interface TestPlatformOptions {
  /** the functions under test, and those that they invoke */
  functions: readonly AnyFunction[];
  /**
   * whose events are delivered here, beside the clients that made the functions. What a client sends inside a run stays on
   * the run's platform; outside of runs it goes to the platform that was made last
   */
  client?: Inngest;
  /** what chance decides: ids, jitter, Math.random inside functions. Default 1 */
  seed?: number;
  /** when time begins. Default 2026-01-01T00:00:00Z */
  start?: InstantInput;
  /** how functions are reached. Default `local`: as functions of a Worker */
  transport?: TestTransport;
  /**
   * How long code of a function may execute in real time until a test gives up, or a step's own `timeout` passes in virtual
   * time. Default 2 s
   */
  patience?: DurationInput;
  /**
   * Code of runs finds virtual time in `Date`, and chance that `seed` decides in `Math.random()`, `crypto.randomUUID()` and
   * `crypto.getRandomValues()`; all other code finds the real ones. Needs AsyncLocalStorage. Default true
   */
  virtualGlobals?: boolean;
  /**
   * A function whose time or chance outside of steps decides which steps it asks for makes the test fail, by a
   * `NondeterminismError`. To know it, a handler that has called for them is entered again, over the results that its
   * steps had, when its run has ended. Needs `virtualGlobals`. Default true
   */
  detectNondeterminism?: boolean;
  /**
   * What `step.fetch`, `fetch` and `step.ai.infer` make their requests with, so that a test needs no network: it is given
   * the URL and the request's options. Default: the runtime's `fetch`. Answers come before time moves on.
   *
   * @example
   * const fetch = async (url: string) => Response.json({ asked: url });
   * const platform = createTestPlatform({ functions: [syncPrices], fetch });
   */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** @internal around what the platform itself decides */
  host?: Pick<RunHost, "handler" | "step">;
  /** @internal */
  simulation?: SimulationHooks;
}

/** How a simulation takes part. */
export interface SimulationHooks {
  faults: FaultSource;
  /** which of the tasks that are ready goes on */
  choose: (count: number) => number;
  /** how late an app's reply comes */
  reply: () => { delayMs: number } | null;
  committed: NonNullable<WorldOptions["committed"]>;
  ended: NonNullable<WorldOptions["ended"]>;
  accepted: (records: readonly EventRecord[], at: number) => void;
}

const OPTIONS: (keyof TestPlatformOptions)[] = [
  "functions",
  "client",
  "seed",
  "start",
  "transport",
  "patience",
  "virtualGlobals",
  "detectNondeterminism",
  "fetch",
  "host",
  "simulation",
];
/** @throws TypeError naming the option, its value and what is allowed */
export function checkOptions(options: TestPlatformOptions): void {
  if (typeof options !== "object" || options === null)
    throw new TypeError("createTestPlatform: expected options, { functions }");
  for (const [name, value] of Object.entries(options))
    if (value !== undefined && !OPTIONS.some((known) => known === name))
      throw new TypeError(
        `createTestPlatform: ${JSON.stringify(name)} is not an option${suggestion(name, OPTIONS)}; there are functions, client, seed, start, transport, patience, virtualGlobals, detectNondeterminism, fetch`,
      );
  const { seed, transport } = options;
  if (seed !== undefined && !Number.isSafeInteger(seed))
    throw new TypeError(`createTestPlatform: seed: ${JSON.stringify(seed)} is not a whole number`);
  if (transport !== undefined && transport !== "local" && transport !== "http")
    throw new TypeError(`createTestPlatform: transport: ${JSON.stringify(transport)} is neither "local" nor "http"`);
}
