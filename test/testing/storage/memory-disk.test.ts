import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  byBytes,
  DiskAccess,
  MemoryDisk,
  numberKey,
  type DiskValue,
  type DiskWatch,
  type DiskWrite,
} from "../../../src/testing/storage/memory-disk.ts";
import { memoryStores } from "../../../src/testing/storage/memory-stores.ts";
import { entry, record, settled } from "../../contract/run-store.ts";
import { newRun, NOW } from "../../helpers/run-builder.ts";

/** A disk, an access whose watch can be changed, and what it heard. */
function watched() {
  const heard: string[] = [];
  const commits: (readonly DiskWrite[])[] = [];
  const watch: DiskWatch = {
    access: () => undefined,
    committing: (writes) => void heard.push(`committing ${writes.length}`),
    committed: (writes) => {
      heard.push(`committed ${writes.length}`);
      commits.push(writes);
    },
  };
  const disk = new MemoryDisk();
  const access = new DiskAccess(disk, {
    access: () => watch.access(),
    committing: (writes) => watch.committing(writes),
    committed: (writes) => watch.committed(writes),
  });
  return { disk, access, watch, heard, commits };
}

const stop = () => {
  throw new Error("stop");
};

function rows(disk: MemoryDisk, table = "t"): [string, DiskValue | undefined][] {
  return disk.keys(table).map((key) => [key, disk.get(table, key)]);
}

describe("a transaction", () => {
  test("commits once, at its outermost end, with its writes in order and what was there before", () => {
    const { access, heard, commits } = watched();
    access.put("t", "a", 1);
    heard.length = 0;
    access.transaction(() => {
      access.put("t", "a", 2);
      access.transaction(() => access.put("u", "b", "x"));
      access.delete("t", "a");
      expect(heard).toEqual([]);
    });
    expect(heard).toEqual(["committing 3", "committed 3"]);
    expect(commits.at(-1)).toEqual([
      { table: "t", key: "a", value: 2, before: 1 },
      { table: "u", key: "b", value: "x", before: undefined },
      { table: "t", key: "a", value: undefined, before: 2 },
    ]);
  });

  test("a write outside of one is one of its own; what changes nothing is none", () => {
    const { access, heard } = watched();
    access.put("t", "a", 1);
    access.delete("t", "b");
    access.transaction(() => access.get("t", "a"));
    expect(heard).toEqual(["committing 1", "committed 1"]);
  });

  test("gives what its body gives", () => {
    const { access } = watched();
    expect(access.transaction(() => access.transaction(() => 7))).toBe(7);
  });

  test("that throws leaves every row and its place as they were, and commits nothing", () => {
    const { disk, access, heard } = watched();
    for (const key of ["b", "d", "a"]) access.put("t", key, key);
    const before = rows(disk);
    heard.length = 0;
    expect(() =>
      access.transaction(() => {
        access.put("t", "c", 1);
        access.put("t", "b", 2);
        access.delete("t", "a");
        access.put("t", "a", 3);
        access.delete("t", "d");
        access.put("new", "x", 4);
        stop();
      }),
    ).toThrow("stop");
    expect([rows(disk), rows(disk, "new"), heard]).toEqual([before, [], []]);
    access.put("t", "e", 5); // the next is not part of it
    expect(heard).toEqual(["committing 1", "committed 1"]);
  });

  test("inside another that throws is undone alone; what the outer one goes on to write is committed", () => {
    const { disk, access, commits } = watched();
    access.transaction(() => {
      access.put("t", "a", 1);
      expect(() => access.transaction(() => [access.put("t", "a", 2), access.put("t", "b", 2), stop()])).toThrow();
      access.put("t", "c", 3);
    });
    expect(rows(disk)).toEqual([
      ["a", 1],
      ["c", 3],
    ]);
    expect(commits.at(-1)?.map(({ key, value }) => [key, value])).toEqual([
      ["a", 1],
      ["c", 3],
    ]);
  });

  test("all of whose writes were undone commits nothing", () => {
    const { access, heard } = watched();
    access.transaction(() => expect(() => access.transaction(() => [access.put("t", "a", 1), stop()])).toThrow("stop"));
    expect(heard).toEqual([]);
  });
});

