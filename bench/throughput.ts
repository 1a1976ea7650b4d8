/** Many at once. Per second. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "./client.ts";
import type { Target } from "./stage.ts";

const BURST_REQUEST_EVENTS = 50;
const BURST_WITHIN_MS = 120_000;
const ENDED_WITHIN_MS = 10_000;
const SENDERS = 20;

export interface Burst {
  perSecond: number;
  /** events without a completed run */
  lost: number;
  /** runs that reported more than once */
  repeated: number;
}

/**
 * Events of one-step functions sent together, from the first request to the last run's last line.
 *
 * @param lanes of a function with a limit of one for each; 0: one without any limit
 */
export async function burst(target: Target, runs: number, lanes = 0): Promise<Burst> {
  const scope = randomUUID();
  const events = Array.from({ length: runs }, (_, i) => ({
    name: `${target.name}/${lanes === 0 ? "one" : "limited"}`,
    data: { scope, key: String(i), lane: lanes === 0 ? null : i % lanes },
  }));
  const requests: Promise<string[]>[] = [];
  const sentAt = Date.now();
  while (events.length > 0) requests.push(target.client.send(events.splice(0, BURST_REQUEST_EVENTS)));
  const ids = (await Promise.all(requests)).flat();
  const marks = await target.marks.wait(scope, runs, BURST_WITHIN_MS);
  const seconds = (Math.max(...marks.map((mark) => mark.at)) - sentAt) / 1000;
  const lost = await countLost(target.client, ids);
  return {
    perSecond: marks.length / seconds,
    lost,
    repeated: marks.length - new Set(marks.map((mark) => mark.key)).size,
  };
}

/** Asks the API how each event's run ended; a run has told us of its last line before its end is stored. */
export async function countLost(client: Client, eventIds: string[]): Promise<number> {
  const deadline = performance.now() + ENDED_WITHIN_MS;
  let open = eventIds;
  for (;;) {
    const left: string[] = [];
    await inParallel(open, async (id) => {
      const { data } = await client.get<{ data: { status: string }[] }>(`/v1/events/${id}/runs`);
      if (data.length !== 1 || data[0]?.status !== "Completed") left.push(id);
    });
    open = left;
    if (open.length === 0 || performance.now() > deadline) return open.length;
    await delay(50);
  }
}

/** Events accepted while no function listens, over all connections at once. */
export async function eventsAccepted(client: Client, requests: number, eventsPerRequest: number): Promise<number> {
  const event = { name: "bench/nobody", data: { text: "x".repeat(100) } };
  const body = eventsPerRequest === 1 ? event : Array.from({ length: eventsPerRequest }, () => event);
  const startedAt = performance.now();
  await inParallel(Array.from({ length: requests }), () => client.send(body));
  return (requests * eventsPerRequest * 1000) / (performance.now() - startedAt);
}

async function inParallel<T>(items: T[], act: (item: T) => Promise<unknown>): Promise<void> {
  const rest = items[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: SENDERS }, async () => {
      for (const item of rest) await act(item);
    }),
  );
}
