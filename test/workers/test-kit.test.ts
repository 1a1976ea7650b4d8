import { describe, expect, it } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import { createTestPlatform } from "../../src/testing/index.ts";
import "../../src/testing/vitest.ts";

const DAY_MS = 86_400_000;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const client = new Inngest({ id: "shop", logger: silent });

describe.each(["local", "http"] as const)("the test kit inside workerd, over %s", (transport) => {
  it("takes a run through retries, a month of sleep, a wait and an invoke", async () => {
    let charges = 0;
    const bill = client.createFunction({ id: "bill" }, [], async ({ event, step }) => {
      await step.sleep("print", "1h");
      return `bill ${event.data.orderId}`;
    });
    const order = client.createFunction({ id: "order" }, { event: "order/placed" }, async ({ event, step }) => {
      const charge = await step.run("charge", () => {
        charges += 1;
        if (charges < 3) throw new Error("declined");
        return charges;
      });
      await step.sleep("cool-down", "30d");
      const approval = await step.waitForEvent("approval", {
        event: "order/approved",
        match: "data.orderId",
        timeout: "7d",
      });
      const late = await step.waitForEvent("reminder", { event: "order/reminded", timeout: "7d" });
      const printed = await step.invoke("bill", { function: bill, data: { orderId: event.data.orderId } });
      return { charge, by: approval?.data.by, late, printed };
    });

    const platform = createTestPlatform({ functions: [order, bill], transport });
    const began = platform.clock.now();
    const { run } = await platform.send({ name: "order/placed", data: { orderId: "o1" } });
    await run.waitFor("wait:approval");
    await platform.send({ name: "order/approved", data: { orderId: "o1", by: "Ada" } });
    await run.waitFor("end");
    expect(run).toHaveRunStep("charge", { times: 3, output: 3 });
    expect(run).toHaveCompleted({ charge: 3, by: "Ada", late: null, printed: "bill o1" });
    expect(Math.floor((platform.clock.now() - began) / DAY_MS)).toBe(37);
  });

  it("keeps platforms apart that run at the same time", async () => {
    const nap = client.createFunction({ id: "nap" }, { event: "nap" }, async ({ event, step }) => {
      await step.sleep("nap", `${event.data.days}d`);
      return event.data.days;
    });
    const outputs = await Promise.all(
      [1, 20, 300].map(async (days) => {
        const { run } = await createTestPlatform({ functions: [nap], transport }).send({ name: "nap", data: { days } });
        return (await run.waitFor("end")).output;
      }),
    );
    expect(outputs).toEqual([1, 20, 300]);
  });
});
