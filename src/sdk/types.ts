import type { internalEvents } from "../protocol/event.ts";
import type { WireError } from "../protocol/wire-error.ts";
import type { Jsonify } from "./jsonify.ts";
import type { RetryOptions } from "./retries.ts";

export type { Jsonify } from "./jsonify.ts";
export type { RetryOptions } from "./retries.ts";

/**
 * Data of an event that no schema describes. Its properties are unchecked, as in Inngest's own SDK: handlers read
 * `event.data.userId` without a cast.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- the one place: unknown would ask every handler for casts
export type UntypedData = Record<string, any>;

/**
 * An event to send.
 *
 * @example
 * { name: "user/created", data: { userId: "123" }, id: "signup-123" }
 */
export interface EventPayload<TData extends object = UntypedData> {
  /** at most 512 bytes; must not begin with `inngest/`, which is the platform's own */
  name: string;
  /** any JSON object. Default `{}` */
  data?: TData;
  /** idempotency: an event of the same id starts a function at most once within 24 hours */
  id?: string;
  /** when it happened, epoch milliseconds between 1980 and 2100; a future time delays the runs. Default: on receipt */
  ts?: number;
  /** version of the data's shape, for your own use */
  v?: string;
  /** @deprecated use `data` */
  user?: UntypedData;
  meta?: UntypedData;
}

/** An event as handlers and waits receive it. */
export interface ReceivedEvent<TData extends object = UntypedData, TName extends string = string> {
  name: TName;
  data: TData;
  /** the sender's id, or the platform's when none was given */
  id: string;
  /** epoch milliseconds */
  ts: number;
  v?: string;
  /** @deprecated use `data` */
  user: UntypedData;
  meta?: UntypedData;
}

/** The event that `onFailure` handlers receive, sent by the platform when a run has failed for good. */
export type FailureEventPayload<TEvent extends ReceivedEvent = ReceivedEvent> = ReceivedEvent<
  {
    /** `<app>-<function>` of the failed run */
    function_id: string;
    run_id: string;
    error: WireError;
    /** the event that had started the run */
    event: TEvent;
    events?: TEvent[];
  },
  typeof internalEvents.failed
>;

/** Receives what the client and functions have to say; `console` is one. */
export interface Logger {
  debug(...args: unknown[]): void;
  info(...args: unknown[]): void;
  warn(...args: unknown[]): void;
  error(...args: unknown[]): void;
}

/** What a handler is given. */
export interface Context<TEvent = ReceivedEvent> {
  /** the event that started the run; the first one of `events` */
  event: TEvent;
  /** at least one */
  events: TEvent[];
  step: StepTools;
  /** ULID of the run */
  runId: string;
  /** index of this try; 0 is the first */
  attempt: number;
  /** tries that the function has, the first included */
  maxAttempts: number;
  logger: Logger;
}

/** A function's code. What it returns is the run's result, stored as JSON. */
export type Handler<TEvent = ReceivedEvent, TOutput = unknown> = (context: Context<TEvent>) => TOutput;

/** What an `onFailure` handler is given: `error` is the failure of the run, rebuilt. */
export interface FailureContext extends Context<FailureEventPayload> {
  error: Error;
}

export type FailureHandler = (context: FailureContext) => unknown;

/** A step's id, alone or with options. The same id in the same run is the same step: it runs once. */
export type StepOptionsOrId = string | StepOptions;

export interface StepOptions {
  /** names the step in the run, at most 1,024 bytes; a repeated id is told apart by its position */
  id: string;
  /** shown instead of the id */
  name?: string;
  /** how this step is tried again; a number counts tries after the first. Default: as the function */
  retries?: number | RetryOptions;
  /** `race`: the handler goes on as soon as this step is done, without waiting for steps that run beside it */
  parallelMode?: "race";
}

interface WaitOptions {
  /** give up after: milliseconds or a duration ("24h"), at most 366 days */
  timeout: number | string;
  /**
   * `run` also finds an event that arrived before this step was reached, since the run's start. Default: events that
   * arrive after the step was reached, or up to a second before. Ours: Inngest has no such option.
   */
  since?: "run";
}

type WaitNames =
  | { /** name of the event */ event: string; events?: undefined }
  | { /** names; the first event of any of them */ events: string[]; event?: undefined };

type WaitCondition =
  | { /** path that must be equal in both events, such as `data.orderId` */ match?: string; if?: undefined }
  | { /** CEL over `event` (the run's) and `async` (the awaited one) */ if?: string; match?: undefined };

