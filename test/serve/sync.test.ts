import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createHandler } from "../../src/serve/handler.ts";
import { Inngest } from "../../src/sdk/index.ts";
import { registerBodySchema } from "../../src/protocol/function-config.ts";
import { sign } from "../../src/protocol/signature.ts";
import { apiServer, type ApiServer, type SeenRequest } from "./helpers/api-server.ts";
import { appHandler, APP_URL, FALLBACK, KEY, request } from "./helpers/app.ts";

const HASH = "signkey-test-b2ed992186a5cb19f6668aade821f502c1d00970dfd0e35128d51bac4649916c";
const registered: [number, unknown] = [200, { ok: true, modified: true }];
let servers: ApiServer[] = [];

async function api(answer: (request: SeenRequest) => [number, unknown] = () => registered): Promise<ApiServer> {
  const server = await apiServer(answer);
  servers.push(server);
  return server;
}

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith("INNGEST_")) vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  for (const server of servers) server.close();
  servers = [];
});

describe("[§2.2] out-of-band: PUT makes the app register itself", () => {
  test("in development, with what our server reads", async () => {
    const { url, seen } = await api();
    const handler = appHandler({ isDev: true, baseUrl: url, appVersion: "v1", env: "branch" });
    const response = await handler(
      await request("PUT", { query: "?deployId=d%201&x=1", body: "{}", headers: { "x-inngest-server-kind": "dev" } }),
    );
    expect([response.status, await response.json(), response.headers.get("x-inngest-sync-kind")]).toEqual([
      200,
      { message: "Successfully registered", modified: true },
      "out_of_band",
    ]);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      method: "POST",
      path: "/fn/register?deployId=d%201",
      headers: {
        "x-inngest-sdk": expect.stringMatching(/^dotdo-js:v/),
        "x-inngest-framework": "test",
        "x-inngest-env": "branch",
        "x-inngest-expected-server-kind": "dev",
        "x-inngest-sync-kind": "out_of_band",
      },
    });
    expect(seen[0]?.headers).not.toHaveProperty("authorization");
    const body = JSON.parse(seen[0]?.body ?? "");
    expect(body).toMatchObject({
      url: APP_URL,
      deployType: "ping",
      framework: "test",
      appName: "shop",
      appVersion: "v1",
      deployId: "d 1",
      sdk: expect.stringMatching(/^dotdo-js:v/),
      v: "0.1",
    });
    const { functions } = registerBodySchema.parse(body);
    expect(functions.map((config) => [config.id, config.steps.step?.runtime.url])).toEqual([
      ["shop-ship", `${APP_URL}?fnId=shop-ship&stepId=step`],
      ["shop-bill", `${APP_URL}?fnId=shop-bill&stepId=step`],
      ["shop-bill-failure", `${APP_URL}?fnId=shop-bill-failure&stepId=step`],
    ]);
  });

  test.each([
    ["none is needed", [200]],
    ["401", [401, 200]],
    ["403", [403, 200]],
  ])("[§5] in cloud mode, with the hashed key; the fallback key follows a refusal: %s", async (_, statuses) => {
    const { url, seen } = await api(() => [statuses[seen.length - 1] ?? 200, { ok: true }]);
    const response = await appHandler({ signingKey: KEY, signingKeyFallback: FALLBACK, baseUrl: url })(
      await request("PUT"),
    );
    expect(response.status).toBe(200);
    const bearers = seen.map(({ headers }) => headers.authorization);
    expect(bearers).toHaveLength(statuses.length);
    expect(bearers[0]).toBe(`Bearer ${HASH}`);
    if (bearers[1] !== undefined) expect(bearers[1]).toMatch(/^Bearer signkey-test-(?!b2ed)[0-9a-f]{64}$/);
  });

  test("another error is not tried with the fallback key", async () => {
    const { url, seen } = await api(() => [500, { error: "broken" }]);
    await appHandler({ signingKey: KEY, signingKeyFallback: FALLBACK, baseUrl: url })(await request("PUT"));
    expect(seen).toHaveLength(1);
  });

  test.each<[string, number, unknown, number, object]>([
    [
      "nothing changed",
      200,
      { ok: true, modified: false },
      200,
      { message: "Successfully registered", modified: false },
    ],
    [
      "an error in status and body",
      400,
      { error: "App ID required", status: 400 },
      400,
      { message: "App ID required", modified: false },
    ],
    ["an error in the body alone", 200, { error: "denied", status: 403 }, 403, { message: "denied", modified: false }],
    [
      "an error in the status alone",
      401,
      {},
      401,
      { message: "The server refused the registration (401)", modified: false },
    ],
    [
      "not JSON",
      200,
      "<html>",
      500,
      { message: "The server answered 200 without JSON, so it is no Inngest API: <html>", modified: false },
    ],
    ["JSON of another kind", 200, [], 500, { message: expect.stringContaining("no Inngest API"), modified: false }],
  ])("the server's answer: %s", async (_, status, body, expected, message) => {
    const { url } = await api(() => [status, body]);
    const response = await appHandler({ isDev: true, baseUrl: url })(await request("PUT"));
    expect([response.status, await response.json()]).toEqual([expected, message]);
  });

  test("a server that cannot be reached", async () => {
    const server = await api();
    server.close();
    const response = await appHandler({ isDev: true, baseUrl: server.url })(await request("PUT"));
    expect([response.status, await response.json()]).toEqual([
      500,
      { message: expect.stringMatching(/cannot be reached \(.+\); is the server running\?$/), modified: false },
    ]);
  });

  test("a key that cannot be hashed is named, not shown", async () => {
    const { url } = await api();
    const response = await appHandler({ signingKey: "signkey-prod-mine!", baseUrl: url })(await request("PUT"));
    const text = await response.text();
    expect([response.status, text.includes("not hexadecimal"), text.includes("mine!")]).toEqual([500, true, false]);
  });

  test.each([
    ["unsigned, as anybody may ask for it", {}, null, 200],
    ["signed", {}, KEY, 200],
    ["signed with another key", {}, "signkey-test-aa", 401],
    ["unsigned when that is switched off", { INNGEST_ENABLE_UNAUTHED_SYNC: "false" }, null, 401],
    ["signed when unsigned is switched off", { INNGEST_ENABLE_UNAUTHED_SYNC: "0" }, KEY, 200],
  ])("in cloud mode, %s", async (_, env, key, status) => {
    const { url } = await api();
    const response = await appHandler({ signingKey: KEY, baseUrl: url })(await request("PUT", { key, body: "{}" }), {
      env,
    });
    expect(response.status).toBe(status);
  });

  test.each<[boolean, Record<string, string>, string | null, number]>([
    [false, {}, null, 401],
    [false, {}, KEY, 200],
    [false, { INNGEST_ENABLE_UNAUTHED_SYNC: "true" }, null, 401],
    [true, { INNGEST_ENABLE_UNAUTHED_SYNC: "false" }, null, 200],
  ])("`enableUnauthedSync: %s` wins over the variable %j; key %s: %d", async (enableUnauthedSync, env, key, status) => {
    const { url } = await api();
    const handler = appHandler({ signingKey: KEY, baseUrl: url }, { enableUnauthedSync });
    const response = await handler(await request("PUT", { key, body: "{}" }), { env });
    expect(response.status).toBe(status);
  });

  test("`enableUnauthedSync: false` means nothing in development, where nothing is signed", async () => {
    const { url } = await api();
    const handler = appHandler({ isDev: true, baseUrl: url }, { enableUnauthedSync: false });
    expect((await handler(await request("PUT", { body: "{}" }))).status).toBe(200);
  });
});

