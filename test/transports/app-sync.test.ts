import { describe, expect, test } from "vitest";
import { appUrl } from "../../src/protocol/app-sync.ts";
import { verify } from "../../src/protocol/signature.ts";
import { askApp, type AppQuestion } from "../../src/transports/app-sync.ts";

const URL_ = "https://app.example.com/api/inngest";
const NOW = Date.UTC(2026, 0, 1);
const KEY = "signkey-test-12345678";
const FALLBACK = "signkey-test-87654321";
const SDK = { "x-inngest-sdk": "js:v4.24.0" };

interface Seen {
  url: string;
  method: string | undefined;
  headers: Record<string, string>;
  body: string;
}

/** Asks an app that answers one after the other; the last answer again and again. */
async function ask(answers: (Response | Error)[] | ((seen: Seen) => Response), options: Partial<AppQuestion> = {}) {
  const seen: Seen[] = [];
  const fetch: AppQuestion["fetch"] = async (input, init) => {
    const one = { url: String(input), method: init?.method, headers: init?.headers as any, body: String(init?.body) };
    seen.push(one);
    const answer = typeof answers === "function" ? answers(one) : answers[Math.min(seen.length, answers.length) - 1]!;
    if (answer instanceof Error) throw answer;
    return answer.clone();
  };
  const question = { url: URL_, env: "main", isDev: false, signingKeys: [KEY], fetch, now: () => NOW, ...options };
  return { answer: await askApp(question), seen };
}

const inBand = (body: unknown) => Response.json(body, { headers: { ...SDK, "x-inngest-sync-kind": "in_band" } });
const reply = { app_id: "shop", url: URL_, framework: "hono", sdk: "js:v4.24.0", functions: [] };

describe("[§2.3] the question", () => {
  test("is a signed PUT that asks for an in-band answer", async () => {
    const { seen } = await ask([inBand(reply)]);
    expect(seen).toEqual([
      {
        url: URL_,
        method: "PUT",
        body: JSON.stringify({ url: URL_ }),
        headers: {
          "content-type": "application/json",
          "x-inngest-server-kind": "cloud",
          "x-inngest-sync-kind": "in_band",
          "x-dotdo-inngest": "1",
          "x-inngest-signature": expect.any(String),
        },
      },
    ]);
    expect(await verify(seen[0]!.headers["x-inngest-signature"], [KEY], seen[0]!.body, NOW)).toBe(true);
  });

  test("names the branch environment in which it is asked", async () => {
    const { seen } = await ask([inBand(reply)], { env: "feature/x" });
    expect(seen[0]!.headers).toMatchObject({ "x-inngest-env": "feature/x" });
  });

  test("a Python app in development, which answers in-band to signed requests only, is told to register itself", async () => {
    const python = { "x-inngest-sdk": "inngest-py:v0.5.18" };
    const refusal = Response.json({ message: "request must be signed" }, { status: 401, headers: python });
    const registered = Response.json({ ok: true, modified: true }, { headers: python });
    const { answer, seen } = await ask([refusal, registered], { isDev: true });
    expect(answer).toEqual({ kind: "out-of-band", modified: true });
    expect(seen.map(({ headers }) => headers["x-inngest-sync-kind"])).toEqual(["in_band", "out_of_band"]);
    expect((await ask([refusal])).answer).toMatchObject({ kind: "failed", code: "unauthorized" });
  });

  test("a Python app that is known is not asked in vain in development", async () => {
    const registered = Response.json(
      { ok: true, modified: false },
      { headers: { "x-inngest-sdk": "inngest-py:v0.5.18" } },
    );
    const { answer, seen } = await ask([registered], { isDev: true, sdk: "py:v0.5.18" });
    expect(answer).toEqual({ kind: "out-of-band", modified: false });
    expect(seen.map(({ headers }) => headers["x-inngest-sync-kind"])).toEqual(["out_of_band"]);
  });

  test("is unsigned in development", async () => {
    const { seen } = await ask([inBand(reply)], { isDev: true });
    expect(seen[0]!.headers).toMatchObject({ "x-inngest-server-kind": "dev" });
    expect(seen[0]!.headers).not.toHaveProperty("x-inngest-signature");
  });

  test.each([401, 403])("[§5] is asked again with the fallback key after %d", async (status) => {
    const { answer, seen } = await ask([new Response("", { status }), inBand(reply)], { signingKeys: [KEY, FALLBACK] });
    expect(answer.kind).toBe("in-band");
    const [first, second] = seen.map((one) => one.headers["x-inngest-signature"]);
    expect([
      await verify(first, [KEY], seen[0]!.body, NOW),
      await verify(second, [FALLBACK], seen[1]!.body, NOW),
    ]).toEqual([true, true]);
  });

  test("is not asked again after another failure", async () => {
    const { seen } = await ask([new Response("", { status: 500 })], { signingKeys: [KEY, FALLBACK] });
    expect(seen).toHaveLength(1);
  });
});

