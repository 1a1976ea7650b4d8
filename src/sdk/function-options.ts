import type { DurationInput } from "../protocol/time-string.ts";
import type { FailureHandler } from "./context.ts";
import type { AnyEventType, EventMap, EventName, UntypedEvents } from "./event-map.ts";
import type { MiddlewareOption } from "./middleware/chain.ts";
import type { RetryOptions } from "./retries.ts";

/**
 * What starts a function: an event, by name or type, or a schedule.
 *
 * @example
 * { event: "user/created", if: "event.data.plan == 'pro'" }
 */
export type Trigger<TEvents extends EventMap = UntypedEvents> =
  | EventTriggerOptions<EventName<TEvents> | AnyEventType>
  | AnyEventType
  | CronTriggerOptions
  | IntervalTriggerOptions;

export interface EventTriggerOptions<TName = string | AnyEventType> {
  /** event name or type; at most 255 bytes; a last part of `*` after `/` or `.` stands for any ("app/*", "user.*") */
  event: TName;
  /** CEL over `event`; the function starts only when it is true */
  if?: string;
  cron?: undefined;
  every?: undefined;
}

export interface CronTriggerOptions {
  /** five fields, or six that begin with seconds; UTC, unless `TZ=Area/City ` comes first */
  cron: string;
  /** start up to so much later, the same at each tick of a function: "1s" to "5m" */
  jitter?: string;
  event?: undefined;
  every?: undefined;
}

/** Ours: a steady interval, from "1s" on. */
export interface IntervalTriggerOptions {
  /** milliseconds or a duration ("10s", "15m"); ticks are multiples of it since 1970, whenever the function was deployed */
  every: DurationInput;
  jitter?: string;
  event?: undefined;
  cron?: undefined;
}

/**
 * Options of `createFunction`. What cannot go together is refused by its type, and by `createFunction`.
 *
 * @typeParam TName names of events, for `cancelOn`
 */
export type FunctionOptions<
  TFailureHandler = FailureHandler,
  TName = string | AnyEventType,
> = FunctionSettings<TFailureHandler> & (BatchedFunction | UnbatchedFunction<TName>);

interface FunctionSettings<TFailureHandler> {
  /** names the function within its app; runs in progress and the history belong to it, so keep it */
  id: string;
  /** shown instead of the id */
  name?: string;
  description?: string;
  /** `false`: over HTTP each step is a call of its own. What else Inngest's SDK takes here changes nothing. */
  checkpointing?: unknown;
  /** @deprecated as `checkpointing` */
  experimentalCheckpointing?: unknown;
  /** Of Inngest's SDK, without effect: steps beside each other go on as soon as one has ended. */
  optimizeParallelism?: boolean;
  /**
   * How a failing step, or the code between steps, is tried again, each counted on its own: a number of tries after
   * the first (0 to 20), or a policy. Default: 3 tries in all, waiting 1 s, 2 s, … at most 1 h.
   */
  retries?: number | RetryOptions;
  /** called, as a run of its own, when a run of this function has failed for good */
  onFailure?: TFailureHandler;
  /** around this function's runs, inside the client's; also around its `onFailure` */
  middleware?: readonly MiddlewareOption[];
  /**
   * How many may execute at the same time: a number, a limit, or two limits that must both have room. What is too much
   * waits. 0 is no limit. Default: no limit.
   *
   * @example
   * { limit: 5, key: "event.data.customerId" }
   */
  concurrency?: number | ConcurrencyOption | readonly ConcurrencyOption[];
  /**
   * Spaces the starts of runs; what is too much waits, nothing is dropped.
   *
   * @example
   * { limit: 100, period: "1h", key: "event.data.apiKey" }
   */
  throttle?: ThrottleOptions;
  /** Cancels a run that takes too long. Its `onFailure` is not called. */
  timeouts?: TimeoutOptions;
}

/** A function whose runs get one event each. */
type UnbatchedFunction<TName> = {
  batchEvents?: undefined;
  /**
   * Starts one run for many events in quick succession, once none has come for a while, with the last of them.
   *
   * @example
   * { period: "5s", key: "event.data.documentId" }
   */
  debounce?: DebounceOptions;
  /**
   * At most one run at a time, waits and sleeps included.
   *
   * @example
   * { mode: "skip", key: "event.data.userId" }
   */
  singleton?: SingletonOptions;
  /**
   * Which runs go first when several wait for `concurrency` or `throttle`.
   *
   * @example
   * { run: "event.data.plan == 'pro' ? 120 : 0" }
   */
  priority?: PriorityOptions;
  /**
   * Events that cancel a run, also one that waits, sleeps or has not begun; at most 5.
   *
   * @example
   * [{ event: "order/cancelled", match: "data.orderId" }]
   */
  cancelOn?: readonly CancelOption<TName>[];
} & (
  | {
      /**
       * Drops events that are too many: they start nothing, and stay in the log.
       *
       * @example
       * { limit: 1, period: "4h", key: "event.data.userId" }
       */
      rateLimit?: RateLimitOptions;
      idempotency?: undefined;
    }
  | {
      rateLimit?: undefined;
      /**
       * CEL over `event`: of the events for which it has the same value, one in 24 hours starts a run. Short for a
       * `rateLimit` of one, hence not beside one.
       *
       * @example
       * "event.data.checkoutId"
       */
      idempotency?: string;
    }
);

