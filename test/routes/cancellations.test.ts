/** Bulk cancellation through the front door, on the in-memory host. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import { createTestPlatform, type TestPlatform } from "../../src/testing/platform.ts";
import { frontDoor } from "../helpers/front-door.ts";
import { MemoryDoor } from "../helpers/memory-door.ts";
import { gate } from "../fixtures/hooks.ts";
import { NOW } from "../helpers/run-builder.ts";
import { noFaults } from "../../src/testing/host/faults.ts";
import { ENV } from "../../src/testing/host/world.ts";
import { eachFault, FaultPoints, type PointFault } from "../helpers/fault-points.ts";
import { dieAfterTurns, objectsOf, simulated } from "../helpers/simulated-platform.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

vi.setConfig({ testTimeout: 60_000 }); // deaths after each single turn, on a machine that does other things
const memory = new MemoryDoor();
const { json, post, sendAll, readRun, runsOf } = frontDoor(memory);
let platform: TestPlatform;

const shop = () => new Inngest({ id: "shop", logger: silent });

function shopFunctions(client: Inngest) {
  return [
    client.createFunction({ id: "sleeper" }, { event: "sleep" }, async ({ step }) => {
      await step.sleep("long", "30d");
    }),
    client.createFunction({ id: "other" }, { event: "sleep" }, async ({ step }) => {
      await step.sleep("long", "30d");
    }),
    // busy from its first moment on, so that no index knows of it for a while
    client.createFunction({ id: "busy" }, { event: "busy/*" }, async ({ event }) => gate(`${event.data.gate}`)),
    client.createFunction(
      { id: "mixed" },
      [{ event: "mixed/sleep" }, { event: "mixed/busy" }],
      async ({ event, step }) => (event.name === "mixed/busy" ? gate("never") : step.sleep("long", "30d")),
    ),
    client.createFunction({ id: "quick" }, { event: "quick" }, () => "done"),
  ];
}

beforeEach(async () => {
  const client = shop();
  platform = createTestPlatform({ functions: shopFunctions(client), client, start: NOW });
  await memory.open(platform);
});
afterEach(() => memory.close());

const now = () => platform.clock.now();
const iso = (at: number) => new Date(at).toISOString();

async function cancelAll(functionId: string, more: object = {}) {
  const { status, body } = await post("/v1/cancellations", {
    app_id: "shop",
    function_id: functionId,
    started_before: iso(now()),
    ...more,
  });
  expect(body).toMatchObject({ data: { id: expect.any(String) } });
  expect(status).toBe(200);
  return body.data;
}

const read = async (id: string) => (await json(`/v1/cancellations/${id}`)).body.data;
const events = (name: string, count: number, data: (n: number) => object = () => ({})) =>
  Array.from({ length: count }, (_, n) => ({ name, data: { ...data(n) } }));
/** How many runs there are in which state. */
function states(functionId: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const run of platform.runs())
    if (run.functionId === functionId) counts[run.status] = (counts[run.status] ?? 0) + 1;
  return counts;
}

