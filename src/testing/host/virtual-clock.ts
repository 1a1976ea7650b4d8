/** Something that happens at an instant of virtual time. */
export interface Timer {
  /** of an object's alarm, its full name: it has one */
  readonly key: string;
  readonly at: number;
  readonly fire: () => void;
}

/** Time that moves only when it is told to, and what is to happen in it. */
export class VirtualClock {
  #now: number;
  /** by instant, then in the order in which they were set */
  readonly #timers: Timer[] = [];
  readonly #byKey = new Map<string, Timer>();

  constructor(start: number) {
    this.#now = start;
  }

  get now(): number {
    return this.#now;
  }

  /** @throws RangeError for an earlier instant */
  moveTo(instant: number): void {
    if (instant < this.#now)
      throw new RangeError(
        `clock: ${new Date(instant).toISOString()} is before the clock's ${new Date(this.#now).toISOString()}; time goes forward only`,
      );
    this.#now = instant;
  }

  /** Replaces the timer of the same key. */
  set(key: string, at: number, fire: () => void): void {
    this.clear(key);
    const timer = { key, at, fire };
    this.#byKey.set(key, timer);
    let place = this.#timers.length;
    while (place > 0 && (this.#timers[place - 1]?.at ?? 0) > at) place -= 1;
    this.#timers.splice(place, 0, timer);
  }

  clear(key: string): void {
    const timer = this.#byKey.get(key);
    if (!timer) return;
    this.#byKey.delete(key);
    this.#timers.splice(this.#timers.indexOf(timer), 1);
  }

  at(key: string): number | null {
    return this.#byKey.get(key)?.at ?? null;
  }

  /** Timers in the order in which they fire. */
  timers(): readonly Timer[] {
    return this.#timers;
  }

  /** The first timer that is wanted. */
  next(isWanted: (timer: Timer) => boolean = () => true): Timer | undefined {
    return this.#timers.find(isWanted);
  }

  /** Takes a timer out and lets it happen. */
  fire(timer: Timer): void {
    this.clear(timer.key);
    timer.fire();
  }
}
