import { describe, expect, test } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import { createTestPlatform } from "../../src/testing/index.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Two runs of one key; the first is cancelled while a body of it executes, which cannot be stopped. */
async function cancelledInABody() {
  let finish: (value?: unknown) => void = () => undefined;
  const hanging = new Promise((resolve) => (finish = resolve));
  const client = new Inngest({ id: "left", logger: silent });
  const fn = client.createFunction(
    { id: "over", concurrency: { limit: 1, key: "event.data.key" }, triggers: [{ event: "go" }] },
    ({ event, step }) => step.run("work", () => (event.data.hangs ? hanging : "done")),
  );
  const platform = createTestPlatform({ functions: [fn], patience: "300ms" });
  await platform.send({ name: "go", data: { key: "a", hangs: true } }).catch(() => undefined); // code executes on
  const [first] = platform.runs();
  await first!.cancel();
  await platform.send({ name: "go", data: { key: "a" } });
  const second = () => platform.runs()[1]!;
  return { platform, first: first!, second, finish };
}

describe("[G7] code of a run that has ended", () => {
  test("keeps the run's lease while it is on the stack, and gives it back with its end", async () => {
    const { platform, first, second, finish } = await cancelledInABody();
    expect(first.status).toBe("Cancelled");
    await platform.clock.advance("10m");
    expect([second().status, second().waitsFor]).toEqual(["Scheduled", [expect.stringContaining("concurrency")]]);
    finish();
    await platform.clock.advance("1s");
    expect(second().status).toBe("Completed");
  });

  test("that its object takes with it when it dies keeps nothing", async () => {
    const { platform, first, second } = await cancelledInABody();
    await platform.clock.advance("10m");
    expect(second().status).toBe("Scheduled");
    platform.world.reset("run", first.id);
    await platform.clock.advance("10m");
    expect(second().status).toBe("Completed");
  });
});
