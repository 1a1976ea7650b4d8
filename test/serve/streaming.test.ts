import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { sign, verify } from "../../src/protocol/signature.ts";
import { Inngest, type ClientOptions } from "../../src/sdk/client.ts";
import { createHandler, type ServeOptions } from "../../src/serve/handler.ts";
import { KEEP_ALIVE_MS } from "../../src/serve/streaming.ts";
import { readReply } from "../../src/transports/http-reply.ts";
import { FALLBACK, KEY, request } from "./helpers/app.ts";

const BODY = JSON.stringify({ ctx: { run_id: "01JX" }, event: { name: "order/created", data: {} } });
const CALL = { query: "?fnId=shop-ship&stepId=step", body: BODY };

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith("INNGEST_")) vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

/** An app with one function, whose handler is `ship`. */
function app(
  options: Partial<ServeOptions> & { canStream?: boolean } = {},
  ship: () => unknown = () => "shipped",
  clientOptions: Partial<ClientOptions> = { isDev: true },
) {
  const client = new Inngest({ id: "shop", ...clientOptions });
  const functions = [client.createFunction({ id: "ship" }, { event: "order/created" }, ship)];
  return createHandler({ client, functions, framework: "test", ...options });
}

/** The JSON that a stream ends with. */
async function envelopeOf(
  response: Response,
): Promise<{ status: number; body: string; headers: Record<string, string> }> {
  return JSON.parse(await response.text());
}

const replyOf = async (response: Response) =>
  readReply(
    {
      kind: "answered",
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.text(),
    },
    0,
    1,
  );

