import { describe, expect, it } from "vitest";
import type { Inngest, InngestFunction } from "../../src/sdk/index.ts";
import type { Commit } from "../../src/testing/host/faults.ts";
import { ObjectReset } from "../../src/testing/host/life.ts";
import type { TestPlatform } from "../../src/testing/platform.ts";
import { Random } from "../../src/testing/random.ts";
import { eachFault, FAULTS, FaultPoints } from "../helpers/fault-points.ts";
import { accept, die, dieAfterTurns, isAcknowledged, simulated } from "../helpers/simulated-platform.ts";

/** How often each body ran, outside of what the engine knows. */
type Witness = Map<string, number>;

function seen(witness: Witness, step: string): void {
  witness.set(step, (witness.get(step) ?? 0) + 1);
}

function shop(witness: Witness) {
  return (client: Inngest): InngestFunction[] => {
    const retries = { attempts: 3, backoff: "fixed", initialDelay: "1s", jitter: false } as const;
    const bill = client.createFunction({ id: "bill", retries }, async ({ step, event }) =>
      step.run("write", () => {
        seen(witness, "bill.write");
        return `bill of ${event.data.order}`;
      }),
    );
    const order = client.createFunction({ id: "order", retries }, { event: "order" }, async ({ step, event }) => {
      const charged = await step.run("charge", () => {
        seen(witness, "charge");
        return "charged";
      });
      await step.sleep("settle", "1m");
      const approval = await step.waitForEvent("approval", { event: "approved", match: "data.order", timeout: "1d" });
      const billed = await step.invoke("bill", { function: bill, data: { order: event.data.order } });
      await step.sendEvent("tell", { name: "told", data: {} });
      await step.run("ship", () => seen(witness, "ship"));
      return { charged, by: approval?.data.by ?? null, billed };
    });
    const audit = client.createFunction({ id: "audit" }, { event: "inngest/function.finished" }, async ({ event }) => {
      seen(witness, `audit.${event.data.function_id}`);
    });
    return [order, bill, audit];
  };
}

/** Follows one order to its end, and sends the approval once the run waits for it. */
async function follow(platform: TestPlatform): Promise<string> {
  const { ids } = await platform.send({ name: "order", data: { order: "o1" }, id: "order-1" });
  await until(platform, () => orderOf(platform)?.has("wait") === true);
  await platform.send({ name: "approved", data: { order: "o1", by: "ann" }, id: "approved-1" });
  await until(platform, () => orderOf(platform)?.hasEnded === true);
  await platform.clock.runUntilIdle(); // effects of the end
  return ids[0]!;
}

const orderOf = (platform: TestPlatform) => platform.runs("mem-order")[0];

/** Lets time pass, though not as much as the wait lasts. */
async function until(platform: TestPlatform, isSo: () => boolean): Promise<void> {
  for (let seconds = 0; !isSo(); seconds += 10) {
    if (seconds > 3_600) throw new Error(`not within an hour\n${platform.timeline()}`);
    await platform.clock.advance("10s");
  }
}

const outcome = { charged: "charged", by: "ann", billed: "bill of o1" };

/** Whatever went wrong once: the same end, and a body ran again only when that fell between it and its commit. */
function expectOneOutcome(platform: TestPlatform, orderId: string, witness: Witness, where: string): void {
  const order = orderOf(platform);
  expect(order?.status, where).toBe("Completed");
  expect(order?.output, where).toEqual(outcome);
  expect(platform.runs("mem-order"), where).toHaveLength(1);
  expect(isAcknowledged(platform, orderId), where).toBe(true);
  for (const step of ["charge", "bill.write", "ship", "audit.mem-order", "audit.mem-bill"]) {
    expect(witness.get(step), `${where}, ${step}`).toBeGreaterThanOrEqual(1);
    expect(witness.get(step), `${where}, ${step}`).toBeLessThanOrEqual(2);
  }
}

