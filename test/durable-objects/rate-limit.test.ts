/** Rate limits in the whole platform: what is too much is dropped, once and for all (features §3.5). */
import { describe, expect, it } from "vitest";
import { routeBatch } from "../../src/durable-objects/consumer.ts";
import { DEDUPE_WINDOW_MS } from "../../src/protocol/limits.ts";
import type { RateLimitPolicy } from "../../src/protocol/flow-control.ts";
import { ENV } from "../../src/testing/host/world.ts";
import { Random } from "../../src/testing/random.ts";
import type { TestPlatform } from "../../src/testing/platform.ts";
import { FaultPoints, type FaultPoint, type PointFault } from "../helpers/fault-points.ts";
import { die, objectsOf, simulated } from "../helpers/simulated-platform.ts";

const HOUR = 3_600_000;

/** A function with these options, the events that its runs got, and one that invokes it. */
function limited(options: object, choose?: (point: FaultPoint) => PointFault | null) {
  const faults = new FaultPoints(choose);
  const platform = simulated(
    (client) => [
      client.createFunction({ id: "few", ...options }, { event: "e" }, ({ event }) => event.data.n ?? null),
      client.createFunction({ id: "caller" }, { event: "call" }, async ({ step, event }) =>
        step
          .invoke("ask", { function: "mem-few" as never, data: { n: event.data.n } })
          .catch((error: Error & { code?: string }) => ({
            name: error.name,
            code: error.code,
            message: error.message,
          })),
      ),
    ],
    { faults },
  );
  return { platform, faults };
}

const ran = (platform: TestPlatform) => platform.runs("mem-few").map((run) => run.output);
const byNumber = (a: number, b: number) => a - b;
const numbered = (from: number, to: number, data: object = {}) =>
  Array.from({ length: to - from }, (_, i) => ({ name: "e", data: { n: from + i, ...data } }));

describe("[§3.5] a rate limit", () => {
  it("lets the first events in, in the order in which they came, and drops the others", async () => {
    const { platform } = limited({ rateLimit: { limit: 3, period: "1m", mode: "window" } });
    await platform.send(numbered(0, 5));
    expect(ran(platform).toSorted(byNumber)).toEqual([0, 1, 2]);
    await platform.clock.advance(59_999);
    await platform.send(numbered(5, 6));
    await platform.clock.advance(1);
    await platform.send(numbered(6, 7));
    expect(ran(platform).toSorted(byNumber)).toEqual([0, 1, 2, 6]);
  });

  it("spaced: 5 per minute are one each 12 s", async () => {
    const { platform } = limited({ rateLimit: { limit: 5, period: "1m" } });
    for (let second = 0; second < 60; second++) {
      await platform.send(numbered(second, second + 1));
      await platform.clock.advance("1s");
    }
    expect(ran(platform)).toEqual([0, 12, 24, 36, 48]);
  });

  it("counts each key by itself, does not count where it is false, and takes events without a value together", async () => {
    const { platform } = limited({ rateLimit: { limit: 1, period: "1m", key: "event.data.list[0].key" } });
    const keyed = (n: number, key: unknown) => ({ name: "e", data: { n, list: [{ key }] } });
    await platform.send([keyed(0, "a"), keyed(1, "a"), keyed(2, "b"), keyed(3, false), keyed(4, false)]);
    await platform.send([
      { name: "e", data: { n: 5, list: 1 } },
      { name: "e", data: { n: 6, list: 2 } },
    ]);
    expect(ran(platform).toSorted(byNumber)).toEqual([0, 2, 3, 4, 5]);
  });

  it("idempotency: one per value in 24 hours", async () => {
    const { platform } = limited({ idempotency: "event.data.order" });
    await platform.send(numbered(0, 2, { order: "a" }));
    await platform.send(numbered(2, 3, { order: "b" }));
    await platform.clock.advance(24 * HOUR - 1);
    await platform.send(numbered(3, 4, { order: "a" }));
    await platform.clock.advance(1);
    await platform.send(numbered(4, 5, { order: "a" }));
    expect(ran(platform).toSorted(byNumber)).toEqual([0, 2, 4]);
  });

  it("[§2.4] a step whose event is dropped fails at once, with an error that says so", async () => {
    const { platform } = limited({ rateLimit: { limit: 1, period: "1h" } });
    await platform.send({ name: "call", data: { n: 0 } });
    await platform.send({ name: "call", data: { n: 1 } });
    expect(platform.runs("mem-caller").map((run) => run.output)).toEqual([
      0,
      { name: "FunctionSkippedError", code: "function_skipped", message: 'function "mem-few" was not run: rate limit' },
    ]);
  });

  it("[§3.6] counts every event before it is debounced", async () => {
    const { platform } = limited({ rateLimit: { limit: 2, period: "1h", mode: "window" }, debounce: { period: "1m" } });
    await platform.send(numbered(0, 3));
    await platform.clock.advance("1m");
    expect(ran(platform)).toEqual([1]);
  });

  it("asks a key once for all its events of a queue batch, and nobody for a function without a limit", async () => {
    const { platform, faults } = limited({ rateLimit: { limit: 2, period: "1h", mode: "window" } });
    await platform.send([...numbered(0, 50), { name: "call", data: {} }]);
    expect(faults.calls("key.take")).toBe(2); // the 50, and the one that was invoked
    const { platform: free, faults: calm } = limited({});
    await free.send(numbered(0, 50));
    expect(ran(free)).toHaveLength(50);
    expect(calm.points.filter(({ name }) => name.startsWith("key."))).toEqual([]);
  });
});

