/** From something sent to the line of code that it starts, one at a time on an idle platform. Milliseconds. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { onlyMark } from "./run-one.ts";
import type { Target } from "./stage.ts";

/** longer than a run takes to come to rest: what polls for its mark starts only then */
const QUIET_MS = 40;
const WAIT_REGISTERED_MS = 150;

/** Event sent → first line of the function that it triggers. */
export async function eventToFirstLine(target: Target, events: number): Promise<number[]> {
  const latencies: number[] = [];
  for (let i = 0; i < events; i++) latencies.push(await sendAndWait(target, `${target.name}/first`, randomUUID()));
  return latencies;
}

/** Event sent → the line after `step.waitForEvent`. */
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

async function sendAndWait(target: Target, name: string, scope: string): Promise<number> {
  const sentAt = performance.timeOrigin + performance.now();
  await target.client.send({ name, data: { scope, key: scope } });
  await delay(QUIET_MS);
  const mark = await onlyMark(target, scope);
  return mark.at - sentAt;
}
