/** What is kept of a run's lines when its process dies: those of what was stored, and of nothing else (docs/logs.md). */
import { expect, it } from "vitest";
import type { Inngest } from "../../src/sdk/index.ts";
import type { TestPlatform } from "../../src/testing/platform.ts";
import { dieAfterTurns, simulated } from "../helpers/simulated-platform.ts";

const STEPS = ["a", "b", "c"];

/** How often the code of each step ran. */
type Witness = Map<string, number>;

const app = (witness: Witness) => (client: Inngest) => [
  client.createFunction({ id: "talk", retries: 3 }, { event: "talk" }, async ({ logger, step }) => {
    logger.info("begin");
    for (const id of STEPS) {
      await step.run(id, () => {
        const times = (witness.get(id) ?? 0) + 1;
        witness.set(id, times);
        logger.info(`${id} for the ${times}. time`);
      });
      logger.info(`after ${id}`);
    }
  }),
];

async function follow(platform: TestPlatform) {
  await platform.send({ name: "talk", data: {}, id: "talk-1" });
  for (let seconds = 0; platform.runs("mem-talk")[0]?.hasEnded !== true; seconds += 10) {
    if (seconds > 3_600) throw new Error(`not within an hour\n${platform.timeline()}`);
    await platform.clock.advance("10s");
  }
  return platform.runs("mem-talk")[0]!;
}

it.each(["before", "after"] as const)(
  "a process dies after any turn, %s its writes take effect: a step whose commit is lost leaves no lines, one that is repeated leaves them once",
  async (when) => {
    const calm = simulated(app(new Map()));
    const { turns } = await (async () => {
      const seen = dieAfterTurns(calm, () => null);
      await follow(calm);
      return seen;
    })();
    let repeated = 0;
    for (let at = 0; at < turns; at++) {
      const witness: Witness = new Map();
      const platform = simulated(app(witness));
      dieAfterTurns(platform, (turn) => (turn === at ? when : null));
      const run = await follow(platform);
      const where = `died ${when} the writes of turn ${at}`;
      expect(run.status, where).toBe("Completed");
      for (const id of STEPS) {
        const texts = run.logs.filter(({ step }) => step === id).map(({ text }) => text);
        expect(texts, where).toEqual([`${id} for the ${witness.get(id)}. time`]); // the one whose result was stored
        if (witness.get(id) === 2) repeated += 1;
      }
      const around = run.logs.filter(({ step }) => step === undefined).map(({ text }) => text);
      for (const text of around) expect(["begin", ...STEPS.map((id) => `after ${id}`)], where).toContain(text);
      expect(new Set(around).size, where).toBe(around.length);
    }
    if (when === "before") expect(repeated).toBeGreaterThan(0);
  },
  120_000,
);

it("bounds hold across deaths: what a run has kept is counted from what is stored", async () => {
  const platform = simulated((client) => [
    client.createFunction({ id: "talk" }, { event: "talk" }, async ({ logger, step }) => {
      for (let i = 0; i < 40; i++) {
        await step.run(`s${i}`, () => {
          for (let line = 0; line < 100; line++) logger.info("x".repeat(300));
        });
        if (i % 10 === 9) await step.sleep(`nap ${i}`, "1m");
      }
    }),
  ]);
  let turn = 0;
  dieAfterTurns(platform, () => (++turn % 200 === 0 ? "after" : null));
  const run = await follow(platform);
  expect(run.status).toBe("Completed");
  const bytes = JSON.stringify(run.logs.map(({ text }) => text)).length;
  expect(bytes).toBeLessThan(1024 * 1024);
  expect(bytes).toBeGreaterThan(700 * 1024);
});
