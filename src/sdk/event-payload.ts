import type { EventPayload } from "./types.ts";

/**
 * The events of a `send`, checked, with `data` filled in. `ts` stays absent unless the sender set it, so that the
 * server's clock decides.
 *
 * @throws TypeError naming the event and the field
 */
export function readPayloads(payload: EventPayload | EventPayload[]): EventPayload[] {
  return Array.isArray(payload)
    ? payload.map((event, index) => readPayload(event, `events[${index}]`))
    : [readPayload(payload, "event")];
}

/**
 * Events as they travel.
 *
 * @throws TypeError for what JSON cannot express: a BigInt, an object that contains itself
 */
export function payloadsJson(events: EventPayload[]): string {
  try {
    return JSON.stringify(events);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`send: the events cannot be written as JSON: ${why}`, { cause });
  }
}

function readPayload(event: EventPayload, field: string): EventPayload {
  if (typeof event !== "object" || event === null || Array.isArray(event))
    throw new TypeError(
      `send: ${field}: ${event === null ? "null" : typeof event} is not an event such as { name, data }`,
    );
  if (typeof event.name !== "string" || event.name === "")
    throw new TypeError(`send: ${field}.name: ${String(event.name)} is not an event name`);
  const data = event.data ?? {};
  if (typeof data !== "object" || Array.isArray(data))
    throw new TypeError(`send: ${field}.data: ${Array.isArray(data) ? "an array" : typeof data} is not an object`);
  return { ...event, data };
}