describe("the address that is registered", () => {
  test.each([
    ["as requested, without query", {}, {}, APP_URL],
    ["path given", { servePath: "/other" }, {}, "https://app.example.com/other"],
    ["path without slash", { servePath: "other" }, {}, "https://app.example.com/other"],
    ["origin given", { serveOrigin: "https://public.example.com" }, {}, "https://public.example.com/api/inngest"],
    [
      "origin with path and slash",
      { serveOrigin: "https://public.example.com/x/" },
      {},
      "https://public.example.com/api/inngest",
    ],
    ["origin without scheme", { serveOrigin: "public.example.com" }, {}, "https://public.example.com/api/inngest"],
    [
      "origin under its old name",
      { serveHost: "https://public.example.com" },
      {},
      "https://public.example.com/api/inngest",
    ],
    ["old variable", {}, { INNGEST_SERVE_HOST: "https://v" }, "https://v/api/inngest"],
    ["variables", {}, { INNGEST_SERVE_ORIGIN: "https://v", INNGEST_SERVE_PATH: "/v" }, "https://v/v"],
    [
      "options before variables",
      { serveOrigin: "https://o" },
      { INNGEST_SERVE_ORIGIN: "https://v" },
      "https://o/api/inngest",
    ],
  ])("%s", async (_, options, env, expected) => {
    const { url, seen } = await api();
    await appHandler({ isDev: true, baseUrl: url }, options)(await request("PUT", { query: "?a=1" }), { env });
    expect(JSON.parse(seen[0]?.body ?? "").url).toBe(expected);
  });
});

