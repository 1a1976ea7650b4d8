import { describe, expect, it, vi } from "vitest";
import { logOf } from "../../src/durable-objects/objects.ts";
import type { Inngest } from "../../src/sdk/index.ts";
import type { DeliveryFault, FaultSource } from "../../src/testing/host/faults.ts";
import { noFaults } from "../../src/testing/host/faults.ts";
import type { TestPlatform } from "../../src/testing/platform.ts";
import { seededRandom } from "../helpers/random.ts";
import { simulated, type SimulatedOptions } from "../helpers/simulated-platform.ts";

vi.setConfig({ testTimeout: 60_000 });

const KEYS = ["a", "b", "c", "d"];

/** A platform whose runs of a key note the order in which they begin. */
function booking(options: SimulatedOptions = {}, work: { sleepMs?: number } = {}) {
  const began: { key: string; n: number; runId: string }[] = [];
  const platform: TestPlatform = simulated(
    (client: Inngest) => [
      client.createFunction(
        {
          id: "book",
          triggers: { event: "account/*" },
          concurrency: { limit: 1, key: "event.data.key", mode: "run", order: "fifo" },
        },
        async ({ event, runId, step }) => {
          const { key, n } = event.data as { key: string; n: number };
          began.push({ key, n, runId });
          if (work.sleepMs !== undefined) await step.sleep("a while", work.sleepMs);
          return n;
        },
      ),
      client.createFunction({ id: "other", triggers: { event: "other" } }, () => null),
    ],
    options,
  );
  /** A run that a crash has cut short begins again: it counts once. */
  const orders = () => {
    const first = [...new Map(began.toReversed().map((one) => [one.runId, one])).values()].toReversed();
    return Object.fromEntries(KEYS.map((key) => [key, first.filter((one) => one.key === key).map(({ n }) => n)]));
  };
  return { platform, began, orders };
}

describe('order "fifo"', () => {
  it("keeps a request with such an event whole in the day's log of order, and no other", async () => {
    const { platform } = booking();
    const { ids } = await platform.send([
      { name: "account/booked", data: { key: "a", n: 0 } },
      { name: "other", data: {} },
    ]);
    const { ids: others } = await platform.send({ name: "other", data: {} });
    const day = new Date(platform.clock.now()).toISOString().slice(0, 10);
    expect(ids.map(logOf)).toEqual([`${day}.order`, `${day}.order`]);
    expect(others.map(logOf)).not.toEqual([`${day}.order`]);
    await platform.clock.advance("1m");
    expect(platform.runs().map(({ status }) => status)).toEqual(["Completed", "Completed", "Completed"]);
  });

  it.each([1, 2, 3, 4, 5, 6])(
    "[seed %i] runs of a key begin as events were sent, however the queue shuffles, repeats and delays, over two restarts",
    async (seed) => {
      const random = seededRandom(seed);
      const delivery = (): DeliveryFault | null => {
        const luck = random();
        if (luck < 0.1) return "twice";
        if (luck < 0.15) return "lost";
        return luck < 0.6 ? { delayMs: Math.floor(random() * 20_000) } : null;
      };
      const faults: FaultSource = { ...noFaults, delivery };
      const choose = (count: number) => Math.floor(random() * count);
      const { platform, orders } = booking({ faults, choose });
      const sent: Record<string, number[]> = Object.fromEntries(KEYS.map((key) => [key, []]));
      const restarts = new Set([100, 200]);
      for (let n = 0; n < 320;) {
        const events = Array.from({ length: 1 + Math.floor(random() * 12) }, () => {
          const key = KEYS[Math.floor(random() * KEYS.length)]!;
          sent[key]!.push(n);
          return { name: "account/booked", data: { key, n: n++ } };
        });
        await platform.send(events);
        if (random() < 0.3) await platform.clock.advance(Math.floor(random() * 3_000));
        for (const at of restarts) if (n > at && restarts.delete(at)) platform.world.resetAll();
      }
      expect(restarts.size).toBe(0);
      await platform.clock.advance("10m");
      expect(orders()).toEqual(sent);
      expect(new Set(platform.runs().map(({ status }) => status))).toEqual(new Set(["Completed"]));
    },
  );
});