describe("[G1 G2 G6] what goes wrong once in a whole flow", () => {
  it("at any commit, call, delivery or alarm: every run comes to the same end", async () => {
    const calm = new FaultPoints();
    await follow(simulated(shop(new Map()), { faults: calm }));
    const kinds = new Set(calm.points.filter(({ kind }) => kind === "commit").map(({ name }) => name));
    expect([...kinds].sort()).toEqual(["dedupe", "log", "registry", "run", "waits"]);
    let count = 0;
    for (const { at, fault, where } of eachFault(calm.points)) {
      const witness: Witness = new Map();
      const platform = simulated(shop(witness), {
        faults: new FaultPoints((_point, index) => (index === at ? fault : null)),
      });
      expectOneOutcome(platform, await follow(platform), witness, where);
      count += 1;
    }
    expect(count).toBeGreaterThan(200);
  }, 120_000);

  it.each(["before", "after"] as const)(
    "a process that dies between any two turns, %s the writes of the first take effect: the next brings every run to the same end",
    async (when) => {
      const calm = simulated(shop(new Map()));
      const { turns } = await countTurns(calm);
      expect(turns).toBeGreaterThan(100);
      for (let at = 0; at < turns; at++) {
        const witness: Witness = new Map();
        const platform = simulated(shop(witness));
        dieAfterTurns(platform, (turn) => (turn === at ? when : null));
        expectOneOutcome(platform, await follow(platform), witness, `died ${when} the writes of turn ${at}`);
      }
    },
    120_000,
  );
});

async function countTurns(platform: TestPlatform): Promise<{ turns: number }> {
  const seen = dieAfterTurns(platform, () => null);
  await follow(platform);
  return seen;
}

describe("[G1 G2 G6] what goes wrong again and again, seeded", () => {
  it("in any order of turns: the flow still ends as it should", async () => {
    let faults = 0;
    let deaths = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const random = new Random(seed);
      const orders = random.fork();
      let left = 8;
      const isWrong = (probability: number) => left > 0 && random.chance(probability) && left-- > 0;
      const platform = simulated(shop(new Map()), {
        seed,
        choose: (count) => orders.below(count),
        faults: new FaultPoints(({ kind }) => {
          if (!isWrong(0.03)) return null;
          faults += 1;
          return random.pick(FAULTS[kind]);
        }),
      });
      dieAfterTurns(
        platform,
        () => (isWrong(0.01) ? random.pick(["before", "after"]) : null),
        () => (deaths += 1),
      );
      await follow(platform);
      expect(orderOf(platform)?.output, `seed ${seed}\n${platform.timeline()}`).toEqual(outcome);
    }
    expect(faults).toBeGreaterThan(400);
    expect(deaths).toBeGreaterThan(200);
  }, 120_000);
});

describe("[G1 G5] a wait and its event, in any order of their turns", () => {
  it("meet in 1,000 seeded interleavings, with and without a death in between", async () => {
    let met = 0;
    for (let seed = 1; seed <= 1_000; seed++) {
      const random = new Random(seed);
      const deathAt = random.chance(0.5) ? random.below(60) : -1;
      let sendIn = -1;
      const platform: TestPlatform = simulated(waiter, {
        seed,
        choose: (count) => random.below(count),
        faults: Object.assign(new FaultPoints(), {
          commit(commit: Commit) {
            if (sendIn < 0 && isWaitOpened(commit)) sendIn = random.below(30);
            return null;
          },
        }),
      });
      let turn = 0;
      let answered: Promise<unknown> | undefined;
      const send = () =>
        accept(
          platform,
          { name: "answer", data: { key: seed, value: seed }, id: "answer" },
          { timeMs: platform.clock.now(), entropy: random.bytes(10) },
        );
      platform.world.turns.between = () => {
        if (turn++ === deathAt) die(platform);
        if (sendIn < 0 || answered) return;
        // the event is sent some turns after, which may be long before the wait is registered; until then turns go on
        if (sendIn-- > 0) platform.world.turns.atEnd(() => platform.world.turns.atEnd(() => undefined));
        else answered = insist(send);
      };
      await platform.send({ name: "begin", data: { key: seed }, id: "begin" });
      await platform.clock.advance("10m"); // the wait lasts an hour
      await answered;
      const [run] = platform.runs();
      expect(run?.output, `seed ${seed}\n${platform.timeline()}`).toBe(seed);
      met += 1;
    }
    expect(met).toBe(1_000);
  }, 240_000);
});

function waiter(client: Inngest): InngestFunction[] {
  return [
    client.createFunction({ id: "waiter" }, { event: "begin" }, async ({ step }) => {
      const answer = await step.waitForEvent("answer", { event: "answer", match: "data.key", timeout: "1h" });
      return answer?.data.value ?? null;
    }),
  ];
}

/** Whether a run's wait is among what takes effect. */
function isWaitOpened({ kind, writes }: Commit): boolean {
  return kind === "run" && writes.some(({ table, value }) => table === "step" && String(value).includes("registering"));
}

/** A client that tries again, as ours does, when the process dies under its request. */
async function insist<T>(request: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof ObjectReset)) throw error;
    }
  }
}
