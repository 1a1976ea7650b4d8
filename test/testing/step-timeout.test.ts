import { describe, expect, it } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import { createTestPlatform as createPlatform, type TestPlatformOptions } from "../../src/testing/index.ts";
import "../../src/testing/vitest.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const client = new Inngest({ id: "shop", logger: silent });
const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 1);

describe.each(["local", "http"] as const)("steps with a timeout, over %s:", (transport) => {
  const createTestPlatform = (options: TestPlatformOptions) => createPlatform({ transport, ...options });

  /** A function of one step that may take a minute. */
  const fetching = (code: (n: number, signal: AbortSignal) => unknown, attempts = 3) =>
    client.createFunction(
      { id: "fetch", retries: { attempts, backoff: "fixed", jitter: false } },
      { event: "fetch" },
      ({ step }) => step.run({ id: "page", timeout: "1m" }, (n, { signal }) => code(n, signal), 7),
    );

  it("one that was told to hang times out in virtual time, at each attempt", async () => {
    const platform = createTestPlatform({ functions: [fetching(() => "never asked")], patience: "10m" });
    platform.step("page").hang();
    const { run } = await platform.send({ name: "fetch" });
    await run.waitFor("end");
    expect(run).toHaveFailed({ name: "StepTimeoutError", code: "step_timeout" });
    expect(run).toHaveRunStep("page", { times: 3 });
    expect(platform.clock.now() - START).toBe(3 * MINUTE + 2 * 1_000);
  });

  it("one that hangs by itself times out in virtual time once the patience is used up", async () => {
    let attempts = 0;
    const code = (n: number) => ((attempts += 1) === 1 ? new Promise(() => {}) : n);
    const platform = createTestPlatform({ functions: [fetching(code)], patience: 20 });
    const { run } = await platform.send({ name: "fetch" });
    await run.waitFor("end");
    expect(run).toHaveCompleted(7);
    expect(attempts).toBe(2);
    expect(platform.clock.now() - START).toBe(MINUTE + 1_000);
  });

  it("time does not pass while code takes its time in the outside world", async () => {
    const code = (n: number) => new Promise((resolve) => setTimeout(resolve, 30, n));
    const { run } = await createTestPlatform({ functions: [fetching(code)] }).send({ name: "fetch" });
    expect(run).toHaveCompleted(7);
    expect(run).toHaveRunStep("page", { times: 1 });
  });

  it("a result that comes after the timeout changes nothing", async () => {
    let late: (value: string) => void = () => {};
    const code = () => new Promise((resolve) => (late = resolve));
    const platform = createTestPlatform({ functions: [fetching(code, 1)], patience: 20 });
    const { run } = await platform.send({ name: "fetch" });
    await run.waitFor("end");
    late("late");
    await platform.clock.advance("1h");
    expect(run).toHaveFailed({ code: "step_timeout" });
  });

  it("one beside it is not waited for longer than it takes", async () => {
    const fn = client.createFunction({ id: "both" }, { event: "both" }, ({ step }) =>
      Promise.all([
        step.run({ id: "slow", timeout: "1h", retries: 0 }, () => "slow").catch(({ code }) => code),
        step.run("quick", () => "quick"),
      ]),
    );
    const platform = createTestPlatform({ functions: [fn], patience: "10m" });
    platform.step("slow").hang();
    const { run } = await platform.send({ name: "both" });
    expect(run).toHaveRunStep("quick", { times: 1 });
    await run.waitFor("end");
    expect(run).toHaveCompleted(["step_timeout", "quick"]);
    expect(platform.clock.now() - START).toBe(60 * MINUTE);
  });
});

describe("code in the platform's Worker is told", () => {
  /** A function whose step says how its signal ends. */
  function listening() {
    const told: unknown[] = [];
    const fn = client.createFunction({ id: "race" }, { event: "race" }, async ({ event, step }) => {
      const slow = step.run(
        { id: "slow", timeout: "1h" },
        ({ signal }) =>
          new Promise((_, reject) =>
            signal.addEventListener("abort", () => {
              told.push(signal.reason.name);
              reject(signal.reason);
            }),
          ),
      );
      return event.data.waits ? slow : Promise.race([slow, step.run("quick", () => "quick")]);
    });
    return { told, platform: createPlatform({ functions: [fn], patience: 20 }) };
  }

  it("when its run has ended without waiting for it", async () => {
    const { told, platform } = listening();
    const { run } = await platform.send({ name: "race" });
    expect(run).toHaveCompleted("quick");
    expect(told).toEqual(["AbortError"]);
  });

  it("when its run is cancelled", async () => {
    const { told, platform } = listening();
    const { run } = await platform.send({ name: "race", data: { waits: true } });
    expect(told).toEqual([]);
    await run.cancel();
    expect(run).toHaveBeenCancelled();
    expect(told).toEqual(["AbortError"]);
  });
});
