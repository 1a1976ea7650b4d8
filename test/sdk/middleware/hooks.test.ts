import { describe, expect, test, vi } from "vitest";
import {
  dependencyInjectionMiddleware,
  type Inngest,
  Middleware,
  NonRetriableError,
  type Context,
  type EventPayload,
} from "../../../src/sdk/index.ts";
import { bindSender } from "../../../src/sdk/sender.ts";
import { EVENT } from "../../helpers/run-builder.ts";
import { call, clientWith, recorder, silent } from "./helpers.ts";

const twoSteps = (client: Inngest, middleware?: Middleware.Class[]) =>
  client.createFunction({ id: "ship", middleware }, { event: EVENT.name }, async ({ step }) => {
    const a = await step.run("a", () => 1);
    await step.sleep("nap", "1h");
    return a + 1;
  });

describe("[§1.7] order of hooks over HTTP", () => {
  test("a first call: run begins, its first step runs; client's middleware is outside the function's", async () => {
    const log: string[] = [];
    const client = clientWith([recorder("C", log)]);
    await call(client, twoSteps(client, [recorder("F", log)]));
    expect(log).toEqual([
      "C transformFunctionInput(0)",
      "F transformFunctionInput(0)",
      "C onMemoizationEnd",
      "F onMemoizationEnd",
      "C onRunStart",
      "F onRunStart",
      "C > wrapFunctionHandler",
      "F > wrapFunctionHandler",
      "C transformStepInput(a)",
      "F transformStepInput(a)",
      "C > wrapStep(a)",
      "F > wrapStep(a)",
      "C onStepStart(a)",
      "F onStepStart(a)",
      "C > wrapStepHandler(a)",
      "F > wrapStepHandler(a)",
      "F < wrapStepHandler(a)",
      "C < wrapStepHandler(a)",
      "C onStepComplete(a, 1)",
      "F onStepComplete(a, 1)",
    ]);
  });

  test("a call with memos: they are wrapped, memoization ends at the first new step", async () => {
    const log: string[] = [];
    const client = clientWith([recorder("C", log)]);
    await call(client, twoSteps(client), { journal: { a: { data: 1 } } });
    expect(log).toEqual([
      "C transformFunctionInput(1)",
      "C > wrapFunctionHandler",
      "C transformStepInput(a)",
      "C > wrapStep(a, memoized)",
      "C onMemoizationEnd",
      "C < wrapStep(a, memoized)",
      "C transformStepInput(nap)",
      "C > wrapStep(nap)",
    ]);
  });

  test("the last call: the handler ends", async () => {
    const log: string[] = [];
    const client = clientWith([recorder("C", log)]);
    await call(client, twoSteps(client), { journal: { a: { data: 1 }, nap: null } });
    expect(log.slice(-3)).toEqual(["C < wrapStep(nap, memoized)", "C < wrapFunctionHandler", "C onRunComplete(2)"]);
    expect(log.filter((line) => line === "C onMemoizationEnd")).toHaveLength(1);
    expect(log).not.toContain("C onRunStart");
  });

  test.each([
    [0, 3, "C onStepError(a, boom, false)"],
    [2, 3, "C onStepError(a, boom, true)"],
  ])("a step that throws at attempt %i of %i", async (attempt, maxAttempts, line) => {
    const log: string[] = [];
    const client = clientWith([recorder("C", log)]);
    const fn = client.createFunction({ id: "ship" }, { event: EVENT.name }, ({ step }) =>
      step.run("a", () => {
        throw new Error("boom");
      }),
    );
    await call(client, fn, { attempt, maxAttempts });
    expect(log.at(-1)).toBe(line);
  });

  test.each([
    [0, new Error("boom"), false],
    [2, new Error("boom"), true],
    [0, new NonRetriableError("boom"), true],
  ])("a handler that throws at attempt %i: %s", async (attempt, error, isFinal) => {
    const log: string[] = [];
    const client = clientWith([recorder("C", log)]);
    const fn = client.createFunction({ id: "ship" }, { event: EVENT.name }, () => {
      throw error;
    });
    await call(client, fn, { attempt });
    expect(log.slice(-2)).toEqual(["C < wrapFunctionHandler", `C onRunError(boom, ${isFinal})`]);
  });

  test("events of client.send and of step.sendEvent, which knows its function", async () => {
    const log: string[] = [];
    const client = clientWith([recorder("C", log)]);
    bindSender(client, async (events) => ({ ids: events.map(() => "1") }));
    await client.send({ name: "a" });
    expect(log).toEqual(["C transformSendEvent(client)", "C > wrapSendEvent", "C < wrapSendEvent"]);
    log.length = 0;
    const own = recorder("F", log);
    const fn = client.createFunction({ id: "ship", middleware: [own] }, { event: EVENT.name }, ({ step }) =>
      step.sendEvent("tell", { name: "b" }),
    );
    await call(client, fn);
    expect(log.filter((line) => line.includes("Send"))).toEqual([
      "C transformSendEvent(shop-ship)",
      "F transformSendEvent(shop-ship)",
      "C > wrapSendEvent",
      "F > wrapSendEvent",
      "F < wrapSendEvent",
      "C < wrapSendEvent",
    ]);
  });

  test("onRegister is called once, when the class is added", () => {
    const onRegister = vi.fn();
    class Registered extends Middleware.BaseMiddleware {
      static override onRegister = onRegister;
      readonly id = "r";
    }
    const client = clientWith([Registered]);
    const fn = client.createFunction({ id: "ship", middleware: [Registered] }, { event: "e" }, () => 1);
    expect(onRegister.mock.calls).toEqual([[{ client, fn: null }], [{ client, fn }]]);
  });

  test("each call has instances of its own", async () => {
    const made: object[] = [];
    class Counted extends Middleware.BaseMiddleware {
      readonly id = "counted";
      override onRunStart() {
        made.push(this);
      }
    }
    const client = clientWith([Counted]);
    const fn = twoSteps(client);
    await call(client, fn);
    await call(client, fn);
    expect(new Set(made).size).toBe(2);
  });
});

