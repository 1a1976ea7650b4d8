import { describe, expect, test } from "vitest";
import type { LoggedEvent, Subscription } from "../../src/durable-objects/objects.ts";
import { NO_TERM, type WaitStore } from "../../src/durable-objects/storage/stores.ts";
import { EVENT, NOW } from "../helpers/run-builder.ts";
import { NAMES, type Open, type Use } from "./storages.ts";

export const subscription = (runId: string, stepId = "s"): Subscription => ({
  runId,
  stepId,
  wait: { source: "async.data.x == 1", event: { data: { x: 1 } }, terms: [{ path: "data.x", value: 1 }] },
  since: NOW,
  until: NOW + 1000,
});
export const logged = (data = "", internalId = EVENT.id): LoggedEvent => ({
  record: { internalId, event: { ...EVENT, data: { data } } },
  receivedAt: NOW,
});

export function waitStoreContract(open: Open): void {
  function opened() {
    const { stores } = open();
    return { store: stores.waits(), reopened: () => stores.waits() };
  }

  test("[design §3] nothing is created by looking, nor by withdrawing", () => {
    const storage = open();
    const store = storage.stores.waits();
    store.delete("r", "s");
    store.deleteDelivery("e");
    expect([store.paths(), store.page(NO_TERM, "", "", 5), store.deliveries(), store.isEmpty()]).toEqual([
      [],
      [],
      [],
      true,
    ]);
    expect(storage.isUntouched()).toBe(true);
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

    test("paths are each named once, while any wait names them; waits without one name none", () => {
      const { store } = opened();
      for (const [index, path] of ["data.x", "data.x", "", "user.id", "data.a"].entries())
        store.put(subscription(`r${index}`), "t", path);
      expect(store.paths()).toEqual(["data.a", "data.x", "user.id"]);
      store.delete("r0", "s");
      expect(store.paths()).toEqual(["data.a", "data.x", "user.id"]);
      store.delete("r1", "s");
      expect(store.paths()).toEqual(["data.a", "user.id"]);
    });
  });

  describe("deliveries", () => {
    const cursor = { key: 1, runId: "r", stepId: "s" };

    test("go on from where they were stored", () => {
      const { store, reopened } = opened();
      store.put(subscription("r"), "t", "data.x");
      store.putDelivery(logged("y".repeat(3_000_000)), { ...cursor, key: 0 });
      store.putDelivery(logged("y".repeat(3_000_000)), cursor);
      expect(reopened().deliveries()).toEqual([{ logged: logged("y".repeat(3_000_000)), cursor }]);
    });

    test("keep the object although no wait is left", () => {
      const { store } = opened();
      store.put(subscription("r"), "t", "data.x");
      store.putDelivery(logged(), cursor);
      store.delete("r", "s");
      expect(store.isEmpty()).toBe(false);
      store.deleteDelivery(EVENT.id);
      expect([store.isEmpty(), store.deliveries()]).toEqual([true, []]);
    });

    test("are read ten at a time, by id", () => {
      const { store } = opened();
      store.put(subscription("r"), "t", "data.x");
      for (let n = 14; n >= 0; n--) store.putDelivery(logged("", `e${n + 10}`), cursor);
      const read = () => store.deliveries().map((found) => found.logged.record.internalId);
      expect(read()).toEqual(Array.from({ length: 10 }, (_, n) => `e${n + 10}`));
      for (const id of read()) store.deleteDelivery(id);
      expect(read()).toEqual(["e20", "e21", "e22", "e23", "e24"]);
    });
  });
}

const RUNS = ["r", "s", "t", "ﬀ", "😀"];

export function waitUse(): Use<WaitStore> {
  return {
    open: (stores) => stores.waits(),
    begin: (store) => store.put(subscription("first"), "t", "data.x"),
    next(random) {
      const [runId, stepId] = [random.pick(RUNS), random.pick(["1", "2", "3"])];
      const event = logged("", random.pick(NAMES));
      switch (random.below(7)) {
        case 0:
        case 1:
          return (store) => store.delete(runId, stepId);
        case 2: {
          const cursor = { key: random.below(3), runId, stepId };
          return (store) => store.putDelivery(event, cursor);
        }
        case 3:
          return (store) => store.deleteDelivery(event.record.internalId);
        default: {
          const term = random.pick([NO_TERM, ...NAMES]);
          const path = random.pick(["", ...NAMES]);
          const wait = { ...subscription(runId, stepId), until: NOW + random.below(9) };
          return (store) => store.put(wait, term, path);
        }
      }
    },
    read: (store) => ({
      paths: store.paths(),
      pages: [NO_TERM, "t", ...NAMES].map((term) => [store.page(term, "", "", 100), store.page(term, "s", "2", 2)]),
      deliveries: store.deliveries(),
      isEmpty: store.isEmpty(),
    }),
  };
}
