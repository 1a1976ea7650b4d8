/**
 * All that a run keeps, in one table: a table costs two rows and a page to create, and a run is small. Keys say what a
 * row is: `run` (header), `events`, `step/<hash>` (journal), `effect/<id>`, `lease/<n>`, `event/<id>` (events that
 * answered a wait), `defer/<id>`, `metadata/<id>`, `span/<id>`, `log/<id>`, `part/<key>/<n>` (the rest of a value longer than a row may be).
 */
import type { EventRecord } from "../../protocol/event.ts";
import { byteLength, type JsonValue } from "../../protocol/json.ts";
import type { Lease } from "../../engine/lease.ts";
import { entryDueAt, type Effect, type Entry, type Extra, type ExtraList, type Run } from "../../engine/run.ts";
import { textParts } from "./long-text.ts";
import { readableRun } from "./run-schema.ts";
import type { Sql, SqlValue } from "./sql.ts";
import type { MemoText, RunCounters, RunStore } from "./stores.ts";

interface RecordRow extends Record<string, SqlValue> {
  key: string;
  position: number | null;
  due_at_ms: number | null;
  parts: number;
  json: string;
}

const CREATE_TABLE = `CREATE TABLE record (
  key TEXT PRIMARY KEY,
  position INTEGER,          -- journal: number of the commit that last changed the entry
  due_at_ms INTEGER,         -- journal: when an open entry must be looked at
  parts INTEGER NOT NULL,    -- how many further rows hold the rest of json
  json TEXT NOT NULL
) WITHOUT ROWID`;

/** Serves {@link SqlRunStore.dueEntries} and {@link SqlRunStore.nextDueAt}; made when the first entry has a deadline. */
const CREATE_DUE_INDEX = "CREATE INDEX IF NOT EXISTS record_due ON record (due_at_ms) WHERE due_at_ms IS NOT NULL";

/** Events inline in the header up to this many characters: one row less for almost every run. */
const INLINE_EVENTS_MAX = 16_384;

/** Whether there is anything to look for; `steps`: there may be some. */
interface Found {
  table: boolean;
  dueIndex: boolean;
  steps: boolean;
}

