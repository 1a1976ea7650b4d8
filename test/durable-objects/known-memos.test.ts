import { describe, expect, test } from "vitest";
import { KnownMemos } from "../../src/durable-objects/known-memos.ts";
import type { MemoText } from "../../src/durable-objects/storage/stores.ts";
import { CALL_BODY_MAX_BYTES } from "../../src/protocol/limits.ts";

/** A store whose reads are counted, in results that it told. */
function counting(texts: string[]) {
  const memos: MemoText[] = texts.map((text, index) => ({ id: `s${index}`, position: index + 1, text }));
  const store = {
    told: 0,
    add: (text: string) => memos.push({ id: `s${memos.length}`, position: memos.length + 1, text }),
    memosAfter: (position: number) => {
      const after = memos.filter((memo) => memo.position > position);
      store.told += after.length;
      return after;
    },
  };
  return store;
}

describe("the results that a run's calls carry", () => {
  test("each is read once, however many calls there are", () => {
    const known = new KnownMemos();
    const store = counting([]);
    for (let call = 0; call < 500; call++) {
      expect(known.of(store).list).toHaveLength(call);
      store.add(`{"data":${call}}`);
    }
    expect(store.told).toBe(499);
    expect(known.of(store).list.map(({ text }) => text)).toEqual(
      Array.from({ length: 500 }, (_, n) => `{"data":${n}}`),
    );
  });

  test("another store is read from its beginning: what the one before it told may not have been stored", () => {
    const known = new KnownMemos();
    known.of(counting(["1", "2", "3"]));
    expect(known.of(counting(["1", "9"])).list.map(({ text }) => text)).toEqual(["1", "9"]);
  });

  test("more than is kept in memory is read again for each call, and is whole", () => {
    const known = new KnownMemos();
    const store = counting(["x".repeat(600_000)]);
    for (let call = 0; call < 3; call++) {
      const { list, areApart } = known.of(store);
      expect([areApart, list.map(({ text }) => text.length)]).toEqual([false, Array(call + 1).fill(600_000)]);
      store.add("y".repeat(600_000));
    }
  });

  test("of more than a call may carry only the names are told, and each text is read once", () => {
    const known = new KnownMemos();
    const store = counting(["x".repeat(CALL_BODY_MAX_BYTES), "1"]);
    expect(known.of(store)).toEqual({
      areApart: true,
      list: [
        { id: "s0", position: 1, text: "" },
        { id: "s1", position: 2, text: "" },
      ],
    });
    store.add("2");
    expect(known.of(store).list.map(({ id }) => id)).toEqual(["s0", "s1", "s2"]);
    expect(store.told).toBe(3);
  });
});
