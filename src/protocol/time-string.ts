import ms from "ms";

/** Thrown for a duration or date that cannot be read; names the field and the value. */
export class TimeError extends TypeError {
  readonly code = "time_invalid";
}

/** `Temporal.Duration`, by its shape: nothing is imported where the runtime has none. */
export interface DurationLike {
  readonly [Symbol.toStringTag]: "Temporal.Duration";
  readonly years: number;
  readonly months: number;
  readonly weeks: number;
  readonly days: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly milliseconds: number;
}

/** `Temporal.Instant` or `Temporal.ZonedDateTime`. */
export interface InstantLike {
  readonly [Symbol.toStringTag]: "Temporal.Instant" | "Temporal.ZonedDateTime";
  readonly epochMilliseconds: number;
}

/** A length of time: milliseconds, a string such as "30s", "1h30m" or "2.5 days", or a `Temporal.Duration`. */
export type DurationInput = number | string | DurationLike;

/** A moment: a `Date`, ISO 8601, epoch milliseconds, or Temporal's `Instant` or `ZonedDateTime`. */
export type InstantInput = Date | string | number | InstantLike;

const WIRE_UNITS = [
  ["w", 604_800_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
] as const;

/** What Go adds where a time is not whole milliseconds; both signs of micro. */
const FINER_UNITS = [
  ["us", 1e-3],
  ["\u00b5s", 1e-3],
  ["\u03bcs", 1e-3],
  ["ns", 1e-6],
] as const;

const msOfUnit = new Map<string, number>([...WIRE_UNITS, ...FINER_UNITS]);
const UNIT = [...msOfUnit.keys()].toSorted((a, b) => b.length - a.length).join("|");
const PART = new RegExp(`(\\d+(?:\\.\\d+)?)\\s*(${UNIT})`, "g");
const PARTS = new RegExp(`^(?:\\s*\\d+(?:\\.\\d+)?\\s*(?:${UNIT}))+\\s*$`);

/**
 * Milliseconds of a duration: a number of milliseconds, an `ms` string ("2.5d", "10 minutes"), a sequence of number
 * and unit as the wire carries it ("1h30m", inngest-protocol §2.4), or a `Temporal.Duration` without calendar units.
 *
 * @throws TimeError naming `field` and the value, when it is negative, not finite or cannot be read
 */
export function durationMs(value: DurationInput, field: string): number {
  const parsed = typeof value === "object" && value !== null ? fromTemporal(value, field) : readDuration(value);
  if (parsed === undefined || !Number.isFinite(parsed) || parsed < 0)
    throw new TimeError(
      `${field}: cannot read ${JSON.stringify(value)} as a duration; use milliseconds or a string such as "30s", "5m", "1h30m"`,
    );
  return Math.round(parsed);
}

function readDuration(value: number | string): number | undefined {
  return typeof value === "number" ? value : parseDuration(String(value));
}

function fromTemporal(duration: DurationLike, field: string): number | undefined {
  if (duration[Symbol.toStringTag] !== "Temporal.Duration") return undefined;
  const { years, months, weeks, days, hours, minutes, seconds, milliseconds } = duration;
  if (years || months || weeks)
    throw new TimeError(
      `${field}: ${JSON.stringify(duration)} has years, months or weeks, whose length depends on the calendar; use days or less`,
    );
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + milliseconds;
}

function parseDuration(text: string): number | undefined {
  if (PARTS.test(text)) {
    let sum = 0;
    for (const [, amount, unit = ""] of text.matchAll(PART)) sum += Number(amount) * (msOfUnit.get(unit) ?? Number.NaN);
    return sum;
  }
  if (text.trim() === "" || text.length > 100) return undefined; // ms() itself throws past 100 characters
  return ms(text as ms.StringValue); // checked by the caller: undefined or NaN for anything ms cannot read
}

/** A duration as the wire carries it: number and unit sequences down to the millisecond ("1h30m", "1s500ms"). */
export function durationString(durationMs: number): string {
  let rest = durationMs;
  let text = "";
  for (const [unit, size] of WIRE_UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) text += `${count}${unit}`;
  }
  return text === "" ? "0s" : text;
}

/** What a date in words is made of; V8 itself ignores words it does not know and reads "soon 5" as May 2001. */
const DATE_WORDS =
  /^(?:mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|gmt|utc|[ecmp][sd]t|am$|pm$|t$|z$)/i;

/**
 * Epoch milliseconds of a `Date`, a number of epoch milliseconds, a date string (ISO 8601, or an HTTP date), or Temporal's
 * `Instant` or `ZonedDateTime`.
 *
 * @throws TimeError naming `field` and the value when it is not a date
 */
export function instantMs(value: InstantInput, field: string): number {
  const at = isTemporal(value)
    ? value.epochMilliseconds
    : value instanceof Date
      ? value.getTime()
      : typeof value === "number"
        ? value
        : parseDate(value);
  if (!Number.isFinite(at))
    throw new TimeError(`${field}: ${JSON.stringify(String(value))} is not a date; use a Date or an ISO 8601 string`);
  return at;
}

function isTemporal(value: InstantInput): value is InstantLike {
  if (typeof value !== "object" || value === null || value instanceof Date) return false;
  return /^Temporal\.(?:Instant|ZonedDateTime)$/.test(value[Symbol.toStringTag]);
}

function parseDate(text: string): number {
  const words = String(text).match(/[a-z]+/gi) ?? [];
  const isDate = /\d{4}/.test(text) && words.every((word) => DATE_WORDS.test(word));
  return isDate ? Date.parse(text) : Number.NaN;
}
