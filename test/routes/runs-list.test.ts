/** The list of runs through the front door, on the in-memory host. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { uuidOf } from "../../src/protocol/ids.ts";
import { Inngest, NonRetriableError } from "../../src/sdk/index.ts";
import { createTestPlatform, type TestPlatform } from "../../src/testing/platform.ts";
import { frontDoor } from "../helpers/front-door.ts";
import { MemoryDoor } from "../helpers/memory-door.ts";
import { NOW } from "../helpers/run-builder.ts";

const SECOND = 1_000;
const DAY = 86_400_000;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

const memory = new MemoryDoor();
const { json, send, sendAll, post } = frontDoor(memory);
let platform: TestPlatform;

function functionsOf(client: Inngest) {
  return [
    client.createFunction({ id: "echo" }, { event: "echo" }, ({ event }) => ({ said: event.data })),
    client.createFunction({ id: "broken" }, { event: "broken" }, () => {
      throw new NonRetriableError("out of stock");
    }),
    client.createFunction({ id: "sleeper" }, { event: "sleep" }, async ({ step }) => {
      await step.sleep("long", "30d");
    }),
    client.createFunction({ id: "waiter" }, { event: "wait" }, async ({ step }) => {
      await step.waitForEvent("answer", { event: "answer", timeout: "7d" });
      await step.waitForSignal("sign", { signal: "go", timeout: "1d", onConflict: "fail" });
    }),
    client.createFunction({ id: "retrier", retries: 3 }, { event: "retry" }, () => {
      throw new Error("not today");
    }),
    client.createFunction({ id: "batch", batchEvents: { maxSize: 3, timeout: "60s" } }, { event: "many" }, () => "all"),
    client.createFunction({ id: "daily" }, { cron: "0 3 * * *" }, () => "tick"),
  ];
}

beforeEach(async () => {
  const client = new Inngest({ id: "shop", logger: silent });
  platform = createTestPlatform({ functions: functionsOf(client), client, start: NOW });
  await memory.open(platform);
});
afterEach(() => memory.close());

const iso = (at: number) => new Date(at).toISOString();

async function list(query: Record<string, string> = {}) {
  const { status, body } = await json(`/v1/runs?${new URLSearchParams(query)}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

/** All pages of a list, and how many there were. */
async function all(query: Record<string, string>) {
  const rows: any[] = [];
  for (let pages = 1, cursor = ""; ; pages++) {
    const { data, page } = await list({ ...query, ...(cursor && { cursor }) });
    rows.push(...data);
    expect(page.has_more).toBe(page.cursor !== null);
    if (page.cursor === null) return { rows, pages };
    cursor = page.cursor;
  }
}

describe("GET /v1/runs", () => {
  test("a row says what a list needs, in the words of the run itself", async () => {
    const eventId = await send({ name: "echo", data: { n: 1 } });
    await memory.pass(SECOND);
    const { data, page, metadata } = await list();
    const [runId] = platform.runs().map(({ id }) => id);
    expect(data).toEqual([
      {
        run_id: runId,
        function_id: uuidOf("shop-echo"),
        function_slug: "shop-echo",
        app_id: "shop",
        event_id: eventId,
        event_name: "echo",
        status: "Completed",
        queued_at: expect.stringMatching(/Z$/),
        started_at: expect.stringMatching(/Z$/),
        ended_at: expect.stringMatching(/Z$/),
        waiting_for: null,
      },
    ]);
    expect(page).toEqual({ cursor: null, has_more: false, limit: 20, looked_until: null });
    expect(metadata.fetched_at).toMatch(/Z$/);
  });

  test("what a run waits for is in its row, and until when, also once it waits for the next thing", async () => {
    await sendAll([{ name: "sleep" }, { name: "wait" }, { name: "retry" }]);
    await memory.pass(100);
    const waits = async () => {
      const { data } = await list({ status: "Running,Scheduled" });
      return Object.fromEntries(data.map((row: any) => [row.function_slug, row.waiting_for]));
    };
    const about = (kind: string) => ({ kind, until: expect.stringMatching(/^\d{4}-/) });
    const first = await waits();
    expect(first).toEqual({
      "shop-sleeper": about("sleeping"),
      "shop-waiter": about("waiting"),
      "shop-retrier": about("retry"),
    });
    expect(Math.abs(Date.parse(first["shop-sleeper"].until) - NOW - 30 * DAY)).toBeLessThan(SECOND);
    await send({ name: "answer" });
    await memory.pass(100);
    expect((await waits())["shop-waiter"]).toEqual(about("signal"));
    await post("/v1/signals", { signal: "go", data: {} });
    await memory.pass(100);
    expect((await waits())["shop-waiter"]).toBeUndefined();
  });

  test("a batch tells how many events it has, a schedule's run its schedule", async () => {
    await sendAll([{ name: "many" }, { name: "many" }, { name: "many" }]);
    await memory.pass(DAY);
    const { data } = await list();
    expect(data).toContainEqual(expect.objectContaining({ function_slug: "shop-batch", batch_size: 3 }));
    expect(data).toContainEqual(
      expect.objectContaining({
        function_slug: "shop-daily",
        cron: "0 3 * * *",
        event_name: "inngest/scheduled.timer",
      }),
    );
  });

  test("is narrowed by status, app, function and time, alone and together", async () => {
    await sendAll([{ name: "echo" }, { name: "broken" }]);
    await memory.pass(2 * SECOND);
    const between = iso(platform.clock.now());
    await memory.pass(2 * SECOND);
    await sendAll([{ name: "echo" }, { name: "sleep" }]);
    await memory.pass(SECOND);
    const slugs = async (query: Record<string, string>) =>
      (await list({ order: "asc", ...query })).data.map((row: any) => row.function_slug.slice("shop-".length)).sort();
    expect(await slugs({})).toEqual(["broken", "echo", "echo", "sleeper"]);
    expect(await slugs({ status: "failed" })).toEqual(["broken"]);
    expect(await slugs({ status: "FAILED,Running" })).toEqual(["broken", "sleeper"]);
    expect(await slugs({ function_id: "shop-echo" })).toEqual(["echo", "echo"]);
    expect(await slugs({ function_id: uuidOf("shop-echo") })).toEqual(["echo", "echo"]);
    expect(await slugs({ app_id: "shop", function_id: "echo,sleeper" })).toEqual(["echo", "echo", "sleeper"]);
    expect(await slugs({ function_id: "echo" })).toEqual([]); // of which app?
    expect(await slugs({ app_id: "other" })).toEqual([]);
    expect(await slugs({ until: between })).toEqual(["broken", "echo"]);
    expect(await slugs({ from: between, function_id: "shop-echo" })).toEqual(["echo"]);
    expect(await slugs({ from: between, time_field: "ended_at" })).toEqual(["echo"]);
  });

  test("pages follow each other without a gap, in either order", async () => {
    await sendAll(Array.from({ length: 7 }, (_, n) => ({ name: "echo", data: { n } })));
    await memory.pass(SECOND);
    const { rows, pages } = await all({ limit: "3" });
    expect([rows.length, pages]).toEqual([7, 3]);
    expect((await all({ limit: "3", order: "asc" })).rows).toEqual(rows.toReversed());
    const { page } = await list({ limit: "3" });
    expect(Date.parse(page.looked_until)).toBeGreaterThanOrEqual(NOW);
  });

  test.each([
    ["status=done", /^status: must be of Scheduled, Running/],
    ["time_field=later", /^time_field/],
    ["from=yesterday", /^from: must be an RFC 3339/],
    ["limit=101", /^limit/],
    ["order=up", /^order/],
    ["cursor=x", /^cursor/],
    ["total=maybe", /^total/],
    ["if=event.data.n+%3D%3D+1&total=true", /^total/],
    ["if=event.", /^if: .*does not parse at character/],
    ["if=run.status+%3D%3D+1", /^if: .*unknown variable "run" \(it may use event and output\)/],
    [`if=${"a".repeat(9_000)}`, /^if: .*longer than/],
  ])("%s is refused in words", async (query, words) => {
    const { status, body } = await json(`/v1/runs?${query}`);
    expect(status).toBe(400);
    expect(body.error).toMatch(words);
  });
});

