import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CALL_BODY_LARGEST_BYTES } from "../../src/protocol/limits.ts";
import { sign, verify } from "../../src/protocol/signature.ts";
import { Inngest } from "../../src/sdk/client.ts";
import type { InngestFunction } from "../../src/sdk/function.ts";
import { createHandler } from "../../src/serve/handler.ts";
import { appHandler, APP_URL, FALLBACK, KEY, request } from "./helpers/app.ts";

const CALL = JSON.stringify({ ctx: { run_id: "01JX" }, event: { name: "order/created", data: {} } });

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith("INNGEST_")) vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe("at creation", () => {
  const client = new Inngest({ id: "shop" });
  const named = (id: string, name: string) => client.createFunction({ id, name, onFailure: () => {} }, () => {});
  const create = (functions: unknown) =>
    createHandler({ client, functions: functions as InngestFunction[], framework: "test" });

  test("two functions of one id are refused, by name", () => {
    expect(() => create([named("ship", "One"), named("ship", "Two")])).toThrow(
      'serve: functions "One" and "Two" both have the id "shop-ship"',
    );
  });

  test("also when one is the failure handler of the other", () => {
    expect(() => create([named("ship", "One"), named("ship-failure", "Two")])).toThrow(
      'serve: functions "One (failure)" and "Two" both have the id "shop-ship-failure"',
    );
  });

  test.each([
    [undefined, "serve: functions: not a list of functions"],
    [[undefined], "serve: functions[0] is undefined; do two modules import each other?"],
    [[() => {}], "serve: functions[0] is not made by createFunction"],
    [[named("a", "A"), null], "serve: functions[1] is not made by createFunction"],
  ])("%s are no functions", (functions, message) => {
    expect(() => create(functions)).toThrow(message);
  });

  test("a function given twice is refused, by place and id", () => {
    const fn = named("ship", "Ship");
    expect(() => create([named("a", "A"), fn, fn])).toThrow('serve: functions[2] is functions[1] again, "shop-ship"');
  });

  test("functions of another client with the same id are refused; of another app they are served", () => {
    const twin = new Inngest({ id: "shop" }).createFunction({ id: "ship" }, () => {});
    expect(() => create([twin])).toThrow('functions[0], "shop-ship", was made by another client of the id "shop"');
    const other = new Inngest({ id: "billing" }).createFunction({ id: "ship" }, () => {});
    expect(() => create([other])).not.toThrow();
  });

  test.each([
    [{ signingKey: "x" }, "serve: signingKey: is an option of the client; write new Inngest({ signingKey: … })"],
    [{ servepath: "/x" }, 'serve: "servepath" is not an option (did you mean "servePath"?)'],
    [{ colour: 1 }, 'serve: "colour" is not an option; there are client, functions, servePath'],
  ])("an option that is none is refused, with what to write: %j", (options, message) => {
    expect(() => createHandler({ client, functions: [], framework: "test", ...options })).toThrow(message);
  });

  test("a client is needed", () => {
    expect(() => createHandler({ client: {} as Inngest, functions: [], framework: "test" })).toThrow("serve: client");
  });
});

describe("every answer", () => {
  test.each(["GET", "PUT", "POST", "DELETE"])(
    "[§11.3] to %s says who speaks, in which version, to which kind",
    async (method) => {
      const response = await appHandler()(await request(method, { headers: { "x-inngest-server-kind": "dev" } }));
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "content-type": "application/json",
        "x-inngest-sdk": expect.stringMatching(/^dotdo-js:v\d+\.\d+\.\d+$/),
        "x-inngest-req-version": "2",
        "x-inngest-framework": "test",
        "x-inngest-server-kind": "dev",
      });
    },
  );

  test("echoes no server kind that there is not", async () => {
    const response = await appHandler()(await request("GET", { headers: { "x-inngest-server-kind": "<b>" } }));
    expect(response.headers.has("x-inngest-server-kind")).toBe(false);
  });

  test.each([
    ["the key", KEY],
    ["the fallback key, when the server still uses that one", FALLBACK],
  ])("[§5] to a signed request is signed with %s", async (_, key) => {
    const handler = appHandler({ signingKey: KEY, signingKeyFallback: FALLBACK });
    const response = await handler(await request("GET", { key }));
    const body = await response.text();
    const header = response.headers.get("x-inngest-signature");
    expect(response.status).toBe(200);
    expect(await verify(header, [key], body, Date.now(), "response")).toBe(true);
  });

  test("to an unsigned request is not: nobody gets text of their choice signed", async () => {
    for (const method of ["GET", "PUT", "POST"]) {
      const response = await appHandler({ signingKey: KEY, baseUrl: "http://127.0.0.1:1" })(await request(method));
      expect(response.headers.has("x-inngest-signature")).toBe(false);
    }
  });
});

