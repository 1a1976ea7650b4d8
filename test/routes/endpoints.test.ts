/** Durable endpoints through the front door: of Inngest's own client, unmodified, and by hand (inngest-protocol §6.2). */
import { Inngest, step } from "inngest-v4";
import { endpointAdapter } from "inngest-v4/edge";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { derivedUlid, isUlid } from "../../src/protocol/ids.ts";
import { outputToken } from "../../src/protocol/output-token.ts";
import { DEV_REALTIME_KEYS } from "../../src/protocol/realtime-token.ts";
import { AppsWorld } from "../helpers/apps-world.ts";
import { NOW } from "../helpers/run-builder.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const ORIGIN = "http://shop.test";
let apps: AppsWorld;
let bodies: string[];
beforeEach(() => void (bodies = []));
afterEach(() => {
  apps.close();
  vi.unstubAllEnvs();
});

const ran = (name: string) => {
  bodies.push(name);
  return name;
};

/** Serves an endpoint of the official client, which reaches the platform through its routes. */
function serve(handler: (request: Request) => Promise<Response>) {
  for (const name of Object.keys(process.env)) if (name.startsWith("INNGEST_")) vi.stubEnv(name, undefined);
  const client = new Inngest({
    id: "shop",
    isDev: true,
    baseUrl: "http://localhost",
    logger: silent,
    endpointAdapter,
    fetch: (input: RequestInfo | URL, init?: RequestInit) => {
      const url = new URL(input instanceof Request ? input.url : input);
      return apps.request(url.pathname + url.search, init);
    },
  });
  const entered: string[] = [];
  const repeated: string[] = [];
  const endpoint = client.endpoint(handler) as (request: Request) => Promise<Response>;
  apps = new AppsWorld({
    answer: () => ({ kind: "failed", code: "unreachable", message: "there is no other app" }),
    endpoint: async (request) => {
      repeated.push(await request.clone().text());
      request.headers.set("host", "shop.test"); // as servers see it; this adapter reads it
      entered.push(request.headers.get("x-inngest-step-id") ?? "");
      return endpoint(request);
    },
  });
  /** A request of its own users, to their own answer: redirects are followed, while time goes on. */
  const ask = async (path: string, init?: RequestInit) => {
    const request = new Request(ORIGIN + path, init);
    request.headers.set("host", "shop.test");
    const first = await apps.during(apps.atWork(() => endpoint(request)));
    const location = first.headers.get("location");
    if (location === null) return first;
    const { pathname, search } = new URL(location);
    return apps.fetch(new Request(`http://localhost${pathname}${search}`));
  };
  return { ask, entered, repeated };
}

/** This client tells the text of a response that it made after it was entered anew as a JSON string, without its headers. */
const textOf = (answer: Response): Promise<unknown> => answer.json();

/** The one run that there is. */
async function onlyRun() {
  const { body } = await apps.door.json("/v1/events?name=inngest/http.request");
  const [run] = await apps.door.runsOf(body.data[0].internal_id);
  return apps.door.readRun(run!.run_id);
}

