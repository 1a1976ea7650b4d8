import { resolveMeta } from "../protocol/sessions.ts";
import type { FunctionOwner } from "./function.ts";
import { applySchema } from "./schema.ts";
import type { EventPayload, PropagatedEventSessions } from "./event.ts";

/**
 * The events of a `send`, with `data` filled in. `ts` stays absent unless the sender set it, so that the server's clock
 * decides.
 *
 * @throws TypeError naming the event and the field
 */
export function readPayloads(payload: unknown): EventPayload[] {
  return Array.isArray(payload)
    ? payload.map((event, index) => readPayload(event, `events[${index}]`))
    : [readPayload(payload, "event")];
}

/**
 * An event as it is sent: its data fits its schema, and is as the client's serializer writes it. What the schema takes in
 * is sent, not what its transforms make of it: every receiver applies the schema itself.
 *
 * @throws EventValidationError for data that the event's schema does not take
 */
export async function preparePayload(
  { validate, ...event }: EventPayload & { validate?: unknown },
  { schemas, serializer }: FunctionOwner,
): Promise<EventPayload> {
  const schema = schemas?.dataSchema(event.name);
  if (typeof validate === "function") await validate();
  else if (schema) await applySchema(schema, event.data, `event ${JSON.stringify(event.name)}: data`);
  return serializer ? { ...event, data: serializer.encode(event.data) as EventPayload["data"] } : event;
}

/** The event, of the run's sessions beside its own; the server merges them. What is there already stays. */
export function inheriting<TEvent extends Pick<EventPayload, "meta">>(
  event: TEvent,
  sessions: PropagatedEventSessions | undefined,
): TEvent {
  if (sessions === undefined || Object.keys(sessions).length === 0) return event;
  return { ...event, meta: { propagated_sessions: { ...sessions }, ...event.meta } };
}

/**
 * Events as they travel: without `sessions` and `ctx`, which belong to a handler's context and get here with it.
 *
 * @throws TypeError for what JSON cannot express: a BigInt, an object that contains itself
 * @throws SessionsError, before JSON makes null of what is no session
 */
export function payloadsJson(events: EventPayload[]): string {
  const own = events.map(({ sessions: _sessions, ctx: _ctx, ...event }: EventPayload & FromContext) => event);
  for (const { name, meta } of own) if (meta) resolveMeta({ ...meta }, `send: event ${JSON.stringify(name)}: meta`);
  try {
    return JSON.stringify(own);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`send: the events cannot be written as JSON: ${why}`, { cause });
  }
}

interface FromContext {
  sessions?: unknown;
  ctx?: unknown;
}

function readPayload(event: unknown, field: string): EventPayload {
  if (typeof event !== "object" || event === null || Array.isArray(event))
    throw new TypeError(
      `send: ${field}: ${event === null ? "null" : typeof event} is not an event such as { name, data }`,
    );
  const { name, data = {} } = event as Partial<EventPayload>;
  if (typeof name !== "string" || name === "")
    throw new TypeError(`send: ${field}.name: ${String(name)} is not an event name`);
  if (typeof data !== "object" || Array.isArray(data))
    throw new TypeError(`send: ${field}.data: ${Array.isArray(data) ? "an array" : typeof data} is not an object`);
  const { validate } = event as { validate?: unknown }; // of a created event; not enumerable
  return { ...event, name, data: data ?? {}, ...(validate === undefined ? {} : { validate }) };
}
