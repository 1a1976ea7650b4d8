/** The list of events through the front door, on the in-memory host. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import { createTestPlatform, type TestPlatform } from "../../src/testing/platform.ts";
import { frontDoor } from "../helpers/front-door.ts";
import { MemoryDoor } from "../helpers/memory-door.ts";
import { NOW } from "../helpers/run-builder.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 86_400_000;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

const memory = new MemoryDoor();
const { json, send, sendAll } = frontDoor(memory);
let platform: TestPlatform;

beforeEach(async () => {
  const client = new Inngest({ id: "shop", logger: silent });
  const functions = [
    client.createFunction({ id: "echo" }, { event: "echo" }, ({ event }) => event.data),
    client.createFunction({ id: "other" }, { event: "echo" }, () => "done"),
    client.createFunction({ id: "sleeper" }, { event: "sleep" }, ({ step }) => step.sleep("long", "30d")),
    client.createFunction({ id: "batch", batchEvents: { maxSize: 2, timeout: "60s" } }, { event: "many" }, () => "all"),
  ];
  platform = createTestPlatform({ functions, client, start: NOW });
  await memory.open(platform);
});
afterEach(() => memory.close());

async function list(query: string) {
  const { status, body } = await json(`/v1/events?${query}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

/** Names of all pages, and how many pages there were. */
async function all(query: string) {
  const names: string[] = [];
  const ids = new Set<string>();
  for (let pages = 1, cursor = ""; ; pages++) {
    const { data, page } = await list(`${query}${cursor && `&cursor=${cursor}`}`);
    for (const { name, internal_id } of data) {
      names.push(name);
      ids.add(internal_id);
    }
    expect(page.has_more).toBe(page.cursor !== null);
    if (page.cursor === null) {
      expect(ids.size).toBe(names.length);
      return { names, pages };
    }
    cursor = page.cursor;
  }
}

describe("GET /v1/events", () => {
  test("has events of several names, with or without the platform's own", async () => {
    await sendAll([{ name: "a" }, { name: "b" }, { name: "c, d" }, { name: "echo" }]);
    await memory.pass(SECOND);
    expect((await all("name=a&name=c%2C%20d")).names).toEqual(["c, d", "a"]);
    expect((await all("internal=false")).names).toEqual(["echo", "c, d", "b", "a"]);
    expect((await all("name=inngest/function.finished&internal=false")).names).toEqual([]);
  });

  test("page follows page, newest first, over days and however many events came at once", async () => {
    for (let day = 0; day < 3; day++) {
      for (let i = 0; i < 3; i++) await sendAll([{ name: `${day}-${i}a` }, { name: `${day}-${i}b` }]);
      await memory.pass(DAY);
    }
    const { names, pages } = await all("limit=4&internal=false");
    expect(names).toHaveLength(18);
    expect(names.map((name) => name[0]).join("")).toBe("222222111111000000");
    expect(pages).toBe(5);
    expect(
      (await all(`internal=false&received_after=${new Date(NOW + 2 * DAY - SECOND).toISOString()}`)).names,
    ).toEqual(names.slice(0, 6));
  });

  test("what a page holds is bounded by its size, too", async () => {
    await sendAll(Array.from({ length: 8 }, () => ({ name: "large", data: { text: "x".repeat(1_000_000) } })));
    const { names, pages } = await all("name=large&limit=100");
    expect(names).toHaveLength(8);
    expect(pages).toBeGreaterThan(1);
    const { data, page } = await list("name=large&limit=100&data=false");
    expect([data.length, page.cursor]).toEqual([8, null]);
  });

  test("without data a row has neither what was sent nor who sent it", async () => {
    await send({ name: "a", data: { secret: 1 }, user: { id: 7 }, v: "2" } as never);
    const [row] = (await list("name=a&data=false")).data;
    expect(row).toMatchObject({ name: "a", internal_id: expect.any(String), received_at: expect.any(String) });
    expect(row).not.toHaveProperty("data");
    expect(row).not.toHaveProperty("user");
    expect((await list("name=a")).data[0]).toMatchObject({ data: { secret: 1 }, user: { id: 7 } });
  });

  test("with runs a row has those that the index knows, with their status", async () => {
    await sendAll([{ name: "echo", data: { n: 1 } }, { name: "sleep" }, { name: "nobody" }]);
    await memory.pass(2 * MINUTE);
    const { data } = await list("internal=false&runs=true&data=false");
    const runs = Object.fromEntries(data.map(({ name, ...row }: any) => [name, row]));
    expect(runs.echo.runs.map(({ function_slug: slug, status }: any) => [slug, status]).toSorted()).toEqual([
      ["shop-echo", "Completed"],
      ["shop-other", "Completed"],
    ]);
    expect(runs.sleep.runs).toEqual([
      { run_id: expect.any(String), function_slug: "shop-sleeper", status: "Running", ended_at: null },
    ]);
    expect(runs.nobody.runs).toEqual([]);
    for (const { runs_incomplete: isIncomplete } of data) expect(isIncomplete).toBeUndefined();
    expect((await list("name=echo")).data[0]).not.toHaveProperty("runs");
  });

  test("where a run may be that the index does not have, the row says so", async () => {
    const { data } = await list("name=echo&runs=true");
    expect(data).toEqual([]);
    const ids = await sendAll([{ name: "many" }, { name: "many" }]);
    await memory.pass(2 * MINUTE);
    const rows = (await list("name=many&runs=true")).data.toReversed();
    expect(rows.map((row: any) => row.internal_id)).toEqual(ids);
    // the run has the first event's place in the index, and both events
    expect(rows.map(({ runs, runs_incomplete: isIncomplete }: any) => [runs.length, isIncomplete ?? false])).toEqual([
      [1, false],
      [0, true],
    ]);
    await send({ name: "sleep" });
    expect((await list("name=sleep&runs=true")).data).toMatchObject([{ runs: [], runs_incomplete: true }]);
  });

  test.each([
    ["limit=0", /^limit/],
    ["cursor=x", /^cursor: must be an event's internal id/],
    ["received_after=yesterday", /^received_after/],
    ["internal=maybe", /^internal: must be true or false/],
    ["data=0", /^data: must be true or false/],
    ["runs=all", /^runs: must be true or false/],
  ])("%s is refused in words", async (query, words) => {
    const { status, body } = await json(`/v1/events?${query}`);
    expect([status, body.error]).toEqual([400, expect.stringMatching(words)]);
  });
});
