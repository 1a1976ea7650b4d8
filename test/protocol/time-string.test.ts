import { expect, test } from "vitest";
import { durationMs, durationString, instantMs, TimeError } from "../../src/protocol/time-string.ts";

const HOUR = 3_600_000;

test.each([
  [0, 0],
  [1500, 1500],
  [0.4, 0],
  ["0s", 0],
  ["500ms", 500],
  ["30s", 30_000],
  ["5m", 300_000],
  ["1h", HOUR],
  ["1d", 24 * HOUR],
  ["2w", 336 * HOUR],
  ["2.5d", 60 * HOUR],
  ["1h30m", 1.5 * HOUR],
  ["1h 30m", 1.5 * HOUR],
  [" 1s500ms ", 1500],
  ["1w2d3h4m5s6ms", 604_800_000 + 48 * HOUR + 3 * HOUR + 245_000 + 6],
  ["59m59s881ms123us456ns", HOUR - 119],
  ["900ns", 0],
  ["1500us", 2],
  ["2500\u00b5s", 3],
  ["10 minutes", 600_000],
  ["1 hour", HOUR],
  ["2 days", 48 * HOUR],
  ["1500", 1500],
])("a duration: %s is %d ms", (text, ms) => {
  expect(durationMs(text, "timeout")).toBe(ms);
});

test.each(["", " ", "soon", "5 parsecs", "1h30", "h", "-5m", "NaN", "1".repeat(101), "1h,30m", "٣s"])(
  "not a duration: %s",
  (text) => {
    expect(() => durationMs(text, "timeout")).toThrow(TimeError);
  },
);

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("not a duration: %d", (ms) => {
  expect(() => durationMs(ms, "timeout")).toThrow(TimeError);
});

test("the error names field, value and what to write", () => {
  expect(() => durationMs("soon", 'step.sleep("a")')).toThrow(
    'step.sleep("a"): cannot read "soon" as a duration; use milliseconds or a string such as "30s", "5m", "1h30m"',
  );
  expect(() => instantMs("soon", "time")).toThrow('time: "soon" is not a date');
});

test.each([
  [0, "0s"],
  [1, "1ms"],
  [1500, "1s500ms"],
  [5_400_000, "1h30m"],
  [604_800_000, "1w"],
  [90_061_001, "1d1h1m1s1ms"],
])("[§2.4] %d ms on the wire is %s, and reads back", (ms, text) => {
  expect(durationString(ms)).toBe(text);
  expect(durationMs(text, "")).toBe(ms);
});

test.each([
  [new Date(5), 5],
  [1_735_084_800_000, 1_735_084_800_000],
  ["2024-12-25", Date.UTC(2024, 11, 25)],
  ["2024-12-25T10:00:00Z", Date.UTC(2024, 11, 25, 10)],
  ["2024-12-25T10:00:00.123+02:00", Date.UTC(2024, 11, 25, 8, 0, 0, 123)],
  ["Wed, 25 Dec 2024 10:00:00 GMT", Date.UTC(2024, 11, 25, 10)],
  ["December 25, 2024 10:00:00 UTC", Date.UTC(2024, 11, 25, 10)],
])("an instant: %s", (value, at) => {
  expect(instantMs(value, "time")).toBe(at);
});

test.each(["", "tomorrow", "soon 5", "in 5 minutes", "5", "2024-13-01", "year 2024", new Date("x"), Number.NaN])(
  "not an instant: %s",
  (value) => {
    expect(() => instantMs(value, "time")).toThrow(TimeError);
  },
);

/** What Temporal's objects look like; runtimes begin to have them. */
const temporal = (tag: string, fields: object) => ({
  years: 0,
  months: 0,
  weeks: 0,
  days: 0,
  hours: 0,
  minutes: 0,
  seconds: 0,
  milliseconds: 0,
  ...fields,
  [Symbol.toStringTag]: `Temporal.${tag}`,
});

test.each([
  [{ hours: 1, minutes: 30 }, 1.5 * HOUR],
  [{ days: 2, seconds: 1, milliseconds: 5 }, 48 * HOUR + 1005],
  [{}, 0],
])("a Temporal.Duration of %j", (fields, ms) => {
  expect(durationMs(temporal("Duration", fields) as never, "timeout")).toBe(ms);
});

test.each([{ years: 1 }, { months: 1 }, { weeks: 1 }])("its calendar units are refused: %j", (fields) => {
  expect(() => durationMs(temporal("Duration", fields) as never, "timeout")).toThrow("depends on the calendar");
});

test.each([[{}], [[]], [null], [temporal("Instant", {})], [undefined], [true]])("not a duration: %s", (value) => {
  expect(() => durationMs(value as never, "timeout")).toThrow(TimeError);
});

test("Temporal's moments", () => {
  for (const tag of ["Instant", "ZonedDateTime"])
    expect(instantMs(temporal(tag, { epochMilliseconds: 5 }) as never, "time")).toBe(5);
  expect(() => instantMs(temporal("PlainDate", { epochMilliseconds: 5 }) as never, "time")).toThrow(TimeError);
  expect(() => instantMs({} as never, "time")).toThrow(TimeError);
});
