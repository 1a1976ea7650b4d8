import type { AppSync, AppView, BulkKind, SyncError } from "../../durable-objects/objects.ts";
import { appAfter, registeredAgain, type AppRow } from "../../durable-objects/storage/app-versions.ts";
import {
  SYNC_ERRORS_MAX,
  type RegistryStore,
  type StoredPause,
  type StoredSchedule,
} from "../../durable-objects/storage/stores.ts";
import type { RegisteredFunction } from "../../protocol/function-config.ts";
import { byBytes, type DiskAccess } from "./memory-disk.ts";

interface StoredApp {
  /** empty when its next sync restores it */
  checksum: string;
  app: AppRow;
}

interface StoredFunction {
  archived: boolean;
  fn: RegisteredFunction;
}

/**
 * A registry in memory. Tables: `app`, `function`, `pause` (by function), `cancellation`, `replay`, `sync_error` (by URL), `schedule`
 * (by function and cron), `waited`, `log`, `environment`.
 */
export class MemoryRegistryStore implements RegistryStore {
  readonly #disk: DiskAccess;

  constructor(disk: DiskAccess) {
    this.#disk = disk;
  }

  sync(sync: AppSync, now: number): boolean {
    const { appId, checksum, url } = sync;
    return this.#disk.transaction(() => {
      const known = this.#read<StoredApp>("app", appId);
      if (url !== null) this.syncSucceeded(url);
      if (known?.checksum === checksum) return false;
      this.#put("app", appId, { checksum, app: appAfter(sync, known?.app, now) } satisfies StoredApp);
      const before = new Map(this.#functionsOf(appId).map((stored) => [stored.fn.id, stored]));
      for (const fn of sync.functions) {
        const written = registeredAgain(fn, before.get(fn.id));
        before.delete(fn.id);
        if (written) this.#put("function", fn.id, { archived: false, fn: written } satisfies StoredFunction);
      }
      for (const { fn } of before.values()) this.#archive(fn);
      return true;
    });
  }

  takenBy({ appId, functions }: AppSync): { functionId: string; appId: string } | null {
    for (const { id } of functions) {
      const stored = this.#read<StoredFunction>("function", id);
      if (stored && !stored.archived && stored.fn.appId !== appId) return { functionId: id, appId: stored.fn.appId };
    }
    return null;
  }

  functions(): RegisteredFunction[] {
    return this.#all<StoredFunction>("function").flatMap(({ archived, fn }) => (archived ? [] : [fn]));
  }

  archivedFunction(id: string): RegisteredFunction | null {
    const stored = this.#read<StoredFunction>("function", id);
    return stored?.archived ? stored.fn : null;
  }

  apps(): AppView[] {
    return this.#all<StoredApp>("app").map(({ app }) => ({
      ...app,
      error: (app.url !== null && this.#read<SyncError>("sync_error", app.url)) || null,
    }));
  }

  archive(appId: string, now: number): boolean {
    const known = this.#read<StoredApp>("app", appId);
    if (!known) return false;
    if (known.app.archivedAt !== null) return true;
    this.#disk.transaction(() => {
      this.#put("app", appId, { checksum: "", app: { ...known.app, archivedAt: now } } satisfies StoredApp);
      for (const { fn } of this.#functionsOf(appId)) this.#archive(fn);
    });
    return true;
  }

  #functionsOf(appId: string): StoredFunction[] {
    return this.#all<StoredFunction>("function").filter(({ fn }) => fn.appId === appId);
  }

  #archive(fn: RegisteredFunction): void {
    this.#put("function", fn.id, { archived: true, fn } satisfies StoredFunction);
  }

  syncFailed(url: string, error: SyncError): void {
    this.#disk.transaction(() => {
      this.#put("sync_error", url, error);
      const latest = this.#errors().sort((a, b) => b.error.at - a.error.at || byBytes(a.url, b.url));
      for (const old of latest.slice(SYNC_ERRORS_MAX)) this.#disk.delete("sync_error", old.url);
    });
  }

  syncSucceeded(url: string): void {
    this.#disk.delete("sync_error", url);
  }

  unsynced(): { url: string; error: SyncError }[] {
    const known = new Set(this.apps().map((app) => app.url));
    return this.#errors().filter(({ url }) => !known.has(url));
  }

  #errors(): { url: string; error: SyncError }[] {
    return [...this.#disk.from("sync_error")].map(([url, text]) => ({ url, error: JSON.parse(String(text)) }));
  }

  schedules(): StoredSchedule[] {
    return this.#all<StoredSchedule>("schedule");
  }

  addSchedule(functionId: string, cron: string, nextAt: number | null): void {
    this.#putSchedule({ functionId, cron, nextAt, missed: 0, idAt: null });
  }

  moveSchedule(from: StoredSchedule, to: Pick<StoredSchedule, "nextAt" | "missed" | "idAt">): void {
    const { functionId, cron, nextAt } = from;
    const stored = this.#read<StoredSchedule>("schedule", scheduleKey(functionId, cron));
    if (!stored || nextAt === null || stored.nextAt !== nextAt) return;
    this.#putSchedule({ functionId, cron, nextAt: to.nextAt, missed: to.missed, idAt: to.idAt });
  }

  dropSchedule(functionId: string, cron: string): void {
    this.#disk.delete("schedule", scheduleKey(functionId, cron));
  }

  #putSchedule(schedule: StoredSchedule): void {
    this.#put("schedule", scheduleKey(schedule.functionId, schedule.cron), schedule);
  }

  pauses(): StoredPause[] {
    return this.#all<StoredPause>("pause");
  }

  putPause({ functionId, pause, endedAt, isOpening }: StoredPause): void {
    this.#put("pause", functionId, { functionId, pause, endedAt, isOpening } satisfies StoredPause);
  }

  addBulk(kind: BulkKind, id: string): void {
    if (!this.isBulk(kind, id)) this.#disk.put(kind, id, 1);
  }

  dropBulk(kind: BulkKind, id: string): void {
    this.#disk.delete(kind, id);
  }

  isBulk(kind: BulkKind, id: string): boolean {
    return this.#disk.get(kind, id) !== undefined;
  }

  bulks(kind: BulkKind, before: string | null, limit: number): string[] {
    return [...this.#disk.below(kind, before ?? undefined)].slice(0, limit).map(([id]) => id);
  }

  isWaited(name: string): boolean {
    return this.#disk.get("waited", name) !== undefined;
  }

  flag(name: string): void {
    if (!this.isWaited(name)) this.#disk.put("waited", name, 1);
  }

  unflag(name: string): void {
    this.#disk.delete("waited", name);
  }

  openLog(log: string): void {
    if (this.#disk.get("log", log) === undefined) this.#disk.put("log", log, 1);
  }

  closeLog(log: string): void {
    this.#disk.delete("log", log);
  }

  logs(): string[] {
    return [...this.#disk.below("log")].map(([log]) => log);
  }

  openEnvironment(name: string): void {
    if (this.#disk.get("environment", name) === undefined) this.#disk.put("environment", name, 1);
  }

  closeEnvironment(name: string): void {
    this.#disk.delete("environment", name);
  }

  environments(): string[] {
    return [...this.#disk.from("environment")].map(([name]) => name);
  }

  #read<T>(table: string, key: string): T | undefined {
    const text = this.#disk.text(table, key);
    return text === undefined ? undefined : JSON.parse(text);
  }

  #all<T>(table: string): T[] {
    return [...this.#disk.from(table)].map(([, text]) => JSON.parse(String(text)));
  }

  #put(table: string, key: string, value: object): void {
    this.#disk.put(table, key, JSON.stringify(value));
  }
}

/** Function ids have no NUL. */
function scheduleKey(functionId: string, cron: string): string {
  return `${functionId}\0${cron}`;
}
