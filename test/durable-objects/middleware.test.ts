/** Middleware around embedded functions, over the platform's own objects in memory. */
import { describe, expect, test, vi } from "vitest";
import { encryptionMiddleware } from "../../src/middleware/encryption.ts";
import {
  Inngest,
  InngestMiddleware,
  Middleware,
  NonRetriableError,
  type InngestFunction,
  type Logger,
} from "../../src/sdk/index.ts";
import type { TestPlatform } from "../../src/testing/platform.ts";
import { MemoryRunStore } from "../../src/testing/storage/memory-run-store.ts";
import { die, simulated, view as viewOf } from "../helpers/simulated-platform.ts";
import { recorder } from "../sdk/middleware/helpers.ts";

/** What an event makes of functions, and the run of the first one. */
async function run(
  functions: (client: Inngest) => InngestFunction[],
  {
    data = {},
    client,
    between,
  }: { data?: object; client?: Inngest; between?: (platform: TestPlatform) => Promise<void> } = {},
) {
  const platform = simulated(functions, { client });
  const { ids } = await platform.send({ name: "go", data: { ...data }, id: "e" });
  await between?.(platform);
  await platform.clock.runUntilIdle();
  const view = await viewOf(platform, ids[0]!, "mem-f");
  if (!view) throw new Error("no run");
  return view;
}

/** The process dies while the run sleeps, and another one goes on. */
const dieWhileAsleep = async (platform: TestPlatform) => {
  await platform.clock.advance(1000);
  die(platform);
};

describe("[§1.7] order of hooks in an embedded run", () => {
  test("one pass runs the whole: memoization ends at once", async () => {
    const log: string[] = [];
    const view = await run((client) => [
      client.createFunction({ id: "f", middleware: [recorder("F", log)] }, { event: "go" }, async ({ step }) => {
        const a = await step.run("a", () => 1);
        return a + (await step.run("b", () => 2));
      }),
    ]);
    expect(view.run.state).toMatchObject({ kind: "completed", output: 3 });
    expect(log.map((line) => line.slice(2))).toEqual([
      "transformFunctionInput(0)",
      "onMemoizationEnd",
      "onRunStart",
      "> wrapFunctionHandler",
      ...["a", "b"].flatMap((id, index) => [
        `transformStepInput(${id})`,
        `> wrapStep(${id})`,
        `onStepStart(${id})`,
        `> wrapStepHandler(${id})`,
        `< wrapStepHandler(${id})`,
        `onStepComplete(${id}, ${index + 1})`,
        `< wrapStep(${id})`,
      ]),
      "< wrapFunctionHandler",
      "onRunComplete(3)",
    ]);
  });

  test("a replay after the process died: memos are wrapped, the run does not start again", async () => {
    const log: string[] = [];
    await run(
      (client) => [
        client.createFunction({ id: "f", middleware: [recorder("F", log)] }, { event: "go" }, async ({ step }) => {
          await step.run("a", () => 1);
          await step.sleep("nap", "1h");
          return step.run("b", () => 2);
        }),
      ],
      {
        between: async (platform) => {
          await dieWhileAsleep(platform);
          log.length = 0;
        },
      },
    );
    expect(log.map((line) => line.slice(2))).toEqual([
      "transformFunctionInput(2)",
      "> wrapFunctionHandler",
      "transformStepInput(a)",
      "> wrapStep(a, memoized)",
      "< wrapStep(a, memoized)",
      "transformStepInput(nap)",
      "> wrapStep(nap, memoized)",
      "onMemoizationEnd",
      "< wrapStep(nap, memoized)",
      "transformStepInput(b)",
      "> wrapStep(b)",
      "onStepStart(b)",
      "> wrapStepHandler(b)",
      "< wrapStepHandler(b)",
      "onStepComplete(b, 2)",
      "< wrapStep(b)",
      "< wrapFunctionHandler",
      "onRunComplete(2)",
    ]);
  });

  test("a step that fails: each attempt is told, the last one as final, and the run after it", async () => {
    const log: string[] = [];
    await run((client) => [
      client.createFunction({ id: "f", retries: 1, middleware: [recorder("F", log)] }, { event: "go" }, ({ step }) =>
        step.run("a", () => {
          throw new Error("boom");
        }),
      ),
    ]);
    expect(log.filter((line) => line.includes("Error"))).toEqual([
      "F onStepError(a, boom, false)",
      "F onStepError(a, boom, true)",
      "F onRunError(boom, true)",
    ]);
  });

  test("a step's own retries count, not the function's", async () => {
    const log: string[] = [];
    await run((client) => [
      client.createFunction({ id: "f", retries: 5, middleware: [recorder("F", log)] }, { event: "go" }, ({ step }) =>
        step.run({ id: "a", retries: 0 }, () => {
          throw new Error("boom");
        }),
      ),
    ]);
    expect(log).toContain("F onStepError(a, boom, true)");
  });

  test("a handler that fails: each attempt is told", async () => {
    const log: string[] = [];
    await run((client) => [
      client.createFunction({ id: "f", retries: 1, middleware: [recorder("F", log)] }, { event: "go" }, () => {
        throw new Error("boom");
      }),
    ]);
    expect(log.filter((line) => /onRun/.test(line))).toEqual([
      "F onRunStart",
      "F onRunError(boom, false)",
      "F onRunError(boom, true)",
    ]);
  });
});

