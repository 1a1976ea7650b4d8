import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batch, batchDueAt, type OpenBatch } from "../../src/flow-control/batch.ts";
import type { BatchPolicy } from "../../src/protocol/flow-control.ts";
import { BATCH_MAX_BYTES } from "../../src/protocol/limits.ts";

const MIB = 1024 * 1024;
const policy = (maxSize: number, timeoutMs = 10_000): BatchPolicy => ({ maxSize, timeoutMs, key: null, if: null });

interface Arrival {
  at: number;
  bytes: number;
}
interface Closed {
  at: number;
  events: Arrival[];
}

/** The batches that these events come to, each with the instant at which it closed; an alarm comes on time, or late. */
function batches(given: BatchPolicy, arrivals: readonly Arrival[], isAlarmLate = false): Closed[] {
  const closed: Closed[] = [];
  let open: OpenBatch | null = null;
  let events: Arrival[] = [];
  const close = (at: number) => {
    closed.push({ at, events });
    events = [];
    open = null;
  };
  for (const arrival of arrivals) {
    if (open && !isAlarmLate && batchDueAt(given, open) <= arrival.at) close(batchDueAt(given, open));
    const decision = batch(given, open, arrival, arrival.at);
    if (decision.closesBefore) close(arrival.at);
    events.push(arrival);
    open = decision.batch;
    if (decision.closesWith) close(arrival.at);
  }
  if (open) close(batchDueAt(given, open));
  return closed;
}

const events = (...instants: number[]): Arrival[] => instants.map((at) => ({ at, bytes: 100 }));

describe("events that come, and the batches that they come to", () => {
  test.each<[string, BatchPolicy, Arrival[], number[]]>([
    ["[§3.7] closes when it is full", policy(3), events(0, 1, 2, 3), [3, 1]],
    ["[§3.7] closes at the timeout since its first event", policy(9), events(0, 5_000, 9_999, 10_000), [3, 1]],
    ["the timeout does not begin anew with each event", policy(9), events(0, 6_000, 12_000, 18_000), [2, 2]],
    ["[§3.7] closes at 10 MiB", policy(9), [5, 5, 1].map((mib) => ({ at: 0, bytes: mib * MIB })), [2, 1]],
    [
      "an event without room begins the next",
      policy(9),
      [3, 3, 3, 3].map((mib) => ({ at: 0, bytes: mib * MIB })),
      [3, 1],
    ],
    ["a batch of one is closed at once", policy(1), events(0, 0, 0), [1, 1, 1]],
  ])("%s", (_, given, arrivals, sizes) => {
    expect(batches(given, arrivals).map((one) => one.events.length)).toEqual(sizes);
    expect(batches(given, arrivals, true).map((one) => one.events.length)).toEqual(sizes); // nothing hangs on the alarm
  });

  test("each closes at the instant of its rule", () => {
    expect(batches(policy(2, 1_000), events(0, 5, 50, 2_000)).map((one) => one.at)).toEqual([5, 1_050, 3_000]);
  });
});

const arrivals = fc
  .array(
    fc.record({
      gap: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 3_000 })),
      bytes: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 3 * MIB })),
    }),
    { maxLength: 200 },
  )
  .map((list) => {
    let at = 1_767_225_600_000;
    return list.map(({ gap, bytes }) => ({ at: (at += gap), bytes }));
  });

test("for all arrivals: every event is in exactly one batch, in order; none is over its bounds, or closes late", () => {
  fc.assert(
    fc.property(
      arrivals,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 20_000 }),
      fc.boolean(),
      (all, maxSize, timeoutMs, isAlarmLate) => {
        const closed = batches(policy(maxSize, timeoutMs), all, isAlarmLate);
        expect(closed.flatMap((one) => one.events)).toEqual(all);
        for (const { at, events: list } of closed) {
          expect(list.length).toBeGreaterThanOrEqual(1);
          expect(list.length).toBeLessThanOrEqual(maxSize);
          expect(list.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(BATCH_MAX_BYTES);
          const since = list[0]!.at;
          expect(at).toBeGreaterThanOrEqual(since);
          if (!isAlarmLate) expect(at - since).toBeLessThanOrEqual(timeoutMs);
          for (const one of list.slice(1)) expect(one.at - since).toBeLessThan(timeoutMs);
        }
      },
    ),
  );
});
