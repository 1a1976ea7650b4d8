import type { internalEvents } from "../protocol/event.ts";
import type { DurationInput, InstantInput } from "../protocol/time-string.ts";
import type { WireError } from "../protocol/wire-error.ts";
import type { WorkerEnv } from "./worker-env.ts";
import type { CreatedEvent, EventType, EventTypeData, EventTypeInput } from "./event-type.ts";
import type { GroupTools } from "./group.ts";
import type { Jsonify } from "./jsonify.ts";
import type { MiddlewareOption } from "./middleware/chain.ts";
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
  meta?: EventMeta;
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

/** What accompanies an event. */
export type EventMeta = UntypedData;

/** Data of one event: as handlers receive it, and as senders write it. They differ when a schema transforms. */
export interface EventShape<TData extends object = UntypedData, TInput extends object = TData> {
  data: TData;
  input: TInput;
}

/** The events that an app knows, by name. */
export type EventMap = Record<string, EventShape<object, object>>;

/** Events of a client without `schemas`: any name, unchecked data. */
export type UntypedEvents = Record<string, EventShape>;

/** Names that may be written where an event is named: all, or with `schemas` those, wildcards and the platform's own. */
export type EventName<TEvents extends EventMap> = string extends keyof TEvents
  ? string
  : (keyof TEvents & string) | `${string}*` | keyof PlatformEvents;

/** An event to send, of those that an app knows. */
export type SendPayload<TEvents extends EventMap = UntypedEvents> = string extends keyof TEvents
  ? EventPayload
  :
      | { [Name in keyof TEvents & string]: NamedPayload<Name, TEvents[Name]["input"]> }[keyof TEvents & string]
      | CreatedEvent<string, object>;

type NamedPayload<TName extends string, TInput extends object> = Omit<EventPayload<TInput>, "name" | "data"> & {
  name: TName;
} & DataOption<TInput>;

/** `data` may be left out when nothing in it is required. */
type DataOption<TInput extends object> = object extends TInput ? { data?: TInput } : { data: TInput };

/** The platform's own events. */
export interface PlatformEvents {
  "inngest/function.invoked": ReceivedEvent<UntypedData, typeof internalEvents.invoked>;
  "inngest/function.failed": FailureEventPayload;
  "inngest/function.finished": FinishedEventPayload;
  "inngest/function.cancelled": CancelledEventPayload;
  "inngest/scheduled.timer": ScheduledTimerEventPayload;
}

/** A received event by its name; a wildcard stands for all known events that it covers. */
export type EventByName<TEvents extends EventMap, TName extends string> = TName extends keyof PlatformEvents
  ? PlatformEvents[TName]
  : string extends keyof TEvents
    ? ReceivedEvent<UntypedData, WildcardName<TName>>
    : TName extends keyof TEvents
      ? ReceivedEvent<TEvents[TName]["data"], TName>
      : TName extends `${infer TPrefix}*`
        ? Covered<TEvents, Extract<keyof TEvents & string, `${TPrefix}${string}`>>
        : ReceivedEvent<UntypedData, TName>;

type Covered<TEvents extends EventMap, TNames extends keyof TEvents & string> = [TNames] extends [never]
  ? ReceivedEvent
  : { [Name in TNames]: ReceivedEvent<TEvents[Name]["data"], Name> }[TNames];

type WildcardName<TName extends string> = TName extends `${infer TPrefix}*` ? `${TPrefix}${string}` : TName;

type AnyEventType = EventType<string, EventType["schema"]>;

/** What a function of these triggers receives. */
export type EventOf<TEvents extends EventMap, TTriggers> = [OneOf<TTriggers>] extends [never]
  ? ReceivedEvent
  : Triggered<TEvents, OneOf<TTriggers>, OtherName<OneOf<TTriggers>>>;

/** Data with which a function of these triggers is invoked: what its events' senders write. */
export type InvokeDataOf<TEvents extends EventMap, TTriggers> = [OneOf<TTriggers>] extends [never]
  ? UntypedData
  : [Extract<OneOf<TTriggers>, InvokeType>] extends [never]
    ? InvokeData<TEvents, OneOf<TTriggers>>
    : InvokeData<TEvents, Extract<OneOf<TTriggers>, InvokeType>>;

type OneOf<TTriggers> = TTriggers extends readonly (infer One)[] ? One : TTriggers;

type Invoked = typeof internalEvents.invoked;
type InvokeType = EventType<Invoked, EventType["schema"]>;

// A function may also be invoked: its event then has that name, and data like its triggers', unless `invoke()` says what.
type OtherName<TTrigger> = [Extract<TTrigger, InvokeType>] extends [never] ? Invoked : never;

