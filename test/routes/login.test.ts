/** People who sign in: with a key, for a cookie; what the cookie is worth, for how long, and from where. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { platformApp } from "../../src/app.ts";
import type { Objects } from "../../src/durable-objects/objects.ts";
import { SIGN_IN_MS } from "../../src/protocol/limits.ts";
import { hashedSigningKey } from "../../src/protocol/signing-key.ts";
import type { Dashboard } from "../../src/routes/dashboard.ts";
import type { Settings } from "../../src/routes/guard.ts";

const KEY = "signkey-test-12345678";
const NEXT = "signkey-test-87654321";
const READ = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const HOST = "https://inngest.example";
const DASHBOARD: Dashboard = { base: "/inngest", isAlone: false, assets: { fetch: async () => new Response("page") } };

/** Objects that know nothing: whoever reaches them was let in. */
const objects = new Proxy({} as Objects, {
  get: () => () => new Proxy({}, { get: () => async () => [] }),
});

function door(settings: Partial<Settings>, dashboard: Dashboard | null = null) {
  const all = { isDev: false, eventKeys: [], signingKeys: [], sdkUrls: [], ...settings };
  const app = platformApp(objects, "main", () => all, [], dashboard);
  return (path: string, init: RequestInit = {}) => app.request(new Request(new URL(path, HOST), init));
}

type Ask = ReturnType<typeof door>;

const signIn = (ask: Ask, key: string, more: object = {}, headers: Record<string, string> = {}) =>
  ask("/v1/session", { method: "POST", body: JSON.stringify({ key, ...more }), headers });

/** What the browser sends back. */
function cookieOf(answer: Response): string {
  expect(answer.status).toBeLessThan(400);
  return answer.headers.get("set-cookie")!.split(";")[0]!;
}

const session = async (ask: Ask, cookie: string) => {
  const answer = await ask("/v1/session", { headers: { cookie } });
  return answer.status === 200 ? ((await answer.json()) as { data: object }).data : answer.status;
};

afterEach(() => vi.restoreAllMocks());

