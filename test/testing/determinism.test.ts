import { describe, expect, it } from "vitest";
import { Inngest, type Context } from "../../src/sdk/index.ts";
import { createTestPlatform, NondeterminismError, type TestPlatformOptions } from "../../src/testing/index.ts";
import { deviation, differ, type AskedStep, type ReplayResult } from "../../src/testing/determinism.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
/** What no seed decides: taken before it is virtual. */
const { random: unseen } = Math;

type Handler = (context: Context) => unknown;

function app() {
  return new Inngest({ id: "app", logger: silent });
}

function platformOf(handler: Handler, options: Partial<TestPlatformOptions> = {}) {
  const fn = app().createFunction({ id: "fn", retries: 2 }, { event: "go" }, handler);
  return createTestPlatform({ functions: [fn], start: "2030-05-06T12:00:00Z", ...options }); // a Monday
}

/** Runs a function to its end; what the test would fail with. */
async function failure(handler: Handler, options?: Partial<TestPlatformOptions>): Promise<NondeterminismError | null> {
  try {
    const { runs } = await platformOf(handler, options).send({ name: "go", ts: Date.UTC(2030, 4, 6, 12) });
    for (const run of runs) await run.waitFor("end");
  } catch (error) {
    if (error instanceof NondeterminismError) return error;
    throw error;
  }
  return null;
}

