/** What a run is billed for, counted by the platform's own meter while it happens. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "./client.ts";
import type { Counts } from "./price.ts";
import type { Target } from "./stage.ts";

/** What `/bench/meter` answers: everything since the platform's start. */
export interface Meter {
  rowsWritten: number;
  alarmsSet: number;
  objectRequests: number;
  workerRequests: number;
  queueMessages: number;
}

export type Counted = Omit<Counts, "cpuMs" | "awakeSeconds">;

const QUIET_MS = 400;
const LOOK_EVERY_MS = 50;
const WITHIN_MS = 30_000;
/**
 * Now and then a request of a platform's own falls into a count (which events have to stay in order is asked every 5 s, the
 * minute's sweep): of several counts the smallest has none.
 */
const COUNTS = 3;

/** What each of so many 5-step runs needs, whose events are sent in one request. */
export async function countPerRun(target: Target, events: number): Promise<Counted> {
  const found: Counted[] = [];
  for (let i = 0; i < COUNTS; i++) found.push(await count(target, events));
  const least = (pick: (one: Counted) => number) => Math.min(...found.map(pick));
  return {
    rows: least((one) => one.rows),
    objectRequests: least((one) => one.objectRequests),
    workerRequests: least((one) => one.workerRequests),
    queueMessages: least((one) => one.queueMessages),
  };
}

async function count(target: Target, events: number): Promise<Counted> {
  const scope = randomUUID();
  const before = await atRest(target.client);
  const name = `${target.name}/steps`;
  await target.client.send(Array.from({ length: events }, (_, i) => ({ name, data: { scope, key: String(i), n: 5 } })));
  const marks = await target.marks.wait(scope, events, WITHIN_MS);
  if (marks.length !== events)
    throw new Error(`${marks.length} of ${events} runs over ${target.name} told of their end`);
  const after = await atRest(target.client);
  const each = (pick: (meter: Meter) => number) => (pick(after) - pick(before)) / events;
  return {
    rows: each(({ rowsWritten, alarmsSet }) => rowsWritten + alarmsSet),
    objectRequests: each(({ objectRequests }) => objectRequests),
    workerRequests: each(({ workerRequests }) => workerRequests),
    queueMessages: each(({ queueMessages }) => queueMessages),
  };
}

/** The meter, once nothing has been counted for a while. */
async function atRest(client: Client): Promise<Meter> {
  const deadline = performance.now() + WITHIN_MS;
  let last = await client.get<Meter>("/bench/meter");
  for (let quietMs = 0; quietMs < QUIET_MS; quietMs += LOOK_EVERY_MS) {
    if (performance.now() > deadline) throw new Error("The platform does not come to rest");
    await delay(LOOK_EVERY_MS);
    const now = await client.get<Meter>("/bench/meter");
    if (JSON.stringify(now) !== JSON.stringify(last)) quietMs = 0;
    last = now;
  }
  return last;
}
