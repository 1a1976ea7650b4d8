import { DEDUPE_WINDOW_MS } from "../protocol/limits.ts";
import type { Host } from "./host.ts";
import type { DedupeClaim, DedupeObjectApi } from "./objects.ts";
import type { ClaimStore } from "./storage/stores.ts";

const SWEEP_EVERY_MS = 60 * 60_000;

/**
 * Which event of a user id starts a function: the first within 24 hours. The claim names the winner, so that the same
 * event asking again, after a consumer died, is not its own duplicate (design §2).
 */
export class DedupeObject implements DedupeObjectApi {
  readonly #host: Host;
  readonly #store: ClaimStore;
  #alarmAt: number | null | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#store = host.stores.claims();
  }

  async claim(claims: DedupeClaim[]): Promise<string[]> {
    this.#alarmAt ??= await this.#host.alarm();
    const now = this.#host.now();
    const winners = this.#store.claim(claims, now, now + DEDUPE_WINDOW_MS);
    if (this.#alarmAt === null) this.#arm(now + DEDUPE_WINDOW_MS);
    return winners;
  }

  async holders(claims: Omit<DedupeClaim, "internalId">[]): Promise<(string | null)[]> {
    return this.#store.holders(claims, this.#host.now());
  }

  async alarm(): Promise<void> {
    this.#alarmAt = null;
    const now = this.#host.now();
    try {
      this.#store.expire(now);
      const next = this.#store.nextExpiry();
      if (next !== null) this.#arm(Math.max(next, now + SWEEP_EVERY_MS));
    } catch (error) {
      this.#host.report(`dedupe ${this.#host.name}: sweeping failed and is tried again`, error);
      this.#arm(now + SWEEP_EVERY_MS);
    }
  }

  #arm(at: number): void {
    this.#alarmAt = at;
    this.#host.setAlarm(at);
  }
}
