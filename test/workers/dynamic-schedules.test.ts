/** Schedules that are made at run time, in workerd: over REST, by a client over HTTP, and by code in the Worker itself. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { hashedSigningKey } from "../../src/protocol/signing-key.ts";
import { Inngest } from "../../src/sdk/index.ts";
import { json, outputOf, post, request, runsOf, send, until, worker } from "./helpers/front-door.ts";

const DAY = 86_400_000;

/** The registry itself, behind the front door. The binding is the test's own (vitest.config.ts). */
function registry(): DurableObjectStub {
  const namespace: DurableObjectNamespace = Reflect.get(env, "RegistryDO");
  return namespace.getByName("main/registry");
}

/** A client outside of the Worker. */
const outside = (options: object = { isDev: true }) =>
  new Inngest({
    id: "outside",
    baseUrl: "http://localhost",
    fetch: (...[url, init]) => worker.fetch(new Request(url, init)),
    ...options,
  });

const patch = (path: string, body: object) => json(path, { method: "PATCH", body: JSON.stringify(body) });

async function ticksOf(event: string, schedule: string): Promise<any[]> {
  const { body } = await json(`/v1/events?name=${event}&limit=100`);
  return body.data.filter((one: any) => one.data._inngest.schedule_id === schedule);
}

describe("over REST", () => {
  it("a schedule is made, read, listed, changed and deleted", async () => {
    const wanted = { id: "nightly/é", cron: "0 3 * * *", timezone: "Europe/Berlin", event: { name: "report/due" } };
    const made = await post("/v1/schedules", wanted);
    const path = `/v1/schedules/${encodeURIComponent(wanted.id)}`;
    expect(made).toMatchObject({
      status: 201,
      body: { data: { ...wanted, event: { name: "report/due", data: {} }, overlap: "allow", next_fire_at: expect.stringMatching(/T0[12]:00:00.000Z$/) } }, // oxfmt-ignore
    });
    expect(await post("/v1/schedules", wanted)).toMatchObject({ status: 200, body: { data: made.body.data } });
    expect((await json(path)).body.data).toEqual(made.body.data);
    const listed = await json("/v1/schedules?limit=1");
    expect([listed.body.data, listed.body.page]).toEqual([[made.body.data], { cursor: null }]);
    const changed = await patch(path, { paused: true, overlap: "skip" });
    expect(changed).toMatchObject({ status: 200, body: { data: { paused: true, overlap: "skip", next_fire_at: null } } }); // oxfmt-ignore
    expect(await json(path, { method: "DELETE" })).toMatchObject({ status: 200, body: { data: { deleted: true } } });
    expect(await json(path)).toMatchObject({ status: 404, body: { code: "schedule_not_found", status: 404 } });
  });

  it.each([
    ["POST", "/v1/schedules", "{", 400, "the body must be JSON"],
    ["POST", "/v1/schedules", '{"id":"a","every":"1ms","event":{"name":"e"}}', 400, "under the bound of 1 second"],
    ["POST", "/v1/schedules", '{"id":"a","every":"1h","function":"no-such"}', 400, 'function: "no-such" is not registered'], // oxfmt-ignore
    ["PATCH", "/v1/schedules/none", "{}", 404, 'schedule "none" not found'],
    ["PATCH", "/v1/schedules/none", '{"id":"b"}', 400, "id: is no field of a schedule"],
    ["DELETE", "/v1/schedules/none", undefined, 404, 'schedule "none" not found'],
    ["GET", "/v1/schedules?limit=x", undefined, 400, "limit: "],
  ])("[G9] %s %s %s is %i: %s", async (method, path, body, status, error) => {
    expect(await json(path, { method, body })).toMatchObject({
      status,
      body: { status, error: expect.stringContaining(error) },
    });
  });

  it("ticks by the object's own alarm, each second once, and starts the function that it names", async () => {
    await post("/v1/schedules", { id: "beat", every: "1s", function: "local-no-steps", data: { n: 5 } });
    const ticks = await until(async () => {
      const found = await ticksOf("inngest/scheduled.timer", "beat");
      return found.length >= 3 && found;
    }, "three ticks");
    expect(await json("/v1/schedules/beat", { method: "DELETE" })).toMatchObject({ status: 200 });
    const instants = ticks.map((tick) => Date.parse(tick.data._inngest.scheduled_at));
    expect(new Set(instants).size).toBe(instants.length);
    expect(instants.every((at) => at % 1_000 === 0)).toBe(true);
    for (const { internal_id } of ticks) {
      const run = await until(async () => (await runsOf(internal_id))[0], "its run");
      expect(run).toMatchObject({ function_slug: "local-no-steps" });
      expect(await outputOf(internal_id)).toEqual({ got: 5 });
    }
  });

  it("makes up what a downtime of days has missed", async () => {
    await post("/v1/schedules", { id: "away", every: "1d", event: { name: "away/tick" }, catch_up: "all" });
    const next = await runInDurableObject(registry(), (_, state) => {
      const due = Number(state.storage.sql.exec("SELECT next_at_ms AS at FROM dynamic_schedule").one().at);
      state.storage.sql.exec("UPDATE dynamic_schedule SET next_at_ms = ?1, due_at_ms = ?1", due - 4 * DAY);
      return due;
    });
    expect(await runDurableObjectAlarm(registry())).toBe(true);
    const ticks = await until(async () => {
      const found = await ticksOf("away/tick", "away");
      return found.length >= 4 && found;
    }, "four ticks");
    const instants = ticks.map((tick) => Date.parse(tick.data._inngest.scheduled_at));
    expect(instants.toSorted((a, b) => a - b)).toEqual([4, 3, 2, 1].map((days) => next - days * DAY));
    expect((await json("/v1/schedules/away")).body.data.next_fire_at).toBe(new Date(next).toISOString());
    await json("/v1/schedules/away", { method: "DELETE" });
  });
});

