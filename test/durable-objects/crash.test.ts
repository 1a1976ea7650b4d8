import { describe, expect, it } from "vitest";
import type { Inngest, InngestFunction } from "../../src/sdk/index.ts";
import { Death, MemoryPlatform } from "../helpers/memory-platform.ts";

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

/** Follows one order to its end, sending the approval again until it was accepted while the run waited for it. */
async function follow(platform: MemoryPlatform): Promise<{ orderId: string }> {
  await insist(platform, () => platform.register());
  const orderId = await insist(platform, () => platform.send({ name: "order", data: { order: "o1" }, id: "order-1" }));
  await platform.run(async () => (await waitStatus(platform, orderId)) === "waiting");
  await insist(platform, () => platform.send({ name: "approved", data: { order: "o1", by: "ann" }, id: "approved-1" }));
  await platform.run(async () => (await platform.view(orderId, "mem-order"))?.run.state.kind === "completed");
  await platform.run(); // effects of the end
  return { orderId };
}

async function waitStatus(platform: MemoryPlatform, orderId: string): Promise<string | undefined> {
  const view = await platform.view(orderId, "mem-order");
  return view?.entries.find((entry) => entry.userId === "approval")?.status.kind;
}

/** A client that tries again, as ours does, when the process dies under its request. */
async function insist<T>(platform: MemoryPlatform, request: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof Death)) throw error;
      platform.die();
    }
  }
}

const outcome = { charged: "charged", by: "ann", billed: "bill of o1" };

describe("[G1 G2 G6] a process that dies between any two hops", () => {
  it("is followed by one that brings every run to the same end, at each of the hops of a whole flow", async () => {
    const calm = new MemoryPlatform(shop(new Map()));
    await follow(calm);
    const hops = calm.hops.length;
    expect(hops).toBeGreaterThan(60);

    for (let at = 0; at < hops; at++) {
      const witness: Witness = new Map();
      const platform = new MemoryPlatform(shop(witness));
      let count = 0;
      platform.hop = (name) => {
        if (count++ !== at) return;
        platform.die();
        throw new Death(name);
      };
      const { orderId } = await follow(platform);
      const where = `died at hop ${at}: ${platform.hops[at]}`;
      const view = await platform.view(orderId, "mem-order");
      expect(view?.run.state, where).toMatchObject({ kind: "completed", output: outcome });
      expect(await platform.isAcknowledged(orderId), where).toBe(true);
      // a body runs again only when the death fell between it and its commit
      for (const [step, times] of witness) expect(times, `${where}, ${step}`).toBeLessThanOrEqual(2);
      expect(witness.get("audit.mem-order"), where).toBeGreaterThanOrEqual(1);
    }
  }, 120_000);

  it("dies again and again, seeded, and still ends as it should", async () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = mulberry(seed);
      const platform = new MemoryPlatform(shop(new Map()));
      let deaths = 0;
      platform.hop = (name) => {
        if (deaths >= 8 || random() > 0.04) return;
        deaths += 1;
        platform.die();
        throw new Death(name);
      };
      const { orderId } = await follow(platform);
      const view = await platform.view(orderId, "mem-order");
      expect(view?.run.state, `seed ${seed}`).toMatchObject({ kind: "completed", output: outcome });
    }
  }, 120_000);
});

describe("[G1 G5] a wait and its event, in any order of their hops", () => {
  it("meet in 1,000 seeded interleavings, with and without a death in between", async () => {
    for (let seed = 1; seed <= 1_000; seed++) {
      const random = mulberry(seed);
      const platform = new MemoryPlatform((client) => [
        client.createFunction({ id: "waiter" }, { event: "begin" }, async ({ step }) => {
          const answer = await step.waitForEvent("answer", { event: "answer", match: "data.key", timeout: "1h" });
          return answer?.data.value ?? null;
        }),
      ]);
      await platform.register();
      let deathAt = random() < 0.5 ? Math.floor(random() * 40) : -1;
      platform.hop = async (name) => {
        for (let turns = Math.floor(random() * 6); turns > 0; turns--)
          await new Promise((resolve) => setImmediate(resolve));
        if (deathAt-- !== 0) return;
        platform.die();
        throw new Death(name);
      };
      const beganId = await insist(platform, () => platform.send({ name: "begin", data: { key: seed }, id: "begin" }));
      const answered = answerOnceWaiting(platform, beganId, random, seed);
      await platform.run(async () => (await platform.view(beganId, "mem-waiter"))?.run.state.kind === "completed");
      await answered;
      const view = await platform.view(beganId, "mem-waiter");
      expect(view?.run.state, `seed ${seed}`).toMatchObject({ kind: "completed", output: seed });
    }
  }, 240_000);
});

/** Sends the answer a few turns after the wait was committed, which may be long before it is registered. */
async function answerOnceWaiting(
  platform: MemoryPlatform,
  beganId: string,
  random: () => number,
  value: number,
): Promise<void> {
  while (((await platform.view(beganId, "mem-waiter"))?.entries.length ?? 0) === 0)
    await new Promise((resolve) => setImmediate(resolve));
  const send = async () => {
    for (let turns = Math.floor(random() * 30); turns > 0; turns--)
      await new Promise((resolve) => setImmediate(resolve));
    await insist(platform, () => platform.send({ name: "answer", data: { key: value, value }, id: "answer" }));
  };
  await platform.during(send());
}

/** A small seeded generator: the same seed, the same interleaving. */
function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
