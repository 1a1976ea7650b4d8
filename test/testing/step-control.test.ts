import { describe, expect, it, vi } from "vitest";
import { Inngest, NonRetriableError } from "../../src/sdk/index.ts";
import {
  createTestPlatform as createPlatform,
  type MockedStep,
  type TestPlatform,
  type TestPlatformOptions,
} from "../../src/testing/index.ts";
import "../../src/testing/vitest.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const client = new Inngest({ id: "shop", logger: silent });
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe.each(["local", "http"] as const)("over %s:", (transport) => {
  const createTestPlatform = (options: TestPlatformOptions) => createPlatform({ transport, ...options });
  const passed = (platform: TestPlatform) => platform.clock.now() - Date.UTC(2026, 0, 1);

  /** A function whose step counts how often its code has run. */
  function charging(options: { retries?: number } = {}) {
    const code = vi.fn((amount: number) => `charged ${amount}`);
    const fn = client.createFunction({ id: "order", ...options }, { event: "order" }, async ({ event, step }) =>
      step.run("charge", code, event.data.amount ?? 1),
    );
    return { code, fn, platform: createTestPlatform({ functions: [fn] }) };
  }
  const place = async (platform: TestPlatform, data: object = {}) => (await platform.send({ name: "order", data })).run;

  describe("mock", () => {
    it("gives a step's result without running its code", async () => {
      const { platform, code } = charging();
      platform.step("charge").mock({ id: "ch_1" });
      const run = await place(platform);
      expect(run).toHaveCompleted({ id: "ch_1" });
      expect(run).toHaveRunStep("charge", { times: 1, output: { id: "ch_1" } });
      expect(code).not.toHaveBeenCalled();
    });

    it("may be a function, which is told which step of which run it stands in for", async () => {
      const { platform } = charging();
      const told: MockedStep[] = [];
      platform.step("charge").mock(async (step: MockedStep) => {
        told.push(step);
        return `mocked ${step.input[0]}`;
      });
      const run = await place(platform, { amount: 7 });
      expect(run).toHaveCompleted("mocked 7");
      expect(told).toEqual([{ runId: run.id, functionId: "shop-order", attempt: 0, input: [7] }]);
    });

    it("that throws makes the step fail, and be tried again after its delay", async () => {
      const { platform } = charging();
      platform.step("charge").mock(({ attempt }) => {
        if (attempt < 2) throw new Error(`no answer ${attempt}`);
        return "at last";
      });
      const run = await place(platform);
      expect(run.waitsFor).toEqual([expect.stringMatching(/^attempt 2 of step "charge", at \+/)]);
      await run.waitFor("end");
      expect(run).toHaveCompleted("at last");
      expect(run.steps[0]?.failures.map((error) => error.message)).toEqual(["no answer 0", "no answer 1"]);
      expect(passed(platform)).toBeGreaterThan(0);
    });

    it("holds for all runs, until something else is asked for", async () => {
      const { platform } = charging();
      platform.step("charge").mock("first");
      expect(await place(platform)).toHaveCompleted("first");
      expect(await place(platform)).toHaveCompleted("first");
      platform.step("charge").mock("second");
      expect(await place(platform)).toHaveCompleted("second");
    });

    it("of undefined is null for the handler, as any step's result", async () => {
      const { platform } = charging();
      platform.step("charge").mock(undefined);
      expect(await place(platform)).toHaveCompleted(null);
    });

    it("works for sleeps, waits, invokes and sent events as well", async () => {
      const sub = client.createFunction({ id: "sub" }, [], () => "own");
      const all = client.createFunction({ id: "order" }, { event: "order" }, async ({ step }) => {
        await step.sleep("pause", "300d");
        const answer = await step.waitForEvent("answer", { event: "answered", timeout: "300d" });
        const printed = await step.invoke("sub", { function: sub });
        const sent = await step.sendEvent("tell", { name: "told", data: {} });
        return [answer, printed, sent];
      });
      const platform = createTestPlatform({ functions: [all, sub] });
      platform.step("pause").mock(null);
      platform.step("answer").mock({ name: "answered", data: { text: "yes" } });
      platform.step("sub").mock("mocked");
      platform.step("tell").mock({ ids: ["1"] });
      const run = await place(platform);
      expect(run).toHaveCompleted([{ name: "answered", data: { text: "yes" } }, "mocked", { ids: ["1"] }]);
      expect(passed(platform)).toBe(0);
      expect(platform.runs(sub)).toEqual([]);
      expect(platform).not.toHaveSent({ name: "told" });
      platform.assertAllUsed();
    });
  });

  describe("a place in a loop", () => {
    const loop = client.createFunction({ id: "order" }, { event: "order" }, async ({ step }) => {
      const packed: unknown[] = [];
      for (const item of ["a", "b", "c"]) packed.push(await step.run("pack", () => item));
      return packed;
    });

    it("is named by { id, index }; an id alone means all of them", async () => {
      const platform = createTestPlatform({ functions: [loop] });
      platform.step({ id: "pack", index: 1 }).mock("B");
      expect(await place(platform)).toHaveCompleted(["a", "B", "c"]);
      platform.step("pack").mock("all");
      platform.step({ id: "pack", index: 0 }).mock("A");
      expect(await place(platform)).toHaveCompleted(["A", "all", "all"]);
    });

    it("that never comes is listed with its index", async () => {
      const platform = createTestPlatform({ functions: [loop] });
      platform.step({ id: "pack", index: 3 }).mock("D");
      await place(platform);
      expect(platform.unused()).toEqual(['step "pack", index 3: mock']);
    });
  });

  describe("fail", () => {
    it("a number of times; then the code runs", async () => {
      const { platform, code } = charging();
      platform.step("charge").fail(2);
      const run = await place(platform, { amount: 5 });
      await run.waitFor("end");
      expect(run).toHaveCompleted("charged 5");
      expect(code).toHaveBeenCalledTimes(1);
      expect(run.steps[0]?.failures.map((error) => error.message)).toEqual([
        'step "charge": failed as the test asked',
        'step "charge": failed as the test asked',
      ]);
    });

    it("always, with an error of the test's", async () => {
      const { platform, code } = charging();
      platform.step("charge").fail(undefined, new TypeError("declined"));
      const run = await place(platform);
      await run.waitFor("end");
      expect(run).toHaveFailed({ name: "TypeError", message: "declined" });
      expect(code).not.toHaveBeenCalled();
      expect(run.steps[0]?.attempts).toBe(run.steps[0]?.failures.length);
    });

    it("before a mock: first the failures, then the mock", async () => {
      const { platform, code } = charging();
      platform.step("charge").mock("mocked");
      platform.step("charge").fail(1);
      const run = await place(platform);
      await run.waitFor("end");
      expect(run).toHaveCompleted("mocked");
      expect(run).toHaveRunStep("charge", { times: 2 });
      expect(code).not.toHaveBeenCalled();
    });

    it("before a mock that is a function: it is told the step's own attempt", async () => {
      const { platform } = charging();
      platform.step("charge").mock(({ attempt }) => `attempt ${attempt}`);
      platform.step("charge").fail(1);
      const run = await place(platform);
      await run.waitFor("end");
      expect(run).toHaveCompleted("attempt 1");
    });

    it("is counted for each run and step", async () => {
      const { platform } = charging();
      platform.step("charge").fail(1);
      for (const _ of [1, 2]) {
        const run = await place(platform);
        await run.waitFor("end");
        expect(run).toHaveRunStep("charge", { times: 2 });
      }
    });

    it("is not tried again when its error forbids that", async () => {
      const { platform } = charging();
      platform.step("charge").fail(1, new NonRetriableError("stolen card"));
      const run = await place(platform);
      expect(run).toHaveFailed("stolen card");
      expect(run).toHaveRunStep("charge", { times: 1 });
    });

    it("of a sleep, wait or invoke, which have no code, reaches the handler", async () => {
      const careful = client.createFunction({ id: "order", retries: 0 }, { event: "order" }, async ({ step }) => {
        const told: string[] = [];
        const tell = (error: Error) => void told.push(error.message);
        await step.sleep("pause", "1d").catch(tell);
        await step.waitForEvent("answer", { event: "answered", timeout: "1d" }).catch(tell);
        return told;
      });
      const platform = createTestPlatform({ functions: [careful] });
      platform.step("pause").fail(1, new Error("no sleep"));
      platform.step("answer").fail(1, new Error("no answer"));
      const run = await place(platform);
      await run.waitFor("end");
      expect(run).toHaveCompleted(["no sleep", "no answer"]);
    });
  });

  describe("hang", () => {
    it("leaves only a timeout of the handler's to go on", async () => {
      const impatient = client.createFunction({ id: "order" }, { event: "order" }, async ({ step }) =>
        Promise.race([step.run("charge", () => "charged"), step.sleep("patience", "2h").then(() => "gave up")]),
      );
      const platform = createTestPlatform({ functions: [impatient] });
      platform.step("charge").hang();
      const run = await place(platform);
      await run.waitFor("end");
      expect(run).toHaveCompleted("gave up");
      expect(passed(platform)).toBeLessThan(DAY);
    });

    it("without one is told: nothing is left that could happen", async () => {
      const { platform } = charging();
      platform.step("charge").hang();
      const run = await place(platform);
      expect(run).not.toHaveCompleted();
      await expect(run.waitFor("end")).rejects.toThrow(
        /^waitFor\("end"\): nothing is left that could happen: no deadline, no event under way\nrun .* under way/,
      );
      await platform.clock.runUntilIdle();
      await platform.clock.advance("30d");
      expect(run.hasEnded).toBe(false);
      await run.cancel();
      expect(run).toHaveBeenCancelled();
    });
  });

  describe("waits", () => {
    const order = client.createFunction({ id: "order" }, { event: "order" }, async ({ event, step }) => {
      const answer = await step.waitForEvent("answer", {
        event: "answered",
        match: "data.n",
        timeout: "30d",
      });
      return { n: event.data.n, answer: answer && { name: answer.name, data: answer.data } };
    });

    it("can be answered by any event", async () => {
      const platform = createTestPlatform({ functions: [order] });
      platform.step("answer").answer({ data: { text: "yes" } });
      const run = await place(platform, { n: 1 });
      await run.waitFor("end");
      expect(run).toHaveCompleted({ n: 1, answer: { name: "answered", data: { text: "yes" } } });
      expect(passed(platform)).toBe(0);
    });

    it("can be answered when they are open already, for one run of many", async () => {
      const platform = createTestPlatform({ functions: [order] });
      const [one, two] = [await place(platform, { n: 1 }), await place(platform, { n: 2 })];
      two.step("answer").answer({ name: "spoken", data: { text: "yes" } });
      await two.waitFor("end");
      expect(two).toHaveCompleted({ n: 2, answer: { name: "spoken", data: { text: "yes" } } });
      expect(one).toBeWaitingFor("wait:answer");
    });

    it("can time out at once, before or after they are open", async () => {
      const platform = createTestPlatform({ functions: [order] });
      const open = await place(platform, { n: 1 });
      platform.step("answer").timeOut();
      await open.waitFor("end");
      expect(open).toHaveCompleted({ n: 1, answer: null });
      const next = await place(platform, { n: 2 });
      await next.waitFor("end");
      expect(next).toHaveCompleted({ n: 2, answer: null });
      expect(passed(platform)).toBe(0);
      platform.assertAllUsed();
    });

    it("and so can invokes", async () => {
      const slow = client.createFunction({ id: "slow" }, [], async ({ step }) => step.sleep("long", "30d"));
      const caller = client.createFunction({ id: "order", retries: 0 }, { event: "order" }, async ({ step }) =>
        step.invoke("slow", { function: slow, timeout: "3d" }).catch((error: Error) => error.name),
      );
      const platform = createTestPlatform({ functions: [caller, slow] });
      platform.step("slow").timeOut();
      const run = await place(platform);
      await run.waitFor("end");
      expect(run.status).toBe("Completed");
      expect(passed(platform)).toBe(0);
    });
  });

  describe("crash", () => {
    it("before the result is stored: the code runs again", async () => {
      const { platform, code } = charging();
      platform.step("charge").crash("before");
      const run = await place(platform, { amount: 3 });
      await run.waitFor("end");
      expect(run).toHaveCompleted("charged 3");
      expect(code).toHaveBeenCalledTimes(2);
      platform.assertAllUsed();
    });

    it("after it: it does not", async () => {
      const { platform, code } = charging();
      platform.step("charge").crash("after");
      const run = await place(platform, { amount: 3 });
      await run.waitFor("end");
      expect(run).toHaveCompleted("charged 3");
      expect(code).toHaveBeenCalledTimes(1);
      platform.assertAllUsed();
    });

    it("a number of times", async () => {
      const { platform, code } = charging();
      platform.step("charge").crash("before", 2);
      const run = await place(platform);
      await run.waitFor("end");
      expect(run.hasEnded).toBe(true);
      expect(code).toHaveBeenCalledTimes(3);
    });

    it("beside a mock", async () => {
      const { platform, code } = charging();
      const mock = vi.fn(() => "mocked");
      platform.step("charge").mock(mock);
      platform.step("charge").crash("before");
      const run = await place(platform);
      await run.waitFor("end");
      expect(run).toHaveCompleted("mocked");
      expect([mock.mock.calls.length, code.mock.calls.length]).toEqual([2, 0]);
    });
  });

  describe("of one run", () => {
    it("leaves other runs alone", async () => {
      const late = client.createFunction({ id: "order" }, { event: "order" }, async ({ step }) => {
        await step.sleep("pause", "1h");
        return step.run("charge", () => "charged");
      });
      const platform = createTestPlatform({ functions: [late] });
      const [one, two] = [await place(platform), await place(platform)];
      two.step("charge").mock("mocked");
      await platform.clock.runUntilIdle();
      expect([one.output, two.output]).toEqual(["charged", "mocked"]);
      const three = await place(platform);
      three.step("chrage").mock(1);
      expect(platform.unused()).toEqual([`step "chrage" of run ${three.id}: mock (did you mean "charge"?)`]);
    });
  });
});

