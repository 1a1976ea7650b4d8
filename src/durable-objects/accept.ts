import type { EventRecord } from "../protocol/event.ts";
import { byteLength } from "../protocol/json.ts";
import { QUEUE_INLINE_MAX_BYTES } from "../protocol/limits.ts";
import { logOf, type Appended, type LoggedEvent, type Objects, type RouteMessage, type SeqRange } from "./objects.ts";
import { appendParts, type AppendPart } from "./storage/append-parts.ts";

/** Characters that a message can carry, whatever they are. */
const MESSAGE_MAX_CHARS = Math.floor(QUEUE_INLINE_MAX_BYTES / 3);

/**
 * Makes events durable; their log hands them to the queue. Records of one call belong to one log object. When this returns
 * the events are accepted (G1).
 */
export async function acceptRecords(objects: Objects, env: string, records: EventRecord[], now: number): Promise<void> {
  const [first] = records;
  if (first) await objects.log(env, logOf(first.internalId)).append(appendParts(records), now);
}

/** Requests that stand side by side in their log share a message while it is small enough to carry them. */
export function routeMessages(
  env: string,
  log: string,
  requests: readonly { parts: readonly AppendPart[]; appended: Appended }[],
): string[] {
  const messages: { range: SeqRange; events: string }[] = [];
  for (const { parts, appended } of requests) {
    const { from, to, receivedAt } = appended;
    const texts = parts.flatMap((part) => part.texts);
    const events = texts.map((record) => `{"record":${record},"receivedAt":${receivedAt}}`).join(",");
    const last = messages.at(-1);
    if (last?.range.to === from && last.events.length + events.length <= MESSAGE_MAX_CHARS) {
      last.range.to = to;
      last.events += `,${events}`;
    } else messages.push({ range: { from, to }, events });
  }
  return messages.map(({ range, events }) => routeMessage(env, log, range, events));
}

/** @param events JSON of what they are, separated by commas. They ride in the message while they are small enough */
function routeMessage(env: string, log: string, { from, to }: SeqRange, events: string): string {
  const place = `"env":${JSON.stringify(env)},"log":${JSON.stringify(log)},"from":${from},"to":${to}`;
  const message = `{${place},"events":[${events}]}`;
  const isSmall = message.length <= QUEUE_INLINE_MAX_BYTES && byteLength(message) <= QUEUE_INLINE_MAX_BYTES;
  return isSmall ? message : `{${place}}`;
}

/** A message for what a log holds already. */
export function messageAgain(env: string, log: string, range: SeqRange, events: LoggedEvent[]): string {
  return routeMessage(env, log, range, JSON.stringify(events).slice(1, -1));
}

/** @param message as one of these functions has made it */
export function readMessage(message: string): RouteMessage {
  return JSON.parse(message);
}
