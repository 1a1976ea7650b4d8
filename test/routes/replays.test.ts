/** Bulk replay through the front door, on the in-memory host. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Inngest, NonRetriableError } from "../../src/sdk/index.ts";
import { createTestPlatform, type TestPlatform } from "../../src/testing/platform.ts";
import { ENV } from "../../src/testing/host/world.ts";
import { eachFault, FaultPoints, type PointFault } from "../helpers/fault-points.ts";
import { frontDoor } from "../helpers/front-door.ts";
import { MemoryDoor } from "../helpers/memory-door.ts";
import { NOW } from "../helpers/run-builder.ts";
import { dieAfterTurns, objectsOf, simulated } from "../helpers/simulated-platform.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

vi.setConfig({ testTimeout: 60_000 }); // deaths after each single turn, on a machine that does other things
const memory = new MemoryDoor();
const { json, post, sendAll, readRun, runsOf } = frontDoor(memory);
let platform: TestPlatform;
let isMended = false;

const shop = () => new Inngest({ id: "shop", logger: silent });

function shopFunctions(client: Inngest) {
  return [
    client.createFunction({ id: "pay", retries: 0 }, { event: "pay" }, async ({ event, step }) =>
      step.run("charge", () => {
        if (!isMended && !event.data.fine) throw new NonRetriableError("no");
        return event.data;
      }),
    ),
    client.createFunction({ id: "mail", retries: 0 }, { event: "pay" }, async () => {
      throw new NonRetriableError("never");
    }),
    client.createFunction(
      { id: "many", retries: 0, batchEvents: { maxSize: 3, timeout: "10s" } },
      { event: "many" },
      async ({ events }) => {
        if (!isMended) throw new NonRetriableError("no");
        return events.map((event) => event.data.n);
      },
    ),
    client.createFunction({ id: "sleeper" }, { event: "sleep" }, async ({ step }) => step.sleep("long", "30d")),
  ];
}

beforeEach(async () => {
  isMended = false;
  const client = shop();
  platform = createTestPlatform({ functions: shopFunctions(client), client, start: NOW });
  await memory.open(platform);
});
afterEach(() => memory.close());

const now = () => platform.clock.now();
const iso = (at: number) => new Date(at).toISOString();
const read = async (id: string) => (await json(`/v1/replays/${id}`)).body.data;
const payments = (count: number, data: (n: number) => object = () => ({})) =>
  Array.from({ length: count }, (_, n) => ({ name: "pay", data: { n, ...data(n) } }));

async function replay(body: object) {
  const answer = await post("/v1/replays", { app_id: "shop", function_id: "pay", ...body });
  expect(answer.body).toMatchObject({ data: {} });
  expect(answer.status).toBe(200);
  return answer.body.data;
}

function states(functionId: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const run of platform.runs())
    if (run.functionId === functionId) counts[run.status] = (counts[run.status] ?? 0) + 1;
  return counts;
}

describe("POST /v1/replays", () => {
  test("starts the failed runs of a function once more, with the same events, and counts them", async () => {
    const ids = await sendAll(payments(5, (n) => ({ fine: n === 4 })));
    await memory.pass(MINUTE);
    isMended = true;
    expect(await replay({ dry_run: true })).toEqual({ dry_run: true, matched: 4, is_exact: true });
    expect(await replay({ dry_run: true, statuses: ["FAILED", "COMPLETED"] })).toMatchObject({ matched: 5 });
    const begun = await replay({});
    expect(begun).toMatchObject({
      status: "running",
      statuses: ["FAILED"],
      function_ids: ["shop-pay"],
      app_name: "shop",
    });
    await memory.pass(MINUTE);
    expect(await read(begun.id)).toMatchObject({
      status: "done",
      matched: 4,
      started: 4,
      not_startable: 0,
      failing: 0,
      ended_at: expect.any(String),
    });
    expect([states("shop-pay"), states("shop-mail")]).toEqual([{ Failed: 4, Completed: 5 }, { Failed: 5 }]);
    const runs = (await runsOf(ids[0]!)).filter((run) => run.function_slug === "shop-pay");
    expect(runs.map(({ status }) => status).toSorted()).toEqual(["Completed", "Failed"]);
    expect(runs.find(({ status }) => status === "Completed")!.output).toEqual({ n: 0, fine: false });
  });

  test("what it starts fails again and is not replayed by it; another replay takes it too", async () => {
    await sendAll(payments(3));
    await memory.pass(MINUTE);
    const first = await replay({});
    await memory.pass(10 * MINUTE);
    expect(await read(first.id)).toMatchObject({ status: "done", started: 3 });
    expect(states("shop-pay")).toEqual({ Failed: 6 });
    const second = await replay({});
    await memory.pass(MINUTE);
    expect(await read(second.id)).toMatchObject({ status: "done", started: 6 });
    expect(states("shop-pay")).toEqual({ Failed: 12 });
  });

  test("narrowed by window, by `if`, to several functions, to all of an app, to slugs", async () => {
    await sendAll(payments(2));
    await memory.pass(MINUTE);
    const later = iso(now());
    await memory.pass(SECOND);
    await sendAll(payments(4));
    await memory.pass(MINUTE);
    const matched = async (body: object) => (await post("/v1/replays", { dry_run: true, ...body })).body.data.matched;
    const pay = { app_id: "shop", function_id: "pay" };
    expect(await matched({ ...pay, started_after: later })).toBe(4);
    expect(await matched({ ...pay, started_before: later })).toBe(2);
    expect(await matched({ ...pay, if: "event.data.n >= 1" })).toBe(4);
    expect(await matched({ app_id: "shop", function_ids: ["pay", "mail"], started_after: later })).toBe(8);
    expect(await matched({ app_id: "shop" })).toBe(12);
    expect(await matched({ function_ids: ["shop-mail"] })).toBe(6);
    const begun = (await post("/v1/replays", { app_id: "shop", if: "event.data.n == 3" })).body.data;
    await memory.pass(MINUTE);
    expect(await read(begun.id)).toMatchObject({ started: 2, function_ids: null, function_id: null });
    expect([states("shop-pay"), states("shop-mail")]).toEqual([{ Failed: 7 }, { Failed: 7 }]);
  });

  test("a batch is started with all its events; what has not ended, or whose function is gone, is not", async () => {
    await sendAll([1, 2, 3].map((n) => ({ name: "many", data: { n } })));
    await sendAll([{ name: "sleep", data: {} }]);
    await memory.pass(MINUTE);
    isMended = true;
    const begun = await replay({ function_id: undefined, statuses: ["FAILED", "COMPLETED", "CANCELLED", "SKIPPED"] });
    await memory.pass(MINUTE);
    expect(await read(begun.id)).toMatchObject({ status: "done", started: 1 });
    const again = platform.runs("shop-many").find((run) => run.status === "Completed")!;
    expect((await readRun(again.id)).output).toEqual([1, 2, 3]);
    expect(states("shop-sleeper")).toEqual({ Running: 1 });
    await json("/v1/apps/shop", { method: "DELETE" });
    const late = await replay({ function_id: "shop-many" });
    await memory.pass(MINUTE);
    expect(await read(late.id)).toMatchObject({ status: "done", matched: 1, started: 0, not_startable: 1 });
  });

  test("a run that cannot be asked is asked again, and holds up no other", async () => {
    const [eventId] = await sendAll(payments(9));
    await memory.pass(MINUTE);
    const stuck = (await runsOf(eventId!)).find((run) => run.function_slug === "shop-pay")!.run_id;
    platform.world.reset("run", stuck);
    platform.world.storage = (kind, name) => {
      if (kind === "run" && name === stuck) throw new Error("disk I/O error");
    };
    const begun = await replay({});
    await memory.pass(3 * MINUTE);
    expect(await read(begun.id)).toMatchObject({ status: "running", started: 8, failing: 1 });
    platform.world.storage = () => undefined;
    await memory.pass(2 * MINUTE);
    expect(await read(begun.id)).toMatchObject({ status: "done", started: 9, failing: 0 });
  });

  test("1,200 runs, in pages", async () => {
    await sendAll(payments(1200));
    await memory.pass(MINUTE);
    isMended = true;
    expect(await replay({ dry_run: true })).toMatchObject({ matched: 1200, is_exact: true });
    const begun = await replay({});
    await memory.pass(5 * MINUTE);
    expect(await read(begun.id)).toMatchObject({ status: "done", started: 1200 });
    expect(states("shop-pay")).toEqual({ Failed: 1200, Completed: 1200 });
  });
});

describe("[G6] each run is started once", () => {
  test("300 runs, whatever dies how often", async () => {
    await sendAll(payments(300));
    await memory.pass(MINUTE);
    const begun = await replay({});
    let deaths = 0;
    dieAfterTurns(
      platform,
      (turn) => (turn % 60 === 59 && deaths < 15 ? (deaths % 2 === 0 ? "before" : "after") : null),
      () => (deaths += 1),
    );
    await memory.pass(10 * MINUTE);
    expect(deaths).toBe(15);
    expect(await read(begun.id)).toMatchObject({ status: "done", started: 300, matched: 300 });
    expect(states("shop-pay")).toEqual({ Failed: 600 });
  });

  test.each(["before", "after"] as const)("a death %s the writes of any single turn", async (when) => {
    let failed = 0;
    let at = 0;
    for (let isOver = false; !isOver; at++) {
      await sendAll(payments(2));
      await memory.pass(MINUTE);
      const begun = await replay({ started_after: iso(now() - 1.5 * MINUTE) });
      const seen = dieAfterTurns(platform, (turn) => (turn === at ? when : null));
      await memory.pass(MINUTE);
      isOver = seen.turns < at;
      await memory.pass(5 * MINUTE);
      platform.world.turns.between = () => undefined;
      expect(await read(begun.id), `a death after turn ${at}`).toMatchObject({ status: "done", started: 2 });
      failed += 4;
      expect(states("shop-pay"), `a death after turn ${at}`).toEqual({ Failed: failed });
    }
    expect(at).toBeGreaterThan(30);
  });

  test("whichever single call is lost, unanswered or made twice, whichever alarm goes off twice", async () => {
    let [faultAt, fault]: [number, PointFault | null] = [-1, null];
    const points = new FaultPoints((_, index) => (index === faultAt ? fault : null));
    memory.close();
    platform = simulated(shopFunctions, { client: shop(), faults: points, start: NOW });
    await memory.open(platform);
    let failed = 0;
    const replayTwo = async (arm: () => void) => {
      await sendAll(payments(2));
      await memory.pass(MINUTE);
      const begun = await replay({ started_after: iso(now() - 1.5 * MINUTE) });
      arm();
      const from = points.points.length;
      await memory.pass(MINUTE);
      const made = points.points.slice(from);
      await memory.pass(5 * MINUTE);
      failed += 4;
      return { made, view: await read(begun.id) };
    };
    const { made } = await replayTwo(() => undefined);
    const faults = [...eachFault(made)].filter(({ at }) => made[at]!.kind !== "commit"); // deaths are above
    expect(faults.length).toBeGreaterThan(30);
    for (const { at, fault: kind, where } of faults) {
      const { view } = await replayTwo(() => void ([faultAt, fault] = [points.points.length + at, kind]));
      expect(view, where).toMatchObject({ status: "done", started: 2, matched: 2 });
      expect(states("shop-pay"), where).toEqual({ Failed: failed });
    }
  });
});

describe("GET and DELETE /v1/replays", () => {
  test("they are listed apart from cancellations, the newest first, and gone after 30 days", async () => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) {
      ids.unshift((await replay({})).id);
      await memory.pass(MINUTE);
    }
    const list = async (path: string) => (await json(path)).body.data.map(({ id }: any) => id);
    expect(await list("/v1/replays")).toEqual(ids);
    expect(await list(`/v1/replays?cursor=${ids[0]}&limit=1`)).toEqual([ids[1]]);
    expect(await list("/v1/cancellations")).toEqual([]);
    expect((await json(`/v1/cancellations/${ids[0]}`)).status).toBe(404);
    await memory.pass(30 * DAY + MINUTE);
    expect(await list("/v1/replays")).toEqual([]);
    expect(platform.world.names("key")).toEqual([]);
  });

  test("stopped half-way: what was started goes on, nothing more is started", async () => {
    await sendAll(payments(300));
    await memory.pass(MINUTE);
    const begun = await replay({});
    let commits = 0;
    let stopped: Promise<unknown> = Promise.resolve();
    platform.world.storage = (kind, _, what) => {
      if (kind !== "run" || what !== "commit" || ++commits !== 60) return;
      stopped = objectsOf(platform).bulk(ENV, "replay", begun.id).stop();
    };
    await memory.pass(10 * MINUTE);
    await stopped;
    const { status, started } = await read(begun.id);
    expect(status).toBe("stopped");
    expect(started).toBeGreaterThanOrEqual(10);
    expect(started).toBeLessThan(300);
    expect(states("shop-pay")).toEqual({ Failed: 300 + started });
    expect(await json(`/v1/replays/${begun.id}`, { method: "DELETE" })).toEqual({ status: 200, body: { ok: true } });
  });
});

describe("[G9] POST /v1/replays refuses", () => {
  test.each<[string, object, number, string]>([
    ["nothing that names runs", {}, 400, "app_id: must be the id of an app"],
    ["a function without its app", { function_id: "pay" }, 400, "app_id: must be the id of an app"],
    [
      "a function twice",
      { app_id: "shop", function_id: "pay", function_ids: ["pay"] },
      400,
      "function_id: `function_ids`",
    ],
    ["no function", { app_id: "shop", function_ids: [] }, 400, "function_ids: must name a function"],
    ["what has not ended", { app_id: "shop", statuses: ["RUNNING"] }, 400, "only what has ended is replayed"],
    ["a misspelt bound", { app_id: "shop", startedAfter: iso(NOW) }, 400, 'body: Unrecognized key: "startedAfter"'],
    ["a slug that is not there", { function_ids: ["shop-pax"] }, 404, 'function_ids: there is no function "shop-pax"'],
    ["what is no expression", { app_id: "shop", if: "event ==" }, 400, 'if: "event ==" is not an expression'],
    ["an empty window", { app_id: "shop", started_after: iso(NOW + DAY) }, 400, "is not before started_before"],
    ["a yes that is none", { app_id: "shop", dry_run: "yes" }, 400, "dry_run: must be true or false"],
  ])("%s", async (_, body, status, error) => {
    expect(await post("/v1/replays", body)).toMatchObject({ status, body: { error: expect.stringContaining(error) } });
    expect(platform.world.names("key")).toEqual([]);
  });
});
