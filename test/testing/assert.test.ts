import { expect, it } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import {
  assertCancelled,
  assertCompleted,
  assertFailed,
  assertSent,
  assertStepNotRun,
  assertStepRan,
  assertWaitingFor,
  createTestPlatform,
  type TestPlatform,
  type TestRun,
} from "../../src/testing/index.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const client = new Inngest({ id: "shop", logger: silent });

class CardDeclined extends Error {
  override name = "CardDeclined";
}

const order = client.createFunction({ id: "order", retries: 1 }, { event: "order/placed" }, async ({ event, step }) => {
  let attempts = 0;
  await step.run("charge", () => {
    if (event.data.declines > attempts++) throw new CardDeclined("card 4242 was declined");
    return { id: "ch_1", at: new Date(0) };
  });
  for (const item of event.data.items ?? []) await step.run("pack", () => item);
  await step.sleep("cool-down", "30d");
  await step.waitForEvent("approval", { event: "order/approved", timeout: "1d" });
  await step.sendEvent("tell", { name: "order/shipped", data: { orderId: event.data.orderId, by: { courier: "c1" } } });
  return { shipped: true, at: new Date(0) };
});

async function start(data: object = {}): Promise<{ platform: TestPlatform; run: TestRun }> {
  const platform = createTestPlatform({ functions: [order] });
  const { run } = await platform.send({ name: "order/placed", data: { orderId: "o1", ...data } });
  return { platform, run };
}
async function ended(data?: object): Promise<{ platform: TestPlatform; run: TestRun }> {
  const started = await start(data);
  await started.run.waitFor("end");
  return started;
}

/** What an assertion throws. */
function failure(assertion: () => void): Error & { expected?: unknown; actual?: unknown; code?: string } {
  try {
    assertion();
  } catch (error) {
    return error as Error;
  }
  throw new Error("the assertion holds");
}
/** The first line of its message. */
const firstLine = (assertion: () => void) => failure(assertion).message.split("\n")[0];

it("what holds throws nothing", async () => {
  const { platform, run } = await ended({ items: ["a", "b"] });
  assertCompleted(run);
  assertCompleted(run, { shipped: true, at: new Date(0) });
  assertCompleted(run, { shipped: true, at: expect.stringMatching(/^1970/) });
  assertStepRan(run, "charge");
  assertStepRan(run, "charge", { times: 1, output: { id: "ch_1", at: new Date(0) } });
  assertStepRan(run, "pack", { times: 2, output: "b" });
  assertStepRan(run, "cool-down");
  assertStepNotRun(run, "refund");
  assertSent(run, { name: "order/shipped" });
  assertSent(run, { name: "order/shipped", data: { by: { courier: "c1" } } }, 1);
  assertSent(run, { name: "order/placed" }, 0);
  assertSent(platform, { name: "order/placed", data: { items: ["a", expect.any(String)] } });
});

it("a message says what was expected, what is so, and tells the run's story", async () => {
  const { run } = await ended();
  const { message, name, code, expected, actual } = failure(() => assertCompleted(run, { shipped: false }));
  expect(message).toBe(
    `expected run of "shop-order" to have completed with that output, but it completed with {"shipped":true,"at":"1970-01-01T00:00:00.000Z"}\n\n${run.timeline()}`,
  );
  expect({ name, code, expected, actual }).toEqual({
    name: "AssertionError",
    code: "ERR_ASSERTION",
    expected: { shipped: false },
    actual: { shipped: true, at: "1970-01-01T00:00:00.000Z" },
  });
});

it("its stack begins where the test asserts", async () => {
  const { run } = await ended();
  const [, frame] = /\n +at (.*)/.exec(failure(() => assertCancelled(run)).stack ?? "") ?? [];
  expect(frame).toContain("assert.test.ts");
});

it("an output is compared as a whole: more fields, fewer, or other lengths are different", async () => {
  const { run } = await ended();
  for (const output of [{ shipped: true }, { shipped: true, at: new Date(0), more: 1 }, [], null, "shipped"])
    expect(() => assertCompleted(run, output), JSON.stringify(output)).toThrow("with that output");
  assertCompleted(run, { shipped: true, at: new Date(0), more: undefined });
});

it("a run that has not ended says what it waits for", async () => {
  const { run } = await start();
  expect(firstLine(() => assertCompleted(run))).toBe(
    'expected run of "shop-order" to have completed, but it has not ended: it waits for sleep "cool-down", until +30d',
  );
  assertWaitingFor(run, "sleep");
  assertWaitingFor(run, "sleep:cool-down");
  expect(firstLine(() => assertWaitingFor(run, "wait:approval"))).toBe(
    'expected run of "shop-order" to be waiting for wait "approval", but it waits for sleep "cool-down", until +30d',
  );
  await run.waitFor("wait");
  assertWaitingFor(run, "wait:approval");
  expect(() => assertWaitingFor(run, "sleep")).toThrow('it waits for wait "approval" for "order/approved", until +31d');
});

