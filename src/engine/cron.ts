/**
 * The language of schedules, and when they tick. cron-parser reads the fields; the ticks are found here, since it loses
 * some when a clock is set by half an hour.
 *
 * - `minute hour day-of-month month day-of-week`, or six fields that begin with seconds. A field is `*`, a value, a range
 *   `1-5`, a step such as `0-59/10`, or a list of these; months and weekdays also by name, Sunday is 0 or 7, `L` is the
 *   last day of the month. When both kinds of days are restricted, either suffices, as in vixie cron; a step from `*`
 *   restricts, as in robfig/cron, which Inngest uses.
 * - In front, `TZ=Europe/Paris` or `CRON_TZ=Europe/Paris`; UTC otherwise.
 * - `every 90s`: at multiples of the duration since 1970, so that a restart changes nothing.
 *
 * When clocks are set, a schedule of certain hours goes by what the clock shows, and each of its times comes once: one
 * that is skipped comes at the first instant after the gap (several of them as one), one that is shown twice comes the
 * first time. A schedule of every hour goes by real time, so that it neither pauses nor comes twice at once: it ticks
 * whenever the clock shows one of its times.
 */
import { CronExpressionParser, type CronExpression } from "cron-parser";
import type { CronTrigger } from "../protocol/function-config.ts";
import { textFraction } from "../protocol/ids.ts";
import { durationMs, TimeError } from "../protocol/time-string.ts";
import { Zone } from "./zone.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Between two leap days around 2100 there are eight years; a schedule without a tick in that time has none. */
const HORIZON_DAYS = 8 * 366;
/** Any day: whether a schedule ever ticks does not depend on the day of asking. */
const SOME_DAY = Date.UTC(2024, 0, 1);
const EVERY_MIN_MS = SECOND_MS; // ours: the alarm of one object serves an environment's schedules
const CRON_MAX_LENGTH = 255; // inngest/inngest, pkg/inngest
const JITTER_MIN_MS = SECOND_MS; // inngest/inngest, pkg/inngest/trigger.go
const JITTER_MAX_MS = 5 * MINUTE_MS; // inngest/inngest, pkg/inngest/trigger.go

/** A schedule that cannot be; names what is wrong and what is allowed. */
export class CronError extends TypeError {
  readonly code = "cron_invalid";
}

export type Schedule = { kind: "every"; everyMs: number } | { kind: "calendar"; times: Times; zone: Zone };

/** Times on the clock, each list in ascending order. */
interface Times {
  seconds: number[];
  minutes: number[];
  hours: number[];
  isDay(day: Date): boolean;
}

/** Schedules that were read lately: reading one takes longer than finding its next tick. */
const schedules = new Map<string, Schedule>();
const SCHEDULES_MAX = 1_000;

/** @throws CronError */
export function parseCron(cron: string): Schedule {
  const known = schedules.get(cron);
  if (known) return known;
  const schedule = readCron(cron);
  if (schedules.size >= SCHEDULES_MAX) schedules.clear();
  schedules.set(cron, schedule);
  return schedule;
}

function readCron(cron: string): Schedule {
  const fail: Fail = (problem) => {
    throw new CronError(`cron ${JSON.stringify(cron)}: ${problem}`);
  };
  if (cron.length > CRON_MAX_LENGTH) fail(`${cron.length} characters; there are at most ${CRON_MAX_LENGTH}`);
  const [, duration] = /^every\s+(.*)$/.exec(cron.trim()) ?? [];
  if (duration !== undefined) return parseEvery(duration, fail);
  const [, zoneName, expression = ""] = /^(?:(?:CRON_)?TZ=(\S*)\s+)?(.*)$/s.exec(cron.trim()) ?? [];
  const zone = parseZone(zoneName, fail);
  const times = parseTimes(expression, fail);
  if (nextWall(times, SOME_DAY) === null) fail("never comes: no month that it allows has a day that it allows");
  return { kind: "calendar", times, zone };
}

/** Always throws; the problem comes after the cron that has it. */
type Fail = (problem: string) => never;

function parseEvery(text: string, fail: Fail): Schedule {
  const everyMs = readDuration(text, "every", fail);
  if (everyMs < EVERY_MIN_MS) fail(`every: ${JSON.stringify(text)} is under the bound of 1 second`);
  if (everyMs > HORIZON_DAYS * DAY_MS) fail(`every: ${JSON.stringify(text)} is over the bound of ${HORIZON_DAYS} days`);
  return { kind: "every", everyMs };
}

function readDuration(text: string, field: string, fail: Fail): number {
  try {
    return durationMs(text, field);
  } catch (error) {
    if (error instanceof TimeError) return fail(error.message);
    throw error;
  }
}

function parseZone(name: string | undefined, fail: Fail): Zone {
  try {
    return new Zone(name ?? "UTC");
  } catch {
    return fail(`TZ: ${JSON.stringify(name)} is not a time zone such as Europe/Paris or UTC`);
  }
}

