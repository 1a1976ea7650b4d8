/** Clocks of time zones. A wall time is what a clock shows, as the epoch milliseconds at which a clock of UTC shows it. */

const DAY_MS = 86_400_000;
const SECOND_MS = 1_000;
/** Days whose offset is remembered; asking Intl costs as much as everything else that a tick needs. */
const DAYS_KEPT = 1_000;

/** Clocks are never set twice within a day. */
export class Zone {
  readonly #format: Intl.DateTimeFormat | null;
  /** offset of a day since 1970, in UTC; null for a day on which it changes */
  readonly #days = new Map<number, number | null>();

  /** @throws RangeError for a name that the time zone database does not have */
  constructor(name: string) {
    this.#format = /^(etc\/)?utc$/i.test(name)
      ? null
      : new Intl.DateTimeFormat("en-US", {
          timeZone: name,
          hourCycle: "h23",
          year: "numeric",
          month: "numeric",
          day: "numeric",
          hour: "numeric",
          minute: "numeric",
          second: "numeric",
        });
  }

  /** What the clock shows at an instant. */
  wallAt(instant: number): number {
    return instant + this.#offset(instant);
  }

  /**
   * The instant at which the clock first shows a time; for a time that it skips, the first instant after the gap. So of a
   * time that the clock shows twice, only the first counts.
   */
  firstInstantOf(wall: number): number {
    // zones are at most 14 hours from UTC: the instant, and a change that matters to it, is in between
    const change = this.#changeBetween(wall - DAY_MS, wall + DAY_MS);
    if (change === null) return wall - this.#offset(wall);
    const before = this.#offset(change - 1);
    if (wall < change + before) return wall - before;
    return Math.max(wall - this.#offset(change), change);
  }

  /** The latest time that the clock has shown so far: more than it shows now while it repeats an hour. */
  latestWallAt(instant: number): number {
    const wall = this.wallAt(instant);
    const change = this.#changeBetween(instant - DAY_MS, instant);
    return change === null ? wall : Math.max(wall, change - SECOND_MS + this.#offset(change - 1));
  }

  /** The first instant after `from` and up to `to` at which the clock is set forward or back; null when it is not. */
  nextChange(from: number, to: number): number | null {
    for (let start = from; start < to; start += DAY_MS) {
      const change = this.#changeBetween(start, Math.min(start + DAY_MS, to));
      if (change !== null) return change;
    }
    return null;
  }

  #changeBetween(from: number, to: number): number | null {
    const before = this.#offset(from);
    if (this.#offset(to) === before) return null;
    let low = from;
    let high = to;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#offset(middle) === before) low = middle;
      else high = middle;
    }
    return high;
  }

  #offset(instant: number): number {
    if (!this.#format) return 0;
    const day = Math.floor(instant / DAY_MS);
    let known = this.#days.get(day);
    if (known === undefined) {
      const first = this.#ask(this.#format, day * DAY_MS);
      known = first === this.#ask(this.#format, (day + 1) * DAY_MS) ? first : null;
      if (this.#days.size >= DAYS_KEPT) this.#days.clear();
      this.#days.set(day, known);
    }
    return known ?? this.#ask(this.#format, instant);
  }

  #ask(format: Intl.DateTimeFormat, instant: number): number {
    const second = Math.floor(instant / SECOND_MS) * SECOND_MS;
    const shown = new Map(format.formatToParts(second).map(({ type, value }) => [type, value]));
    const part = (type: Intl.DateTimeFormatPartTypes) => Number(shown.get(type));
    return (
      Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second")) - second
    );
  }
}