it("an error is asked for by a part of its message, a pattern, or its fields", async () => {
  const { run } = await ended({ declines: 9 });
  assertFailed(run);
  assertFailed(run, "was declined");
  assertFailed(run, /^card \d+/);
  assertFailed(run, { name: "CardDeclined" });
  assertFailed(run, { name: "CardDeclined", message: /declined$/ });
  assertFailed(run, new CardDeclined("card 4242 was declined"));
  assertFailed(run, expect.objectContaining({ message: expect.stringContaining("4242") }));
  for (const error of ["expired", /^declined/, { name: "Error" }, { status: 402 }, new Error("card 4242 was declined")])
    expect(() => assertFailed(run, error), String(error)).toThrow("but it failed with CardDeclined: card 4242");
  const { expected, actual } = failure(() => assertFailed(run, { name: "Expired", status: 402 }));
  expect({ expected, actual }).toEqual({
    expected: { name: "Expired", status: 402 },
    actual: { name: "CardDeclined", status: undefined },
  });
  assertStepRan(run, "charge", { times: 2 });
  expect(firstLine(() => assertStepRan(run, "charge", { output: 1 }))).toBe(
    'expected run of "shop-order" to have run step "charge" with that output, but the step failed',
  );
});

it("a run that was cancelled is neither completed nor failed", async () => {
  const { run } = await start();
  expect(firstLine(() => assertCancelled(run))).toContain("but it has not ended");
  await run.cancel();
  assertCancelled(run);
  expect(firstLine(() => assertCompleted(run))).toBe(
    'expected run of "shop-order" to have completed, but it was cancelled',
  );
  expect(firstLine(() => assertFailed(run, "x"))).toBe(
    'expected run of "shop-order" to have failed with "x", but it was cancelled',
  );
});

it("steps: how often, with what, or not at all", async () => {
  const { run } = await ended({ items: ["a", "b"] });
  const lines = [
    () => assertStepRan(run, "chrage"),
    () => assertStepRan(run, "pack", { times: 1 }),
    () => assertStepRan(run, "pack", { output: "c" }),
    () => assertStepNotRun(run, "pack"),
  ].map(firstLine);
  expect(lines).toEqual([
    'expected run of "shop-order" to have run step "chrage", but there are only "charge", "pack", "cool-down", "approval", "tell" (did you mean "charge"?)',
    'expected run of "shop-order" to have run step "pack" once, but it ran 2 times',
    'expected run of "shop-order" to have run step "pack" with that output, but its output was "a", then "b"',
    'expected run of "shop-order" not to have run step "pack"',
  ]);
});

it("events: of a run or of all, how often, with what data", async () => {
  const { platform, run } = await ended();
  const lines = [
    () => assertSent(run, { name: "order/shiped" }),
    () => assertSent(run, { name: "order/shipped", data: { orderId: "o2" } }),
    () => assertSent(run, { name: "order/shipped" }, 2),
    () => assertSent(platform, { name: "order/shipped" }, 0),
  ].map(firstLine);
  expect(lines).toEqual([
    'expected run of "shop-order" to have sent "order/shiped", but what was sent is "order/shipped" (did you mean "order/shipped"?)',
    'expected run of "shop-order" to have sent "order/shipped" with those fields, but the data was {"orderId":"o1","by":{"courier":"c1"}}',
    'expected run of "shop-order" to have sent "order/shipped" 2 times, but it was sent once',
    'expected the platform to have sent "order/shipped" 0 times, but it was sent once',
  ]);
});

it("what is no run is named", async () => {
  const { platform } = await start();
  const sent = platform.send({ name: "order/placed", data: {} });
  expect(() => assertCompleted(sent as never)).toThrow(
    "a promise (is an `await` missing?) is no run; give the `run` that",
  );
  const answer = await sent;
  expect(() => assertFailed(answer as never)).toThrow("an object with ids, runs, run is no run");
  expect(() => assertSent(undefined as never, { name: "x" })).toThrow("undefined is neither a run nor a test platform");
  expect(() => assertSent(platform, "order/placed" as never)).toThrow(
    '"order/placed" is no event; give { name, data }',
  );
  expect(() => assertWaitingFor(answer.run, "end" as never)).toThrow('"end" is nothing that a run waits for');
});