describe("what hooks change", () => {
  class Changing extends Middleware.BaseMiddleware {
    readonly id: string = "changing";
  }

  test("transformFunctionInput adds to the context and changes memoized steps; what it takes away stays", async () => {
    const client = clientWith([
      dependencyInjectionMiddleware({ db: "db" }),
      class extends Changing {
        override transformFunctionInput({ steps, ...args }: Middleware.TransformFunctionInputArgs) {
          const [first, ...others] = Object.keys(steps);
          const changed = Object.fromEntries(others.map((id) => [id, { type: "data" as const, data: new Date(0) }]));
          return { ...args, steps: first === undefined ? steps : changed };
        }
      },
    ]);
    const fn = client.createFunction({ id: "ship" }, { event: EVENT.name }, async (context) => {
      const { step } = context;
      const a = await step.run("a", () => 0);
      const b: unknown = await step.run("b", () => 0);
      return [a, b instanceof Date, Reflect.get(context, "db")];
    });
    expect(await call(client, fn, { journal: { a: { data: 1 }, b: { data: 2 } } })).toEqual({
      status: 200,
      data: [1, true, "db"],
    });
  });

  test("memoized steps are read only when they are looked at", async () => {
    class Spreading extends Changing {
      override transformFunctionInput(args: Middleware.TransformFunctionInputArgs) {
        return { ...args, ctx: { ...args.ctx } };
      }
    }
    const { LazySteps } = await import("../../../src/sdk/middleware/memoized-steps.ts");
    const read = vi.fn(() => [["x", { memo: { data: 1 }, position: 0 }]] as const);
    const lazy = new LazySteps(read);
    const client = clientWith([Spreading]);
    const result = new Spreading({ client }).transformFunctionInput({ steps: lazy.steps } as never);
    expect(lazy.changes(result.steps)).toBeNull();
    expect(read).not.toHaveBeenCalled();
    expect({ ...result.steps }).toEqual({ x: { type: "data", data: 1 } });
    expect(lazy.changes(result.steps)).not.toBeNull();
  });

  test("transformStepInput changes id, name and input", async () => {
    const client = clientWith([
      class extends Changing {
        override async transformStepInput(args: Middleware.TransformStepInputArgs) {
          await new Promise((resolve) => setImmediate(resolve));
          return { ...args, stepOptions: { id: `${args.stepOptions.id}!`, name: "N" }, input: [...args.input, 2] };
        }
      },
    ]);
    const fn = client.createFunction({ id: "ship" }, { event: EVENT.name }, ({ step }) =>
      step.run("a", (...n: number[]) => n.reduce((x, y) => x + y), 1),
    );
    expect(await call(client, fn)).toMatchObject({
      ops: [{ userland: { id: "a!" }, displayName: "N", opts: { input: [1, 2] }, data: 3 }],
    });
  });

  test.each([
    ["step.sleep", (step: Context["step"]) => step.sleep("s", "1h"), ["1h"], ["2h"], { name: "2h" }],
    [
      "step.sleepUntil",
      (step: Context["step"]) => step.sleepUntil("s", new Date(0)),
      [new Date(0)],
      [new Date(1)],
      { name: "1970-01-01T00:00:00.001Z" },
    ],
    [
      "step.waitForEvent",
      (step: Context["step"]) => step.waitForEvent("s", { event: "e", timeout: "1h" }),
      [{ timeout: "1h" }],
      [{ timeout: "2h" }],
      { opts: { timeout: "2h" } },
    ],
    [
      "step.invoke",
      (step: Context["step"]) => step.invoke("s", { function: "shop-f", data: { n: 1 } }),
      [{ function_id: "shop-f", payload: { data: { n: 1 } } }],
      [{ function_id: "shop-f", payload: { data: { n: 2 } } }],
      { opts: { payload: { data: { n: 2 } } } },
    ],
  ])("transformStepInput sees and changes what %s asks for", async (_, ask, seen, changed, op) => {
    const inputs: unknown[] = [];
    const client = clientWith([
      class extends Changing {
        override transformStepInput(args: Middleware.TransformStepInputArgs) {
          inputs.push(args.input);
          return { ...args, input: changed };
        }
      },
    ]);
    const fn = client.createFunction({ id: "ship" }, { event: EVENT.name }, ({ step }) => ask(step));
    expect(await call(client, fn)).toMatchObject({ ops: [op] });
    expect(inputs).toEqual([seen]);
  });

  test("wrapStepHandler changes what is stored, wrapStep what the handler gets, wrapFunctionHandler the result", async () => {
    const client = clientWith([
      class extends Changing {
        override async wrapStepHandler({ next }: Middleware.WrapStepHandlerArgs) {
          return `stored ${await next()}`;
        }
        override async wrapStep({ next }: Middleware.WrapStepArgs) {
          return `read ${await next()}`;
        }
        override async wrapFunctionHandler({ next }: Middleware.WrapFunctionHandlerArgs) {
          return `returned ${await next()}`;
        }
      },
    ]);
    const fn = client.createFunction({ id: "ship" }, { event: EVENT.name }, ({ step }) => step.run("a", () => "a"));
    expect(await call(client, fn)).toMatchObject({ ops: [{ data: "stored a" }] });
    expect(await call(client, fn, { journal: { a: { data: "x" } } })).toMatchObject({ data: "returned read x" });
  });

  test("wrapStep may make steps of its own, which go through all middleware but this one", async () => {
    const log: string[] = [];
    const client = clientWith([
      class extends Changing {
        override async wrapStep({ next, ctx, stepInfo }: Middleware.WrapStepArgs) {
          log.push(`wrap ${stepInfo.options.id}`);
          await ctx.step.run(`before ${stepInfo.options.id}`, () => 0);
          return next();
        }
      },
      recorder("R", log),
    ]);
    const fn = client.createFunction({ id: "ship" }, { event: EVENT.name }, ({ step }) => step.run("a", () => 1));
    expect(await call(client, fn)).toMatchObject({ ops: [{ op: "StepRun", userland: { id: "before a" } }] });
    const journal = { "before a": { data: 0 } };
    expect(await call(client, fn, { journal })).toMatchObject({ ops: [{ op: "StepRun", userland: { id: "a" } }] });
    expect(await call(client, fn, { journal: { ...journal, a: { data: 1 } } })).toMatchObject({ data: 1 });
    expect(log.filter((line) => line.startsWith("wrap "))).toEqual(["wrap a", "wrap a", "wrap a"]);
    expect(log).toContain("R > wrapStep(before a)");
  });

  test("a kept `step` knows that it is used inside wrapStep", async () => {
    const client = clientWith([
      class extends Changing {
        #step: Context["step"] | undefined;
        override transformFunctionInput(args: Middleware.TransformFunctionInputArgs) {
          this.#step = args.ctx.step;
          return args;
        }
        override async wrapStep({ next }: Middleware.WrapStepArgs) {
          await new Promise((resolve) => setImmediate(resolve));
          await this.#step?.run("kept", () => 0);
          return next();
        }
      },
    ]);
    const fn = client.createFunction({ id: "ship" }, { event: EVENT.name }, ({ step }) => step.run("a", () => 1));
    const journal = { kept: { data: 0 } };
    expect(await call(client, fn, { journal })).toMatchObject({ ops: [{ userland: { id: "a" } }] });
  });

  test("transformSendEvent changes events, wrapSendEvent what is answered", async () => {
    const sent: EventPayload[] = [];
    const client = clientWith([
      class extends Changing {
        override transformSendEvent(args: Middleware.TransformSendEventArgs) {
          return { ...args, events: args.events.map((event) => ({ ...event, data: { ...event.data, by: "me" } })) };
        }
        override async wrapSendEvent({ next }: Middleware.WrapSendEventArgs) {
          return { ids: [...(await next()).ids, "more"] };
        }
      },
    ]);
    bindSender(client, async (events) => (sent.push(...events), { ids: ["1"] }));
    expect(await client.send({ name: "a", data: { n: 1 } })).toEqual({ ids: ["1", "more"] });
    expect(sent).toEqual([{ name: "a", data: { n: 1, by: "me" } }]);
  });
});

