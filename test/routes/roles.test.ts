/** Every route of the platform, asked by everybody: so that a new one cannot be left open. */
import { beforeAll, describe, expect, test, vi } from "vitest";
import { platformApp } from "../../src/app.ts";
import type { Objects } from "../../src/durable-objects/objects.ts";
import { signInToken } from "../../src/protocol/sign-in-token.ts";
import { isLooking } from "../../src/routes/may.ts";

const KEY = "signkey-test-12345678";
const READ = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const HOST = "https://inngest.example";

/** Who reaches an object was let in, and gets 500. */
const objects = new Proxy({} as Objects, {
  get: () => () => {
    throw new Error("reached");
  },
});
const settings = { isDev: false, eventKeys: ["e"], signingKeys: [KEY], readKeys: [READ], sdkUrls: [] };
const dashboard = { base: "", isAlone: true, assets: { fetch: async () => new Response(null, { status: 404 }) } };
const app = platformApp(objects, "main", () => settings, [], dashboard);

/**
 * Routes that ask for no signing key, and what they ask for instead. A new route belongs here only when its answer is
 * everybody's, or when it has a proof of its own.
 */
const OPEN: Record<string, string> = {
  "GET /health": "nothing: it says that the platform is there",
  "GET /v2/health": "nothing",
  "GET /api/v2/health": "nothing",
  "GET /dev": "dev mode",
  "GET /openapi.json": "nothing: what the API is, not what is in it",
  "OPTIONS /e/*": "nothing: before a browser sends an event",
  "POST /e/:key?": "an event key",
  "POST /e/": "an event key",
  "POST /v0/telemetry": "nothing, and keeps nothing",
  "GET /v0/connect": "a session's token, in the first message",
  "GET /v1/realtime/connect": "a realtime token",
  "GET /v1/realtime/sse": "a realtime token",
  "GET /v1/http/runs/:runId/output": "a token for this very output",
  "POST /v1/session": "a key in its body",
  "DELETE /v1/session": "nothing: it makes a browser forget",
  "POST /login": "a key in its body",
  "POST /logout": "nothing: it makes a browser forget",
  "GET /*": "nothing: the dashboard's page, which has no data",
};

interface Route {
  name: string;
  method: string;
  path: string;
}

/** Middleware takes `next`; what is in a sub-app with errors of its own is wrapped. */
function isHandler(handler: Function): boolean {
  const inner: unknown = Reflect.get(handler, "__COMPOSED_HANDLER");
  return (typeof inner === "function" ? inner : handler).length < 2;
}

const routes: Route[] = app.routes
  .filter(({ method, handler }) => method !== "ALL" || isHandler(handler))
  .flatMap(({ method, path }) =>
    (method === "ALL" ? ["GET", "POST", "DELETE"] : [method]).map((one) => ({
      name: `${one} ${path}`,
      method: one,
      path: path
        .replaceAll(/:\w+(\{[^}]*\})?\??/g, "01ARZ3NDEKTSV4RRFFQ69G5FAV")
        .replaceAll("*", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
    })),
  );
const guarded = [...new Map(routes.filter(({ name }) => !(name in OPEN)).map((one) => [one.name, one])).values()];
const looking = guarded.filter(({ method, path }) => isLooking(method, path));
const acting = guarded.filter(({ method, path }) => !isLooking(method, path));

/** 401, 403 for what somebody may not, or "in": dev mode's own 403 is of a route that was reached. */
async function ask({ method, path }: Route, headers: Record<string, string> = {}): Promise<string> {
  const answer = await app.request(new Request(HOST + path, { method, headers }));
  if (answer.status !== 401 && answer.status !== 403) return answer.body?.cancel().then(() => "in") ?? "in";
  return answer.status === 401 || /may only look|acts only from a page/.test(await answer.text())
    ? `${answer.status}`
    : "in";
}

let cookie = "";
beforeAll(async () => {
  vi.spyOn(console, "error").mockImplementation(() => {}); // "reached"
  const token = await signInToken({ role: "writer", name: "", expiresAt: Date.now() + 60_000 }, KEY);
  cookie = `__Host-inngest=${token}`;
  return () => vi.restoreAllMocks();
});

test("there are many of them, of both kinds", () => {
  expect(looking.length).toBeGreaterThan(30);
  expect(acting.length).toBeGreaterThan(30);
  for (const name of Object.keys(OPEN)) expect(routes.map((one) => one.name)).toContain(name);
});

describe("without a key", () => {
  test.each(guarded)("$name is refused", async (route) => {
    expect(await ask(route)).toBe("401");
  });
});

describe("with the signing key", () => {
  test.each(guarded)("$name is open", async (route) => {
    expect(await ask(route, { authorization: `Bearer ${KEY}` })).toBe("in");
  });
});

describe("with a key that may look", () => {
  const headers = { authorization: `Bearer ${READ}` };
  test.each(looking)("$name is open", async (route) => {
    expect(await ask(route, headers)).toBe("in");
  });
  test.each(acting)("$name is refused", async (route) => {
    expect(await ask(route, headers)).toBe("403");
  });
});

describe("with a sign-in, from another site", () => {
  test.each(acting)("$name is refused", async (route) => {
    expect(await ask(route, { cookie, origin: "https://evil.example" })).toBe("403");
    expect(await ask(route, { cookie, origin: HOST })).toBe("in");
  });
});

test("what looks by POST is named, and nothing else looks but GET, HEAD and OPTIONS", () => {
  expect(looking.filter(({ method }) => !["GET", "HEAD", "OPTIONS"].includes(method)).map(({ name }) => name)).toEqual(
    expect.arrayContaining(["POST /v0/gql"]),
  );
  for (const path of ["/v1/anything", "/v0/gql/x", "/mcp/x", "/invoke/mcp", "/v1/functions/mcp", "/"])
    expect(isLooking("POST", path)).toBe(false);
  for (const path of ["/mcp", "/inngest/mcp"]) expect(isLooking("POST", path)).toBe(true);
});

test("GraphQL: a reader queries, and a mutation is refused by its name", async () => {
  const post = async (query: string, headers: Record<string, string>) => {
    const body = JSON.stringify({ query });
    return app.request(new Request(`${HOST}/v0/gql`, { method: "POST", body, headers }));
  };
  const reader = { authorization: `Bearer ${READ}` };
  expect((await post("{ __typename }", reader)).status).toBe(200);
  const mutation = 'mutation { cancelRun(runID: "01ARZ3NDEKTSV4RRFFQ69G5FAV") { id } }';
  const refused = await post(mutation, reader);
  expect(refused.status).toBe(403);
  expect(await refused.json()).toMatchObject({ code: "read_only", error: expect.stringContaining("cancelRun") });
  const both = `query Look { __typename } ${mutation.replace("mutation", "mutation Act")}`;
  const body = JSON.stringify({ query: both, operationName: "Act" });
  const named = await app.request(new Request(`${HOST}/v0/gql`, { method: "POST", body, headers: reader }));
  expect(named.status).toBe(403);
  expect((await post(mutation, { cookie, origin: "https://evil.example" })).status).toBe(403);
});
