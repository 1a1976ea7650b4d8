/** Functions through the front door, on the in-memory host: pause, resume, configuration and lines. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { logOf } from "../../src/durable-objects/objects.ts";
import { uuidOf } from "../../src/protocol/ids.ts";
import { Inngest, type InngestFunction } from "../../src/sdk/index.ts";
import { createTestPlatform, type TestPlatform } from "../../src/testing/platform.ts";
import { Random } from "../../src/testing/random.ts";
import { ENV } from "../../src/testing/host/world.ts";
import { eachFault, FaultPoints, type PointFault } from "../helpers/fault-points.ts";
import { frontDoor } from "../helpers/front-door.ts";
import { MemoryDoor } from "../helpers/memory-door.ts";
import { NOW } from "../helpers/run-builder.ts";
import { dieAfterTurns, objectsOf, simulated, sweepAnHour } from "../helpers/simulated-platform.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

vi.setConfig({ testTimeout: 60_000 }); // deaths after each single turn, on a machine that does other things
const memory = new MemoryDoor();
const { json, post, send, sendAll, readRun } = frontDoor(memory);
let platform: TestPlatform;

const shop = () => new Inngest({ id: "shop", logger: silent });

function shopFunctions(client: Inngest): InngestFunction<any, any>[] {
  return [
    client.createFunction({ id: "greet" }, { event: "hello" }, ({ event }) => event.data.n ?? null),
    client.createFunction({ id: "nap" }, { event: "nap" }, async ({ step }) => {
      await step.sleep("long", "30d");
    }),
    client.createFunction({ id: "hourly" }, { cron: "0 * * * *" }, () => "ticked"),
    client.createFunction({ id: "ask" }, { event: "ask" }, async ({ step }) => {
      const answer = await step
        .invoke("greet", {
          function: client.createFunction({ id: "greet" }, { event: "hello" }, () => 0),
          data: { n: 3 },
        })
        .catch((error: Error) => error.name);
      return answer;
    }),
    client.createFunction(
      { id: "narrow", concurrency: { limit: 1, key: "event.data.user", mode: "run" } as any },
      { event: "narrow" },
      async ({ step }) => step.sleep("a while", "1h"),
    ),
    client.createFunction({ id: "paced", throttle: { limit: 2, period: "1h" } }, { event: "paced" }, () => "in"),
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
const pause = async (id: string, body: object = {}) => (await post(`/v1/functions/${id}/pause`, body)).body.data;
const resume = async (id: string) => (await post(`/v1/functions/${id}/resume`, {})).body.data;
const registry = () => objectsOf(platform).registry(ENV);

/** Statuses of a function's runs, by their events in the order of sending. */
function states(functionId: string): string[] {
  return platform
    .runs()
    .filter((run) => run.functionId === functionId)
    .map((run) => run.status);
}

/** The app says what it has again, and that it is something else. */
async function syncAgain(): Promise<void> {
  const functions = await registry().functions();
  const plain = functions.map((fn) => ({ ...fn, name: `${fn.name}!`, paused: undefined }));
  const sync = {
    appId: "shop",
    url: null,
    sdk: "js:v1",
    framework: "test",
    checksum: `sum ${now()}`,
    functions: plain,
  };
  expect(await registry().sync(sync)).toMatchObject({ modified: true });
}

