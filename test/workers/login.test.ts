/** Signing in to a platform in production, through its front door: what people do is noted, what apps do is not. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import "../fixtures/embedded-worker.ts"; // read before the first request, which would have to wait for it
import { worker } from "./helpers/front-door.ts";

const KEY = "signkey-test-12345678";
const READ = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const BEARER = { authorization: `Bearer ${KEY}` };
const ORIGIN = "https://inngest.example";

const CONFIGURED = { INNGEST_DEV: "", INNGEST_EVENT_KEY: "key", INNGEST_SIGNING_KEY: KEY, INNGEST_READ_KEY: READ };
const before = new Map<string, unknown>();

beforeEach(() => {
  for (const [name, value] of Object.entries(CONFIGURED)) {
    before.set(name, Reflect.get(env, name));
    Reflect.set(env, name, value);
  }
});
afterEach(() => {
  for (const [name, value] of before) Reflect.set(env, name, value);
});

// oxlint-disable-next-line typescript/no-explicit-any -- JSON of any route
async function ask(path: string, init: RequestInit = {}): Promise<{ status: number; body: any; headers: Headers }> {
  const answer = await worker.fetch(ORIGIN + path, init);
  const text = await answer.text();
  return { status: answer.status, body: text === "" ? null : JSON.parse(text), headers: answer.headers };
}

async function signIn(key: string, name: string): Promise<Record<string, string>> {
  const { status, headers } = await ask("/v1/session", { method: "POST", body: JSON.stringify({ key, name }) });
  expect(status).toBe(200);
  return { cookie: headers.get("set-cookie")!.split(";")[0]!, origin: ORIGIN };
}

const trail = async (query = "") => (await ask(`/v1/audit${query}`, { headers: BEARER })).body;

describe("somebody who has signed in", () => {
  it("sends events, all or none; sees their runs, cancels one, and is named for each", async () => {
    const ada = await signIn(KEY, "Ada");
    const refused = await ask("/v1/events", {
      method: "POST",
      headers: ada,
      body: JSON.stringify([{ name: "local/nap", data: {} }, { data: {} }]),
    });
    expect(refused).toMatchObject({ status: 400, body: { error: expect.stringContaining("name") } });
    const sent = await ask("/v1/events", {
      method: "POST",
      headers: ada,
      body: JSON.stringify([
        { name: "login/one", data: { n: 1 } },
        { name: "login/two", data: { n: 2 } },
      ]),
    });
    expect(sent.status).toBe(200);
    const { ids } = sent.body.data as { ids: string[] };
    expect(ids).toHaveLength(2);
    for (const [index, id] of ids.entries())
      expect((await ask(`/v1/events/${id}`, { headers: ada })).body.data).toMatchObject({ data: { n: index + 1 } });

    const missing = "01J00000000000000000000000";
    expect((await ask(`/v1/runs/${missing}`, { method: "DELETE", headers: ada })).status).toBe(404);
    const { data, page } = await trail("?limit=4");
    expect(data).toMatchObject([
      { by: "session", who: "Ada", method: "DELETE", path: `/v1/runs/${missing}`, status: 404 },
      { by: "session", who: "Ada", method: "POST", path: "/v1/events", status: 200 },
      { by: "session", who: "Ada", method: "POST", path: "/v1/events", status: 400 },
      { by: "session", who: "Ada", method: "POST", path: "/v1/session", detail: "signed in", status: 200 },
    ]);
    expect(page).toMatchObject({ cursor: data.at(-1).id, limit: 4 });
  });

  it("is named for a mutation of GraphQL, not for a query; and when signing out", async () => {
    const grace = await signIn(KEY, "Grace");
    const gql = (query: string) => ask("/v0/gql", { method: "POST", headers: grace, body: JSON.stringify({ query }) });
    expect((await gql("{ functions { name } }")).status).toBe(200);
    await gql('mutation { cancelRun(runID: "01J00000000000000000000000") { id } }');
    expect((await ask("/v1/session", { method: "DELETE", headers: grace })).status).toBe(200);
    expect((await trail("?limit=3")).data).toMatchObject([
      { who: "Grace", detail: "signed out" },
      { who: "Grace", path: "/v0/gql", detail: "mutation cancelRun" },
      { who: "Grace", detail: "signed in" },
    ]);
  });

  it("with a key that may look reads it all and changes nothing, and fills no trail", async () => {
    const reader = await signIn(READ, "Rita");
    const [newest] = (await trail("?limit=1")).data;
    expect((await ask("/v1/functions", { headers: reader })).status).toBe(200);
    expect((await ask("/v1/audit", { headers: reader })).status).toBe(200);
    const refused = await ask("/v1/events", { method: "POST", headers: reader, body: '{"name":"x","data":{}}' });
    expect(refused).toMatchObject({ status: 403, body: { code: "read_only", error: expect.stringContaining("Rita") } });
    const v2 = await ask("/v2/events", { method: "POST", headers: reader, body: '{"name":"x","data":{}}' });
    expect(v2).toMatchObject({ status: 403, body: { errors: [{ code: "read_only" }] } });
    expect((await trail("?limit=1")).data).toEqual(newest ? [newest] : []);
  });
});

describe("the audit trail", () => {
  it("has what is done with the key, but not what apps and programs do all the time", async () => {
    const [newest] = (await trail("?limit=1")).data;
    const post = (path: string, body: unknown) =>
      ask(path, { method: "POST", headers: BEARER, body: JSON.stringify(body) });
    expect((await post("/e/key", { name: "login/three", data: {} })).status).toBe(200);
    expect((await post("/v1/events", { name: "login/three", data: {} })).status).toBe(200);
    expect((await post("/v2/events", { name: "login/three", data: {} })).status).toBe(200);
    await post("/v1/signals", { signal: "nobody-waits" });
    await post("/v1/checkpoint/01J00000000000000000000000/async", {});
    await post("/fn/register", {});
    expect((await trail("?limit=1")).data).toEqual(newest ? [newest] : []);
    await post("/v1/functions/nothing/pause", {});
    expect((await trail("?limit=1")).data).toMatchObject([
      { by: "key", who: "signing key", method: "POST", path: "/v1/functions/nothing/pause", status: 404 },
    ]);
  });

  it("has bulk operations with what they mean, but not those that only count", async () => {
    const [newest] = (await trail("?limit=1")).data;
    const cancel = (more: object) => {
      const body = { app_id: "local", started_before: new Date().toISOString(), if: "event.data.n == 1", ...more };
      return ask("/v1/cancellations", { method: "POST", headers: BEARER, body: JSON.stringify(body) });
    };
    expect((await cancel({ dry_run: true })).status).toBe(200);
    expect((await trail("?limit=1")).data).toEqual(newest ? [newest] : []);
    expect((await cancel({})).status).toBe(200);
    expect((await trail("?limit=1")).data).toMatchObject([
      { path: "/v1/cancellations", detail: expect.stringContaining('"app_id":"local"'), status: 200 },
    ]);
  });

  it("is read page by page, and a cursor that is none is named", async () => {
    for (let n = 0; n < 3; n++) await ask(`/v1/runs/x${n}`, { method: "DELETE", headers: BEARER });
    const first = await trail("?limit=2");
    expect(first.data.map(({ path }: { path: string }) => path)).toEqual(["/v1/runs/x2", "/v1/runs/x1"]);
    const second = await trail(`?limit=1&cursor=${first.page.cursor}`);
    expect(second.data).toMatchObject([{ path: "/v1/runs/x0" }]);
    expect(await ask("/v1/audit?cursor=x", { headers: BEARER })).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining("cursor") },
    });
  });

  it("nobody reads it without a key", async () => {
    expect((await ask("/v1/audit")).status).toBe(401);
  });
});