describe("[§2.3] in-band: the answer carries the functions", () => {
  const headers = { "x-inngest-sync-kind": "in_band" };
  const body = JSON.stringify({ url: "https://edge.example.com/api/inngest?x=1" });

  test("signed, in cloud mode", async () => {
    const handler = appHandler({ signingKey: KEY, appVersion: "v1" });
    const response = await handler(await request("PUT", { headers, body, key: KEY }));
    expect([response.status, response.headers.get("x-inngest-sync-kind")]).toEqual([200, "in_band"]);
    expect(response.headers.has("x-inngest-signature")).toBe(true);
    const answer: Record<string, unknown> = JSON.parse(await response.text());
    expect(answer).toMatchObject({
      app_id: "shop",
      appVersion: "v1",
      env: null,
      framework: "test",
      platform: null,
      sdk: expect.stringMatching(/^dotdo-js:v/),
      sdk_author: "dotdo",
      sdk_language: "js",
      sdk_version: expect.any(String),
      url: "https://edge.example.com/api/inngest",
      inspection: { authentication_succeeded: true, serve_origin: "https://edge.example.com" },
    });
    const { functions } = registerBodySchema.parse({ ...answer, appName: answer.app_id });
    expect(functions.map(({ id }) => id)).toEqual(["shop-ship", "shop-bill", "shop-bill-failure"]);
    expect(functions[0]?.steps.step?.runtime.url).toBe(
      "https://edge.example.com/api/inngest?fnId=shop-ship&stepId=step",
    );
  });

  test("unsigned in development", async () => {
    expect((await appHandler({ isDev: true })(await request("PUT", { headers, body }))).status).toBe(200);
  });

  test("[§5] a signature covers the canonical body", async () => {
    const spaced = '{ "z": 1, "url": "https://edge.example.com/" }';
    const signature = await sign(KEY, '{"url":"https://edge.example.com/","z":1}', Date.now(), "response");
    const signed = { ...headers, "x-inngest-signature": signature };
    const response = await appHandler({ signingKey: KEY })(await request("PUT", { headers: signed, body: spaced }));
    expect(response.status).toBe(200);
  });

  test.each([
    ["unsigned", null],
    ["signed with another key", "signkey-test-aa"],
  ])("%s is refused in cloud mode", async (_, key) => {
    const response = await appHandler({ signingKey: KEY })(await request("PUT", { headers, body, key }));
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ code: "sig_verification_failed" });
  });

  test.each(["", "{", "[]", "null", "{}", '{"url":5}', '{"url":"/api"}'])(
    "a body without URL is refused: %s",
    async (bad) => {
      const response = await appHandler({ isDev: true })(await request("PUT", { headers, body: bad }));
      expect([response.status, await response.json()]).toMatchObject([400, { code: "invalid_request" }]);
    },
  );

  test("when it is switched off, the app registers itself instead", async () => {
    const { url, seen } = await api();
    const handler = appHandler({ signingKey: KEY, baseUrl: url });
    const response = await handler(await request("PUT", { headers, body, key: KEY }), {
      env: { INNGEST_ALLOW_IN_BAND_SYNC: "false" },
    });
    expect([response.status, response.headers.get("x-inngest-sync-kind")]).toEqual([200, "out_of_band"]);
    expect(seen).toHaveLength(1);
  });
});