test.each(["DELETE", "PATCH", "HEAD", "OPTIONS"])("[§2.5] %s is not a method of ours", async (method) => {
  const response = await appHandler()(await request(method));
  expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, PUT, POST"]);
  if (method !== "HEAD") expect(await response.json()).toMatchObject({ message: "Method not allowed" });
});

describe("in cloud mode", () => {
  const cloud = { signingKey: KEY, signingKeyFallback: FALLBACK };

  test.each<[string, () => Promise<string> | string | undefined]>([
    ["unsigned", () => undefined],
    ["signed with another key", () => sign("signkey-test-aaaa", CALL, Date.now())],
    ["signed for another body", () => sign(KEY, '{"other":1}', Date.now())],
    ["signed long ago", () => sign(KEY, CALL, Date.now() - 301_000)],
    ["with nonsense for a signature", () => "nonsense"],
  ])("[§5] a call that is %s is refused before it is read", async (_, signature) => {
    const header = await signature();
    const headers: Record<string, string> = header === undefined ? {} : { "x-inngest-signature": header };
    for (const body of [CALL, "not json"]) {
      const response = await appHandler(cloud)(await request("POST", { query: "?fnId=shop-ship", body, headers }));
      expect(response.status).toBe(401);
      expect(await response.json()).toEqual({
        code: "sig_verification_failed",
        message: expect.stringMatching(/^Unauthorized: /),
      });
    }
  });

  test("[§2.5] so is an unsigned GET", async () => {
    expect((await appHandler(cloud)(await request("GET"))).status).toBe(401);
  });

  test.each(["GET", "PUT", "POST"])("without a signing key %s says how to set one", async (method) => {
    const response = await appHandler()(await request(method, { body: method === "GET" ? undefined : CALL }));
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({
      code: "missing_signing_key",
      message: expect.stringContaining("set INNGEST_SIGNING_KEY or the client's signingKey"),
    });
  });

  test("keys may come with the request, as on Workers", async () => {
    const response = await appHandler()(await request("GET", { key: KEY }), { env: { INNGEST_SIGNING_KEY: KEY } });
    expect(response.status).toBe(200);
  });

  test("a mode that cannot be read opens nothing", async () => {
    const response = await appHandler()(await request("POST", { body: CALL }), { env: { INNGEST_DEV: "maybe" } });
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ message: expect.stringContaining('INNGEST_DEV: "maybe"') });
  });
});

describe("GET introspects", () => {
  const open = {
    schema_version: "2024-05-24",
    function_count: 3,
    has_event_key: true,
    has_signing_key: true,
    has_signing_key_fallback: false,
    extra: { native_crypto: true },
  };

  test("[§2.5] a little for anybody, in development", async () => {
    const response = await appHandler({ isDev: true, eventKey: "e", signingKey: KEY })(await request("GET"));
    expect([response.status, await response.json()]).toEqual([200, { ...open, mode: "dev" }]);
  });

  test("[§2.5] all of it for a holder of the key; keys show as the beginning of a hash", async () => {
    const handler = appHandler({ eventKey: "secret-event-key", signingKey: KEY, env: "branch" });
    const text = await (await handler(await request("GET", { key: KEY }))).text();
    expect(JSON.parse(text)).toEqual({
      ...open,
      mode: "cloud",
      authentication_succeeded: true,
      api_origin: "https://api.inngest.com/",
      event_api_origin: "https://inn.gs/",
      app_id: "shop",
      capabilities: { in_band_sync: "v1", trust_probe: "v1" },
      env: "branch",
      framework: "test",
      sdk_language: "js",
      sdk_version: expect.stringMatching(/^\d/),
      serve_origin: "https://app.example.com",
      serve_path: "/api/inngest",
      event_key_hash: expect.stringMatching(/^[0-9a-f]{12}$/),
      signing_key_hash: "b2ed992186a5",
      signing_key_fallback_hash: null,
      extra: { native_crypto: true, is_streaming: false },
    });
    for (const secret of ["secret-event-key", "12345678"]) expect(text).not.toContain(secret);
  });
});

