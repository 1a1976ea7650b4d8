import { describe, expect, test } from "vitest";
import { clockText, durationText, isRange, rangeStart, relativeText } from "../../dashboard/src/model/time.ts";

test.each([
  [0, "0 ms"],
  [-5, "0 ms"],
  [999.4, "999 ms"],
  [1_000, "1.0 s"],
  [9_990, "9.9 s"],
  [10_000, "10 s"],
  [60_000, "1 min"],
  [200_000, "3 min 20 s"],
  [3_600_000, "1 h"],
  [187_200_000, "2 d 4 h"],
  [30 * 86_400_000 - 1, "29 d 23 h"],
  [Number.NaN, "–"],
])("%d ms reads %j", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test.each([
  [0, "now"],
  [-500, "now"],
  [-61_000, "1 min ago"],
  [7_200_000, "in 2 h"],
])("%d ms from now reads %j", (distance, text) => {
  expect(relativeText(1_000_000_000 + distance, 1_000_000_000)).toBe(text);
});

test("a clock shows the day only of other days", () => {
  const noon = new Date(2026, 0, 31, 12, 0, 5).getTime();
  expect(clockText(noon, noon)).toBe("12:00:05");
  expect(clockText(noon, noon + 86_400_000)).toMatch(/31.* 12:00:05$/);
});

describe("ranges", () => {
  test("one begins at a whole minute, so that a list that is polled asks the same question for a while", () => {
    const now = Date.parse("2026-01-31T12:30:45.678Z");
    expect(rangeStart("1h", now)).toBe("2026-01-31T11:30:00.000Z");
    expect(rangeStart("1h", now + 10_000)).toBe(rangeStart("1h", now));
  });

  test("only those that are offered are ranges", () => {
    expect(["15m", "1h", "24h", "7d", "toString", "", 7].filter(isRange)).toEqual(["15m", "1h", "24h", "7d"]);
  });
});
