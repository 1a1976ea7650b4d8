/** Why an event started something or nothing, through the front door, on the in-memory host. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import { createTestPlatform, type TestPlatform } from "../../src/testing/platform.ts";
import { frontDoor } from "../helpers/front-door.ts";
import { MemoryDoor } from "../helpers/memory-door.ts";
import { NOW } from "../helpers/run-builder.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

const memory = new MemoryDoor();
const { json, send, sendAll, post } = frontDoor(memory);
let platform: TestPlatform;

beforeEach(async () => {
  const client = new Inngest({ id: "shop", logger: silent });
  const functions = [
    client.createFunction(
      { id: "big" },
      { event: "order", if: "event.data.amount > 100 && event.data.country == 'DE'" },
      () => "done",
    ),
    client.createFunction({ id: "any" }, { event: "order" }, () => "done"),
    client.createFunction(
      { id: "two" },
      [
        { event: "order", if: "event.data.a" },
        { event: "order", if: "event.data.b.startsWith('x') || event.data.c" },
      ],
      () => "done",
    ),
    client.createFunction(
      { id: "rated", rateLimit: { limit: 1, period: "1h", key: "event.data.who" } },
      { event: "rated" },
      () => 1,
    ),
    client.createFunction({ id: "batched", batchEvents: { maxSize: 2, timeout: "1h" } }, { event: "batch" }, () => 1),
    client.createFunction({ id: "bounced", debounce: { period: "10m" } }, { event: "bounce" }, () => 1),
    client.createFunction({ id: "single", singleton: { mode: "skip" } }, { event: "single" }, async ({ step }) =>
      step.sleep("long", "10d"),
    ),
  ];
  platform = createTestPlatform({ functions, client, start: NOW });
  await memory.open(platform);
});
afterEach(() => memory.close());

async function decisions(eventId: string) {
  const { status, body } = await json(`/v1/events/${eventId}/decisions`);
  expect(status).toBe(200);
  return Object.fromEntries(body.data.map(({ function_slug: slug, ...one }: any) => [slug.replace("shop-", ""), one]));
}
const order = (data: Record<string, unknown>, id?: string) => send({ name: "order", data, ...(id ? { id } : {}) });

describe("GET /v1/events/:id/decisions", () => {
  test("names the run that it has started, and of what is not met the part, with what it was asked about", async () => {
    const id = await order({ amount: 120, country: "FR" });
    await memory.pass(MINUTE);
    const { any, big, two } = await decisions(id);
    expect(any).toMatchObject({
      function_name: "any",
      decision: "started",
      inferred: false,
      run_id: expect.any(String),
      run_status: "Completed",
    });
    expect(big).toEqual({
      function_name: "big",
      decision: "no_match",
      why: "it is not so that `event.data.country == 'DE'`",
      inferred: true,
      triggers: [
        {
          event: "order",
          if: "event.data.amount > 100 && event.data.country == 'DE'",
          false: [{ source: "event.data.country == 'DE'", values: { "event.data.country": "FR" } }],
        },
      ],
    });
    expect(two.triggers.map((one: any) => one.false)).toMatchObject([
      [{ source: "event.data.a", values: { "event.data.a": null } }],
      [{ source: "event.data.b.startsWith('x') || event.data.c" }],
    ]);
    const all = await order({ amount: 120, country: "DE", c: true });
    await memory.pass(MINUTE);
    expect(Object.values(await decisions(all)).map((one: any) => one.decision)).toEqual([
      "started",
      "started",
      "started",
    ]);
  });

  test("an event of no trigger's name has none to tell of; one that is unknown is 404", async () => {
    expect(await decisions(await send({ name: "nobody", data: {} }))).toEqual({});
    const answer = await json("/v1/events/01ARZ3NDEKTSV4RRFFQ69G5FAV/decisions");
    expect(answer.status).toBe(404);
    expect(platform.world.names("key")).toEqual([]);
  });

  test("a duplicate names the event that came before; looking claims nothing", async () => {
    const first = await order({ amount: 1 }, "o1");
    await memory.pass(HOUR);
    const second = await order({ amount: 1 }, "o1");
    await memory.pass(MINUTE);
    expect((await decisions(first)).any).toMatchObject({ decision: "started" });
    expect((await decisions(second)).any).toMatchObject({ decision: "duplicate", event_id: first, inferred: false });
    expect((await decisions(second)).big).toMatchObject({ decision: "no_match" });
    await memory.pass(24 * HOUR);
    expect((await decisions(second)).any).toMatchObject({
      decision: "unknown",
      inferred: true,
      why: expect.stringContaining("another event had the id"),
    });
    const third = await order({ amount: 1 }, "o1");
    await memory.pass(MINUTE);
    expect((await decisions(third)).any).toMatchObject({ decision: "started" });
  });

  test("what is over its rate was dropped, with its key", async () => {
    const [first, second] = await sendAll([1, 2].map((n) => ({ name: "rated", data: { n, who: "u1" } })));
    await memory.pass(MINUTE);
    expect((await decisions(first!)).rated.decision).toBe("started");
    expect((await decisions(second!)).rated).toMatchObject({ decision: "rate_limited", key: "u1", inferred: false });
  });

  test("a batch collects until then, and is then one run of all", async () => {
    const first = await send({ name: "batch", data: {} });
    await memory.pass(MINUTE);
    const waiting = (await decisions(first)).batched;
    expect(waiting).toMatchObject({
      decision: "collecting",
      inferred: false,
      why: expect.stringContaining("1 event so far"),
    });
    expect(Date.parse(waiting.until)).toBeGreaterThan(platform.clock.now() + 58 * MINUTE);
    const second = await send({ name: "batch", data: {} });
    await memory.pass(MINUTE);
    const [one, two] = [(await decisions(first)).batched, (await decisions(second)).batched];
    expect(one).toMatchObject({
      decision: "collected",
      run_id: expect.any(String),
      why: "it is one of the 2 events of a run",
    });
    expect(two.run_id).toBe(one.run_id);
  });

  test("a debounce collects, and a later event takes the place of an earlier one", async () => {
    const first = await send({ name: "bounce", data: {} });
    await memory.pass(MINUTE);
    expect((await decisions(first)).bounced).toMatchObject({ decision: "collecting", until: expect.any(String) });
    const second = await send({ name: "bounce", data: {} });
    await memory.pass(11 * MINUTE);
    expect((await decisions(first)).bounced).toMatchObject({ decision: "replaced", inferred: true });
    expect((await decisions(second)).bounced).toMatchObject({ decision: "started" });
  });

  test("a pause and a singleton skip, and say which", async () => {
    await post("/v1/functions/shop-any/pause", {});
    const [paused] = await sendAll([{ name: "order", data: {} }]);
    const [, second] = await sendAll([1, 2].map((n) => ({ name: "single", data: { n } })));
    await memory.pass(MINUTE);
    expect((await decisions(paused!)).any).toMatchObject({
      decision: "skipped",
      skip_reason: "pause",
      run_status: "Skipped",
    });
    expect((await decisions(second!)).single).toMatchObject({ decision: "skipped", skip_reason: "singleton" });
  });

  test("what has not been routed yet is on its way; later it is not known why there is no run", async () => {
    platform.world.pauseQueue(true);
    const id = await order({});
    expect((await decisions(id)).any).toMatchObject({ decision: "pending", inferred: true });
    await memory.pass(MINUTE);
    expect((await decisions(id)).any).toMatchObject({ decision: "unknown", inferred: true });
  });
});
