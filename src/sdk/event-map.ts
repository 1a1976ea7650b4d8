import type { internalEvents } from "../protocol/event.ts";
import type { DurationInput } from "../protocol/time-string.ts";
import type { WireError } from "../protocol/wire-error.ts";
import type { CreatedEvent, EventType, EventTypeData, EventTypeInput } from "./event-type.ts";
import type { EventPayload, ReceivedEvent, UntypedData } from "./event.ts";

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

/** An event to send, of those that an app knows, or made by an event type. */
export type SendPayload<TEvents extends EventMap = UntypedEvents> = string extends keyof TEvents
  ? EventPayload
  : KnownPayload<TEvents> | CreatedEvent<string, object>;

/** An event to send, of those that an app knows. */
export type KnownPayload<TEvents extends EventMap> = string extends keyof TEvents
  ? EventPayload
  : { [Name in keyof TEvents & string]: NamedPayload<Name, TEvents[Name]["input"]> }[keyof TEvents & string];

type NamedPayload<TName extends string, TInput extends object> = Omit<EventPayload<TInput>, "name" | "data"> & {
  name: TName;
} & DataOption<TInput>;

/** `data` may be left out when nothing in it is required. */
export type DataOption<TInput extends object> = object extends TInput ? { data?: TInput } : { data: TInput };

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

/** An event type, whatever its name and schema. */
export type AnyEventType = EventType<string, EventType["schema"]>;

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
