import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RunIndexRow } from "../../../src/durable-objects/objects.ts";
import { SqlLogStore } from "../../../src/durable-objects/storage/sql-log-store.ts";
import type { EventRecord } from "../../../src/protocol/event.ts";
import { eventUlid } from "../../../src/protocol/ids.ts";
import { MemorySql } from "../../helpers/memory-sql.ts";

const NOW = Date.UTC(2026, 0, 1);
const ANY_TIME = { receivedFrom: 0, receivedBefore: Number.MAX_SAFE_INTEGER };

/** Events of one request: their ids follow each other. */
function request(number: number, names: string[], data = ""): EventRecord[] {
  const entropy = Uint8Array.from([number % 4, 1, 2, 3, 4, 5, 0, 0, 0, 0]);
  return names.map((name, index) => {
    const internalId = eventUlid({ timeMs: NOW + number, entropy }, index + 1);
    return { internalId, event: { id: internalId, name, data: { data }, user: {}, ts: NOW } };
  });
}

function stored(requests: EventRecord[][], receivedAt: (index: number) => number = (index) => NOW + index) {
  const sql = new MemorySql();
  const store = new SqlLogStore(sql);
  store.create();
  for (const [index, records] of requests.entries()) store.append(records, store.end().next, receivedAt(index), 0);
  return { sql, store };
}

test("[design §3] nothing is created by looking", () => {
  const sql = new MemorySql();
  const store = new SqlLogStore(sql);
  expect([store.exists(), store.end(), store.find("x"), store.read(0, 10), store.firstSince(NOW)]).toEqual([
    false,
    { next: 0, ackedBefore: 0 },
    undefined,
    [],
    0,
  ]);
  expect([
    store.newest({ ...ANY_TIME, limit: 5 }),
    store.appendsFrom(0, 5),
    store.resends(),
    store.runsOf("x"),
  ]).toEqual([[], [], [], []]);
  expect([store.hasIdBetween("", "~"), store.isEmpty()]).toEqual([false, true]);
  expect(sql.objects()).toEqual([]);
});

describe("[G1] an append", () => {
  test("gives its events dense numbers and tells what was acknowledged then", () => {
    const { sql, store } = stored([request(1, ["a", "b"]), request(2, ["c"])]);
    store.append(request(3, ["d"]), 3, NOW + 9, 2);
    expect(new SqlLogStore(sql).end()).toEqual({ next: 4, ackedBefore: 2 });
    expect(store.read(1, 4).map(({ record, receivedAt }) => [record.event.name, receivedAt - NOW])).toEqual([
      ["c", 1],
      ["d", 9],
    ]); // whole appends from the first that begins in the range
    expect(store.read(0, 4).map(({ record }) => record.event.name)).toEqual(["a", "b", "c", "d"]);
  });

  test("small events share a row, large ones do not", () => {
    expect(stored([request(1, Array(5000).fill("a"))]).sql.count("append")).toBeLessThan(5);
    expect(stored([request(1, Array(4).fill("a"), "x".repeat(150_000))]).sql.count("append")).toBe(2);
    expect(stored([request(1, Array(4).fill("a"), "x".repeat(400_000))]).sql.count("append")).toBe(4);
  });

  test("[design §9] an event of 3 MiB comes back unchanged", () => {
    const records = request(1, ["a", "b"], "😀".repeat(786_000));
    const { sql, store } = stored([records]);
    expect(sql.count("part")).toBeGreaterThan(2);
    expect(store.read(0, 2).map(({ record }) => record)).toEqual(records);
    expect(store.find(records[1]!.internalId)?.event.record).toEqual(records[1]);
  });

  test("is all or nothing", () => {
    const { sql, store } = stored([request(2, ["a"])]);
    expect(() =>
      store.append([...request(1, ["b"], "x".repeat(500_000)), ...request(2, ["again"])], 1, NOW, 0),
    ).toThrow("UNIQUE");
    expect([sql.count("append"), store.end().next]).toEqual([1, 1]);
  });

  test("lists the names in it once", () => {
    const { store } = stored([request(1, ["a", "b", "a"])]);
    expect(store.appendsFrom(0, 5)).toMatchObject([{ seq: 0, count: 3, names: ["a", "b"], receivedAt: NOW }]);
  });
});