describe("[§6.2] inngest 4.24, unmodified", () => {
  test("an endpoint whose steps all run answers by itself, and its run is there", async () => {
    const { ask, entered } = serve(async (request) => {
      const a = await step.run("a", () => ran("a"));
      const b = await step.run("b", () => ran("b"));
      return Response.json({ a, b, path: new URL(request.url).pathname });
    });
    const answer = await ask("/orders?n=1");
    expect([answer.status, await answer.json()]).toEqual([200, { a: "a", b: "b", path: "/orders" }]);
    const run = await onlyRun();
    expect(run).toMatchObject({ event_name: "inngest/http.request", steps: [{ id: "a" }, { id: "b" }] });
    expect([bodies, entered]).toEqual([["a", "b"], []]);
  });

  test("a result that is no Response ends the run with it", async () => {
    const { ask } = serve((async () => ({ done: await step.run("a", () => ran("a")) })) as never);
    expect(await (await ask("/plain")).json()).toEqual({ done: "a" });
    expect(await onlyRun()).toMatchObject({ status: "Completed", output: { status: 200, body: '{"done":"a"}' } });
  });

  test("a sleep leaves the rest to the platform: the caller is sent to wait, and gets the endpoint's answer", async () => {
    const { ask, entered, repeated } = serve(async (request) => {
      const a = await step.run("a", () => ran("a"));
      await step.sleep("nap", "2m");
      const b = await step.run("b", () => ran("b"));
      return Response.json([a, b, request.method, request.url]);
    });
    const answer = await ask("/orders?n=1", { method: "POST", body: '{"n":2}' });
    expect([answer.status, await textOf(answer)]).toEqual([200, `["a","b","POST","${ORIGIN}/orders?n=1"]`]);
    expect(repeated).toEqual(['{"n":2}', '{"n":2}']); // what this client reads before its code can
    expect([bodies, apps.world.clock.now - NOW >= 120_000]).toEqual([["a", "b"], true]);
    expect(entered).toEqual(["step", "step"]); // to run b, and to end
    expect(await onlyRun()).toMatchObject({ status: "Completed" });
  });

  test("parallel steps are called one by one", async () => {
    const { ask, entered } = serve(async () => {
      const pair = await Promise.all([step.run("a", () => ran("a")), step.run("b", () => ran("b"))]);
      return Response.json(pair);
    });
    expect(await textOf(await ask("/pair"))).toBe('["a","b"]');
    expect(bodies.sort()).toEqual(["a", "b"]);
    expect(entered.filter((target) => target !== "step")).toHaveLength(2);
  });

  test("a step that fails is tried again later", async () => {
    let failures = 0;
    const { ask } = serve(async () => {
      await step.run("a", () => ran("a"));
      const b = await step.run("b", () => {
        ran("b");
        if (failures++ < 2) throw new Error("not yet");
        return "at last";
      });
      return new Response(b);
    });
    expect(await textOf(await ask("/retry"))).toBe("at last");
    expect(bodies).toEqual(["a", "b", "b", "b"]);
  });

  test("a run that fails for good says so to whom waits", async () => {
    const { ask } = serve(async () => {
      await step.sleep("nap", "1s");
      throw new Error("broken");
    });
    const answer = await ask("/broken");
    expect([answer.status, await answer.json()]).toEqual([500, { error: "broken", status: 500, data: null }]);
  });
});

