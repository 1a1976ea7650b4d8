import { describe, expect, test } from "vitest";
import { SqlRunStore } from "../../../src/durable-objects/storage/sql-run-store.ts";
import { RUN_SCHEMA, type Effect, type Entry } from "../../../src/engine/run.ts";
import type { EventRecord } from "../../../src/protocol/event.ts";
import type { JsonValue } from "../../../src/protocol/json.ts";
import { MemorySql } from "../../helpers/memory-sql.ts";
import { EVENT, newRun, NOW } from "../../helpers/run-builder.ts";

const record = (data: string = ""): EventRecord => ({ internalId: EVENT.id, event: { ...EVENT, data: { data } } });
const entry = (id: string, position: number, status: Entry["status"], more: Partial<Entry> = {}): Entry => ({
  id,
  userId: id,
  kind: "run",
  type: "step.run",
  position,
  opened: position,
  status,
  attempt: 0,
  failures: [],
  version: 1,
  createdAt: NOW,
  ...more,
});
const settled = (id: string, position: number, data: JsonValue = id) =>
  entry(id, position, { kind: "settled", memo: { data }, at: NOW });

function created(events: EventRecord[] = [record()]) {
  const sql = new MemorySql();
  const store = new SqlRunStore(sql);
  store.create(newRun(), events);
  return { sql, store, reopened: () => new SqlRunStore(sql) };
}

test("[design §3] nothing is created by looking", () => {
  const sql = new MemorySql();
  const store = new SqlRunStore(sql);
  expect(store.run()).toBeNull();
  expect(store.events()).toEqual({ records: [], inline: false });
  expect([store.entry("a"), store.answeredAt("x"), store.nextDueAt()]).toEqual([undefined, undefined, null]);
  expect([store.entries(), store.openEntries(), store.dueEntries(NOW, 10), store.effects()]).toEqual([[], [], [], []]);
  store.deleteEffect("x");
  expect(sql.objects()).toEqual([]);
});

test("an object that looked before its run was created sees it afterwards", () => {
  const sql = new MemorySql();
  const store = new SqlRunStore(sql);
  expect(store.run()).toBeNull();
  store.create(newRun(), [record()]);
  expect(store.run()).toEqual(newRun());
});

describe("header and trigger events", () => {
  test("small events live in the header: one row", () => {
    const { sql, reopened } = created();
    expect(sql.count("record")).toBe(1);
    expect(reopened().run()).toEqual(newRun());
    expect(reopened().events()).toEqual({ records: [record()], inline: true });
  });

  test("large ones have a row of their own, and the header does not carry them", () => {
    const { sql, reopened } = created([record("x".repeat(20_000))]);
    expect(sql.count("record")).toBe(2);
    expect(reopened().run()).toEqual(newRun());
    expect(reopened().events()).toEqual({ records: [record("x".repeat(20_000))], inline: false });
  });

  test("a header that is written again keeps its events when given them", () => {
    const { store, reopened } = created();
    store.putRun(newRun({ position: 5 }), [record()]);
    expect([reopened().run()?.position, reopened().events().records]).toEqual([5, [record()]]);
  });

  test("[design §3] a newer schema is refused, by number", () => {
    const { store } = created();
    store.putRun(newRun({ schema: RUN_SCHEMA + 1 }), undefined);
    expect(() => store.run()).toThrow(
      `stored by a newer version (schema ${RUN_SCHEMA + 1}, this one reads ${RUN_SCHEMA})`,
    );
  });
});

describe("[design §9] values longer than a row may be", () => {
  test.each([
    ["ASCII", "x"],
    ["two bytes", "é"],
    ["three bytes", "漢"],
    ["surrogate pairs", "😀"],
    ["pairs, shifted by one", "a😀"],
  ])("4 MiB of %s come back unchanged", (_, unit) => {
    const data = unit.repeat((4 * 1024 * 1024) / unit.length);
    const { store, reopened } = created([record(data)]);
    store.putEntry(settled("a", 1, data));
    expect(reopened().entry("a")).toEqual(settled("a", 1, data));
    expect(reopened().entries()).toEqual([settled("a", 1, data)]);
    expect(reopened().events().records).toEqual([record(data)]);
  });

  test("an entry may grow, shrink and grow again; no rest of an older value is seen", () => {
    const { store, reopened } = created();
    for (const size of [10, 3_000_000, 1_500_000, 10, 3_000_000, 10, 700_000]) {
      store.putEntry(settled("a", 1, "y".repeat(size)));
      expect(reopened().entry("a")).toEqual(settled("a", 1, "y".repeat(size)));
    }
  });

  test("an effect takes its parts with it", () => {
    const { sql, store } = created();
    const rows = sql.count("record");
    const internalId = EVENT.id;
    store.putEffect({
      kind: "invoke",
      id: "invoke/a",
      stepId: "a",
      functionId: "f",
      record: { internalId, event: { ...EVENT, data: { x: "y".repeat(3_000_000) } } },
    });
    expect(sql.count("record")).toBeGreaterThan(rows + 1);
    expect(store.effects()).toHaveLength(1);
    store.deleteEffect("invoke/a");
    expect([sql.count("record"), store.effects()]).toEqual([rows, []]);
  });
});