describe("[§9.2] POST /v1/cancellations", () => {
  test("cancels the runs of one function that began before an instant, and counts them", async () => {
    await sendAll(events("sleep", 5));
    await memory.pass(MINUTE);
    const before = now();
    await memory.pass(SECOND);
    await sendAll(events("sleep", 2));
    await memory.pass(SECOND);
    const begun = await cancelAll("sleeper", { started_before: iso(before) });
    await memory.pass(MINUTE);
    expect(await read(begun.id)).toMatchObject({
      function_id: "shop-sleeper",
      kind: "bulk_run",
      status: "done",
      matched: 5,
      cancelled: 5,
      already_ended: 0,
      failing: 0,
      started_after: null,
      if: null,
    });
    expect([states("shop-sleeper"), states("shop-other")]).toEqual([{ Cancelled: 5, Running: 2 }, { Running: 7 }]);
    const [id] = platform.runs().flatMap((run) => (run.status === "Cancelled" ? [run.id] : []));
    expect((await readRun(id!)).cancel_reason).toContain(begun.id);
  });

  test("also cancels runs whose code executes since their start, and counts those that had ended", async () => {
    await sendAll([...events("mixed/sleep", 3), ...events("mixed/busy", 2)]);
    await memory.pass(SECOND);
    const begun = await cancelAll("mixed");
    await memory.pass(0);
    expect(states("shop-mixed")).toEqual({ Cancelled: 5 }); // at once, not when the index knows of them
    await memory.pass(MINUTE);
    expect(await read(begun.id)).toMatchObject({ status: "done", matched: 5, cancelled: 5, already_ended: 0 });
    const again = await cancelAll("mixed");
    await memory.pass(MINUTE);
    expect(await read(again.id)).toMatchObject({ status: "done", matched: 5, cancelled: 0, already_ended: 5 });
  });

  test("finds by wildcards what executes since its start", async () => {
    await sendAll(events("busy/one", 2, () => ({ gate: "never" })));
    await memory.pass(SECOND);
    await cancelAll("busy");
    await memory.pass(0);
    expect(states("shop-busy")).toEqual({ Cancelled: 2 });
  });

  test("a run that executes since its start, long after its event, is found when its watchdog has told of it", async () => {
    platform.world.pauseQueue(true);
    await sendAll(events("busy/one", 2, () => ({ gate: "never" })));
    await memory.pass(3 * MINUTE);
    platform.world.pauseQueue(false);
    await memory.pass(SECOND);
    expect(states("shop-busy")).toEqual({ Running: 2 });
    const begun = await cancelAll("busy");
    await memory.pass(0);
    expect(await read(begun.id)).toMatchObject({ status: "running", cancelled: 0, ended_at: null });
    await memory.pass(MINUTE);
    expect(states("shop-busy")).toEqual({ Cancelled: 2 });
    expect(await read(begun.id)).toMatchObject({ status: "done", matched: 2, cancelled: 2 });
  });

  test("`if` is asked of the event, also of runs that have ended; the window is half open", async () => {
    const isOdd = (n: number) => ({ odd: n % 2 === 1 });
    await sendAll([...events("quick", 4, isOdd), ...events("sleep", 4, isOdd)]);
    const from = now();
    await memory.pass(SECOND);
    const odd = await cancelAll("sleeper", { if: "event.data.odd", started_after: iso(from) });
    const even = await cancelAll("quick", { if: "!event.data.odd" });
    const none = await cancelAll("sleeper", { if: "event.data.odd.deep", started_after: iso(from) });
    const early = await cancelAll("sleeper", { started_before: iso(from) });
    await memory.pass(MINUTE);
    expect(await read(odd.id)).toMatchObject({
      matched: 2,
      cancelled: 2,
      if: "event.data.odd",
      started_after: iso(from),
    });
    expect(await read(even.id)).toMatchObject({ matched: 2, cancelled: 0, already_ended: 2 });
    expect(await read(none.id)).toMatchObject({ status: "done", matched: 0 });
    expect(await read(early.id)).toMatchObject({ status: "done", matched: 0 });
    expect(states("shop-sleeper")).toEqual({ Cancelled: 2, Running: 2 });
  });

  test("goes back as many days as there are logs, also for a function that its app no longer has", async () => {
    for (let day = 0; day < 4; day++) {
      await sendAll(events("sleep", 2));
      await memory.pass(3 * DAY);
    }
    await json("/v1/apps/shop", { method: "DELETE" });
    const begun = await cancelAll("shop-sleeper", { started_after: iso(NOW + DAY) });
    await memory.pass(MINUTE);
    expect(await read(begun.id)).toMatchObject({ status: "done", matched: 6, cancelled: 6 });
  });

  test("a run that cannot be asked is asked again, and holds up no other", async () => {
    const [eventId] = await sendAll(events("sleep", 9));
    await memory.pass(MINUTE);
    const stuck = (await runsOf(eventId!)).find((run) => run.function_slug === "shop-sleeper")!.run_id;
    platform.world.reset("run", stuck);
    platform.world.storage = (kind, name) => {
      if (kind === "run" && name === stuck) throw new Error("disk I/O error");
    };
    const begun = await cancelAll("sleeper");
    await memory.pass(3 * MINUTE);
    expect(await read(begun.id)).toMatchObject({ status: "running", matched: 8, cancelled: 8, failing: 1 });
    platform.world.storage = () => undefined;
    await memory.pass(2 * MINUTE);
    expect(await read(begun.id)).toMatchObject({ status: "done", matched: 9, cancelled: 9, failing: 0 });
  });
});

