/** What is read must not grow with what is there: rows that statements have read, as SQLite counts them. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Host } from "../../src/durable-objects/host.ts";
import { LogObject } from "../../src/durable-objects/log-object.ts";
import type { LoggedEvent, Objects, RunIndexRow, RunObjectApi } from "../../src/durable-objects/objects.ts";
import { appendParts } from "../../src/durable-objects/storage/append-parts.ts";
import { sqlStores } from "../../src/durable-objects/storage/sql-stores.ts";
import { WaitsObject } from "../../src/durable-objects/waits-object.ts";
import { workerdHost } from "../../src/durable-objects/workerd-host.ts";
import { prepareWait } from "../../src/engine/expression.ts";
import { eventUlid } from "../../src/protocol/ids.ts";

const NOW = Date.now();
const DAY_MS = 86_400_000;
const RETENTION = { defaultMs: 30 * DAY_MS, byStatus: {} };

/** Runs a test over the storage of an object of its own. `read` tells how many rows were read since it was asked last. */
async function stored(
  className: "EventDO" | "HistoryDO",
  test: (host: Host, read: () => number) => Promise<void>,
): Promise<void> {
  const namespace: DurableObjectNamespace = Reflect.get(env, className);
  await runInDurableObject(namespace.getByName(`main/${crypto.randomUUID()}`), async (_object, state) => {
    let rows = 0;
    const host = workerdHost(state);
    const stores = sqlStores({
      exec: (query, ...bindings) => {
        const cursor = state.storage.sql.exec(query, ...bindings);
        const result = cursor.toArray();
        rows += cursor.rowsRead;
        return result as never; // as the statement's author describes them
      },
      transaction: (body) => state.storage.transactionSync(body),
    });
    await test({ ...host, stores, setAlarm: () => undefined }, () => {
      const read = rows;
      rows = 0;
      return read;
    });
  });
}

function event(n: number, data: Record<string, string>): LoggedEvent {
  const internalId = eventUlid({ timeMs: NOW, entropy: new Uint8Array(10) }, n);
  return { record: { internalId, event: { id: internalId, name: "paid", data, user: {}, ts: NOW } }, receivedAt: NOW };
}

describe("an event that one of many waits of its name is for", () => {
  const trigger = (order: string) => event(1, { order }).record.event;

  it("reads with 5,000 waits what it reads with 10", async () => {
    await stored("EventDO", async (host, read) => {
      const offered: string[] = [];
      const run = (_env: string, runId: string): Pick<RunObjectApi, "offer"> => ({
        offer: async () => {
          offered.push(runId);
          return { kind: "declined" };
        },
      });
      const registry = () => ({ flag: async () => ({ logs: [] }) });
      const waits = new WaitsObject({ ...host, name: "paid", objects: { run, registry } as unknown as Objects });
      let there = 0;
      /** How many rows one event reads when so many wait. */
      const readWith = async (count: number) => {
        for (; there < count; there++) {
          const wait = prepareWait("event.data.order == async.data.order", trigger(`order-${there}`));
          await waits.subscribe({ runId: `run-${there}`, stepId: "wait", wait, since: NOW, until: NOW + DAY_MS });
        }
        read();
        await waits.deliver([event(there, { order: "order-7" })]);
        return read();
      };
      const few = await readWith(10);
      const many = await readWith(5_000);
      console.log(`one event reads ${few} rows with 10 waits, ${many} with 5,000`);
      expect(offered).toEqual(["run-7", "run-7"]);
      expect(many).toBeLessThanOrEqual(few * 1.5);
    });
  }, 60_000);
});

describe("the list of events", () => {
  it("a page reads a bounded number of rows, whatever it looks for and however many there are", async () => {
    await stored("HistoryDO", async (host, read) => {
      const store = host.stores.log();
      store.create();
      for (let n = 0; n < 3_000; n++) {
        const { record } = event(n + 1, {});
        const named = n === 700 ? { ...record, event: { ...record.event, name: "rare" } } : record;
        store.append(appendParts([named]), n, NOW, 0);
      }
      const log = new LogObject({ ...host, name: `${new Date(NOW).toISOString().slice(0, 10)}.0` }, () => RETENTION);
      const filter = { receivedFrom: 0, receivedBefore: Number.POSITIVE_INFINITY, limit: 20 };
      read();
      const first = await log.events(filter);
      expect(first.events).toHaveLength(20);
      expect(read()).toBeLessThanOrEqual(120);
      await log.events({ ...filter, before: first.next ?? undefined });
      expect(read()).toBeLessThanOrEqual(120);
      const found: string[] = [];
      for (let before: string | undefined; ;) {
        const page = await log.events({ ...filter, names: ["rare"], before });
        found.push(...page.events.map(({ record }) => record.event.name));
        expect(read()).toBeLessThanOrEqual(1_020);
        if (page.next === null) break;
        before = page.next;
      }
      expect(found).toEqual(["rare"]);
      // a log that has taken nothing since is not looked through
      expect(await log.events({ ...filter, receivedFrom: NOW + 1 })).toEqual({ events: [], next: null });
      expect(read()).toBeLessThanOrEqual(30);
    });
  }, 60_000);
});

