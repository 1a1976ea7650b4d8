/** What goes wrong between an event and its run: each event is in exactly one run, or dropped by exactly the rule (G1, G6). */
import { describe, expect, it } from "vitest";
import { keyOf } from "../../src/flow-control/key.ts";
import type { Inngest, InngestFunction } from "../../src/sdk/index.ts";
import type { TestPlatform } from "../../src/testing/platform.ts";
import { Random } from "../../src/testing/random.ts";
import { storesOf } from "../../src/testing/stored-runs.ts";
import { eachFault, FAULTS, FaultPoints } from "../helpers/fault-points.ts";
import { dieAfterTurns, simulated } from "../helpers/simulated-platform.ts";

const HOUR = 3_600_000;

function shop(client: Inngest): InngestFunction<any, any>[] {
  const numbers = ({ events }: { events: readonly { data?: any }[] }) => events.map((event) => event.data.n);
  const calling = (id: string, target: string) =>
    client.createFunction({ id }, { event: `call/${target}` }, async ({ step, event }) =>
      step.invoke("ask", { function: `mem-${target}` as never, data: event.data }).catch(({ name }: Error) => name),
    );
  return [
    client.createFunction(
      { id: "batch", batchEvents: { maxSize: 3, timeout: "1h", key: "event.data.k" } },
      { event: "b" },
      numbers,
    ),
    client.createFunction({ id: "calm", debounce: { period: "1h", key: "event.data.k" } }, { event: "d" }, numbers),
    client.createFunction(
      { id: "all", debounce: { period: "1h", collect: true, key: "event.data.k" } },
      { event: "c" },
      numbers,
    ),
    client.createFunction(
      { id: "few", rateLimit: { limit: 2, period: "1h", mode: "window", key: "event.data.k" } },
      { event: "e" },
      numbers,
    ),
    calling("call-batch", "batch"),
    calling("call-calm", "calm"),
    calling("call-few", "few"),
  ];
}

const outputs = (platform: TestPlatform, id: string): any[] => platform.runs(`mem-${id}`).map((run) => run.output);
const sorted = (list: readonly number[]) => list.toSorted((a, b) => a - b);

/** Some events of each kind, and time for all that follows. */
async function follow(platform: TestPlatform): Promise<void> {
  const ts = platform.clock.now();
  const at = (name: string, n: number) => ({ name, data: { n }, ts: ts + n });
  await platform.send([0, 1].map((n) => at("b", n)));
  await platform.send([at("call/batch", 2), at("d", 0), at("c", 0), at("e", 0)]);
  await platform.send([at("d", 1), at("c", 1), at("e", 1), at("b", 3)]);
  await platform.send([at("call/calm", 2), at("call/few", 2)]);
  await platform.clock.advance("4h");
}

function expectOneOutcome(platform: TestPlatform, where: string): void {
  const batches: number[][] = outputs(platform, "batch");
  expect(sorted(batches.flat()), where).toEqual([0, 1, 2, 3]);
  for (const list of batches) expect(list.length, where).toBeLessThanOrEqual(3);
  expect(outputs(platform, "call-batch"), where).toEqual([batches.find((list) => list.includes(2))]);
  // the invoked event has the ts of its sending, so an event is the last that came later by its ts
  const [calm, ...more]: number[][] = outputs(platform, "calm");
  expect(more, where).toEqual([]);
  expect(calm, where).toHaveLength(1);
  expect(outputs(platform, "call-calm"), where).toEqual([calm?.[0] === 2 ? calm : "FunctionSkippedError"]);
  expect(outputs(platform, "all"), where).toEqual([[0, 1]]);
  const few: number[] = outputs(platform, "few").flat();
  expect(few, where).toHaveLength(2);
  expect(outputs(platform, "call-few"), where).toEqual([few.includes(2) ? [2] : "FunctionSkippedError"]);
  expect(
    platform.runs().map((run) => run.status),
    where,
  ).not.toContain("Running");
}

describe("[G1 G6] what goes wrong once between events and their runs", () => {
  it("at any commit, call, delivery or alarm: every event comes to the same", async () => {
    const calm = new FaultPoints();
    const untroubled = simulated(shop, { faults: calm });
    await follow(untroubled);
    expectOneOutcome(untroubled, "nothing went wrong");
    expect(calm.points.map(({ name }) => name)).toEqual(expect.arrayContaining(["key", "key.take", "key.collect"]));
    let count = 0;
    for (const { at, fault, where } of eachFault(calm.points)) {
      const platform = simulated(shop, { faults: new FaultPoints((_point, index) => (index === at ? fault : null)) });
      await follow(platform);
      expectOneOutcome(platform, where);
      count += 1;
    }
    expect(count).toBeGreaterThan(200);
  }, 120_000);

  it.each(["before", "after"] as const)(
    "a process that dies between any two turns, %s the writes of the first take effect",
    async (when) => {
      const calm = simulated(shop);
      const seen = dieAfterTurns(calm, () => null);
      await follow(calm);
      expect(seen.turns).toBeGreaterThan(100);
      for (let at = 0; at < seen.turns; at++) {
        const platform = simulated(shop);
        dieAfterTurns(platform, (turn) => (turn === at ? when : null));
        await follow(platform);
        expectOneOutcome(platform, `died ${when} the writes of turn ${at}`);
      }
    },
    120_000,
  );
});

