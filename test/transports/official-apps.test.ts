/** Inngest's own clients, unmodified, asked as the platform asks apps. */
import { Inngest as InngestV3 } from "inngest-v3";
import { serve as serveV3 } from "inngest-v3/edge";
import { Inngest as InngestV4 } from "inngest-v4";
import { serve as serveV4 } from "inngest-v4/edge";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { flowControlOf } from "../../src/protocol/flow-config.ts";
import { registerBodySchema } from "../../src/protocol/function-config.ts";
import { Inngest } from "../../src/sdk/index.ts";
import { askApp, type AppQuestion } from "../../src/transports/app-sync.ts";

const URL_ = "https://app.example.com/api/inngest";
const KEY = "signkey-test-12345678";
const OTHER_KEY = "signkey-test-87654321";

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith("INNGEST_")) vi.stubEnv(name, undefined);
});
afterEach(() => vi.unstubAllEnvs());

const silent = { debug() {}, info() {}, warn() {}, error() {} };

interface AppOptions {
  isDev: boolean;
  signingKey?: string;
  fetch?: typeof fetch;
}

/** Flow control as users of any client write it. */
const LIMITED = {
  id: "limited",
  concurrency: [{ limit: 5 }, { limit: 2, key: "event.data.userId", scope: "env" as const }] as [
    { limit: number },
    { limit: number; key: string; scope: "env" },
  ],
  throttle: { limit: 10, period: "1m" as const, burst: 2, key: "event.data.userId" },
  rateLimit: { limit: 3, period: "1h" as const, key: "event.data.userId" },
  debounce: { period: "10s" as const, timeout: "1m" as const, key: "event.data.userId" },
  priority: { run: "event.data.urgent ? 60 : 0" },
  singleton: { mode: "cancel" as const, key: "event.data.userId" },
  cancelOn: [
    { event: "a/cancelled", match: "data.userId", timeout: "2d" },
    { event: "a/deleted", if: "async.data.all == true" },
  ],
  timeouts: { start: "1h" as const, finish: "1d" as const },
};
const BATCHED = {
  id: "batched",
  concurrency: 4,
  idempotency: undefined,
  batchEvents: { maxSize: 50, timeout: "5s" as const, key: "event.data.userId", if: "event.data.small" },
};
const ONCE = { id: "once", idempotency: "event.data.userId" };

const APPS: [string, (options: AppOptions) => (request: Request) => Promise<Response>][] = [
  [
    "3.54",
    ({ signingKey, ...options }) => {
      const client = new InngestV3({ id: "official", logger: silent, ...options });
      const functions = [{ id: "greet" }, LIMITED, BATCHED, ONCE].map((options) =>
        client.createFunction(options, { event: "a/b" }, () => 1),
      );
      return serveV3({ client, functions, signingKey, fetch: options.fetch }) as (
        request: Request,
      ) => Promise<Response>;
    },
  ],
  [
    "4.24",
    (options) => {
      const client = new InngestV4({ id: "official", logger: silent, ...options });
      const functions = [{ id: "greet" }, LIMITED, BATCHED, ONCE].map((options) =>
        client.createFunction({ ...options, triggers: [{ event: "a/b" }] }, () => 1),
      );
      return serveV4({ client, functions }) as (request: Request) => Promise<Response>;
    },
  ],
];

describe.each(APPS)("[§2.3] inngest %s", (_version, serve) => {
  const ask = (handler: (request: Request) => Promise<Response>, question: Partial<AppQuestion>) =>
    askApp({
      url: URL_,
      env: "main",
      isDev: false,
      signingKeys: [KEY],
      fetch: (input, init) => {
        const request = new Request(input as string, init);
        request.headers.set("host", new URL(request.url).host); // as servers see it; these adapters read it
        return handler(request);
      },
      now: () => Date.now(),
      ...question,
    });

  test.each([
    ["in development", { isDev: true }],
    ["in cloud mode, by signature", { isDev: false, signingKey: KEY }],
  ])("answers in-band %s", async (_, options) => {
    const answer = await ask(serve(options), { isDev: options.isDev });
    if (answer.kind !== "in-band") throw new Error(JSON.stringify(answer));
    const { functions, ...app } = registerBodySchema.parse(answer.reply);
    expect(app).toMatchObject({
      appname: "official",
      url: URL_,
      sdk: expect.stringMatching(/^js:v/),
      framework: "edge",
    });
    expect(functions[0]).toMatchObject({
      id: "official-greet",
      triggers: [{ event: "a/b" }],
      steps: { step: { runtime: { url: `${URL_}?fnId=official-greet&stepId=step` } } },
    });
  });

  test("asks for the same flow control as our client with the same options", async () => {
    const answer = await ask(serve({ isDev: true }), { isDev: true });
    if (answer.kind !== "in-band") throw new Error(JSON.stringify(answer));
    const { functions } = registerBodySchema.parse(answer.reply);
    const ours = new Inngest({ id: "official" });
    const same = [{ id: "greet" }, LIMITED, BATCHED, ONCE].map((options) =>
      ours.createFunction(options, { event: "a/b" }, () => 1),
    );
    expect(functions.map((config) => [config.id, flowControlOf(config)])).toEqual(
      same.map((fn) => [fn.id(), fn.registrations("official")[0]?.flow]),
    );
    expect(functions.map((config) => Object.keys(flowControlOf(config) ?? {}).length)).toEqual([0, 8, 2, 1]);
  });

  test.each([
    ["of another key", { isDev: false, signingKey: OTHER_KEY }, {}],
    ["that are not signed", { isDev: false, signingKey: KEY }, { isDev: true }],
  ])("refuses questions %s, and the failure says why", async (_, options, question) => {
    expect(await ask(serve(options), question)).toMatchObject({ kind: "failed", code: "unauthorized" });
  });

  test("registers itself when it may not answer in-band", async () => {
    vi.stubEnv("INNGEST_ALLOW_IN_BAND_SYNC", "false");
    const registered: string[] = [];
    const api: typeof fetch = async (input) => {
      registered.push(String(input instanceof Request ? input.url : input));
      return Response.json({ ok: true, modified: true, status: 200 });
    };
    const answer = await ask(serve({ isDev: false, signingKey: KEY, fetch: api }), {});
    expect([answer, registered.filter((url) => url.includes("/fn/register")).length]).toEqual([
      { kind: "out-of-band", modified: true },
      1,
    ]);
  });
});
