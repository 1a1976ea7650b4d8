import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { debounce, debounceDueAt, type OpenDebounce } from "../../src/flow-control/debounce.ts";
import type { DebouncePolicy } from "../../src/protocol/flow-control.ts";
import { BATCH_MAX_BYTES, BATCH_SIZE_MAX } from "../../src/protocol/limits.ts";

const MIB = 1024 * 1024;
const policy = (changes: Partial<DebouncePolicy> = {}): DebouncePolicy => ({
  periodMs: 1_000,
  timeoutMs: null,
  key: null,
  collect: false,
  ...changes,
});

interface Arrival {
  id: number;
  at: number;
  /** the sender's clock; what is not said is the time of arrival */
  ts: number;
  bytes: number;
}
interface Fired {
  at: number;
  ids: number[];
}

/** What fires, and when; an alarm comes on time, or only with the next event. */
function fired(given: DebouncePolicy, arrivals: readonly Arrival[], isAlarmLate = false): Fired[] {
  const all: Fired[] = [];
  let open: OpenDebounce | null = null;
  let ids: number[] = [];
  const fire = (at: number) => {
    all.push({ at, ids });
    ids = [];
    open = null;
  };
  for (const arrival of arrivals) {
    if (open && !isAlarmLate && debounceDueAt(given, open) <= arrival.at) fire(debounceDueAt(given, open));
    const decision = debounce(given, open, arrival, arrival.at);
    if (decision.firesBefore) fire(arrival.at);
    if (decision.event === "stands" && !given.collect) ids = [];
    if (decision.event !== "ignored") ids.push(arrival.id);
    open = decision.open;
  }
  if (open) fire(debounceDueAt(given, open));
  return all;
}

const events = (...list: (number | [at: number, ts: number])[]): Arrival[] =>
  list.map((one, id) => ({
    id,
    bytes: 100,
    at: Array.isArray(one) ? one[0] : one,
    ts: Array.isArray(one) ? one[1] : one,
  }));

describe("events that come, and what fires when", () => {
  test.each<[string, DebouncePolicy, Arrival[], Fired[]]>([
    ["[§3.6] the last one, a period after it", policy(), events(0, 500, 1_400), [{ at: 2_400, ids: [2] }]],
    [
      "[§3.6] an event after the silence opens another",
      policy(),
      events(0, 1_000, 2_500),
      [
        { at: 1_000, ids: [0] },
        { at: 2_000, ids: [1] },
        { at: 3_500, ids: [2] },
      ],
    ],
    [
      "[§3.6] an older event is ignored and does not extend",
      policy(),
      events([0, 100], [900, 99]),
      [{ at: 1_000, ids: [0] }],
    ],
    ["[§3.6] one of the same ts replaces", policy(), events([0, 100], [900, 100]), [{ at: 1_900, ids: [1] }]],
    [
      "[§3.6] timeout: the longest wait since the first event",
      policy({ timeoutMs: 2_000 }),
      events(0, 900, 1_800, 2_700),
      [
        { at: 2_000, ids: [2] },
        { at: 3_700, ids: [3] },
      ],
    ],
    [
      "collect: all of them, also an older one, which extends nothing",
      policy({ collect: true }),
      events(0, [500, 600], [700, 100]),
      [{ at: 1_500, ids: [0, 1, 2] }],
    ],
    [
      "collect: what has no room fires before",
      policy({ collect: true }),
      [4, 4, 4].map((mib, id) => ({ id, at: id, ts: id, bytes: mib * MIB })),
      [
        { at: 2, ids: [0, 1] },
        { at: 1_002, ids: [2] },
      ],
    ],
    [
      "without collect only the event that stands takes room",
      policy(),
      [4, 4, 4].map((mib, id) => ({ id, at: id, ts: id, bytes: mib * MIB })),
      [{ at: 1_002, ids: [2] }],
    ],
  ])("%s", (_, given, arrivals, expected) => {
    expect(fired(given, arrivals)).toEqual(expected);
    expect(fired(given, arrivals, true).map(({ ids }) => ids)).toEqual(expected.map(({ ids }) => ids));
  });

  test("collect: as many events as a batch may have", () => {
    const all = Array.from({ length: BATCH_SIZE_MAX + 1 }, (_, id) => ({ id, at: 0, ts: 0, bytes: 1 }));
    expect(fired(policy({ collect: true }), all).map(({ ids }) => ids.length)).toEqual([BATCH_SIZE_MAX, 1]);
  });
});

const arrivals = fc
  .array(
    fc.record({
      gap: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 3_000 })),
      skew: fc.oneof(fc.constant(0), fc.integer({ min: -2_000, max: 2_000 })),
      bytes: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 3 * MIB })),
    }),
    { maxLength: 150 },
  )
  .map((list) => {
    let at = 1_767_225_600_000;
    return list.map(({ gap, skew, bytes }, id): Arrival => ({ id, at: (at += gap), ts: at + skew, bytes }));
  });
const timeoutMs = fc.option(fc.integer({ min: 1, max: 6_000 }));

describe("for all arrivals", () => {
  test("one event per burst, none of which is older than another; never later than the timeout", () => {
    fc.assert(
      fc.property(
        arrivals,
        fc.integer({ min: 1, max: 4_000 }),
        timeoutMs,
        fc.boolean(),
        (all, periodMs, timeout, late) => {
          const given = policy({ periodMs, timeoutMs: timeout });
          const fires = fired(given, all, late);
          let next = 0; // the burst of a firing: all that came before it and after the one before
          for (const { at, ids } of fires) {
            const burst = all
              .slice(next)
              .filter((one) => (late ? true : one.at < at) && one.id <= lastOf(fires, at, all));
            next += burst.length;
            expect(ids).toHaveLength(1);
            const winner = all[ids[0]!]!;
            for (const one of burst) expect(winner.ts).toBeGreaterThanOrEqual(one.ts);
            if (late) continue;
            expect(at).toBeLessThanOrEqual(winner.at + periodMs);
            if (timeout !== null) expect(at - burst[0]!.at).toBeLessThanOrEqual(timeout);
          }
          expect(fires.length === 0).toBe(all.length === 0);
        },
      ),
    );
  });

  test("collect: every event fires exactly once, and nothing that fires is over its bounds", () => {
    fc.assert(
      fc.property(
        arrivals,
        fc.integer({ min: 1, max: 4_000 }),
        timeoutMs,
        fc.boolean(),
        (all, periodMs, timeout, late) => {
          const fires = fired(policy({ periodMs, timeoutMs: timeout, collect: true }), all, late);
          expect(fires.flatMap(({ ids }) => ids)).toEqual(all.map(({ id }) => id));
          for (const { at, ids } of fires) {
            expect(ids.reduce((sum, id) => sum + all[id]!.bytes, 0)).toBeLessThanOrEqual(BATCH_MAX_BYTES);
            if (timeout !== null && !late) expect(at - all[ids[0]!]!.at).toBeLessThanOrEqual(timeout);
          }
        },
      ),
    );
  });
});

/** The last event that came before something fired, whichever fired with the next event. */
function lastOf(fires: readonly Fired[], at: number, all: readonly Arrival[]): number {
  const following = fires[fires.findIndex((one) => one.at === at) + 1];
  return following ? Math.max(...all.filter((one) => one.at < at).map(({ id }) => id), -1) : all.length - 1;
}
