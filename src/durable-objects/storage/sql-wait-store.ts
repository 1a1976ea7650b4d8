import type { PreparedWait } from "../../engine/expression.ts";
import type { EventRecord } from "../../protocol/event.ts";
import type { LoggedEvent, Subscription } from "../objects.ts";
import { textParts } from "./long-text.ts";
import type { Sql, SqlValue } from "./sql.ts";
import type { Cursor, Delivery, WaitStore } from "./stores.ts";

interface WaitRow extends Record<string, SqlValue> {
  run_id: string;
  step_id: string;
  term: string;
  path: string;
  since_ms: number;
  until_ms: number;
  wait_json: string;
}

const SCHEMA = [
  `CREATE TABLE wait (
    run_id TEXT, step_id TEXT,
    term TEXT NOT NULL,  -- termKey of the wait's first equality
    path TEXT NOT NULL,  -- of that equality, '' when it has none
    since_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL,
    wait_json TEXT NOT NULL,
    PRIMARY KEY (run_id, step_id)
  ) WITHOUT ROWID`,
  "CREATE INDEX wait_term ON wait (term, run_id, step_id)", // candidates of an event, page by page
  "CREATE INDEX wait_path ON wait (path)", // which paths of an event to look up
  "CREATE TABLE delivery (internal_id TEXT PRIMARY KEY, received_at_ms INTEGER NOT NULL, cursor_json TEXT NOT NULL, parts INTEGER NOT NULL) WITHOUT ROWID",
  "CREATE TABLE part (internal_id TEXT, n INTEGER, json TEXT NOT NULL, PRIMARY KEY (internal_id, n)) WITHOUT ROWID",
];

export class SqlWaitStore implements WaitStore {
  readonly #sql: Sql;
  #exists: boolean | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  exists(): boolean {
    this.#exists ??= this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'wait'").length > 0;
    return this.#exists;
  }

  put({ runId, stepId, wait, since, until }: Subscription, term: string, path: string): void {
    if (!this.exists())
      this.#sql.transaction(() => {
        for (const statement of SCHEMA) this.#sql.exec(statement);
      });
    this.#exists = true;
    this.#sql.exec(
      "INSERT OR REPLACE INTO wait VALUES (?, ?, ?, ?, ?, ?, ?)",
      runId,
      stepId,
      term,
      path,
      since,
      until,
      JSON.stringify(wait),
    );
  }

  delete(runId: string, stepId: string): void {
    this.#rows("DELETE FROM wait WHERE run_id = ? AND step_id = ?", runId, stepId);
  }

  /** Paths that any wait's equality names: found by skipping from one to the next in the index. */
  paths(): string[] {
    const paths: string[] = [];
    for (let after = ""; ;) {
      const [row] = this.#rows<{ path: string }>("SELECT path FROM wait WHERE path > ? ORDER BY path LIMIT 1", after);
      if (!row) return paths;
      paths.push(row.path);
      after = row.path;
    }
  }

  /** Waits of one term, in key order, after a place. */
  page(term: string, runId: string, stepId: string, limit: number): Subscription[] {
    return this.#rows<WaitRow>(
      "SELECT * FROM wait WHERE term = ? AND (run_id, step_id) > (?, ?) ORDER BY run_id, step_id LIMIT ?",
      term,
      runId,
      stepId,
      limit,
    ).map(toSubscription);
  }

  isEmpty(): boolean {
    return this.#rows("SELECT 1 FROM wait LIMIT 1").length === 0 && this.deliveries().length === 0;
  }

  /** Stores how far an event has been offered, so that a crash goes on from there. */
  putDelivery({ record, receivedAt }: LoggedEvent, cursor: Cursor): void {
    this.#sql.transaction(() => {
      const id = record.internalId;
      const known = this.#rows("SELECT 1 FROM delivery WHERE internal_id = ?", id).length > 0;
      const parts = known ? [] : textParts(JSON.stringify(record));
      for (const [n, part] of parts.entries()) this.#rows("INSERT INTO part VALUES (?, ?, ?)", id, n, part);
      if (known) this.#rows("UPDATE delivery SET cursor_json = ? WHERE internal_id = ?", JSON.stringify(cursor), id);
      else this.#rows("INSERT INTO delivery VALUES (?, ?, ?, ?)", id, receivedAt, JSON.stringify(cursor), parts.length);
    });
  }

  deleteDelivery(internalId: string): void {
    this.#sql.transaction(() => {
      this.#rows("DELETE FROM delivery WHERE internal_id = ?", internalId);
      this.#rows("DELETE FROM part WHERE internal_id = ?", internalId);
    });
  }

  deliveries(): Delivery[] {
    const rows = this.#rows<{ internal_id: string; received_at_ms: number; cursor_json: string }>(
      "SELECT * FROM delivery ORDER BY internal_id LIMIT 10",
    );
    return rows.map((row) => {
      const parts = this.#rows<{ json: string }>(
        "SELECT json FROM part WHERE internal_id = ? ORDER BY n",
        row.internal_id,
      );
      const record: EventRecord = JSON.parse(parts.map((part) => part.json).join(""));
      return { logged: { record, receivedAt: row.received_at_ms }, cursor: JSON.parse(row.cursor_json) };
    });
  }

  #rows<Row extends Record<string, SqlValue>>(query: string, ...bindings: SqlValue[]): Row[] {
    return this.exists() ? this.#sql.exec<Row>(query, ...bindings) : [];
  }
}

function toSubscription(row: WaitRow): Subscription {
  const wait: PreparedWait = JSON.parse(row.wait_json);
  return { runId: row.run_id, stepId: row.step_id, wait, since: row.since_ms, until: row.until_ms };
}