describe("dry_run", () => {
  const count = async (body: object) => {
    const answer = await post("/v1/cancellations", {
      app_id: "shop",
      started_before: iso(now()),
      dry_run: true,
      ...body,
    });
    return answer.body.data;
  };

  test("counts what it would cancel, whether it sleeps or executes, and does nothing", async () => {
    await sendAll([...events("mixed/sleep", 3), ...events("mixed/busy", 2), ...events("quick", 4)]);
    await memory.pass(SECOND);
    expect(await count({ function_id: "mixed" })).toEqual({ dry_run: true, matched: 5, is_exact: true });
    expect(await count({ function_id: "quick" })).toMatchObject({ matched: 0 });
    await memory.pass(3 * MINUTE);
    expect(await count({ function_id: "mixed" })).toEqual({ dry_run: true, matched: 5, is_exact: true });
    expect(states("shop-mixed")).toEqual({ Running: 5 });
    expect((await json("/v1/cancellations")).body.data).toEqual([]);
    expect(platform.world.names("key")).toEqual([]);
  });

  test("is right about several functions, an app, a window and `if`, as the cancellation then is", async () => {
    await sendAll(events("sleep", 4, (n) => ({ odd: n % 2 === 1 })));
    await memory.pass(MINUTE);
    const from = iso(now());
    await memory.pass(SECOND);
    await sendAll([...events("sleep", 1), ...events("mixed/sleep", 2)]);
    await memory.pass(SECOND);
    const selections: [object, number][] = [
      [{ function_ids: ["sleeper", "mixed"] }, 7],
      [{ app_id: undefined, function_ids: ["shop-other"] }, 5],
      [{}, 12],
      [{ started_after: from }, 4],
      [{ if: "event.data.odd" }, 4],
    ];
    for (const [selection, matched] of selections)
      expect(await count(selection), JSON.stringify(selection)).toMatchObject({ matched, is_exact: true });
    const begun = (
      await post("/v1/cancellations", { app_id: "shop", started_before: iso(now()), if: "event.data.odd" })
    ).body.data;
    await memory.pass(MINUTE);
    expect(await read(begun.id)).toMatchObject({ cancelled: 4, function_id: null, function_ids: null });
    const several = (
      await post("/v1/cancellations", { function_ids: ["shop-sleeper", "shop-mixed"], started_before: iso(now()) })
    ).body.data;
    await memory.pass(MINUTE);
    expect(await read(several.id)).toMatchObject({
      cancelled: 5,
      app_id: null,
      function_ids: ["shop-sleeper", "shop-mixed"],
    });
    expect([states("shop-sleeper"), states("shop-mixed")]).toEqual([{ Cancelled: 5 }, { Cancelled: 2 }]);
    expect(states("shop-other")).toEqual({ Cancelled: 2, Running: 3 });
  });

  test("says so when it cannot look at all: an event that is gone is known to its run alone", async () => {
    await sendAll(events("sleep", 2));
    await memory.pass(MINUTE);
    const disk = platform.world.disk("log", platform.world.names("log")[0]!)!;
    for (const table of ["append", "events", "seq"])
      for (const key of disk.keys(table).slice()) disk.write(table, key, undefined);
    expect(await count({ function_id: "sleeper", if: "true" })).toEqual({ dry_run: true, matched: 0, is_exact: false });
  });
});

test("a run that does not answer for ten minutes holds up nobody, and is asked again", async () => {
  let late = 0;
  const isLate = (kind: string, method: string) => kind === "run" && method === "cancel" && late++ === 0;
  const faults = {
    ...noFaults,
    call: (...call: [string, string]) => (isLate(...call) ? { delayMs: 10 * MINUTE } : null),
  };
  memory.close();
  platform = simulated(shopFunctions, { client: shop(), faults, start: NOW });
  await memory.open(platform);
  await sendAll(events("sleep", 9));
  await memory.pass(MINUTE);
  const begun = await cancelAll("sleeper");
  await memory.pass(20 * SECOND);
  expect(await read(begun.id)).toMatchObject({ status: "running", matched: 0 });
  await memory.pass(MINUTE);
  expect(await read(begun.id)).toMatchObject({ status: "done", matched: 9, cancelled: 9, failing: 0 });
  await memory.pass(20 * MINUTE);
  expect(late).toBe(10);
});

