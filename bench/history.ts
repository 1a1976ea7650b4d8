/** What grows with history, and must cost the same with much of it. */
import { setTimeout as delay } from "node:timers/promises";
import { eventToResume } from "./latency.ts";
import type { Stage, Target } from "./stage.ts";
import { quantile } from "./statistics.ts";
import { burst } from "./throughput.ts";
import { cpuSecondsOf, memoryMibOf } from "./usage.ts";

/** Few enough for one request's time. */
const WAITS_PER_REQUEST = 20_000;
const RUNS_PER_REQUEST = 40_000;

/** Event → resumed run, p50, first beside ten other waits on the event's name, then beside so many. */
export async function resumeAmong(
  stage: Stage,
  target: Target,
  waits: number,
  events: number,
): Promise<{ few: number; many: number }> {
  const FEW = 10;
  await eventToResume(target, 2); // from here on there is a table to fill
  await stage.client.get(`/bench/waits/0/${FEW}`);
  const few = quantile(await eventToResume(target, events), 0.5);
  for (let from = FEW; from < waits; from += WAITS_PER_REQUEST)
    await stage.client.get(`/bench/waits/${from}/${Math.min(WAITS_PER_REQUEST, waits - from)}`);
  const many = quantile(await eventToResume(target, events), 0.5);
  return { few, many };
}

/** Milliseconds of a page of the list of runs, p50: the first and one in the middle. */
export async function listPages(
  { client }: Stage,
  runs: number,
  pages: number,
): Promise<{ few: number; first: number; middle: number }> {
  const fill = (from: number, count: number) =>
    client.get<{ eventId: string; runId: string }>(`/bench/runs/${from}/${count}`);
  const page = async (cursor = "") => {
    const samples: number[] = [];
    for (let i = 0; i < pages; i++) {
      const startedAt = performance.now();
      const { data } = await client.get<{ data: unknown[] }>(`/v2/runs?limit=100${cursor}`);
      samples.push(performance.now() - startedAt);
      if (data.length !== 100) throw new Error(`a page of 100 runs has ${data.length}`);
    }
    return quantile(samples, 0.5);
  };
  const FEW = 1_000;
  let middle = await fill(0, FEW);
  const few = await page();
  for (let from = FEW; from < runs; from += RUNS_PER_REQUEST) {
    const place = await fill(from, Math.min(RUNS_PER_REQUEST, runs - from));
    if (from < runs / 2) middle = place;
  }
  const first = await page();
  const place = JSON.stringify([middle.eventId, middle.runId]);
  return { few, first, middle: await page(`&cursor=${Buffer.from(place).toString("base64url")}`) };
}

/** longer than an object stays in memory without a request */
const EVICTED_AFTER_MS = 15_000;
const BURST_RUNS = 500;

export interface Footprint {
  startMib: number;
  afterMib: number;
  /** share of a core */
  idleCpu: number;
  lost: number;
  repeated: number;
}

/** Memory of launcher and runtime before and after so many runs, and what they do when nothing is asked of them. */
export async function footprint(stage: Stage, target: Target, runs: number, idleMs: number): Promise<Footprint> {
  const startMib = memoryMibOf(stage.pid);
  let lost = 0;
  let repeated = 0;
  for (let done = 0; done < runs; done += BURST_RUNS) {
    const flood = await burst(target, Math.min(BURST_RUNS, runs - done));
    lost += flood.lost;
    repeated += flood.repeated;
  }
  await delay(EVICTED_AFTER_MS);
  const before = cpuSecondsOf(stage.pid);
  await delay(idleMs);
  const idleCpu = ((cpuSecondsOf(stage.pid) - before) * 1000) / idleMs;
  return { startMib, afterMib: memoryMibOf(stage.pid), idleCpu, lost, repeated };
}