describe("finding", () => {
  test("every event is found by its id, with the row that holds it; no other id is", () => {
    const requests = [
      request(1, Array(40).fill("a"), "x".repeat(30_000)),
      request(2, ["b"]),
      request(3, ["c", "d", "e"]),
    ];
    const { store } = stored(requests);
    for (const record of requests.flat()) {
      const found = store.find(record.internalId);
      expect(found?.event.record.internalId).toBe(record.internalId);
    }
    const [missing] = request(2, ["b", "never"]).slice(1);
    for (const id of ["0".repeat(26), "7".repeat(26), missing!.internalId]) expect(store.find(id)).toBeUndefined();
  });

  test("also when the counter in the ids of a request starts over", () => {
    const entropy = Uint8Array.from([1, 1, 2, 3, 4, 5, 255, 255, 255, 253]);
    const records = request(1, ["a", "b", "c", "d"]).map((record, index) => ({
      ...record,
      internalId: eventUlid({ timeMs: NOW + 1, entropy }, index + 1),
    }));
    expect(records.map((record) => record.internalId).toSorted()).not.toEqual(
      records.map((record) => record.internalId),
    );
    const { store } = stored([records, request(2, ["z"])]);
    for (const record of records) expect(store.find(record.internalId)?.event.record).toEqual(record);
  });

  test("first received at or after an instant: as reading all of them would tell", () => {
    const gaps = fc.array(fc.record({ gap: fc.nat(3), count: fc.integer({ min: 1, max: 4 }) }), { maxLength: 12 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: -2, max: 40 }), (appends, offset) => {
        let at = NOW;
        const times = appends.map(({ gap }) => (at += gap));
        const { store } = stored(
          appends.map(({ count }, index) => request(index + 1, Array(count).fill("a"))),
          (index) => times[index] ?? NOW,
        );
        let seq = 0;
        let expected: number | undefined;
        for (const [index, { count }] of appends.entries()) {
          if (expected === undefined && (times[index] ?? 0) >= NOW + offset) expected = seq;
          seq += count;
        }
        expect(store.firstSince(NOW + offset)).toBe(expected ?? seq);
      }),
    );
  });

  test("newest first, page by page, each event once, by name or all", () => {
    const requests = fc.array(fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 5 }), { maxLength: 6 });
    fc.assert(
      fc.property(
        requests,
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(undefined, "a", "b"),
        (names, limit, name) => {
          const all = names.map((each, index) => request(index + 1, each));
          const { store } = stored(all);
          const wanted = all
            .flat()
            .filter((record) => name === undefined || record.event.name === name)
            .map((record) => record.internalId);
          const found: string[] = [];
          for (let before: string | undefined; ;) {
            const page = store.newest({ ...ANY_TIME, name, before, limit }).map(({ record }) => record.internalId);
            expect(page.length).toBeLessThanOrEqual(limit);
            if (page.length === 0) break;
            found.push(...page);
            before = page.at(-1);
          }
          expect(found).toEqual(wanted.toSorted().reverse());
        },
      ),
    );
  });

  test("newest of a span of receipt times", () => {
    const { store } = stored([request(1, ["a"]), request(2, ["b"]), request(3, ["c"])]);
    const found = store.newest({ receivedFrom: NOW + 1, receivedBefore: NOW + 2, limit: 9 });
    expect(found.map(({ record }) => record.event.name)).toEqual(["b"]);
  });
});

test("resends and what was given up on are remembered, by their first number", () => {
  const { sql, store } = stored([request(1, ["a"])]);
  const range = { seq: 0, upto: 1, times: 1, isParked: false, error: "down" };
  store.putResend({ ...range, seq: 4, upto: 9 });
  store.putResend(range);
  store.putResend({ ...range, times: 6, isParked: true });
  expect(new SqlLogStore(sql).resends()).toEqual([
    { ...range, times: 6, isParked: true },
    { ...range, seq: 4, upto: 9 },
  ]);
  store.deleteResend(4);
  expect(store.resends()).toHaveLength(1);
});

describe("index of runs", () => {
  const row = (runId: string, more: Partial<RunIndexRow> = {}): RunIndexRow => ({
    runId,
    eventId: "event",
    functionId: "f",
    appId: "shop",
    eventName: "a",
    status: "Running",
    createdAt: NOW,
    startedAt: NOW,
    endedAt: null,
    dueAt: null,
    ...more,
  });

  test("a run has one row, which the latest state replaces", () => {
    const { sql, store } = stored([]);
    store.putRun(row("r", { status: "Scheduled", startedAt: null, dueAt: NOW + 5 }));
    store.putRun(row("r", { status: "Completed", endedAt: NOW + 9 }));
    expect(new SqlLogStore(sql).runsOf("event")).toEqual([row("r", { status: "Completed", endedAt: NOW + 9 })]);
  });

  test("overdue are runs past their time, longest first; those without a time never", () => {
    const { store } = stored([]);
    for (const [id, dueAt] of [
      ["a", NOW + 5],
      ["b", NOW - 5],
      ["c", null],
      ["d", NOW - 9],
      ["e", NOW],
    ] as const)
      store.putRun(row(id, { dueAt }));
    expect(store.overdueRuns(NOW, 10).map((found) => found.runId)).toEqual(["d", "b"]);
    expect(store.overdueRuns(NOW, 1).map((found) => found.runId)).toEqual(["d"]);
  });

  test("ended runs are found and deleted; then nothing is left", () => {
    const { store } = stored([request(1, ["a"])]);
    store.putRun(row("r", { endedAt: NOW - 1, status: "Completed" }));
    store.putRun(row("s", { endedAt: null }));
    expect(store.endedRuns(NOW, 10).map((found) => found.runId)).toEqual(["r"]);
    store.deleteRun("event", "r");
    expect(store.endedRuns(NOW, 10)).toEqual([]);
    store.deleteEvents();
    expect([store.read(0, 9), store.isEmpty()]).toEqual([[], false]);
    store.deleteRun("event", "s");
    expect(store.isEmpty()).toBe(true);
  });

  test("[design §3] a range that was given up on keeps the object", () => {
    const { store } = stored([]);
    store.putResend({ seq: 0, upto: 1, times: 6, isParked: true, error: "x" });
    expect(store.isEmpty()).toBe(false);
  });
});

test("whether an id may be known: of an event or of a run", () => {
  const [record] = request(1, ["a"]);
  const { store } = stored([[record!]]);
  expect(store.hasIdBetween(record!.internalId, record!.internalId)).toBe(true);
  expect(store.hasIdBetween(`${record!.internalId}0`, "~")).toBe(false);
});
