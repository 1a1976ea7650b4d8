/** REST v2, as far as it shows what there is (inngest-protocol §10.4). */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { uuidOf } from "../../src/protocol/ids.ts";
import { hashedSigningKey } from "../../src/protocol/signing-key.ts";
import { APP_ORIGIN, APP_URL } from "../helpers/app-urls.ts";
import { ended, json, outputOf, post, send, sendAll, started, until } from "./helpers/front-door.ts";
import { objectIds } from "./helpers/object-ids.ts";

const variables: Record<string, string> = {};
function configure(values: Record<string, string>): void {
  for (const [name, value] of Object.entries(values)) {
    variables[name] ??= String(Reflect.get(env, name) ?? "");
    Reflect.set(env, name, value);
  }
}
afterEach(() => {
  for (const [name, value] of Object.entries(variables)) Reflect.set(env, name, value);
});

const METADATA = { fetchedAt: expect.stringMatching(/^\d{4}-.*Z$/) };
const event = (name: string, data: object = {}) => ({ name, data: { key: crypto.randomUUID(), ...data } });
const errorOf = ({ status, body }: { status: number; body: any }) => [status, body.errors?.[0]?.code];

describe.each(["/v2", "/api/v2"])("%s", (base) => {
  it("says that it is there", async () => {
    expect(await json(`${base}/health`)).toMatchObject({
      status: 200,
      body: { data: { status: "ok" }, metadata: METADATA },
    });
  });

  it("takes an event, and shows its runs", async () => {
    const { status, body } = await post(`${base}/events`, event("local/no-steps", { n: 5 }));
    expect({ status, body }).toEqual({
      status: 200,
      body: { data: { eventId: expect.any(String) }, metadata: METADATA },
    });
    expect(await outputOf(body.data.eventId)).toEqual({ got: 5 });
    const runs = (await json(`${base}/events/${body.data.eventId}/runs`)).body.data;
    expect(runs).toMatchObject([{ status: "COMPLETED", function: { id: "no-steps", app: { id: "local" } } }]);
  });
});

describe("POST /v2/apps/:app/functions/:fn/invoke", () => {
  const path = "/v2/apps/local/functions/no-steps/invoke";

  it.each(["no-steps", "local-no-steps", uuidOf("local-no-steps")])(
    "%s is started; its run's id is told",
    async (id) => {
      const { body } = await post(`/v2/apps/local/functions/${id}/invoke`, { data: { n: 8 } });
      const run = await until(async () => {
        const answer = await json(`/v2/runs/${body.data.runId}?includeOutput=true`);
        return answer.body.data?.endedAt && answer.body.data;
      }, "the end of the run");
      expect(run).toMatchObject({ id: body.data.runId, status: "COMPLETED", output: { got: 8 } });
    },
  );

  it("the same idempotencyKey again is 409 with the run that has it; of another function it is another", async () => {
    const idempotencyKey = crypto.randomUUID();
    const first = await post(path, { data: { n: 1 }, idempotencyKey });
    const again = await post(path, { data: { n: 2 }, idempotencyKey });
    expect(errorOf(again)).toEqual([409, "idempotency_conflict"]);
    expect(again.body.data).toEqual({ runId: first.body.data.runId });
    expect(again.body.errors[0].message).toContain(first.body.data.runId);
    expect((await post("/v2/apps/local/functions/sequence/invoke", { data: {}, idempotencyKey })).status).toBe(200);
    const run = await until(async () => {
      const answer = await json(`/v2/runs/${first.body.data.runId}?includeOutput=true`);
      return answer.body.data?.endedAt && answer.body.data;
    }, "the end of the run");
    expect(run.output).toEqual({ got: 1 });
  });

  it.each([
    ["/v2/apps/nothing/functions/no-steps/invoke", "{}", 404, "not_found"],
    ["/v2/apps/local/functions/nothing/invoke", "{}", 404, "not_found"],
    ["/v2/apps/local/functions/batch/invoke", "{}", 422, "function_debounced"],
    [path, "{", 400, "invalid_request"],
    [path, "[]", 400, "invalid_request"],
    [path, '{"data":[]}', 400, "invalid_request"],
    [path, '{"idempotencyKey":""}', 400, "invalid_request"],
  ])("%s with %s is %i %s", async (target, body, status, code) => {
    expect(errorOf(await json(target, { method: "POST", body }))).toEqual([status, code]);
  });
});