describe("the index of runs", () => {
  const filter = { limit: 20, timeField: "createdAt", from: 0, until: NOW + DAY_MS, order: "desc" } as const;
  const row = (n: number): RunIndexRow => {
    const { internalId } = event(n, {}).record;
    const isFailed = n === 12_345;
    return {
      runId: `run-${n}`,
      eventId: internalId,
      functionId: "shop-pay",
      appId: "shop",
      eventName: "paid",
      status: isFailed ? "Failed" : "Completed",
      createdAt: NOW,
      startedAt: NOW,
      endedAt: NOW,
      dueAt: null,
    };
  };

  it("a page of a list reads a bounded number of rows, whatever it looks for and however many there are", async () => {
    await stored("HistoryDO", async (host, read) => {
      const log = new LogObject({ ...host, name: `${new Date(NOW).toISOString().slice(0, 10)}.0` }, () => ({
        defaultMs: 30 * DAY_MS,
        byStatus: {},
      }));
      for (let n = 0; n < 20_000; n++) await log.index(row(n));
      read();
      const first = await log.listRuns(filter, null);
      expect([first.runs.length, first.runs[0]?.runId]).toEqual([20, "run-19999"]);
      const most = read();
      await log.listRuns({ ...filter, order: "asc" }, first.next);
      expect(most).toBeLessThanOrEqual(110);
      expect(read()).toBeLessThanOrEqual(110);
      let pages = 0;
      for (let place: typeof first.next = null; ; pages++) {
        const page = await log.listRuns({ ...filter, statuses: ["Failed"] }, place);
        expect(read()).toBeLessThanOrEqual(1_020);
        if (page.runs.length > 0) expect(page.runs).toMatchObject([{ runId: "run-12345" }]);
        place = page.next;
        if (!place) break;
      }
      expect(pages).toBe(20);
    });
  }, 60_000);

  it("a count looks at a bounded number of rows, and says when there are more", async () => {
    await stored("HistoryDO", async (host, read) => {
      const log = new LogObject({ ...host, name: `${new Date(NOW).toISOString().slice(0, 10)}.0` }, () => ({
        defaultMs: 30 * DAY_MS,
        byStatus: {},
      }));
      for (let n = 0; n < 25_000; n++) await log.index(row(n));
      read();
      expect(await log.countRuns(filter)).toEqual({ count: 10_000, looked: 20_000, isWhole: false });
      expect(read()).toBeLessThanOrEqual(20_020);
      expect(await log.countRuns({ ...filter, statuses: ["Failed"] })).toMatchObject({ count: 1, isWhole: false });
      expect(read()).toBeLessThanOrEqual(20_040);
    });
  }, 60_000);

  it("a sweep reads a bounded number of rows: none of those that are too young to be forgotten", async () => {
    await stored("HistoryDO", async (host, read) => {
      const log = new LogObject({ ...host, name: `${new Date(NOW).toISOString().slice(0, 10)}.0` }, () => ({
        defaultMs: 30 * DAY_MS,
        byStatus: {},
      }));
      for (let n = 0; n < 5_000; n++) await log.index(row(n));
      read();
      await log.sweep();
      expect(read()).toBeLessThanOrEqual(10);
    });
  }, 60_000);

  it("a sweep of an old log looks at the next runs each time, until it has forgotten those that have ended", async () => {
    await stored("HistoryDO", async (host, read) => {
      const forgotten: string[] = [];
      const run = (_env: string, runId: string): Pick<RunObjectApi, "forget"> => ({
        forget: async () => {
          forgotten.push(runId);
          return { kind: "forgotten" };
        },
      });
      const old = { ...host, name: `${new Date(NOW - 60 * DAY_MS).toISOString().slice(0, 10)}.0` };
      const objects = { run } as unknown as Objects;
      const log = new LogObject({ ...old, objects, alarm: async () => null }, () => ({
        defaultMs: 30 * DAY_MS,
        byStatus: {},
      }));
      // most of them go on for long
      for (let n = 0; n < 2_500; n++)
        await log.index({ ...row(n), endedAt: n % 500 === 0 ? NOW - 40 * DAY_MS : null, status: "Running" });
      for (let sweeps = 0; sweeps < 3; sweeps++) {
        read();
        await log.sweep();
        expect(read()).toBeLessThanOrEqual(1_100);
      }
      expect(forgotten).toEqual(["run-0", "run-500", "run-1000", "run-1500", "run-2000"]);
    });
  }, 60_000);
});
