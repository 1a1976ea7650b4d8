/** What code of runs logs, as tests of functions see it; over each transport by the very code of the platform. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { ConsoleLogger, Inngest, type ClientOptions, type Context } from "../../src/sdk/index.ts";
import { createTestPlatform, type TestPlatform, type TestRun } from "../../src/testing/index.ts";
import { silent } from "../helpers/simulated-platform.ts";

const printed: unknown[][] = [];
/** The console, which prints nothing here. */
function quiet() {
  printed.length = 0;
  for (const method of ["debug", "log", "info", "warn", "error"] as const)
    vi.spyOn(console, method).mockImplementation((...args) => void printed.push([method, ...args]));
}
afterEach(() => vi.restoreAllMocks());

const told = (run: TestRun) => run.logs.map(({ step, attempt, text }) => `${step ?? "-"}/${attempt} ${text}`);

describe.each(["local", "http"] as const)("over %s:", (transport) => {
  function platformOf(
    handler: (context: Context) => unknown,
    options: Partial<ClientOptions> = {},
    more = {},
  ): TestPlatform {
    const client = new Inngest({ id: "shop", logger: silent, ...options });
    const retries = { attempts: 3, backoff: "fixed", initialDelay: "1s", jitter: false } as const;
    const fn = client.createFunction({ id: "buy", retries }, { event: "buy" }, handler as () => unknown);
    return createTestPlatform({ functions: [fn], transport, ...more });
  }
  async function ran(handler: (context: Context) => unknown, options: Partial<ClientOptions> = {}): Promise<TestRun> {
    const { run } = await platformOf(handler, options).send({ name: "buy", data: {} });
    return run.waitFor("end");
  }

  it("lines are kept with the step whose code has written them, and those around steps with the run; each once", async () => {
    const run = await ran(async ({ logger, step }) => {
      logger.info("begin");
      await step.run("charge", async () => {
        logger.warn("in charge", { cents: 5 });
        await Promise.resolve();
        logger.debug("charged");
      });
      logger.error("between");
      await step.sleep("a while", "1h");
      logger.info("after the sleep");
      await step.run("ship", () => logger.info("shipped"));
      logger.info("end");
    });
    expect(told(run)).toEqual([
      "-/0 begin",
      'charge/0 in charge {"cents":5}',
      "charge/0 charged",
      "-/0 between",
      "-/0 after the sleep",
      "ship/0 shipped",
      "-/0 end",
    ]);
    expect(run.logs.map(({ level }) => level)).toEqual(["info", "warn", "debug", "error", "info", "info", "info"]);
    const [first, , , , later] = run.logs;
    expect(later!.at.getTime() - first!.at.getTime()).toBeGreaterThanOrEqual(3_600_000); // in the run's time
  });

  it("of each attempt, and of a function that fails", async () => {
    const run = await ran(async ({ logger, step, attempt }) => {
      logger.info(`begin ${attempt}`);
      await step.run("charge", () => {
        logger.info("charging");
        if (run0.count++ < 2) throw new Error("no network");
      });
      logger.info("charged");
      throw new Error(`failed ${attempt}`);
    });
    expect(run.status).toBe("Failed");
    const lines = told(run);
    expect(lines.filter((line) => line.endsWith("charging"))).toEqual([
      "charge/0 charging",
      "charge/1 charging",
      "charge/2 charging",
    ]);
    expect(lines.filter((line) => line.endsWith("charged")).map((line) => line.slice(0, 3))).toEqual([
      "-/0",
      "-/1",
      "-/2",
    ]);
    expect(run.steps[0]).toMatchObject({ id: "charge", attempts: 3 });
    run0.count = 0;
  });
  const run0 = { count: 0 };

  it("of steps that run beside each other each has its own, whatever they wait for", async () => {
    const run = await ran(async ({ logger, step }) => {
      await Promise.all(
        ["a", "b", "c"].map((id) =>
          step.run(id, async () => {
            for (let i = 0; i < 5; i++) {
              await new Promise((resolve) => setImmediate(resolve));
              logger.info(`${id}${i}`);
            }
          }),
        ),
      );
    });
    for (const id of ["a", "b", "c"])
      expect(run.logs.filter(({ step }) => step === id).map(({ text }) => text)).toEqual(
        [0, 1, 2, 3, 4].map((i) => `${id}${i}`),
      );
    expect(run.logs).toHaveLength(15);
  });

  it("the console is heard in code of runs, and nowhere else; it prints as before, and nothing is heard twice", async () => {
    quiet();
    console.info("before any run");
    const run = await ran(
      async ({ logger, step }) => {
        console.log("begin %d", 1);
        await step.run("charge", () => {
          console.warn("in charge");
          logger.info("by the logger");
        });
      },
      { logger: new ConsoleLogger() },
    );
    console.info("after it");
    expect(told(run)).toEqual(["-/0 begin 1", "charge/0 in charge", "charge/0 by the logger"]);
    const texts = printed.map(([method, ...args]) => `${method}: ${args.join(" ")}`);
    expect(texts).toEqual(
      expect.arrayContaining(["info: before any run", "warn: in charge", "info: by the logger", "info: after it"]),
    );
    expect(texts.filter((text) => text === "warn: in charge")).toHaveLength(1);
  });

  it("children of the logger are heard with their fields; a level that the logger leaves out is kept all the same", async () => {
    quiet();
    const child = (fields: object) => ({ ...silent, child, fields });
    const run = await ran(
      async ({ logger }) => {
        const own = (logger as unknown as { child(fields: object): typeof logger }).child({ orderId: 7 });
        own.info("hello");
        logger.debug("left out");
      },
      { logger: Object.assign(child({}), { child }) as never },
    );
    expect(told(run)).toEqual(['-/0 hello {"orderId":7}', "-/0 left out"]);
  });

  it.each([
    [true, ["by the logger", "by the console"]],
    [undefined, ["by the logger", "by the console"]],
    ["logger", ["by the logger"]],
    [false, []],
  ] as const)("captureLogs: %s", async (captureLogs, texts) => {
    quiet();
    const run = await ran(
      async ({ logger, step }) =>
        step.run("a", () => {
          logger.info("by the logger");
          console.log("by the console");
        }),
      { captureLogs },
    );
    expect(run.logs.map(({ text }) => text)).toEqual(texts);
    expect(printed).toContainEqual(["log", "by the console"]);
  });

  it("what a step has logged too much is counted, and its result is none the worse", async () => {
    const run = await ran(({ logger, step }) =>
      step.run("loud", () => {
        for (let i = 0; i < 1_000; i++) logger.info(`line ${i}`);
        return "done";
      }),
    );
    expect([run.status, run.output, run.logs.length, run.logs.at(-1)?.text]).toEqual([
      "Completed",
      "done",
      100,
      "line 99",
    ]);
  });

  it("a line never reaches another run: fifty beside each other, by logger and console, in and around steps", async () => {
    quiet();
    const platform = platformOf(async ({ event, logger, step }) => {
      const { id } = event.data;
      const turn = () => new Promise((resolve) => setImmediate(resolve));
      logger.info(`${id} begins`);
      const write = async (name: string) => {
        for (let i = 0; i < 4; i++) {
          await turn();
          if (i % 2 === 0) logger.info(`${id} ${name} ${i}`);
          else console.log(id, name, i);
        }
      };
      await Promise.all([step.run("a", () => write("a")), step.run("b", () => write("b"))]);
      await step.sleep("nap", "1m");
      await step.run("c", () => write("c"));
      console.log(id, "ends");
    });
    const { runs } = await platform.send(
      Array.from({ length: 50 }, (_, i) => ({ name: "buy", data: { id: `run-${i}` } })),
    );
    expect(runs).toHaveLength(50);
    for (const run of runs) await run.waitFor("end");
    for (const [i, run] of runs.entries()) {
      const id = String(run.event.data.id);
      expect(id).toBe(`run-${i}`);
      const of = (step: string | undefined) => run.logs.filter((line) => line.step === step).map(({ text }) => text);
      for (const step of ["a", "b", "c"]) expect(of(step)).toEqual([0, 1, 2, 3].map((n) => `${id} ${step} ${n}`));
      expect(of(undefined)).toEqual([`${id} begins`, `${id} ends`]);
    }
  });
});

it("a setting of captureLogs that is none is refused where the functions are served", () => {
  const client = new Inngest({ id: "shop", captureLogs: "all" as never });
  const fn = client.createFunction({ id: "buy" }, { event: "buy" }, () => null);
  expect(() => createTestPlatform({ functions: [fn] })).toThrow(
    'captureLogs: "all" is none of true, false and "logger"',
  );
});
