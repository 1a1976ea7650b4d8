import { AUDIT_DROPPED_AT_ONCE, outdated, type AuditEntry, type Audited } from "../../protocol/audit.ts";
import type { Sql } from "./sql.ts";
import type { AuditStore } from "./stores.ts";

const CREATE_TABLE =
  "CREATE TABLE IF NOT EXISTS audit (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, entry_json TEXT NOT NULL)";

export class SqlAuditStore implements AuditStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  add(entry: AuditEntry, now: number): void {
    this.#sql.transaction(() => {
      this.#sql.exec(CREATE_TABLE);
      // the newest is never deleted, so that no number comes twice
      const [row] = this.#sql.exec<{ seq: number }>(
        "INSERT INTO audit (at_ms, entry_json) VALUES (?, ?) RETURNING seq",
        now,
        JSON.stringify(entry),
      );
      const oldest = this.#sql.exec<{ seq: number; at: number }>(
        "SELECT seq, at_ms AS at FROM audit ORDER BY seq LIMIT ?",
        AUDIT_DROPPED_AT_ONCE,
      );
      for (const seq of outdated(oldest, { seq: row?.seq ?? 0, at: now }))
        this.#sql.exec("DELETE FROM audit WHERE seq = ?", seq);
    });
  }

  list(before: number | null, limit: number): Audited[] {
    if (this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'audit'").length === 0) return [];
    return this.#sql
      .exec<{ seq: number; at_ms: number; entry_json: string }>(
        "SELECT * FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?",
        before ?? Number.MAX_SAFE_INTEGER,
        limit,
      )
      .map(({ seq, at_ms: at, entry_json }) => ({ ...(JSON.parse(entry_json) as AuditEntry), seq, at }));
  }
}