describe("a watch", () => {
  test("that throws before a commit: nothing of it stays", () => {
    const { disk, access, watch, heard } = watched();
    access.put("t", "a", 1);
    heard.length = 0;
    watch.committing = stop;
    expect(() => access.transaction(() => [access.put("t", "a", 2), access.put("t", "b", 2)])).toThrow("stop");
    expect(() => access.put("t", "c", 3)).toThrow("stop");
    expect([rows(disk), heard]).toEqual([[["a", 1]], []]);
  });

  test("that throws after a commit: all of it stays, and the writer gets the error", () => {
    const { disk, access, watch } = watched();
    watch.committed = stop;
    expect(() => access.transaction(() => [access.put("t", "a", 2), access.put("t", "b", 2)])).toThrow("stop");
    expect(rows(disk)).toHaveLength(2);
    watch.committed = () => undefined;
    access.put("t", "c", 3);
    expect(rows(disk)).toHaveLength(3);
  });

  test("is asked before each read and write", () => {
    const { access, watch } = watched();
    let times = 0;
    watch.access = () => void (times += 1);
    const uses: (() => unknown)[] = [
      () => access.put("t", "a", 1),
      () => access.get("t", "a"),
      () => access.text("t", "a"),
      () => access.count("t"),
      () => access.values("t"),
      () => access.from("t"),
      () => access.below("t"),
      () => access.delete("t", "a"),
    ];
    for (const [index, use] of uses.entries()) {
      use();
      expect(times).toBe(index + 1);
    }
    watch.access = stop;
    for (const use of uses) expect(use).toThrow("stop");
  });

  test("an instance that dies in the midst of a transaction has written nothing of it; its successor finds the rest", () => {
    const { disk, access, watch, heard } = watched();
    access.put("t", "a", 1);
    heard.length = 0;
    expect(() =>
      access.transaction(() => {
        access.put("t", "a", 2);
        watch.access = stop;
        access.put("t", "b", 2);
      }),
    ).toThrow("stop");
    expect(heard).toEqual([]);
    const successor = new DiskAccess(disk, { access() {}, committing() {}, committed() {} });
    expect([...successor.from("t")]).toEqual([["a", 1]]);
  });
});

test("a disk is empty until something is put, when all is deleted, and when it is cleared", () => {
  const { disk, access } = watched();
  access.get("t", "a");
  access.delete("t", "a");
  expect([...access.from("t"), disk.isEmpty]).toEqual([true]);
  access.put("t", "a", 1);
  expect(disk.isEmpty).toBe(false);
  access.deleteAll("t");
  expect(disk.isEmpty).toBe(true);
  access.put("t", "a", 1);
  disk.clear();
  expect([disk.isEmpty, access.get("t", "a")]).toEqual([true, undefined]);
});

describe("order", () => {
  const anyText = fc.string({ unit: fc.constantFrom("", "a", "b", "\0", "é", "ﬀ", "\u{e000}", "😀", "\u{10ffff}") });

  test("of keys is that of their UTF-8 bytes", () => {
    const sign = (order: number) => Math.sign(order);
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        expect(sign(byBytes(a, b))).toBe(sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
    );
  });

  test("of numbers as keys is that of the numbers", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.double({ noNaN: true }), (a, b) => {
        expect(Math.sign(byBytes(numberKey(a), numberKey(b)))).toBe(a === b ? 0 : Math.sign(a < b ? -1 : 1));
      }),
    );
    expect(numberKey(-0)).toBe(numberKey(0));
  });

  test("rows come from a key on, or from below one downwards, whenever they were put and whatever was deleted", () => {
    const changes = fc.array(fc.tuple(anyText, fc.boolean()), { maxLength: 40 });
    fc.assert(
      fc.property(changes, anyText, fc.nat(40), (list, bound, looksAt) => {
        const { access } = watched();
        const kept = new Set<string>();
        for (const [n, [key, isPut]] of list.entries()) {
          if (n === looksAt) expect([...access.from("t")]).toHaveLength(kept.size); // from here on the order is kept, not made
          if (isPut) access.put("t", key, n);
          else access.delete("t", key);
          if (isPut) kept.add(key);
          else kept.delete(key);
        }
        const sorted = [...kept].sort(byBytes);
        const keys = (found: Iterable<[string, unknown]>) => [...found].map(([key]) => key);
        expect(keys(access.from("t", bound))).toEqual(sorted.filter((key) => byBytes(key, bound) >= 0));
        expect(keys(access.below("t", bound))).toEqual(sorted.filter((key) => byBytes(key, bound) < 0).toReversed());
        expect(keys(access.below("t"))).toEqual(sorted.toReversed());
      }),
    );
  });
});

test("what a run looks at for its deadlines is as small as what is open, however long its journal", () => {
  const { disk, access } = watched();
  const store = memoryStores(access).run();
  store.create(newRun(), [record()]);
  for (let n = 1; n <= 200; n++) {
    store.putEntry(entry(`s${n}`, 2 * n, { kind: "sleeping", until: NOW + n }));
    if (n > 3) store.putEntry(settled(`s${n}`, 2 * n + 1));
  }
  expect(["step", "deadline", "due"].map((table) => disk.count(table))).toEqual([200, 3, 3]);
  expect(JSON.parse(String(disk.get("step", "s9")))).toEqual(settled("s9", 19));
  expect(JSON.parse(String(disk.get("run", "run")))).toEqual(newRun());
  expect(JSON.parse(String(disk.get("run", "events")))).toEqual([record()]);
});
