import { expect, test } from "vitest";
import { createTestPlatform } from "../../src/testing/index.ts";
import { Inngest } from "../../src/sdk/index.ts";
import { seededRandom } from "../helpers/random.ts";

const KEYS = 100;
const QUIET_EVENTS = 10;
const NOISE = 100;
const EVERY_MS = 20_000;
const NOISY = "k0";
/** What a quiet key may wait, compared with what it waits without the noisy one. */
const FAIR = 1.5;

/** A million keys are a million objects: there is no line that two keys share. */
test("fairness: one of 100 keys has 100 times the events, and no other waits any longer", async () => {
  const alone = await waits(1);
  const beside = await waits(NOISE);
  expect(alone.size).toBe(KEYS);
  expect(Math.min(...alone.values())).toBeGreaterThan(0);
  expect(beside.get(NOISY)).toBeGreaterThan(10 * (alone.get(NOISY) ?? 0)); // it does wait for itself
  const unfair = [...alone].filter(([key, wait]) => key !== NOISY && (beside.get(key) ?? 0) > FAIR * wait);
  expect(unfair).toEqual([]);
}, 60_000);

/** Median time from an event to the beginning of its run, by key. Each key has a limit of one; runs take 30 s. */
async function waits(noise: number): Promise<Map<string, number>> {
  const randoms = Array.from({ length: KEYS }, (_, n) => seededRandom(n)); // a key's events come when they come
  const client = new Inngest({ id: "fair" });
  const fn = client.createFunction(
    { id: "work", concurrency: { limit: 1, key: "event.data.key", mode: "run" }, triggers: [{ event: "work" }] },
    async ({ step }) => step.sleep("work", "30s"),
  );
  const platform = createTestPlatform({ functions: [fn] });
  for (let round = 0; round < QUIET_EVENTS; round++) {
    const keys = randoms.flatMap((random, n) => {
      const key = `k${n}`;
      return Array.from({ length: key === NOISY ? noise : 1 }, () => ({ key, at: Math.floor(random() * EVERY_MS) }));
    });
    let passed = 0;
    for (const { key, at } of keys.toSorted((a, b) => a.at - b.at)) {
      if (at > passed) await platform.clock.advance(at - passed);
      passed = at;
      await platform.send({ name: "work", data: { key } });
    }
    await platform.clock.advance(EVERY_MS - passed);
  }
  await platform.clock.runUntilIdle();
  const byKey = Map.groupBy(platform.runs(), (run) => String(run.event.data.key));
  return new Map([...byKey].map(([key, runs]) => [key, median(runs.map(waited))]));
}

function waited(run: ReturnType<ReturnType<typeof createTestPlatform>["runs"]>[number]): number {
  return (run.steps[0]?.startedAt.getTime() ?? Number.POSITIVE_INFINITY) - run.event.ts;
}

function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