describe("POST /v1/functions/:id/pause", () => {
  test("skip: what would start it leaves a skipped run, schedules too; resumed it starts again", async () => {
    expect(await pause("shop-greet")).toMatchObject({
      slug: "shop-greet",
      paused: { triggers: "skip", since: iso(now()) },
      cancellation: null,
    });
    await pause("shop-hourly");
    const id = await send({ name: "hello", data: { n: 1 } });
    await memory.pass(HOUR);
    const [run] = (await json(`/v1/events/${id}/runs`)).body.data;
    expect(run).toMatchObject({ status: "Skipped", output: null });
    expect(await readRun(run.run_id)).toMatchObject({ skip_reason: "pause", waiting_for: [] });
    expect(states("shop-hourly")).toEqual(["Skipped"]);
    expect(await resume("shop-greet")).toMatchObject({ paused: null });
    await send({ name: "hello", data: { n: 2 } });
    await memory.pass(SECOND);
    expect(states("shop-greet")).toEqual(["Skipped", "Completed"]);
  });

  test("hold: its runs wait, say for what, and start together when it is resumed", async () => {
    const { paused } = await pause("shop-greet", { triggers: "hold" });
    expect(paused).toEqual({ triggers: "hold", since: iso(now()) });
    await pause("shop-hourly", { triggers: "hold" });
    const ids = await sendAll([1, 2, 3].map((n) => ({ name: "hello", data: { n } })));
    await memory.pass(HOUR);
    const [run] = (await json(`/v1/events/${ids[0]}/runs`)).body.data;
    expect(run).toMatchObject({ status: "Scheduled" });
    expect((await readRun(run.run_id)).waiting_for).toMatchObject([
      { kind: "line", on: { rule: "pause", waiting: 3 } },
    ]);
    const lines = (await json("/v1/functions/shop-greet/lines")).body.data;
    expect(lines).toMatchObject([{ rule: "pause", key: null, limit: null, held: 0, waiting: 3, holders: [] }]);
    await resume("shop-greet");
    await resume("shop-hourly");
    await memory.pass(SECOND);
    expect(states("shop-greet")).toEqual(["Completed", "Completed", "Completed"]);
    expect(states("shop-hourly")).toEqual(["Completed"]);
  });

  test("outlasts syncs and restarts, and begins when it began", async () => {
    const since = iso(now());
    await pause("shop-greet", { triggers: "hold" });
    await memory.pass(MINUTE);
    await syncAgain();
    await memory.crash();
    expect(await pause("shop-greet", { triggers: "skip" })).toMatchObject({ paused: { triggers: "skip", since } });
    expect((await json("/v1/functions/shop-greet")).body.data).toMatchObject({
      name: "greet!",
      paused: { triggers: "skip", since },
    });
    await send({ name: "hello", data: {} });
    await memory.pass(MINUTE);
    expect(states("shop-greet")).toEqual(["Skipped"]);
  });

  test("asked twice it changes nothing; so with a function that goes on", async () => {
    const since = iso(now());
    await pause("shop-greet");
    await memory.pass(MINUTE);
    expect((await pause("shop-greet")).paused.since).toBe(since);
    await resume("shop-greet");
    expect((await resume("shop-greet")).paused).toBe(null);
    await send({ name: "hello", data: {} });
    await memory.pass(SECOND);
    expect(states("shop-greet")).toEqual(["Completed"]);
  });

  test("whoever invokes it is told at once (skip), or waits as long as it is held", async () => {
    await pause("shop-greet");
    const asked = await send({ name: "ask", data: {} });
    await memory.pass(SECOND);
    const [run] = (await json(`/v1/events/${asked}/runs`)).body.data;
    expect(run).toMatchObject({ status: "Completed", output: expect.stringMatching(/Skipped/) });
    await pause("shop-greet", { triggers: "hold" });
    const later = await send({ name: "ask", data: {} });
    await memory.pass(HOUR);
    expect((await json(`/v1/events/${later}/runs`)).body.data).toMatchObject([{ status: "Running" }]);
    await resume("shop-greet");
    await memory.pass(SECOND);
    expect((await json(`/v1/events/${later}/runs`)).body.data).toMatchObject([{ status: "Completed", output: 3 }]);
  });

  test("running: cancel ends what is under way, not what is held, and tells how many", async () => {
    await sendAll([1, 2, 3].map(() => ({ name: "nap", data: {} })));
    await memory.pass(SECOND);
    const { cancellation } = await pause("shop-nap", { triggers: "hold", running: "cancel" });
    expect(cancellation).toMatchObject({ function_id: "shop-nap", cause: "pause", if: null });
    await memory.pass(1);
    await send({ name: "nap", data: {} });
    const again = await pause("shop-nap", { triggers: "hold", running: "cancel" });
    expect(again.cancellation.id).toBe(cancellation.id);
    await memory.pass(5 * MINUTE);
    const { body } = await json(`/v1/cancellations/${cancellation.id}`);
    expect(body.data).toMatchObject({ status: "done", matched: 3, cancelled: 3 });
    expect(states("shop-nap")).toEqual(["Cancelled", "Cancelled", "Cancelled", "Scheduled"]);
  });

  test("a run that was created just before the resume is let go, however late it asks", async () => {
    await pause("shop-greet", { triggers: "hold" });
    platform.world.pauseQueue(true);
    const eventId = await send({ name: "hello", data: {} });
    const table = await registry().route(["hello"], []); // what a consumer reads
    const [fn] = table.functions.filter(({ id }) => id === "shop-greet");
    await resume("shop-greet");
    await memory.pass(2 * HOUR); // nothing is forgotten meanwhile
    const logged = await objectsOf(platform).log(ENV, logOf(eventId)).event(eventId);
    const run = objectsOf(platform).run(ENV, eventId);
    await run.start({ env: ENV, runId: eventId, fn: fn!, events: [logged!] });
    expect(fn?.paused).toMatchObject({ triggers: "hold" });
    await memory.pass(SECOND);
    expect(await readRun(eventId)).toMatchObject({ status: "Completed" });
  });

  test("the runs of one pause are let go, not those of the next", async () => {
    await pause("shop-greet", { triggers: "hold" });
    await send({ name: "hello", data: {} });
    await memory.pass(SECOND);
    await resume("shop-greet");
    await pause("shop-greet", { triggers: "hold" });
    await send({ name: "hello", data: {} });
    await memory.pass(MINUTE);
    expect(states("shop-greet")).toEqual(["Completed", "Scheduled"]);
  });
});

