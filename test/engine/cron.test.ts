import { CronExpressionParser } from "cron-parser";
import { describe, expect, test } from "vitest";
import {
  checkCrons,
  fireAt,
  latestTick,
  MISSED_COUNT_MAX,
  nextTick,
  parseCron,
  parseJitter,
  rfc3339,
} from "../../src/engine/cron.ts";
import { seededRandom } from "../helpers/random.ts";

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const at = (text: string) => Date.parse(text);
/** The first ticks after an instant. */
function ticks(cron: string, after: string, count: number): string[] {
  const schedule = parseCron(cron);
  const found: string[] = [];
  for (let tick = nextTick(schedule, at(after)); tick !== null && found.length < count; tick = nextTick(schedule, tick))
    found.push(rfc3339(tick));
  return found;
}

/** What a clock shows. */
interface Clock {
  hour: number;
  minute: number;
  date: number;
  month: number;
  weekday: number;
  isLastOfMonth: boolean;
}

interface Minute {
  at: number;
  /** the time that the zone's clock shows, read as UTC */
  wall: number;
  clock: Clock;
}

function clockOf(wall: number): Clock {
  const shown = new Date(wall);
  return {
    hour: shown.getUTCHours(),
    minute: shown.getUTCMinutes(),
    date: shown.getUTCDate(),
    month: shown.getUTCMonth() + 1,
    weekday: shown.getUTCDay(),
    isLastOfMonth: new Date(wall + DAY).getUTCDate() === 1,
  };
}

/** Every minute of a year in a zone, as Intl shows it. Clocks are only ever set on a quarter of an hour: it is asked that often. */
function minutesOf(zone: string, year: number): Minute[] {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  const minutes: Minute[] = [];
  for (let quarter = Date.UTC(year, 0, 1); quarter < Date.UTC(year + 1, 0, 1); quarter += 15 * MINUTE) {
    const shown = Date.parse(`${format.format(quarter).replace(" ", "T")}Z`);
    for (let m = 0; m < 15 * MINUTE; m += MINUTE)
      minutes.push({ at: quarter + m, wall: shown + m, clock: clockOf(shown + m) });
  }
  return minutes;
}

/** The rule, walked minute by minute: `isMeant` says whether the schedule means what a clock shows. */
function walk(minutes: Minute[], isMeant: (clock: Clock) => boolean, isEveryHour: boolean): number[] {
  const found: number[] = [];
  let latest = minutes[0]!.wall - MINUTE;
  for (const { at: instant, wall, clock } of minutes) {
    let isDue = (isEveryHour || wall > latest) && isMeant(clock);
    // times that the clock skips
    for (let skipped = latest + MINUTE; skipped < wall && !isEveryHour; skipped += MINUTE)
      isDue ||= isMeant(clockOf(skipped));
    latest = Math.max(latest, wall);
    if (isDue) found.push(instant);
  }
  return found;
}

const SCHEDULES: [cron: string, isMeant: (clock: Clock) => boolean, isEveryHour?: boolean][] = [
  ["*/20 * * * *", (c) => c.minute % 20 === 0, true],
  ["0 * * * *", (c) => c.minute === 0, true],
  ["45 */1 * * *", (c) => c.minute === 45, true],
  ["10 0-23 * * mon", (c) => c.minute === 10 && c.weekday === 1, true],
  ["0 * 25-31 3,10 *", (c) => c.minute === 0 && c.date >= 25 && [3, 10].includes(c.month), true],
  ["30 2 * * *", (c) => c.hour === 2 && c.minute === 30],
  ["15 2 * * *", (c) => c.hour === 2 && c.minute === 15],
  ["45 1 * * *", (c) => c.hour === 1 && c.minute === 45],
  ["*/10 0-3 * * *", (c) => c.hour <= 3 && c.minute % 10 === 0],
  ["0 */2 * * *", (c) => c.hour % 2 === 0 && c.minute === 0],
  ["0 0 * * *", (c) => c.hour === 0 && c.minute === 0],
  ["0,59 23 * * *", (c) => c.hour === 23 && (c.minute === 0 || c.minute === 59)],
  ["0 9 * * 1-5", (c) => c.hour === 9 && c.minute === 0 && c.weekday >= 1 && c.weekday <= 5],
  ["0 9 * * FRI-sun", (c) => c.hour === 9 && c.minute === 0 && [5, 6, 0].includes(c.weekday)],
  ["0 22 ? * 7", (c) => c.hour === 22 && c.minute === 0 && c.weekday === 0],
  ["0 0 29 2 *", (c) => c.hour === 0 && c.minute === 0 && c.date === 29 && c.month === 2],
  ["30 2 L * *", (c) => c.hour === 2 && c.minute === 30 && c.isLastOfMonth],
  ["0 12 13 * 5", (c) => c.hour === 12 && c.minute === 0 && (c.date === 13 || c.weekday === 5)],
  ["0 3 1-7 * sun", (c) => c.hour === 3 && c.minute === 0 && (c.date <= 7 || c.weekday === 0)],
  ["5 4 */2 * *", (c) => c.hour === 4 && c.minute === 5 && c.date % 2 === 1],
  ["0 9 */2 * 1", (c) => c.hour === 9 && c.minute === 0 && (c.date % 2 === 1 || c.weekday === 1)],
  ["0 6 1 jan,JUL-sep *", (c) => c.hour === 6 && c.minute === 0 && c.date === 1 && [1, 7, 8, 9].includes(c.month)],
];

