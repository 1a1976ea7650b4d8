import type { RegisteredFunction } from "../../protocol/function-config.ts";
import type { AppSync, AppView, BulkKind, SyncError } from "../objects.ts";
import { appAfter, registeredAgain, type AppRow } from "./app-versions.ts";
import type { Sql, SqlValue } from "./sql.ts";
import { SYNC_ERRORS_MAX, type RegistryStore, type StoredPause, type StoredSchedule } from "./stores.ts";

const SCHEMA = [
  "CREATE TABLE IF NOT EXISTS app (id TEXT PRIMARY KEY, checksum TEXT NOT NULL, json TEXT NOT NULL) WITHOUT ROWID",
  // archived functions stay: present again in a sync they go on with the next version
  "CREATE TABLE IF NOT EXISTS function (id TEXT PRIMARY KEY, app_id TEXT NOT NULL, archived INTEGER NOT NULL, json TEXT NOT NULL) WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS waited (name TEXT PRIMARY KEY) WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS log (name TEXT PRIMARY KEY) WITHOUT ROWID",
  // by URL: of a URL that never was synced the app is unknown
  "CREATE TABLE IF NOT EXISTS sync_error (url TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, json TEXT NOT NULL) WITHOUT ROWID",
  // beside the functions, which a sync replaces
  "CREATE TABLE IF NOT EXISTS pause (function_id TEXT PRIMARY KEY, pause_json TEXT, ended_at_ms INTEGER, opening INTEGER NOT NULL) WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS cancellation (id TEXT PRIMARY KEY) WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS replay (id TEXT PRIMARY KEY) WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS environment (name TEXT PRIMARY KEY) WITHOUT ROWID",
  // few rows, read as a whole: an index on the next tick would cost a row for each
  `CREATE TABLE IF NOT EXISTS schedule (
    function_id TEXT, cron TEXT,
    next_at_ms INTEGER, -- the first tick that is not known to have been sent; null when none comes any more
    missed INTEGER NOT NULL, -- ticks before it that are not made up
    id_at_ms INTEGER, -- time in the id of its event when that is not the tick's own
    PRIMARY KEY (function_id, cron)
  ) WITHOUT ROWID`,
];

interface ScheduleRow extends Record<string, SqlValue> {
  function_id: string;
  cron: string;
  next_at_ms: number | null;
  missed: number;
  id_at_ms: number | null;
}

interface PauseRow extends Record<string, SqlValue> {
  function_id: string;
  pause_json: string | null;
  ended_at_ms: number | null;
  opening: number;
}

