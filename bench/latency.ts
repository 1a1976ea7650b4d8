/** From something sent to the line of code that it starts. Milliseconds. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { now } from "./clock.ts";
import { onlyMark } from "./run-one.ts";
import type { Target } from "./stage.ts";

/** longer than a run takes to come to rest: what polls for its mark starts only then */
const QUIET_MS = 40;
const WAIT_REGISTERED_MS = 150;
const ALL_WAIT_MS = 1_500;
const WITHIN_MS = 60_000;
const EVENTS_PER_REQUEST = 50;

/** Event sent → first line of the function that it triggers, one at a time on an idle platform. */
export async function eventToFirstLine(target: Target, events: number): Promise<number[]> {
  const latencies: number[] = [];
  for (let i = 0; i < events; i++) latencies.push(await sendAndWait(target, `${target.name}/first`, randomUUID()));
  return latencies;
}

/** Event sent → the line after `step.waitForEvent`, one at a time. */
export async function eventToResume(target: Target, events: number): Promise<number[]> {
  const latencies: number[] = [];
  for (let i = 0; i < events; i++) {
    const scope = randomUUID();
    await target.client.send({ name: `${target.name}/waiter`, data: { scope, key: scope } });
    await delay(WAIT_REGISTERED_MS);
    latencies.push(await sendAndWait(target, `${target.name}/answer`, scope));
  }
  return latencies;
}

/** The same with so many runs waiting, whose events are sent at once, each in a request of its own. */
export async function eventsToResume(target: Target, waits: number): Promise<number[]> {
  const scope = randomUUID();
  const keys = Array.from({ length: waits }, () => randomUUID());
  const waiters = keys.map((key) => ({ name: `${target.name}/waiter`, data: { scope, key } }));
  while (waiters.length > 0) await target.client.send(waiters.splice(0, EVENTS_PER_REQUEST));
  await delay(ALL_WAIT_MS);
  const sentAt = new Map<string, number>();
  const sending = keys.map((key) => {
    sentAt.set(key, now());
    return target.client.send({ name: `${target.name}/answer`, data: { key } });
  });
  await Promise.all(sending);
  const marks = await target.marks.wait(scope, waits, WITHIN_MS);
  if (marks.length !== waits) throw new Error(`${marks.length} of ${waits} waiting runs over ${target.name} went on`);
  return marks.map(({ key, at }) => at - (sentAt.get(key) ?? Number.NaN));
}

async function sendAndWait(target: Target, name: string, scope: string): Promise<number> {
  const sentAt = now();
  await target.client.send({ name, data: { scope, key: scope } });
  await delay(QUIET_MS);
  const mark = await onlyMark(target, scope);
  return mark.at - sentAt;
}
