/** Many at once. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "./client.ts";
import { now } from "./clock.ts";
import { HELD_LIMIT, type Mark } from "./functions.ts";
import type { Target } from "./stage.ts";
import { quantile } from "./statistics.ts";

const BURST_REQUEST_EVENTS = 50;
const WITHIN_MS = 120_000;
/** A call that failed on a machine that was too busy is made again after up to half a minute: such a run is late, not lost. */
const ENDED_WITHIN_MS = 60_000;
const SENDERS = 20;

export interface Flood {
  marks: Mark[];
  /** from the first request to the last run's last line */
  seconds: number;
  perSecond: number;
  /** runs of which the server does not say that they completed */
  lost: number;
  /** runs that told of themselves more than once */
  repeated: number;
  /** when each event was sent, by key */
  sentAt: Map<string, number>;
}

/** Runs of one step, from events sent together; `lanes` of a function with a limit of one for each, 0: one without limit. */
export function burst(target: Target, runs: number, lanes = 0): Promise<Flood> {
  const fn = lanes === 0 ? "one" : "limited";
  return flood(target, fn, runs, (i) => ({ lane: lanes === 0 ? null : i % lanes }), BURST_REQUEST_EVENTS);
}

async function flood(
  target: Target,
  fn: string,
  runs: number,
  dataOf: (i: number) => Record<string, unknown>,
  perRequest: number,
): Promise<Flood> {
  const scope = randomUUID();
  const name = `${target.name}/${fn}`;
  const events = Array.from({ length: runs }, (_, i) => ({ name, data: { ...dataOf(i), scope, key: String(i) } }));
  const batches: (typeof events)[] = [];
  while (events.length > 0) batches.push(events.splice(0, perRequest));
  const ids: string[] = [];
  const sentAt = new Map<string, number>();
  const startedAt = now();
  await inParallel(batches, async (batch) => {
    for (const { data } of batch) sentAt.set(data.key, now());
    ids.push(...(await target.client.send(batch)));
  });
  return told(target, scope, runs, startedAt, ids, sentAt);
}

async function told(
  target: Target,
  scope: string,
  runs: number,
  startedAt: number,
  ids: string[],
  sentAt: Map<string, number>,
): Promise<Flood> {
  const marks = await target.marks.wait(scope, runs, WITHIN_MS);
  const seconds = (Math.max(...marks.map((mark) => mark.at)) - startedAt) / 1000;
  const isOurs = target.name !== "workflows" && target.name !== "floor";
  const distinct = new Set(marks.map((mark) => mark.key)).size;
  return {
    marks,
    seconds,
    perSecond: marks.length / seconds,
    lost: isOurs ? await countLost(target.client, ids) : runs - distinct,
    repeated: marks.length - distinct,
    sentAt,
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

/** Events accepted per second while no function listens, over all connections at once. */
export async function eventsAccepted(client: Client, requests: number, eventsPerRequest: number): Promise<number> {
  const event = { name: "bench/nobody", data: { text: "x".repeat(100) } };
  const body = eventsPerRequest === 1 ? event : Array.from({ length: eventsPerRequest }, () => event);
  const startedAt = performance.now();
  await inParallel(Array.from({ length: requests }), () => client.send(body));
  return (requests * eventsPerRequest * 1000) / (performance.now() - startedAt);
}

export interface Paced {
  /** event sent → first step, of all runs */
  p50: number;
  p99: number;
  lost: number;
  repeated: number;
}

/** Runs of three steps, one event per request at a fixed rate, whether or not the platform keeps up. */
export async function paced(target: Target, perSecond: number, seconds: number): Promise<Paced> {
  const scope = randomUUID();
  const runs = perSecond * seconds;
  const sentAt = new Map<string, number>();
  const sending: Promise<string[]>[] = [];
  const startedAt = now();
  for (let i = 0; i < runs; i++) {
    const waitMs = startedAt + (1000 * i) / perSecond - now();
    if (waitMs > 1) await delay(waitMs);
    sentAt.set(String(i), now());
    sending.push(target.client.send({ name: `${target.name}/steps`, data: { scope, key: String(i), n: 3 } }));
  }
  const ids = (await Promise.all(sending)).flat();
  const { marks, lost, repeated } = await told(target, scope, runs, startedAt, ids, sentAt);
  const latencies = marks.map(({ key, fromAt = Number.NaN }) => fromAt - (sentAt.get(key) ?? Number.NaN));
  return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), lost, repeated };
}

export interface KeyedLimit {
  /** of the runs per second that the limit would allow */
  shareOfIdeal: number;
  mostAtOnce: number;
  lost: number;
  repeated: number;
}

/** Runs whose one step holds a lease of its lane for a while. */
export async function keyedLimit(target: Target, lanes: number, holdMs: number, runs: number): Promise<KeyedLimit> {
  const { marks, perSecond, lost, repeated } = await flood(
    target,
    "held",
    runs,
    (i) => ({ lane: i % lanes, holdMs }),
    1,
  );
  const ideal = (lanes * HELD_LIMIT * 1000) / holdMs;
  const perLane = Array.from({ length: lanes }, (_, lane) => marks.filter(({ key }) => Number(key) % lanes === lane));
  return { shareOfIdeal: perSecond / ideal, mostAtOnce: Math.max(...perLane.map(mostAtOnce)), lost, repeated };
}

/** Most stretches that contain one instant. */
function mostAtOnce(marks: readonly Mark[]): number {
  const changes = marks.flatMap(({ fromAt = Number.NaN, at }) => [
    { at: fromAt, by: 1 },
    { at, by: -1 },
  ]);
  changes.sort((a, b) => a.at - b.at || a.by - b.by); // one may begin as another ends
  let most = 0;
  let open = 0;
  for (const { by } of changes) most = Math.max(most, (open += by));
  return most;
}

export async function inParallel<T>(items: T[], act: (item: T) => Promise<unknown>): Promise<void> {
  const rest = items[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: SENDERS }, async () => {
      for (const item of rest) await act(item);
    }),
  );
}
