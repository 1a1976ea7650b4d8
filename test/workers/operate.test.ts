/** The operator's side in workerd: functions are paused and go on, runs are cancelled in bulk, lines are told. */
import { abortAllDurableObjects, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { objectIds } from "./helpers/object-ids.ts";
import { ended, json, outputOf, post, runsOf, runWhen, send, sendAll, until } from "./helpers/front-door.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

afterEach(() => vi.restoreAllMocks());
beforeAll(async () => {
  await send({ name: "local/no-steps", data: { n: 1 } }).then((id) => outputOf(id)); // registry and logs exist
});

/** A key's object, behind the front door. The binding is the test's own (vitest.config.ts). */
function keyObject(name: string): DurableObjectStub {
  const namespace: DurableObjectNamespace = Reflect.get(env, "ConcurrencyDO");
  return namespace.getByName(`main/${name}`);
}

const readFunction = async (id: string) => (await json(`/v1/functions/${id}`)).body.data;
const readCancellation = async (id: string) => (await json(`/v1/cancellations/${id}`)).body.data;
const statusOf = async (eventId: string) => (await runsOf(eventId))[0]?.status;

describe("a paused function", () => {
  it("skips what would start it, also when every object has started anew, until it goes on", async () => {
    const paused = await post("/v1/functions/local-no-steps/pause", {});
    expect(paused).toMatchObject({ status: 200, body: { data: { paused: { triggers: "skip" }, cancellation: null } } });
    await abortAllDurableObjects();
    expect(await readFunction("local-no-steps")).toMatchObject({ paused: { triggers: "skip" } });
    const id = await send({ name: "local/no-steps", data: { n: 1 } });
    expect(await ended(id)).toMatchObject({ status: "Skipped", skip_reason: "pause", output: null });
    await post("/v1/functions/local-no-steps/resume", {});
    expect(await outputOf(await send({ name: "local/no-steps", data: { n: 1 } }))).toBeDefined();
  });

  it("holds its runs, which say so, and lets them go together", async () => {
    await post("/v1/functions/local-no-steps/pause", { triggers: "hold" });
    const ids = await sendAll([1, 2, 3].map((n) => ({ name: "local/no-steps", data: { n } })));
    for (const id of ids)
      await runWhen(id, (run) => run.waiting_for.some(({ kind }) => kind === "line"), "the run to be in line");
    const lines = await until(async () => {
      const { body } = await json("/v1/functions/local-no-steps/lines");
      return body.data.length > 0 && body.data;
    }, "a line");
    expect(lines).toMatchObject([{ rule: "pause", held: 0, waiting: 3, holders: [], next_at: null }]);
    await abortAllDurableObjects();
    await post("/v1/functions/local-no-steps/resume", {});
    for (const id of ids) expect(await ended(id)).toMatchObject({ status: "Completed" });
  });

  it("cancels what is under way when it is asked to", async () => {
    const ids = await sendAll([1, 2].map(() => ({ name: "local/sleep", data: { ms: 30 * DAY } })));
    for (const id of ids) await runWhen(id, (run) => run.waiting_for[0]?.kind === "sleeping", "the run to sleep");
    const { body } = await post("/v1/functions/local-sleep/pause", { running: "cancel" });
    const { cancellation } = body.data;
    for (const id of ids)
      expect(await ended(id)).toMatchObject({
        status: "Cancelled",
        cancel_reason: expect.stringContaining(cancellation.id),
      });
    await post("/v1/functions/local-sleep/resume", {});
  });
});

describe("[§9.2] a bulk cancellation", () => {
  it("cancels what sleeps and what executes, each counted once, also when everything dies on the way", async () => {
    const from = new Date().toISOString();
    const busy = await sendAll([1, 2, 3].map((n) => ({ name: "local/gated", data: { key: `never ${n}` } })));
    const asleep = await sendAll(Array.from({ length: 60 }, () => ({ name: "local/sleep", data: { ms: 30 * DAY } })));
    for (const id of [...busy, ...asleep])
      await until(async () => (await statusOf(id)) === "Running", "the run to be under way");
    const ask = async (function_id: string) =>
      (
        await post("/v1/cancellations", {
          app_id: "local",
          function_id,
          started_after: from,
          started_before: new Date().toISOString(),
        })
      ).body.data;
    const [sleeps, gated] = [await ask("sleep"), await ask("local-gated")];
    const some = [asleep[0], asleep[30], asleep[59]];
    await until(
      async () => (await Promise.all(some.map((id) => statusOf(id!)))).includes("Cancelled"),
      "a first run to be cancelled",
    );
    await abortAllDurableObjects();
    for (const { id } of [sleeps, gated]) await runDurableObjectAlarm(keyObject(`cancellation/${id}`)); // dropped with its handler
    await until(async () => (await readCancellation(sleeps.id)).cancelled === 60, "all that sleep to be cancelled");
    await until(async () => (await readCancellation(gated.id)).cancelled === 3, "all that execute to be cancelled");
    for (const id of [...asleep.slice(0, 5), ...busy]) expect(await statusOf(id)).toBe("Cancelled");

    // what nobody had told of when it began would have done so by now
    const later = Date.now() + MINUTE;
    vi.spyOn(Date, "now").mockImplementation(() => later);
    for (const { id } of [sleeps, gated]) await runDurableObjectAlarm(keyObject(`cancellation/${id}`));
    expect(await readCancellation(sleeps.id)).toMatchObject({ status: "done", matched: 60, cancelled: 60 });
    expect(await readCancellation(gated.id)).toMatchObject({ status: "done", matched: 3, cancelled: 3 });
    const { body } = await json("/v1/cancellations?limit=2");
    expect(body.data.map(({ id }: { id: string }) => id)).toEqual([gated.id, sleeps.id]);
  });

  it("that is not known is 404 and creates no object", async () => {
    const before = await objectIds();
    expect((await json("/v1/cancellations/01ARZ3NDEKTSV4RRFFQ69G5FAV")).status).toBe(404);
    expect((await json("/v1/cancellations/01ARZ3NDEKTSV4RRFFQ69G5FAV", { method: "DELETE" })).status).toBe(404);
    expect((await json("/v1/functions/local-nothing/lines")).status).toBe(404);
    expect(await objectIds()).toEqual(before);
  });
});

describe("a bulk replay", () => {
  it("counts, starts each run once more and tells how far it is, also when everything dies on the way", async () => {
    const from = new Date().toISOString();
    const ids = await sendAll(Array.from({ length: 25 }, (_, n) => ({ name: "local/no-steps", data: { n } })));
    for (const id of ids) await ended(id);
    const body = { app_id: "local", function_ids: ["no-steps"], started_after: from, statuses: ["COMPLETED"] };
    const before = { started_before: new Date().toISOString() };
    expect((await post("/v1/replays", { ...body, ...before, dry_run: true })).body.data).toEqual({
      dry_run: true,
      matched: 25,
      is_exact: true,
    });
    const { id } = (await post("/v1/replays", { ...body, ...before })).body.data;
    const readReplay = async () => (await json(`/v1/replays/${id}`)).body.data;
    await abortAllDurableObjects();
    await runDurableObjectAlarm(keyObject(`replay/${id}`)); // dropped with its handler
    await until(async () => (await readReplay()).status === "done", "all to be started");
    expect(await readReplay()).toMatchObject({ matched: 25, started: 25, statuses: ["COMPLETED"] });
    for (const eventId of ids) {
      const runs = await until(async () => {
        const found = await runsOf(eventId);
        return found.length === 2 && found.every((run) => run.status === "Completed") && found;
      }, "both runs to have completed");
      expect(new Set(runs.map((run) => JSON.stringify(run.output))).size).toBe(1);
    }
    expect((await json("/v1/replays?limit=1")).body.data).toMatchObject([{ id }]);
    const metrics = (await json(`/v1/functions/local-no-steps/metrics?from=${from}&bucket=1m`)).body.data;
    const total = metrics.buckets.reduce((sum: number, one: any) => sum + (one.ended.COMPLETED ?? 0), 0);
    expect(total).toBeGreaterThanOrEqual(50);
    expect(metrics).toMatchObject({ backlog: { queued: 0, running: 0 }, is_cut: false });
  });
});

describe("why an event started nothing, and who is in line", () => {
  it("is told of each function that it may start, and creates nothing", async () => {
    const id = await send({ name: "local/no-steps", data: { n: 1 } });
    await ended(id);
    const before = await objectIds();
    const { body } = await json(`/v1/events/${id}/decisions`);
    expect(body.data).toMatchObject([
      { function_slug: "local-no-steps", decision: "started", run_id: expect.any(String), inferred: false },
    ]);
    expect((await json("/v1/replays/01ARZ3NDEKTSV4RRFFQ69G5FAV")).status).toBe(404);
    expect(await objectIds()).toEqual(before);
    expect((await json("/v1/lines")).body.data).toEqual([]); // nobody holds or waits for anything
  });
});

describe("[G10] without the signing key, in production", () => {
  it.each([
    ["GET", "/v1/lines"],
    ["GET", "/v1/functions/local-sleep/metrics"],
    ["GET", "/v1/events/01ARZ3NDEKTSV4RRFFQ69G5FAV/decisions"],
    ["GET", "/v1/replays"],
    ["POST", "/v1/replays"],
    ["GET", "/v1/replays/01ARZ3NDEKTSV4RRFFQ69G5FAV"],
    ["DELETE", "/v1/replays/01ARZ3NDEKTSV4RRFFQ69G5FAV"],
    ["GET", "/v1/functions"],
    ["GET", "/v1/functions/local-sleep"],
    ["GET", "/v1/functions/local-sleep/lines"],
    ["POST", "/v1/functions/local-sleep/pause"],
    ["POST", "/v1/functions/local-sleep/resume"],
    ["GET", "/v1/cancellations"],
    ["POST", "/v1/cancellations"],
    ["GET", "/v1/cancellations/01ARZ3NDEKTSV4RRFFQ69G5FAV"],
    ["DELETE", "/v1/cancellations/01ARZ3NDEKTSV4RRFFQ69G5FAV"],
  ])("%s %s is 401", async (method, path) => {
    const [dev, key] = [Reflect.get(env, "INNGEST_DEV"), Reflect.get(env, "INNGEST_SIGNING_KEY")];
    Reflect.set(env, "INNGEST_DEV", "");
    Reflect.set(env, "INNGEST_SIGNING_KEY", "signkey-test-0123456789abcdef");
    try {
      const { status, body } = await json(path, { method });
      expect([status, body.data]).toEqual([401, null]);
    } finally {
      Reflect.set(env, "INNGEST_DEV", dev);
      Reflect.set(env, "INNGEST_SIGNING_KEY", key ?? "");
    }
  });
});
