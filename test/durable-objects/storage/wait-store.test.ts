/** What the waits' SQLite has of its own; what every storage keeps to is in test/contract. */
import { describe, expect, test } from "vitest";
import { SqlWaitStore } from "../../../src/durable-objects/storage/sql-wait-store.ts";
import { logged, subscription } from "../../contract/wait-store.ts";
import { MemorySql } from "../../helpers/memory-sql.ts";
import { EVENT } from "../../helpers/run-builder.ts";

function opened() {
  const sql = new MemorySql();
  return { sql, store: new SqlWaitStore(sql), reopened: () => new SqlWaitStore(sql) };
}

describe("deliveries", () => {
  const cursor = { key: 1, runId: "r", stepId: "s" };

  test("go on from where they were stored; the event is written once", () => {
    const { sql, store, reopened } = opened();
    store.put(subscription("r"), "t", "data.x");
    store.putDelivery(logged("y".repeat(3_000_000)), { ...cursor, key: 0 });
    const parts = sql.count("part");
    store.putDelivery(logged("y".repeat(3_000_000)), cursor);
    expect(sql.count("part")).toBe(parts);
    expect(reopened().deliveries()).toEqual([{ logged: logged("y".repeat(3_000_000)), cursor }]);
  });

  test("keep the object although no wait is left, and leave nothing behind", () => {
    const { sql, store } = opened();
    store.put(subscription("r"), "t", "data.x");
    store.putDelivery(logged(), cursor);
    store.delete("r", "s");
    expect(store.isEmpty()).toBe(false);
    store.deleteDelivery(EVENT.id);
    expect([store.isEmpty(), sql.count("part"), sql.count("delivery")]).toEqual([true, 0, 0]);
  });
});
