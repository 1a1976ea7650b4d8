import { describe, expect, test } from "vitest";
import type { LoggedEvent, Subscription } from "../../../src/durable-objects/objects.ts";
import { SqlWaitStore } from "../../../src/durable-objects/storage/sql-wait-store.ts";
import { NO_TERM } from "../../../src/durable-objects/storage/stores.ts";
import { MemorySql } from "../../helpers/memory-sql.ts";
import { EVENT, NOW } from "../../helpers/run-builder.ts";

const subscription = (runId: string, stepId = "s"): Subscription => ({
  runId,
  stepId,
  wait: { source: "async.data.x == 1", event: { data: { x: 1 } }, terms: [{ path: "data.x", value: 1 }] },
  since: NOW,
  until: NOW + 1000,
});
const logged = (data = ""): LoggedEvent => ({
  record: { internalId: EVENT.id, event: { ...EVENT, data: { data } } },
  receivedAt: NOW,
});

function opened() {
  const sql = new MemorySql();
  return { sql, store: new SqlWaitStore(sql), reopened: () => new SqlWaitStore(sql) };
}

test("[design §3] nothing is created by looking, nor by withdrawing", () => {
  const { sql, store } = opened();
  store.delete("r", "s");
  store.deleteDelivery("e");
  expect([store.paths(), store.page(NO_TERM, "", "", 5), store.deliveries(), store.isEmpty(), store.exists()]).toEqual([
    [],
    [],
    [],
    true,
    false,
  ]);
  expect(sql.objects()).toEqual([]);
});

describe("waits", () => {
  test("are stored once per step, the latest form counts, and go when withdrawn", () => {
    const { store, reopened } = opened();
    store.put(subscription("r"), "t", "data.x");
    store.put({ ...subscription("r"), until: NOW + 9 }, "t", "data.x");
    expect(reopened().page("t", "", "", 10)).toEqual([{ ...subscription("r"), until: NOW + 9 }]);
    expect(store.isEmpty()).toBe(false);
    store.delete("r", "s");
    expect([reopened().page("t", "", "", 10), reopened().isEmpty()]).toEqual([[], true]);
  });

  test("one that moves to another term is no longer found under the old", () => {
    const { store } = opened();
    store.put(subscription("r"), "t", "data.x");
    store.put(subscription("r"), "u", "data.y");
    expect([store.page("t", "", "", 10), store.page("u", "", "", 10).length, store.paths()]).toEqual([
      [],
      1,
      ["data.y"],
    ]);
  });

  test("pages of one term: in order, each wait once, whatever is deleted meanwhile", () => {
    const { store } = opened();
    for (const run of ["a", "b", "c", "d"])
      for (const step of ["1", "2"]) store.put(subscription(run, step), "t", "data.x");
    store.put(subscription("b", "0"), NO_TERM, "");
    const seen: string[] = [];
    for (let [run, step] = ["", ""]; ;) {
      const page = store.page("t", run, step, 3);
      if (page.length === 0) break;
      for (const found of page) {
        seen.push(found.runId + found.stepId);
        store.delete(found.runId, found.stepId);
        [run, step] = [found.runId, found.stepId];
      }
    }
    expect(seen).toEqual(["a1", "a2", "b1", "b2", "c1", "c2", "d1", "d2"]);
    expect(store.page(NO_TERM, "", "", 10)).toHaveLength(1);
  });

  test("paths are each named once; waits without one name none", () => {
    const { store } = opened();
    for (const [index, path] of ["data.x", "data.x", "", "user.id", "data.a"].entries())
      store.put(subscription(`r${index}`), "t", path);
    expect(store.paths()).toEqual(["data.a", "data.x", "user.id"]);
  });
});

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