describe("runs", () => {
  it("a list by app, function, status and time, page by page, in either order", async () => {
    const from = new Date(Date.now() - 1).toISOString();
    const ids = await sendAll([1, 2, 3].map((n) => event("local/no-steps", { n })));
    const runs = await Promise.all(ids.map(async (id) => (await ended(id)).run_id));
    const query = `appId=local&functionId=no-steps&status=completed&from=${from}&limit=2`;
    const read = async (order: string) => {
      const seen: string[] = [];
      for (let cursor = ""; ;) {
        const { status, body } = await json(`/v2/runs?${query}&order=${order}${cursor && `&cursor=${cursor}`}`);
        expect(status, JSON.stringify(body)).toBe(200);
        expect(body.page).toMatchObject({ limit: 2, hasMore: body.page.cursor !== undefined });
        seen.push(...body.data.map((run: any) => run.id));
        if (!body.page.hasMore) return seen;
        cursor = body.page.cursor;
      }
    };
    const descending = await until(async () => {
      const seen = await read("desc");
      return seen.length >= 3 && seen;
    }, "three indexed runs");
    for (const run of runs) expect(descending).toContain(run);
    expect(await read("asc")).toEqual(descending.toReversed());
    expect((await json(`/v2/runs?${query.replace("completed", "failed")}`)).body).toMatchObject({
      data: [],
      page: { hasMore: false },
    });
    const own = await json(`/v2/apps/local/functions/no-steps/runs?from=${from}&include_output=true`);
    expect(own.body.data).toContainEqual(
      expect.objectContaining({
        id: runs[0],
        status: "COMPLETED",
        output: { got: 1 },
        durationMs: expect.stringMatching(/^\d+$/),
        trigger: { eventIds: [ids[0]], eventName: "local/no-steps", isBatch: false },
      }),
    );
  });

  it.each([
    ["functionId=x", 400, "missing_field"],
    ["appId=nothing", 404, "not_found"],
    ["status=done", 400, "invalid_request"],
    ["limit=101", 400, "invalid_request"],
    ["limit=0", 400, "invalid_request"],
    ["from=yesterday", 400, "invalid_request"],
    ["order=up", 400, "invalid_request"],
    ["time_field=later", 400, "invalid_request"],
    ["cursor=x", 400, "invalid_request"],
    ["isDeferred=true", 501, "not_implemented"],
  ])("a list with %s is %i %s", async (query, status, code) => {
    const answer = await json(`/v2/runs?${query}`);
    expect(errorOf(answer)).toEqual([status, code]);
    if (status === 400) expect(answer.body.errors[0].message).toMatch(/appId|status|limit|from|order|timeField|cursor/);
  });

  it("a trace has its steps, and their outputs when they are asked for", async () => {
    const { run_id } = await ended(await send(event("local/sleep", { ms: 1 })));
    const { body } = await json(`/v2/runs/${run_id}/trace?includeOutput=true`);
    expect(body.data).toMatchObject({ runId: run_id, rootSpan: { name: "Run", status: "COMPLETED" } });
    const [before, nap] = body.data.rootSpan.children;
    expect(before).toMatchObject({ name: "before", stepOp: "RUN", output: expect.any(Number) });
    expect(nap).toMatchObject({ name: "nap", stepOp: "SLEEP" });
    const plain = (await json(`/v2/runs/${run_id}/trace`)).body.data.rootSpan;
    expect(plain.children[0]).not.toHaveProperty("output");
  });

  it("cancel ends a run, once", async () => {
    const { run_id } = await started(await send(event("local/sleep", { ms: 3_600_000 })));
    const cancel = (id: string) => post(`/v2/runs/${id}/cancel`, {});
    expect((await cancel(run_id)).body.data).toEqual({ runId: run_id });
    expect(errorOf(await cancel(run_id))).toEqual([409, "run_already_cancelled"]);
    const over = await ended(await send(event("local/no-steps", { n: 1 })));
    expect(errorOf(await cancel(over.run_id))).toEqual([409, "run_already_ended"]);
    expect(errorOf(await cancel("01ARZ3NDEKTSV4RRFFQ69G5FAV"))).toEqual([404, "not_found"]);
  });

  it("rerun starts another; from a step that the run has not it is 404", async () => {
    const { run_id } = await ended(await send(event("local/no-steps", { n: 6 })));
    const { body } = await post(`/v2/runs/${run_id}/rerun`, {});
    expect(body.data.runId).not.toBe(run_id);
    const again = await until(async () => {
      const answer = await json(`/v2/runs/${body.data.runId}?includeOutput=true`);
      return answer.body.data?.endedAt && answer.body.data;
    }, "the end of the new run");
    expect(again.output).toEqual({ got: 6 });
    expect(errorOf(await post(`/v2/runs/${run_id}/rerun`, { fromStep: { stepId: "a" } }))).toEqual([404, "not_found"]);
  });

  it("looking for what is not there creates nothing", async () => {
    const before = await objectIds();
    for (const path of [
      "/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV",
      "/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/trace",
      "/events/01ARZ3NDEKTSV4RRFFQ69G5FAV/runs",
    ])
      expect(errorOf(await json(`/v2${path}`)), path).toEqual([404, "not_found"]);
    expect(await objectIds()).toEqual(before);
  });
});