describe("what is too much for one page", () => {
  test("one append of 600 events whose runs execute, and 600 that sleep", async () => {
    await sendAll(events("mixed/busy", 600));
    await sendAll(events("mixed/sleep", 600));
    await memory.pass(SECOND);
    const begun = await cancelAll("mixed");
    await memory.pass(0);
    expect(states("shop-mixed")).toEqual({ Cancelled: 1200 });
    await memory.pass(MINUTE);
    expect(await read(begun.id)).toMatchObject({ status: "done", matched: 1200, cancelled: 1200 });
  });
});

describe("[G6] a bulk cancellation outlives the process", () => {
  test("500 runs asleep and 20 that execute: each counted once, whatever dies how often", async () => {
    await sendAll([...events("mixed/sleep", 500), ...events("mixed/busy", 20)]);
    await memory.pass(SECOND);
    const begun = await cancelAll("mixed");
    let deaths = 0;
    dieAfterTurns(
      platform,
      (turn) => (turn % 40 === 39 && deaths < 25 ? (deaths % 2 === 0 ? "before" : "after") : null),
      () => (deaths += 1),
    );
    await memory.pass(10 * MINUTE);
    expect(deaths).toBe(25);
    expect(await read(begun.id)).toMatchObject({ status: "done", matched: 520, cancelled: 520, already_ended: 0 });
    expect(states("shop-mixed")).toEqual({ Cancelled: 520 });
  });

  test.each(["before", "after"] as const)("a death %s the writes of any single turn", async (when) => {
    let at = 0;
    for (let isOver = false; !isOver; at++) {
      await sendAll([...events("mixed/sleep", 2), ...events("mixed/busy", 1)]);
      await memory.pass(SECOND);
      const begun = await cancelAll("mixed", { started_after: iso(now() - SECOND) });
      const seen = dieAfterTurns(platform, (turn) => (turn === at ? when : null));
      await memory.pass(MINUTE);
      isOver = seen.turns < at;
      await memory.pass(5 * MINUTE);
      platform.world.turns.between = () => undefined;
      expect(await read(begun.id), `a death after turn ${at}`).toMatchObject({
        status: "done",
        matched: 3,
        cancelled: 3,
      });
    }
    expect(at).toBeGreaterThan(50);
    expect(Object.keys(states("shop-mixed"))).toEqual(["Cancelled"]);
  });
});

describe("[G6] each run is counted once", () => {
  test("whichever single call is lost, unanswered or made twice, whichever alarm goes off twice", async () => {
    let [faultAt, fault]: [number, PointFault | null] = [-1, null];
    const points = new FaultPoints((_, index) => (index === faultAt ? fault : null));
    memory.close();
    platform = simulated(shopFunctions, { client: shop(), faults: points, start: NOW });
    await memory.open(platform);
    const cancelThree = async (arm: () => void) => {
      await sendAll([...events("mixed/sleep", 2), ...events("mixed/busy", 1)]);
      await memory.pass(SECOND);
      const begun = await cancelAll("mixed", { started_after: iso(now() - SECOND) });
      arm();
      const from = points.points.length;
      await memory.pass(MINUTE);
      const made = points.points.slice(from);
      await memory.pass(5 * MINUTE);
      return { made, view: await read(begun.id) };
    };
    const { made } = await cancelThree(() => undefined);
    const faults = [...eachFault(made)].filter(({ at }) => made[at]!.kind !== "commit"); // deaths are above
    expect(faults.length).toBeGreaterThan(50);
    for (const { at, fault: kind, where } of faults) {
      const { view } = await cancelThree(() => void ([faultAt, fault] = [points.points.length + at, kind]));
      expect(view, where).toMatchObject({ status: "done", matched: 3, cancelled: 3 });
    }
  });
});