describe.each(["local", "http"] as const)("a function fails the test (%s)", (transport) => {
  it("when it asks for other steps the next day", async () => {
    const error = await failure(
      async ({ step, event }) => {
        await step.run("prepare", () => 1);
        if (Date.now() < Number(event.ts) + 3_600_000) await step.run("early", () => 2);
        else await step.run("late", () => 3);
      },
      { transport },
    );
    expect(error?.functionId).toBe("app-fn");
    expect(error?.first).toEqual(["early"]);
    expect(error?.onReplay).toEqual(["late"]);
    expect(error?.calls).toEqual([{ what: "Date.now()", at: expect.stringMatching(/determinism\.test\.ts:\d+$/) }]);
    expect(error?.message).toContain('function "app-fn" asks for other steps when it is replayed');
    expect(error?.message).toContain('at first it asked for     step.run "early"');
    expect(error?.message).toContain('on a replay it asks for   step.run "late"');
    expect(error?.message).toMatch(/outside of steps it calls Date\.now\(\) at .*determinism\.test\.ts:\d+/);
    expect(error?.message).toContain('await step.run("…", () => Date.now())');
  });

  it("when it does something on some days of the week only", async () => {
    const error = await failure(
      async ({ step }) => {
        const day = new Date().getUTCDay();
        if (day !== 0 && day !== 6) await step.run("office", () => 1);
      },
      { transport },
    );
    expect([error?.first, error?.onReplay]).toEqual([["office"], []]);
    expect(error?.message).toContain("on a replay it asks for   nothing more");
    expect(error?.calls[0]?.what).toBe("new Date()");
  });

  it.each([
    ["Math.random()", () => `draw-${Math.random()}`],
    ["crypto.randomUUID()", () => `draw-${crypto.randomUUID()}`],
    ["crypto.getRandomValues()", () => `draw-${crypto.getRandomValues(new Uint32Array(1))[0]}`],
    ["Date.now()", () => `at-${Date.now()}`],
    ["Date()", () => `at-${Date()}`],
  ])("when the id of a step is made of %s", async (what, id) => {
    const error = await failure(({ step }) => step.run(id(), () => 1), { transport });
    expect(error?.calls.map((call) => call.what)).toEqual([what]);
    expect(error?.first).not.toHaveLength(0);
    expect(error?.onReplay).toHaveLength(1);
    expect(error?.first).not.toContain(error?.onReplay[0]);
  });

  it.each([0.02, 0.5, 0.98])("when it does something with a probability of %s", async (probability) => {
    const error = await failure(
      async ({ step }) => {
        if (Math.random() < probability) await step.run("heads", () => 1);
        else await step.run("tails", () => 2);
      },
      { transport },
    );
    expect(new Set([error?.first, error?.onReplay].flat())).toEqual(new Set(["heads", "tails"]));
  });

  it("when a sleep is skipped or not", async () => {
    const error = await failure(
      async ({ step, event }) => {
        if (Date.now() - Number(event.ts) < 60_000) await step.sleep("wait", "1h");
        await step.run("then", () => 1);
      },
      { transport },
    );
    expect(error).toBeInstanceOf(NondeterminismError);
  });

  it("when it gives up by the clock", async () => {
    const error = await failure(
      async ({ step, event }) => {
        if (Date.now() > Number(event.ts) + 3_600_000) throw new Error("too late");
        return step.run("in time", () => 1);
      },
      { transport },
    );
    expect([error?.first, error?.onReplay]).toEqual([["in time"], []]);
  });

  it("not when time and chance are data only", async () => {
    const error = await failure(
      async ({ step }) => {
        const begun = new Date();
        const id = crypto.randomUUID();
        await step.run("store", () => ({ begun, id }));
        await step.sleepUntil("until", new Date(Date.now() + 86_400_000));
        await step.sendEvent("tell", { name: "told", data: { id, at: Date.now(), luck: Math.random() } });
        return { took: Date.now() - begun.getTime() };
      },
      { transport },
    );
    expect(error).toBeNull();
  });

  it("not when a step has taken them", async () => {
    const error = await failure(
      async ({ step }) => {
        const now = await step.run("now", () => Date.now());
        const luck = await step.run("luck", () => Math.random());
        const id = await step.run("id", () => crypto.randomUUID());
        if (new Date(now).getUTCDay() === 1) await step.run("monday", () => 1);
        if (luck < 0.5) await step.run("lucky", () => 1);
        await step.run(`order ${id}`, () => 1);
      },
      { transport },
    );
    expect(error).toBeNull();
  });

  it("not when equal branches end in another order, races and failures included", async () => {
    const error = await failure(
      async ({ step, group, attempt }) => {
        console.assert(Date.now() > 0);
        const first = await group.parallel(() =>
          Promise.race([step.run("a", () => "a"), step.run("b", () => "b"), step.sleep("c", "1h").then(() => "c")]),
        );
        await step.run(`after ${first}`, () => 1);
        await Promise.all([step.sleep("x", "1h"), step.sleep("y", "1h"), step.run("z", () => 1)]);
        await step.run("fails", () => Promise.reject(new Error("no"))).catch(() => step.run("mended", () => 1));
        if (attempt === 0) throw new Error("again");
        await step.run("end", () => 1);
      },
      { transport },
    );
    expect(error).toBeNull();
  });

  it("not when something else than time and chance differs in its replays", async () => {
    let passes = 0;
    const error = await failure(
      async ({ step }) => {
        passes += 1;
        const at = Date.now();
        await step.run("first", () => at);
        if (passes > 3) await step.run("late pass", () => 1);
      },
      { transport },
    );
    expect(error).toBeNull();
  });

  it("not with `detectNondeterminism: false`, which enters no handler for it", async () => {
    let passes = 0;
    const handler: Handler = async ({ step }) => {
      passes += 1;
      return step.run(Date.now() < Date.UTC(2030, 4, 7) ? "early" : "late", () => 1);
    };
    expect(await failure(handler, { transport, detectNondeterminism: false })).toBeNull();
    expect(passes).toBe(transport === "local" ? 1 : 2);
    passes = 0;
    expect(await failure(handler, { transport, virtualGlobals: false })).toBeNull();
    expect(passes).toBe(transport === "local" ? 1 : 2);
  });
});

it("an elapsed time is another one on a replay, where no time has passed", async () => {
  const error = await failure(async ({ step }) => {
    const begun = Date.now();
    await step.sleep("wait", "1d");
    if (Date.now() - begun > 3_600_000) await step.run("it took long", () => 1);
  });
  expect([error?.first, error?.onReplay]).toEqual([["it took long"], []]);
});

it("code that waits for the time in a loop does not hang its replay", async () => {
  const error = await failure(async ({ step }) => {
    const begun = Date.now();
    await step.sleep("wait", "1d");
    while (Date.now() - begun < 3_600_000); // over once the sleep was taken, for ever when time stands still
    await step.run("then", () => 1);
  });
  expect(error).toBeNull();
});

it("over http ids that differ from pass to pass are noticed whatever makes them differ", async () => {
  const error = await failure(({ step }) => step.run(`draw-${unseen()}`, () => 1), { transport: "http" });
  expect([error?.calls, error?.onReplay.length]).toEqual([[], 1]);
  expect(error?.message).toContain("what it reads from outside must come from a step");
});