describe("apps, functions and keys", () => {
  it("are listed, and shown one by one", async () => {
    const { body } = await json("/v2/apps");
    expect(body.data).toContainEqual(expect.objectContaining({ id: "local", functionCount: expect.any(Number) }));
    expect((await json("/v2/apps/local")).body.data).toMatchObject({ id: "local" });
    expect((await json("/v2/apps/local/functions")).body.data).toContainEqual({
      id: "no-steps",
      name: "no-steps",
      slug: "local-no-steps",
      app: { id: "local" },
      triggers: [{ event: "local/no-steps" }],
    });
    expect((await json("/v2/apps/local/functions/no-steps")).body.data).toMatchObject({ slug: "local-no-steps" });
    expect(errorOf(await json("/v2/apps/local/functions/nothing"))).toEqual([404, "not_found"]);
  });

  it("an app is synced by its URL", async () => {
    const first = await post("/v2/apps/http/syncs", { url: APP_URL });
    expect(first).toMatchObject({ status: 200, body: { data: { id: expect.any(String), appId: "http" } } });
    expect((await post("/v2/apps/http/syncs", { url: APP_URL })).body.data).toMatchObject({ status: "duplicate" });
    const failed = await post("/v2/apps/http/syncs", { url: `${APP_ORIGIN}/status?code=404` });
    expect(errorOf(failed)).toEqual([422, "app_sync_failed"]);
    expect(errorOf(await post("/v2/apps/http/syncs", {}))).toEqual([400, "invalid_request"]);
  });

  it("keys show as the beginning of a hash, and only to who has one", async () => {
    const key = "signkey-test-0123456789abcdef";
    configure({ INNGEST_DEV: "", INNGEST_EVENT_KEY: "secret-one,secret-two", INNGEST_SIGNING_KEY: key });
    const headers = { authorization: `Bearer ${await hashedSigningKey(key)}` };
    const events = await json("/v2/keys/events", { headers });
    expect(events.body.data).toHaveLength(2);
    const signing = await json("/v2/keys/signing", { headers });
    expect(signing.body.data).toMatchObject([{ name: "signing", hash: expect.stringMatching(/^[0-9a-f]{12}$/) }]);
    expect(JSON.stringify([events.body, signing.body])).not.toMatch(/secret|0123456789abcdef/);
    expect(errorOf(await json("/v2/keys/signing"))).toEqual([401, "authorization_header_missing"]);
    const wrong = { headers: { authorization: "Bearer signkey-test-00" } };
    expect(errorOf(await json("/v2/keys/signing", wrong))).toEqual([401, "invalid_signing_key"]);
    expect((await json("/v2/health")).status).toBe(200);
  });
});

describe("what is of Inngest's cloud", () => {
  it.each([
    "/envs",
    "/account",
    "/partner/accounts",
    "/insights/query",
    "/sandboxes",
    "/sandboxes/x/exec",
    "/snapshots",
  ])("%s is 501, by name", async (path) => {
    const answer = await json(`/v2${path}`);
    expect(errorOf(answer)).toEqual([501, "not_implemented"]);
    expect(answer.body.errors[0].message).toContain(path);
  });

  it("what nobody knows is 404", async () => {
    expect(errorOf(await json("/v2/nothing"))).toEqual([404, "not_found"]);
  });

  it.each(["{", '{"data":{}}', "[]", '[{"name":"a"},{"name":"b"}]'])(
    "an event that is none is 400: %s",
    async (body) => {
      expect(errorOf(await json("/v2/events", { method: "POST", body }))).toEqual([400, "invalid_request"]);
    },
  );
});