describe("GET /v1/runs?total=true", () => {
  test("counts what the filters leave, whatever the page holds", async () => {
    await sendAll([...Array(6).fill({ name: "echo" }), { name: "broken" }]);
    await memory.pass(SECOND);
    const { data, page } = await list({ total: "true", limit: "2" });
    expect([data.length, page.total, page.total_is_exact]).toEqual([2, 7, true]);
    expect((await list({ total: "true", status: "Failed" })).page).toMatchObject({ total: 1, total_is_exact: true });
    expect((await list({ total: "true", until: iso(NOW - 1) })).page).toMatchObject({ total: 0, total_is_exact: true });
  });
});

describe("GET /v1/runs?if=…", () => {
  const found = async (source: string, query: Record<string, string> = {}) =>
    (await all({ if: source, ...query })).rows.map((row): string => row.function_slug.slice("shop-".length)).toSorted();

  beforeEach(async () => {
    await sendAll([
      ...Array.from({ length: 5 }, (_, n) => ({ name: "echo", data: { n, shop: n < 3 ? "paris" : "rome" } })),
      { name: "broken", data: { n: 1 } },
      { name: "sleep", data: { n: 1 } },
    ]);
    await memory.pass(SECOND);
  });

  test.each([
    ["event.data.n == 1", ["broken", "echo", "sleeper"]],
    ["output.said.shop == 'paris'", ["echo", "echo", "echo"]],
    ["event.data.n > 1 && output.said.shop == 'paris'", ["echo"]],
    ["event.name == 'broken' && output.message.contains('stock')", ["broken"]],
    ["output == null && event.name == 'sleep'", ["sleeper"]],
    ["event.data.n == 1 || output.said.n == 4", ["broken", "echo", "echo", "sleeper"]],
    ["event.data.n", []],
    ["event.data.n / 0 == 1", []],
  ])("%s", async (source, slugs) => {
    expect(await found(source)).toEqual(slugs);
    expect(await found(source, { limit: "1" })).toEqual(slugs);
    expect(await found(source, { limit: "2", order: "asc" })).toEqual(slugs);
  });

  test("with the other filters", async () => {
    expect(await found("event.data.n == 1", { status: "Completed" })).toEqual(["echo"]);
    expect(await found("output != null", { function_id: "shop-broken" })).toEqual(["broken"]);
  });

  test("any event of a batch may be the one that is wanted", async () => {
    await sendAll([1, 2, 3].map((n) => ({ name: "many", data: { order: `o-${n}` } })));
    await memory.pass(SECOND);
    expect(await found("event.data.order == 'o-3'")).toEqual(["batch"]);
    expect(await found("event.data.order == 'o-4'")).toEqual([]);
  });

  test("a page asks a bounded number of runs, and the cursor goes on until all have been", async () => {
    for (let i = 0; i < 3; i++) await sendAll(Array.from({ length: 100 }, (_, n) => ({ name: "echo", data: { n } })));
    await memory.pass(SECOND);
    const { rows, pages } = await all({ if: "output.said.n == 7", limit: "100" });
    expect(rows).toHaveLength(3);
    expect(pages).toBeGreaterThan(1);
    expect(pages).toBeLessThan(20);
  });
});