describe("[§3.3] a streamed answer", () => {
  test("begins at once, is kept alive every 3 s, and ends with status, headers and body", async () => {
    vi.useFakeTimers();
    const { promise, resolve } = Promise.withResolvers<string>();
    const response = await app({ streaming: true }, () => promise)(await request("POST", CALL));
    expect([response.status, response.headers.get("x-inngest-sdk")]).toEqual([
      201,
      expect.stringContaining("dotdo-js"),
    ]);

    const chunks: string[] = [];
    const read = response
      .body!.pipeThrough(new TextDecoderStream())
      .pipeTo(new WritableStream({ write: (chunk) => void chunks.push(chunk) }));
    await vi.advanceTimersByTimeAsync(0);
    expect(chunks).toEqual([" "]);
    await vi.advanceTimersByTimeAsync(3 * KEEP_ALIVE_MS);
    expect(chunks).toEqual([" ", " ", " ", " "]);

    resolve("shipped");
    await read;
    expect(JSON.parse(chunks.join(""))).toEqual({
      status: 200,
      body: '"shipped"',
      headers: expect.objectContaining({ "content-type": "application/json", "x-inngest-req-version": "2" }),
    });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("is kept alive no longer than its reader stays", async () => {
    vi.useFakeTimers();
    const response = await app({ streaming: true }, () => new Promise(() => {}))(await request("POST", CALL));
    expect(vi.getTimerCount()).toBe(1);
    await response.body!.cancel();
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each<[string, () => unknown]>([
    ["a result", () => ({ shipped: true })],
    ["nothing", () => undefined],
    [
      "an error",
      () => {
        throw new TypeError("no stock");
      },
    ],
  ])("means to the platform what an answer at once means: %s", async (_, ship) => {
    const understood = async (streaming: boolean) => {
      const reply = await replyOf(await app({ streaming }, ship)(await request("POST", CALL)));
      return reply.kind === "error" ? { ...reply, error: { ...reply.error, stack: "" } } : reply;
    };
    expect(await understood(true)).toEqual(await understood(false));
  });

  test.each([KEY, FALLBACK])("[§5] carries the signature of its body, by the key of the call: %s", async (key) => {
    const handle = app({ streaming: true }, undefined, { signingKey: KEY, signingKeyFallback: FALLBACK });
    const response = await handle(await request("POST", { ...CALL, key }));
    expect([response.status, response.headers.get("x-inngest-signature")]).toEqual([201, null]);
    const { status, body, headers } = await envelopeOf(response);
    expect([status, body]).toEqual([200, '"shipped"']);
    expect(await verify(headers["x-inngest-signature"], [key], body, Date.now(), "response")).toBe(true);
  });

  test.each([
    ["a call of a function that is not there", "?fnId=shop-none", BODY, 500, "function_not_found"],
    ["a body that is no call", "?fnId=shop-ship", "{}", 400, "invalid_body"],
  ])("says in its end what went wrong: %s", async (_, query, body, status, code) => {
    const envelope = await envelopeOf(await app({ streaming: true })(await request("POST", { query, body })));
    expect([envelope.status, JSON.parse(envelope.body)]).toMatchObject([status, { code }]);
  });

  test("also of a run's state that cannot be fetched", async () => {
    const fetch = () => Promise.reject(new Error("offline"));
    const handle = app({ streaming: true }, undefined, { isDev: true, fetch });
    const body = JSON.stringify({ ctx: { run_id: "01JX", use_api: true }, event: { name: "order/created" } });
    const envelope = await envelopeOf(await handle(await request("POST", { ...CALL, body })));
    expect([envelope.status, JSON.parse(envelope.body)]).toMatchObject([500, { message: "Error: offline" }]);
  });
});

describe("answered at once although calls are streamed", () => {
  test.each([
    ["GET", "GET", {}, 200],
    ["PUT", "PUT", { body: "{}", headers: { "x-inngest-sync-kind": "in_band" } }, 400],
    ["a probe", "POST", { query: "?probe=trust", body: "" }, 200],
    ["another method", "DELETE", {}, 405],
  ])("%s", async (_, method, options, status) => {
    expect((await app({ streaming: true })(await request(method, options))).status).toBe(status);
  });

  test("a call without a valid signature: who is not trusted gets no stream to hold", async () => {
    const handle = app({ streaming: true }, undefined, { signingKey: KEY });
    expect((await handle(await request("POST", CALL))).status).toBe(401);
  });
});

describe("whether calls are streamed", () => {
  const streams = async (options: Partial<ServeOptions> & { canStream?: boolean }) =>
    (await app(options)(await request("POST", CALL))).status;

  test.each<[option: unknown, variable: string | undefined, canStream: boolean, status: number]>([
    [undefined, undefined, true, 200],
    [true, undefined, true, 201],
    ["force", undefined, true, 201],
    ["allow", undefined, true, 201],
    ["allow", undefined, false, 200],
    [false, "true", true, 200], // the option is nearer
    [undefined, "true", true, 201],
    [undefined, "1", true, 201],
    [undefined, "force", true, 201],
    [undefined, "allow", true, 201],
    [undefined, "allow", false, 200],
    [undefined, "false", true, 200],
    [undefined, "false", false, 200],
    [undefined, "true", false, 500],
  ])("option %s, INNGEST_STREAMING %s, adapter can: %s → %i", async (streaming, variable, canStream, status) => {
    vi.stubEnv("INNGEST_STREAMING", variable);
    expect(await streams({ streaming: streaming as boolean, canStream })).toBe(status);
  });

  test.each([true, "force"] as const)("%s is refused at creation by an adapter that cannot", (streaming) => {
    expect(() => app({ streaming, canStream: false })).toThrow(
      'serve (test): streaming: this adapter cannot stream its answers; remove the setting or set it to "allow"',
    );
  });

  test.each([["yes"], [1], [null]])("%s is no choice", (streaming) => {
    expect(() => app({ streaming: streaming as unknown as boolean })).toThrow(/^serve: streaming: /);
  });

  test("a variable that is no choice is named in the answer", async () => {
    vi.stubEnv("INNGEST_STREAMING", "sometimes");
    const response = await app()(await request("POST", CALL));
    expect([response.status, await response.json()]).toMatchObject([
      500,
      { message: 'TypeError: INNGEST_STREAMING: "sometimes" is not one of true, false, allow and force' },
    ]);
  });

  test("[§2.5] is introspected, and a setting that cannot be had already fails the sync", async () => {
    const body = JSON.stringify({ url: "https://app.example.com/api/inngest" });
    const headers = { "x-inngest-sync-kind": "in_band", "x-inngest-signature": await sign(KEY, body, Date.now()) };
    const put = async (options: Parameters<typeof app>[0]) =>
      app(options, undefined, { signingKey: KEY })(await request("PUT", { body, headers }));
    const streaming = await put({ streaming: true });
    expect(await streaming.json()).toMatchObject({ inspection: { extra: { is_streaming: true } } });
    vi.stubEnv("INNGEST_STREAMING", "true");
    expect((await put({ canStream: false })).status).toBe(500);
  });
});
