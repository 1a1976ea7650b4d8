import { expect, it } from "vitest";
import { Inngest, NonRetriableError } from "../../src/sdk/index.ts";
import { createTestPlatform, type AnyFunction, type TestPlatform } from "../../src/testing/index.ts";
import { when } from "../../src/testing/timeline.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const client = new Inngest({ id: "shop", logger: silent });

const bill = client.createFunction({ id: "bill" }, [], async ({ step }) => {
  await step.sleep("print", "2h30m");
  return "bill 1";
});

/** A run of the last function, with a platform that has them all. */
async function start(...functions: [...AnyFunction[], AnyFunction]) {
  const platform = createTestPlatform({ functions });
  return { platform, run: await platform.invoke(functions.at(-1) ?? "", { data: { orderId: "o1" } }) };
}

/** Ids differ with the seed: they are told by their order. */
function lines(platform: TestPlatform, text: string): string[] {
  const ids = platform.runs().map((run) => run.id);
  return ids.reduce((told, id, index) => told.replaceAll(id, `#${index + 1}`), text).split("\n");
}

it("a story from the first event to the end, in the order in which things happened", async () => {
  let charges = 0;
  const order = client.createFunction({ id: "order" }, { event: "order/placed" }, async ({ step }) => {
    const charge = await step.run("charge", () => {
      charges += 1;
      if (charges === 1) throw new TypeError("no answer");
      return { id: "ch_1" };
    });
    await step.sleep("cool-down", "30d");
    const approval = await step.waitForEvent("approval", {
      event: "order/approved",
      if: "async.data.orderId == event.data.orderId",
      timeout: "1d",
    });
    const reminder = await step.waitForEvent("reminder", { event: "order/reminded", timeout: "1d" });
    const printed = await step.invoke("bill", { function: bill });
    await step.sendEvent("tell", { name: "order/shipped", data: {} });
    return { charge, by: approval?.data.by, reminder, printed };
  });
  const platform = createTestPlatform({ functions: [bill, order] });
  const { run } = await platform.send({ name: "order/placed", data: { orderId: "o1" } });
  await run.waitFor("wait:approval");
  await platform.send({ name: "order/approved", data: { orderId: "o1", by: "Ada" } });
  await run.waitFor("end");
  const text = run.timeline().replace(/"ids":\["\w+"\]/, '"ids":["…"]');
  const retry = run.steps[0]?.endedAt?.getTime() ?? 0;
  const after = when(retry, Date.UTC(2026, 0, 1)).slice(1); // with its jitter
  const pad = (label: string) => label.padEnd(`+31d 2h 30m ${after}`.length);
  expect(lines(platform, text)).toEqual([
    `run #1 of "shop-order": completed after 31d 2h 30m ${after}`,
    `  ${pad("+0s")}  started by "order/placed"`,
    `  ${pad("+0s")}  step "charge" failed, attempt 1: TypeError: no answer`,
    `  ${pad(`+${after}`)}  step "charge" completed with {"id":"ch_1"}, attempt 2`,
    `  ${pad(`+${after}`)}  sleep "cool-down"`,
    `  ${pad(`+30d ${after}`)}  sleep "cool-down" is over`,
    `  ${pad(`+30d ${after}`)}  wait "approval" for "order/approved", if async.data.orderId == event.data.orderId`,
    `  ${pad(`+30d ${after}`)}  wait "approval" got "order/approved" {"orderId":"o1","by":"Ada"}`,
    `  ${pad(`+30d ${after}`)}  wait "reminder" for "order/reminded"`,
    `  ${pad(`+31d ${after}`)}  wait "reminder" timed out`,
    `  ${pad(`+31d ${after}`)}  invoke "bill" of "shop-bill", run #2`,
    `  ${pad(`+31d 2h 30m ${after}`)}  invoke "bill" completed with "bill 1"`,
    `  ${pad(`+31d 2h 30m ${after}`)}  sendEvent "tell" completed with {"ids":["…"]}`,
    `  ${pad(`+31d 2h 30m ${after}`)}  completed with {"charge":{"id":"ch_1"},"by":"Ada","reminder":null,"printed":"bill 1"}`,
    `run #2 of "shop-bill", invoked by run #1: completed after 2h 30m`,
    `  ${pad(`+31d ${after}`)}  started by "inngest/function.invoked"`,
    `  ${pad(`+31d ${after}`)}  sleep "print"`,
    `  ${pad(`+31d 2h 30m ${after}`)}  sleep "print" is over`,
    `  ${pad(`+31d 2h 30m ${after}`)}  completed with "bill 1"`,
  ]);
});

