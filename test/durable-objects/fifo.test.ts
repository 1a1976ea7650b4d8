import { describe, expect, it, vi } from "vitest";
import { logOf } from "../../src/durable-objects/objects.ts";
import { OrderedNames } from "../../src/durable-objects/ordered-names.ts";
import { derivedUlid, isOrderedUlid, orderedUlid, ulidTime } from "../../src/protocol/ids.ts";
import type { Inngest } from "../../src/sdk/index.ts";
import type { DeliveryFault, FaultSource } from "../../src/testing/host/faults.ts";
import { noFaults } from "../../src/testing/host/faults.ts";
import { ENV } from "../../src/testing/host/world.ts";
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

  it.each([1, 2, 3, 4])(
    "[seed %i] runs of a key begin as events were sent, however the queue shuffles, repeats and delays, over two restarts",
    async (seed) => {
      const random = seededRandom(seed);
      const delivery = (): DeliveryFault | null => {
        const luck = random();
        if (luck < 0.1) return "twice";
        if (luck < 0.15) return "lost";
        return luck < 0.6 ? { delayMs: Math.floor(random() * 20_000) } : null;
      };
      const isRough = seed % 2 === 0; // in some seeds objects die, too, and calls are lost
      const faults: FaultSource = {
        ...noFaults,
        delivery,
        commit: () => (isRough && random() < 0.01 ? (random() < 0.5 ? "crash-before" : "crash-after") : null),
        call: () => (isRough && random() < 0.02 ? (random() < 0.5 ? "reply-lost" : "twice") : null),
      };
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
      await platform.clock.advance("1h"); // a log that dies again and again has to send much again
      expect(orders()).toEqual(sent);
      expect(new Set(platform.runs().map(({ status }) => status))).toEqual(new Set(["Completed"]));
    },
  );

  const book = (key: string, n: number, more: object = {}) => ({ name: "account/booked", data: { key, n }, ...more });

  it.each(["late", "lost"] as const)(
    "goes over to the log of the next day when the last message of a day is %s",
    async (what) => {
      let sent = 0;
      const start = new Date("2027-03-01T23:59:50Z");
      const lastOfDay = 20;
      const fault: DeliveryFault = what === "lost" ? "lost" : { delayMs: 30_000 };
      const delivery = () => (sent++ === lastOfDay - 1 ? fault : null);
      const { platform, orders } = booking({ faults: { ...noFaults, delivery }, start });
      const logs: string[] = [];
      for (let n = 0; n < 40; n++) {
        const { ids } = await platform.send(book("a", n));
        logs.push(logOf(ids[0]!));
        await platform.clock.advance(500);
      }
      expect(orders().a).toEqual(Array.from({ length: lastOfDay - 1 }, (_, n) => n));
      expect(logs.slice(lastOfDay - 1, lastOfDay + 1)).toEqual(["2027-03-01.order", "2027-03-02.order"]);
      await platform.clock.advance("10m");
      expect(orders().a).toEqual(Array.from({ length: 40 }, (_, n) => n));
    },
  );

  it("keeps the order through long runs: one at a time, each whole", async () => {
    const { platform, orders, began } = booking({}, { sleepMs: 60_000 });
    for (let n = 0; n < 5; n++) await platform.send([book("a", n), book("b", n)]);
    await platform.clock.advance("150s");
    expect(began.filter(({ key }) => key === "a").map(({ n }) => n)).toEqual([0, 1, 2]);
    await platform.clock.advance("5m");
    expect(orders()).toMatchObject({ a: [0, 1, 2, 3, 4], b: [0, 1, 2, 3, 4] });
  });

  it("closes up behind a run that is cancelled while it waits", async () => {
    const { platform, orders } = booking({}, { sleepMs: 60_000 });
    for (let n = 0; n < 4; n++) await platform.send(book("a", n));
    await platform.clock.advance("10s");
    const [, second] = platform.runs("mem-book");
    await second!.cancel();
    await platform.clock.advance("10m");
    expect(orders().a).toEqual([0, 2, 3]);
    expect(platform.runs("mem-book").map(({ status }) => status)).toEqual([
      "Completed",
      "Cancelled",
      "Completed",
      "Completed",
    ]);
  });

  it("lets nobody wait for an event that is for later", async () => {
    const { platform, orders } = booking();
    await platform.send(book("a", 9, { ts: platform.clock.now() + 3_600_000 }));
    for (let n = 0; n < 3; n++) await platform.send(book("a", n));
    await platform.clock.advance("10s");
    expect(orders().a).toEqual([0, 1, 2]);
    await platform.clock.advance("2h");
    expect(orders().a).toEqual([0, 1, 2, 9]);
  });

  it("waits for no run that never comes: its place is given up once its event was routed", async () => {
    const { platform, orders } = booking();
    await platform.send(book("a", 0));
    await platform.clock.advance("1m");
    const [run] = platform.runs("mem-book");
    const { gates, rank } = (await platform.world.objects().run(ENV, run!.id).summary())!.run.admission!;
    const [gate] = gates;
    const ghost = derivedUlid(platform.clock.now(), "ghost");
    const place = { log: `${new Date(platform.clock.now()).toISOString().slice(0, 10)}.order`, seq: 0.5 };
    await platform.world.invoke((objects) =>
      objects.leases(ENV, gate!.object).reserve([
        {
          leaseId: `${ghost}.1`,
          env: ENV,
          runId: ghost,
          functionId: "mem-book",
          functionVersion: 1,
          policy: gate!.policy,
          rank,
          order: place,
        },
      ]),
    );
    await platform.send(book("a", 1));
    await platform.clock.advance("10s");
    expect(orders().a).toEqual([0]);
    await platform.clock.advance("10s");
    expect(orders().a).toEqual([0, 1]);
  });

  it("a log says how far it is routed when it is so, and after a while when it is not", async () => {
    const { platform } = booking();
    platform.world.pauseQueue(true);
    const { ids } = await platform.send([book("a", 0), book("a", 1)]);
    const log = platform.world.objects().log(ENV, logOf(ids[0]!));
    const answers: unknown[] = [];
    for (const seq of [0, 1, null]) void log.routed(seq).then((isRouted) => answers.push([seq, isRouted]));
    await platform.clock.advance("9s");
    expect(answers).toEqual([[0, true]]);
    await platform.clock.advance("2s");
    expect(answers.slice(1)).toEqual([
      [1, false],
      [null, false],
    ]);
    for (const seq of [2, null]) void log.routed(seq).then((isRouted) => answers.push([seq, isRouted]));
    platform.world.pauseQueue(false);
    await platform.clock.advance("1s");
    expect(answers.slice(3)).toEqual([
      [2, true],
      [null, true],
    ]);
  });
});