describe("a hook that throws", () => {
  const fail = () => {
    throw new TypeError("no");
  };
  const failing = (hook: string, error: () => never = fail) =>
    class extends Middleware.BaseMiddleware {
      readonly id = "bad";
      static {
        Object.defineProperty(this.prototype, hook, { value: error });
      }
    };
  const step = (client: Inngest) =>
    client.createFunction({ id: "ship" }, { event: EVENT.name }, ({ step }) => step.run("a", () => 1));

  test("transformFunctionInput: the attempt of the run fails, naming middleware and hook", async () => {
    const client = clientWith([failing("transformFunctionInput")]);
    expect(await call(client, step(client))).toMatchObject({
      status: 500,
      noRetry: false,
      error: { name: "TypeError", message: 'middleware "bad": transformFunctionInput: no' },
    });
  });

  test("a constructor: the attempt of the run fails, naming the class; so does sending", async () => {
    class Broken extends Middleware.BaseMiddleware {
      readonly id = "broken";
      constructor(args: { client: Inngest }) {
        super(args);
        throw new Error("no connection");
      }
    }
    const client = clientWith([Broken]);
    const message = 'middleware "Broken": constructor: no connection';
    expect(await call(client, step(client))).toMatchObject({ status: 500, noRetry: false, error: { message } });
    await expect(client.send({ name: "a" })).rejects.toThrow(message);
  });

  test("transformFunctionInput with a NonRetriableError: the run fails for good", async () => {
    const client = clientWith([
      failing("transformFunctionInput", () => {
        throw new NonRetriableError("no");
      }),
    ]);
    expect(await call(client, step(client))).toMatchObject({ status: 400, noRetry: true });
  });

  test("transformFunctionInput that returns nothing is told to return its argument", async () => {
    const client = clientWith([failing("transformFunctionInput", () => undefined as never)]);
    expect(await call(client, step(client))).toMatchObject({
      error: { message: 'middleware "bad": transformFunctionInput: returned undefined; return the argument' },
    });
  });

  test.each(["transformStepInput", "wrapStepHandler"])("%s: the step fails and is tried again", async (hook) => {
    const client = clientWith([failing(hook)]);
    const message = hook === "wrapStepHandler" ? "no" : `middleware "bad": ${hook}: no`;
    expect(await call(client, step(client))).toMatchObject({
      status: 206,
      noRetry: false,
      ops: [{ op: "StepError", userland: { id: "a" }, error: { message } }],
    });
    expect(await call(client, step(client), { attempt: 2 })).toMatchObject({ ops: [{ op: "StepFailed" }] });
  });

  test.each(["transformStepInput", "wrapStep"])("%s of a memoized step: the handler gets the error", async (hook) => {
    const client = clientWith([failing(hook)]);
    expect(await call(client, step(client), { journal: { a: { data: 1 } } })).toMatchObject({
      status: 500,
      error: { message: expect.stringContaining("no") },
    });
  });

  test.each(["onMemoizationEnd", "onRunStart", "onRunComplete"])("%s: it is logged, the run goes on", async (hook) => {
    const error = vi.fn();
    const client = clientWith([failing(hook)], { internalLogger: { ...silent, error } });
    const fn = client.createFunction({ id: "ship" }, { event: EVENT.name }, () => 1);
    expect(await call(client, fn)).toEqual({ status: 200, data: 1 });
    expect(error.mock.calls).toEqual([[`middleware "bad": ${hook} failed`, new TypeError("no")]]);
  });

  test.each(["onStepStart", "onStepComplete"])("%s: it is logged, the step goes on", async (hook) => {
    const error = vi.fn();
    const client = clientWith([failing(hook)], { internalLogger: { ...silent, error } });
    expect(await call(client, step(client))).toMatchObject({ ops: [{ op: "StepRun", data: 1 }] });
    expect(error).toHaveBeenCalledTimes(1);
  });
});

test.each([
  [{}, "new Inngest: middleware: object is not a list of middleware"],
  [[null], "new Inngest: middleware[0]: null is neither a class"],
  [[{ name: "x" }], "new Inngest: middleware[0]: object is neither a class"],
])("the option middleware refuses %j", (middleware, message) => {
  expect(() => clientWith(middleware as never)).toThrow(message);
});
