import type { Inngest } from "../client.ts";
import { readPayloads } from "../event-payload.ts";
import type { InngestFunction } from "../function.ts";
import type { EventPayload } from "../event.ts";
import { Chain } from "./chain.ts";

/**
 * Sends events through the middleware of a client, and of the function whose step sends them.
 *
 * @param deliver sends what middleware has made of the events
 */
export async function sendThrough(
  client: Inngest,
  fn: InngestFunction | null,
  events: EventPayload[],
  deliver: (events: EventPayload[]) => Promise<{ ids: string[] }>,
): Promise<{ ids: string[] }> {
  const chain = Chain.open(client, fn?.middleware);
  if (!chain) return deliver(events);
  const transformed = await chain.transform("transformSendEvent", { events, fn });
  const changed = readPayloads(transformed.events);
  return chain.wrap("wrapSendEvent", { events: changed, fn }, () => deliver(changed));
}
