import type { DedupeClaim } from "../objects.ts";
import type { Sql, SqlValue } from "./sql.ts";
import type { ClaimStore } from "./stores.ts";

const CREATE_TABLE = `CREATE TABLE claim (
  user_id TEXT, function_id TEXT,
  internal_id TEXT NOT NULL, -- the winner: when it asks again, after a consumer died, it is not its own duplicate
  expires_at_ms INTEGER NOT NULL,
  PRIMARY KEY (user_id, function_id)
) WITHOUT ROWID`;

export class SqlClaimStore implements ClaimStore {
  readonly #sql: Sql;
  #exists: boolean | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  claim(claims: DedupeClaim[], now: number, expiresAt: number): string[] {
    const isNew = !this.#isThere();
    const winners = this.#sql.transaction(() => {
      if (isNew) this.#sql.exec(CREATE_TABLE);
      return claims.map((claim) => this.#claim(claim, now, expiresAt));
    });
    this.#exists = true;
    return winners;
  }

  #claim({ userId, functionId, internalId }: DedupeClaim, now: number, expiresAt: number): string {
    const [row] = this.#sql.exec<{ internal_id: string; expires_at_ms: number }>(
      "SELECT internal_id, expires_at_ms FROM claim WHERE user_id = ? AND function_id = ?",
      userId,
      functionId,
    );
    if (row && row.expires_at_ms > now) return row.internal_id;
    this.#sql.exec("INSERT OR REPLACE INTO claim VALUES (?, ?, ?, ?)", userId, functionId, internalId, expiresAt);
    return internalId;
  }

  holders(claims: Omit<DedupeClaim, "internalId">[], now: number): (string | null)[] {
    return claims.map(({ userId, functionId }) => {
      const [row] = this.#rows<{ internal_id: string }>(
        "SELECT internal_id FROM claim WHERE user_id = ? AND function_id = ? AND expires_at_ms > ?",
        userId,
        functionId,
        now,
      );
      return row?.internal_id ?? null;
    });
  }

  expire(now: number): void {
    this.#rows("DELETE FROM claim WHERE expires_at_ms <= ?", now);
  }

  nextExpiry(): number | null {
    const [row] = this.#rows<{ at: number | null }>("SELECT min(expires_at_ms) AS at FROM claim");
    return row?.at ?? null;
  }

  #rows<Row extends Record<string, SqlValue>>(query: string, ...bindings: SqlValue[]): Row[] {
    return this.#isThere() ? this.#sql.exec<Row>(query, ...bindings) : [];
  }

  #isThere(): boolean {
    this.#exists ??= this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'claim'").length > 0;
    return this.#exists;
  }
}