/** A function whose runs get many events each: what is about one event has no place there. */
interface BatchedFunction {
  /**
   * Collects events and starts one run for them: `events` are all, in the order in which they came, `event` is the first.
   *
   * @example
   * { maxSize: 100, timeout: "5s" }
   */
  batchEvents: BatchOptions;
  debounce?: undefined;
  singleton?: undefined;
  priority?: undefined;
  cancelOn?: undefined;
  rateLimit?: undefined;
  idempotency?: undefined;
}

/** Who shares a limit, and what counts. */
export type ConcurrencyOption = FunctionConcurrency | FifoConcurrency | SharedConcurrency;

interface ConcurrencyLimit {
  /** a whole number; 0 is no limit */
  limit: number;
  /**
   * What holds a place. `step`: code while it executes, so a run that sleeps or waits holds none, and the runs of a
   * limit of 1 interleave. `run`, ours: a run from its start to its end, sleeps and waits included. Default `step`.
   */
  mode?: "step" | "run";
}

/** A limit of one function. */
interface FunctionConcurrency extends ConcurrencyLimit {
  /** CEL over `event`: each value has a limit of its own. Default: one for all runs of the function */
  key?: string;
  scope?: "fn";
  /** who comes first: the older run, moved by `priority`. Default `age` */
  order?: "age";
}

/** Ours: runs begin strictly in the order in which their events were sent; with `limit: 1` a serial queue. */
interface FifoConcurrency extends ConcurrencyLimit {
  key?: string;
  scope?: "fn";
  mode: "run";
  /** not with `priority`, `singleton`, `debounce` or `batchEvents` */
  order: "fifo";
}

/** A limit that functions share: those whose keys, in the environment or in the account, have the same value. */
interface SharedConcurrency extends ConcurrencyLimit {
  /** CEL over `event`; a text in quotes, such as `"'openai'"`, is one key for all */
  key: string;
  scope: "env" | "account";
  order?: "age";
}

export interface ThrottleOptions {
  /** starts per `period`, at least 1: one each `period / limit` */
  limit: number;
  /** milliseconds or a duration ("1m"), 1 second to 7 days */
  period: DurationInput;
  /** how many more may start at once after a quiet time: `limit + burst` in all. Default 0 */
  burst?: number;
  /** CEL over `event`: each value is throttled by itself. Default: all together */
  key?: string;
}

export interface RateLimitOptions {
  /** runs per `period`, at least 1 */
  limit: number;
  /** milliseconds or a duration ("1h"), 1 second to 24 hours */
  period: DurationInput;
  /** CEL over `event`: each value is counted by itself; events for which it is `false` are not counted */
  key?: string;
  /**
   * `spaced`, as Inngest has it: one run each `period / limit`, and up to a tenth of the limit at once. `window`, ours:
   * exactly `limit` runs in any window of `period`, at once if they come so. Default `spaced`.
   */
  mode?: "spaced" | "window";
}

export interface DebounceOptions {
  /** how long no event must have come: milliseconds or a duration ("5s"), 1 second to 7 days */
  period: DurationInput;
  /** wait no longer than this after the first event: milliseconds or a duration, 1 second to 366 days. Default: no end */
  timeout?: DurationInput;
  /** CEL over `event`: each value is debounced by itself */
  key?: string;
  /**
   * Ours: `events` are all that came, by their `ts`, and `event`, from which keys are evaluated, is the first of them.
   * Default false: the last alone
   */
  collect?: boolean;
}

export interface BatchOptions {
  /** the run starts with so many events: 2 to 1,000 */
  maxSize: number;
  /** or so long after the first: milliseconds or a duration ("10s"), 1 second to 7 days */
  timeout: DurationInput;
  /** CEL over `event`: each value has batches of its own */
  key?: string;
  /** CEL over `event`: events for which it is not true start a run each, at once */
  if?: string;
}

export interface PriorityOptions {
  /**
   * CEL over `event`: by how many seconds a run is taken for older than it is, as a whole number; negative for younger.
   * Counts from -43,200 to 43,200 (12 hours).
   */
  run: string;
}

export interface SingletonOptions {
  /**
   * What happens to a run that finds another. `skip`: it ends at once, as `skipped`. `cancel`: the other is cancelled.
   * `queue`, ours: it waits for the other, and the newest that waits replaces older ones.
   */
  mode: "skip" | "cancel" | "queue";
  /** CEL over `event`: one run per value; events for which it is `false` or has no value are free */
  key?: string;
}

interface CancelSettings<TName> {
  /** event name or type; at most 255 bytes, without a wildcard */
  event: TName;
  /**
   * How long after a run's creation the event cancels it: milliseconds or a duration, at most 366 days; or a date. Default
   * 1 year
   */
  timeout?: DurationInput | Date;
  /** Ours: also cancels the runs that this run has invoked and waits for. Default false */
  cascade?: boolean;
}

/** An event that cancels runs; without `match` or `if`, all of the function. */
export type CancelOption<TName = string | AnyEventType> = CancelSettings<TName> &
  (
    | { /** path that must be equal in both events, such as `data.orderId` */ match?: string; if?: undefined }
    | { /** CEL over `event` (the run's) and `async` (the one that cancels) */ if?: string; match?: undefined }
  );

export interface TimeoutOptions {
  /** from its creation to its first executing code: milliseconds or a duration, at most 366 days. Default: no end */
  start?: DurationInput;
  /** from its first executing code to its end: milliseconds or a duration, at most 366 days. Default: no end */
  finish?: DurationInput;
}
