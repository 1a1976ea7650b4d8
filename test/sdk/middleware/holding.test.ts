import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { Memo, SettledMemo } from "../../../src/protocol/call.ts";
import { stepHash } from "../../../src/protocol/ids.ts";
import type { FoundStep, Reporter } from "../../../src/sdk/execute.ts";
import { Middleware, type Context } from "../../../src/sdk/index.ts";
import { Chain } from "../../../src/sdk/middleware/chain.ts";
import { RunContext } from "../../../src/sdk/run-context.ts";
import { EVENT, RUN_ID } from "../../helpers/run-builder.ts";
import { clientWith } from "./helpers.ts";

/** Work of a handler: steps one after the other, or branches beside each other. */
type Work = { step: string } | { all: Work[][] };

const stepWork = fc.constantFrom("a", "b", "c").map((step): Work => ({ step }));
const { work } = fc.letrec<{ work: Work }>((tie) => ({
  work: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    stepWork,
    fc
      .array(fc.array(tie("work"), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 })
      .map((all) => ({ all })),
  ),
}));

async function perform(step: Context["step"], works: Work[], trace: string[]): Promise<void> {
  for (const one of works) {
    if ("step" in one) trace.push(`${await step.run(one.step, () => 0)}`);
    else await Promise.all(one.all.map((branch) => perform(step, branch, trace)));
  }
}

/**
 * What a run finds in each pass and in which order its continuations run: after each pass the steps that it found settle
 * in an order of chance, until the handler ends.
 */
async function history(works: Work[], middleware: Middleware.Class[], chance: () => number): Promise<string[]> {
  const client = clientWith(middleware);
  const log: string[] = [];
  const journal = new Map<string, SettledMemo>();
  for (;;) {
    const trace: string[] = [];
    const [registration] = client
      .createFunction({ id: "f" }, { event: "e" }, ({ step }) => perform(step, works, trace))
      .registrations("shop");
    let found: FoundStep[] = [];
    const reporter: Reporter = {
      memo: (step) => journal.get(step.id),
      found: (steps) => {
        found = steps;
        run.execution.stop();
      },
      idle: () => log.push("idle"),
    };
    const run: RunContext = new RunContext(
      {
        registration: registration!,
        client,
        runId: RUN_ID,
        events: [EVENT],
        attempt: 0,
        maxAttempts: 1,
        isFirst: journal.size === 0,
        memoCount: journal.size,
        memos: () => journal,
        chain: Chain.open(client),
      },
      reporter,
    );
    const outcome = await run.start();
    log.push(trace.join(" "), `found ${found.map((step) => `${step.userId}:${step.index}`).join(" ")}`);
    if (outcome) return [...log, outcome.kind];
    const order = found.map((step) => ({ step, at: chance() })).sort((a, b) => a.at - b.at);
    for (const { step } of order) {
      const memo: Memo = { data: `${step.userId}:${step.index}` };
      journal.set(stepHash(step.userId, step.index), { memo, position: journal.size });
    }
  }
}

/** Numbers in [0, 1) that begin again with the seed. */
function chanceOf(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

test("[G8] steps are found together, numbered and settled as without middleware, however long its hooks take", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(work, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 2_147_483_646 }),
      async (works, seed) => {
        const delays = chanceOf(seed);
        class Slow extends Middleware.BaseMiddleware {
          readonly id = "slow";
          override async transformStepInput(args: Middleware.TransformStepInputArgs) {
            await turns(Math.floor(delays() * 4));
            return args;
          }
          override async wrapStep({ next }: Middleware.WrapStepArgs) {
            await turns(Math.floor(delays() * 3));
            const result = await next();
            await turns(Math.floor(delays() * 3));
            return result;
          }
        }
        const plain = await history(works, [], chanceOf(seed));
        const slow = await history(works, [Slow], chanceOf(seed));
        expect(slow.filter((line) => line !== "idle")).toEqual(plain);
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);

test("a run without middleware asks nothing of it", async () => {
  const open = vi.spyOn(Chain.prototype, "having");
  await history([{ step: "a" }, { step: "b" }], [], chanceOf(1));
  expect(open).not.toHaveBeenCalled();
});
