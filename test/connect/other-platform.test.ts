/** What a worker of our client says to a gateway that is not ours: Inngest's protocol, and nothing else. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readOptions } from "../../src/connect/options.ts";
import { Worker } from "../../src/connect/worker.ts";
import { Inngest, type FunctionOptions } from "../../src/sdk/index.ts";
import { FakeGateway } from "./fake-gateway.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A worker with one function, and what it was heard to say of it. */
async function introduced(group: string, options: Partial<FunctionOptions>) {
  const gateway = new FakeGateway();
  gateway.group = group;
  const warned: string[] = [];
  const logger = { debug() {}, info() {}, error() {}, warn: (text: unknown) => void warned.push(String(text)) };
  const own = { logger, internalLogger: logger, baseUrl: "http://platform", fetch: gateway.fetch };
  const client = new Inngest({ id: "w", isDev: true, ...own });
  const work = client.createFunction({ id: "work", ...options }, { event: "w/work" }, () => 1);
  const worker = new Worker(
    readOptions({ apps: [{ client, functions: [work] }], handleShutdownSignals: [] }),
    gateway.open,
  );
  void worker.start().catch(() => undefined);
  await vi.advanceTimersByTimeAsync(0);
  const socket = gateway.sockets.at(-1);
  const hello = socket && socket.kinds.length > 0 ? socket.hello : undefined;
  const said = hello && JSON.parse(new TextDecoder().decode(hello.apps[0]!.functions))[0];
  void worker.close().catch(() => undefined);
  await vi.advanceTimersByTimeAsync(0);
  return { said, warned };
}

const own = { retries: { attempts: 4, backoff: "fixed" }, concurrency: { limit: 2, mode: "run" } } as const;

test("functions are introduced in Inngest's words, and what says less is warned about", async () => {
  const { said, warned } = await introduced("aws", own);
  expect(said).toMatchObject({ id: "w-work", concurrency: { fn: [{ limit: 2 }] } });
  expect(said).not.toHaveProperty("retryPolicy");
  expect(warned.filter((text) => text.includes("retries"))).toEqual([
    'function "w-work": retries: the server waits as its own table says; the number of tries is kept. The platform is not @dotdo/inngest, so this is left out',
  ]);
});

test("ours is told all", async () => {
  const { said } = await introduced("dotdo", own);
  expect(said).toMatchObject({ retryPolicy: { maxAttempts: 4 }, concurrency: { limit: 2, mode: "run" } });
});

test("an option that the platform cannot do keeps the worker from being introduced", async () => {
  const { said } = await introduced("aws", { singleton: { mode: "queue" } });
  expect(said).toBeUndefined();
});
