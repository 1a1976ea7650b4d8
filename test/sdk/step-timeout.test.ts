import { describe, expect, expectTypeOf, test, vi } from "vitest";
import { runtimeTimer, StepTimeoutError, TimedBodies, type StepSignal } from "../../src/sdk/step-timeout.ts";
import { readStepOptions } from "../../src/sdk/step/options.ts";
import type { StepTools } from "../../src/sdk/index.ts";

const DAY = 86_400_000;

/** Bodies whose time a test moves. */
function timed() {
  const pending = new Set<() => void>();
  const asked: number[] = [];
  const bodies = new TimedBodies((ms, fire) => {
    asked.push(ms);
    pending.add(fire);
    return () => pending.delete(fire);
  });
  return { bodies, asked, pending, pass: () => pending.forEach((fire) => fire()) };
}

describe("code that may take so long and no longer", () => {
  test("that ends in time gives its result, and leaves no timer", async () => {
    const { bodies, asked, pending } = timed();
    await expect(bodies.run("a", 30_000, async () => 5)).resolves.toBe(5);
    expect([asked, pending.size]).toEqual([[30_000], 0]);
  });

  test("that throws fails as it does, at once too", async () => {
    const { bodies, pending } = timed();
    const fails = () => {
      throw new RangeError("no");
    };
    await expect(bodies.run("a", 1, fails)).rejects.toThrow(RangeError);
    expect(pending.size).toBe(0);
  });

  test("that takes longer fails by a StepTimeoutError, which is also why the signal is aborted", async () => {
    const { bodies, pass, pending } = timed();
    let signal: AbortSignal | undefined;
    const run = bodies.run("fetch", 90_000, (given) => new Promise(() => (signal = given)));
    pass();
    await expect(run).rejects.toEqual(new StepTimeoutError("fetch", 90_000));
    await expect(run).rejects.toThrow('step "fetch" took longer than its timeout, 1m30s');
    expect(signal?.reason).toBeInstanceOf(StepTimeoutError);
    expect(pending.size).toBe(0);
  });

  test("that answers the signal fails by the timeout all the same, whatever it then does", async () => {
    for (const answer of ["resolve", "reject"] as const) {
      const { bodies, pass } = timed();
      const run = bodies.run(
        "a",
        1,
        (signal) =>
          new Promise((resolve, reject) =>
            signal.addEventListener("abort", () => (answer === "resolve" ? resolve("late") : reject(signal.reason))),
          ),
      );
      pass();
      await expect(run).rejects.toThrow(StepTimeoutError);
    }
  });

  test("is told when nobody waits for it any more, each of those that run", async () => {
    const { bodies, pending } = timed();
    const signals: AbortSignal[] = [];
    const hangs = (signal: AbortSignal) => new Promise(() => signals.push(signal));
    void bodies.run("a", 1, hangs);
    void bodies.run("b", 1, hangs);
    await bodies.run("over", 1, (signal) => void signals.push(signal));
    bodies.abort();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, false]);
    expect(pending.size).toBe(0);
  });
});

describe("timers of the runtime", () => {
  test("wait longer than one of them can, and not after they were called off", () => {
    vi.useFakeTimers();
    try {
      const fired: string[] = [];
      runtimeTimer(100 * DAY, () => fired.push("long"));
      const callOff = runtimeTimer(60 * DAY, () => fired.push("called off"));
      vi.advanceTimersByTime(50 * DAY);
      callOff();
      vi.advanceTimersByTime(50 * DAY - 1);
      expect(fired).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(fired).toEqual(["long"]);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("[G9] the option", () => {
  test.each([
    ["30s", 30_000],
    [1, 1],
    ["366d", 366 * DAY],
  ])("%j is %d ms", (timeout, ms) => {
    expect(readStepOptions({ id: "a", timeout }, "step.run").timeoutMs).toBe(ms);
  });

  test.each<[string, unknown, string]>([
    ["step.run", 0, 'step.run "a": timeout: 0 is not between 1 ms and 31622400000 ms (366 days)'],
    ["step.run", "367d", 'step.run "a": timeout: "367d" is not between 1 ms and 31622400000 ms (366 days)'],
    ["step.run", -1, 'step.run "a": timeout: cannot read -1 as a duration'],
    ["step.run", "soon", 'step.run "a": timeout: cannot read "soon" as a duration'],
    ["step.run", null, 'step.run "a": timeout: cannot read null as a duration'],
    ["step.waitForEvent", "1h", 'step.waitForEvent "a": timeout: only step.run takes one beside the id'],
  ])("of %s: %j is refused", (tool, timeout, message) => {
    expect(() => readStepOptions({ id: "a", timeout: timeout as string }, tool)).toThrow(message);
  });

  test("decides whether the code is given a signal, after its inputs", () => {
    const isExecuted: boolean = false;
    if (!isExecuted) return;
    const step = {} as StepTools;
    const timeout = "30s";
    expectTypeOf(step.run({ id: "a", timeout }, ({ signal }) => signal.aborted)).toEqualTypeOf<Promise<boolean>>();
    expectTypeOf(
      step.run({ id: "a", timeout }, (n: number, context) => (expectTypeOf(context).toEqualTypeOf<StepSignal>(), n), 5),
    ).toEqualTypeOf<Promise<number>>();
    expectTypeOf(step.run({ id: "a", timeout }, () => "x")).toEqualTypeOf<Promise<string>>();
    // @ts-expect-error -- without a timeout there is none
    void step.run({ id: "a" }, ({ signal }) => signal.aborted);
    // @ts-expect-error -- a wait has its own
    void step.waitForEvent({ id: "a", timeout }, { event: "b", timeout });
  });
});