export class SqlRunStore implements RunStore {
  readonly #sql: Sql;
  /** what there is; undefined while it has not been looked for */
  #has: Found | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  transaction<T>(body: () => T): T {
    try {
      return this.#sql.transaction(body);
    } catch (error) {
      this.#has = undefined; // what it created is gone
      throw error;
    }
  }

  /** The header, or null for a run that was never started. Nothing is created by looking. */
  run(): Run | null {
    const stored = this.#get<Run & { events?: EventRecord[] }>("run");
    if (stored === null) return null;
    const { events: _events, ...run } = readableRun(stored);
    return run;
  }

  /** The first write of a run: table, header and trigger events. */
  create(run: Run, events: EventRecord[]): { inline: boolean } {
    return this.transaction(() => {
      this.#sql.exec(CREATE_TABLE);
      this.#has = { table: true, dueIndex: false, steps: false };
      const text = JSON.stringify(events);
      const inline = text.length <= INLINE_EVENTS_MAX;
      if (!inline) this.#put("events", null, null, text);
      this.putRun(run, inline ? events : undefined);
      return { inline };
    });
  }

  /** @param inlineEvents the trigger events when the header carries them; they are written again with it */
  putRun(run: Run, inlineEvents: EventRecord[] | undefined): void {
    this.#put("run", null, null, JSON.stringify(inlineEvents ? { ...run, events: inlineEvents } : run));
  }

  /** Trigger events, and whether they live in the header. */
  events(): { records: EventRecord[]; inline: boolean } {
    const inline = this.#get<{ events?: EventRecord[] }>("run")?.events;
    return inline
      ? { records: inline, inline: true }
      : { records: this.#get<EventRecord[]>("events") ?? [], inline: false };
  }

  entry(stepId: string): Entry | undefined {
    return this.#found.steps ? (this.#get<Entry>(`step/${stepId}`) ?? undefined) : undefined;
  }

  putEntry(entry: Entry): void {
    const dueAt = entryDueAt(entry);
    const found = this.#found;
    if (dueAt !== null && !found.dueIndex) {
      this.#sql.exec(CREATE_DUE_INDEX);
      found.dueIndex = true;
    }
    found.steps = true;
    this.#put(`step/${entry.id}`, entry.position, dueAt, JSON.stringify(entry));
  }

  /** The whole journal in the order of its commits. */
  entries(): Entry[] {
    if (!this.#found.steps) return [];
    const rows = this.#rows("SELECT * FROM record WHERE key GLOB 'step/*' ORDER BY position");
    return rows.map((row) => this.#parse<Entry>(row));
  }

  /** How many steps have settled; those with a deadline have not. */
  settledCount(): number {
    const [row] = this.#exec<{ settled: number }>(
      `SELECT count(*) AS settled FROM record WHERE key GLOB 'step/*' AND due_at_ms IS NULL AND parts = 0
       AND json_extract(json, '$.status.kind') = 'settled'`,
    );
    const inParts = this.#rows("SELECT * FROM record WHERE key GLOB 'step/*' AND due_at_ms IS NULL AND parts > 0");
    return (row?.settled ?? 0) + inParts.filter((long) => this.#parse<Entry>(long).status.kind === "settled").length;
  }

  /** Without reading what is in them: a run over HTTP sends all of them with each call. */
  memosAfter(position: number): MemoText[] {
    if (!this.#found.steps) return [];
    const rows = this.#exec<{ key: string; position: number; parts: number; text: string | null }>(
      // what is in parts is no JSON before it is put together
      `SELECT key, position, parts, CASE WHEN parts = 0 THEN json -> '$.status.memo' END AS text FROM record
       WHERE key GLOB 'step/*' AND position > ? AND due_at_ms IS NULL
       AND (parts > 0 OR json ->> '$.status.kind' = 'settled') ORDER BY position`,
      position,
    );
    return rows.flatMap(({ key, position: at, parts, text }) => {
      const memo = parts > 0 ? this.#memoInParts(key) : text;
      return memo === null ? [] : { id: key.slice("step/".length), position: at, text: memo };
    });
  }

  #memoInParts(key: string): string | null {
    const status = this.#get<Entry>(key)?.status;
    return status?.kind === "settled" ? JSON.stringify(status.memo) : null;
  }

  /** Entries after a position until they hold `maxBytes`, and from where the next page goes on. */
  page(after: number, maxBytes: number): { entries: Entry[]; next: number | null } {
    const keys = this.#rows(
      "SELECT key, position FROM record WHERE key GLOB 'step/*' AND position > ? ORDER BY position",
      after,
    );
    const entries: Entry[] = [];
    let bytes = 0;
    for (const { key } of keys) {
      const entry = this.#get<Entry>(key);
      if (!entry) continue;
      if (bytes > maxBytes) return { entries, next: entries.at(-1)?.position ?? null };
      bytes += byteLength(JSON.stringify(entry));
      entries.push(entry);
    }
    return { entries, next: null };
  }

  /** Entries whose deadline is not after `now`, earliest first. */
  dueEntries(now: number, limit: number): Entry[] {
    if (!this.#found.dueIndex) return [];
    return this.#rows("SELECT * FROM record WHERE due_at_ms <= ? ORDER BY due_at_ms, position LIMIT ?", now, limit).map(
      (row) => this.#parse<Entry>(row),
    );
  }

  nextDueAt(): number | null {
    if (!this.#found.dueIndex) return null;
    const [row] = this.#rows("SELECT * FROM record WHERE due_at_ms IS NOT NULL ORDER BY due_at_ms LIMIT 1");
    return row?.due_at_ms ?? null;
  }

  /** Entries with a deadline: what an ended run must withdraw. */
  openEntries(): Entry[] {
    if (!this.#found.dueIndex) return [];
    return this.#rows("SELECT * FROM record WHERE due_at_ms IS NOT NULL ORDER BY due_at_ms, position").map((row) =>
      this.#parse<Entry>(row),
    );
  }

  /** Counters that the header may be behind on: the header is not written with every step. */
  counters(): RunCounters {
    const [row] = this.#exec<{ position: number | null; steps: number; bytes: number | null }>(
      // parts of long values have no position, but their bytes count
      `SELECT max(position) AS position, count(position) AS steps, sum(octet_length(json)) AS bytes FROM record
       WHERE key GLOB 'step/*' OR key GLOB 'part/step/*'`,
    );
    const [logs] = this.#exec<{ seq: number | null; bytes: number | null }>(
      "SELECT max(json ->> '$.seq') AS seq, sum(octet_length(json)) AS bytes FROM record WHERE key > 'log/' AND key < 'log0'",
    );
    return {
      position: row?.position ?? 0,
      steps: row?.steps ?? 0,
      bytes: row?.bytes ?? 0,
      logs: { seq: logs?.seq ?? 0, bytes: logs?.bytes ?? 0 },
    };
  }

  putEffect(effect: Effect): void {
    this.#put(`effect/${effect.id}`, null, null, JSON.stringify(effect));
  }

  effects(): Effect[] {
    return this.#rows("SELECT * FROM record WHERE key GLOB 'effect/*' ORDER BY key").map((row) =>
      this.#parse<Effect>(row),
    );
  }

  hasEffects(): boolean {
    return this.#rows("SELECT * FROM record WHERE key GLOB 'effect/*' LIMIT 1").length > 0;
  }

  deleteEffect(id: string): void {
    const key = `effect/${id}`;
    const [row] = this.#rows("SELECT * FROM record WHERE key = ?", key);
    if (row) this.#together(row.parts > 0, () => this.#drop(key, row.parts));
  }

  leases(): Lease[] {
    return this.#rows("SELECT * FROM record WHERE key GLOB 'lease/*' ORDER BY position").map((row) =>
      this.#parse<Lease>(row),
    );
  }

  putLease(lease: Lease): void {
    this.#put(`lease/${lease.seq}`, lease.seq, null, JSON.stringify(lease));
  }

  deleteLease(seq: number): void {
    this.#exec("DELETE FROM record WHERE key = ?", `lease/${seq}`);
  }

  /** Position of the commit at which an event answered a wait of this run; undefined when it has not. */
  answeredAt(internalId: string): number | undefined {
    const [row] = this.#rows("SELECT * FROM record WHERE key = ?", `event/${internalId}`);
    return row?.position ?? undefined;
  }

  putAnswered(internalId: string, position: number): void {
    this.#put(`event/${internalId}`, position, null, "null");
  }

  putExtra({ list, id, value }: Extra): void {
    this.#put(`${list}/${id}`, null, null, JSON.stringify(value));
  }

  extra(list: ExtraList, id: string): JsonValue | undefined {
    const [row] = this.#rows("SELECT * FROM record WHERE key = ?", `${list}/${id}`);
    return row && this.#parse<JsonValue>(row);
  }

  extras(list: ExtraList): Extra[] {
    // `0` comes after `/`
    return this.#rows("SELECT * FROM record WHERE key > ? AND key < ? ORDER BY key", `${list}/`, `${list}0`).map(
      (row) => ({
        list,
        id: row.key.slice(list.length + 1),
        value: this.#parse<JsonValue>(row),
      }),
    );
  }

  #put(key: string, position: number | null, dueAtMs: number | null, text: string): void {
    const [head = "", ...rest] = textParts(text);
    this.#together(rest.length > 0, () => {
      if (rest.length > 0) this.#drop(key, this.#rows("SELECT * FROM record WHERE key = ?", key)[0]?.parts ?? 0);
      this.#exec(
        `INSERT INTO record (key, position, due_at_ms, parts, json) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET position = excluded.position, due_at_ms = excluded.due_at_ms,
         parts = excluded.parts, json = excluded.json`,
        key,
        position,
        dueAtMs,
        rest.length,
        head,
      );
      for (const [index, part] of rest.entries())
        this.#exec("INSERT OR REPLACE INTO record (key, parts, json) VALUES (?, 0, ?)", `part/${key}/${index}`, part);
    });
  }

  /** One statement needs no transaction of its own. */
  #together(isMany: boolean, writes: () => void): void {
    if (isMany) this.transaction(writes);
    else writes();
  }

  #drop(key: string, parts: number): void {
    this.#exec("DELETE FROM record WHERE key = ?", key);
    for (let index = 0; index < parts; index++) this.#exec("DELETE FROM record WHERE key = ?", `part/${key}/${index}`);
  }

  #get<T>(key: string): T | null {
    const [row] = this.#rows("SELECT * FROM record WHERE key = ?", key);
    return row ? this.#parse<T>(row) : null;
  }

  #parse<T>(row: RecordRow): T {
    let text = row.json;
    for (let index = 0; index < row.parts; index++)
      text += this.#rows("SELECT * FROM record WHERE key = ?", `part/${row.key}/${index}`)[0]?.json ?? "";
    return JSON.parse(text);
  }

  #rows(query: string, ...bindings: SqlValue[]): RecordRow[] {
    return this.#found.table ? this.#exec<RecordRow>(query, ...bindings) : [];
  }

  /** Without a table there is nothing to read; until an entry has had a deadline there is no index, and nothing to look for. */
  get #found(): Found {
    if (this.#has) return this.#has;
    const names = this.#exec<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE name IN ('record', 'record_due')",
    ).map(({ name }) => name);
    const table = names.includes("record");
    return (this.#has = { table, dueIndex: names.includes("record_due"), steps: table });
  }

  #exec<Row extends Record<string, SqlValue>>(query: string, ...bindings: SqlValue[]): Row[] {
    return this.#sql.exec<Row>(query, ...bindings);
  }
}