describe("the names that have to stay in order", () => {
  const record = (name: string) => {
    const internalId = derivedUlid(1_700_000_000_000, "one");
    return { internalId, event: { id: internalId, name, data: {}, user: {}, ts: 0 } };
  };

  it("are asked for before the first event, and then at most every five seconds, beside the events", async () => {
    let asked = 0;
    let names = ["account/*"];
    const known = new OrderedNames(async () => ((asked += 1), names));
    const isMoved = async (name: string, now: number) => {
      const [placed] = await known.place([record(name)], now);
      return isOrderedUlid(placed!.internalId);
    };
    expect(await Promise.all([isMoved("account/booked", 0), isMoved("other", 0)])).toEqual([true, false]);
    expect([await isMoved("account/closed", 4_999), asked]).toEqual([true, 1]);
    names = [];
    expect([await isMoved("account/closed", 5_000), asked]).toEqual([true, 2]); // with what was known
    expect(await isMoved("account/closed", 5_001)).toBe(false);
  });

  it("that cannot be asked for the first time refuse the event; later, what was known serves", async () => {
    let isDown = true;
    const known = new OrderedNames(async () => {
      if (isDown) throw new Error("the registry is moved");
      return ["a"];
    });
    await expect(known.place([record("a")], 0)).rejects.toThrow("moved");
    isDown = false;
    expect(isOrderedUlid((await known.place([record("a")], 0))[0]!.internalId)).toBe(true);
    isDown = true;
    expect(isOrderedUlid((await known.place([record("a")], 9_000))[0]!.internalId)).toBe(true);
  });

  it("give an event the same id each time, which keeps its instant; one of its own is kept", () => {
    const plain = derivedUlid(1_700_000_000_000, "one");
    const moved = orderedUlid(plain);
    expect([orderedUlid(plain), orderedUlid(moved), ulidTime(moved)]).toEqual([moved, moved, 1_700_000_000_000]);
    expect([isOrderedUlid(plain), isOrderedUlid(moved)]).toEqual([false, true]);
  });
});