/** What `step.waitForEvent` waits for: `event` or `events`, and at most one of `match` and `if`. */
export type WaitForEventOptions = WaitOptions & WaitNames & WaitCondition;

/** A function that `step.invoke` can start: what `createFunction` returns. */
export interface InvokeTarget<TOutput = unknown> {
  /** `<app>-<function>` of the given app */
  id(appId: string): string;
  /** app of the client that made it */
  readonly appId: string;
  readonly handler: (context: never) => TOutput;
}

export interface InvokeOptions<TOutput = unknown> {
  function: InvokeTarget<TOutput>;
  /** becomes `event.data` of the invoked function. Default `{}` */
  data?: UntypedData;
  v?: string;
  /**
   * stop waiting after: milliseconds or a duration ("1h"), at most 366 days. Default 1 year. The step then rejects; the
   * invoked run goes on.
   */
  timeout?: number | string;
}

/**
 * Durable steps of a run. Each runs once: its result is stored as JSON, and every later pass over the handler gets the
 * stored one. A step whose attempts are used up rejects with {@link StepError}.
 */
export interface StepTools {
  /**
   * Runs `fn` and stores its result.
   *
   * @param input passed to `fn`, recorded with the step
   * @example
   * const user = await step.run("fetch-user", () => fetchUser(event.data.userId));
   */
  run<TInput extends unknown[], TOutput>(
    id: StepOptionsOrId,
    fn: (...input: TInput) => TOutput,
    ...input: TInput
  ): Promise<Jsonify<Awaited<TOutput>>>;

  /**
   * Pauses the run without holding any resource.
   *
   * @param duration milliseconds or a duration ("30s", "1h30m", "2.5 days"), at most 366 days
   * @example
   * await step.sleep("wait-a-day", "1d");
   */
  sleep(id: StepOptionsOrId, duration: number | string): Promise<void>;

  /**
   * Pauses the run until an instant; one in the past resumes at once.
   *
   * @param time a `Date`, an ISO date, or epoch milliseconds; at most 366 days ahead
   * @example
   * await step.sleepUntil("launch", "2027-01-01T09:00:00Z");
   */
  sleepUntil(id: StepOptionsOrId, time: Date | string | number): Promise<void>;

  /**
   * Waits for an event; `null` when none came in time.
   *
   * @example
   * const approval = await step.waitForEvent("approval", { event: "order/approved", match: "data.orderId", timeout: "24h" });
   */
  waitForEvent(id: StepOptionsOrId, options: WaitForEventOptions): Promise<ReceivedEvent | null>;

  /**
   * Starts another function and waits for its result; rejects when that run fails, is cancelled or takes too long.
   *
   * @example
   * const invoice = await step.invoke("bill", { function: createInvoice, data: { orderId } });
   */
  invoke<TOutput>(id: StepOptionsOrId, options: InvokeOptions<TOutput>): Promise<Jsonify<Awaited<TOutput>>>;

  /**
   * Sends events once, however often the handler is replayed.
   *
   * @returns the events' ids, in their order
   * @example
   * await step.sendEvent("notify", { name: "order/paid", data: { orderId } });
   */
  sendEvent(id: StepOptionsOrId, payload: EventPayload | EventPayload[]): Promise<{ ids: string[] }>;
}

/**
 * What starts a function.
 *
 * @example
 * { event: "user/created", if: "event.data.plan == 'pro'" }
 */
export type Trigger = EventTriggerOptions | CronTriggerOptions;

export interface EventTriggerOptions {
  /** event name, at most 255 bytes; a last part of `*` after `/` or `.` stands for any ("app/*", "user.*") */
  event: string;
  /** CEL over `event`; the function starts only when it is true */
  if?: string;
  cron?: undefined;
}

/** Not enforced by this version: `createFunction` throws for it. */
export interface CronTriggerOptions {
  cron: string;
  jitter?: string;
  event?: undefined;
}

/** Options of `createFunction`. */
export interface FunctionOptions extends UnsupportedFunctionOptions {
  /** names the function within its app; runs in progress and the history belong to it, so keep it */
  id: string;
  /** shown instead of the id */
  name?: string;
  description?: string;
  /**
   * How a failing step, or the code between steps, is tried again, each counted on its own: a number of tries after
   * the first (0 to 20), or a policy. Default: 3 tries in all, waiting 1 s, 2 s, … at most 1 h.
   */
  retries?: number | RetryOptions;
  /** called, as a run of its own, when a run of this function has failed for good */
  onFailure?: FailureHandler;
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
