import { DEDUPE_WINDOW_MS } from "../protocol/limits.ts";
import type { Host } from "./host.ts";
import type { DedupeClaim, DedupeObjectApi } from "./objects.ts";

const SWEEP_EVERY_MS = 60 * 60_000;

const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS claim (
  user_id TEXT, function_id TEXT,
  internal_id TEXT NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  PRIMARY KEY (user_id, function_id)
) WITHOUT ROWID`;

/**
 * Which event of a user id starts a function: the first within 24 hours. The row names the winner, so that the same
 * event asking again, after a consumer died, is not its own duplicate (design §2).
 */
export class DedupeObject implements DedupeObjectApi {
  readonly #host: Host;
  #isReady = false;
  #alarmAt: number | null | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  async claim(claims: DedupeClaim[]): Promise<string[]> {
    this.#alarmAt ??= await this.#host.alarm();
    if (!this.#isReady) this.#host.sql.exec(CREATE_TABLE);
    this.#isReady = true;
    const now = this.#host.now();
    const winners = this.#host.sql.transaction(() => claims.map((claim) => this.#claim(claim, now)));
    if (this.#alarmAt === null) this.#arm(now + DEDUPE_WINDOW_MS);
    return winners;
  }

  #claim({ userId, functionId, internalId }: DedupeClaim, now: number): string {
    const [row] = this.#host.sql.exec<{ internal_id: string; expires_at_ms: number }>(
      "SELECT internal_id, expires_at_ms FROM claim WHERE user_id = ? AND function_id = ?",
      userId,
      functionId,
    );
    if (row && row.expires_at_ms > now) return row.internal_id;
    this.#host.sql.exec(
      "INSERT OR REPLACE INTO claim VALUES (?, ?, ?, ?)",
      userId,
      functionId,
      internalId,
      now + DEDUPE_WINDOW_MS,
    );
    return internalId;
  }

  async alarm(): Promise<void> {
    this.#alarmAt = null;
    const now = this.#host.now();
    try {
      this.#host.sql.exec("DELETE FROM claim WHERE expires_at_ms <= ?", now);
      const [next] = this.#host.sql.exec<{ at: number | null }>("SELECT min(expires_at_ms) AS at FROM claim");
      if (next?.at != null) this.#arm(Math.max(next.at, now + SWEEP_EVERY_MS));
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
