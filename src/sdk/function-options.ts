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

/** Options of `createFunction`. */
export interface FunctionOptions<TFailureHandler = FailureHandler> extends UnsupportedFunctionOptions {
  /** names the function within its app; runs in progress and the history belong to it, so keep it */
  id: string;
  /** shown instead of the id */
  name?: string;
  description?: string;
  /** Of Inngest's SDK, without effect: inside a Worker each step is committed as it ends, whatever this says. */
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
}

/**
 * Options of Inngest that this version does not enforce. `createFunction` throws for each, so that nobody counts on a
 * limit that nothing holds; they are named here only so that the refusal is a sentence at startup.
 */
export interface UnsupportedFunctionOptions {
  concurrency?: unknown;
  throttle?: unknown;
  rateLimit?: unknown;
  debounce?: unknown;
  batchEvents?: unknown;
  priority?: unknown;
  idempotency?: unknown;
  singleton?: unknown;
  cancelOn?: unknown;
  timeouts?: unknown;
}
