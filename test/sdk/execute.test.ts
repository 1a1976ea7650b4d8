import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Memo, SettledMemo } from "../../src/protocol/call.ts";
import { stepHash } from "../../src/protocol/ids.ts";
import { Execution, type FoundStep, type Outcome, type Reporter, type StepRequest } from "../../src/sdk/execute.ts";

type Tool = (userId: string, more?: Partial<StepRequest>) => Promise<unknown>;

/** A reporter with a script: what is in the journal, and what becomes of new steps. */
class Script implements Reporter {
  readonly log: string[] = [];
  readonly execution = new Execution(this);
  readonly memos = new Map<string, SettledMemo>();
  onFound: (steps: FoundStep[]) => void = () => this.execution.stop();
  onIdle: () => void = () => this.execution.stop();

  /** @param journal user ids in the order of their commits; the n-th use of an id is `id:n` */
  constructor(journal: [id: string, memo: Memo][] = []) {
    for (const [position, [id, memo]] of journal.entries()) {
      const [userId = "", repeat = "0"] = id.split(":");
      this.memos.set(stepHash(userId, Number(repeat)), { memo, position });
    }
  }

  memo(step: FoundStep): SettledMemo | undefined {
    return this.memos.get(step.id);
  }

  found(steps: FoundStep[]): void {
    this.log.push(
      `found ${steps.map((step) => (step.index === 0 ? step.userId : `${step.userId}:${step.index}`)).join(" ")}`,
    );
    this.onFound(steps);
  }

  idle(): void {
    this.log.push("idle");
    this.onIdle();
  }

  step: Tool = (userId, more = {}) => this.execution.step({ userId, type: "step.run", op: "StepRun", ...more });

  run(handler: (step: Tool, log: (text: string) => void) => unknown): Promise<Outcome | null> {
    return this.execution.run(() => handler(this.step, (text) => this.log.push(text)));
  }
}

const data = (value: string | number): Memo => ({ data: value });

describe("memos", () => {
  test.each<[string, Memo, Partial<StepRequest>, unknown]>([
    ["wrapped data", { data: [1] }, {}, [1]],
    ["null data", { data: null }, {}, null],
    ["data with the type some servers add", { data: 1, type: "data" }, {}, 1],
    ["a finished sleep", null, { op: "Sleep" }, undefined],
    ["a wait that timed out", null, { op: "WaitForEvent" }, null],
    ["an event", { name: "a", data: { x: 1 } }, { op: "WaitForEvent" }, { name: "a", data: { x: 1 } }],
    ["an object with more than data is the data", { data: 1, other: 2 }, {}, { data: 1, other: 2 }],
    ["a list", [1], {}, [1]],
  ])("[§3.6] %s", async (_, memo, more, value) => {
    expect(await new Script([["a", memo]]).run((step) => step("a", more))).toEqual({ kind: "returned", value });
  });

  test("[§3.8] a failed step rejects with a StepError that can be caught", async () => {
    const script = new Script([["charge", { error: { name: "CardError", message: "declined", code: "card" } }]]);
    const outcome = await script.run(async (step) => {
      try {
        return await step("charge");
      } catch (error) {
        return error;
      }
    });
    expect(outcome).toMatchObject({
      kind: "returned",
      value: { name: "CardError", message: "declined", code: "card", stepId: "charge" },
    });
  });

  test("[G2] a replay of finished steps reports nothing", async () => {
    const script = new Script([
      ["a", data(1)],
      ["b", data(2)],
    ]);
    const outcome = await script.run(async (step) => [await step("a"), await step("b")]);
    expect([outcome, script.log]).toEqual([{ kind: "returned", value: [1, 2] }, []]);
  });
});

