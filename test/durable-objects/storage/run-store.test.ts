/** What the run's SQLite has of its own; what every storage keeps to is in test/contract. */
import { describe, expect, test } from "vitest";
import { SqlRunStore } from "../../../src/durable-objects/storage/sql-run-store.ts";
import type { EventRecord } from "../../../src/protocol/event.ts";
import { entry, record, settled } from "../../contract/run-store.ts";
import { MemorySql } from "../../helpers/memory-sql.ts";
import { EVENT, newRun, NOW } from "../../helpers/run-builder.ts";

function created(events: EventRecord[] = [record()]) {
  const sql = new MemorySql();
  const store = new SqlRunStore(sql);
  store.create(newRun(), events);
  return { sql, store, reopened: () => new SqlRunStore(sql) };
}

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
});