describe("a server that is not ours", () => {
  async function other(answer: (request: SeenRequest) => [number, unknown] = () => registered): Promise<ApiServer> {
    const server = await apiServer(answer, false);
    servers.push(server);
    return server;
  }
  const own = { retries: { attempts: 4, backoff: "fixed" }, concurrency: { limit: 2, mode: "run" } } as const;
  const app = (url: string, options: object = own) => {
    const warned: string[] = [];
    const logger = { debug() {}, info() {}, error() {}, warn: (message: unknown) => void warned.push(String(message)) };
    const client = new Inngest({ id: "shop", isDev: true, baseUrl: url, logger, internalLogger: logger });
    const fn = client.createFunction({ id: "own", ...options }, { event: "a" }, () => 1);
    return { warned, handler: createHandler({ client, functions: [fn], framework: "test" }) };
  };
  const configOf = (body: string) => (JSON.parse(body) as { functions: Record<string, unknown>[] }).functions[0];

  test("is registered at in Inngest's words alone; what says less there is warned about", async () => {
    const { url, seen } = await other();
    const { handler, warned } = app(url);
    expect((await handler(await request("PUT"))).status).toBe(200);
    expect(configOf(seen[0]!.body)).toEqual({
      id: "shop-own",
      name: "own",
      triggers: [{ event: "a" }],
      steps: { step: expect.objectContaining({ retries: { attempts: 3 } }) },
      concurrency: { fn: [{ limit: 2 }] },
    });
    expect(warned).toEqual([
      'function "shop-own": retries: the server waits as its own table says; the number of tries is kept. The server is not @dotdo/inngest, so this is left out',
    ]);
  });

  test("is not registered at with an option that it cannot do", async () => {
    const { url, seen } = await other();
    const { handler } = app(url, { singleton: { mode: "queue" } });
    const response = await handler(await request("PUT"));
    expect([response.status, await response.json()]).toEqual([
      400,
      {
        message:
          'The server is not @dotdo/inngest, and cannot do what these options ask for: function "shop-own": singleton.mode: "queue"',
        modified: false,
      },
    ]);
    expect(seen).toEqual([]);
  });

  test("ours is told all, and is asked only once who it is", async () => {
    const { url, seen } = await api();
    const { handler, warned } = app(url);
    for (let times = 0; times < 2; times++) expect((await handler(await request("PUT"))).status).toBe(200);
    expect(configOf(seen[0]!.body)).toMatchObject({
      retryPolicy: { maxAttempts: 4, backoff: "fixed" },
      concurrency: { limit: 2, mode: "run" },
    });
    expect(warned).toEqual([]);
  });

  test.each([
    ["another's", {}, { concurrency: { fn: [{ limit: 2 }] } }],
    ["ours", { "x-dotdo-inngest": "1" }, { concurrency: { limit: 2, mode: "run" }, retryPolicy: expect.anything() }],
  ])("in-band the request itself says whose it is: %s", async (_, headers, expected) => {
    const { handler } = app("http://127.0.0.1:1");
    const body = JSON.stringify({ url: APP_URL });
    const response = await handler(
      await request("PUT", { body, headers: { "x-inngest-sync-kind": "in_band", ...headers } }),
    );
    const answer = await response.text();
    expect(response.status, answer).toBe(200);
    expect(configOf(answer)).toMatchObject(expected);
    expect("retryPolicy" in configOf(answer)!).toBe("retryPolicy" in expected);
  });
});
