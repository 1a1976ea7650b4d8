/**
 * When a schedule that was made at run time ticks, and which of its ticks are sent. Its cron is that of functions
 * (`cron.ts`); its `every` counts from `startAt`, or from 1970 when it has none.
 */
import { EventError, readEvents } from "../protocol/event-request.ts";
import { EVENT_TS_MAX, EVENT_TS_MIN, SCHEDULE_CATCH_UP_MAX, SCHEDULE_LATE_MS } from "../protocol/limits.ts";
import {
  ScheduleInvalidError,
  type CatchUpPolicy,
  type ScheduleChanges,
  type ScheduleDefinition,
} from "../protocol/schedule.ts";
import { CronError, MISSED_COUNT_MAX, nextTick, latestTick, parseCron, type Schedule } from "./cron.ts";

/** What decides when a schedule ticks. */
type Timed = Pick<ScheduleDefinition, "cron" | "everyMs" | "timezone" | "startAt" | "endAt">;

/** The ticks of a schedule. */
export class Ticks {
  readonly #schedule: Schedule;
  /** where `every` counts from */
  readonly #origin: number;
  readonly #first: number;
  readonly #last: number;

  /** @throws CronError */
  constructor({ cron, everyMs, timezone, startAt, endAt }: Timed) {
    this.#schedule = everyMs === null ? parseCron(zonedCron(cron ?? "", timezone)) : { kind: "every", everyMs };
    this.#origin = everyMs === null ? 0 : (startAt ?? 0);
    this.#first = startAt ?? Number.NEGATIVE_INFINITY;
    this.#last = endAt ?? Number.POSITIVE_INFINITY;
  }