describe("[issue: cron] over one simulated year no tick is missed and none comes twice", () => {
  test.each([
    ["UTC", 2028],
    ["Europe/Paris", 2028], // an hour, at 02:00 and 03:00
    ["America/New_York", 2028],
    ["Australia/Lord_Howe", 2028], // half an hour
    ["Asia/Kolkata", 2028], // no summer time, half an hour from UTC
    ["America/Sao_Paulo", 2018], // midnight does not come
    ["Pacific/Apia", 2011], // 30 December does not come, and an hour twice
  ])("%s %d", { timeout: 60_000 }, (zone, year) => {
    const minutes = minutesOf(zone, year);
    const start = minutes[0]!.at;
    const end = minutes.at(-1)!.at;
    const random = seededRandom(year);
    for (const [cron, isMeant, isEveryHour = false] of SCHEDULES) {
      const schedule = parseCron(`TZ=${zone} ${cron}`);
      const expected = walk(minutes, isMeant, isEveryHour);
      const found: number[] = [];
      for (let tick = nextTick(schedule, start - 1); tick !== null && tick <= end; tick = nextTick(schedule, tick))
        found.push(tick);
      const wanted = new Set(expected);
      const come = new Set(found);
      expect(
        {
          missed: expected.filter((tick) => !come.has(tick)).map(rfc3339),
          extra: found.filter((tick) => !wanted.has(tick)).map(rfc3339),
          doubled: found.length - come.size,
        },
        cron,
      ).toEqual({ missed: [], extra: [], doubled: 0 });
      // from any instant on, as after a restart
      for (let n = 0; n < 20 && expected.length > 0; n++) {
        const after = start + Math.floor(random() * (expected.at(-1)! - start));
        expect(nextTick(schedule, after), `${cron} after ${rfc3339(after)}`).toBe(
          expected.find((tick) => tick > after),
        );
      }
    }
  });
});

describe("when clocks are set", () => {
  test.each<[rule: string, cron: string, after: string, ticks: string[]]>([
    [
      "a time that is skipped comes at the first instant after the gap",
      "TZ=Europe/Paris 30 2 * * *",
      "2026-03-28T12:00:00Z",
      ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
    ],
    [
      "several that are skipped come as one",
      "TZ=Europe/Paris 0,20,40 2,3 * * *",
      "2026-03-29T00:50:00Z",
      ["2026-03-29T01:00:00Z", "2026-03-29T01:20:00Z"],
    ],
    [
      "a gap of half an hour is one too",
      "TZ=Australia/Lord_Howe 15 2 * * *",
      "2026-10-03T00:00:00Z",
      ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
    ],
    [
      "a time that is shown twice comes the first time",
      "TZ=Europe/Paris 30 2 * * *",
      "2026-10-24T12:00:00Z",
      ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    ],
    [
      "asked within the second showing, what came in the first does not come again",
      "TZ=Europe/Paris */15 2 * * *",
      "2026-10-25T01:10:00Z",
      ["2026-10-26T01:00:00Z"],
    ],
    [
      "every hour is every hour in spring",
      "TZ=Europe/Paris 30 * * * *",
      "2026-03-29T00:00:00Z",
      ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"],
    ],
    [
      "and in autumn",
      "TZ=Europe/Paris 30 * * * *",
      "2026-10-24T23:40:00Z",
      ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"],
    ],
    [
      "seconds too",
      "CRON_TZ=America/New_York */20 59 1 * * *",
      "2026-11-01T05:59:10Z", // 01:59 comes again an hour later
      ["2026-11-01T05:59:20Z", "2026-11-01T05:59:40Z", "2026-11-02T06:59:00Z"],
    ],
  ])("%s", (_, cron, after, expected) => {
    expect(ticks(cron, after, expected.length)).toEqual(expected);
  });
});