test("a middleware that cannot be made fails the attempts of the run, and the run by name", async () => {
  class Broken extends Middleware.BaseMiddleware {
    readonly id = "broken";
    constructor(args: { client: Inngest }) {
      super(args);
      throw new Error("no connection");
    }
  }
  const view = await run((client) => [
    client.createFunction({ id: "f", retries: 1, middleware: [Broken] }, { event: "go" }, () => 1),
  ]);
  const error = { message: 'middleware "Broken": constructor: no connection' };
  expect(view.run).toMatchObject({ attempt: 1, state: { kind: "failed", error } });
});

describe("memoized steps", () => {
  test("are not read from the disk unless middleware looks at them", async () => {
    const reads = vi.spyOn(MemoryRunStore.prototype, "entries");
    const writes = vi.spyOn(MemoryRunStore.prototype, "putRun");
    // by the objects of runs, which also write: a test platform looks through stores of its own
    const ownReads = () => reads.mock.contexts.filter((store) => writes.mock.contexts.includes(store));
    const pages = vi.spyOn(MemoryRunStore.prototype, "page"); // read all; asked once, by the view
    const seen: unknown[] = [];
    class Looking extends Middleware.BaseMiddleware {
      readonly id = "looking";
      override transformFunctionInput(args: Middleware.TransformFunctionInputArgs) {
        if (args.ctx.event.data.look) seen.push(Object.values(args.steps));
        return { ...args, ctx: { ...args.ctx } };
      }
    }
    const functions = (client: Inngest) => [
      client.createFunction({ id: "f", middleware: [Looking] }, { event: "go" }, async ({ step }) => {
        await step.run("a", () => ({ n: 1 }));
        await step.run("b", () => Promise.reject(new NonRetriableError("no"))).catch(() => 0);
        await step.sleep("nap", "1h");
        return "end";
      }),
    ];
    for (const look of [false, true]) {
      reads.mockClear();
      writes.mockClear();
      pages.mockClear();
      const view = await run(functions, { data: { look }, between: dieWhileAsleep });
      expect(view.run.state).toMatchObject({ kind: "completed", output: "end" });
      expect(ownReads()).toHaveLength(pages.mock.calls.length + (look ? 2 : 0)); // once in each of two passes
    }
    reads.mockRestore();
    writes.mockRestore();
    pages.mockRestore();
    expect(seen).toEqual([
      [],
      [
        { type: "data", data: { n: 1 } },
        { type: "error", error: expect.objectContaining({ message: "no" }) },
        { type: "data", data: null },
      ],
    ]);
  });

  test("that are changed are what the handler gets", async () => {
    class Changing extends Middleware.BaseMiddleware {
      readonly id = "changing";
      override transformFunctionInput(args: Middleware.TransformFunctionInputArgs) {
        const steps = Object.entries(args.steps).map(
          ([id, one]) => [id, one.type === "data" && one.data !== null ? { ...one, data: "changed" } : one] as const,
        );
        return { ...args, steps: Object.fromEntries(steps) };
      }
    }
    const view = await run(
      (client) => [
        client.createFunction({ id: "f", middleware: [Changing] }, { event: "go" }, async ({ step }) => {
          const a = await step.run("a", () => "stored");
          const slept: unknown = await step.sleep("nap", "1h");
          return [a, slept === undefined];
        }),
      ],
      { between: dieWhileAsleep },
    );
    expect(view.run.state).toMatchObject({ output: ["changed", true] });
  });
});

