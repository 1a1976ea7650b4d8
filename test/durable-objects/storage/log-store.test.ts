/** What the log's SQLite has of its own; what every storage keeps to is in test/contract. */
import { describe, expect, test } from "vitest";
import { appendParts } from "../../../src/durable-objects/storage/append-parts.ts";
import { SqlLogStore } from "../../../src/durable-objects/storage/sql-log-store.ts";
import type { EventRecord } from "../../../src/protocol/event.ts";
import { request } from "../../contract/log-store.ts";
import { MemorySql } from "../../helpers/memory-sql.ts";
import { NOW } from "../../helpers/run-builder.ts";

function stored(requests: EventRecord[][]) {
  const sql = new MemorySql();
  const store = new SqlLogStore(sql);
  store.create();
  for (const [index, records] of requests.entries())
    store.append(appendParts(records), store.end().next, NOW + index, 0);
  return { sql, store };
}

describe("[G1] an append", () => {
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
      store.append(appendParts([...request(1, ["b"], "x".repeat(500_000)), ...request(2, ["again"])]), 1, NOW, 0),
    ).toThrow("UNIQUE");
    expect([sql.count("append"), store.end().next]).toEqual([1, 1]);
  });
});