describe("signing in", () => {
  const ask = door({ signingKeys: [KEY, NEXT], readKeys: [READ] });

  test.each([
    ["the key", KEY, "writer", "signing key"],
    ["the key with what a paste adds", ` ${KEY}\n`, "writer", "signing key"],
    ["the fallback", NEXT, "writer", "signing key"],
    ["a key that may look", READ, "reader", "read key"],
  ])("with %s gives a cookie that says who it is", async (_what, key, role, name) => {
    const cookie = cookieOf(await signIn(ask, key));
    expect(await session(ask, cookie)).toMatchObject({ by: "session", role, name });
    expect((await ask("/v1/apps", { headers: { cookie } })).status).toBe(200);
  });

  test("with the hash of the key, and a name that is kept", async () => {
    const cookie = cookieOf(await signIn(ask, await hashedSigningKey(KEY), { name: " Ada " }));
    expect(await session(ask, cookie)).toMatchObject({ role: "writer", name: "Ada" });
  });

  test.each([
    ["another key", { key: "signkey-test-00000000" }, 401, "none of this platform's"],
    ["no key", {}, 400, "key: "],
    ["an empty one", { key: " " }, 400, "key: "],
    ["a prefix alone", { key: "signkey-test-" }, 401, "none of this platform's"],
    ["two keys", { key: `${KEY} ${READ}` }, 401, "none of this platform's"],
    ["a name that is no name", { key: KEY, name: "a\u0007b" }, 400, "name: "],
    ["a long name", { key: KEY, name: "x".repeat(101) }, 400, "name: "],
  ])("with %s is refused, and no cookie comes", async (_what, body, status, words) => {
    const answer = await ask("/v1/session", { method: "POST", body: JSON.stringify(body) });
    expect(answer.status).toBe(status);
    expect(((await answer.json()) as { error: string }).error).toContain(words);
    expect(answer.headers.get("set-cookie")).toBeNull();
  });

  test("the cookie is the host's own, over TLS, out of reach of scripts and of other sites, for twelve hours", async () => {
    const header = (await signIn(ask, KEY)).headers.get("set-cookie")!;
    const [value, ...attributes] = header.split("; ");
    expect(value).toMatch(/^__Host-inngest=[\w.-]+$/);
    expect(attributes.toSorted()).toEqual(["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Strict", "Secure"]);
    expect(SIGN_IN_MS).toBe(43_200_000);
    expect(header).not.toContain("12345678");
  });

  test("without TLS only a loopback host gets one that is not Secure, which counts nowhere else", async () => {
    const body = JSON.stringify({ key: KEY });
    const local = await ask("http://127.0.0.1:8787/v1/session", { method: "POST", body });
    expect(local.headers.get("set-cookie")).toMatch(/^inngest-on-loopback=/);
    expect(local.headers.get("set-cookie")).not.toContain("Secure");
    const proxied = await ask("http://inngest.example/v1/session", { method: "POST", body });
    expect(proxied.headers.get("set-cookie")).toMatch(/^__Host-inngest=.*Secure/);
    expect(await session(ask, cookieOf(local))).toBe(401);
  });

  test("by form it goes on to a path of this host, and nowhere else", async () => {
    const form = (next: string) => ({
      method: "POST",
      body: new URLSearchParams({ key: KEY, next }).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    const at = door({ signingKeys: [KEY] }, DASHBOARD);
    const there = async (next: string) => {
      const answer = await at("/inngest/login", form(next));
      expect([answer.status, answer.headers.get("set-cookie")]).toEqual([303, expect.stringContaining("__Host-")]);
      return answer.headers.get("location");
    };
    expect(await there("/inngest/runs")).toBe("/inngest/runs");
    for (const elsewhere of ["", "//evil.example", "/\\evil.example", "https://evil.example", "runs"])
      expect(await there(elsewhere)).toBe("/inngest/");
  });

  test("beside an app, /login and /logout stay the app's", async () => {
    const at = door({ signingKeys: [KEY] }, DASHBOARD);
    const body = JSON.stringify({ key: KEY });
    expect((await at("/login", { method: "POST", body })).status).toBe(404);
    expect((await at("/logout", { method: "POST" })).status).toBe(404);
    expect((await at("/inngest/login", { method: "POST", body })).status).toBe(200);
    expect((await at("/inngest/logout", { method: "POST" })).headers.get("set-cookie")).toContain("Max-Age=0");
  });

  test("without a configured key nobody signs in; in dev mode nobody needs to", async () => {
    expect((await signIn(door({}), KEY)).status).toBe(503);
    const dev = door({ isDev: true });
    const answer = await dev("http://localhost/v1/session", { headers: { host: "localhost" } });
    expect(await answer.json()).toMatchObject({ data: { by: "dev", role: "writer" } });
  });
});

describe("a sign-in ends", () => {
  const ask = door({ signingKeys: [KEY, NEXT], readKeys: [READ] });

  test("after twelve hours", async () => {
    const cookie = cookieOf(await signIn(ask, KEY));
    const now = Date.now();
    vi.spyOn(Date, "now").mockReturnValue(now + SIGN_IN_MS - 2_000);
    expect(await session(ask, cookie)).toMatchObject({ by: "session" });
    vi.spyOn(Date, "now").mockReturnValue(now + SIGN_IN_MS + 1_000);
    expect(await session(ask, cookie)).toBe(401);
  });

  test("when its key is no key any more; as fallback it still is", async () => {
    const cookie = cookieOf(await signIn(ask, KEY));
    expect(await session(door({ signingKeys: [NEXT, KEY] }), cookie)).toMatchObject({ role: "writer" });
    expect(await session(door({ signingKeys: [NEXT] }), cookie)).toBe(401);
    const reading = cookieOf(await signIn(ask, READ));
    expect(await session(door({ signingKeys: [NEXT], readKeys: ["other", READ] }), reading)).toMatchObject({
      role: "reader",
    });
    expect(await session(door({ signingKeys: [NEXT] }), reading)).toBe(401);
  });

  test("a key that may look does not act once it is the signing key of somebody else's", async () => {
    const reading = cookieOf(await signIn(ask, READ));
    expect(await session(door({ signingKeys: [READ] }), reading)).toBe(401);
  });

  test("when the person signs out", async () => {
    const cookie = cookieOf(await signIn(ask, KEY));
    const answer = await ask("/v1/session", { method: "DELETE", headers: { cookie, origin: HOST } });
    expect(answer.headers.get("set-cookie")).toMatch(/^__Host-inngest=; Max-Age=0; .*Secure/);
  });

  test.each([
    ["another's signature", (token: string) => token.slice(0, -4) + "AAAA"],
    ["another's claims", (token: string) => token.replace(/\.[^.]+\./, `.${btoa('{"role":"writer"}')}.`)],
    ["no signature", (token: string) => token.replace(/\.[^.]*$/, ".")],
    ["nothing", () => ""],
  ])("and one with %s never began", async (_what, change) => {
    const [name, token = ""] = cookieOf(await signIn(ask, KEY)).split("=");
    expect(await session(ask, `${name}=${change(token)}`)).toBe(401);
  });

  test("a bearer counts alone: a wrong one is not made good by a cookie", async () => {
    const cookie = cookieOf(await signIn(ask, KEY));
    const wrong = { cookie, authorization: "Bearer signkey-test-00000000" };
    expect((await ask("/v1/apps", { headers: wrong })).status).toBe(401);
  });
});

describe("[CSRF] a cookie acts only for a page of this host", () => {
  const ask = door({ signingKeys: [KEY] });
  const act = async (headers: Record<string, string>) => {
    const cookie = cookieOf(await signIn(ask, KEY));
    return ask("/v1/signals", { method: "POST", body: "{}", headers: { cookie, ...headers } });
  };

  test.each([
    ["its origin", { origin: HOST }],
    ["the browser's word", { "sec-fetch-site": "same-origin" }],
    ["both", { origin: HOST, "sec-fetch-site": "same-origin" }],
  ])("it is told by %s", async (_what, headers) => {
    expect((await act(headers)).status).toBe(400); // let in, it is refused for its body
  });

  test.each<[string, Record<string, string>]>([
    ["nothing said", {}],
    ["another origin", { origin: "https://evil.example" }],
    ["another port", { origin: `${HOST}:8443` }],
    ["a sibling site", { origin: "https://app.example", "sec-fetch-site": "same-site" }],
    ["a sandboxed frame", { origin: "null" }],
    ["another site's word", { "sec-fetch-site": "cross-site" }],
    ["its own origin, but another site's word", { origin: HOST, "sec-fetch-site": "cross-site" }],
    ["a link that was followed", { "sec-fetch-site": "none" }],
  ])("%s: refused", async (_what, headers) => {
    const answer = await act(headers);
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ code: "cross_origin" });
  });

  test("nor does another site sign a browser in, or out", async () => {
    const headers = { origin: "https://evil.example" };
    expect((await signIn(ask, KEY, {}, headers)).status).toBe(403);
    expect((await ask("/v1/session", { method: "DELETE", headers })).status).toBe(403);
  });

  test("a program with the key as bearer says nothing of where it is", async () => {
    const headers = { authorization: `Bearer ${KEY}` };
    expect((await ask("/v1/signals", { method: "POST", body: "{}", headers })).status).toBe(400);
  });
});