test("the logger writes each line once, whatever is replayed", async () => {
  const lines: unknown[] = [];
  const logger: Logger = { debug() {}, warn() {}, error() {}, info: (line) => void lines.push(line) };
  await run(
    (client) => [
      client.createFunction({ id: "f" }, { event: "go" }, async (context) => {
        context.logger.info("begin");
        await context.step.run("a", () => 1);
        context.logger.info("after a");
        await context.step.sleep("nap", "1h");
        context.logger.info("after nap");
        await context.step.run("b", () => 1);
        context.logger.info("end");
      }),
    ],
    { client: new Inngest({ id: "mem", logger }), between: dieWhileAsleep },
  );
  expect(lines).toEqual(["begin", "after a", "after nap", "end"]);
});

describe("encryption", () => {
  const KEY = "k".repeat(44);
  const functions = (client: Inngest) => {
    const middleware = [encryptionMiddleware({ key: KEY })];
    const child = client.createFunction({ id: "child", middleware }, [], ({ event }) => ({
      ...event.data.encrypted,
      more: "secret child",
    }));
    const main = client.createFunction({ id: "f", middleware, retries: 0 }, { event: "go" }, async ({ step }) => {
      const a = await step.run("a", () => "secret a");
      await step.sendEvent("tell", { name: "answer", data: { encrypted: { told: "secret told" } } });
      const [answer, child1] = await Promise.all([
        step.waitForEvent("answer", { event: "answer", timeout: "1h" }),
        step.invoke("child", { function: child, data: { encrypted: { given: "secret given" } } }),
      ]);
      await step.sleep("nap", "1h");
      const failure = await step
        .run("broken", () => {
          throw new NonRetriableError("readable");
        })
        .catch((error: Error) => error.message);
      return { a, told: answer?.data.encrypted.told, child: child1, failure };
    });
    return [main, child];
  };

  test("nothing secret is on the disk, and the handler sees all, also after the process died", async () => {
    const view = await run(functions, { between: dieWhileAsleep });
    const stored = JSON.stringify([view.entries, view.run.state]);
    expect(view.run.state).toMatchObject({ kind: "completed", output: { __ENCRYPTED__: true } });
    expect(stored).not.toContain("secret");
    expect(stored).toContain("readable");
    // read it as another function of the app would
    const reader = encryptionMiddleware({ key: KEY });
    const output = "output" in view.run.state ? view.run.state.output : undefined;
    const instance = new reader({ client: new Inngest({ id: "mem" }) });
    expect(await instance.wrapStep?.({ next: async () => output, stepInfo: { stepType: "run" } } as never)).toEqual({
      a: "secret a",
      told: "secret told",
      child: { given: "secret given", more: "secret child" },
      failure: "readable",
    });
  });
});

test("[v3] an object that encrypts in transformOutput and decrypts in transformInput works within one pass", async () => {
  const wrap = (data: unknown) => ({ sealed: JSON.stringify(data) });
  const unwrap = (data: unknown) => {
    const sealed: unknown = Reflect.get(Object(data), "sealed");
    return typeof sealed === "string" ? JSON.parse(sealed) : data;
  };
  const old = new InngestMiddleware({
    name: "old",
    init: () => ({
      onFunctionRun: () => ({
        transformInput: ({ steps }) => ({ steps: steps.map((step) => ({ ...step, data: unwrap(step.data) })) }),
        transformOutput: ({ result, step }) => (step ? { result: { data: wrap(result.data) } } : undefined),
      }),
    }),
  });
  const view = await run(
    (client) => [
      client.createFunction({ id: "f", middleware: [old] }, { event: "go" }, async ({ step }) => {
        const a = await step.run("a", () => ({ n: 1 }));
        await step.sleep("nap", "1h");
        const b = await step.run("b", () => a.n + 1);
        return { a, b };
      }),
    ],
    { between: dieWhileAsleep },
  );
  expect(view.run.state).toMatchObject({ output: { a: { n: 1 }, b: 2 } });
  expect(JSON.stringify(view.entries)).toContain("sealed");
});