describe("[G6] a resume is not lost", () => {
  test("whatever single call is lost, unanswered or doubled, and whoever dies", async () => {
    let [faultAt, fault]: [number, PointFault | null] = [-1, null];
    const points = new FaultPoints((_, index) => (index === faultAt ? fault : null));
    memory.close();
    platform = simulated(shopFunctions, { client: shop(), faults: points, start: NOW });
    await memory.open(platform);
    const holdAndResume = async (arm: () => void) => {
      await pause("shop-greet", { triggers: "hold" });
      await send({ name: "hello", data: {} });
      await memory.pass(MINUTE);
      expect(states("shop-greet").at(-1)).toBe("Scheduled");
      arm();
      const from = points.points.length;
      const { status } = await post("/v1/functions/shop-greet/resume", {});
      await memory.pass(MINUTE);
      const made = points.points.slice(from);
      if (status !== 200) await resume("shop-greet"); // who was not answered asks again
      await memory.pass(10 * MINUTE);
      return made;
    };
    const made = await holdAndResume(() => undefined);
    const faults = [...eachFault(made)];
    expect(faults.length).toBeGreaterThan(20);
    for (const { at, fault: kind, where } of faults) {
      await holdAndResume(() => void ([faultAt, fault] = [points.points.length + at, kind]));
      expect(states("shop-greet").at(-1), where).toBe("Completed");
    }
  });

  test("its alarm repeats what was not acknowledged; so does the minute's cron when that alarm is lost", async () => {
    for (const losesAlarm of [false, true]) {
      await pause("shop-greet", { triggers: "hold" });
      await send({ name: "hello", data: {} });
      await memory.pass(MINUTE);
      platform.world.storage = (kind, name) => {
        if (kind === "key" && name.startsWith("pause/")) throw new Error("disk I/O error");
      };
      platform.world.reset("key", "pause/shop-greet/");
      expect(await resume("shop-greet")).toMatchObject({ paused: null });
      await memory.pass(MINUTE);
      expect(states("shop-greet").at(-1)).toBe("Scheduled");
      platform.world.storage = () => undefined;
      platform.world.reset("key", "pause/shop-greet/");
      if (losesAlarm) {
        await memory.crash();
        platform.world.loseAlarm("registry", "registry");
        const sweeping = sweepAnHour(platform);
        await memory.pass(HOUR);
        await sweeping;
      }
      await memory.pass(MINUTE);
      expect(states("shop-greet").at(-1)).toBe("Completed");
    }
  });
});

