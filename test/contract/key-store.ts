import { expect, test } from "vitest";
import type { KeyItem, KeyStore } from "../../src/durable-objects/storage/stores.ts";
import type { JsonValue } from "../../src/protocol/json.ts";
import { SQL_VALUE_MAX_BYTES } from "../../src/protocol/limits.ts";
import { NAMES, type Open, type Use } from "./storages.ts";

const item = (id: string, rank = 0, list = "line", value: JsonValue = { id }): KeyItem => ({ id, list, rank, value });
const ids = (items: KeyItem[]) => items.map(({ id }) => id);

export function keyStoreContract(open: Open): void {
  test("[design §3] nothing is created by looking", () => {
    const storage = open();
    const store = storage.stores.key();
    expect(store.transaction(() => [store.state(), store.item("a"), store.list("line", 9)])).toEqual([
      null,
      undefined,
      [],
    ]);
    expect([store.count("line"), store.before("line", item("a")), store.isEmpty()]).toEqual([0, 0, true]);
    store.delete("a");
    expect(storage.isUntouched()).toBe(true);
  });

  test("the state is what was put last, and is no item", () => {
    const { stores } = open();
    const store = stores.key();
    store.putState({ tat: 1 });
    store.putState({ tat: 2, policies: { "shop-ship": ["é", null] } });
    expect(stores.key().state()).toEqual({ tat: 2, policies: { "shop-ship": ["é", null] } });
    expect(stores.key().isEmpty()).toBe(true);
  });

  test("an item may have the id `state`, or of a part of another", () => {
    const store = open().stores.key();
    const long = "x".repeat(SQL_VALUE_MAX_BYTES);
    store.putState(long);
    store.put(item("a", 0, "line", long));
    for (const id of ["state", "a/0", "part/a/0", "part"]) store.put(item(id, 1, "state"));
    store.delete("a");
    expect(store.state()).toBe(long);
    expect(ids(store.list("state", 9))).toEqual(["a/0", "part", "part/a/0", "state"]);
  });

  test("a list is in the order of ranks, then of ids by their UTF-8 bytes, and is read on from any place", () => {
    const store = open().stores.key();
    const ranks = [3, -2.5, 0, 1e15, 1_700_000_000_000, Number.MIN_SAFE_INTEGER];
    const items = ranks.flatMap((rank) => NAMES.map((name) => item(`${name}${rank}`, rank)));
    for (const one of items.toReversed()) store.put(one);
    store.put(item("of another list", -1e9, "other"));
    const bytes = (text: string) => Buffer.from(text);
    const expected = items.toSorted((a, b) => a.rank - b.rank || bytes(a.id).compare(bytes(b.id)));
    expect(ids(store.list("line", 1000))).toEqual(ids(expected));
    for (const [place, after] of expected.entries()) {
      expect(store.before("line", after)).toBe(place);
      expect(ids(store.list("line", 2, after))).toEqual(ids(expected.slice(place + 1, place + 3)));
    }
    const between = { rank: 0.5, id: "" }; // a place at which nothing stands
    expect(store.before("line", between)).toBe(expected.findIndex(({ rank }) => rank > 0.5));
    expect(store.list("line", 1, between)[0]?.rank).toBe(3);
  });

  test("an item is put in the place of the earlier one of its id, also in another list", () => {
    const { stores } = open();
    const store = stores.key();
    expect([store.count("line"), store.count("held")]).toEqual([0, 0]);
    store.put(item("a", 1));
    store.put(item("b", 2));
    store.put(item("a", 3, "line", "anew"));
    expect([ids(store.list("line", 9)), store.count("line")]).toEqual([["b", "a"], 2]);
    store.put(item("a", 3, "held"));
    expect([store.count("line"), store.count("held")]).toEqual([1, 1]);
    expect(store.item("a")).toEqual(item("a", 3, "held"));
    expect([stores.key().count("line"), stores.key().count("held")]).toEqual([1, 1]);
    store.delete("a");
    store.delete("a");
    expect([ids(store.list("held", 9)), store.count("held"), store.item("a")]).toEqual([[], 0, undefined]);
  });

  test("values of any length come back whole, and go whole", () => {
    const storage = open();
    const store = storage.stores.key();
    const long = { text: "é😀".repeat(SQL_VALUE_MAX_BYTES / 3), more: [1, null, true] };
    store.put(item("a", 1, "line", long));
    store.putState(long);
    const again = storage.stores.key();
    expect([again.item("a")?.value, again.state()]).toEqual([long, long]);
    expect([again.list("line", 9).length, again.count("line")]).toEqual([1, 1]);
    again.put(item("a", 1, "line", "short"));
    expect(again.item("a")?.value).toBe("short");
    again.delete("a");
    expect([again.isEmpty(), again.state()]).toEqual([true, long]);
  });

  test("after a transaction that failed, all is as before, and counts are right", () => {
    const store = open().stores.key();
    const fail = (body: () => void) =>
      expect(() =>
        store.transaction(() => {
          body();
          throw new Error("stop");
        }),
      ).toThrow("stop");
    fail(() => {
      store.put(item("first"));
      store.putState(1);
    });
    expect([store.state(), store.count("line"), store.isEmpty()]).toEqual([null, 0, true]);
    store.put(item("a"));
    store.put(item("b"));
    expect(store.count("line")).toBe(2);
    fail(() => {
      store.delete("a");
      store.put(item("c"));
      store.put(item("b", 0, "held"));
    });
    expect([ids(store.list("line", 9)), store.count("line"), store.count("held")]).toEqual([["a", "b"], 2, 0]);
    store.transaction(() => {
      fail(() => store.delete("a")); // one inside another fails by itself
      store.put(item("c"));
    });
    expect([ids(store.list("line", 9)), store.count("line")]).toEqual([["a", "b", "c"], 3]);
  });
}

const LISTS = ["line", "held", "é"] as const;

export function keyUse(): Use<KeyStore> {
  return {
    open: (stores) => stores.key(),
    begin: (store) => store.put(item("first")),
    transaction: (store, body) => store.transaction(body),
    next(random) {
      const id = `${random.pick(NAMES)}${random.below(3)}`;
      switch (random.below(6)) {
        case 0:
          return (store) => store.delete(id);
        case 1: {
          const state = { tat: random.below(9) };
          return (store) => store.putState(state);
        }
        case 2: {
          const list = random.pick(LISTS);
          return (store) => store.count(list);
        }
        default: {
          const list = random.pick(LISTS);
          const one = item(id, random.below(9) - 4, list, "v".repeat(random.below(3) * 100));
          return (store) => store.put(one);
        }
      }
    },
    read: (store) => [
      store.state(),
      store.isEmpty(),
      LISTS.map((list) => {
        const items = store.list(list, 1000);
        const places = items.map((one) => [store.before(list, one), ids(store.list(list, 1, one))]);
        return [items, items.map(({ id }) => store.item(id)), places, store.count(list)];
      }),
    ],
  };
}
