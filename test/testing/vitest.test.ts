import "../../src/testing/vitest.ts";
import { expect, expectTypeOf, it, type Assertion } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import { createTestPlatform, type TestPlatform, type TestRun } from "../../src/testing/index.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const client = new Inngest({ id: "shop", logger: silent });
const order = client.createFunction({ id: "order", retries: 0 }, { event: "order/placed" }, async ({ event, step }) => {
  await step.run("charge", () => {
    if (event.data.declined) throw new Error("card declined");
    return { id: "ch_1" };
  });
  await step.sleep("cool-down", "30d");
  await step.sendEvent("tell", { name: "order/shipped", data: { orderId: event.data.orderId, by: "courier" } });
  return { id: "ch_1", at: new Date(0) };
});

async function start(data: object = {}): Promise<{ platform: TestPlatform; run: TestRun }> {
  const platform = createTestPlatform({ functions: [order] });
  const { run } = await platform.send({ name: "order/placed", data: { orderId: "o1", ...data } });
  return { platform, run };
}

function failure(assertion: () => void): Error & { expected?: unknown; actual?: unknown } {
  try {
    assertion();
  } catch (error) {
    return error as Error;
  }
  throw new Error("the assertion holds");
}

it("every matcher holds, and does not hold with `not`", async () => {
  const { platform, run } = await start();
  const claims: [TestRun | TestPlatform, (subject: Assertion) => void][] = [];
  const claim = (subject: TestRun | TestPlatform, matcher: (subject: Assertion) => void) => {
    claims.push([subject, matcher]);
    matcher(expect(subject));
    expect(() => matcher(expect(subject).not as never)).toThrow("not to ");
  };
  claim(run, (it) => it.toBeWaitingFor("sleep"));
  claim(run, (it) => it.toBeWaitingFor("sleep:cool-down"));
  claim(run, (it) => it.toHaveRunStep("charge"));
  claim(run, (it) => it.toHaveRunStep("charge", { times: 1, output: { id: expect.any(String) } }));
  claim(platform, (it) => it.toHaveSent({ name: "order/placed" }));
  expect(run).not.toHaveCompleted();
  expect(run).not.toHaveFailed();
  expect(run).not.toHaveRunStep("tell");
  expect(run).not.toBeWaitingFor("wait");
  expect(run).not.toHaveSent({ name: "order/shipped" });
  expect(run).not.toHaveBeenCancelled();
  await run.waitFor("end");
  claim(run, (it) => it.toHaveCompleted());
  claim(run, (it) => it.toHaveCompleted({ id: "ch_1", at: new Date(0) }));
  claim(run, (it) => it.toHaveCompleted(expect.objectContaining({ id: "ch_1" })));
  claim(run, (it) => it.toHaveSent({ name: "order/shipped", data: { orderId: expect.stringMatching(/^o/) } }, 1));

  const failed = (await start({ declined: true })).run;
  claim(failed, (it) => it.toHaveFailed());
  claim(failed, (it) => it.toHaveFailed("declined"));
  claim(failed, (it) => it.toHaveFailed(/^card/));
  claim(failed, (it) => it.toHaveFailed(expect.objectContaining({ message: "card declined" })));
  const cancelled = await (await start()).run.cancel();
  claim(cancelled, (it) => it.toHaveBeenCancelled());
  expect(claims).toHaveLength(14);
});

it("a matcher that does not hold tells the run's story, and shows both values", async () => {
  const { run } = await start();
  expect(failure(() => expect(run).toHaveCompleted()).message).toBe(
    `expected run of "shop-order" to have completed, but it has not ended: it waits for sleep "cool-down", until +30d\n\n${run.timeline()}`,
  );
  expect(failure(() => expect(run).not.toBeWaitingFor("sleep")).message).toBe(
    `expected run of "shop-order" not to be waiting for sleep\n\n${run.timeline()}`,
  );
  await run.waitFor("end");
  const { expected, actual } = failure(() => expect(run).toHaveCompleted({ id: "ch_2" }));
  expect({ expected, actual }).toEqual({
    expected: { id: "ch_2" },
    actual: { id: "ch_1", at: "1970-01-01T00:00:00.000Z" },
  });
});

it("a value that is no run is an error, with `not` too", () => {
  expect(() => expect(Promise.resolve()).not.toHaveCompleted()).toThrow("is an `await` missing?");
  expect(() => expect({}).not.toHaveSent({ name: "x" })).toThrow("neither a run nor a test platform");
});

it("matchers are typed, and return promises behind `resolves` alone", async () => {
  const { run } = await start();
  const matchers = expect(run);
  expectTypeOf(matchers.toHaveCompleted).parameter(0).toEqualTypeOf<unknown>();
  expectTypeOf(matchers.toBeWaitingFor).parameter(0).extract<"step:a">().toBeNever();
  expectTypeOf(matchers.toHaveRunStep("charge")).toEqualTypeOf<void>();
  await expect(Promise.resolve(run)).resolves.toHaveRunStep("charge");
});