describe("the language", () => {
  test.each<[cron: string, after: string, ticks: string[]]>([
    ["*/10 * * * * *", "2026-01-01T00:00:05Z", ["2026-01-01T00:00:10Z", "2026-01-01T00:00:20Z"]],
    ["30 0 12 * * *", "2026-01-01T00:00:00Z", ["2026-01-01T12:00:30Z", "2026-01-02T12:00:30Z"]],
    ["  0   9 * * * ", "2026-01-01T00:00:00Z", ["2026-01-01T09:00:00Z"]],
    ["10-20/5,50/5 8 * * *", "2026-01-01T00:00:00Z", ["2026-01-01T08:10:00Z", "2026-01-01T08:15:00Z", "2026-01-01T08:20:00Z", "2026-01-01T08:50:00Z", "2026-01-01T08:55:00Z"]], // oxfmt-ignore
    ["0 0 29 2 *", "2096-02-29T00:00:00Z", ["2104-02-29T00:00:00Z"]], // 2100 is no leap year
    ["0 0 31 * *", "2026-03-31T00:00:00Z", ["2026-05-31T00:00:00Z"]],
    ["TZ=Asia/Tokyo 0 0 1 1 *", "2026-06-01T00:00:00Z", ["2026-12-31T15:00:00Z"]],
    ["every 10s", "2026-01-01T00:00:03.500Z", ["2026-01-01T00:00:10Z", "2026-01-01T00:00:20Z"]],
    ["every 1h30m", "1970-01-01T01:00:00Z", ["1970-01-01T01:30:00Z", "1970-01-01T03:00:00Z"]],
    ["every 1500ms", "1970-01-01T00:00:00Z", ["1970-01-01T00:00:01.500Z", "1970-01-01T00:00:03Z"]],
  ])("%s", (cron, after, expected) => {
    expect(ticks(cron, after, expected.length)).toEqual(expected);
  });

  test("reads 500 random expressions as cron-parser does in UTC", () => {
    const random = seededRandom(7);
    const pick = <T>(list: T[]) => list[Math.floor(random() * list.length)]!;
    const value = (min: number, max: number) => min + Math.floor(random() * (max - min + 1));
    const part = (min: number, max: number): string => {
      const a = value(min, max - 1);
      const b = value(a + 1, max);
      return pick([`${a}`, `${a}-${b}`, `${a}-${b}/${value(1, 5)}`, `*/${value(2, 7)}`]);
    };
    const field = (min: number, max: number) =>
      pick(["*", part(min, max), `${value(min, min + 3)},${value(min + 4, max)}`]);
    for (let n = 0; n < 500; n++) {
      const days = pick([["*", field(0, 6)], [field(1, 28), "*"], [part(1, 28), part(0, 6)]]); // oxfmt-ignore
      const cron = [field(0, 59), field(0, 59), field(0, 23), days[0], field(1, 12), days[1]].join(" ");
      const after = Date.UTC(2026, value(0, 35), value(1, 28), value(0, 23), value(0, 59), value(0, 59));
      const other = CronExpressionParser.parse(cron, { tz: "UTC", currentDate: new Date(after) });
      const expected = Array.from({ length: 5 }, () => other.next().toISOString());
      const found = ticks(cron, new Date(after).toISOString(), 5).map((tick) => new Date(tick).toISOString());
      expect(found, `${cron} after ${rfc3339(after)}`).toEqual(expected);
    }
  });

  test.each<[cron: string, problem: RegExp]>([
    ["61 * * * *", /^cron "61 \* \* \* \*": minute: "61" is not allowed; allowed are 0–59, /],
    ["* 24 * * *", /: hour: "24" is not allowed; allowed are 0–23, /],
    ["* * 0 * *", /: day of month: "0" is not allowed; allowed are 1–31, L for the last day, /],
    ["* * * 13 *", /: month: "13" is not allowed; allowed are 1–12, jan–dec, /],
    ["* * * * 8", /: day of week: "8" is not allowed; allowed are 0–7, sun–sat, /],
    ["60 * * * * *", /: second: "60" is not allowed/],
    ["5-1 * * * *", /: minute: "5-1" is not allowed/],
    ["*/0 * * * *", /: minute: "\*\/0" is not allowed/],
    ["*/90 * * * *", /: minute: "\*\/90" is not allowed/],
    ["1,,2 * * * *", /: minute: "" is not allowed/],
    ["1.5 * * * *", /: minute: "1\.5" is not allowed/],
    ["-1 * * * *", /: minute: "-1" is not allowed/],
    ["H * * * *", /: minute: "H" is not allowed/], // Jenkins' hash would differ at each restart
    ["* * * mon *", /: month: "mon" is not allowed/],
    ["* * * * mon#2", /: day of week: "mon#2" is not allowed/],
    ["* * 1W * *", /: day of month: "1W" is not allowed/],
    ["0 0 30 2 *", /: never comes: no month that it allows has a day that it allows$/],
    ["0 0 31 4,6,9,11 *", /: never comes/],
    ["* * * *", /: fields: 4 given; write five, "minute hour day-of-month month day-of-week", or six/],
    ["* * * * * * *", /: fields: 7 given/],
    ["", /: fields: 0 given/],
    ["@daily", /: "@daily": write five fields instead, as in "0 0 \* \* \*" for daily/],
    ["TZ=Mars/Base 0 9 * * *", /: TZ: "Mars\/Base" is not a time zone such as Europe\/Paris or UTC$/],
    ["TZ= 0 9 * * *", /: TZ: "" is not a time zone/],
    ["TZ=Europe/Paris", /: fields: 1 given/],
    ["TZ=UTC every 5s", /: fields: 2 given/],
    ["every 0.5s", /: every: "0\.5s" is under the bound of 1 second$/],
    ["every 10 years", /: every: "10 years" is over the bound of 2928 days$/],
    ["every soon", /: every: cannot read "soon" as a duration/],
    [`0 9 * * ${"1,".repeat(200)}1`, /characters; there are at most 255$/],
  ])("[G9] refuses %s", (cron, problem) => {
    expect(() => parseCron(cron)).toThrow(problem);
    expect(() => parseCron(cron)).toThrow(expect.objectContaining({ code: "cron_invalid" }));
  });
});

