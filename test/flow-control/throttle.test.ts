import { describe, expect, it } from "vitest";
import { idleAt, throttle, throttleInstant, throttleTaken, type ThrottleUse } from "../../src/flow-control/throttle.ts";
import { seededRandom } from "../helpers/random.ts";
import { NOW } from "../helpers/run-builder.ts";

interface Rate {
  limit: number;
  periodMs: number;
  burst: number;
}

/** Lets in whom it can, whenever it is asked to look; a line keeps its order. */
class Key {
  readonly rate: Rate;
  use: ThrottleUse | null = null;
  readonly line: number[] = [];
  readonly admitted: { who: number; at: number }[] = [];

  constructor(rate: Rate) {
    this.rate = rate;
  }

  look(now: number): void {
    while (this.line.length > 0 && throttle(this.rate, this.use, now).kind === "admit") {
      this.use = throttleTaken(this.rate, this.use, now);
      this.admitted.push({ who: this.line.shift()!, at: now });
    }
  }

  /** The instant at which it says to look again; null when nobody waits. */
  next(now: number): number | null {
    const verdict = throttle(this.rate, this.use, now);
    return this.line.length === 0 ? null : verdict.kind === "wait" ? verdict.until : now;
  }
}

/** Instants, from NOW on, at which a line of so many is let in. */
function starts(rate: Rate, count: number): number[] {
  const key = new Key(rate);
  key.line.push(...Array.from({ length: count }, (_, who) => who));
  for (let now: number | null = NOW; now !== null; now = key.next(now)) key.look(now);
  return key.admitted.map(({ at }) => at - NOW);
}

describe("throttle", () => {
  it.each([
    ["one per period, and no burst", { limit: 1, periodMs: 1000, burst: 0 }, [0, 1000, 2000, 3000]],
    ["`limit + burst` at once, then spaced", { limit: 1, periodMs: 1000, burst: 1 }, [0, 0, 1000, 2000]],
    ["spaced by period / limit", { limit: 2, periodMs: 60_000, burst: 1 }, [0, 0, 0, 30_000, 60_000, 90_000]],
    ["a third of a second, to whole milliseconds", { limit: 3, periodMs: 1000, burst: 0 }, [0, 0, 0, 334, 667, 1000]],
  ])("[§3.4] %s", (_, rate, expected) => {
    expect(starts(rate, expected.length)).toEqual(expected);
  });

  it("lets in all of a large burst at once, whatever its interval", () => {
    for (const limit of [7, 333, 4999])
      expect(new Set(starts({ limit, periodMs: 1000, burst: 1 }, limit + 1)).size).toBe(1);
  });

  it("does not save up: an idle key is as fresh as one that is new", () => {
    const rate = { limit: 2, periodMs: 1000, burst: 0 };
    const use = throttleTaken(rate, null, NOW);
    expect(throttleTaken(rate, use, NOW + 1_000_000)).toEqual(throttleTaken(rate, null, NOW + 1_000_000));
  });

  it("a new rate counts from what was admitted by the old one", () => {
    const slow = { limit: 1, periodMs: 60_000, burst: 0 };
    const use = throttleTaken(slow, null, NOW);
    const fast = { limit: 10, periodMs: 1000, burst: 0 };
    expect(throttle(fast, use, NOW)).toEqual({ kind: "wait", until: NOW + 60_000 - 900 });
    const next = throttleTaken(fast, use, NOW + 59_100);
    expect(idleAt(next)).toBe(NOW + 60_100);
  });

  it("says when the n-th in line is let in, if nobody leaves it", () => {
    const rate = { limit: 3, periodMs: 1000, burst: 1 };
    const places = Array.from({ length: 12 }, (_, i) => throttleInstant(rate, null, NOW, i + 1) - NOW);
    expect(places).toEqual(starts(rate, 12));
    const use = throttleTaken(rate, throttleTaken(rate, null, NOW), NOW);
    expect(throttleInstant(rate, use, NOW + 10, 3)).toBe(NOW + 334);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "[seed %i] in no window are more than limit + burst + its share let in, all are, in order, and none later than it must",
    (seed) => {
      const random = seededRandom(seed);
      const below = (end: number) => Math.floor(random() * end);
      const rate = { limit: 1 + below(9), periodMs: 1 + below(5000), burst: below(4) };
      const interval = rate.periodMs / rate.limit;
      const key = new Key(rate);
      let now = NOW;
      for (let who = 0; who < 300;) {
        const due = key.next(now);
        const arrival = now + below(random() < 0.1 ? 40 * interval : 1.5 * interval + 2);
        if (due !== null && due <= arrival) now = Math.max(now, due);
        else {
          now = arrival;
          for (let many = 1 + below(4); many > 0; many--) key.line.push(who++);
        }
        key.look(now);
      }
      for (let due = key.next(now); due !== null; due = key.next(now)) key.look((now = due));
      const { admitted } = key;
      expect(admitted.map(({ who }) => who)).toEqual(admitted.map((_, i) => i));
      // how many more than its length allows are in the fullest window that begins with each
      const excess = admitted.map(({ at }, from) =>
        Math.max(...admitted.slice(from).map((to, more) => more + 1 - (to.at - at) / interval)),
      );
      expect(Math.max(...excess)).toBeLessThanOrEqual(rate.limit + rate.burst + 1e-6);
      const next = throttleInstant(rate, key.use, now, 1);
      expect(next - now).toBeLessThanOrEqual(Math.ceil(interval)); // a new one never waits for more than its turn
    },
  );
});
