/** Realtime on the platform in memory: what is published is there to be looked at. */
import { describe, expect, it } from "vitest";
import { EventValidationError, Inngest, realtime } from "../../src/sdk/index.ts";
import { createTestPlatform, type TestTransport } from "../../src/testing/index.ts";
import * as z from "zod";

const client = new Inngest({ id: "shop" });
const order = realtime.channel({
  name: (id: string) => `order:${id}`,
  topics: { status: { schema: z.object({ status: z.enum(["paid", "sent"]) }) } },
});

const fulfil = client.createFunction(
  { id: "fulfil", retries: 2 },
  { event: "order/placed" },
  async ({ event, step }) => {
    const { status } = order(event.data.id);
    await step.realtime.publish("paid", status, { status: "paid" });
    await step.sleep("pack", "1h");
    await step.run("carrier", () => {});
    await client.realtime.publish(status, { status: "sent" });
  },
);
const wrong = client.createFunction({ id: "wrong", retries: 0 }, { event: "order/wrong" }, ({ step }) =>
  step.realtime.publish("paid", order("1").status, { status: "eaten" as "paid" }),
);

describe.each<TestTransport>(["local", "http"])("the platform in memory, over %s", (transport) => {
  it("has what runs have published, with the run and the virtual time", async () => {
    const platform = createTestPlatform({ functions: [fulfil], transport });
    const { run } = await platform.send({ name: "order/placed", data: { id: "7" } });
    const start = platform.clock.now();
    expect(platform.published).toEqual([
      { channel: "order:7", topic: "status", data: { status: "paid" }, runId: run.id, at: start },
    ]);
    expect(run.timeline()).toContain('publish "paid" completed');
    await run.waitFor("end");
    expect(platform.published.filter(({ data }) => JSON.stringify(data).includes("paid"))).toHaveLength(1);
    expect(platform.published.at(-1)).toEqual({
      channel: "order:7",
      topic: "status",
      data: { status: "sent" },
      runId: run.id,
      at: start + 3_600_000,
    });
  });

  it("fails a step whose data its topic does not take, and publishes nothing", async () => {
    const platform = createTestPlatform({ functions: [wrong], transport });
    const { run } = await platform.send({ name: "order/wrong", data: {} });
    await run.waitFor("end");
    expect([run.status, run.error?.message]).toEqual([
      "Failed",
      expect.stringContaining('topic "status": data.status'),
    ]);
    expect(platform.published).toEqual([]);
  });
});

describe("the platform in memory", () => {
  it("has what a test publishes by a client of its functions", async () => {
    const platform = createTestPlatform({ functions: [fulfil] });
    await client.realtime.publish(order("8").status, { status: "sent" });
    expect(platform.published).toMatchObject([{ channel: "order:8", runId: undefined }]);
    await expect(client.realtime.publish(order("8").status, {} as never)).rejects.toThrow(EventValidationError);
  });

  it("takes no subscribers, and says what to do instead", async () => {
    const platform = createTestPlatform({ functions: [fulfil] });
    expect(platform.published).toEqual([]);
    await expect(client.realtime.subscribe({ channel: order("9"), topics: ["status"] })).rejects.toThrow(
      "platform.published",
    );
  });
});