type Triggered<TEvents extends EventMap, TTrigger, TOtherName extends string> =
  TTrigger extends EventType<infer TName, infer TSchema>
    ? ReceivedEvent<EventTypeData<TSchema>, TName | TOtherName>
    : TTrigger extends { event: EventType<infer TName, infer TSchema> }
      ? ReceivedEvent<EventTypeData<TSchema>, TName | TOtherName>
      : TTrigger extends { event: infer TName extends string }
        ? Renamed<EventByName<TEvents, TName>, TOtherName>
        : TTrigger extends { cron: string } | { every: DurationInput }
          ? ScheduledTimerEventPayload
          : ReceivedEvent;

type Renamed<TEvent, TOtherName extends string> =
  TEvent extends ReceivedEvent<infer TData, infer TName> ? ReceivedEvent<TData, TName | TOtherName> : TEvent;

type InvokeData<TEvents extends EventMap, TTrigger> =
  TTrigger extends EventType<string, infer TSchema>
    ? EventTypeInput<TSchema>
    : TTrigger extends { event: EventType<string, infer TSchema> }
      ? EventTypeInput<TSchema>
      : TTrigger extends { event: infer TName extends string }
        ? string extends keyof TEvents
          ? UntypedData
          : TName extends keyof TEvents
            ? TEvents[TName]["input"]
            : UntypedData
        : UntypedData;

/** The event of a cron run. */
export type ScheduledTimerEventPayload = ReceivedEvent<
  {
    /** the schedule, as the function has it */
    cron: string;
    /** the tick, RFC 3339 */
    scheduledAt: string;
    /** the tick and its jitter, RFC 3339 */
    fireAt: string;
    /** earlier ticks that passed while the platform was down, and that are not made up; absent when there are none */
    missed?: number;
  },
  "inngest/scheduled.timer"
>;

interface EndedRun<TEvent> {
  /** `<app>-<function>` */
  function_id: string;
  run_id: string;
  /** the event that had started the run */
  event: TEvent;
  events?: TEvent[];
}

/** Sent when a run has ended, however. */
export type FinishedEventPayload<TEvent = ReceivedEvent> = ReceivedEvent<
  EndedRun<TEvent> & { result?: unknown; error?: WireError },
  typeof internalEvents.finished
>;

/** Sent when a run was cancelled. */
export type CancelledEventPayload<TEvent = ReceivedEvent> = ReceivedEvent<
  EndedRun<TEvent>,
  typeof internalEvents.cancelled
>;

/** The event that `onFailure` handlers receive, sent by the platform when a run has failed for good. */
export type FailureEventPayload<TEvent = ReceivedEvent> = ReceivedEvent<
  EndedRun<TEvent> & { error: WireError },
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
export interface Context<TEvent = ReceivedEvent, TStep = StepTools> {
  /** the event that started the run; the first one of `events` */
  event: TEvent;
  /** at least one */
  events: TEvent[];
  step: TStep;
  /** ULID of the run */
  runId: string;
  /** index of this try; 0 is the first */
  attempt: number;
  /** tries that the function has, the first included */
  maxAttempts: number;
  /** the call, as a server that calls over HTTP names it; undefined inside a Worker */
  requestId?: string;
  /** the server's queue item, when it names one */
  jobId?: string;
  /** silent while memoized steps replay, so that each line is written once */
  logger: Logger;
  group: GroupTools;
  /** bindings of the Worker; variables, or nothing, elsewhere */
  env: WorkerEnv;
  /** lets work go on after the handler: the runtime stays up for it where it would not wait; never rejects */
  waitUntil: (promise: Promise<unknown>) => void;
}

/** Types under their names in Inngest's SDK. */
export declare namespace Context {
  /** What all handlers are given, whatever their client and triggers. */
  type Any = Context;
}

/** A function's code. What it returns is the run's result, stored as JSON. */
export type Handler<TEvent = ReceivedEvent, TOutput = unknown, TContext = Context<TEvent>> = (
  context: TContext,
) => TOutput;

/** Types under their names in Inngest's SDK. */
export declare namespace Handler {
  /** A handler, whatever it is given and returns. */
  type Any = Handler<never, unknown, never>;
}

/** What an `onFailure` handler is given: `error` is the failure of the run, rebuilt. */
export type FailureContext<TEvent = ReceivedEvent, TContext = Context> = Omit<TContext, "event" | "events"> & {
  event: FailureEventPayload<TEvent>;
  events: FailureEventPayload<TEvent>[];
  error: Error;
};

export type FailureHandler<TEvent = ReceivedEvent, TContext = Context> = (
  context: FailureContext<TEvent, TContext>,
) => unknown;

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
  timeout: DurationInput;
  /**
   * `run` also finds an event that arrived before this step was reached, since the run's start. Default: events that
   * arrive after the step was reached, or up to a second before. Ours: Inngest has no such option.
   */
  since?: "run";
}

type WaitNames<TName> =
  | { /** name of the event, or its type */ event: TName; events?: undefined }
  | { /** names or types; the first event of any of them */ events: readonly TName[]; event?: undefined };

