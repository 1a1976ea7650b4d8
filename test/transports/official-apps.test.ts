/** Inngest's own clients, unmodified, asked as the platform asks apps. */
import { Inngest as InngestV3 } from "inngest-v3";
import { serve as serveV3 } from "inngest-v3/edge";
import { Inngest as InngestV4 } from "inngest-v4";
import { serve as serveV4 } from "inngest-v4/edge";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { registerBodySchema } from "../../src/protocol/function-config.ts";
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

const APPS: [string, (options: AppOptions) => (request: Request) => Promise<Response>][] = [
  [
    "3.54",
    ({ signingKey, ...options }) => {
      const client = new InngestV3({ id: "official", logger: silent, ...options });
      const fn = client.createFunction({ id: "greet" }, { event: "a/b" }, () => 1);
      return serveV3({ client, functions: [fn], signingKey, fetch: options.fetch }) as (
        request: Request,
      ) => Promise<Response>;
    },
  ],
  [
    "4.24",
    (options) => {
      const client = new InngestV4({ id: "official", logger: silent, ...options });
      const fn = client.createFunction({ id: "greet", triggers: [{ event: "a/b" }] }, () => 1);
      return serveV4({ client, functions: [fn] }) as (request: Request) => Promise<Response>;
    },
  ],
];

describe.each(APPS)("[§2.3] inngest %s", (_version, serve) => {
  const ask = (handler: (request: Request) => Promise<Response>, question: Partial<AppQuestion>) =>
    askApp({
      url: URL_,
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
    expect(functions).toMatchObject([
      {
        id: "official-greet",
        triggers: [{ event: "a/b" }],
        steps: { step: { runtime: { url: `${URL_}?fnId=official-greet&stepId=step` } } },
      },
    ]);
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