describe("[G8] memos settle in journal order", () => {
  test.each([
    [["a", "b"], "a"],
    [["b", "a"], "b"],
  ])("Promise.race of steps committed as %j is won by %s", async (order, winner) => {
    const script = new Script(order.map((id) => [id, data(id)]));
    expect(await script.run((step) => Promise.race([step("a"), step("b")]))).toEqual({
      kind: "returned",
      value: winner,
    });
  });

  test("what a continuation starts is drained before the next memo settles", async () => {
    const script = new Script([
      ["a", data(1)],
      ["a2", data(1)],
      ["b", data(1)],
    ]);
    await script.run(async (step, log) => {
      const first = async () => {
        await step("a");
        log("a");
        await step("a2");
        log("a2");
      };
      const second = async () => {
        await step("b");
        log("b");
      };
      await Promise.all([second(), first()]);
    });
    expect(script.log).toEqual(["a", "a2", "b"]);
  });

  test("chains in parallel, in any journal that a run can have written, continue in its order on every replay", async () => {
    const journals = fc.shuffledSubarray([0, 0, 0, 1, 1, 2, 2, 2], { minLength: 0 });
    await fc.assert(
      fc.asyncProperty(journals, async (chains) => {
        const lengths = [0, 0, 0];
        const ids = chains.map((chain) => `${"abc"[chain]}${lengths[chain]!++}`);
        const replay = async () => {
          const script = new Script(ids.map((id) => [id, data(id)]));
          await script.run(async (step, log) => {
            const walk = async (chain: string) => {
              for (let n = 0; n < 3; n++) log(String(await step(`${chain}${n}`)));
            };
            await Promise.all([walk("c"), walk("a"), walk("b")]);
          });
          return script.log.filter((line) => !line.startsWith("found") && line !== "idle");
        };
        expect(await replay()).toEqual(ids);
        expect(await replay()).toEqual(ids);
      }),
      { seed: 5, numRuns: 60 },
    );
  });

  test("race and all agree with the live execution, whatever the order in which steps ended", async () => {
    const orders = fc.shuffledSubarray(["a", "b", "c", "d"], { minLength: 4 });
    const handler = async (step: Tool) => {
      const steps = ["a", "b", "c", "d"].map((id) => step(id));
      const first = await Promise.race(steps);
      const next = await step(`after ${String(first)}`);
      return [first, next, await Promise.all(steps), await Promise.any([steps[3], steps[2]])];
    };
    await fc.assert(
      fc.asyncProperty(orders, async (order) => {
        const live = new Script();
        const journal: [string, Memo][] = [];
        const settle = (step: FoundStep) => {
          journal.push([step.userId, data(step.userId)]);
          live.execution.settle(step.id, { memo: data(step.userId), position: journal.length });
        };
        live.onFound = (steps) => {
          const rank = (step: FoundStep) => order.indexOf(step.userId);
          for (const step of steps.toSorted((a, b) => rank(a) - rank(b))) settle(step);
        };
        const outcome = await live.run(handler);
        expect(outcome?.kind).toBe("returned");
        expect(await new Script(journal).run(handler)).toEqual(outcome);
      }),
      { seed: 6, numRuns: 40 },
    );
  });
});