interface Field {
  name: string;
  /** cron-parser's name */
  key: "second" | "minute" | "hour" | "dayOfMonth" | "month" | "dayOfWeek";
  /** how to say what is allowed */
  allowed: string;
  /** a range in it */
  example: string;
  /** how many values it has: the largest step */
  size: number;
}

const SECOND: Field = { name: "second", key: "second", allowed: "0–59", example: "0-4", size: 60 };
const MINUTE: Field = { name: "minute", key: "minute", allowed: "0–59", example: "0-4", size: 60 };
const HOUR: Field = { name: "hour", key: "hour", allowed: "0–23", example: "0-4", size: 24 };
const DAY_OF_MONTH: Field = {
  name: "day of month",
  key: "dayOfMonth",
  allowed: "1–31, L for the last day",
  example: "1-5",
  size: 31,
};
const MONTH: Field = { name: "month", key: "month", allowed: "1–12, jan–dec", example: "1-5", size: 12 };
const DAY_OF_WEEK: Field = { name: "day of week", key: "dayOfWeek", allowed: "0–7, sun–sat", example: "0-4", size: 7 };
const FIELDS = [SECOND, MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK];

function parseTimes(expression: string, fail: Fail): Times {
  const texts = expression.split(/\s+/).filter((text) => text !== "");
  if (texts[0]?.startsWith("@"))
    fail(`${JSON.stringify(texts[0])}: write five fields instead, as in "0 0 * * *" for daily, or "every 1h"`);
  if (texts.length === 5) texts.unshift("0");
  if (texts.length !== 6)
    fail(
      `fields: ${texts.length} given; write five, "minute hour day-of-month month day-of-week", or six that begin with the second`,
    );
  const [second = "", minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = ""] = texts;
  const daysOfMonth = new Set(parseField(DAY_OF_MONTH, dayOfMonth, fail));
  const months = new Set(parseField(MONTH, month, fail));
  const weekdays = new Set(parseField(DAY_OF_WEEK, dayOfWeek, fail).map((weekday) => weekday % 7));
  const isDayOfMonth = (day: Date) =>
    daysOfMonth.has(day.getUTCDate()) || (daysOfMonth.has(LAST_DAY) && isLastOfMonth(day));
  const isWeekday = (day: Date) => weekdays.has(day.getUTCDay());
  const isDayAllowed = isUnrestricted(dayOfWeek)
    ? isDayOfMonth
    : isUnrestricted(dayOfMonth)
      ? isWeekday
      : (day: Date) => isDayOfMonth(day) || isWeekday(day);
  return {
    seconds: parseField(SECOND, second, fail),
    minutes: parseField(MINUTE, minute, fail),
    hours: parseField(HOUR, hour, fail),
    isDay: (day) => months.has(day.getUTCMonth() + 1) && isDayAllowed(day),
  };
}

/** In place of a day of the month. */
const LAST_DAY = 0;

function isLastOfMonth(day: Date): boolean {
  return new Date(day.getTime() + DAY_MS).getUTCDate() === 1;
}

function isUnrestricted(text: string): boolean {
  return /^[*?](\/1)?$/.test(text);
}

/** Values, names, ranges and steps; also `L`. What cron-parser knows beyond that is refused: `H` is a time by chance. */
const PART = /^(?:[*?]|\d{1,2}|[a-z]{3}|l)(?:-(?:\d{1,2}|[a-z]{3}))?(?:\/\d+)?$/i;

/** The values that a field allows, ascending. */
function parseField(field: Field, text: string, fail: Fail): number[] {
  const parts = text.split(",").map((part) => {
    const spelled = field === DAY_OF_WEEK ? spellWeekdays(part) : part;
    const isLast = /^l$/i.test(part);
    const step = Number(/\/(\d+)$/.exec(part)?.[1] ?? 1);
    if (!PART.test(part) || step > field.size || (isLast && field !== DAY_OF_MONTH) || !isReadable(field, spelled))
      fail(
        `${field.name}: ${JSON.stringify(part)} is not allowed; allowed are ${field.allowed}, *, ranges such as ${field.example}, steps such as */2 and lists of these`,
      );
    return spelled;
  });
  const { values } = read(field, parts.join(",")).fields[field.key];
  return values.map((value) => (value === "L" ? LAST_DAY : Number(value))).sort((a, b) => a - b);
}

