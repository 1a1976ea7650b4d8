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
  meta?: ReceivedEventMeta;
}

/** What accompanies an event that is sent. */
export interface EventMeta {
  /**
   * The sessions that the event belongs to: ids by key, at most 5; keys of at most 128 bytes, ids of at most 512. They win
   * over those that an event sent inside a run inherits; null as an id does not inherit the key, null for all inherits
   * nothing.
   */
  sessions?: EventSessions | null;
  /** What the event inherits from the run that sends it. Written by the client, from `sessions` of the handler's context */
  propagated_sessions?: PropagatedEventSessions;
}

/** Ids of sessions by key, such as `{ conversation: "c-7" }`. */
export type EventSessions = Record<string, EventSessionValue>;

/** Id of a session, a number being its text; null keeps an event from inheriting the key. */
export type EventSessionValue = string | number | null;

/** Ids of inherited sessions by key. */
export type PropagatedEventSessions = Record<string, PropagatedEventSessionValue>;

/** Id of an inherited session. */
export type PropagatedEventSessionValue = Exclude<EventSessionValue, null>;

/** What accompanies a received event. */
export interface ReceivedEventMeta {
  /** the sessions that it belongs to, its own and inherited ones */
  sessions?: Record<string, string>;
}
