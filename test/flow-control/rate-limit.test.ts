import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rateLimit, type Spacing } from "../../src/flow-control/rate-limit.ts";
import type { RateLimitPolicy } from "../../src/protocol/flow-control.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const policy = (limit: number, mode: RateLimitPolicy["mode"], periodMs = MINUTE): RateLimitPolicy => ({
  limit,
  periodMs,
  key: null,
  mode,
});

/** One key: its rule, and what it needs to know. */
class Key {
  readonly letIn: number[] = [];
  spacing: Spacing | null = null;

  take(given: RateLimitPolicy, now: number): boolean {
    const usage = { spacing: this.spacing, letInAfter: (at: number) => this.letIn.filter((one) => one > at).length };
    const decision = rateLimit(given, usage, now);
    this.spacing = decision.spacing;
    if (decision.isLetIn) this.letIn.push(now);
    return decision.isLetIn;
  }
}

/** The instants among these at which an event was let in. */
function letIn(given: RateLimitPolicy, instants: readonly number[]): number[] {
  const key = new Key();
  return instants.filter((now) => key.take(given, now));
}

const everySecond = (seconds: number) => Array.from({ length: seconds }, (_, i) => i * 1000);
const atOnce = (count: number, at = 0) => Array.from({ length: count }, () => at);

describe("events that come, and those of them that start a run", () => {
  test.each<[string, RateLimitPolicy, number[], number[]]>([
    [
      "[§3.5] spaced, 5 per minute: one each 12 s",
      policy(5, "spaced"),
      everySecond(60),
      [0, 12_000, 24_000, 36_000, 48_000],
    ],
    ["[§3.5] spaced, 5 per minute: one of five at once", policy(5, "spaced"), atOnce(5), [0]],
    ["[§3.5] spaced, 20 per minute: a tenth of the limit more from idle", policy(20, "spaced"), atOnce(20), [0, 0, 0]],
    [
      "spaced: after a burst one per interval",
      policy(20, "spaced"),
      [...atOnce(5), 2_999, 3_000, 3_001, 6_000],
      [0, 0, 0, 3_000, 6_000],
    ],
    ["spaced: what is too much does not count", policy(1, "spaced"), [0, 59_999, 60_000], [0, 60_000]],
    ["spaced: an interval that is no whole number", policy(7, "spaced"), [0, 8_571, 8_572], [0, 8_572]],
    ["window, 5 per minute: five at once", policy(5, "window"), atOnce(7), atOnce(5)],
    [
      "window: it slides with each event that was let in",
      policy(2, "window"),
      [0, 30_000, 59_999, 60_000, 60_001, 89_999, 90_000],
      [0, 30_000, 60_000, 90_000],
    ],
  ])("%s", (_, given, instants, expected) => {
    expect(letIn(given, instants)).toEqual(expected);
  });
});

describe("a policy that has changed", () => {
  test("a raised limit counts at once, not only when the old wait is over", () => {
    const key = new Key();
    expect(key.take(policy(1, "spaced", 24 * HOUR), 0)).toBe(true);
    expect(key.take(policy(8, "spaced", 24 * HOUR), 3 * HOUR - 1)).toBe(false);
    expect(key.take(policy(8, "spaced", 24 * HOUR), 3 * HOUR)).toBe(true);
  });

  test("a lowered limit of a window counts what was let in under the old", () => {
    const key = new Key();
    for (let i = 0; i < 5; i++) expect(key.take(policy(5, "window"), 0)).toBe(true);
    expect(key.take(policy(2, "window"), MINUTE - 1)).toBe(false);
    expect(key.take(policy(2, "window"), MINUTE)).toBe(true);
  });

  test("a mode that has changed: a window counts what was let in spaced", () => {
    const key = new Key();
    expect(key.take(policy(2, "spaced"), 0)).toBe(true);
    expect(key.take(policy(2, "window"), 1)).toBe(true);
    expect(key.take(policy(2, "window"), 2)).toBe(false);
  });
});

const instants = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 5_000 })), { maxLength: 300 })
  .map((gaps) =>
    gaps.map(
      (
        (sum) => (gap: number) =>
          (sum += gap)
      )(1_767_225_600_000),
    ),
  );
const limit = fc.integer({ min: 1, max: 60 });
const periodMs = fc.integer({ min: 1_000, max: 30_000 });

describe("for all arrivals", () => {
  test("window: in no window of the period more than the limit, and nothing is dropped while there is room", () => {
    fc.assert(
      fc.property(instants, limit, periodMs, (all, max, period) => {
        const key = new Key();
        for (const now of all) {
          const used = key.letIn.filter((at) => at > now - period).length;
          expect(key.take(policy(max, "window", period), now)).toBe(used < max);
        }
        for (const start of key.letIn)
          expect(key.letIn.filter((at) => at >= start && at < start + period).length).toBeLessThanOrEqual(max);
      }),
    );
  });

  test("spaced, limit below 10: any two are at least the interval apart", () => {
    fc.assert(
      fc.property(instants, fc.integer({ min: 1, max: 9 }), periodMs, (all, max, period) => {
        const admitted = letIn(policy(max, "spaced", period), all);
        for (const [i, at] of admitted.entries())
          if (i > 0) expect(at - admitted[i - 1]!).toBeGreaterThanOrEqual(period / max);
      }),
    );
  });

  test("spaced: in no window of the period more than the limit and its tenth, and one after each idle interval", () => {
    fc.assert(
      fc.property(instants, limit, periodMs, (all, max, period) => {
        const admitted = letIn(policy(max, "spaced", period), all);
        for (const start of admitted)
          expect(admitted.filter((at) => at >= start && at < start + period).length).toBeLessThanOrEqual(
            max + Math.floor(max / 10) + 1,
          );
        const isIn = new Set(admitted);
        for (const [i, now] of all.entries()) {
          const last = Math.max(...admitted.filter((at) => at < now), Number.NEGATIVE_INFINITY);
          const isFirst = i === 0 || all[i - 1] !== now;
          if (isFirst && now - last >= period + period / max) expect(isIn.has(now)).toBe(true);
        }
      }),
    );
  });
});
