import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Inngest } from "../../src/sdk/client.ts";
import { serve as serveCloudflare } from "../../src/serve/cloudflare.ts";
import { serve as serveHono } from "../../src/serve/hono.ts";
import { KEY, request } from "./helpers/app.ts";

const options = () => {
  const client = new Inngest({ id: "shop" });
  return { client, functions: [client.createFunction({ id: "ship" }, () => "shipped")] };
};

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith("INNGEST_")) vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe("Hono", () => {
  const app = () => {
    const hono = new Hono();
    hono.all("/api/inngest", serveHono(options()));
    return hono;
  };

  test("answers at its route, under its name", async () => {
    const response = await app().request("/api/inngest", {}, { INNGEST_DEV: "1" });
    expect([response.status, response.headers.get("x-inngest-framework")]).toEqual([200, "hono"]);
    expect(await response.json()).toMatchObject({ mode: "dev", function_count: 1 });
  });

  test("reads variables from the Worker's bindings, past those that are not text", async () => {
    const env = { INNGEST_SIGNING_KEY: KEY, DB: { prepare() {} }, LIMIT: 5 };
    expect((await app().request(await request("GET", { key: KEY }), {}, env)).status).toBe(200);
  });

  test.each([
    ["none", undefined],
    ["Node's request and response", { incoming: {}, outgoing: {} }],
  ])("else from the process; bindings: %s", async (_, env) => {
    vi.stubEnv("INNGEST_DEV", "1");
    expect(await (await app().request("/api/inngest", {}, env)).json()).toMatchObject({ mode: "dev" });
  });
});

describe("Cloudflare", () => {
  test("answers a Worker's (request, env, ctx)", async () => {
    const worker = { fetch: serveCloudflare(options()) };
    const response = await worker.fetch(await request("GET"), { INNGEST_DEV: "1" }, { waitUntil() {} });
    expect([response.status, response.headers.get("x-inngest-framework")]).toEqual([200, "cloudflare"]);
  });

  test("answers a Pages function's context", async () => {
    const onRequest = serveCloudflare(options());
    const response = await onRequest({ request: await request("GET"), env: { INNGEST_DEV: "1" } });
    expect(response.status).toBe(200);
  });

  test("answers without variables", async () => {
    expect((await serveCloudflare(options())(await request("GET"))).status).toBe(500);
  });
});
