import { deferred, type Deferred } from "../protocol/deferred.ts";
import { STREAM_LOOK_MS } from "../protocol/limits.ts";
import type { Host } from "./host.ts";

/** Changes that are kept for who has not asked again yet: in a second of much more a list is read anew sooner than told. */
const KEPT_MAX = 500;
/** Who watches asks again at once, unless the reader is slow or the network breaks: so long what comes is kept for him. */
const WATCHED_FOR_MS = 30_000;

/** What has changed since a place. */
export interface Changes<T> {
  /** where to go on */
  place: string;
  /** changes before these are not known any more */
  isGap: boolean;
  changes: T[];
}

/**
 * What has changed in an object, for those who watch it. Kept in memory alone, and only while somebody asks: nothing is
 * stored, sent or kept for an object that nobody looks at. A place that this memory does not know is answered with a gap.
 */
export class Watch<T> {
  readonly #host: Pick<Host, "now" | "random" | "wait">;
  /** tells this memory from that of an object that has died */
  #life: string | undefined;
  #count = 0;
  #kept: T[] = [];
  #watchedUntil = Number.NEGATIVE_INFINITY;
  readonly #waiting = new Set<Deferred<void>>();

  constructor(host: Pick<Host, "now" | "random" | "wait">) {
    this.#host = host;
  }

  note(change: T): void {
    this.#count += 1;
    if (this.#watchedUntil === Number.NEGATIVE_INFINITY) return;
    if (this.#host.now() < this.#watchedUntil) {
      this.#kept.push(change);
      if (this.#kept.length > KEPT_MAX) this.#kept.shift();
    } else {
      this.#kept = [];
      this.#watchedUntil = Number.NEGATIVE_INFINITY;
    }
    for (const changed of this.#waiting) changed.resolve();
  }

  /** Resolves as soon as something has changed since, or after so long; null asks for a place to begin at. */
  async since(place: string | null, withinMs: number): Promise<Changes<T>> {
    const waitMs = Math.min(Math.max(withinMs, 0), STREAM_LOOK_MS);
    this.#watchedUntil = this.#host.now() + waitMs + WATCHED_FOR_MS;
    this.#life ??= Math.floor(this.#host.random() * 36 ** 6).toString(36);
    if (place === null) return { place: this.#place, isGap: false, changes: [] };
    const seen = this.#seen(place);
    if (seen === this.#count && waitMs > 0) {
      const changed = deferred();
      this.#waiting.add(changed);
      await this.#host.wait(waitMs, changed.promise);
      this.#waiting.delete(changed);
    }
    const missed = seen === null ? Number.POSITIVE_INFINITY : this.#count - seen;
    const isGap = missed > this.#kept.length;
    return { place: this.#place, isGap, changes: isGap ? [] : this.#kept.slice(this.#kept.length - missed) };
  }

  get #place(): string {
    return `${this.#life}.${this.#count}`;
  }

  /** How many changes somebody knows; null for who has seen another memory. */
  #seen(place: string): number | null {
    const [life, count] = place.split(".");
    const seen = Number(count);
    return life === this.#life && Number.isSafeInteger(seen) && seen >= 0 && seen <= this.#count ? seen : null;
  }
}
