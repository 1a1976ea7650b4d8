import type { LoggedEvent, RunCount, RunIndexRow, RunListFilter } from "../objects.ts";
import type { EventRecord } from "../../protocol/event.ts";
import type { AppendPart } from "./append-parts.ts";
import { textParts } from "./long-text.ts";
import type { Sql, SqlValue } from "./sql.ts";
import type { Append, LogStore, ResendState } from "./stores.ts";

/** All of a row but its events, which are most of it. */
interface AppendHead extends Record<string, SqlValue> {
  first_id: string;
  seq: number;
  count: number;
  received_at_ms: number;
  acked_before: number;
  names_json: string;
}

const HEAD = "first_id, seq, count, received_at_ms, acked_before, names_json";

interface AppendRow extends AppendHead {
  parts: number;
  events_json: string;
}

interface RunRow extends Record<string, SqlValue> {
  event_id: string;
  run_id: string;
  function_id: string;
  app_id: string;
  event_name: string;
  status: RunIndexRow["status"];
  created_at_ms: number;
  started_at_ms: number | null;
  ended_at_ms: number | null;
  due_at_ms: number | null;
  /** not there in a table that an older version has made */
  more_json: string | null;
}

/** What only some runs have to say: null for the others. */
type RunMore = Pick<RunIndexRow, "waiting" | "cron" | "batch">;

const SCHEMA = [
  // the ids of one append follow each other, so the greatest first_id below an id is the append that holds it
  `CREATE TABLE append (
    first_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    count INTEGER NOT NULL,
    received_at_ms INTEGER NOT NULL,
    acked_before INTEGER NOT NULL, -- the log's watermark when it took this append
    names_json TEXT NOT NULL,
    parts INTEGER NOT NULL,
    events_json TEXT NOT NULL
  ) WITHOUT ROWID`,
  "CREATE INDEX append_seq ON append (seq)", // resends and looking back
  "CREATE TABLE part (first_id TEXT, n INTEGER, json TEXT NOT NULL, PRIMARY KEY (first_id, n)) WITHOUT ROWID",
  // ranges that were sent again or given up on
  "CREATE TABLE resend (seq INTEGER PRIMARY KEY, upto INTEGER NOT NULL, times INTEGER NOT NULL, parked INTEGER NOT NULL, error TEXT NOT NULL)",
  `CREATE TABLE run (
    event_id TEXT, run_id TEXT, function_id TEXT NOT NULL, app_id TEXT NOT NULL, event_name TEXT NOT NULL,
    status TEXT NOT NULL, created_at_ms INTEGER NOT NULL, started_at_ms INTEGER, ended_at_ms INTEGER, due_at_ms INTEGER,
    more_json TEXT, -- what it waits for; its schedule; how many events it has
    PRIMARY KEY (event_id, run_id)
  ) WITHOUT ROWID`,
  "CREATE INDEX run_due ON run (due_at_ms) WHERE due_at_ms IS NOT NULL", // the sweeper's overdue runs
];

/** Columns that tables of older versions have not: added, as the last, before the next row is written. */
const LATER_RUN_COLUMNS = ["more_json TEXT"];