/** Sunday at the end of a range is 7, and a step from a day on ends with Saturday. */
function spellWeekdays(part: string): string {
  return part.replace(/-(?:sun|0)(?=$|\/)/i, "-7").replace(/^([^-*?/]+)\//, "$1-6/");
}

function isReadable(field: Field, part: string): boolean {
  try {
    read(field, part);
    return true;
  } catch {
    return false;
  }
}

/** The field alone, all others unrestricted: what is wrong is then wrong with it. */
function read(field: Field, text: string): CronExpression {
  return CronExpressionParser.parse(FIELDS.map((other) => (other === field ? text : "*")).join(" "), { tz: "UTC" });
}

/**
 * The first tick after an instant, epoch milliseconds; null when none comes within eight years.
 */
export function nextTick(schedule: Schedule, after: number): number | null {
  if (schedule.kind === "every") return (Math.floor(after / schedule.everyMs) + 1) * schedule.everyMs;
  const { times, zone } = schedule;
  if (times.hours.length === 24) return nextByRealTime(times, zone, after);
  const wall = nextWall(times, zone.latestWallAt(after));
  return wall === null ? null : zone.firstInstantOf(wall);
}

function nextByRealTime(times: Times, zone: Zone, after: number): number | null {
  let from = after;
  let wall = nextWall(times, zone.wallAt(from));
  while (wall !== null) {
    const at = from + wall - zone.wallAt(from);
    const change = zone.nextChange(from, at);
    if (change === null) return at;
    // from here on the clock shows other times, of which the first may be one of the schedule
    from = change;
    wall = nextWall(times, zone.wallAt(from) - 1);
  }
  return null;
}

/** The first time of the calendar after a time, as if no clock were ever set. */
function nextWall(times: Times, after: number): number | null {
  const first = Math.floor(after / DAY_MS) * DAY_MS;
  for (let day = first; day <= first + HORIZON_DAYS * DAY_MS; day += DAY_MS) {
    if (!times.isDay(new Date(day))) continue;
    const found = nextInDay(times, day === first ? after - day : -1);
    if (found !== null) return day + found;
  }
  return null;
}

/** Milliseconds since midnight of the first time after `afterMs`. */
function nextInDay({ hours, minutes, seconds }: Times, afterMs: number): number | null {
  for (const hour of hours) {
    const hourAt = hour * HOUR_MS;
    if (hourAt + HOUR_MS <= afterMs) continue;
    for (const minute of minutes) {
      const minuteAt = hourAt + minute * MINUTE_MS;
      if (minuteAt + MINUTE_MS <= afterMs) continue;
      for (const second of seconds) if (minuteAt + second * SECOND_MS > afterMs) return minuteAt + second * SECOND_MS;
    }
  }
  return null;
}

/** Ticks are counted up to here: nobody needs to know how many seconds a month's downtime had. */
export const MISSED_COUNT_MAX = 10_000;

/** Widening looks back: however long ago the last tick was, few ticks lie between it and the first look that finds one. */
const LOOK_BACK_MS = [MINUTE_MS, HOUR_MS, DAY_MS, 32 * DAY_MS, 366 * DAY_MS];

/**
 * The latest tick up to now, and how many came before it since `first`, which is the first that has not been dealt with.
 *
 * @param first a tick that is not after `now`
 */
export function latestTick(schedule: Schedule, first: number, now: number): { at: number; missed: number } {
  let missed = 0;
  let at = first;
  for (; missed < MISSED_COUNT_MAX; missed++) {
    const next = nextTick(schedule, at);
    if (next === null || next > now) return { at, missed };
    at = next;
  }
  for (const lookBackMs of LOOK_BACK_MS) {
    let found: number | null = null;
    for (let next = nextTick(schedule, now - lookBackMs); next !== null && next <= now;) {
      found = next;
      next = nextTick(schedule, next);
    }
    if (found !== null) return { at: Math.max(found, at), missed };
  }
  return { at, missed };
}

/** @throws CronError naming the jitter when it cannot be one */
export function parseJitter(jitter: string): number {
  const fail: Fail = (problem) => {
    throw new CronError(problem);
  };
  const parsed = readDuration(jitter, "jitter", fail);
  if (parsed < JITTER_MIN_MS || parsed > JITTER_MAX_MS)
    fail(`jitter: ${JSON.stringify(jitter)} is out of bounds; it is between 1s and 5m`);
  return parsed;
}

/**
 * When the run of a tick starts: later than the tick by less than the jitter. The same for the same function and tick,
 * and spread evenly over functions.
 */
export function fireAt(functionId: string, jitter: string | null, tickAt: number): number {
  if (jitter === null) return tickAt;
  return tickAt + Math.floor(textFraction(`jitter\0${functionId}\0${tickAt}`) * parseJitter(jitter));
}

/**
 * Refuses a function whose schedules cannot be kept.
 *
 * @throws CronError naming function, trigger, field and value
 */
export function checkCrons(functionId: string, crons: readonly CronTrigger[]): void {
  const seen = new Set<string>();
  for (const { cron, jitter } of crons) {
    try {
      parseCron(cron);
      if (jitter !== null) parseJitter(jitter);
    } catch (error) {
      if (!(error instanceof CronError)) throw error;
      const at = error.message.startsWith("cron ") ? "" : `cron ${JSON.stringify(cron)}: `;
      throw new CronError(`function "${functionId}": triggers: ${at}${error.message}`);
    }
    if (seen.has(cron))
      throw new CronError(`function "${functionId}": triggers: cron ${JSON.stringify(cron)} is given twice`);
    seen.add(cron);
  }
}

/** An instant in RFC 3339, UTC, without a fraction when it has none, as Go writes it. */
export function rfc3339(at: number): string {
  return new Date(at).toISOString().replace(".000Z", "Z");
}
