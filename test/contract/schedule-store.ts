import { describe, expect, test } from "vitest";
import type { ScheduleStore, StoredDynamicSchedule } from "../../src/durable-objects/storage/stores.ts";
import type { ScheduleDefinition } from "../../src/protocol/schedule.ts";
import { NOW } from "../helpers/run-builder.ts";
import { NAMES, type Open, type Use } from "./storages.ts";

export const definition = (id: string, more: Partial<ScheduleDefinition> = {}): ScheduleDefinition => ({
  id,
  cron: "0 * * * *",
  everyMs: null,
  timezone: null,
  event: { name: "tick", data: {} },
  function: null,
  data: {},
  startAt: null,
  endAt: null,
  overlap: "allow",
  catchUp: "latest",
  paused: false,
  ...more,
});

const stored = (id: string, more: Partial<StoredDynamicSchedule> = {}): StoredDynamicSchedule => ({
  definition: definition(id),
  generation: NOW,
  createdAt: NOW,
  updatedAt: NOW,
  nextAt: NOW + 10,
  missed: 0,
  idAt: null,
  lastAt: null,
  dueAt: NOW + 10,
  ...more,
});

const idsOf = (schedules: StoredDynamicSchedule[]) => schedules.map((schedule) => schedule.definition.id);

export function scheduleStoreContract(open: Open): void {
  const opened = () => {
    const { stores } = open();
    return { store: stores.schedules(), reopened: () => stores.schedules() };
  };

  test("[design §3] nothing is created by looking", () => {
    const storage = open();
    const store = storage.stores.schedules();
    expect([store.get("a"), store.delete("a"), store.count(), store.nextDueAt(), store.due(NOW, 9)]).toEqual(
      [null, false, 0, null, []], // oxfmt-ignore
    );
    expect([store.page("", 9, 9), store.move(stored("a"), stored("a"))]).toEqual([
      { schedules: [], hasMore: false },
      false,
    ]);
    expect(storage.isUntouched()).toBe(true);
  });

  test("a schedule is kept as it was put, replaced and deleted", () => {
    const { store, reopened } = opened();
    const first = stored("a", { lastAt: NOW, idAt: NOW + 1, missed: 3 });
    store.put(first);
    expect([reopened().get("a"), reopened().count()]).toEqual([first, 1]);
    const second = stored("a", { definition: definition("a", { everyMs: 5, cron: null }), nextAt: null, dueAt: null });
    store.put(second);
    expect([reopened().get("a"), store.nextDueAt(), store.count()]).toEqual([second, null, 1]);
    expect([store.delete("a"), store.delete("a"), reopened().get("a"), store.count()]).toEqual([true, false, null, 0]);
  });

  test("it moves on from the tick and generation that it is at, and from no other", () => {
    const { store, reopened } = opened();
    const at = stored("a");
    const to = { nextAt: NOW + 20, missed: 2, idAt: NOW, lastAt: NOW + 10, dueAt: NOW + 25 };
    store.put(at);
    expect(store.move({ ...at, generation: NOW - 1 }, to)).toBe(false);
    expect(store.move({ ...at, nextAt: NOW + 11 }, to)).toBe(false);
    expect(reopened().get("a")).toEqual(at);
    expect(store.move(at, to)).toBe(true);
    expect(reopened().get("a")).toEqual({ ...at, ...to });
    expect(store.move(at, to)).toBe(false);
    store.delete("a");
    expect([store.move({ ...at, ...to }, to), store.get("a")]).toEqual([false, null]);
  });

  test("those that are due come first, then by id; no more than asked for", () => {
    const { store } = opened();
    const at = { c: 3, a: 5, b: 3, later: 9, never: null };
    for (const [id, due] of Object.entries(at)) store.put(stored(id, { dueAt: due === null ? null : NOW + due }));
    expect(idsOf(store.due(NOW + 5, 9))).toEqual(["b", "c", "a"]);
    expect(idsOf(store.due(NOW + 5, 2))).toEqual(["b", "c"]);
    expect([store.nextDueAt(), store.due(NOW, 9)]).toEqual([NOW + 3, []]);
    for (const id of ["b", "c"]) store.delete(id);
    expect(store.nextDueAt()).toBe(NOW + 5);
  });

  describe("a page", () => {
    test("is by id, by bytes, and goes on after the last", () => {
      const { store } = opened();
      for (const id of NAMES) store.put(stored(id));
      const sorted = [...NAMES].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const first = store.page("", 4, 1e6);
      expect([idsOf(first.schedules), first.hasMore]).toEqual([sorted.slice(0, 4), true]);
      const rest = store.page(sorted[3]!, 100, 1e6);
      expect([idsOf(rest.schedules), rest.hasMore]).toEqual([sorted.slice(4), false]);
      expect(store.page(sorted.at(-1)!, 9, 1e6)).toEqual({ schedules: [], hasMore: false });
    });

    test("holds one at least, and others while they are small", () => {
      const { store } = opened();
      const data = { text: "x".repeat(1_000) };
      for (const id of ["a", "b", "c"])
        store.put(stored(id, { definition: definition(id, { event: { name: "é", data } }) }));
      expect(idsOf(store.page("", 9, 1).schedules)).toEqual(["a"]);
      const two = store.page("", 9, 2_800);
      expect([idsOf(two.schedules), two.hasMore]).toEqual([["a", "b"], true]);
    });
  });
}

export function scheduleUse(): Use<ScheduleStore> {
  return {
    open: (stores) => stores.schedules(),
    begin: (store) => store.put(stored("first")),
    next(random) {
      const id = random.pick(NAMES);
      const instant = () => random.pick([null, NOW, NOW + 1, NOW + 2]);
      const schedule = stored(id, {
        generation: NOW + random.below(2),
        nextAt: instant(),
        dueAt: instant(),
        missed: random.below(3),
      });
      switch (random.below(4)) {
        case 0:
          return (store) => store.delete(id);
        case 1: {
          const to = { nextAt: instant(), missed: 1, idAt: instant(), lastAt: NOW, dueAt: instant() };
          return (store) => store.move(schedule, to);
        }
        default:
          return (store) => store.put(schedule);
      }
    },
    read: (store) => [
      store.page("", 100, 1e9),
      store.page("a", 3, 700),
      store.count(),
      store.nextDueAt(),
      store.due(NOW + 1, 4),
      NAMES.map((id) => store.get(id)),
    ],
  };
}