describe("the answer", () => {
  test("in-band: what the app is, as it would register", async () => {
    const { answer } = await ask([inBand(reply)]);
    const { app_id: _, ...rest } = reply;
    expect(answer).toEqual({ kind: "in-band", reply: { ...rest, appName: "shop" } });
  });

  test.each<[string, Response, boolean]>([
    [
      "of TypeScript",
      Response.json(
        { message: "Successfully registered", modified: true },
        { headers: { ...SDK, "x-inngest-sync-kind": "out_of_band" } },
      ),
      true,
    ],
    ["of Go: empty", new Response("", { headers: SDK }), false],
  ])("out-of-band %s: it has registered itself", async (_, response, modified) => {
    expect((await ask([response])).answer).toEqual({ kind: "out-of-band", modified });
  });

  test.each<[string, unknown, RegExp]>([
    ["without an app", { ...reply, app_id: undefined }, /app_id: /],
    ["without functions", { ...reply, functions: undefined }, /functions: /],
    ["that is no JSON", "oops", /body: /],
  ])("in-band %s is invalid_config", async (_, body, message) => {
    expect((await ask([inBand(body)])).answer).toEqual({
      kind: "failed",
      code: "invalid_config",
      message: expect.stringMatching(message),
    });
  });
});

describe("[§2.1] a failure says what to do", () => {
  const html = "<html>Log in</html>";
  test.each<[string, Response | Error, string, RegExp]>([
    ["401", new Response("", { status: 401 }), "unauthorized", /set the app's INNGEST_SIGNING_KEY to the platform's/],
    ["403", new Response(html, { status: 403 }), "forbidden", /let requests to this path pass$/],
    ["404", new Response("", { status: 404 }), "url_not_found", /check the path/],
    ["500", new Response("", { status: 500 }), "internal_server_error", /see the app's own log$/],
    ["502", new Response(html, { status: 502 }), "internal_server_error", /failed \(502\)/],
    ["a page", new Response(html), "not_sdk", /answers 200 without the header x-inngest-sdk/],
    ["405 of another server", new Response("", { status: 405 }), "not_sdk", /answers 405/],
    ["400 of an app", new Response("", { status: 400, headers: SDK }), "refused", /refused to sync \(400\)$/],
    [
      "no connection",
      new TypeError("connect ECONNREFUSED"),
      "unreachable",
      /\(connect ECONNREFUSED\); is the app running/,
    ],
    ["silence", new DOMException("slow", "TimeoutError"), "unreachable", /no answer within 10 s/],
  ])("%s", async (_, response, code, message) => {
    const { answer } = await ask([response]);
    expect(answer).toEqual({ kind: "failed", code, message: expect.stringMatching(message) });
    expect((answer as any).message).toContain(URL_);
    expect((answer as any).message).not.toContain("<html>");
  });

  test("401 in development: the app is not in dev mode", async () => {
    const { answer } = await ask([new Response("", { status: 401 })], { isDev: true });
    expect(answer).toMatchObject({ code: "unauthorized", message: expect.stringContaining("INNGEST_DEV=1") });
  });

  test("what the app says is passed on, shortened", async () => {
    const said = Response.json({ message: `No functions. ${"x".repeat(1000)}` }, { status: 500, headers: SDK });
    const { answer } = await ask([said]);
    expect((answer as any).message).toMatch(/It said: No functions\. x{100,}$/);
    expect((answer as any).message.length).toBeLessThan(600);
  });

  test("an answer over the bound is read no further", async () => {
    let pulled = 0;
    const endless = new ReadableStream({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(1024 * 1024));
      },
    });
    const { answer } = await ask([], { fetch: async () => new Response(endless, { headers: SDK }) });
    expect(answer).toMatchObject({ code: "refused", message: expect.stringContaining("over the bound") });
    expect(pulled).toBeLessThan(20);
  });
});

describe("redirects", () => {
  const to = (location: string, status = 308) => new Response(null, { status, headers: { location } });

  test.each([301, 302, 303, 307, 308])("%d is followed, still a PUT with its body", async (status) => {
    const { answer, seen } = await ask([to("/moved", status), inBand(reply)]);
    expect(answer.kind).toBe("in-band");
    expect(seen.map(({ url, method, body }) => [url, method, body])).toEqual([
      [URL_, "PUT", JSON.stringify({ url: URL_ })],
      ["https://app.example.com/moved", "PUT", JSON.stringify({ url: URL_ })],
    ]);
  });

  test("end after ten", async () => {
    const { answer, seen } = await ask([to("/moved")]);
    expect([answer, seen.length]).toMatchObject([
      { code: "unreachable", message: expect.stringContaining("10 times") },
      11,
    ]);
  });

  test("[design §10] may not lead a deployed platform into a private network", async () => {
    const { answer, seen } = await ask([to("http://169.254.169.254/latest")]);
    expect([answer, seen.length]).toMatchObject([
      { code: "unreachable", message: expect.stringContaining("give the app's public URL") },
      1,
    ]);
  });
});

describe("targets that are not asked at all", () => {
  test.each([
    ["ftp://app.example.com", false, "unsupported_protocol"],
    ["file:///etc/passwd", true, "unsupported_protocol"],
    ["http://localhost:3000/api/inngest", false, "unreachable"],
    ["http://10.0.0.1/api/inngest", false, "unreachable"],
  ])("%s (dev: %s)", async (url, isDev, code) => {
    const { answer, seen } = await ask([inBand(reply)], { url, isDev });
    expect([answer, seen.length]).toMatchObject([{ kind: "failed", code }, 0]);
  });

  test("in development the app is on this machine", async () => {
    const { answer } = await ask([inBand(reply)], { url: "http://localhost:3000/api/inngest", isDev: true });
    expect(answer.kind).toBe("in-band");
  });
});

test.each([
  ["https://a.example", "https://a.example/"],
  ["https://A.example:443/x?fnId=1&stepId=step&probe=trust&deployId=7#y", "https://a.example/x"],
  ["http://a.example:3000/x?tenant=1", "http://a.example:3000/x?tenant=1"],
])("[§2.2] an app's address: %s", (text, expected) => {
  expect(appUrl(text)).toBe(expected);
});