describe("what was asked for and never came", () => {
  const order = client.createFunction({ id: "order" }, { event: "order" }, async ({ step }) =>
    step.run("charge", () => 1),
  );

  it("is listed in its order, with a word that was meant, and can be asserted", async () => {
    const platform = createPlatform({ functions: [order] });
    platform.assertAllUsed();
    platform.step("chrage").mock(1);
    platform.step("refund").fail(2);
    platform.step("charge").mock(2);
    platform.step("charge").answer();
    await platform.send({ name: "order", data: {} });
    expect(platform.unused()).toEqual([
      'step "chrage": mock (did you mean "charge"?)',
      'step "refund": fail',
      'step "charge": answer',
    ]);
    expect(() => platform.assertAllUsed()).toThrow(
      'asked of steps that never came:\n  step "chrage": mock (did you mean "charge"?)\n  step "refund": fail',
    );
    expect(platform.timeline()).toContain('step "refund": fail');
  });
});

describe("bad input", () => {
  const platform = createPlatform({ functions: [] });
  it.each<[string, () => unknown, string]>([
    ["no id", () => platform.step(""), 'step: "" names no step; give its id, or { id, index }'],
    ["no selector", () => platform.step(undefined as never), "names no step"],
    ["no text", () => platform.step({ id: 5 } as never), 'step: {"id":5} names no step'],
    ["an index below 0", () => platform.step({ id: "a", index: -1 }), "index: -1 is not a whole number from 0"],
    ["half an index", () => platform.step({ id: "a", index: 0.5 }), "index: 0.5 is not a whole number from 0"],
    ["no times", () => platform.step("a").fail(0), "fail: times: 0 is not at least 1"],
    ["times that are no number", () => platform.step("a").fail(Number.NaN), "fail: times: NaN is not at least 1"],
    [
      "a crash at no time",
      () => platform.step("a").crash("during" as never),
      '"during" is neither "before" nor "after"',
    ],
    ["no crashes", () => platform.step("a").crash("after", 0), "crash: times: 0 is not at least 1"],
    ["an answer that is none", () => platform.step("a").answer("yes" as never), 'step("a").answer: "yes" is no event'],
    ["an answer of no name", () => platform.step("a").answer({ name: "" }), 'step("a").answer: name: ""'],
    ["answers without fields", () => platform.step("a").answer({ data: 5 } as never), 'step("a").answer: data'],
  ])("%s", (_, code, message) => {
    expect(code).toThrow(message);
  });
});