interface Sent {
  name: string;
  n: number;
  k: string;
  ts: number;
}

describe("[G1 G6] what goes wrong again and again, seeded", () => {
  it("every event is in exactly one run, or was dropped by exactly the rule", async () => {
    let faults = 0;
    let deaths = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const random = new Random(seed);
      const orders = random.fork();
      let left = 10;
      const isWrong = (probability: number) => left > 0 && random.chance(probability) && left-- > 0;
      const platform = simulated(shop, {
        seed,
        choose: (count) => orders.below(count),
        faults: new FaultPoints(({ kind }) => {
          if (!isWrong(0.02)) return null;
          faults += 1;
          return random.pick(FAULTS[kind]);
        }),
      });
      dieAfterTurns(
        platform,
        () => (isWrong(0.005) ? random.pick(["before", "after"]) : null),
        () => (deaths += 1),
      );
      const sent = await sendSome(platform, random);
      await platform.clock.advance("8h");
      expectEachOnce(platform, sent, `seed ${seed}`);
    }
    expect(faults).toBeGreaterThan(200);
    expect(deaths).toBeGreaterThan(60);
  }, 120_000);
});

/** Events at random instants within some hours, some with the ts of an earlier one. */
async function sendSome(platform: TestPlatform, random: Random): Promise<Sent[]> {
  const sent: Sent[] = [];
  for (let n = 0; n < 40;) {
    const now = platform.clock.now();
    const request = Array.from({ length: 1 + random.below(4) }, (): Sent => {
      const ts = now - (random.chance(0.2) ? random.below(HOUR) : 0);
      return { name: random.pick(["b", "d", "c", "e"]), n: n++, k: random.pick(["x", "y"]), ts };
    });
    sent.push(...request);
    await platform.send(request.map(({ name, n: number, k, ts }) => ({ name, data: { n: number, k }, ts })));
    await platform.clock.advance(random.below(random.chance(0.3) ? 2 * HOUR : 60_000));
  }
  return sent;
}

function expectEachOnce(platform: TestPlatform, sent: readonly Sent[], where: string): void {
  const of = (name: string) => sent.filter((one) => one.name === name);
  const ids = (name: string) => of(name).map(({ n }) => n);
  const batches: number[][] = outputs(platform, "batch");
  expect(sorted(batches.flat()), where).toEqual(ids("b"));
  for (const list of batches) expect(list.length, where).toBeLessThanOrEqual(3);
  for (const list of [...batches, ...outputs(platform, "all")])
    expect(new Set(list.map((n: number) => sent[n]!.k)).size, where).toBe(1);
  expect(sorted(outputs(platform, "all").flat()), where).toEqual(ids("c"));
  for (const list of outputs(platform, "all")) {
    const instants = list.map((n: number) => sent[n]!.ts);
    expect(instants, where).toEqual(sorted(instants));
  }
  expectDebounced(platform, of("d"), where);
  expectLimited(platform, of("e"), where);
}

/** One that did not run gave way to another of its key that is not older, and did. */
function expectDebounced(platform: TestPlatform, sent: readonly Sent[], where: string): void {
  const ran: number[] = outputs(platform, "calm").flat();
  expect(new Set(ran).size, where).toBe(ran.length);
  for (const { n, k, ts } of sent)
    if (!ran.includes(n))
      expect(
        sent.some((other) => other.k === k && other.ts >= ts && other.n !== n && ran.includes(other.n)),
        `${where}: event ${n} neither ran nor gave way`,
      ).toBe(true);
}

/** What was let in, as the key knows it, is what ran; in no window were more let in than the limit. */
function expectLimited(platform: TestPlatform, sent: readonly Sent[], where: string): void {
  const ran: number[] = outputs(platform, "few").flat();
  expect(new Set(ran).size, where).toBe(ran.length);
  for (const k of ["x", "y"]) {
    const event = { id: "", name: "e", data: { k }, user: {}, ts: 0 };
    const disk = platform.world.disk("key", `rate-limit/mem-few/${keyOf("event.data.k", event, 0).hash}`);
    const store = disk && storesOf(disk).key();
    const letIn = store?.list("in", 100).map(({ rank }) => rank) ?? [];
    const own = sent.filter((one) => one.k === k);
    expect(letIn.length + (store?.count("out") ?? 0), where).toBe(own.length);
    expect(own.filter(({ n }) => ran.includes(n)).length, where).toBe(letIn.length);
    for (const start of letIn)
      expect(letIn.filter((at) => at >= start && at < start + HOUR).length, where).toBeLessThanOrEqual(2);
  }
}
