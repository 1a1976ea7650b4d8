import { expect, test } from "vitest";
import type { ClaimStore } from "../../src/durable-objects/storage/stores.ts";
import { NOW } from "../helpers/run-builder.ts";
import { NAMES, type Open, type Use } from "./storages.ts";

const claim = (internalId: string, userId = "order-7", functionId = "shop-ship") => ({
  userId,
  functionId,
  internalId,
});

export function claimStoreContract(open: Open): void {
  test("[design §3] nothing is created by looking", () => {
    const storage = open();
    const store = storage.stores.claims();
    store.expire(NOW);
    expect([store.nextExpiry(), storage.isUntouched()]).toEqual([null, true]);
  });

  test("the first that asks has it, and still has it when it asks again", () => {
    const { stores } = open();
    const store = stores.claims();
    expect(store.claim([claim("e1"), claim("e2")], NOW, NOW + 10)).toEqual(["e1", "e1"]);
    expect(stores.claims().claim([claim("e2"), claim("e1")], NOW + 5, NOW + 15)).toEqual(["e1", "e1"]);
    expect(store.nextExpiry()).toBe(NOW + 10);
  });

  test("user ids and functions are told apart, whatever characters they have", () => {
    const store = open().stores.claims();
    const claims = NAMES.flatMap((user) => NAMES.map((fn) => claim(`${user} of ${fn}`, user, fn)));
    const own = claims.map(({ internalId }) => internalId);
    expect(store.claim(claims, NOW, NOW + 10)).toEqual(own);
    const others = claims.map((one) => ({ ...one, internalId: "other" }));
    expect(store.claim(others, NOW, NOW + 10)).toEqual(own);
  });

  test("one that has expired goes to the next that asks, also when it was not forgotten yet", () => {
    const store = open().stores.claims();
    store.claim([claim("e1")], NOW, NOW + 10);
    expect(store.claim([claim("e2")], NOW + 9, NOW + 19)).toEqual(["e1"]);
    expect(store.claim([claim("e2")], NOW + 10, NOW + 20)).toEqual(["e2"]);
    expect(store.nextExpiry()).toBe(NOW + 20);
  });

  test("what was claimed in a transaction that failed is free", () => {
    const { stores, transaction } = open();
    const store = stores.claims();
    store.claim([claim("e1", "a")], NOW, NOW + 10);
    expect(() =>
      transaction(() => {
        store.claim([claim("e2", "b"), claim("e3", "c")], NOW, NOW + 5);
        store.expire(NOW + 10);
        throw new Error("stop");
      }),
    ).toThrow("stop");
    expect(store.nextExpiry()).toBe(NOW + 10);
    const others = ["a", "b", "c"].map((user) => claim("other", user));
    expect(store.claim(others, NOW, NOW + 10)).toEqual(["e1", "other", "other"]);
  });

  test("who holds a claim is told while it lasts, and looking claims nothing", () => {
    const store = open().stores.claims();
    expect(store.holders([claim("e1", "a")], NOW)).toEqual([null]);
    store.claim([claim("e1", "a"), claim("e2", "b")], NOW, NOW + 10);
    const asked = [claim("e3", "b"), claim("e3", "c"), claim("e3", "a")];
    expect(store.holders(asked, NOW + 9)).toEqual(["e2", null, "e1"]);
    expect(store.holders(asked, NOW + 10)).toEqual([null, null, null]);
  });

  test("what has expired is forgotten, nothing else", () => {
    const store = open().stores.claims();
    store.claim([claim("e1", "a")], NOW, NOW + 10);
    store.claim([claim("e2", "b")], NOW, NOW + 11);
    store.expire(NOW + 10);
    expect([store.nextExpiry(), store.claim([claim("e3", "b")], NOW, NOW + 9)]).toEqual([NOW + 11, ["e2"]]);
    store.expire(NOW + 11);
    expect(store.nextExpiry()).toBeNull();
  });
}

export function claimUse(): Use<ClaimStore> {
  let now = NOW;
  return {
    open: (stores) => stores.claims(),
    begin: (store) => void store.claim([claim("e0")], NOW, NOW + 5),
    next(random) {
      const at = (now += random.below(2));
      if (random.below(3) === 0) return (store) => store.expire(at);
      const claims = random.list(0, 3, () =>
        claim(`e${random.below(1000)}`, random.pick(NAMES), random.pick(["f", "g"])),
      );
      const expiresAt = at + random.below(9);
      return (store) => store.claim(claims, at, expiresAt);
    },
    read: (store) => [
      store.nextExpiry(),
      store.holders(
        NAMES.map((name) => claim("", name)),
        now,
      ),
    ],
  };
}
