/** How functions do over time, through the front door, on the in-memory host. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Inngest, NonRetriableError } from "../../src/sdk/index.ts";
import { createTestPlatform, type TestPlatform } from "../../src/testing/platform.ts";
import { frontDoor } from "../helpers/front-door.ts";
import { MemoryDoor } from "../helpers/memory-door.ts";
import { NOW } from "../helpers/run-builder.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

const memory = new MemoryDoor();
const { json, send, sendAll, post } = frontDoor(memory);
let platform: TestPlatform;

beforeEach(async () => {
  const client = new Inngest({ id: "shop", logger: silent });
  const functions = [
    client.createFunction({ id: "nap", retries: 0 }, { event: "nap" }, async ({ event, step }) => {
      await step.sleep("nap", event.data.ms);
      if (event.data.fails) throw new NonRetriableError("no");
    }),
    client.createFunction({ id: "other" }, { event: "other" }, () => "done"),
    client.createFunction({ id: "one", concurrency: { limit: 1, mode: "run" } }, { event: "one" }, async ({ step }) =>
      step.sleep("long", "30d"),
    ),
  ];
  platform = createTestPlatform({ functions, client, start: NOW });
  await memory.open(platform);
});
afterEach(() => memory.close());

const now = () => platform.clock.now();
const iso = (at: number) => new Date(at).toISOString();

async function metrics(query: Record<string, string> = {}, id = "shop-nap") {
  const { status, body } = await json(`/v1/functions/${id}/metrics?${new URLSearchParams(query)}`);
  expect(body).toMatchObject({ data: { function_slug: id } });
  expect(status).toBe(200);
  return body.data;
}
/** Those in which something happened. */
const busy = (data: any) =>
  data.buckets.filter((one: any) => one.started > 0 || Object.keys(one.ended).length > 0 || one.backlog > 0);
const nap = (ms: number, fails = false) => ({ name: "nap", data: { ms, fails } });

describe("GET /v1/functions/:id/metrics", () => {
  test("counts per bucket what began, what ended and how, and how long it took", async () => {
    const from = Math.ceil(now() / MINUTE) * MINUTE;
    await memory.pass(from - now());
    await sendAll([10, 20, 30, 40].map((s) => nap(s * SECOND)));
    await send({ name: "other", data: {} });
    await memory.pass(MINUTE);
    await sendAll([nap(90 * SECOND), nap(30 * SECOND, true)]);
    await memory.pass(3 * MINUTE);
    const data = await metrics({ from: iso(from), until: iso(from + 4 * MINUTE), bucket: "1m" });
    expect(data).toMatchObject({ from: iso(from), until: iso(from + 4 * MINUTE), bucket_ms: MINUTE, is_cut: false });
    expect(data.buckets).toMatchObject([
      { at: iso(from), started: 4, ended: { COMPLETED: 4 } },
      { at: iso(from + MINUTE), started: 2, ended: { FAILED: 1 } },
      { at: iso(from + 2 * MINUTE), started: 0, ended: { COMPLETED: 1 } },
      { at: iso(from + 3 * MINUTE), started: 0, ended: {}, p50_ms: null, p95_ms: null },
    ]);
    const [first, , third] = data.buckets;
    expect([first.p50_ms, first.p95_ms, third.p50_ms].map((ms: number) => Math.round(ms / SECOND))).toEqual([
      20, 40, 90,
    ]);
    expect(data.backlog).toEqual({ queued: 0, running: 0 });
    expect((await metrics({ bucket: "1m" }, "shop-other")).buckets.some((one: any) => one.ended.COMPLETED === 1)).toBe(
      true,
    );
  });

  test("tells who waits to begin, bucket by bucket and now", async () => {
    await sendAll([1, 2, 3].map((n) => ({ name: "one", data: { n } })));
    await memory.pass(5 * MINUTE);
    const data = await metrics({ bucket: "1m" }, "shop-one");
    expect(data.backlog).toEqual({ queued: 2, running: 1 });
    expect(data.buckets.slice(-4).map((one: any) => one.backlog)).toEqual([2, 2, 2, 2]);
    expect(data.buckets[0].backlog).toBe(0);
    const at = iso(now() + 1);
    await post("/v1/cancellations", { app_id: "shop", started_before: iso(now()) });
    await memory.pass(2 * MINUTE);
    const later = await metrics({ from: at, bucket: "1m" }, "shop-one");
    expect(later.backlog).toEqual({ queued: 0, running: 0 });
    expect(later.buckets.at(-1).backlog).toBe(0);
    const ended = later.buckets.reduce((sum: number, one: any) => sum + (one.ended.CANCELLED ?? 0), 0);
    expect(ended).toBe(3);
  });

  test("a run that ends within a day of its event is in the window of its end; it says how far back it looked", async () => {
    await send(nap(20 * HOUR));
    await memory.pass(21 * HOUR);
    const data = await metrics({ from: iso(now() - 2 * HOUR), bucket: "1h" });
    expect(busy(data)).toMatchObject([{ started: 0, ended: { COMPLETED: 1 } }]);
    expect(Date.parse(data.events_from)).toBe(Date.parse(data.from) - DAY);
  });

  test("the last hour in a minute each, when nobody says otherwise; a week of days; nothing is nothing", async () => {
    const hour = await metrics();
    expect([hour.bucket_ms, hour.buckets.length, busy(hour)]).toEqual([MINUTE, expect.any(Number), []]);
    expect(hour.buckets.length).toBeLessThanOrEqual(62);
    const week = await metrics({ from: iso(now() - 7 * DAY), bucket: "1d" });
    expect(week.buckets.length).toBeGreaterThanOrEqual(7);
  });

  test.each([
    ["from=yesterday", 400, "from: must be an RFC 3339 instant"],
    [`from=${iso(NOW + DAY)}&until=${iso(NOW)}`, 400, "is not before until"],
    [`from=${iso(NOW - 40 * DAY)}&until=${iso(NOW)}`, 400, "is more than 31 days before until"],
    [`from=${iso(NOW - DAY)}&until=${iso(NOW)}&bucket=1s`, 400, "there may be 500"],
    ["bucket=often", 400, 'bucket: cannot read "often" as a duration'],
    ["bucket=1ms", 400, 'bucket: "1ms" is under the bound of 1s'],
  ])("[G9] ?%s is %i", async (query, status, error) => {
    const answer = await json(`/v1/functions/shop-nap/metrics?${query}`);
    expect(answer).toMatchObject({ status, body: { error: expect.stringContaining(error) } });
  });

  test("of a function that is not there: 404", async () => {
    expect((await json("/v1/functions/shop-nop/metrics")).status).toBe(404);
  });
});