export class SqlRegistryStore implements RegistryStore {
  readonly #sql: Sql;
  #exists: boolean | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  sync(sync: AppSync, now: number): boolean {
    const { appId, checksum, functions, url } = sync;
    this.#create();
    return this.#sql.transaction(() => {
      const [known] = this.#rows<{ checksum: string; json: string }>(
        "SELECT checksum, json FROM app WHERE id = ?",
        appId,
      );
      if (url !== null) this.syncSucceeded(url);
      if (known?.checksum === checksum) return false;
      const row = appAfter(sync, known && appRow(known.json), now);
      this.#rows("INSERT OR REPLACE INTO app VALUES (?, ?, ?)", appId, checksum, JSON.stringify(row));
      const before = new Map(this.#rowsOf(appId).map((stored) => [stored.id, stored]));
      for (const fn of functions) {
        this.#putFunction(fn, before.get(fn.id));
        before.delete(fn.id);
      }
      for (const id of before.keys()) this.#rows("UPDATE function SET archived = 1 WHERE id = ? AND archived = 0", id);
      return true;
    });
  }

  /** The first function of a sync whose id another app has: `a` + `b-c` and `a-b` + `c` are the same slug. */
  takenBy({ appId, functions }: AppSync): { functionId: string; appId: string } | null {
    for (const { id } of functions) {
      const [row] = this.#rows<{ app_id: string; archived: number }>(
        "SELECT app_id, archived FROM function WHERE id = ?",
        id,
      );
      if (row && row.app_id !== appId && row.archived === 0) return { functionId: id, appId: row.app_id };
    }
    return null;
  }

  #putFunction(fn: RegisteredFunction, before: { json: string; archived: number } | undefined): void {
    const known = before && { fn: toFunction(before.json), archived: before.archived === 1 };
    const written = registeredAgain(fn, known);
    if (!written) return;
    this.#rows("INSERT OR REPLACE INTO function VALUES (?, ?, 0, ?)", fn.id, fn.appId, JSON.stringify(written));
  }

  #rowsOf(appId: string): { id: string; json: string; archived: number }[] {
    return this.#rows<{ id: string; json: string; archived: number }>(
      "SELECT id, json, archived FROM function WHERE app_id = ?",
      appId,
    );
  }

  functions(): RegisteredFunction[] {
    return this.#rows<{ json: string }>("SELECT json FROM function WHERE archived = 0 ORDER BY id").map((row) =>
      toFunction(row.json),
    );
  }

  schedules(): StoredSchedule[] {
    return this.#rows<ScheduleRow>("SELECT * FROM schedule ORDER BY function_id, cron").map((row) => ({
      functionId: row.function_id,
      cron: row.cron,
      nextAt: row.next_at_ms,
      missed: row.missed,
      idAt: row.id_at_ms,
    }));
  }

  addSchedule(functionId: string, cron: string, nextAt: number | null): void {
    this.#create();
    this.#rows("INSERT OR REPLACE INTO schedule VALUES (?, ?, ?, 0, NULL)", functionId, cron, nextAt);
  }

  /** Moves a schedule on, unless it has moved, or gone, in the meantime. */
  moveSchedule(from: StoredSchedule, to: Pick<StoredSchedule, "nextAt" | "missed" | "idAt">): void {
    this.#rows(
      "UPDATE schedule SET next_at_ms = ?, missed = ?, id_at_ms = ? WHERE function_id = ? AND cron = ? AND next_at_ms = ?",
      to.nextAt,
      to.missed,
      to.idAt,
      from.functionId,
      from.cron,
      from.nextAt,
    );
  }

  dropSchedule(functionId: string, cron: string): void {
    this.#rows("DELETE FROM schedule WHERE function_id = ? AND cron = ?", functionId, cron);
  }

  /** A function that its app no longer has, or whose app is archived. */
  archivedFunction(id: string): RegisteredFunction | null {
    const [row] = this.#rows<{ json: string }>("SELECT json FROM function WHERE id = ? AND archived = 1", id);
    return row ? toFunction(row.json) : null;
  }

  apps(): AppView[] {
    const errors = this.#syncErrors();
    return this.#rows<{ json: string }>("SELECT json FROM app ORDER BY id").map(({ json }) => {
      const app = appRow(json);
      return { ...app, error: (app.url !== null && errors.get(app.url)) || null };
    });
  }

  /** False for an app that is not known. Without a checksum its next sync differs, and so restores it. */
  archive(appId: string, now: number): boolean {
    const [known] = this.#rows<{ json: string }>("SELECT json FROM app WHERE id = ?", appId);
    if (!known) return false;
    const row = appRow(known.json);
    if (row.archivedAt !== null) return true;
    this.#sql.transaction(() => {
      const json = JSON.stringify({ ...row, archivedAt: now });
      this.#rows("UPDATE app SET checksum = '', json = ? WHERE id = ?", json, appId);
      this.#rows("UPDATE function SET archived = 1 WHERE app_id = ? AND archived = 0", appId);
    });
    return true;
  }

  syncFailed(url: string, error: SyncError): void {
    this.#create();
    this.#sql.transaction(() => {
      this.#rows("INSERT OR REPLACE INTO sync_error VALUES (?, ?, ?)", url, error.at, JSON.stringify(error));
      this.#rows(
        "DELETE FROM sync_error WHERE url NOT IN (SELECT url FROM sync_error ORDER BY at_ms DESC, url LIMIT ?)",
        SYNC_ERRORS_MAX,
      );
    });
  }

  syncSucceeded(url: string): void {
    this.#rows("DELETE FROM sync_error WHERE url = ?", url);
  }

  unsynced(): { url: string; error: SyncError }[] {
    const known = new Set(this.apps().map((app) => app.url));
    return [...this.#syncErrors()].flatMap(([url, error]) => (known.has(url) ? [] : [{ url, error }]));
  }

  #syncErrors(): Map<string, SyncError> {
    const rows = this.#rows<{ url: string; json: string }>("SELECT url, json FROM sync_error ORDER BY url");
    return new Map(rows.map(({ url, json }) => [url, JSON.parse(json)]));
  }

  pauses(): StoredPause[] {
    return this.#rows<PauseRow>("SELECT * FROM pause ORDER BY function_id").map((row) => ({
      functionId: row.function_id,
      pause: row.pause_json === null ? null : JSON.parse(row.pause_json),
      endedAt: row.ended_at_ms,
      isOpening: row.opening === 1,
    }));
  }

  putPause({ functionId, pause, endedAt, isOpening }: StoredPause): void {
    this.#create();
    const json = pause && JSON.stringify(pause);
    this.#rows("INSERT OR REPLACE INTO pause VALUES (?, ?, ?, ?)", functionId, json, endedAt, isOpening ? 1 : 0);
  }

  // each kind has the table of its name

  addBulk(kind: BulkKind, id: string): void {
    this.#create();
    this.#rows(`INSERT OR IGNORE INTO ${kind} VALUES (?)`, id);
  }

  dropBulk(kind: BulkKind, id: string): void {
    this.#rows(`DELETE FROM ${kind} WHERE id = ?`, id);
  }

  isBulk(kind: BulkKind, id: string): boolean {
    return this.#rows(`SELECT 1 FROM ${kind} WHERE id = ?`, id).length > 0;
  }

  bulks(kind: BulkKind, before: string | null, limit: number): string[] {
    const rows =
      before === null
        ? this.#rows<{ id: string }>(`SELECT id FROM ${kind} ORDER BY id DESC LIMIT ?`, limit)
        : this.#rows<{ id: string }>(`SELECT id FROM ${kind} WHERE id < ? ORDER BY id DESC LIMIT ?`, before, limit);
    return rows.map((row) => row.id);
  }

  isWaited(name: string): boolean {
    return this.#rows("SELECT 1 FROM waited WHERE name = ?", name).length > 0;
  }

  flag(name: string): void {
    this.#create();
    this.#rows("INSERT OR IGNORE INTO waited VALUES (?)", name);
  }

  unflag(name: string): void {
    this.#rows("DELETE FROM waited WHERE name = ?", name);
  }

  openLog(log: string): void {
    this.#create();
    this.#rows("INSERT OR IGNORE INTO log VALUES (?)", log);
  }

  closeLog(log: string): void {
    this.#rows("DELETE FROM log WHERE name = ?", log);
  }

  /** Newest day first. */
  logs(): string[] {
    return this.#rows<{ name: string }>("SELECT name FROM log ORDER BY name DESC").map((row) => row.name);
  }

  openEnvironment(name: string): void {
    this.#create();
    this.#rows("INSERT OR IGNORE INTO environment VALUES (?)", name);
  }

  closeEnvironment(name: string): void {
    this.#rows("DELETE FROM environment WHERE name = ?", name);
  }

  environments(): string[] {
    return this.#rows<{ name: string }>("SELECT name FROM environment ORDER BY name").map((row) => row.name);
  }

  #create(): void {
    if (this.#exists) return;
    for (const statement of SCHEMA) this.#sql.exec(statement);
    this.#exists = true;
  }

  #rows<Row extends Record<string, SqlValue>>(query: string, ...bindings: SqlValue[]): Row[] {
    if (this.#exists === undefined) {
      this.#exists = false;
      // one that exists gets the tables of later versions; looking creates none
      if (this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'app'").length > 0) this.#create();
    }
    return this.#exists ? this.#sql.exec<Row>(query, ...bindings) : [];
  }
}

/** Functions that an older version stored have no crons. */
function toFunction(json: string): RegisteredFunction {
  return { crons: [], ...JSON.parse(json) };
}

/** Rows of earlier versions know less. */
function appRow(json: string): AppRow {
  const { error: _, ...row }: AppView = { appVersion: null, version: 1, archivedAt: null, ...JSON.parse(json) };
  return row;
}