type WaitCondition =
  | { /** path that must be equal in both events, such as `data.orderId` */ match?: string; if?: undefined }
  | { /** CEL over `event` (the run's) and `async` (the awaited one) */ if?: string; match?: undefined };

/** What `step.waitForEvent` waits for: `event` or `events`, and at most one of `match` and `if`. */
export type WaitForEventOptions<TName = string | AnyEventType> = WaitOptions & WaitNames<TName> & WaitCondition;

/** The event that a wait for these names or types resolves with. */
export type AwaitedEvent<TEvents extends EventMap, TName> =
  TName extends EventType<infer TNames, infer TSchema>
    ? ReceivedEvent<EventTypeData<TSchema>, TNames>
    : TName extends string
      ? EventByName<TEvents, TName>
      : ReceivedEvent;

/** A function that `step.invoke` can start: what `createFunction` or `referenceFunction` returns. */
export interface InvokeTarget<TOutput = unknown, TData extends object = UntypedData> {
  /** `<app>-<function>` of the given app */
  id(appId?: string): string;
  /** app of the client that made it */
  readonly appId: string | undefined;
  /** types only */
  readonly "~types"?: { output: TOutput; data: TData };
}

/** Options of `step.invoke`; `data` becomes `event.data` of the invoked function. Default `{}` */
export type InvokeOptions<TOutput = unknown, TData extends object = UntypedData> = InvokeSettings<TOutput, TData> &
  DataOption<NoInfer<TData>>;

interface InvokeSettings<TOutput, TData extends object> {
  /** the function, a reference to it, or its whole id, `<app>-<function>` */
  function: InvokeTarget<TOutput, TData> | string;
  v?: string;
  meta?: UntypedData;
  /** @deprecated use `data` */
  user?: UntypedData;
  /**
   * stop waiting after: milliseconds or a duration ("1h"), at most 366 days. Default 1 year. The step then rejects; the
   * invoked run goes on.
   */
  timeout?: DurationInput;
}

/** How results are stored: as JSON, or by a client's serializer, which gives back what it was given. */
export type Stored = "json" | "whole";

/** A stored value, when it is read again. */
export type AsStored<TStored extends Stored, T> = TStored extends "whole" ? T : Jsonify<T>;

/**
 * Durable steps of a run. Each runs once: its result is stored as JSON, and every later pass over the handler gets the
 * stored one. A step whose attempts are used up rejects with {@link StepError}.
 */
export interface StepTools<TEvents extends EventMap = UntypedEvents, TStored extends Stored = "json"> {
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
  ): Promise<AsStored<TStored, Awaited<TOutput>>>;

  ai: {
    /**
     * As {@link run}, for calls of a model: shown as such, with their input.
     *
     * @example
     * const answer = await step.ai.wrap("ask", generateText, { model, prompt });
     */
    wrap<TInput extends unknown[], TOutput>(
      id: StepOptionsOrId,
      fn: (...input: TInput) => TOutput,
      ...input: TInput
    ): Promise<AsStored<TStored, Awaited<TOutput>>>;
  };

  /**
   * Pauses the run without holding any resource.
   *
   * @param duration milliseconds or a duration ("30s", "1h30m", "2.5 days"), at most 366 days
   * @example
   * await step.sleep("wait-a-day", "1d");
   */
  sleep(id: StepOptionsOrId, duration: DurationInput): Promise<void>;

  /**
   * Pauses the run until an instant; one in the past resumes at once.
   *
   * @param time a `Date`, an ISO date, or epoch milliseconds; at most 366 days ahead
   * @example
   * await step.sleepUntil("launch", "2027-01-01T09:00:00Z");
   */
  sleepUntil(id: StepOptionsOrId, time: InstantInput): Promise<void>;

  /**
   * Waits for an event; `null` when none came in time.
   *
   * @example
   * const approval = await step.waitForEvent("approval", { event: "order/approved", match: "data.orderId", timeout: "24h" });
   */
  waitForEvent<const TName extends EventName<TEvents> | AnyEventType>(
    id: StepOptionsOrId,
    options: WaitForEventOptions<TName>,
  ): Promise<AwaitedEvent<TEvents, TName> | null>;

  /**
   * Starts another function and waits for its result; rejects when that run fails, is cancelled or takes too long.
   *
   * @example
   * const invoice = await step.invoke("bill", { function: createInvoice, data: { orderId } });
   */
  invoke<TOutput, TData extends object = UntypedData>(
    id: StepOptionsOrId,
    options: InvokeOptions<TOutput, TData>,
  ): Promise<AsStored<TStored, Awaited<TOutput>>>;

  /**
   * Sends events once, however often the handler is replayed.
   *
   * @returns the events' ids, in their order
   * @example
   * await step.sendEvent("notify", { name: "order/paid", data: { orderId } });
   */
  sendEvent(
    id: StepOptionsOrId,
    payload: SendPayload<TEvents> | readonly SendPayload<TEvents>[],
  ): Promise<{ ids: string[] }>;
}

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
