import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RunIndexRow, RunListFilter } from "../../src/durable-objects/objects.ts";
import { appendParts } from "../../src/durable-objects/storage/append-parts.ts";
import type { LogStore } from "../../src/durable-objects/storage/stores.ts";
import type { EventRecord } from "../../src/protocol/event.ts";
import { eventUlid } from "../../src/protocol/ids.ts";
import type { Open, Use } from "./storages.ts";

const NOW = Date.UTC(2026, 0, 1);

/** Events of one request: their ids follow each other. */
export function request(number: number, names: string[], data = ""): EventRecord[] {
  const entropy = Uint8Array.from([number % 4, 1, 2, 3, 4, 5, 0, 0, 0, 0]);
  return names.map((name, index) => {
    const internalId = eventUlid({ timeMs: NOW + number, entropy }, index + 1);
    return { internalId, event: { id: internalId, name, data: { data }, user: {}, ts: NOW } };
  });
}

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

export function logStoreContract(open: Open): void {
  function stored(requests: EventRecord[][], receivedAt: (index: number) => number = (index) => NOW + index) {
    const { stores } = open();
    const store = stores.log();
    store.create();
    for (const [index, records] of requests.entries())
      store.append(appendParts(records), store.end().next, receivedAt(index), 0);
    return { store, reopened: () => stores.log() };
  }

  test("[design §3] nothing is created by looking", () => {
    const storage = open();
    const store = storage.stores.log();
    expect([store.exists(), store.end(), store.find("x"), store.read(0, 10), store.firstSince(NOW)]).toEqual([
      false,
      { next: 0, ackedBefore: 0 },
      undefined,
      [],
      0,
    ]);
    expect([
      store.appendsBefore(null, 5),
      store.appendsFrom(0, 5),
      store.resends(),
      store.runsOf("x"),
      store.overdueRuns(NOW, 5),
      store.countRuns({ timeField: "createdAt", from: 0, until: NOW, limit: 1, order: "asc" }, 5, 5).count,
    ]).toEqual([[], [], [], [], [], 0]);
    expect([store.hasIdBetween("", "~"), store.isEmpty()]).toEqual([false, true]);
    store.deleteEvents();
    store.deleteResend(0);
    store.deleteRun("e", "r");
    expect(storage.isUntouched()).toBe(true);
  });

  test("one that was created exists, and is empty", () => {
    const { store, reopened } = stored([]);
    expect([store.exists(), reopened().exists(), reopened().isEmpty()]).toEqual([true, true, true]);
    reopened().create();
    expect(store.exists()).toBe(true);
  });

  describe("[G1] an append", () => {
    test("gives its events dense numbers and tells what was acknowledged then", () => {
      const { store, reopened } = stored([request(1, ["a", "b"]), request(2, ["c"])]);
      store.append(appendParts(request(3, ["d"])), 3, NOW + 9, 2);
      expect(reopened().end()).toEqual({ next: 4, ackedBefore: 2 });
      expect(store.read(1, 4).map(({ record, receivedAt }) => [record.event.name, receivedAt - NOW])).toEqual([
        ["c", 1],
        ["d", 9],
      ]); // whole appends from the first that begins in the range
      expect(store.read(0, 4).map(({ record }) => record.event.name)).toEqual(["a", "b", "c", "d"]);
    });

    test("[design §9] an event of 3 MiB comes back unchanged", () => {
      const records = request(1, ["a", "b"], "😀".repeat(786_000));
      const { store } = stored([records]);
      expect(store.read(0, 2).map(({ record }) => record)).toEqual(records);
      expect(store.find(records[1]!.internalId)?.event.record).toEqual(records[1]);
    });

    test("is all or nothing: none of it stays when a part of it is here already", () => {
      const { store, reopened } = stored([request(2, ["a"])]);
      expect(() =>
        store.append(appendParts([...request(1, ["b"], "x".repeat(500_000)), ...request(2, ["again"])]), 1, NOW, 0),
      ).toThrow();
      expect([reopened().end().next, reopened().appendsFrom(0, 9).length]).toEqual([1, 1]);
    });

    test("lists the names in it once", () => {
      const { store } = stored([request(1, ["a", "b", "a"])]);
      expect(store.appendsFrom(0, 5)).toMatchObject([{ seq: 0, count: 3, names: ["a", "b"], receivedAt: NOW }]);
    });

    test("of large events is stored in parts, which follow each other", () => {
      const { store } = stored([request(1, Array(4).fill("a"), "x".repeat(150_000)), request(2, ["b"])]);
      expect(store.appendsFrom(0, 9).map(({ seq, count, names }) => [seq, count, names])).toEqual([
        [0, 2, ["a"]],
        [2, 2, ["a"]],
        [4, 1, ["b"]],
      ]);
      expect(store.appendsFrom(1, 1)).toMatchObject([{ seq: 2 }]);
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
      for (const [seq, record] of requests.flat().entries()) {
        const found = store.find(record.internalId);
        expect(found?.event.record.internalId).toBe(record.internalId);
        expect(found!.row.seq <= seq && seq < found!.row.seq + found!.row.count).toBe(true);
      }
      const [missing] = request(2, ["b", "never"]).slice(1);
      for (const id of ["0".repeat(26), "7".repeat(26), missing!.internalId]) expect(store.find(id)).toBeUndefined();
    });

    test("a request is known by its first event, and by no other", () => {
      const records = request(2, ["b", "c"]);
      const { store } = stored([request(1, ["a"]), records, request(3, ["d"])]);
      expect(store.partOf(records[0]!.internalId)).toEqual(store.find(records[0]!.internalId)!.row);
      expect(store.partOf(records[1]!.internalId)).toBeUndefined();
      expect(store.partOf("0".repeat(26))).toBeUndefined();
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

    test("parts are read from the last to the first, in pages, without their events", () => {
      const { store } = stored([request(1, ["a", "b"]), request(2, ["c"]), request(3, ["d"])]);
      const first = store.appendsBefore(null, 2);
      expect(first.map(({ seq, names }) => [seq, names])).toEqual([
        [3, ["d"]],
        [2, ["c"]],
      ]);
      const [last] = store.appendsBefore(first[1]!.firstId, 2);
      expect(last).toEqual(store.appendsFrom(0, 1)[0]);
      expect(store.appendsBefore(last!.firstId, 2)).toEqual([]);
    });
  });

  test("resends and what was given up on are remembered, by their first number", () => {
    const { store, reopened } = stored([request(1, ["a"])]);
    const range = { seq: 0, upto: 1, times: 1, isParked: false, error: "down" };
    store.putResend({ ...range, seq: 4, upto: 9 });
    store.putResend(range);
    store.putResend({ ...range, times: 6, isParked: true });
    expect(reopened().resends()).toEqual([
      { ...range, times: 6, isParked: true },
      { ...range, seq: 4, upto: 9 },
    ]);
    expect(reopened().resends(1, 5)).toEqual([{ ...range, seq: 4, upto: 9 }]);
    expect(reopened().resends(0, 4)).toHaveLength(1);
    store.deleteResend(4);
    expect(store.resends()).toHaveLength(1);
  });

  describe("index of runs", () => {
    test("a run has one row, which the latest state replaces", () => {
      const { store, reopened } = stored([]);
      store.putRun(row("r", { status: "Scheduled", startedAt: null, dueAt: NOW + 5 }));
      store.putRun(row("r", { status: "Completed", endedAt: NOW + 9 }));
      expect(reopened().runsOf("event")).toEqual([row("r", { status: "Completed", endedAt: NOW + 9 })]);
    });

    test("what it is of stays, and a row that tells nothing new is not written", () => {
      const { store } = stored([]);
      store.putRun(row("r"));
      store.putRun(row("r", { startedAt: NOW + 1 }));
      expect(store.runsOf("event")).toEqual([row("r")]);
      store.putRun(row("r", { functionId: "other", createdAt: 0, startedAt: NOW + 1, dueAt: NOW + 2 }));
      expect(store.runsOf("event")).toEqual([row("r", { startedAt: NOW + 1, dueAt: NOW + 2 })]);
    });

    test("what it waits for is as it was told last, its schedule and batch as they were at first", () => {
      const { store, reopened } = stored([]);
      const waiting = { kind: "sleeping", until: NOW + 5 };
      store.putRun(row("r", { dueAt: NOW + 5, waiting, cron: "* * * * *", batch: 3 }));
      expect(reopened().runsOf("event")).toEqual([row("r", { dueAt: NOW + 5, waiting, cron: "* * * * *", batch: 3 })]);
      // due at the same time: only what it waits for is another
      store.putRun(
        row("r", { dueAt: NOW + 5, waiting: { kind: "waiting", until: null }, cron: "* * * * *", batch: 3 }),
      );
      expect(reopened().runsOf("event")).toMatchObject([{ waiting: { kind: "waiting", until: null } }]);
      store.putRun(row("r", { status: "Completed", endedAt: NOW + 6, cron: "* * * * *", batch: 3 }));
      expect(reopened().runsOf("event")).toEqual([
        row("r", { status: "Completed", endedAt: NOW + 6, cron: "* * * * *", batch: 3 }),
      ]);
    });

    test("a list is counted as far as one may look, the last by event and run first", () => {
      const { store } = stored([]);
      for (let n = 0; n < 9; n++)
        store.putRun(
          row("r", {
            eventId: `event${n}`,
            status: n % 3 === 0 ? "Failed" : "Completed",
            functionId: n < 4 ? "f" : "g",
            appId: n < 8 ? "shop" : "bank",
            createdAt: NOW + n,
            startedAt: n === 5 ? null : NOW + n,
            endedAt: NOW + n,
          }),
        );
      const all = { timeField: "createdAt", from: 0, until: Infinity, limit: 1, order: "asc" } as const;
      const count = (more: Partial<RunListFilter>, max = 100, looks = 100) => {
        const { count: found, looked, isWhole } = store.countRuns({ ...all, ...more }, max, looks);
        return [found, looked, isWhole];
      };
      expect(count({})).toEqual([9, 9, true]);
      expect(count({ statuses: ["Failed"], functionIds: ["f", "x"] })).toEqual([2, 9, true]);
      expect(count({ appIds: ["bank"] })).toEqual([1, 9, true]);
      expect(count({ statuses: [] })).toEqual([0, 9, true]);
      expect(count({ from: NOW + 2, until: NOW + 7 })).toEqual([5, 9, true]);
      expect(count({ timeField: "startedAt" })).toEqual([8, 9, true]);
      expect(count({}, 4)).toEqual([4, 9, false]);
      expect(count({}, 9)).toEqual([9, 9, true]);
      expect(count({ statuses: ["Failed"] }, 100, 3)).toEqual([1, 3, false]);
    });

    test("the runs of one event, by id, and no other's", () => {
      const { store } = stored([]);
      for (const [eventId, runId] of [
        ["event", "s"],
        ["event", "r"],
        ["event2", "q"],
        ["even", "t"],
      ] as const)
        store.putRun(row(runId, { eventId }));
      expect(store.runsOf("event").map((found) => found.runId)).toEqual(["r", "s"]);
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

    test("all are read in pages, by event and run", () => {
      const { store } = stored([]);
      const keys = EVENTS.flatMap((eventId) => ["r", "ﬀ", "😀"].map((runId) => ({ eventId, runId })));
      for (const { eventId, runId } of keys.toReversed()) store.putRun(row(runId, { eventId }));
      const read: { eventId: string; runId: string }[] = [];
      let page: typeof read;
      do {
        page = store.runsAfter(read.at(-1) ?? null, 5).map(({ eventId, runId }) => ({ eventId, runId }));
        expect(page.length).toBeLessThanOrEqual(5);
        read.push(...page);
      } while (page.length > 0);
      expect(read).toEqual(keys);
    });

    test("runs are deleted; then nothing is left", () => {
      const { store } = stored([request(1, ["a"])]);
      store.putRun(row("r", { endedAt: NOW - 1, status: "Completed" }));
      store.putRun(row("s", { endedAt: null }));
      store.deleteRun("event", "r");
      expect(store.runsOf("event").map((found) => found.runId)).toEqual(["s"]);
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
    store.putRun(row("r", { eventId: "event" }));
    expect([store.hasIdBetween("event", "event"), store.hasIdBetween("event0", "~")]).toEqual([true, false]);
  });
}

const STATUSES = ["Scheduled", "Running", "Completed", "Failed", "Cancelled"] as const;
const EVENTS = ["event1", "event2", "eventé", "event😀"];

export function logUse(): Use<LogStore> {
  let requests = 0;
  let receivedAt = NOW;
  return {
    open: (stores) => stores.log(),
    begin: (store) => store.create(),
    next(random) {
      const eventId = random.pick(EVENTS);
      const runId = random.pick(["r", "s", "ﬀ", "😀"]);
      const instant = () => random.pick([null, NOW - random.below(5)]);
      switch (random.below(24)) {
        case 0:
          return (store) => store.deleteEvents();
        case 1: // an append that is here already
          return (store) => store.append(appendParts(request(requests, ["a"])), store.end().next, receivedAt, 0);
        case 2:
        case 3: {
          const seq = random.below(6);
          return (store) => store.deleteResend(seq);
        }
        case 4:
        case 5:
        case 6: {
          const range = { seq: random.below(6), upto: 9, times: random.below(9), isParked: random.below(2) > 0 };
          return (store) => store.putResend({ ...range, error: "down" });
        }
        case 7:
        case 8:
        case 9:
          return (store) => store.deleteRun(eventId, runId);
        case 10:
        case 11:
        case 12: {
          const records = request(
            ++requests,
            random.list(1, 4, () => random.pick(["a", "b"])),
            "x".repeat(random.below(50) === 0 ? 210_000 : 0),
          );
          const acked = random.below(9);
          const at = (receivedAt += random.below(3));
          return (store) => store.append(appendParts(records), store.end().next, at, acked);
        }
        default: {
          const written = row(runId, {
            eventId,
            functionId: random.pick(["f", "g"]),
            status: random.pick(STATUSES),
            startedAt: instant(),
            endedAt: instant(),
            dueAt: instant(),
          });
          return (store) => store.putRun(written);
        }
      }
    },
    read(store) {
      const { next } = store.end();
      const appends = store.appendsFrom(0, 100);
      const last = appends.at(-1)?.receivedAt ?? NOW;
      return {
        end: store.end(),
        appends: [appends, store.appendsFrom(2, 2)],
        events: [store.read(0, 3), store.read(Math.max(next - 3, 0), next)],
        parts: [store.partOf("0"), ...appends.slice(-2).map(({ firstId }) => store.partOf(firstId))],
        found: appends.slice(-2).map(({ firstId }) => store.find(firstId)?.row),
        last: [store.appendsBefore(null, 100), store.appendsBefore(appends.at(-1)?.firstId ?? "0", 2)],
        since: [NOW, last - 2, last, last + 1].map((at) => store.firstSince(at)),
        resends: [store.resends(), store.resends(2, 4)],
        runs: EVENTS.map((eventId) => store.runsOf(eventId)),
        before: [store.runsBefore(null, 100), store.runsBefore({ eventId: "event2", runId: "s" }, 3)],
        after: [store.runsAfter(null, 100), store.runsAfter({ eventId: "event2", runId: "s" }, 3)],
        overdue: [store.overdueRuns(NOW, 100), store.overdueRuns(NOW - 2, 2)],
        known: [store.hasIdBetween("event1", "event2"), store.hasIdBetween("eventé", "eventﬀ"), store.isEmpty()],
      };
    },
  };
}
