import { Inngest } from "inngest-v3";
import { serve } from "inngest-v3/edge";
import { afterEach, expect, test, vi } from "vitest";
import { AppsWorld, official } from "../helpers/apps-world.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
let apps: AppsWorld;
afterEach(() => {
  apps.close();
  vi.unstubAllEnvs();
});

test("[§6.1] inngest 3.54, unmodified, which is asked for checkpoints: consecutive steps are one call", async () => {
  for (const name of Object.keys(process.env)) if (name.startsWith("INNGEST_")) vi.stubEnv(name, undefined);
  const client = new Inngest({
    id: "app",
    isDev: true,
    baseUrl: "http://localhost",
    logger: silent,
    checkpointing: true,
    fetch: ((input: RequestInfo | URL, init?: RequestInit) => {
      const url = new URL(input instanceof Request ? input.url : input);
      return apps.request(url.pathname + url.search, init);
    }) as typeof fetch,
  });
  const bodies: string[] = [];
  const fn = client.createFunction({ id: "hello" }, { event: "hello" }, async ({ step }) => {
    const a = await step.run("a", () => bodies.push("a"));
    await step.sleep("nap", "1m");
    return [a, await step.run("b", () => bodies.push("b")), await step.run("c", () => bodies.push("c"))];
  });
  apps = new AppsWorld({
    answer: official(serve({ client, functions: [fn] }) as (request: Request) => Promise<Response>),
  });
  await apps.register("hello");
  const { door } = apps;
  expect(await door.ended(await door.send({ name: "hello", data: {} }))).toMatchObject({
    status: "Completed",
    output: [1, 2, 3],
  });
  expect([bodies, apps.calls.length]).toEqual([["a", "b", "c"], 2]);
});
