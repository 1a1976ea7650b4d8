/**
 * A key of a rate limit: which events may start a run. What was decided of an event is remembered for a day, or as long as
 * its period, so that a redelivery counts once and gets the same answer.
 */
import { rateLimit, type Spacing } from "../flow-control/rate-limit.ts";
import type { RateLimitPolicy } from "../protocol/flow-control.ts";
import { DEDUPE_WINDOW_MS } from "../protocol/limits.ts";
import type { Host } from "./host.ts";
import type { RateLimitObjectApi } from "./objects.ts";
import type { KeyItem, KeyPlace, KeyStore } from "./storage/stores.ts";

/** Lists of event ids, by the instant of the decision. */
const LET_IN = "in";
const DROPPED = "out";
/** After all that was decided at an instant: ids are ULIDs. */
const LAST_ID = "~";
const PAGE = 100;
const SWEEP_EVERY_MS = 60 * 60_000;

interface RateLimitState {
  spacing: Spacing | null;
  /** how long decisions are remembered */
  memoryMs: number;
}

export class RateLimitObject implements RateLimitObjectApi {
  readonly #host: Host;
  #store: KeyStore;
  #alarmAt: number | null | undefined;
  /** how far the window has moved along the list of those that were let in, and how many it has left behind */
  #left: { place: KeyPlace; count: number } | null = null;

  constructor(host: Host) {
    this.#host = host;
    this.#store = host.stores.key();
  }

  async take(policy: RateLimitPolicy, internalIds: string[]): Promise<boolean[]> {
    this.#alarmAt ??= await this.#host.alarm();
    const now = this.#host.now();
    try {
      const decided = this.#store.transaction(() => this.#decide(policy, internalIds, now));
      if (this.#alarmAt === null) this.#arm(now + memoryOf(policy));
      return decided;
    } catch (error) {
      this.#left = null;
      throw error;
    }
  }

  async decided(internalId: string): Promise<boolean | null> {
    const known = this.#store.item(internalId);
    return known ? known.list === LET_IN : null;
  }

  async alarm(): Promise<void> {
    this.#alarmAt = null;
    const now = this.#host.now();
    try {
      this.#store.transaction(() => this.#forget(now));
      if (this.#store.isEmpty()) await this.#wipe();
      else this.#arm(Math.max(this.#nextExpiry(), now + SWEEP_EVERY_MS));
    } catch (error) {
      this.#host.report(`${this.#host.name}: forgetting old events failed and is tried again`, error);
      this.#arm(now + SWEEP_EVERY_MS);
    }
  }

  #decide(policy: RateLimitPolicy, internalIds: string[], now: number): boolean[] {
    const before = this.#state();
    let spacing = before?.spacing ?? null;
    const decided = internalIds.map((id) => {
      const known = this.#store.item(id);
      if (known) return known.list === LET_IN;
      const decision = rateLimit(policy, { spacing, letInAfter: (at) => this.#letInAfter(at) }, now);
      spacing = decision.spacing;
      this.#store.put({ id, list: decision.isLetIn ? LET_IN : DROPPED, rank: now, value: null });
      return decision.isLetIn;
    });
    const memoryMs = Math.max(memoryOf(policy), before?.memoryMs ?? 0);
    if (spacing !== before?.spacing || memoryMs !== before?.memoryMs) this.#putState({ spacing, memoryMs });
    return decided;
  }

  /** The window moves along the list, so an event costs the same however many are remembered. */
  #letInAfter(at: number): number {
    const end = { rank: at, id: LAST_ID };
    let left = this.#left;
    if (!left || left.place.rank > at) left = { place: end, count: this.#store.before(LET_IN, end) };
    for (let page = PAGE; page === PAGE;) {
      const over: KeyItem[] = this.#store.list(LET_IN, PAGE, left.place).filter((item) => item.rank <= at);
      left = { place: over.at(-1) ?? left.place, count: left.count + over.length };
      page = over.length;
    }
    this.#left = left;
    return this.#store.count(LET_IN) - left.count;
  }

  #forget(now: number): void {
    this.#left = null;
    const horizon = now - (this.#state()?.memoryMs ?? 0);
    for (const list of [LET_IN, DROPPED])
      for (let page = PAGE; page === PAGE;) {
        const old = this.#store.list(list, PAGE).filter((item) => item.rank <= horizon);
        for (const { id } of old) this.#store.delete(id);
        page = old.length;
      }
  }

  #nextExpiry(): number {
    const oldest = [LET_IN, DROPPED].flatMap((list) => this.#store.list(list, 1)).map((item) => item.rank);
    return Math.min(...oldest) + (this.#state()?.memoryMs ?? 0);
  }

  /** Nothing is left: whatever was let in is longer ago than a period. */
  async #wipe(): Promise<void> {
    const wiped = this.#host.wipe();
    this.#store = this.#host.stores.key();
    await wiped;
  }

  #state(): RateLimitState | null {
    return this.#store.state() as RateLimitState | null; // what was put
  }

  #putState({ spacing, memoryMs }: RateLimitState): void {
    this.#store.putState({ spacing: spacing && { ...spacing }, memoryMs });
  }

  #arm(at: number): void {
    this.#alarmAt = at;
    this.#host.setAlarm(at);
  }
}

function memoryOf({ periodMs }: RateLimitPolicy): number {
  return Math.max(DEDUPE_WINDOW_MS, periodMs);
}
