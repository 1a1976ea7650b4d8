import fc from "fast-check";
import { expect, test } from "vitest";
import { Acknowledged } from "../../src/engine/ranges.ts";

const rangeArbitrary = fc
  .tuple(fc.nat(30), fc.integer({ min: 1, max: 6 }))
  .map(([from, size]) => [from, from + size] as const);

test("agrees with a set of acknowledged numbers, in whatever order and however often ranges are added", () => {
  fc.assert(
    fc.property(fc.nat(5), fc.array(rangeArbitrary, { maxLength: 20 }), (start, ranges) => {
      const acked = new Acknowledged(start);
      const known = new Set(Array.from({ length: start }, (_, n) => n));
      for (const [from, to] of ranges) {
        acked.add(from, to);
        for (let n = from; n < to; n++) known.add(n);
        let watermark = 0;
        while (known.has(watermark)) watermark++;
        expect(acked.watermark).toBe(watermark);
        for (let low = 0; low < 38; low++)
          for (let high = low + 1; high < 38; high++) {
            const all = Array.from({ length: high - low }, (_, n) => low + n).every((n) => known.has(n));
            expect(acked.has(low, high)).toBe(all);
          }
      }
    }),
    { seed: 1, numRuns: 40 },
  );
});

test.each<[string, [number, number][], number]>([
  ["nothing added", [], 10],
  ["the next range", [[10, 12]], 12],
  ["a hole holds it back", [[11, 12]], 10],
  [
    "closing the hole releases what is above",
    [
      [12, 14],
      [11, 12],
      [10, 11],
    ],
    14,
  ],
  [
    "added twice",
    [
      [10, 12],
      [10, 12],
    ],
    12,
  ],
  ["below the watermark", [[0, 5]], 10],
  [
    "overlapping",
    [
      [12, 16],
      [9, 13],
    ],
    16,
  ],
  [
    "same start, shorter later",
    [
      [12, 16],
      [12, 13],
      [10, 12],
    ],
    16,
  ],
])("the watermark is the first number that is not acknowledged: %s", (_, ranges, watermark) => {
  const acked = new Acknowledged(10);
  for (const [from, to] of ranges) acked.add(from, to);
  expect(acked.watermark).toBe(watermark);
});
