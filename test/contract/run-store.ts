import { describe, expect, test } from "vitest";
import type { RunStore } from "../../src/durable-objects/storage/stores.ts";
import { RUN_SCHEMA, type Effect, type Entry } from "../../src/engine/run.ts";
import type { EventRecord } from "../../src/protocol/event.ts";
import { byteLength, type JsonValue } from "../../src/protocol/json.ts";
import { EVENT, newRun, NOW } from "../helpers/run-builder.ts";
import { NAMES, type Open, type Random, type Use } from "./storages.ts";

export const record = (data: string = ""): EventRecord => ({
  internalId: EVENT.id,
  event: { ...EVENT, data: { data } },
});
export const entry = (id: string, position: number, status: Entry["status"], more: Partial<Entry> = {}): Entry => ({
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
export const settled = (id: string, position: number, data: JsonValue = id) =>
  entry(id, position, { kind: "settled", memo: { data }, at: NOW });

const unsubscribe = (id: string): Effect => ({ kind: "unsubscribe", id, stepId: "w", events: ["a"] });

export function runStoreContract(open: Open): void {
  const { read } = runUse();
  function created(events: EventRecord[] = [record()]) {
    const { stores } = open();
    const store = stores.run();
    store.create(newRun(), events);
    return { store, reopened: () => stores.run() };
  }

  test("[design §3] nothing is created by looking", () => {
    const storage = open();
    const store = storage.stores.run();
    expect(store.run()).toBeNull();
    expect(store.events()).toEqual({ records: [], inline: false });
    expect([store.entry("a"), store.answeredAt("x"), store.nextDueAt()]).toEqual([undefined, undefined, null]);
    expect([store.entries(), store.openEntries(), store.dueEntries(NOW, 10), store.effects()]).toEqual([
      [],
      [],
      [],
      [],
    ]);
    expect([store.hasEffects(), store.page(0, 100)]).toEqual([false, { entries: [], next: null }]);
    store.deleteEffect("x");
    expect([store.extra("span", "x"), store.extras("metadata")]).toEqual([undefined, []]);
    expect(storage.isUntouched()).toBe(true);
  });

  test("an object that looked before its run was created sees it afterwards", () => {
    const store = open().stores.run();
    expect(store.run()).toBeNull();
    store.create(newRun(), [record()]);
    expect(store.run()).toEqual(newRun());
  });

  test("what comes back is a copy, as JSON has it", () => {
    const { store } = created();
    const given = entry("a", 1, { kind: "running" }, { input: { n: 1 }, name: undefined });
    store.putEntry(given);
    Object.assign(given.input as object, { n: 2 });
    expect(store.entry("a")).toStrictEqual(settledless(given, { n: 1 }));
    Object.assign(store.entry("a")?.input as object, { n: 3 });
    expect(store.entry("a")?.input).toEqual({ n: 1 });
  });

  describe("header and trigger events", () => {
    test.each([
      ["small", "x"],
      ["large", "x".repeat(20_000)],
    ])("%s events are kept beside the header, which does not show them", (_, data) => {
      const { reopened } = created([record(data), record("second")]);
      expect(reopened().run()).toEqual(newRun());
      expect(reopened().events().records).toEqual([record(data), record("second")]);
    });

    test.each([
      ["small", "x"],
      ["large", "x".repeat(20_000)],
    ])("a header that is written again keeps %s events, given them when it carries them", (_, data) => {
      const { store, reopened } = created([record(data)]);
      store.putRun(newRun({ position: 5 }), store.events().inline ? [record(data)] : undefined);
      expect([reopened().run()?.position, reopened().events().records]).toEqual([5, [record(data)]]);
    });

    test("[design §3] a newer schema is refused, by number", () => {
      const { store } = created();
      store.putRun(newRun({ schema: RUN_SCHEMA + 1 }), undefined);
      expect(() => store.run()).toThrow(
        `stored by a newer version (schema ${RUN_SCHEMA + 1}, this one reads ${RUN_SCHEMA})`,
      );
    });
  });

  describe("journal", () => {
    test("entries come in the order of their commits", () => {
      const { store, reopened } = created();
      for (const [id, position] of [
        ["c", 1],
        ["a", 3],
        ["b", 2],
      ] as const)
        store.putEntry(settled(id, position));
      expect(idsOf(reopened().entries())).toEqual(["c", "b", "a"]);
      store.putEntry(settled("c", 4));
      expect(idsOf(reopened().entries())).toEqual(["b", "a", "c"]);
    });

    test("pages hold at least one entry, go on where they ended, and show each entry once", () => {
      const { store } = created();
      for (let position = 1; position <= 7; position++)
        store.putEntry(settled(`s${position}`, position, "x".repeat(100)));
      const pages: string[][] = [];
      for (let after: number | null = 0; after !== null;) {
        const page: ReturnType<RunStore["page"]> = store.page(after, 600);
        pages.push(idsOf(page.entries));
        after = page.next;
      }
      expect(pages).toEqual([["s1", "s2"], ["s3", "s4"], ["s5", "s6"], ["s7"]]);
      expect(store.page(5, 0)).toMatchObject({ entries: [{ id: "s6" }], next: 6 });
      expect(store.page(7, 0)).toEqual({ entries: [], next: null });
    });

    test("another object on the same storage may have deadlines, too", () => {
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
      expect(idsOf(reopened().dueEntries(NOW, 10))).toEqual(["r", "w", "x", "i"]);
      expect(idsOf(reopened().dueEntries(NOW, 2))).toEqual(["r", "w"]);
      expect(reopened().nextDueAt()).toBe(NOW - 5);
      expect(idsOf(reopened().openEntries())).toEqual(["r", "w", "x", "i", "late"]);
      store.putEntry(settled("r", 9));
      expect(store.nextDueAt()).toBe(NOW);
    });

    test("[design §4] counters that the header is behind on: position, steps, bytes of all values", () => {
      const { store, reopened } = created();
      const logs = { seq: 0, bytes: 0 };
      expect(store.counters()).toEqual({ position: 0, steps: 0, bytes: 0, logs });
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
      expect(bytes).toBeGreaterThan(4_000_000); // or the bound on a run's state is none
    });

    test("and what its code has logged: the last number, bytes of all", () => {
      const { store, reopened } = created();
      const kept = (id: string, seq: number) => store.putExtra({ list: "log", id, value: { seq, text: "é" } });
      kept("a/0", 1);
      kept("@3", 10);
      kept("b/0", 2);
      kept("a/0", 3); // told anew
      store.putExtra({ list: "span", id: "x", value: { seq: 99 } });
      expect(reopened().counters()).toEqual({
        position: 0,
        steps: 0,
        bytes: 0,
        logs: { seq: 10, bytes: 2 * byteLength('{"seq":1,"text":"é"}') + byteLength('{"seq":10,"text":"é"}') },
      });
    });

    test("settled steps are counted: open ones are not, and long ones are", () => {
      const { store, reopened } = created();
      expect(store.settledCount()).toBe(0);
      const looksSettled = { status: { kind: "settled" } };
      store.putEntry(settled("a", 1));
      store.putEntry(settled("long", 2, "x".repeat(3_000_000)));
      store.putEntry(entry("asleep", 3, { kind: "sleeping", until: NOW }));
      store.putEntry(entry("running", 4, { kind: "running" }, { input: [looksSettled] }));
      store.putEntry(
        entry("again", 5, { kind: "retrying", at: null }, { input: ["x".repeat(3_000_000), looksSettled] }),
      );
      expect(reopened().settledCount()).toBe(2);
    });
  });

  test("[§3.6] results are told as texts, of settled steps after a position, in the order of their commits", () => {
    const { store, reopened } = created();
    expect(store.memosAfter(-1)).toEqual([]);
    const values: JsonValue[] = [
      null,
      "text",
      1e21,
      0.1,
      true,
      [],
      {},
      { b: [{ a: 'ü\u2028\\"' }], a: null },
      "\ud83d",
      { "$.x": "'" },
    ];
    for (const [index, value] of values.entries()) store.putEntry(settled(`s${index}`, 20 - index, value));
    store.putEntry(settled("long", 30, "z".repeat(3_000_000)));
    store.putEntry(entry("asleep", 31, { kind: "sleeping", until: NOW }));
    store.putEntry(entry("running", 32, { kind: "running" }, { input: [{ status: { kind: "settled", memo: 1 } }] }));
    const told = reopened().memosAfter(-1);
    expect(told.map(({ id }) => id)).toEqual([...values.map((_, index) => `s${index}`).toReversed(), "long"]);
    expect(told.slice(0, -1).map(({ text }) => JSON.parse(text))).toEqual(
      values.toReversed().map((data) => ({ data })),
    );
    expect(told.at(-1)?.text).toBe(`{"data":"${"z".repeat(3_000_000)}"}`);
    expect(
      reopened()
        .memosAfter(19)
        .map(({ position }) => position),
    ).toEqual([20, 30]);
    expect(reopened().memosAfter(30)).toEqual([]);
  });

  test("what belongs to a run beside its journal is kept by list and id, and does not count as a step", () => {
    const { store, reopened } = created();
    const before = store.counters();
    store.putExtra({ list: "span", id: "b", value: 1 });
    store.putExtra({ list: "span", id: "a/*", value: { text: "y".repeat(3_000_000) } });
    store.putExtra({ list: "defer", id: "b", value: null });
    store.putExtra({ list: "span", id: "b", value: [2] });
    expect(reopened().extras("span")).toEqual([
      { list: "span", id: "a/*", value: { text: "y".repeat(3_000_000) } },
      { list: "span", id: "b", value: [2] },
    ]);
    expect([reopened().extra("defer", "b"), reopened().extra("metadata", "b"), reopened().extra("span", "b")]).toEqual([
      null,
      undefined,
      [2],
    ]);
    expect([store.counters(), store.entries(), store.effects()]).toEqual([before, [], []]);
  });

  test("[G6] effects stay until they are deleted, each under its id", () => {
    const { store, reopened } = created();
    store.putEffect(unsubscribe("unsubscribe/w"));
    store.putEffect(unsubscribe("unsubscribe/v"));
    store.putEffect(unsubscribe("unsubscribe/v"));
    expect(reopened().effects()).toEqual([unsubscribe("unsubscribe/v"), unsubscribe("unsubscribe/w")]);
    store.deleteEffect("unsubscribe/w");
    expect([reopened().effects(), reopened().hasEffects()]).toEqual([[unsubscribe("unsubscribe/v")], true]);
    store.deleteEffect("unsubscribe/v");
    expect(reopened().hasEffects()).toBe(false);
  });

  test("an event that answered a wait is known by the commit at which it did", () => {
    const { store, reopened } = created();
    store.putAnswered("e1", 4);
    expect([reopened().answeredAt("e1"), reopened().answeredAt("e2")]).toEqual([4, undefined]);
    expect(store.entries()).toEqual([]);
  });

  describe("a transaction that fails", () => {
    const stop = () => {
      throw new Error("stop");
    };

    test("leaves nothing", () => {
      const { store, reopened } = created();
      store.putEntry(entry("kept", 1, { kind: "sleeping", until: NOW }));
      const before = read(store);
      expect(() =>
        store.transaction(() => {
          store.putEntry(settled("a", 2));
          store.putEntry(settled("kept", 3));
          store.putEffect(unsubscribe("unsubscribe/w"));
          store.putAnswered("e1", 3);
          store.putRun(newRun({ position: 3 }), store.events().inline ? [record()] : undefined);
          stop();
        }),
      ).toThrow("stop");
      expect([read(store), read(reopened())]).toEqual([before, before]);
    });

    test("and that began the run: it was never started, and can be", () => {
      const storage = open();
      const store = storage.stores.run();
      expect(() =>
        store.transaction(() => {
          store.create(newRun(), [record()]);
          store.putEntry(entry("s", 1, { kind: "sleeping", until: NOW }));
          stop();
        }),
      ).toThrow("stop");
      expect([store.run(), store.nextDueAt(), storage.isUntouched()]).toEqual([null, null, true]);
      store.create(newRun(), [record()]);
      store.putEntry(entry("s", 1, { kind: "sleeping", until: NOW }));
      for (const found of [store, storage.stores.run()])
        expect([found.run(), found.nextDueAt()]).toEqual([newRun(), NOW]);
    });

    test("inside another fails by itself", () => {
      const { store, reopened } = created();
      store.transaction(() => {
        store.putEntry(settled("outer", 1));
        expect(() =>
          store.transaction(() => {
            store.putEntry(settled("inner", 2));
            store.putEntry(settled("outer", 3));
            stop();
          }),
        ).toThrow("stop");
        store.putEntry(settled("after", 2));
      });
      expect(reopened().entries()).toEqual([settled("outer", 1), settled("after", 2)]);
    });

    test("takes one inside it along", () => {
      const { store, reopened } = created();
      expect(() =>
        store.transaction(() => {
          store.transaction(() => store.putEntry(settled("inner", 1)));
          stop();
        }),
      ).toThrow("stop");
      expect(reopened().entries()).toEqual([]);
    });
  });
}

function settledless(given: Entry, input: JsonValue): Entry {
  const { name: _name, ...rest } = given;
  return { ...rest, input };
}

function idsOf(entries: Entry[]): string[] {
  return entries.map((found) => found.id);
}

export function runUse(): Use<RunStore> {
  let position = 0; // no two commits of entries have the same
  return {
    open: (stores) => stores.run(),
    transaction: (store, body) => store.transaction(body),
    begin: (store) => store.create(newRun(), [record()]),
    next(random) {
      const id = random.pick(NAMES);
      switch (random.below(9)) {
        case 4: {
          const [list, value] = [random.pick(["defer", "metadata", "span"] as const), random.below(50)];
          return (store) => store.putExtra({ list, id, value });
        }
        case 0:
          return (store) => store.putEffect(unsubscribe(id));
        case 1:
          return (store) => store.deleteEffect(id);
        case 2: {
          const at = random.below(50);
          return (store) => store.putAnswered(id, at);
        }
        case 3: {
          const run = newRun({ position: random.below(50) });
          return (store) => store.putRun(run, store.events().inline ? [record()] : undefined);
        }
        default: {
          const written = entry(id, ++position, anyStatus(random), { input: "é".repeat(random.below(300)) });
          return (store) => store.putEntry(written);
        }
      }
    },
    read: (store) => ({
      run: store.run(),
      records: store.events().records,
      entries: store.entries(),
      one: NAMES.map((id) => [store.entry(id), store.answeredAt(id)]),
      counts: [store.settledCount(), store.counters(), store.nextDueAt(), store.hasEffects()],
      pages: [store.page(0, 1000), store.page(20, 0)],
      due: [store.dueEntries(NOW, 100), store.dueEntries(NOW + 5, 2), store.openEntries()],
      effects: store.effects(),
      extras: (["defer", "metadata", "span"] as const).map((list) => [store.extras(list), store.extra(list, "a/b")]),
    }),
  };
}

function anyStatus(random: Random): Entry["status"] {
  const until = NOW + random.below(12) - 6;
  return random.pick<Entry["status"]>([
    { kind: "planned" },
    { kind: "running" },
    { kind: "retrying", at: null },
    { kind: "retrying", at: until },
    { kind: "sleeping", until },
    { kind: "registering", until },
    { kind: "waiting", until },
    { kind: "settled", memo: { data: until }, at: NOW },
    { kind: "settled", memo: { data: null }, at: NOW },
  ]);
}