describe("GET /v1/functions", () => {
  test("tells each function as the platform understands it, in the words of the API", async () => {
    const { body } = await json("/v1/functions");
    expect(body.data.map(({ slug }: { slug: string }) => slug)).toEqual([
      "shop-ask",
      "shop-greet",
      "shop-hourly",
      "shop-nap",
      "shop-narrow",
      "shop-paced",
    ]);
    expect(body.data[2]).toMatchObject({
      triggers: [],
      crons: [{ cron: "0 * * * *", jitter: null, next_fire_at: iso(NOW + HOUR) }],
    });
    expect((await json("/v1/functions/shop-narrow")).body.data).toEqual({
      id: uuidOf("shop-narrow"),
      slug: "shop-narrow",
      name: "narrow",
      app_id: "shop",
      version: 1,
      triggers: [{ event: "narrow", if: null }],
      crons: [],
      retry: {
        max_attempts: 3,
        backoff: "exponential",
        initial_delay_ms: 1000,
        max_delay_ms: 3_600_000,
        jitter: true,
      },
      transport: { kind: "local" },
      flow_control: {
        concurrency: [{ limit: 1, key: "event.data.user", scope: "fn", mode: "run", order: "age" }],
      },
      archived: false,
      paused: null,
    });
  });

  test("one that its app has no more is told as such; its pause stays", async () => {
    await pause("shop-greet");
    await json("/v1/apps/shop", { method: "DELETE" });
    expect((await json("/v1/functions")).body.data).toEqual([]);
    expect((await json("/v1/functions/shop-greet")).body.data).toMatchObject({
      archived: true,
      paused: { triggers: "skip" },
    });
    expect(await resume("shop-greet")).toMatchObject({ archived: true, paused: null });
  });

  test("one is found by its uuid too", async () => {
    const id = uuidOf("shop-greet");
    expect((await json(`/v1/functions/${id}`)).body.data).toMatchObject({ slug: "shop-greet" });
    expect(await pause(id)).toMatchObject({ slug: "shop-greet", paused: { triggers: "skip" } });
  });

  test.each([
    ["GET", "", undefined, 404, 'function "shop-greeet" is not registered; GET /v1/functions lists'],
    ["GET", "/lines", undefined, 404, "is not registered"],
    ["POST", "/pause", {}, 404, "is not registered"],
    ["POST", "/resume", {}, 404, "is not registered"],
  ])("%s /v1/functions/:id%s of one that is not there", async (method, path, body, status, error) => {
    const init = { method, body: body && JSON.stringify(body) };
    const answer = await json(`/v1/functions/shop-greeet${path}`, init);
    expect(answer).toMatchObject({ status, body: { error: expect.stringContaining(error) } });
    expect(platform.world.names("key")).toEqual([]);
  });

  test.each<[object, string]>([
    [{ triggers: "drop" }, 'triggers: Invalid option: expected one of "skip"|"hold", not "drop"'],
    [{ running: 1 }, 'running: Invalid option: expected one of "continue"|"cancel", not 1'],
    [{ trigger: "skip" }, 'body: Unrecognized key: "trigger"'],
    [[], "the body must be a JSON object such as"],
  ])("[G9] a pause with %j is refused", async (body, error) => {
    const answer = await post("/v1/functions/shop-greet/pause", body);
    expect(answer).toEqual({ status: 400, body: { error: expect.stringContaining(error), status: 400, data: null } });
    expect((await json("/v1/functions/shop-greet")).body.data.paused).toBe(null);
  });
});

