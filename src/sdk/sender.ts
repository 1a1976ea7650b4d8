import type { EventPayload } from "./event.ts";

/**
 * Delivers events to the platform without HTTP.
 *
 * @param seed `<ms>,<base64 of 10 bytes>`: the same seed names the same events, so repeating a delivery is harmless
 */
export type EventSender = (events: EventPayload[], seed: string) => Promise<{ ids: string[] }>;

const SENDER = Symbol.for("dotdo.inngest.sender"); // shared by all copies of this package

/** Lets a client deliver its events in process: how a Worker that holds app and platform avoids calling itself. */
export function bindSender(client: object, sender: EventSender): void {
  Object.defineProperty(client, SENDER, { value: sender, configurable: true });
}

/** The sender bound to a client, if any. */
export function boundSender(client: object): EventSender | undefined {
  return (client as { [SENDER]?: EventSender })[SENDER];
}