describe("[G9] a function's schedules", () => {
  test("are refused with the function, the trigger and the value", () => {
    expect(() => checkCrons("shop-report", [{ cron: "0 25 * * *", jitter: null }])).toThrow(
      /^function "shop-report": triggers: cron "0 25 \* \* \*": hour: "25" is not allowed/,
    );
    expect(() => checkCrons("shop-report", [{ cron: "0 5 * * *", jitter: "10m" }])).toThrow(
      'function "shop-report": triggers: cron "0 5 * * *": jitter: "10m" is out of bounds; it is between 1s and 5m',
    );
    const twice = { cron: "0 5 * * *", jitter: null };
    expect(() => checkCrons("shop-report", [twice, twice])).toThrow('cron "0 5 * * *" is given twice');
    expect(() => checkCrons("shop-report", [twice, { cron: "every 1m", jitter: "30s" }])).not.toThrow();
  });

  test.each(["999ms", "5m1ms", "soon", "", "-3s"])("jitter %j is refused", (jitter) => {
    expect(() => parseJitter(jitter)).toThrow(/^jitter: /);
  });
});

describe("jitter", () => {
  const DAYS = 1000;
  const delays = (functionId: string) =>
    Array.from({ length: DAYS }, (_, day) => fireAt(functionId, "1m", day * DAY) - day * DAY);

  test("is the same for the same function and tick, and spread evenly below its bound", () => {
    const found = delays("shop-a");
    expect(delays("shop-a")).toEqual(found);
    expect(delays("shop-b")).not.toEqual(found);
    expect(Math.min(...found)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...found)).toBeLessThan(MINUTE);
    for (let sixth = 0; sixth < 6; sixth++) {
      const share = found.filter((delay) => Math.floor(delay / (MINUTE / 6)) === sixth).length / DAYS;
      expect(share).toBeGreaterThan(0.12);
      expect(share).toBeLessThan(0.22);
    }
  });

  test("without one a tick starts at its time", () => {
    expect(fireAt("shop-a", null, 5_000)).toBe(5_000);
  });
});

describe("after a downtime", () => {
  const first = at("2026-01-01T00:00:00Z");
  test.each<[cron: string, downMs: number, latest: number, missed: number]>([
    ["every 10s", 0, 0, 0],
    ["every 10s", 9_999, 0, 0],
    ["every 10s", 35_000, 30_000, 3],
    ["0 * * * *", 5 * HOUR + MINUTE, 5 * HOUR, 5],
    ["0 0 * * *", 40 * DAY - 1, 39 * DAY, 39],
    ["* * * * * *", 40 * DAY + 500, 40 * DAY, MISSED_COUNT_MAX],
    ["* * * * *", 40 * DAY + 59_000, 40 * DAY, MISSED_COUNT_MAX],
    ["0-19 * 1 * *", 366 * DAY, 365 * DAY + 23 * HOUR + 19 * MINUTE, 12 * 480 + 479],
    ["* * 1,2 1 *", 4 * 365 * DAY, (3 * 365 + 1 + 2) * DAY - MINUTE, MISSED_COUNT_MAX],
  ])("%s, down for %d ms: the latest tick and how many came before it", (cron, downMs, latest, missed) => {
    const found = latestTick(parseCron(cron), first, first + downMs);
    expect({ latest: found.at - first, missed: found.missed }).toEqual({ latest, missed });
  });
  test("a look back finds ticks however dense they are", () => {
    const now = first + 300 * DAY + 30 * SECOND;
    expect(latestTick(parseCron("*/7 * * * * *"), first, now).at).toBe(now - 2 * SECOND);
  });
});