it("what a run waits for: every branch, until when, and the run that it invoked as well", async () => {
  const order = client.createFunction({ id: "order" }, [], async ({ step }) => {
    await Promise.all([
      step.sleep("cool-down", "30d"),
      step.waitForEvent("answer", { event: "order/answered", timeout: "3d" }),
      step.invoke("bill", { function: bill, timeout: "1d" }),
    ]);
  });
  const { platform, run } = await start(bill, order);
  expect(lines(platform, run.timeline())).toEqual([
    'run #1 of "shop-order": under way',
    '  +0s        started by "inngest/function.invoked"',
    '  +0s        sleep "cool-down"',
    '  +0s        wait "answer" for "order/answered"',
    '  +0s        invoke "bill" of "shop-bill", run #2',
    '  waits for  sleep "cool-down", until +30d',
    '  waits for  wait "answer" for "order/answered", until +3d',
    '  waits for  invoke "bill" of "shop-bill", run #2, until +1d',
    'run #2 of "shop-bill", invoked by run #1: under way',
    '  +0s        started by "inngest/function.invoked"',
    '  +0s        sleep "print"',
    '  waits for  sleep "print", until +2h 30m',
  ]);
});

it("a step that fails for good, and the failure of the run", async () => {
  const order = client.createFunction({ id: "order" }, [], async ({ step }) => {
    await step.run("charge", () => {
      throw new NonRetriableError("card declined");
    });
  });
  const { platform, run } = await start(order);
  expect(run.status).toBe("Failed");
  expect(lines(platform, run.timeline())).toEqual([
    'run #1 of "shop-order": failed after 0s',
    '  +0s  started by "inngest/function.invoked"',
    '  +0s  step "charge" failed, attempt 1: NonRetriableError: card declined',
    '  +0s  step "charge" failed for good after 1 attempt',
    "  +0s  failed with NonRetriableError: card declined",
  ]);
});

it("a handler that fails outside its steps stands where it failed, and its next attempt with what is waited for", async () => {
  let attempts = 0;
  const order = client.createFunction(
    { id: "order", retries: { attempts: 2, initialDelay: "10m", jitter: false } },
    [],
    async ({ step }) => {
      await step.sleep("first", "1h");
      attempts += 1;
      if (attempts === 1) throw new Error("oops");
      await step.sleep("second", "1h");
    },
  );
  const { platform, run } = await start(order);
  await run.waitFor("sleep:first");
  await platform.clock.advance("1h");
  expect(lines(platform, run.timeline())).toEqual([
    'run #1 of "shop-order": under way',
    '  +0s        started by "inngest/function.invoked"',
    '  +0s        sleep "first"',
    '  +1h        sleep "first" is over',
    "             the handler failed: Error: oops",
    "  waits for  attempt 2 of the handler, at +1h 10m",
  ]);
  await run.waitFor("sleep:second");
  const told = lines(platform, run.timeline());
  expect(told.findIndex((line) => line.includes("oops"))).toBeLessThan(
    told.findIndex((line) => line.includes('"second"')),
  );
});

it("a cancelled run tells why, and long values are cut", async () => {
  const order = client.createFunction({ id: "order" }, [], async ({ step }) => {
    await step.run("list", () => "x".repeat(1000));
    await step.sleep("cool-down", "30d");
  });
  const { platform, run } = await start(order);
  await run.cancel("the customer asked for it");
  expect(lines(platform, run.timeline())).toEqual([
    'run #1 of "shop-order": cancelled after 0s',
    '  +0s  started by "inngest/function.invoked"',
    `  +0s  step "list" completed with "${"x".repeat(119)}…`,
    '  +0s  sleep "cool-down"',
    "  +0s  cancelled: the customer asked for it",
  ]);
});

it("steps that tests asked for and that never came end the story", async () => {
  const order = client.createFunction({ id: "order" }, [], async ({ step }) => step.run("charge", () => 1));
  const platform = createTestPlatform({ functions: [order] });
  platform.step("chrage").mock(2);
  const run = await platform.invoke(order);
  expect(lines(platform, run.timeline()).slice(-2)).toEqual([
    "asked of steps that never came:",
    '  step "chrage": mock (did you mean "charge"?)',
  ]);
});

it.each([
  [0, "+0s"],
  [1, "+0.001s"],
  [1_500, "+1.5s"],
  [60_000, "+1m"],
  [3_661_000, "+1h 1m 1s"],
  [30 * 86_400_000 + 1_100, "+30d 1.1s"],
  [400 * 86_400_000, "+400d"],
  [-90_000, "-1m 30s"],
])("%d ms are %s", (ms, text) => {
  expect(when(ms, 0)).toBe(text);
});