it("a handler that touches neither clock nor chance is not entered again", async () => {
  let passes = 0;
  const error = await failure(async ({ step }) => {
    passes += 1;
    await step.run("one", () => Date.now() + Math.random());
    await step.sleep("wait", "1d");
    return "done";
  });
  expect([error, passes]).toEqual([null, 1]);
});

it("replays carry out no step and send nothing", async () => {
  const done: string[] = [];
  const client = app();
  const fn = client.createFunction({ id: "fn" }, { event: "go" }, async ({ step }) => {
    const at = Date.now();
    await step.run("one", () => done.push("one"));
    await client.send({ name: "told", data: { at } });
    await step.sendEvent("tell", { name: "told too", data: { at } });
    return step.run("two", () => done.push("two"));
  });
  const platform = createTestPlatform({ functions: [fn], client });
  const { run } = await platform.send({ name: "go" });
  await run.waitFor("end");
  expect(done).toEqual(["one", "two"]);
  expect(platform.events.map((event) => event.name)).toEqual(["go", "told", "told too"]);
});

it.each(["runUntilIdle", "advance", "send"] as const)("the next operation throws: %s", async (operation) => {
  const platform = platformOf(async ({ step }) => {
    if (operation !== "send") await step.sleep("wait", "1m");
    return step.run(`at ${Date.now()}`, () => 1);
  });
  const operate = {
    runUntilIdle: () => platform.clock.runUntilIdle(),
    advance: () => platform.clock.advance("2m"),
    send: () => platform.send({ name: "go" }),
  };
  if (operation !== "send") await platform.send({ name: "go" });
  await expect(operate[operation]()).rejects.toThrow(NondeterminismError);
  await platform.clock.advance("1m"); // once is enough
});

it("what the test waited for in vain is the cause", async () => {
  const platform = platformOf(async ({ step }) => {
    await step.sleep("wait", "1m");
    return step.run(`at ${Date.now()}`, () => 1);
  });
  const { run } = await platform.send({ name: "go" });
  const error: unknown = await run.waitFor("step:at last").catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NondeterminismError);
  expect(String((error as Error).cause)).toContain('waitFor("step:at last"): the run has ended');
});

it("over http a function that never asks for the same step again ends by the error", async () => {
  const platform = platformOf(
    async ({ step }) => {
      for (let n = 0; n < 50; n++) await step.run(`${n} ${crypto.randomUUID()}`, () => n);
    },
    { transport: "http" },
  );
  await expect(platform.send({ name: "go" })).rejects.toThrow(NondeterminismError);
  const [run] = platform.runs();
  expect(run?.status).toBe("Failed");
  expect(run?.error?.message).toContain("asks for other steps when it is replayed");
  expect(run?.steps.length).toBeLessThan(10);
});

describe("comparing replays", () => {
  const step = (id: string, type = "step.run"): [string, AskedStep] => [id, { id, userId: id, type }];
  const result = (ids: [string, AskedStep][], end: ReplayResult["end"] = "ended"): ReplayResult => ({
    asked: new Map(ids),
    end,
  });

  it.each([
    [
      "the same steps in another order are the same",
      result([step("a"), step("b")]),
      result([step("b"), step("a")]),
      false,
    ],
    ["a step less", result([step("a"), step("b")]), result([step("a")]), true],
    ["a step more", result([step("a")], "waits"), result([step("a"), step("b")]), true],
    ["a step of another kind", result([step("a")]), result([step("a", "step.sleep")]), true],
    ["the same steps, whether it ended or waits", result([step("a")]), result([step("a")], "waits"), false],
    ["nothing is known of one that did not come to rest", result([step("a")]), result([], "unknown"), false],
  ])("%s", (_, one, other, expected) => {
    expect(differ(one, other)).toBe(expected);
    expect(differ(other, one)).toBe(expected);
  });

  it("what the journal has is what happened first", () => {
    const [one, other] = [result([step("a"), step("x")]), result([step("a"), step("y")])];
    const expected = { first: [step("x")[1]], onReplay: [step("y")[1]] };
    expect(deviation(new Set(["a", "x"]), one, other)).toEqual(expected);
    expect(deviation(new Set(["a", "x"]), other, one)).toEqual(expected);
  });
});