describe("journal", () => {
  test("one row per step; entries come in the order of their commits", () => {
    const { sql, store, reopened } = created();
    for (const [id, position] of [
      ["c", 1],
      ["a", 3],
      ["b", 2],
    ] as const)
      store.putEntry(settled(id, position));
    expect(sql.count("record")).toBe(4);
    expect(
      reopened()
        .entries()
        .map((found) => found.id),
    ).toEqual(["c", "b", "a"]);
    store.putEntry(settled("c", 4));
    expect(
      reopened()
        .entries()
        .map((found) => found.id),
    ).toEqual(["b", "a", "c"]);
  });

  test("deadlines: the index exists only when one was needed", () => {
    const { sql, store } = created();
    store.putEntry(settled("a", 1));
    expect(sql.objects()).toEqual(["record"]);
    store.putEntry(entry("s", 2, { kind: "sleeping", until: NOW }));
    expect(sql.objects()).toEqual(["record", "record_due"]);
  });

  test("another object on the same storage may need it again", () => {
    const { store, reopened } = created();
    store.putEntry(entry("s", 1, { kind: "sleeping", until: NOW }));
    reopened().putEntry(entry("t", 2, { kind: "sleeping", until: NOW }));
    expect(store.openEntries()).toHaveLength(2);
  });

  test("due are those whose time is not after now, earliest first, ties by commit", () => {
    const { store, reopened } = created();
    store.putEntry(entry("late", 1, { kind: "sleeping", until: NOW + 50 }));
    store.putEntry(entry("w", 2, { kind: "waiting", until: NOW }));
    store.putEntry(entry("r", 3, { kind: "registering", until: NOW - 5 }));
    store.putEntry(entry("i", 5, { kind: "invoking", until: NOW }));
    store.putEntry(entry("x", 4, { kind: "retrying", at: NOW }));
    store.putEntry(entry("n", 6, { kind: "retrying", at: null }));
    store.putEntry(entry("p", 7, { kind: "planned" }));
    store.putEntry(settled("d", 8));
    expect(
      reopened()
        .dueEntries(NOW, 10)
        .map((found) => found.id),
    ).toEqual(["r", "w", "x", "i"]);
    expect(
      reopened()
        .dueEntries(NOW, 2)
        .map((found) => found.id),
    ).toEqual(["r", "w"]);
    expect(reopened().nextDueAt()).toBe(NOW - 5);
    expect(
      reopened()
        .openEntries()
        .map((found) => found.id)
        .sort(),
    ).toEqual(["i", "late", "r", "w", "x"]);
    store.putEntry(settled("r", 9));
    expect(store.nextDueAt()).toBe(NOW);
  });

  test("[design §4] counters that the header is behind on: position, steps, bytes of all values", () => {
    const { store, reopened } = created();
    expect(store.counters()).toEqual({ position: 0, steps: 0, bytes: 0 });
    store.putEntry(settled("a", 1, "é".repeat(1000)));
    store.putEntry(settled("b", 7));
    store.putEffect({ kind: "unsubscribe", id: "unsubscribe/w", stepId: "w", events: [] });
    store.putAnswered("event-id", 99);
    const small = reopened().counters();
    expect(small).toMatchObject({ position: 7, steps: 2 });
    expect(small.bytes).toBeGreaterThan(2000);
    expect(small.bytes).toBeLessThan(3000);
    store.putEntry(settled("c", 8, "z".repeat(4_000_000)));
    const { position, steps, bytes } = reopened().counters();
    expect([position, steps]).toEqual([8, 3]);
    expect(bytes).toBeGreaterThan(4_000_000); // parts count too, or the bound on a run's state is none
  });
});

test("[G6] effects stay until they are deleted, each under its id", () => {
  const { store, reopened } = created();
  const unsubscribe = (id: string): Effect => ({ kind: "unsubscribe", id, stepId: "w", events: ["a"] });
  store.putEffect(unsubscribe("unsubscribe/w"));
  store.putEffect(unsubscribe("unsubscribe/v"));
  store.putEffect(unsubscribe("unsubscribe/v"));
  expect(reopened().effects()).toHaveLength(2);
  store.deleteEffect("unsubscribe/w");
  expect(reopened().effects()).toEqual([unsubscribe("unsubscribe/v")]);
});

test("an event that answered a wait is known by the commit at which it did", () => {
  const { store, reopened } = created();
  store.putAnswered("e1", 4);
  expect([reopened().answeredAt("e1"), reopened().answeredAt("e2")]).toEqual([4, undefined]);
  expect(store.entries()).toEqual([]);
});

test("a transaction that fails leaves nothing", () => {
  const { store, reopened } = created();
  expect(() =>
    store.transaction(() => {
      store.putEntry(settled("a", 1));
      throw new Error("stop");
    }),
  ).toThrow("stop");
  expect(reopened().entries()).toEqual([]);
});

test("settled steps are counted: open ones are not, and long ones that are in parts are", () => {
  const { store, reopened } = created();
  expect(store.settledCount()).toBe(0);
  const looksSettled = { status: { kind: "settled" } };
  store.putEntry(settled("a", 1));
  store.putEntry(settled("long", 2, "x".repeat(3_000_000)));
  store.putEntry(entry("asleep", 3, { kind: "sleeping", until: NOW }));
  store.putEntry(entry("running", 4, { kind: "running" }, { input: [looksSettled] }));
  store.putEntry(entry("again", 5, { kind: "retrying", at: null }, { input: ["x".repeat(3_000_000), looksSettled] }));
  expect(reopened().settledCount()).toBe(2);
});
