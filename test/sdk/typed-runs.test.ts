/** Schemas and serializer over whole runs: stored, replayed in a new process, invoked, waited for, failed. */
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { eventType, Inngest, invoke, type InngestFunction } from "../../src/sdk/index.ts";
import { superjson } from "../../src/sdk/superjson.ts";
import { createTestPlatform } from "../../src/testing/platform.ts";
import { accept, die, runOf, silent } from "../helpers/simulated-platform.ts";

/** Runs what an event starts until nothing moves, in a new process after the first sleep; finds its runs. */
async function runsOf(
  client: Inngest<any>,
  functions: InngestFunction<any, any>[],
  send: () => Promise<{ ids: string[] }>,
) {
  const platform = createTestPlatform({ functions, client });
  const { ids } = await send();
  await platform.clock.advance(500);
  die(platform);
  await platform.clock.advance("1d");
  return (id: string) => runOf(platform, ids[0]!, `mem-${id}`)!;
}

describe("a client with a serializer", () => {
  const client = new Inngest({ id: "mem", logger: silent, serializer: superjson() });

  test("event data, step inputs and results, invocations and waits keep what JSON cannot carry", async () => {
    const seen: unknown[] = [];
    const child = client.createFunction({ id: "child" }, { event: "none" }, async ({ event }) => {
      seen.push(event.data.at, event.data.ids);
      return new Map([[event.data.at as Date, 2n]]);
    });
    const parent = client.createFunction({ id: "parent" }, { event: "go" }, async ({ event, step }) => {
      seen.push(event.data.at);
      const set = await step.run("set", (n: bigint, at: Date) => new Set([n, at.getTime()]), 5n, event.data.at as Date);
      const nothing = await step.run("nothing", () => undefined);
      await step.sleep("nap", "1h"); // another process goes on
      const wait = step.waitForEvent("w", { event: "answer", timeout: "1d" });
      await step.sendEvent("answer", { name: "answer", data: { until: new Date(7) } });
      const answer = await wait;
      const map = await step.invoke("child", { function: child, data: { at: new Date(9), ids: new Set(["a"]) } });
      seen.push(set, nothing, answer?.data.until, map);
      return { set, map };
    });
    const find = await runsOf(client, [child, parent], () => client.send({ name: "go", data: { at: new Date(5) } }));
    expect(find("parent").status).toBe("Completed");
    expect(seen.slice(-6)).toEqual([
      new Date(9),
      new Set(["a"]),
      new Set([5n, 5]),
      undefined,
      new Date(7),
      new Map([[new Date(9), 2n]]),
    ]);
    expect(seen[0]).toEqual(new Date(5));
  });

  test("a failure handler gets the data too", async () => {
    const seen: unknown[] = [];
    const fn = client.createFunction(
      { id: "fails", retries: 0, onFailure: ({ event }) => void seen.push(event.data.event.data) },
      { event: "go" },
      async () => {
        throw new Error("no");
      },
    );
    await runsOf(client, [fn], () => client.send({ name: "go", data: { at: new Date(5) } }));
    expect(seen).toEqual([{ at: new Date(5) }]);
  });

  test("data of other clients, plain JSON, passes", async () => {
    const seen: unknown[] = [];
    const fn = client.createFunction({ id: "plain" }, { event: "go" }, ({ event }) => void seen.push(event.data));
    const platform = createTestPlatform({ functions: [fn] });
    const seed = { timeMs: platform.clock.now(), entropy: new Uint8Array(10) };
    await platform.clock.advance(0); // registers the functions
    await accept(platform, { name: "go", data: { at: "2026-01-01", list: [1] } }, seed);
    await platform.clock.runUntilIdle();
    expect(seen).toEqual([{ at: "2026-01-01", list: [1] }]);
  });
});

describe("event types with transforms", () => {
  const client = new Inngest({ id: "mem", logger: silent });
  const paid = eventType("paid", { schema: z.object({ at: z.coerce.date(), n: z.string().transform(Number) }) });

  test("handler, wait and invoked function get what the schema gives out, also in a later process", async () => {
    const seen: unknown[] = [];
    const child = client.createFunction(
      { id: "child" },
      invoke(z.object({ n: z.string().transform(Number) })),
      (ctx) => {
        return ctx.event.data.n + 1;
      },
    );
    const fn = client.createFunction({ id: "ship" }, paid, async ({ event, step }) => {
      await step.sleep("nap", "1h");
      const wait = step.waitForEvent("again", { event: paid, timeout: "1d" });
      await step.sendEvent("send", paid.create({ at: new Date(9), n: "7" }));
      seen.push(event.data, (await wait)?.data, await step.invoke("c", { function: child, data: { n: "1" } }));
    });
    const find = await runsOf(client, [child, fn], () => client.send(paid.create({ at: new Date(5), n: "6" })));
    expect(find("ship").status).toBe("Completed");
    expect(seen.slice(0, 3)).toEqual([{ at: new Date(5), n: 6 }, { at: new Date(9), n: 7 }, 2]);
  });

  test("an event that does not fit fails the run at once, with path and value", async () => {
    let calls = 0;
    const fn = client.createFunction({ id: "ship" }, paid, () => void calls++);
    const find = await runsOf(client, [fn], () => client.send({ name: "paid", data: { at: 0, n: 5 } }));
    expect(find("ship").status).toBe("Failed");
    expect(find("ship").error?.message).toContain('event "paid": data.n: ');
    expect(calls).toBe(0);
  });

  test("an awaited event that does not fit rejects the step", async () => {
    const other = eventType("other", { schema: z.object({ n: z.number() }) });
    const fn = client.createFunction({ id: "waits" }, { event: "go" }, async ({ step }) => {
      const wait = step.waitForEvent("w", { event: other, timeout: "1d" });
      await step.sendEvent("send", { name: "other", data: { n: "x" } });
      return wait.catch((error: Error) => `caught ${error.name}`);
    });
    const find = await runsOf(client, [fn], () => client.send({ name: "go" }));
    expect(find("waits").output).toBe("caught EventValidationError");
  });
});
