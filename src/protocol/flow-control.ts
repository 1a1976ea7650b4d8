/** Flow control of a function in its normal form: every option read, times in milliseconds, keys as CEL or null for none. */

/** How many may execute at the same time. */
export interface ConcurrencyLimit {
  limit: number;
  key: string | null;
  scope: "fn" | "env" | "account";
  /** what holds a lease: each stretch of executing code, or, ours, the whole run with its sleeps and waits */
  mode: "step" | "run";
  /** who comes first in the line: the older run (after priority); or, ours, strictly the order in which events were sent */
  order: "age" | "fifo";
}

/** Spaced starts (GCRA): `limit + burst` at once from idle, then one per `periodMs / limit`. Delays, drops nothing. */
export interface ThrottlePolicy {
  limit: number;
  periodMs: number;
  burst: number;
  key: string | null;
}

/** Drops what is too much: spaced as Inngest does it (GCRA), or, ours, exactly `limit` in any window of `periodMs`. */
export interface RateLimitPolicy {
  limit: number;
  periodMs: number;
  key: string | null;
  mode: "spaced" | "window";
}

export interface DebouncePolicy {
  periodMs: number;
  /** longest wait since the first event; null for none */
  timeoutMs: number | null;
  key: string | null;
  /** ours: the run gets all events, not only the last */
  collect: boolean;
}

export interface BatchPolicy {
  maxSize: number;
  timeoutMs: number;
  key: string | null;
  /** CEL: which events are batched; the others start a run each */
  if: string | null;
}

export interface SingletonPolicy {
  /** a run that finds another: is skipped; cancels it; or, ours, waits, and skips an older one that waits */
  mode: "skip" | "cancel" | "queue";
  key: string | null;
}

export interface CancelTrigger {
  event: string;
  /** CEL over `event` (the trigger) and `async` (what came); null when every event of the name cancels */
  expression: string | null;
  /** how long after the run was created it counts; null for a year */
  timeoutMs: number | null;
  /** instead of `timeoutMs`: the instant until which it counts, epoch ms */
  until?: number;
  /** ours: also the runs that this run invoked */
  cascade: boolean;
}

export interface TimeoutsPolicy {
  /** from creation to the first executing code */
  startMs: number | null;
  /** from the first executing code on */
  finishMs: number | null;
}

export interface FlowControl {
  batch?: BatchPolicy;
  /** also what `idempotency` is: one per key in 24 hours */
  rateLimit?: RateLimitPolicy;
  debounce?: DebouncePolicy;
  singleton?: SingletonPolicy;
  throttle?: ThrottlePolicy;
  /** at most two */
  concurrency?: ConcurrencyLimit[];
  /** CEL: seconds by which a run is taken for older than it is */
  priority?: string;
  /** at most five */
  cancelOn?: CancelTrigger[];
  timeouts?: TimeoutsPolicy;
}

/** What a paused function does with what would start it: nothing is recorded but a skipped run, or its run waits. */
export interface Pause {
  triggers: "skip" | "hold";
  /** epoch ms */
  at: number;
}

/** What happens at a tick of a schedule while the run of the tick before goes on. */
export type OverlapPolicy = "allow" | "skip" | "queue" | "cancel-previous";

/** An event that a schedule has sent, unless its runs may overlap. */
export interface Overlap {
  scheduleId: string;
  policy: Exclude<OverlapPolicy, "allow">;
}