export class SqlLogStore implements LogStore {
  readonly #sql: Sql;
  #exists: boolean | undefined;
  #isOfToday = false;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  exists(): boolean {
    this.#exists ??= this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'append'").length > 0;
    return this.#exists;
  }

  create(): void {
    if (this.exists()) return;
    this.#sql.transaction(() => {
      for (const statement of SCHEMA) this.#sql.exec(statement);
    });
    this.#exists = true;
  }

  append(parts: readonly AppendPart[], seq: number, receivedAt: number, ackedBefore: number): void {
    this.#sql.transaction(() => {
      let next = seq;
      for (const { firstId, names, texts } of parts) {
        const [head = "", ...rest] = textParts(`[${texts.join(",")}]`);
        this.#sql.exec(
          "INSERT INTO append VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
          firstId,
          next,
          texts.length,
          receivedAt,
          ackedBefore,
          JSON.stringify(names),
          rest.length,
          head,
        );
        for (const [n, part] of rest.entries()) this.#sql.exec("INSERT INTO part VALUES (?, ?, ?)", firstId, n, part);
        next += texts.length;
      }
    });
  }

  /** The next free seq, and the watermark that the last append knew. */
  end(): { next: number; ackedBefore: number } {
    const [row] = this.#rows<AppendHead>(`SELECT ${HEAD} FROM append ORDER BY seq DESC LIMIT 1`);
    return row ? { next: row.seq + row.count, ackedBefore: row.acked_before } : { next: 0, ackedBefore: 0 };
  }

  partOf(firstId: string): Append | undefined {
    return this.#rows<AppendHead>(`SELECT ${HEAD} FROM append WHERE first_id = ?`, firstId).map(toAppend)[0];
  }

  /** Where an event stands; undefined when it is not here. */
  find(internalId: string): { row: Append; event: LoggedEvent } | undefined {
    const [row] = this.#rows<AppendRow>(
      "SELECT * FROM append WHERE first_id <= ? ORDER BY first_id DESC LIMIT 1",
      internalId,
    );
    const event = row && this.#events(row).find((logged) => logged.record.internalId === internalId);
    return row && event ? { row: toAppend(row), event } : undefined;
  }

  read(from: number, to: number): LoggedEvent[] {
    const rows = this.#rows<AppendRow>("SELECT * FROM append WHERE seq >= ? AND seq < ? ORDER BY seq", from, to);
    return rows.flatMap((row) => this.#events(row));
  }

  /** Appends that begin below an id, the last first, without their events. */
  appendsBefore(id: string | null, limit: number): Append[] {
    return this.#rows<AppendHead>(
      `SELECT ${HEAD} FROM append WHERE first_id < ? ORDER BY first_id DESC LIMIT ?`,
      id ?? "~", // after every ULID
      limit,
    ).map(toAppend);
  }

  /** First seq received at or after an instant: receipt times rise with seq, so it is found by halving. */
  firstSince(receivedAt: number): number {
    let low = 0;
    let high = this.end().next;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [row] = this.#rows<AppendHead>(
        `SELECT ${HEAD} FROM append WHERE seq <= ? ORDER BY seq DESC LIMIT 1`,
        middle,
      );
      if (!row || row.received_at_ms < receivedAt) low = row ? Math.max(row.seq + row.count, middle + 1) : middle + 1;
      else high = row.seq;
    }
    return low;
  }

  /** Appends from a seq on, without their events. */
  appendsFrom(seq: number, limit: number): Append[] {
    return this.#rows<AppendHead>(`SELECT ${HEAD} FROM append WHERE seq >= ? ORDER BY seq LIMIT ?`, seq, limit).map(
      toAppend,
    );
  }

  /** Whether any event or run with an id between the two is here. */
  hasIdBetween(low: string, high: string): boolean {
    return (
      this.#rows("SELECT 1 FROM append WHERE first_id BETWEEN ? AND ? LIMIT 1", low, high).length > 0 ||
      this.#rows("SELECT 1 FROM run WHERE event_id BETWEEN ? AND ? LIMIT 1", low, high).length > 0
    );
  }

  /** Ranges sent again or parked whose first seq is in `[from, to)`. */
  resends(from = 0, to = Number.MAX_SAFE_INTEGER): ResendState[] {
    return this.#rows<{ seq: number; upto: number; times: number; parked: number; error: string }>(
      "SELECT * FROM resend WHERE seq >= ? AND seq < ? ORDER BY seq",
      from,
      to,
    ).map(({ parked, ...row }) => ({ ...row, isParked: parked === 1 }));
  }

  putResend({ seq, upto, times, isParked, error }: ResendState): void {
    this.#rows("INSERT OR REPLACE INTO resend VALUES (?, ?, ?, ?, ?)", seq, upto, times, isParked ? 1 : 0, error);
  }

  deleteResend(seq: number): void {
    this.#rows("DELETE FROM resend WHERE seq = ?", seq);
  }

  /** Brings the table of runs up to what this version writes. */
  #bringUpToDate(): void {
    if (this.#isOfToday || !this.exists()) return;
    this.#sql.transaction(() => {
      const [table] = this.#sql.exec<{ sql: string }>("SELECT sql FROM sqlite_master WHERE name = 'run'");
      for (const column of LATER_RUN_COLUMNS)
        if (!table?.sql.includes(column)) this.#sql.exec(`ALTER TABLE run ADD COLUMN ${column}`);
    });
    this.#isOfToday = true;
  }

  putRun(row: RunIndexRow): void {
    this.#bringUpToDate();
    this.#rows(
      `INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (event_id, run_id) DO UPDATE SET status = excluded.status, started_at_ms = excluded.started_at_ms,
         ended_at_ms = excluded.ended_at_ms, due_at_ms = excluded.due_at_ms, more_json = excluded.more_json
       WHERE (status, ended_at_ms, due_at_ms, more_json)
         IS NOT (excluded.status, excluded.ended_at_ms, excluded.due_at_ms, excluded.more_json)`,
      row.eventId,
      row.runId,
      row.functionId,
      row.appId,
      row.eventName,
      row.status,
      row.createdAt,
      row.startedAt,
      row.endedAt,
      row.dueAt,
      moreText(row),
    );
  }

  runsOf(eventId: string): RunIndexRow[] {
    return this.#rows<RunRow>("SELECT * FROM run WHERE event_id = ? ORDER BY run_id", eventId).map(toIndexRow);
  }

  runsBefore(place: Pick<RunIndexRow, "eventId" | "runId"> | null, limit: number): RunIndexRow[] {
    return this.#rows<RunRow>(
      "SELECT * FROM run WHERE (event_id, run_id) < (?, ?) ORDER BY event_id DESC, run_id DESC LIMIT ?",
      place?.eventId ?? "~", // after every ULID
      place?.runId ?? "",
      limit,
    ).map(toIndexRow);
  }

  runsAfter(place: Pick<RunIndexRow, "eventId" | "runId"> | null, limit: number): RunIndexRow[] {
    return this.#rows<RunRow>(
      "SELECT * FROM run WHERE (event_id, run_id) > (?, ?) ORDER BY event_id, run_id LIMIT ?",
      place?.eventId ?? "",
      place?.runId ?? "",
      limit,
    ).map(toIndexRow);
  }

  countRuns(filter: RunListFilter, max: number, looksMax: number): RunCount {
    const { functionIds, appIds, statuses, timeField, from, until } = filter;
    const at = TIME_COLUMNS[timeField];
    const bindings: SqlValue[] = [];
    const among = (column: string, values: readonly string[] | null | undefined) => {
      if (!values) return "1";
      bindings.push(`\n${values.join("\n")}\n`);
      return `instr(?, char(10) || ${column} || char(10)) > 0`; // a list of one binding, which reads no rows
    };
    const tests = [
      `${at} IS NOT NULL`,
      among("function_id", functionIds),
      among("app_id", appIds),
      among("status", statuses),
    ];
    for (const [test, bound] of [
      [`${at} >= ?`, from],
      [`${at} < ?`, until],
    ] as const)
      if (Number.isFinite(bound)) {
        tests.push(test);
        bindings.push(bound);
      }
    // the youngest, in the order of the table: no more rows are read than are looked at
    const [row] = this.#rows<{ looked: number; found: number }>(
      `SELECT count(*) AS looked, coalesce(sum(${tests.join(" AND ")}), 0) AS found
       FROM (SELECT * FROM run ORDER BY event_id DESC, run_id DESC LIMIT ?)`,
      ...bindings,
      looksMax,
    );
    const { looked = 0, found = 0 } = row ?? {};
    return { count: Math.min(found, max), looked, isWhole: looked < looksMax && found <= max };
  }

  overdueRuns(before: number, limit: number): RunIndexRow[] {
    return this.#rows<RunRow>(
      "SELECT * FROM run WHERE due_at_ms < ? ORDER BY due_at_ms, event_id, run_id LIMIT ?",
      before,
      limit,
    ).map(toIndexRow);
  }

  deleteRun(eventId: string, runId: string): void {
    this.#rows("DELETE FROM run WHERE event_id = ? AND run_id = ?", eventId, runId);
  }

  deleteEvents(): void {
    this.#sql.transaction(() => {
      this.#rows("DELETE FROM append");
      this.#rows("DELETE FROM part");
    });
  }

  isEmpty(): boolean {
    return (
      this.#rows("SELECT 1 FROM append LIMIT 1").length === 0 &&
      this.#rows("SELECT 1 FROM run LIMIT 1").length === 0 &&
      this.#rows("SELECT 1 FROM resend LIMIT 1").length === 0
    );
  }

  #events(row: AppendRow): LoggedEvent[] {
    let text = row.events_json;
    for (let n = 0; n < row.parts; n++)
      text +=
        this.#rows<{ json: string }>("SELECT json FROM part WHERE first_id = ? AND n = ?", row.first_id, n)[0]?.json ??
        "";
    const records: EventRecord[] = JSON.parse(text);
    return records.map((record) => ({ record, receivedAt: row.received_at_ms }));
  }

  #rows<Row extends Record<string, SqlValue>>(query: string, ...bindings: SqlValue[]): Row[] {
    return this.exists() ? this.#sql.exec<Row>(query, ...bindings) : [];
  }
}

function toAppend(row: AppendHead): Append {
  const { first_id: firstId, seq, count, received_at_ms: receivedAt } = row;
  return { firstId, seq, count, receivedAt, names: JSON.parse(row.names_json) };
}

const TIME_COLUMNS = {
  createdAt: "created_at_ms",
  startedAt: "started_at_ms",
  endedAt: "ended_at_ms",
} as const satisfies Record<RunListFilter["timeField"], keyof RunRow>;

/** The same text for the same: it is compared. */
function moreText({ waiting, cron, batch }: RunMore): string | null {
  const text = JSON.stringify({ waiting, cron, batch });
  return text === "{}" ? null : text;
}

function toIndexRow(row: RunRow): RunIndexRow {
  return {
    runId: row.run_id,
    eventId: row.event_id,
    functionId: row.function_id,
    appId: row.app_id,
    eventName: row.event_name,
    status: row.status,
    createdAt: row.created_at_ms,
    startedAt: row.started_at_ms,
    endedAt: row.ended_at_ms,
    dueAt: row.due_at_ms,
    ...(row.more_json ? (JSON.parse(row.more_json) as RunMore) : {}),
  };
}
