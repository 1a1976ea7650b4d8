import type { EventRecord } from "../protocol/event.ts";
import { logOf, type Objects, type RouteMessage } from "./objects.ts";
import { QUEUE_INLINE_MAX_BYTES } from "../protocol/limits.ts";
import { byteLength } from "../protocol/json.ts";

/**
 * Makes events durable, then hands them to the queue. Records of one call belong to one log object. When this returns
 * the events are accepted (G1); a failed send is only a later delivery.
 */
export async function acceptRecords(objects: Objects, env: string, records: EventRecord[], now: number): Promise<void> {
  const [first] = records;
  if (!first) return;
  const log = logOf(first.internalId);
  const { from, to, receivedAt } = await objects.log(env, log).append(records, now);
  const events = records.map((record) => ({ record, receivedAt }));
  if (objects.queue.exists()) await objects.queue.send(routeMessage(env, log, from, to, events));
}

/** Bodies ride in the message while they are small enough. */
export function routeMessage(
  env: string,
  log: string,
  from: number,
  to: number,
  events: RouteMessage["events"],
): RouteMessage {
  const message: RouteMessage = { env, log, from, to, events };
  return byteLength(JSON.stringify(message)) <= QUEUE_INLINE_MAX_BYTES ? message : { env, log, from, to };
}