describe("DELETE /v1/cancellations/:id", () => {
  test("at once: nothing is cancelled", async () => {
    await sendAll(events("sleep", 3));
    await memory.pass(MINUTE);
    const begun = await cancelAll("sleeper");
    await json(`/v1/cancellations/${begun.id}`, { method: "DELETE" });
    await memory.pass(10 * MINUTE);
    expect(await read(begun.id)).toMatchObject({ status: "stopped", matched: 0 });
    expect(states("shop-sleeper")).toEqual({ Running: 3 });
  });

  test("stops half-way: what was cancelled stays so, and is counted", async () => {
    await sendAll(events("sleep", 300));
    await memory.pass(MINUTE);
    const begun = await cancelAll("sleeper");
    let commits = 0;
    let stopped: Promise<unknown> = Promise.resolve();
    platform.world.storage = (kind, _, what) => {
      if (kind !== "run" || what !== "commit" || ++commits !== 60) return;
      stopped = objectsOf(platform).bulk(ENV, "cancellation", begun.id).stop();
    };
    await memory.pass(10 * MINUTE);
    await stopped;
    const { status, cancelled, matched } = await read(begun.id);
    expect(status).toBe("stopped");
    expect(cancelled).toBeGreaterThanOrEqual(50);
    expect(cancelled).toBeLessThan(300);
    expect(matched).toBe(cancelled);
    expect(states("shop-sleeper")).toEqual({ Cancelled: cancelled, Running: 300 - cancelled });
  });

  test("of one that is done changes nothing", async () => {
    const begun = await cancelAll("sleeper");
    await memory.pass(MINUTE);
    const deleted = await json(`/v1/cancellations/${begun.id}`, { method: "DELETE" });
    expect(deleted).toEqual({ status: 200, body: { ok: true } });
    expect(await read(begun.id)).toMatchObject({ status: "done" });
  });
});

describe("GET /v1/cancellations", () => {
  test("lists them, the newest first, from a cursor on; after their retention they are gone", async () => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) {
      ids.unshift((await cancelAll("sleeper")).id);
      await memory.pass(MINUTE);
    }
    const list = async (query = "") => (await json(`/v1/cancellations${query}`)).body.data.map(({ id }: any) => id);
    expect([await list(), await list("?limit=1"), await list(`?cursor=${ids[0]}&limit=1`)]).toEqual([
      ids,
      [ids[0]],
      [ids[1]],
    ]);
    await memory.pass(30 * DAY + MINUTE);
    expect(await list()).toEqual([]);
    expect(platform.world.names("key")).toEqual([]);
    expect((await json(`/v1/cancellations/${ids[0]}`)).status).toBe(404);
  });

  test.each([
    ["/v1/cancellations/x", 400, '"x" is not the id of a cancellation'],
    ["/v1/cancellations/01ARZ3NDEKTSV4RRFFQ69G5FAV", 404, "01ARZ3NDEKTSV4RRFFQ69G5FAV not found"],
    ["/v1/cancellations?limit=0", 400, 'limit: Too small: expected number to be >=1, not "0"'],
    ["/v1/cancellations?cursor=x", 400, 'cursor: must be the id of a cancellation, not "x"'],
  ])("%s is %i", async (path, status, error) => {
    const before = platform.world.names("key");
    expect(await json(path)).toMatchObject({ status, body: { error: expect.stringContaining(error) } });
    expect(platform.world.names("key")).toEqual(before);
  });
});

describe("[G9] POST /v1/cancellations refuses", () => {
  const good = { app_id: "shop", function_id: "sleeper", started_before: iso(NOW) };
  test.each<[string, object, number, string]>([
    ["no app", { app_id: undefined }, 400, "app_id: must be the id of an app"],
    ["no function", { function_id: 7 }, 400, "function_id: must be the id of a function, not 7"],
    ["no end of the window", { started_before: undefined }, 400, "started_before: must be an RFC 3339 instant"],
    ["a bound that is misspelt", { startedAfter: iso(NOW) }, 400, 'body: Unrecognized key: "startedAfter"'],
    ["what is no instant", { started_after: "yesterday" }, 400, "started_after: must be an RFC 3339 instant such as"],
    [
      "an instant to come",
      { started_before: iso(NOW + DAY) },
      400,
      `started_before: ${iso(NOW + DAY)} is in the future`,
    ],
    ["an empty window", { started_after: iso(NOW) }, 400, `started_after: ${iso(NOW)} is not before started_before`],
    ["what is no expression", { if: "event.data ==" }, 400, 'if: "event.data ==" is not an expression over `event`'],
    ["an app that is not there", { app_id: "shoq" }, 404, 'app_id: app "shoq" is not registered'],
    ["a function that is not", { function_id: "sleeq" }, 404, 'function_id: app "shop" has no function "sleeq"'],
  ])("%s", async (_, wrong, status, error) => {
    const answer = await post("/v1/cancellations", { ...good, ...wrong });
    expect(answer).toMatchObject({ status, body: { error: expect.stringContaining(error) } });
    expect(platform.world.names("key")).toEqual([]);
  });

  test("what is no JSON", async () => {
    const answer = await json("/v1/cancellations", { method: "POST", body: "{" });
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining("the body must be JSON") } });
  });
});