  /** The first tick after an instant; null when none comes any more. */
  after(instant: number): number | null {
    const from = Math.max(instant, this.#first - 1) - this.#origin;
    const next = nextTick(this.#schedule, from);
    return next === null || next + this.#origin > this.#last ? null : next + this.#origin;
  }

  /** The latest tick up to now, and how many came before it since `first`, a tick that is not after now. */
  latest(first: number, now: number): { at: number; missed: number } {
    const until = Math.min(now, this.#last) - this.#origin;
    const { at, missed } = latestTick(this.#schedule, first - this.#origin, until);
    return { at: at + this.#origin, missed };
  }

  /** How many ticks come from `first` on, itself included, and before an instant: up to a bound. */
  count(first: number, before: number, most: number): number {
    let count = 0;
    for (let tick: number | null = first; tick !== null && tick < before && count < most; tick = this.after(tick))
      count += 1;
    return count;
  }
}

/**
 * Which of the ticks that are due is the first to be sent, and how many before it are not. With `none` it may be one
 * that is still to come, and null when none is.
 *
 * @param first the first that has not been dealt with, not after now
 */
export function firstToSend(
  ticks: Ticks,
  catchUp: CatchUpPolicy,
  first: number,
  now: number,
): { at: number | null; missed: number } {
  if (catchUp === "latest") return ticks.latest(first, now);
  const at = catchUp === "all" ? firstOfLast(ticks, first, now) : firstInTime(ticks, first, now);
  return { at, missed: at === first ? 0 : ticks.count(first, at ?? now + 1, MISSED_COUNT_MAX) };
}

function firstInTime(ticks: Ticks, first: number, now: number): number | null {
  return first >= now - SCHEDULE_LATE_MS ? first : ticks.after(now - SCHEDULE_LATE_MS - 1);
}

/** The first of as many as are made up. Looking back widens until it has seen enough of them. */
function firstOfLast(ticks: Ticks, first: number, now: number): number {
  if (ticks.count(first, now + 1, SCHEDULE_CATCH_UP_MAX + 1) <= SCHEDULE_CATCH_UP_MAX) return first;
  const { at: latest } = ticks.latest(first, now);
  for (let lookBackMs = SCHEDULE_CATCH_UP_MAX; ; lookBackMs *= 2) {
    const from = Math.max(latest - lookBackMs, first);
    const seen: number[] = [];
    for (let tick = ticks.after(from - 1); tick !== null && tick <= now; tick = ticks.after(tick)) seen.push(tick);
    if (seen.length >= SCHEDULE_CATCH_UP_MAX || from === first) return seen.at(-SCHEDULE_CATCH_UP_MAX) ?? first;
  }
}

function zonedCron(cron: string, timezone: string | null): string {
  return timezone === null ? cron : `TZ=${timezone} ${cron}`;
}

/**
 * Refuses a schedule that cannot be kept.
 *
 * @throws ScheduleInvalidError naming field, value and what is allowed
 */
export function checkSchedule(definition: ScheduleDefinition): void {
  const { cron, everyMs, timezone, event, function: fn, data, startAt, endAt } = definition;
  if ((cron === null) === (everyMs === null))
    throw new ScheduleInvalidError(
      cron === null
        ? 'cron: a schedule has either cron, such as "0 9 * * *", or every, such as "90s"; this one has neither'
        : "every: a schedule has either cron or every; this one has both",
    );
  if (timezone !== null && cron === null)
    throw new ScheduleInvalidError("timezone: is for cron only; every counts real time");
  checkTimes(definition);
  for (const [field, at] of [
    ["start_at", startAt],
    ["end_at", endAt],
  ] as const)
    // oxfmt-ignore
    if (at !== null && !(at >= EVENT_TS_MIN && at <= EVENT_TS_MAX))
      throw new ScheduleInvalidError(`${field}: must be a time between the years 1980 and 2100; it is ${at}`);
  if (startAt !== null && endAt !== null && endAt < startAt)
    throw new ScheduleInvalidError("end_at: must not be before start_at");
  if ((event === null) === (fn === null))
    throw new ScheduleInvalidError(
      event === null
        ? "event: a schedule has either event, which is sent, or function, which is started; this one has neither"
        : "function: a schedule has either event or function; this one has both",
    );
  if (event !== null && Object.keys(data).length > 0)
    throw new ScheduleInvalidError("data: is for function only; what is sent is event.data");
  if (event !== null) checkEvent(event);
}

function checkTimes(definition: ScheduleDefinition): void {
  const { cron, timezone, everyMs } = definition;
  try {
    if (everyMs !== null) parseCron(`every ${everyMs}ms`);
    if (cron === null) return;
    if (/^\s*every\b/.test(cron)) throw new CronError(`cron: ${JSON.stringify(cron)}: write every: "90s" instead`);
    if (timezone !== null && /^\s*(?:CRON_)?TZ=/.test(cron))
      throw new CronError(`timezone: is given twice, also as ${JSON.stringify(cron.trim().split(/\s/)[0])} of cron`);
    if (timezone !== null && /\s/.test(timezone))
      throw new CronError(`timezone: ${JSON.stringify(timezone)} is not a time zone such as Europe/Paris or UTC`);
    parseCron(zonedCron(cron, timezone));
  } catch (error) {
    if (error instanceof CronError) throw new ScheduleInvalidError(error.message);
    throw error;
  }
}

const NO_SEED = { timeMs: 0, entropy: new Uint8Array(10) };

function checkEvent(event: { name: string; data: ScheduleDefinition["data"] }): void {
  try {
    readEvents(JSON.stringify(event), NO_SEED, 0);
  } catch (error) {
    if (error instanceof EventError) throw new ScheduleInvalidError(error.message);
    throw error;
  }
}

/** A schedule with the fields that are given in the place of its own: one that excludes another takes its place. */
export function changed(definition: ScheduleDefinition, changes: ScheduleChanges): ScheduleDefinition {
  const others: ScheduleChanges = {};
  if (changes.everyMs != null) Object.assign(others, { cron: null, timezone: null });
  if (changes.cron != null) others.everyMs = null;
  if (changes.event != null) Object.assign(others, { function: null, data: {} });
  if (changes.function != null) others.event = null;
  return { ...definition, ...others, ...changes };
}

/** Whether two schedules tick at the same times. */
export function tickTogether(a: ScheduleDefinition, b: ScheduleDefinition): boolean {
  return (["cron", "everyMs", "timezone", "startAt", "endAt", "paused"] as const).every(
    (field) => a[field] === b[field],
  );
}
