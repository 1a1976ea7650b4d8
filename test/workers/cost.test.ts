/** What an event costs on Cloudflare's price list, counted (design §8). */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { meter } from "../../src/durable-objects/meter.ts";
import { ended, post } from "./helpers/front-door.ts";

type Figures = typeof meter;

const QUIET_MS = 250;

type Cost = Figures & { ids: string[] };

/** An event that comes after a while of silence also sets the alarm of its log, which goes off 8 s later. */
const LOG_ALARM_ROWS = 1;

/**
 * What events of `steps` steps cost. Every 5 s an isolate asks, once for all its events, which of them have to stay
 * in order, and every 8 s a log sets its alarm: that is none's own cost, and of two counts within that time only one can
 * contain it. Hence the smaller of each.
 */
async function costOf(events: number, steps: number, name?: string): Promise<Cost> {
  const [first, { ids: _ids, ...second }] = [await counted(events, steps, name), await counted(events, steps, name)];
  const smaller = Object.entries(second).map(([key, count]) => [key, Math.min(count, first[key as keyof Figures])]);
  return { ids: first.ids, ...(Object.fromEntries(smaller) as Figures) };
}

/** Sends events of `steps` steps to the log of the first shard; counts until nothing is counted any more. */
async function counted(events: number, steps: number, name = "local/loop"): Promise<Cost> {
  await quiet(() => ({ ...meter }));
  const entropy = crypto.getRandomValues(new Uint8Array(10)).with(0, 0); // the first byte chooses the log's shard
  const seed = `${Date.now()},${btoa(String.fromCharCode(...entropy))}`;
  const before = { ...meter };
  const batch = Array.from({ length: events }, () => ({
    name,
    data: { key: crypto.randomUUID(), n: steps },
  }));
  const { body } = await post("/e/key", batch, { "x-inngest-event-id-seed": seed });
  const count = (): Figures => ({
    rowsWritten: meter.rowsWritten - before.rowsWritten,
    alarmsSet: meter.alarmsSet - before.alarmsSet,
    objectRequests: meter.objectRequests - before.objectRequests,
    queueMessages: meter.queueMessages - before.queueMessages,
  });
  await quiet(count);
  return { ...count(), ids: body.ids };
}

/** Until nothing is counted any more. Reading through the API would be counted too: it watches the meter itself. */
async function quiet(count: () => Figures): Promise<void> {
  for (let last = count(), quietMs = 0; quietMs < QUIET_MS; quietMs += 25) {
    await scheduler.wait(25);
    if (JSON.stringify(count()) !== JSON.stringify(last)) quietMs = 0;
    last = count();
  }
}

async function expectCompleted(ids: string[], steps: number): Promise<void> {
  for (const id of ids)
    expect(await ended(id)).toMatchObject({ status: "Completed", output: (steps * (steps - 1)) / 2 });
}

/** Rows that a run's table costs by being created. */
async function definitionRows(): Promise<number> {
  const namespace: DurableObjectNamespace = Reflect.get(env, "StepDO");
  const create = "CREATE TABLE record (key TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID";
  return runInDurableObject(
    namespace.getByName(`cost/${crypto.randomUUID()}`),
    (_object, state) => state.storage.sql.exec(create).rowsWritten,
  );
}

describe("an event that starts a local run of 5 steps", () => {
  let definition = 0;
  beforeAll(async () => {
    await expectCompleted((await costOf(1, 5)).ids, 5); // registry and log exist from here on
    definition = await definitionRows();
  });

  it("alone: at most 14 rows, 6 object requests and one queue message", async () => {
    const { ids, ...cost } = await costOf(1, 5);
    const rows = cost.rowsWritten + cost.alarmsSet;
    console.log(
      `cost, idle: ${JSON.stringify(cost)}; ${rows} rows with alarms, ${definition} of them the run's table definition`,
    );
    await expectCompleted(ids, 5);
    expect(rows + LOG_ALARM_ROWS).toBeLessThanOrEqual(14);
    expect(cost.objectRequests).toBeLessThanOrEqual(6);
    expect(cost.queueMessages).toBe(1);
  });

  it("50 in one request: at most 11 rows each without the run's table definition, and one queue message", async () => {
    const { ids, ...cost } = await costOf(50, 5);
    const rows = (cost.rowsWritten + cost.alarmsSet) / 50;
    const requests = cost.objectRequests / 50;
    console.log(
      `cost, batched: ${JSON.stringify(cost)}; per run ${rows} rows with alarms, ${rows - definition} without the definition, ${requests} object requests`,
    );
    await expectCompleted(ids, 5);
    expect(rows - definition).toBeLessThanOrEqual(11);
    expect(requests).toBeLessThanOrEqual(6);
    expect(cost.queueMessages).toBe(1);
  });

  it("a limit of the function costs two requests more, and nothing per step", async () => {
    await expectCompleted((await costOf(1, 5, "local/limited-loop")).ids, 5); // its key exists from here on
    const without = await costOf(1, 5);
    const five = await costOf(1, 5, "local/limited-loop");
    const ten = await costOf(1, 10, "local/limited-loop");
    const rows = ({ rowsWritten, alarmsSet }: Figures) => rowsWritten + alarmsSet;
    console.log(`cost of a limit: ${rows(five) - rows(without)} rows`);
    await expectCompleted(five.ids, 5);
    expect(five.objectRequests).toBe(without.objectRequests + 2);
    expect(rows(five) - rows(without)).toBeLessThanOrEqual(8);
    expect([ten.objectRequests, rows(ten)]).toEqual([five.objectRequests, rows(five) + 5]);
  });

  it("over a service binding: the rows and requests of an embedded function, and nothing else per step", async () => {
    await expectCompleted((await costOf(1, 5, "binding/loop")).ids, 5); // the app is registered from here on
    const { ids: _, ...embedded } = await costOf(1, 5);
    const { ids, ...bound } = await costOf(1, 5, "binding/loop");
    const ten = await costOf(1, 10, "binding/loop");
    await expectCompleted(ids, 5);
    expect(bound).toEqual(embedded);
    expect([ten.objectRequests, ten.rowsWritten]).toEqual([bound.objectRequests, bound.rowsWritten + 5]);
  });

  it("each further step is one row", async () => {
    const five = await costOf(1, 5);
    const fifteen = await costOf(1, 15);
    expect(fifteen.rowsWritten + fifteen.alarmsSet - five.rowsWritten - five.alarmsSet).toBe(10);
    expect(fifteen.objectRequests).toBe(five.objectRequests);
  });
});
