/** An object has one alarm, whose handler waits for code that executes: deadlines beside that code are kept all the same. */
import { expect, it } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import type { Context } from "../../src/sdk/index.ts";
import { createTestPlatform } from "../../src/testing/platform.ts";

const MINUTE_MS = 60_000;

/** How long after the start a line of steps has come to its end, beside a step that executes all the time. */
async function endOf(line: (step: Context["step"]) => Promise<unknown>): Promise<number> {
  let end = 0;
  const client = new Inngest({ id: "shop" });
  const fn = client.createFunction({ id: "order", triggers: [{ event: "order" }] }, async ({ step }) => {
    const held = step.run("held", () => undefined);
    await line(step);
    end = Date.now();
    await held;
  });
  const platform = createTestPlatform({ functions: [fn] });
  platform.step("held").hang();
  const start = platform.clock.now();
  await platform.send({ name: "order", data: {} });
  await platform.clock.advance("20m");
  return end - start;
}

it("a sleep that begins while the alarm waits for code ends in time", async () => {
  const end = await endOf(async (step) => {
    await step.sleep("one", 30_000); // the watchdog has come before
    await step.sleep("two", MINUTE_MS);
  });
  expect(end).toBe(30_000 + MINUTE_MS);
});

it("a retry that is due while the alarm waits for code is made in time", async () => {
  let tries = 0;
  const end = await endOf(async (step) => {
    await step.sleep("one", 30_000);
    const retries = { attempts: 2, backoff: "fixed", initialDelay: "1m", jitter: false } as const;
    await step.run({ id: "flaky", retries }, () => {
      tries += 1;
      if (tries === 1) throw new Error("again");
    });
  });
  expect(end).toBe(30_000 + MINUTE_MS);
});

it("an event that is waited for while the alarm waits for code may fail to come in time", async () => {
  const end = await endOf(async (step) => {
    await step.sleep("one", 30_000);
    await step.waitForEvent("two", { event: "paid", timeout: "1m" });
  });
  expect(end).toBe(30_000 + MINUTE_MS);
});
