import type { Sql, SqlValue } from "./sql.ts";
import type { ScheduleMove, ScheduleStore, StoredDynamicSchedule } from "./stores.ts";

const CREATE_TABLE = `CREATE TABLE dynamic_schedule (
  id TEXT PRIMARY KEY,
  generation INTEGER NOT NULL, -- of its times
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  next_at_ms INTEGER, -- the first tick that is not known to have been sent; null when none comes any more
  missed INTEGER NOT NULL, -- ticks before it that are not made up
  id_at_ms INTEGER, -- time in the id of its event when that is not the tick's own
  last_at_ms INTEGER, -- the tick that was sent last
  due_at_ms INTEGER, -- when it is to be looked at
  json TEXT NOT NULL -- what it is to do when
) WITHOUT ROWID`;

/** Serves the alarm: which come next, and which are due. */
const CREATE_INDEX =
  "CREATE INDEX dynamic_schedule_due ON dynamic_schedule (due_at_ms, id) WHERE due_at_ms IS NOT NULL";

interface Row extends Record<string, SqlValue> {
  generation: number;
  created_at_ms: number;
  updated_at_ms: number;
  next_at_ms: number | null;
  missed: number;
  id_at_ms: number | null;
  last_at_ms: number | null;
  due_at_ms: number | null;
  json: string;
}

export class SqlScheduleStore implements ScheduleStore {
  readonly #sql: Sql;
  #exists: boolean | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  get(id: string): StoredDynamicSchedule | null {
    const [row] = this.#rows<Row>("SELECT * FROM dynamic_schedule WHERE id = ?", id);
    return row ? toSchedule(row) : null;
  }

  put(schedule: StoredDynamicSchedule): void {
    const { definition, generation, createdAt, updatedAt, nextAt, missed, idAt, lastAt, dueAt } = schedule;
    this.#create();
    this.#rows(
      "INSERT OR REPLACE INTO dynamic_schedule VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      definition.id,
      generation,
      createdAt,
      updatedAt,
      nextAt,
      missed,
      idAt,
      lastAt,
      dueAt,
      JSON.stringify(definition),
    );
  }

  move(from: StoredDynamicSchedule, to: ScheduleMove): boolean {
    const moved = this.#rows(
      `UPDATE dynamic_schedule SET next_at_ms = ?, missed = ?, id_at_ms = ?, last_at_ms = ?, due_at_ms = ?
       WHERE id = ? AND generation = ? AND next_at_ms = ? RETURNING 1 AS moved`,
      to.nextAt,
      to.missed,
      to.idAt,
      to.lastAt,
      to.dueAt,
      from.definition.id,
      from.generation,
      from.nextAt,
    );
    return moved.length > 0;
  }

  delete(id: string): boolean {
    return this.#rows("DELETE FROM dynamic_schedule WHERE id = ? RETURNING 1 AS gone", id).length > 0;
  }

  count(): number {
    return this.#rows<{ count: number }>("SELECT COUNT(*) AS count FROM dynamic_schedule")[0]?.count ?? 0;
  }

  page(after: string, limit: number, maxBytes: number): ReturnType<ScheduleStore["page"]> {
    const sizes = this.#rows<{ id: string; bytes: number }>(
      "SELECT id, LENGTH(CAST(json AS BLOB)) AS bytes FROM dynamic_schedule WHERE id > ? ORDER BY id LIMIT ?",
      after,
      limit + 1,
    );
    let bytes = 0;
    const fitting = sizes.slice(0, limit).filter((row, index) => (bytes += row.bytes) <= maxBytes || index === 0);
    const last = fitting.at(-1);
    if (!last) return { schedules: [], hasMore: false };
    const rows = this.#rows<Row>("SELECT * FROM dynamic_schedule WHERE id > ? AND id <= ? ORDER BY id", after, last.id);
    return { schedules: rows.map(toSchedule), hasMore: sizes.length > fitting.length };
  }

  due(now: number, limit: number): StoredDynamicSchedule[] {
    return this.#rows<Row>(
      "SELECT * FROM dynamic_schedule WHERE due_at_ms <= ? ORDER BY due_at_ms, id LIMIT ?",
      now,
      limit,
    ).map(toSchedule);
  }

  nextDueAt(): number | null {
    const [row] = this.#rows<{ at: number | null }>(
      "SELECT MIN(due_at_ms) AS at FROM dynamic_schedule WHERE due_at_ms IS NOT NULL",
    );
    return row?.at ?? null;
  }

  #create(): void {
    if (this.#isThere()) return;
    this.#sql.exec(CREATE_TABLE);
    this.#sql.exec(CREATE_INDEX);
    this.#exists = true;
  }

  #rows<R extends Record<string, SqlValue>>(query: string, ...bindings: SqlValue[]): R[] {
    return this.#isThere() ? this.#sql.exec<R>(query, ...bindings) : [];
  }

  #isThere(): boolean {
    // a table that a failed transaction has undone is looked for again
    if (this.#exists !== true)
      this.#exists = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'dynamic_schedule'").length > 0;
    return this.#exists;
  }
}

function toSchedule(row: Row): StoredDynamicSchedule {
  return {
    definition: JSON.parse(row.json),
    generation: row.generation,
    createdAt: row.created_at_ms,
    updatedAt: row.updated_at_ms,
    nextAt: row.next_at_ms,
    missed: row.missed,
    idAt: row.id_at_ms,
    lastAt: row.last_at_ms,
    dueAt: row.due_at_ms,
  };
}