describe("POST", () => {
  const dev = appHandler({ isDev: true });
  const post = async (options: Parameters<typeof request>[1]) => {
    const response = await dev(await request("POST", options));
    return [response.status, await response.json(), response.headers.get("x-inngest-no-retry")];
  };

  test.each([
    ["no function named", "", CALL, 500, "function_not_found", "fnId: the call names no function"],
    [
      "unknown function",
      "?fnId=shop-nope",
      CALL,
      500,
      "function_not_found",
      'fnId: function "shop-nope" is not served by app "shop"; is it in the functions given to serve()?',
    ],
    ["a function's bare id", "?fnId=ship", CALL, 500, "function_not_found", 'fnId: function "ship" is not served'],
    ["no body", "?fnId=shop-ship", "", 400, "invalid_body", "The body of the call is not JSON"],
    ["not JSON", "?fnId=shop-ship", "{", 400, "invalid_body", "The body of the call is not JSON"],
    ["another JSON", "?fnId=shop-ship", "[]", 400, "invalid_body", "The body of the call is not as expected: body: "],
    [
      "no context",
      "?fnId=shop-ship",
      '{"event":{"name":"a"}}',
      400,
      "invalid_body",
      "The body of the call is not as expected: ctx: ",
    ],
    [
      "an event without name",
      "?fnId=shop-ship",
      '{"ctx":{"run_id":"1"},"event":{}}',
      400,
      "invalid_body",
      "event.name: ",
    ],
    [
      "unknown probe",
      "?probe=life",
      "",
      400,
      "unknown_probe",
      'probe: "life" is not a probe that this app knows; there is "trust"',
    ],
  ])("%s is an error that says so, and may be repeated", async (_, query, body, status, code, message) => {
    expect(await post({ query, body })).toEqual([
      status,
      { name: "Error", code, message: expect.stringContaining(message) },
      "false",
    ]);
  });

  test("[§2.5] a probe asks whether both trust each other", async () => {
    const cloud = appHandler({ signingKey: KEY });
    expect((await cloud(await request("POST", { query: "?probe=trust", key: KEY }))).status).toBe(200);
    expect((await cloud(await request("POST", { query: "?probe=trust" }))).status).toBe(401);
  });

  test("a body larger than any call is not read to its end", async () => {
    let pulled = 0;
    const chunk = new Uint8Array(1024 * 1024);
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += chunk.byteLength;
        controller.enqueue(chunk);
      },
    });
    const init = { method: "POST", body: endless, duplex: "half" };
    const response = await dev(new Request(`${APP_URL}?fnId=shop-ship`, init as RequestInit));
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({
      code: "body_too_large",
      message: expect.stringContaining("50331648 bytes"),
    });
    expect(pulled).toBeLessThan(CALL_BODY_LARGEST_BYTES + 4 * chunk.byteLength);
  });

  test("nor is one that announces its size", async () => {
    const headers = { "content-length": String(CALL_BODY_LARGEST_BYTES + 1) };
    const response = await dev({ method: "POST", url: APP_URL, headers: new Headers(headers) } as Request);
    expect(response.status).toBe(413);
  });

  test("a body that breaks off is an error, not a rejection", async () => {
    const broken = new ReadableStream({ start: (controller) => controller.error(new Error("reset by peer")) });
    const init = { method: "POST", body: broken, duplex: "half" };
    const response = await dev(new Request(APP_URL, init as RequestInit));
    expect([response.status, await response.json()]).toEqual([
      500,
      { name: "Error", code: "internal_error", message: expect.stringContaining("reset by peer") },
    ]);
  });
});