describe("by client.schedules", () => {
  it("of a client elsewhere, over HTTP", async () => {
    const { schedules } = outside();
    const options = { id: "a/b?c", cron: "0 9 * * *", startAt: new Date("2030-01-01"), event: { name: "e", data: { n: 1 } } }; // oxfmt-ignore
    const made = await schedules.create(options);
    expect(made).toMatchObject({ ...options, nextFireAt: new Date("2030-01-01T09:00:00Z"), lastFireAt: null });
    expect(await schedules.get("a/b?c")).toEqual(made);
    expect(await schedules.list({ limit: 5 })).toEqual({ schedules: [made], cursor: null });
    expect(await schedules.update("a/b?c", { every: "2h", startAt: null })).toMatchObject({ every: 7_200_000, cron: null, startAt: null }); // oxfmt-ignore
    await expect(schedules.create(options)).rejects.toMatchObject({ code: "schedule_exists", status: 409 });
    expect([await schedules.delete("a/b?c"), await schedules.delete("a/b?c")]).toEqual([true, false]);
  });

  it("of code in the Worker, which needs no HTTP; its function waits for its own tick", async () => {
    const eventId = await send({ name: "local/schedules", data: { id: "own" } });
    expect(await outputOf(eventId)).toEqual({ every: 1_000, n: 7, missed: 0, wasThere: true });
  });
});

describe("[G10] outside of dev mode", () => {
  const KEY = "signkey-test-0123456789abcdef";
  afterEach(() => {
    Reflect.set(env, "INNGEST_DEV", "1");
    Reflect.set(env, "INNGEST_SIGNING_KEY", "");
  });

  it("the signing key is needed", async () => {
    Reflect.set(env, "INNGEST_DEV", "");
    expect((await request("/v1/schedules")).status).toBe(503);
    Reflect.set(env, "INNGEST_SIGNING_KEY", KEY);
    for (const [method, path] of [
      ["GET", ""],
      ["POST", ""],
      ["GET", "/x"],
      ["PATCH", "/x"],
      ["DELETE", "/x"],
    ])
      // oxfmt-ignore
      expect((await request(`/v1/schedules${path}`, { method })).status, `${method} ${path}`).toBe(401);
    const headers = { authorization: `Bearer ${await hashedSigningKey(KEY)}` };
    expect((await request("/v1/schedules", { headers })).status).toBe(200);
    expect(await outside({ signingKey: KEY }).schedules.list()).toMatchObject({ cursor: null });
    await expect(outside({ signingKey: "signkey-test-00" }).schedules.list()).rejects.toMatchObject({ status: 401 });
  });
});