describe("GET /v1/functions/:id/lines", () => {
  test("shows each line, who is in and since when; the longest first", async () => {
    const at = now();
    await sendAll(["a", "b", "b", "a", "b", "c"].map((user) => ({ name: "narrow", data: { user } })));
    await memory.pass(MINUTE);
    const { body } = await json("/v1/functions/shop-narrow/lines");
    const since = iso(at);
    const line = { rule: "concurrency", limit: 1, period_ms: null, held: 1, oldest_since: since, next_at: null };
    const [one] = [{ run_id: expect.any(String), function_slug: "shop-narrow", since }];
    const holders = [one];
    expect(body.data).toMatchObject([
      { ...line, key: "b", waiting: 2, holders, waiters: [one, one] },
      { ...line, key: "a", waiting: 1, holders, waiters: [one] },
      { ...line, key: "c", waiting: 0, holders, waiters: [], oldest_since: null }, // nobody ever waited for it
    ]);
    expect((await json("/v1/lines")).body.data).toEqual(body.data);
    expect((await json("/v1/lines?function=shop-greet,shop-ask")).body.data).toEqual([]);
    const holder = await readRun(body.data[0].holders[0].run_id);
    expect(holder).toMatchObject({ status: "Running", waiting_for: [{ kind: "sleeping" }] });
  });
});

test("a line of a throttle says its rate, and when the next comes", async () => {
  await sendAll(Array.from({ length: 4 }, () => ({ name: "paced" })));
  await memory.pass(MINUTE);
  const { body } = await json("/v1/functions/shop-paced/lines");
  expect(body.data).toMatchObject([
    { rule: "throttle", limit: 2, period_ms: HOUR, held: 0, next_at: expect.any(String) },
  ]);
});

describe("DELETE /v1/runs/:id?cascade=true", () => {
  test("takes the runs along that it has invoked; without it they go on", async () => {
    for (const [query, status] of [
      ["?cascade=true", "Cancelled"],
      ["", "Scheduled"],
    ]) {
      await pause("shop-greet", { triggers: "hold" });
      const eventId = await send({ name: "ask", data: {} });
      await memory.pass(MINUTE);
      const [run] = (await json(`/v1/events/${eventId}/runs`)).body.data;
      await memory.fetch(new Request(`http://localhost/v1/runs/${run.run_id}${query}`, { method: "DELETE" }));
      await memory.pass(MINUTE);
      expect([states("shop-ask").at(-1), states("shop-greet").at(-1)]).toEqual(["Cancelled", status]);
    }
  });

  test("[G9] what is neither true nor false is refused", async () => {
    const answer = await json("/v1/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV?cascade=yes", { method: "DELETE" });
    expect(answer).toMatchObject({ status: 400, body: { error: 'cascade: "yes" is neither true nor false' } });
  });
});

test("[G6] pause, hold and resume under a process that dies every now and then", async () => {
  let deaths = 0;
  const random = new Random(5);
  dieAfterTurns(
    platform,
    () => (random.chance(0.05) ? random.pick(["before", "after"]) : null),
    () => (deaths += 1),
  );
  const ROUNDS = 12;
  const insist = async (path: string, body: object) => {
    for (let tries = 0; tries < 20; tries++) {
      const { status } = await post(path, body);
      if (status === 200) return;
    }
    throw new Error(`${path} was never answered`);
  };
  for (let n = 0; n < ROUNDS; n++) {
    await insist("/v1/functions/shop-greet/pause", { triggers: "hold" });
    await insist("/e/key", { id: `hello ${n}`, name: "hello", data: { n } });
    await memory.pass(MINUTE);
    await insist("/v1/functions/shop-greet/resume", {});
    await memory.pass(10 * MINUTE);
  }
  expect(deaths).toBeGreaterThan(20);
  expect(states("shop-greet")).toEqual(Array(ROUNDS).fill("Completed"));
});