describe("what a rate limit remembers", () => {
  it("what it has decided of an event: however often the message comes, it counts once and is decided the same", async () => {
    const { platform } = limited({ rateLimit: { limit: 2, period: "1m", mode: "window" } });
    platform.world.pauseQueue(true);
    await platform.send(numbered(0, 3));
    const { clock, queued } = platform.world;
    const again = () => platform.world.invoke((objects) => routeBatch(objects, ENV, queued, clock.now));
    for (let times = 0; times < 3; times++) await again();
    await platform.clock.advance("2m"); // there would be room by now
    await again();
    platform.world.pauseQueue(false);
    await platform.clock.advance("2m");
    expect(ran(platform).toSorted(byNumber)).toEqual([0, 1]);
  });

  it("a death after it has decided and before runs were started: the redelivery starts the same ones", async () => {
    let isLost = true;
    const { platform } = limited({ rateLimit: { limit: 1, period: "1s", mode: "window" } }, ({ name }) =>
      isLost && name === "run.start" ? "request-lost" : null,
    );
    await platform.send(numbered(0, 2));
    expect(ran(platform)).toEqual([]);
    die(platform);
    isLost = false;
    await platform.clock.advance("1m");
    expect(ran(platform)).toEqual([0]);
  });

  it("forgets after a day, and deletes itself when nothing is left", async () => {
    const { platform } = limited({ rateLimit: { limit: 1, period: "1m" } });
    await platform.send(numbered(0, 2));
    await platform.clock.advance(DEDUPE_WINDOW_MS - 1);
    expect(platform.world.names("key")).toHaveLength(1);
    await platform.clock.advance(1);
    expect(platform.world.names("key")).toEqual([]);
    await platform.send(numbered(2, 4));
    expect(ran(platform)).toEqual([0, 2]);
  });

  it("makes no time pass by itself in a test", async () => {
    const { platform } = limited({ rateLimit: { limit: 1, period: "1m" } });
    await platform.send(numbered(0, 1));
    const { now } = platform.world.clock;
    await platform.clock.runUntilIdle();
    expect(platform.world.clock.now).toBe(now);
  });
});

describe("a window over any arrivals, deaths and changes of its policy, seeded", () => {
  it("never lets in more than the limit that counts", async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = new Random(seed);
      const { platform } = limited({});
      const { clock } = platform.world;
      const key = objectsOf(platform).rateLimit(ENV, "rate-limit/f/k");
      const letIn: number[] = [];
      let policy: RateLimitPolicy = { limit: 3, periodMs: 10_000, key: null, mode: "window" };
      for (let round = 0; round < 200; round++) {
        if (random.chance(0.05))
          policy = { ...policy, limit: 1 + random.below(5), periodMs: 1_000 * (1 + random.below(30)) };
        if (random.chance(0.1)) platform.world.reset("key", "rate-limit/f/k");
        const ids = Array.from({ length: 1 + random.below(4) }, (_, i) => `${round}.${i}`);
        const before = letIn.filter((at) => at > clock.now - policy.periodMs).length;
        const taken = await key.take(policy, ids);
        const expected = Math.min(Math.max(policy.limit - before, 0), ids.length);
        expect(taken, `seed ${seed}, round ${round}`).toEqual(ids.map((_, index) => index < expected));
        for (let i = 0; i < expected; i++) letIn.push(clock.now);
        await platform.clock.advance(random.below(random.chance(0.02) ? 100_000_000 : 4_000));
      }
    }
  });
});