describe("[§6.2] by hand", () => {
  const runId = derivedUlid(NOW, "endpoint under test");
  const data = { domain: ORIGIN, method: "GET", path: "/p", query_params: "a=1", body: "", content_type: "", ip: "" };
  const event = { name: "inngest/http.request", data };
  const stepRun = (id: string, result: unknown = id) => ({ op: "StepRun", id, data: result });
  const open = () => {
    const entered: Request[] = [];
    apps = new AppsWorld({
      answer: () => ({ kind: "failed", code: "unreachable", message: "there is no other app" }),
      endpoint: async (request) => {
        entered.push(request);
        const headers = { "x-inngest-sdk": "js:v4.24.0", "x-inngest-req-version": "2" };
        const body = { op: "RunComplete", id: "complete", data: { status: 202, headers: {}, body: "again" } };
        return Response.json(body, { status: 206, headers }); // one object, as v4 answers
      },
    });
    return entered;
  };
  const begin = (changes: object = {}) =>
    apps.door.post("/v1/checkpoint", {
      run_id: runId,
      event,
      steps: [],
      request_version: 2,
      retries: 4,
      ts: NOW,
      ...changes,
    });
  const tell = (fnId: string, steps: unknown[]) =>
    apps.door.request(`/v1/checkpoint/${runId}/steps`, {
      method: "POST",
      body: JSON.stringify({ run_id: runId, fn_id: fnId, app_id: "", steps, ts: NOW }),
    });

  test("the run is told of, goes on, and ends; told again nothing changes", async () => {
    open();
    const { status, body } = await begin({ steps: [stepRun("a")] });
    expect([status, body.data.run_id]).toEqual([200, runId]);
    expect(body.data).toMatchObject({ token: expect.any(String), realtime_token: expect.any(String) });
    const fnId = body.data.fn_id;
    expect(await begin({ steps: [stepRun("a", "other")] })).toMatchObject({
      status: 200,
      body: { data: { fn_id: fnId } },
    });
    for (const _ of [1, 2]) expect((await tell(fnId, [stepRun("b")])).status).toBe(200);
    const end = {
      op: "SyncRunComplete",
      id: "complete",
      data: { status_code: 201, headers: { "x-a": ["1"] }, body: btoa("Go's") },
    };
    for (const _ of [1, 2]) expect((await tell(fnId, [end])).status).toBe(200);
    expect((await tell(fnId, [stepRun("late")])).status).toBe(409);
    const answer = await apps.door.request(`/v1/http/runs/${runId}/output?token=${body.data.token}`);
    expect([answer.status, answer.headers.get("x-a"), await answer.text()]).toEqual([201, "1", "Go's"]);
    expect((await onlyRun()).steps.map(({ id, output }) => [id, output])).toEqual([
      ["a", "a"],
      ["b", "b"],
    ]);
  });

  test("an app of which nothing is heard any more: its endpoint is entered anew", async () => {
    const entered = open();
    const { body } = await begin({ steps: [stepRun("a")] });
    expect((await apps.door.readRun(runId)).waiting_for).toMatchObject([
      { kind: "endpoint", until: expect.any(String) },
    ]);
    await apps.door.until(async () => (await apps.door.readRun(runId)).ended_at, "its end");
    const [request] = entered;
    expect([request?.method, request?.url]).toEqual(["GET", `${ORIGIN}/p?a=1`]);
    expect(Object.fromEntries(request!.headers)).toMatchObject({
      "x-run-id": runId,
      "x-inngest-signature": "",
      "x-inngest-step-id": "step",
      "x-inngest-req-version": "2",
      "x-inngest-generation-id": "1",
    });
    expect((await tell(body.data.fn_id, [stepRun("late")])).status).toBe(409);
  });

  test.each<[string, object, number, RegExp]>([
    ["a run id that is none", { run_id: "x" }, 400, /^run_id: must be a ULID/],
    ["one that was made last year", { run_id: derivedUlid(NOW - 400 * 86_400_000, "x") }, 400, /clock/],
    ["another event", { event: { name: "a", data } }, 400, /^event\.name: must be inngest\/http\.request/],
    ["no origin", { event: { ...event, data: { ...data, domain: "shop" } } }, 400, /^event\.data\.domain: must be/],
    ["a step op that nobody knows", { steps: [{ op: "Teleport", id: "a" }] }, 400, /^steps\.0\.op: op: "Teleport"/],
    ["more retries than may be", { retries: 99 }, 400, /^retries: /],
  ])("refuses %s", async (_, changes, status, message) => {
    open();
    const answer = await begin(changes);
    expect([answer.status, answer.body.error]).toEqual([status, expect.stringMatching(message)]);
  });

  test("409 for a run of the same id that began with another request; 404 and 400 for others", async () => {
    open();
    await begin();
    expect((await begin({ event: { ...event, data: { ...data, path: "/q" } } })).status).toBe(409);
    expect((await tell("another", [])).status).toBe(400);
    const other = derivedUlid(NOW, "never begun");
    const body = JSON.stringify({ run_id: other, fn_id: "f", steps: [] });
    expect((await apps.door.request(`/v1/checkpoint/${other}/steps`, { method: "POST", body })).status).toBe(404);
  });

  test("[G11] an output is shown to who has its token, and to no other", async () => {
    open();
    const { body } = await begin({ steps: [{ op: "RunComplete", id: "complete", data: { status: 204 } }] });
    const read = (token: string, id = runId) => apps.door.request(`/v1/http/runs/${id}/output?token=${token}`);
    expect((await read(body.data.token)).status).toBe(204);
    const [key = ""] = DEV_REALTIME_KEYS;
    const ofAnother = await outputToken({ env: "main", runId: derivedUlid(NOW, "other") }, key, NOW);
    const forged = await outputToken({ env: "main", runId }, "another key", NOW);
    const old = await outputToken({ env: "main", runId }, key, NOW - 2 * 3_600_000);
    for (const token of ["", "x", ofAnother, forged, body.data.realtime_token, old])
      expect([token, (await read(token)).status]).toEqual([token, 401]);
    expect(isUlid(body.data.run_id)).toBe(true);
  });
});
