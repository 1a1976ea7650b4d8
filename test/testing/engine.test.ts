import { describe, expect, expectTypeOf, test, vi } from "vitest";
import { eventType, Inngest, Middleware, NonRetriableError, step as exportedStep } from "../../src/sdk/index.ts";

import { superjson } from "../../src/sdk/superjson.ts";
import { InngestTestEngine, mockCtx } from "../../src/testing/index.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const client = new Inngest({ id: "shop", logger: silent });
const event = "order/placed";

/** Two steps of code, of which the second uses what the first gave. */
function twoSteps() {
  const ran: string[] = [];
  const fn = client.createFunction({ id: "two-steps" }, { event }, async ({ step }) => {
    const a = await step.run("a", () => {
      ran.push("a");
      return "own a";
    });
    ran.push("between");
    const b = await step.run("b", () => {
      ran.push("b");
      return `b after ${a}`;
    });
    return b;
  });
  return { ran, fn };
}

describe("execute", () => {
  test("runs the function to its end and gives what it returned", async () => {
    const { fn } = twoSteps();
    const output = await new InngestTestEngine({ function: fn }).execute();
    expect(output.result).toBe("b after own a");
    expect(output).not.toHaveProperty("error");
  });

  test("the result has the function's type, as it is stored", async () => {
    const fn = client.createFunction({ id: "typed" }, { event }, async () => ({ at: new Date(0), n: 1 }));
    const { result } = await new InngestTestEngine({ function: fn }).execute();
    expectTypeOf(result).toEqualTypeOf<{ at: string; n: number } | undefined>();
    expect(result).toEqual({ at: "1970-01-01T00:00:00.000Z", n: 1 });
  });

  test("a function that returns nothing has the result null, as it is stored", async () => {
    const fn = client.createFunction({ id: "nothing" }, { event }, async () => undefined);
    expect((await new InngestTestEngine({ function: fn }).execute()).result).toBeNull();
  });

  test("a serializer of the client carries events, steps, mocks and the result", async () => {
    const whole = new Inngest({ id: "whole", logger: silent, serializer: superjson() });
    const seen: unknown[] = [];
    const fn = whole.createFunction({ id: "dates" }, { event }, async ({ event, step }) => {
      const own = await step.run("own", () => new Map([["a", 1]]));
      const mocked = await step.run("mocked", () => new Date(1));
      seen.push(event.data.at, own, mocked);
      return new Date(3);
    });
    const { result, state } = await new InngestTestEngine({ function: fn }).execute({
      events: [{ name: event, data: { at: new Date(0) } }],
      steps: [{ id: "mocked", handler: () => new Date(2) }],
    });
    expect(seen).toEqual([new Date(0), new Map([["a", 1]]), new Date(2)]);
    expect(result).toEqual(new Date(3));
    await expect(state.own).resolves.toEqual(new Map([["a", 1]]));
  });

  test("a handler that throws is not tried again, and the error is the one that it threw", async () => {
    class Refused extends Error {}
    const error = new Refused("refused");
    const handler = vi.fn(async () => {
      throw error;
    });
    const fn = client.createFunction({ id: "throws", retries: 5 }, { event }, handler);
    const output = await new InngestTestEngine({ function: fn }).execute();
    expect(output.error).toBe(error);
    expect(output).not.toHaveProperty("result");
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test("a step that throws is not tried again, whatever its own retries, and fails the run with the error that it threw", async () => {
    class Declined extends Error {}
    const error = new Declined("declined");
    const charge = vi.fn(() => {
      throw error;
    });
    const fn = client.createFunction({ id: "step-throws" }, { event }, async ({ step }) => {
      await step.run({ id: "charge", retries: 7 }, charge);
      return "not reached";
    });
    const { error: seen, state } = await new InngestTestEngine({ function: fn }).execute();
    expect(seen).toBe(error);
    expect(charge).toHaveBeenCalledTimes(1);
    await expect(state.charge).rejects.toBe(error);
  });

  test("a handler may catch the failure of a step and go on", async () => {
    const fn = client.createFunction({ id: "catches" }, { event }, async ({ step }) =>
      step
        .run("charge", () => {
          throw new Error("declined");
        })
        .catch((error: Error) => `caught ${error.message}`),
    );
    const { result, error } = await new InngestTestEngine({ function: fn }).execute();
    expect([result, error]).toEqual(["caught declined", undefined]);
  });

  test("with `retries` failed steps and handlers are tried again as the function says", async () => {
    let charges = 0;
    let passes = 0;
    const fn = client.createFunction({ id: "tried-again", retries: 2 }, { event }, async ({ step, attempt }) => {
      const n = await step.run("charge", () => {
        charges += 1;
        if (charges < 3) throw new Error("declined");
        return charges;
      });
      passes += 1;
      if (passes < 2) throw new Error("the handler too");
      return { n, attempt };
    });
    const { result } = await new InngestTestEngine({ function: fn, retries: true }).execute();
    expect(result).toEqual({ n: 3, attempt: 1 });
  });

  test("the handler for failures does not run", async () => {
    const onFailure = vi.fn();
    const fn = client.createFunction({ id: "fails", onFailure }, { event }, async () => {
      throw new NonRetriableError("no");
    });
    const { error } = await new InngestTestEngine({ function: fn }).execute();
    expect(error).toBeInstanceOf(NonRetriableError);
    expect(onFailure).not.toHaveBeenCalled();
  });

  test("what is no Error is reported as one", async () => {
    const fn = client.createFunction({ id: "throws-text" }, { event }, async () => {
      throw "just text";
    });
    const { error } = await new InngestTestEngine({ function: fn }).execute();
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toContain("just text");
  });

  test("executions know nothing of each other", async () => {
    const { ran, fn } = twoSteps();
    const t = new InngestTestEngine({ function: fn });
    await Promise.all([t.execute(), t.execute()]);
    expect(ran.toSorted()).toEqual(["a", "a", "b", "b", "between", "between"]);
  });

  test("what is not a function is refused where the engine is made", () => {
    expect(() => new InngestTestEngine({ function: undefined as never })).toThrow(
      "InngestTestEngine: function is undefined; do two modules import each other?",
    );
    expect(() => new InngestTestEngine({ function: { id: "x" } as never })).toThrow("not made by createFunction");
  });
});

describe("events", () => {
  const echo = client.createFunction({ id: "echo" }, { event }, async ({ event, events }) => ({ event, events }));

  test("without any there is one inngest/function.invoked", async () => {
    const { result, ctx } = await new InngestTestEngine({ function: echo }).execute();
    expect(result?.event).toEqual({
      id: expect.any(String),
      name: "inngest/function.invoked",
      data: {},
      ts: expect.any(Number),
    });
    expect(ctx.event).toEqual(result?.event);
  });

  test("what an event leaves out is filled in", async () => {
    const t = new InngestTestEngine({ function: echo, events: [{ name: event, data: { n: 1 } }] });
    const { result } = await t.execute();
    expect(result?.event).toEqual({ id: expect.any(String), name: event, data: { n: 1 }, ts: expect.any(Number) });
  });

  test("several are a batch, of any names", async () => {
    const { result } = await new InngestTestEngine({ function: echo }).execute({
      events: [
        { name: event, id: "1", ts: 5 },
        { name: "some/other", id: "2", data: { n: 2 } },
      ],
    });
    expect(result?.events.map(({ id, name }) => [id, name])).toEqual([
      ["1", event],
      ["2", "some/other"],
    ]);
    expect(result?.event).toEqual({ name: event, id: "1", ts: 5, data: {} });
  });

  test("those of an execution take the place of the engine's", async () => {
    const t = new InngestTestEngine({ function: echo, events: [{ name: event, data: { n: 1 } }] });
    const { result } = await t.execute({ events: [{ name: event, data: { n: 2 } }] });
    expect(result?.event.data).toEqual({ n: 2 });
  });

  test("a trigger's schema checks them", async () => {
    const { z } = await import("zod");
    const placed = eventType(event, { schema: z.object({ n: z.number() }) });
    const fn = client.createFunction({ id: "checked" }, placed, async ({ event }) => event.data.n);
    const t = new InngestTestEngine({ function: fn });
    expect((await t.execute({ events: [{ name: event, data: { n: 3 } }] })).result).toBe(3);
    const { error } = await t.execute({ events: [{ name: event, data: { n: "three" } }] });
    expect(error).toMatchObject({ name: "EventValidationError" });
  });
});

describe("ctx", () => {
  test("is what the handler was given, with spies at `step`", async () => {
    const fn = client.createFunction({ id: "spied" }, { event }, async ({ step, runId }) => {
      await step.run("a", () => 1);
      await step.ai.wrap("ask", async (question: string) => question, "why?");
      return `run ${runId}`;
    });
    const { ctx, result } = await new InngestTestEngine({ function: fn }).execute();
    expect(result).toBe(`run ${ctx.runId}`);
    expect(ctx.attempt).toBe(0);
    expect(vi.isMockFunction(ctx.step.run)).toBe(true);
    expect(ctx.step.run).toHaveBeenCalledOnce();
    expect(ctx.step.run).toHaveBeenCalledWith("a", expect.any(Function));
    expect(ctx.step.run).not.toHaveBeenCalledWith("b", expect.any(Function));
    expect(() => expect(ctx.step.run).toHaveBeenCalledWith("b")).toThrow('expected "run" to be called with');
    expect(ctx.step.run).toHaveResolvedWith(1);
    expect(ctx.step.ai.wrap).toHaveBeenLastCalledWith("ask", expect.any(Function), "why?");
    expect(ctx.step.sleep).not.toHaveBeenCalled();
    expect(ctx.step.run.mock.calls[0]?.[0]).toBe("a");
  });

  test("a pass after a sleep shows every call once", async () => {
    const fn = client.createFunction({ id: "replays" }, { event }, async ({ step }) => {
      await step.run("a", () => 1);
      await step.sleep("nap", "1d");
      await step.run("b", () => 2);
    });
    const { ctx } = await new InngestTestEngine({ function: fn }).execute();
    expect(ctx.step.run.mock.calls.map(([id]) => id)).toEqual(["a", "b"]);
    expect(ctx.step.sleep).toHaveBeenCalledExactlyOnceWith("nap", "1d");
  });

  test("transformCtx replaces what the handler is given, of the engine or of an execution", async () => {
    const fn = client.createFunction({ id: "transformed" }, { event }, async (ctx) => [
      ctx.event.data,
      (ctx as { extra?: number }).extra,
    ]);
    const t = new InngestTestEngine({
      function: fn,
      transformCtx: (ctx) => ({ ...mockCtx(ctx), event: { ...ctx.event, data: { custom: true } } }),
    });
    const { result, ctx } = await t.execute();
    expect(result).toEqual([{ custom: true }, null]);
    expect(ctx.event.data).toEqual({ custom: true });
    const other = await t.execute({ transformCtx: (ctx) => ({ ...ctx, extra: 1 }) });
    expect(other.result).toEqual([{}, 1]);
    expect(vi.isMockFunction(other.ctx.step.run)).toBe(false);
  });

  test("tools that transformCtx stubs are never asked", async () => {
    const fn = client.createFunction({ id: "stubbed" }, { event }, async ({ step }) =>
      step.sendEvent("tell", { name: "told", data: {} }),
    );
    const sendEvent = vi.fn(async () => ({ ids: ["stub"] }));
    const { result } = await new InngestTestEngine({
      function: fn,
      transformCtx: (ctx) => ({ ...ctx, step: { ...ctx.step, sendEvent } }),
    }).execute();
    expect(result).toEqual({ ids: ["stub"] });
    expect(sendEvent).toHaveBeenCalledOnce();
  });

  test("a spy can be told what to do, as Jest's mocks can", async () => {
    const fn = client.createFunction({ id: "told" }, { event }, async ({ step }) => [
      await step.run("a", () => "own"),
      await step.run("b", () => "own"),
    ]);
    const { result, ctx } = await new InngestTestEngine({
      function: fn,
      transformCtx: (raw) => {
        const ctx = mockCtx(raw);
        (ctx.step as unknown as InngestTestEngine.MockContext["step"]).run.mockResolvedValueOnce("told" as never);
        return ctx;
      },
    }).execute();
    expect(result).toEqual(["told", "own"]);
    ctx.step.run.mockClear();
    expect(ctx.step.run).not.toHaveBeenCalled();
    ctx.step.run.mockReturnValue("always" as never);
    expect(ctx.step.run("c", () => 1)).toBe("always");
    expect(ctx.step.run).toHaveReturnedWith("always");
    expect(ctx.step.run.mock.lastCall?.[0]).toBe("c");
  });

  test("middleware runs", async () => {
    class Greeting extends Middleware.BaseMiddleware {
      readonly id = "greeting";
      override transformFunctionInput(input: Middleware.TransformFunctionInputArgs) {
        return { ...input, ctx: { ...input.ctx, greeting: "hello" } };
      }
    }
    const greeted = new Inngest({ id: "greeted", logger: silent, middleware: [Greeting] });
    const fn = greeted.createFunction({ id: "greets" }, { event }, async ({ greeting }) => greeting);
    const { result, ctx } = await new InngestTestEngine({ function: fn }).execute({ reqArgs: [{}] });
    expect(result).toBe("hello");
    expect(ctx).toMatchObject({ greeting: "hello" });
  });
});

describe("state", () => {
  test("has a promise of each step's result, by id", async () => {
    const fn = client.createFunction({ id: "stated" }, { event }, async ({ step }) => {
      await step.run("fine", () => ({ at: new Date(0) }));
      await step.run("fails", () => Promise.reject(new Error("something failed"))).catch(() => null);
      await step.sleep("nap", "1h");
      for (const n of [1, 2]) await step.run("again", () => n);
    });
    const { state } = await new InngestTestEngine({ function: fn }).execute();
    expect(Object.keys(state)).toEqual(["fine", "fails", "nap", "again", "again:1"]);
    await expect(state.fine).resolves.toEqual({ at: "1970-01-01T00:00:00.000Z" });
    await expect(state.fails).rejects.toThrowError("something failed");
    await expect(state["again:1"]).resolves.toBe(2);
  });

  test("knows steps of the exported tools", async () => {
    const fn = client.createFunction({ id: "exported" }, { event }, async () => exportedStep.run("a", () => 1));
    const { state, result } = await new InngestTestEngine({ function: fn }).execute();
    expect(result).toBe(1);
    await expect(state.a).resolves.toBe(1);
  });
});

describe("mocks of steps", () => {
  test("run in the step's place, when it is reached", async () => {
    const order: string[] = [];
    const fn = client.createFunction({ id: "lazy" }, { event }, async ({ step }) => {
      const first = step.run("first", () => order.push("own first"));
      order.push("called first");
      const second = await step.run("second", async () => {
        order.push("own second");
        return 2;
      });
      return [await first, second, await step.run("third", () => order.push("own third"))];
    });
    const { result } = await new InngestTestEngine({
      function: fn,
      steps: [
        { id: "third", handler: () => (order.push("mock third"), 30) },
        {
          id: "first",
          handler: async () => {
            order.push("mock first");
            await new Promise((resolve) => setImmediate(resolve));
            return 10;
          },
        },
      ],
    }).execute();
    expect(result).toEqual([10, 2, 30]);
    expect(order).toEqual(["called first", "mock first", "own second", "mock third"]);
  });

  test("what a mock throws is what the step fails with", async () => {
    const error = new TypeError("mocked");
    const { fn } = twoSteps();
    const output = await new InngestTestEngine({ function: fn }).execute({
      steps: [{ id: "b", handler: () => Promise.reject(error) }],
    });
    expect(output.error).toBe(error);
    await expect(output.state.b).rejects.toBe(error);
  });

  test("a handler is called once by an engine and its clones", async () => {
    const { fn } = twoSteps();
    const handler = vi.fn(() => "mocked");
    const t = new InngestTestEngine({ function: fn, steps: [{ id: "a", handler }] });
    await t.execute();
    expect((await t.clone().execute()).result).toBe("b after mocked");
    expect((await t.executeStep("a")).result).toBe("mocked");
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test("a mock that never comes up is not called", async () => {
    const { fn } = twoSteps();
    const handler = vi.fn();
    await new InngestTestEngine({ function: fn, steps: [{ id: "c", handler }] }).execute();
    expect(handler).not.toHaveBeenCalled();
  });

  test("of a repeated id one place is meant, which may be given by its hash", async () => {
    const fn = client.createFunction({ id: "repeats" }, { event }, async ({ step }) => [
      await step.run("a", () => "own"),
      await step.run("a", () => "own"),
      await step.run("b", () => "own"),
    ]);
    const { result } = await new InngestTestEngine({
      function: fn,
      steps: [
        { id: "a:1", handler: () => "second" },
        { id: "e9d71f5ee7c92d6dc9e92ffdad17b8bd49418f98", idIsHashed: true, handler: () => "hashed" },
      ],
    }).execute();
    expect(result).toEqual(["own", "second", "hashed"]);
  });

  test("parallel steps may be mocked in part", async () => {
    const fn = client.createFunction({ id: "parallel" }, { event }, ({ step }) =>
      Promise.all(["a", "b", "c"].map((id) => step.run(id, () => `own ${id}`))),
    );
    const { result } = await new InngestTestEngine({ function: fn }).execute({
      steps: [
        { id: "c", handler: () => "mocked c" },
        { id: "a", handler: () => "mocked a" },
      ],
    });
    expect(result).toEqual(["mocked a", "own b", "mocked c"]);
  });

  test("every tool can be mocked", async () => {
    const other = client.createFunction({ id: "other" }, async () => "own");
    const fn = client.createFunction({ id: "all-tools" }, { event }, async ({ step }) => ({
      run: await step.run("run", () => "own"),
      wrap: await step.ai.wrap("wrap", async () => "own"),
      sleep: (await step.sleep("sleep", "1d")) ?? null,
      sleepUntil: (await step.sleepUntil("sleepUntil", new Date(Date.now() + 1000))) ?? null,
      wait: await step.waitForEvent("wait", { event: "approved", timeout: "1h" }),
      lapsed: await step.waitForEvent("lapsed", { event: "approved", timeout: "1h" }),
      invoke: await step.invoke("invoke", { function: other }),
      sent: await step.sendEvent("send", { name: "told" }),
    }));
    const approved = { name: "approved", data: { by: "ann" } };
    const { result, error } = await new InngestTestEngine({ function: fn }).execute({
      steps: [
        { id: "run", handler: () => "r" },
        { id: "wrap", handler: () => "w" },
        { id: "sleep", handler: () => undefined },
        { id: "sleepUntil", handler: () => undefined },
        { id: "wait", handler: () => approved },
        { id: "lapsed", handler: () => null },
        { id: "invoke", handler: () => ({ billed: 3 }) },
        { id: "send", handler: () => ({ ids: ["1"] }) },
      ],
    });
    expect(error).toBeUndefined();
    expect(result).toEqual({
      run: "r",
      wrap: "w",
      sleep: null,
      sleepUntil: null,
      wait: approved,
      lapsed: null,
      invoke: { billed: 3 },
      sent: { ids: ["1"] },
    });
  });

  test("a wait of an event type takes a mocked event, and checks it", async () => {
    const { z } = await import("zod");
    const approved = eventType("approved", { schema: z.object({ by: z.string() }) });
    const fn = client.createFunction({ id: "waits-typed" }, { event }, async ({ step }) => {
      const found = await step.waitForEvent("wait", { event: approved, timeout: "1h" });
      return found?.data.by;
    });
    const t = new InngestTestEngine({ function: fn });
    const answer = (data: object) => [{ id: "wait", handler: () => ({ name: "approved", data }) }];
    expect(await t.execute({ steps: answer({ by: "ann" }) })).toMatchObject({ result: "ann" });
    expect(await t.execute({ steps: answer({ by: 1 }) })).toMatchObject({ error: { name: "EventValidationError" } });
  });
});

describe("what is not mocked", () => {
  test("sleeps take no time", async () => {
    const fn = client.createFunction({ id: "sleeps" }, { event }, async ({ step }) => {
      await step.sleep("month", "30d");
      await step.sleepUntil("later", new Date(Date.now() + 90 * 86_400_000));
      return "rested";
    });
    expect((await new InngestTestEngine({ function: fn }).execute()).result).toBe("rested");
  });

  test("the test's own clock and chance are what code finds", async () => {
    vi.useFakeTimers({ now: 4_000_000_000_000 });
    vi.spyOn(Math, "random").mockReturnValue(0.25);
    try {
      const fn = client.createFunction({ id: "faked" }, { event }, async ({ step }) => {
        await step.sleep("nap", "1d");
        return step.run("a", () => [Date.now(), Math.random()]);
      });
      expect((await new InngestTestEngine({ function: fn }).execute()).result).toEqual([4_000_000_000_000, 0.25]);
    } finally {
      vi.useRealTimers();
      vi.restoreAllMocks();
    }
  });

  test("a wait that nothing answers times out, and one that the run itself answers does not", async () => {
    const fn = client.createFunction({ id: "waits" }, { event }, async ({ step }) => {
      const lapsed = await step.waitForEvent("lapsed", { event: "approved", timeout: "7d" });
      const [answered] = await Promise.all([
        step.waitForEvent("answered", { event: "echo", match: "data.n", timeout: "7d" }),
        step.sleep("a while", "1h").then(() => step.sendEvent("send", { name: "echo", data: { n: 4 } })),
      ]);
      return [lapsed, answered?.data.n];
    });
    const { result } = await new InngestTestEngine({ function: fn }).execute({
      events: [{ name: event, data: { n: 4 } }],
    });
    expect(result).toEqual([null, 4]);
  });

  test("events that a run sends go nowhere outside, and do not start the function again", async () => {
    let passes = 0;
    const fn = client.createFunction({ id: "sends" }, { event }, async ({ step }) => {
      passes += 1;
      const { ids } = await step.sendEvent("self", { name: event, data: {} });
      const direct = await client.send({ name: "elsewhere", data: {} });
      return [ids.length, direct.ids.length];
    });
    const { result, error } = await new InngestTestEngine({ function: fn }).execute();
    expect([result, error, passes]).toEqual([[1, 1], undefined, 1]);
  });

  test("an invoke runs the function that is given for it", async () => {
    const bill = client.createFunction({ id: "bill" }, { event: "bill" }, async ({ event, step }) => {
      await step.sleep("think", "1h");
      return step.run("a", () => event.data.amount * 2);
    });
    const fn = client.createFunction({ id: "invokes" }, { event }, async ({ step }) => ({
      a: await step.run("a", () => "own"),
      bill: await step.invoke("bill", { function: bill, data: { amount: 2 } }),
    }));
    const { result, state } = await new InngestTestEngine({
      function: fn,
      functions: [bill],
      steps: [{ id: "a", handler: () => "mocked" }],
    }).execute();
    expect(result).toEqual({ a: "mocked", bill: 4 });
    expect(Object.keys(state)).toEqual(["a", "bill"]);
  });

  test("an invoke of a function that is neither mocked nor given makes the execution reject, and says what to do", async () => {
    const bill = client.createFunction({ id: "bill" }, async () => 1);
    const fn = client.createFunction({ id: "invokes" }, { event }, async ({ step }) =>
      step.invoke("bill it", { function: bill }).catch(() => "hidden"),
    );
    await expect(new InngestTestEngine({ function: fn }).execute()).rejects.toThrow(
      'step.invoke "bill it": function "shop-bill" is not under test; mock the step, as { id: "bill it", handler: () => … } in `steps`, or give the engine the function in `functions`',
    );
  });

  test("a function may invoke itself", async () => {
    const fn = client.createFunction({ id: "recurs" }, { event }, async ({ event, step }): Promise<number> => {
      if (event.data.n === 0) return 0;
      return 1 + (await step.invoke<number>("deeper", { function: "shop-recurs", data: { n: event.data.n - 1 } }));
    });
    const { result } = await new InngestTestEngine({ function: fn, events: [{ data: { n: 2 } }] }).execute();
    expect(result).toBe(2);
  });
});

describe("executeStep", () => {
  test("gives a step's result, and goes no further", async () => {
    const { ran, fn } = twoSteps();
    const { result, step, state } = await new InngestTestEngine({ function: fn }).executeStep("a");
    expect(result).toBe("own a");
    expect(step).toMatchObject({ op: "StepRun", displayName: "a", data: "own a" });
    expect(ran).toEqual(["a"]);
    await expect(state.a).resolves.toBe("own a");
    expect(state).not.toHaveProperty("b");
  });

  test("runs what comes before, or its mocks", async () => {
    const { ran, fn } = twoSteps();
    const steps = [{ id: "a", handler: () => "mocked a" }];
    const { result, ctx } = await new InngestTestEngine({ function: fn }).executeStep("b", { steps });
    expect(result).toBe("b after mocked a");
    expect(ran).toEqual(["between", "b"]);
    expect(ctx.step.run).toHaveBeenCalledTimes(2);
  });

  test("gives the error of a step that throws, even of one whose failure is caught", async () => {
    const error = new RangeError("too far");
    const go = vi.fn();
    const fn = client.createFunction({ id: "fails-step" }, { event }, async ({ step }) => {
      await step
        .run("far", () => {
          throw error;
        })
        .catch(() => null);
      go();
    });
    const output = await new InngestTestEngine({ function: fn }).executeStep("far");
    expect(output.error).toBe(error);
    expect(output).not.toHaveProperty("result");
    expect(go).not.toHaveBeenCalled();
  });

  test.each([
    ["nap", { op: "Sleep", displayName: "nap" }],
    ["approval", { op: "WaitForEvent", name: "approved", opts: { timeout: "1h", if: "event.data.n == async.data.n" } }],
    ["bill", { op: "InvokeFunction", opts: { function_id: "shop-bill", payload: { data: { n: 1 } } } }],
  ])("returns %s as it is found, without waiting for it", async (id, op) => {
    const after = vi.fn();
    const fn = client.createFunction({ id: "pauses" }, { event }, async ({ step }) => {
      if (id === "nap") await step.sleep("nap", "1d");
      if (id === "approval") await step.waitForEvent("approval", { event: "approved", match: "data.n", timeout: "1h" });
      if (id === "bill") await step.invoke("bill", { function: "shop-bill", data: { n: 1 } });
      after();
    });
    const output = await new InngestTestEngine({ function: fn }).executeStep(id);
    expect(output.step).toMatchObject(op);
    expect(output).not.toHaveProperty("result");
    expect(after).not.toHaveBeenCalled();
  });

  test("goes past sleeps and waits on its way", async () => {
    const fn = client.createFunction({ id: "long" }, { event }, async ({ step }) => {
      await step.sleep("nap", "3d");
      await step.waitForEvent("approval", { event: "approved", timeout: "3d" });
      await step.run("after", () => "here");
    });
    expect((await new InngestTestEngine({ function: fn }).executeStep("after")).result).toBe("here");
  });

  test("gives the mocked result of any step that is mocked", async () => {
    const fn = client.createFunction({ id: "mocked" }, { event }, async ({ step }) => {
      await step.waitForEvent("approval", { event: "approved", timeout: "1h" });
    });
    const steps = [{ id: "approval", handler: () => ({ name: "approved", data: { by: "ann" } }) }];
    const { result } = await new InngestTestEngine({ function: fn, steps }).executeStep("approval");
    expect(result).toEqual({ name: "approved", data: { by: "ann" } });
  });

  test("of parallel steps the others do not run", async () => {
    const ran: string[] = [];
    const fn = client.createFunction({ id: "beside" }, { event }, async ({ step }) => {
      await Promise.all(["a", "b", "c"].map((id) => step.run(id, () => ran.push(id))));
    });
    await new InngestTestEngine({ function: fn }).executeStep("b");
    expect(ran).toEqual(["b"]);
  });

  test("finds the places of a repeated id", async () => {
    const fn = client.createFunction({ id: "loops" }, { event }, async ({ step }) => {
      for (const n of [1, 2, 3]) await step.run("a", () => n);
    });
    expect((await new InngestTestEngine({ function: fn }).executeStep("a:2")).result).toBe(3);
  });

  test("a step that never comes up is an error that lists those that did", async () => {
    const { fn } = twoSteps();
    const odd = client.createFunction({ id: "odd" }, { event }, async ({ step }) => {
      await step.run("charge card", () => 1);
      throw new Error("odd");
    });
    const none = client.createFunction({ id: "none" }, { event }, async () => 1);
    const execute = (one: typeof fn | typeof odd | typeof none, id: string) =>
      new InngestTestEngine({ function: one as typeof fn }).executeStep(id);
    await expect(execute(fn, "c")).rejects.toThrow(
      /^executeStep: no step "c" came up; the function has returned, and there were "a", "b"$/,
    );
    await expect(execute(odd, "charge-card")).rejects.toThrow(
      'no step "charge-card" came up (did you mean "charge card"?); the function has failed with Error: odd, and there were "charge card"',
    );
    await expect(execute(none, "a")).rejects.toThrow("and no step came up");
  });
});

describe("clone", () => {
  test("has the options of the engine, but for those that it is given", async () => {
    const { fn } = twoSteps();
    const t = new InngestTestEngine({ function: fn, steps: [{ id: "a", handler: () => "1" }] });
    const other = t.clone({ steps: [{ id: "b", handler: () => "2" }] });
    expect((await t.clone().execute()).result).toBe("b after 1");
    expect((await other.execute()).result).toBe("2");
    expect((await t.execute()).result).toBe("b after 1");
  });
});

describe("checkpoints", () => {
  test("a single execution stops at the first, and the run goes on from there", async () => {
    const { ran, fn } = twoSteps();
    const t = new InngestTestEngine({ function: fn });
    const { result, run } = await t["individualExecution"]();
    expect(result).toMatchObject({ type: "step-ran", step: { displayName: "a", data: "own a" } });
    expect(ran).toEqual(["a"]);
    const next = await run.waitFor("step-ran");
    expect(next.result.step.data).toBe("b after own a");
    const end = await next.run.waitFor("function-resolved");
    expect(end.result).toEqual({ type: "function-resolved", data: "b after own a" });
    expect(ran).toEqual(["a", "between", "b", "between"]);
  });

  test("a subset names the step", async () => {
    const { fn } = twoSteps();
    const { run } = await new InngestTestEngine({ function: fn })["individualExecution"]();
    const output = await run.waitFor("step-ran", { step: { id: "b" } });
    expect(output.result.step.data).toBe("b after own a");
    const earlier = await output.run.waitFor("step-ran", { step: { id: "a", data: expect.stringContaining("own") } });
    expect(earlier.result.step.data).toBe("own a");
  });

  test("steps that come up together are found before they run; so are single ones on request", async () => {
    const ran: string[] = [];
    const fn = client.createFunction({ id: "together" }, { event }, async ({ step }) => {
      await step.run("first", () => ran.push("first"));
      await Promise.all(["a", "b"].map((id) => step.run(id, () => ran.push(id))));
    });
    const t = new InngestTestEngine({ function: fn });
    const { run } = await t["individualExecution"]();
    const together = await run.waitFor("steps-found", { steps: [{ id: "b" }] });
    expect(together.result.steps.map(({ displayName, op }) => [displayName, op])).toEqual([
      ["a", "StepPlanned"],
      ["b", "StepPlanned"],
    ]);
    expect(ran).toEqual(["first"]);
    const single = await t["executeAndWaitFor"]("steps-found", { disableImmediateExecution: true });
    expect(single.result.steps[0]?.displayName).toBe("first");
  });

  test("an execution with a target stops when that has run", async () => {
    const { fn } = twoSteps();
    const { result } = await new InngestTestEngine({ function: fn })["individualExecution"]({ targetStepId: "b" });
    expect(result).toMatchObject({ type: "step-ran", step: { displayName: "b" } });
  });

  test("a failed run is function-rejected; waiting for another checkpoint rejects with how it ended", async () => {
    const error = new Error("boom");
    const fn = client.createFunction({ id: "boom" }, { event }, async () => {
      throw error;
    });
    const { run } = await new InngestTestEngine({ function: fn })["individualExecution"]();
    const output = await run.waitFor("function-rejected");
    expect(output.result).toEqual({ type: "function-rejected", error, retriable: true });
    await expect(run.waitFor("function-resolved")).rejects.toMatchObject({
      message: expect.stringMatching(
        /^waitFor\("function-resolved"\): .* failed with Error: boom, and no step came up$/,
      ),
      result: { type: "function-rejected", error },
      cause: error,
    });
  });
});