describe("new steps", () => {
  test("those of one turn are handed over together, after every memo", async () => {
    const script = new Script([["a", data(1)]]);
    await script.run(async (step) => {
      await Promise.all([step("x"), step("a").then(() => step("y")), step("z")]);
    });
    expect(script.log).toEqual(["found x z y"]);
  });

  test("[§3.5] repeated ids get an index each, in the order of use", async () => {
    const script = new Script([
      ["a", data(0)],
      ["a:1", data(1)],
    ]);
    const seen: unknown[] = [];
    await script.run(async (step) => {
      for (let i = 0; i < 4; i++) seen.push(await step("a"));
    });
    expect([seen, script.log]).toEqual([[0, 1], ["found a:2"]]);
  });

  test("steps in helpers, loops and behind awaits of other things are found", async () => {
    const script = new Script();
    script.onFound = (steps) => {
      for (const step of steps) script.execution.settle(step.id, { memo: data(`${step.userId}!`), position: 0 });
    };
    script.onIdle = () => undefined; // waits for something of its own
    const helper = async (step: Tool) => [await step("inner"), await step("inner2")];
    const outcome = await script.run(async (step) => {
      await Promise.resolve();
      const first = await helper(step);
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
      return [...first, await step("last")];
    });
    expect(outcome).toEqual({ kind: "returned", value: ["inner!", "inner2!", "last!"] });
    expect(script.log.filter((line) => line !== "idle")).toEqual(["found inner", "found inner2", "found last"]);
  });

  test("a step may be settled from inside `found`, and a second result is not heard", async () => {
    const script = new Script();
    script.onFound = ([step]) => {
      script.execution.settle(step!.id, { memo: data(1), position: 0 });
      script.execution.settle(step!.id, { memo: data(2), position: 1 });
    };
    expect(await script.run((step) => step("a"))).toEqual({ kind: "returned", value: 1 });
  });

  test("a result for a step that the handler has not reached is not heard: it will find the memo", async () => {
    const script = new Script([["a", data(1)]]);
    script.execution.settle(stepHash("b", 0), { memo: data(2), position: 1 });
    await script.run(async (step) => [await step("a"), await step("b")]);
    expect(script.log).toEqual(["found b"]);
  });

  test("idle when all that is left are open steps; it goes on when one settles", async () => {
    const script = new Script();
    script.onFound = () => undefined;
    script.onIdle = () => script.execution.settle(stepHash("a", 0), { memo: data(1), position: 0 });
    expect(await script.run((step) => step("a"))).toEqual({ kind: "returned", value: 1 });
    expect(script.log).toEqual(["found a", "idle"]);
  });
});

describe("ends", () => {
  test.each<[string, () => unknown, unknown]>([
    ["an error", () => Promise.reject(new TypeError("no")), new TypeError("no")],
    ["a text", () => Promise.reject("no"), "no"],
    ["undefined", () => Promise.reject(undefined), undefined],
    ["null", () => Promise.reject(null), null],
    ["an object", () => Promise.reject({ status: 500 }), { status: 500 }],
  ])("a handler may throw anything: %s", async (_, handler, error) => {
    expect(await new Script().run(handler)).toEqual({ kind: "threw", error });
  });

  test("a handler that is no async function may return or throw at once", async () => {
    expect(await new Script().run(() => 5)).toEqual({ kind: "returned", value: 5 });
    const thrown = new Script().run(() => {
      throw new Error("at once");
    });
    expect(await thrown).toMatchObject({ kind: "threw" });
  });

  test("allSettled sees each failure", async () => {
    const script = new Script([
      ["a", { error: { name: "E", message: "no" } }],
      ["b", data(2)],
    ]);
    const outcome = await script.run(async (step) =>
      (await Promise.allSettled([step("a"), step("b")])).map((result) => result.status),
    );
    expect(outcome).toEqual({ kind: "returned", value: ["rejected", "fulfilled"] });
  });

  test("steps that nobody awaits do not hold the end", async () => {
    const script = new Script([["a", data(1)]]);
    const outcome = await script.run(async (step) => {
      void step("forgotten");
      return await step("a");
    });
    expect(outcome).toEqual({ kind: "returned", value: 1 });
  });

  test("stop ends it without an outcome; what the handler asks for afterwards never settles", async () => {
    const script = new Script([["late", data(1)]]);
    script.onFound = () => script.execution.stop();
    let asked: Tool | undefined;
    expect(await script.run((step) => ((asked = step), step("a")))).toBeNull();
    const late = asked!("late").then(() => "settled");
    expect(await Promise.race([late, new Promise((resolve) => setImmediate(() => resolve("open")))])).toBe("open");
  });

  test("stop wakes an execution that waits", async () => {
    const script = new Script();
    script.onFound = () => undefined;
    script.onIdle = () => script.execution.stop();
    expect(await script.run((step) => step("a"))).toBeNull();
  });
});
