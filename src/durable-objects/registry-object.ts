/** The apps, functions and schedules of an environment, which event names anybody waits for, and which logs there are. */
import { triggerNames } from "../engine/route.ts";
import { orderedNames } from "../flow-control/fifo.ts";
import type { AuditEntry, Audited } from "../protocol/audit.ts";
import type { Pause } from "../protocol/flow-control.ts";
import type { SyncFailure } from "../protocol/app-sync.ts";
import { ENVIRONMENTS_MAX } from "../protocol/limits.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import type { ScheduleChanges, ScheduleDefinition, ScheduleView } from "../protocol/schedule.ts";
import { DynamicSchedules } from "./dynamic-schedules.ts";
import type { Host } from "./host.ts";
import {
  logDay,
  type AppSync,
  type AppView,
  type BulkKind,
  type RegistryObjectApi,
  type FunctionScheduleView,
  type RouteTable,
} from "./objects.ts";
import { RegistryAlarm } from "./registry-alarm.ts";
import { RegistryPauses } from "./registry-pauses.ts";
import { RegistrySchedules } from "./registry-schedules.ts";
import type { AuditStore, RegistryStore } from "./storage/stores.ts";
import { Watch } from "./watch.ts";

const DAY_MS = 86_400_000;

export class RegistryObject implements RegistryObjectApi {
  readonly #host: Host;
  readonly #store: RegistryStore;
  readonly #audit: AuditStore;
  readonly #schedules: RegistrySchedules;
  readonly #dynamic: DynamicSchedules;
  readonly #pauses: RegistryPauses;
  readonly #alarm: RegistryAlarm;
  readonly #watch: Watch<"apps" | "logs">;
  #byId: Map<string, RegisteredFunction> | undefined;
  #byTrigger = new Map<string, RegisteredFunction[]>();

  constructor(host: Host) {
    this.#host = host;
    this.#store = host.stores.registry();
    this.#audit = host.stores.audit();
    this.#watch = new Watch(host);
    this.#schedules = new RegistrySchedules(host, this.#store, () => this.#functions());
    this.#dynamic = new DynamicSchedules(host, {
      arm: () => this.#alarm.arm(),
      isRegistered: (functionId) => this.#functions().has(functionId),
      logs: () => this.#store.logs(),
    });
    this.#pauses = new RegistryPauses(host, this.#store);
    this.#alarm = new RegistryAlarm(host, [this.#schedules, this.#dynamic, this.#pauses]);
  }

  async sync(sync: AppSync): ReturnType<RegistryObjectApi["sync"]> {
    const taken = this.#store.takenBy(sync);
    if (taken) return { kind: "taken", ...taken };
    const modified = this.#store.sync(sync, this.#host.now());
    this.#byId = undefined;
    if (modified) this.#keepSchedules();
    this.#watch.note("apps");
    return { kind: "synced", modified };
  }

  async route(names: string[], named: string[]): Promise<RouteTable> {
    const byId = this.#functions();
    const found = new Set<RegisteredFunction>();
    for (const name of names)
      for (const trigger of triggerNames(name)) for (const fn of this.#byTrigger.get(trigger) ?? []) found.add(fn);
    for (const id of named) {
      const fn = byId.get(id);
      if (fn) found.add(fn);
    }
    return { functions: [...found], waited: names.filter((name) => this.#store.isWaited(name)) };
  }

  async ordered(): Promise<string[]> {
    return orderedNames(this.#functions().values());
  }

  async function(id: string): Promise<RegisteredFunction | null> {
    return this.#functions().get(id) ?? null;
  }

  async callable(id: string): Promise<RegisteredFunction | null> {
    const archived = this.#functions().has(id) ? null : this.#store.archivedFunction(id);
    return archived ? withPause(archived, this.#pauses.current().get(id)) : (this.#functions().get(id) ?? null);
  }

  async functions(): Promise<RegisteredFunction[]> {
    return [...this.#functions().values()];
  }

  async apps(): Promise<AppView[]> {
    return this.#store.apps();
  }

  async schedules(): Promise<FunctionScheduleView[]> {
    return this.#schedules.views();
  }

  async checkSchedules(): Promise<void> {
    this.#keepSchedules();
    await this.#alarm.repair();
  }

  #keepSchedules(): void {
    if (this.#schedules.keep()) this.#alarm.arm();
  }

  async createSchedule(definition: ScheduleDefinition): ReturnType<RegistryObjectApi["createSchedule"]> {
    return this.#dynamic.create(definition);
  }

  async schedule(id: string): Promise<ScheduleView | null> {
    return this.#dynamic.get(id);
  }

  async listSchedules(after: string, limit: number): ReturnType<RegistryObjectApi["listSchedules"]> {
    return this.#dynamic.list(after, limit);
  }

  async updateSchedule(id: string, changes: ScheduleChanges): ReturnType<RegistryObjectApi["updateSchedule"]> {
    return this.#dynamic.update(id, changes);
  }

  async deleteSchedule(id: string): ReturnType<RegistryObjectApi["deleteSchedule"]> {
    return this.#dynamic.delete(id);
  }

  /** Schedules are all that the registry has an alarm for. */
  async alarm(): Promise<void> {
    await this.#alarm.ring();
  }

  async archive(appId: string): ReturnType<RegistryObjectApi["archive"]> {
    const isKnown = this.#store.archive(appId, this.#host.now());
    this.#byId = undefined;
    this.#keepSchedules();
    this.#watch.note("apps");
    return { kind: isKnown ? "archived" : "unknown" };
  }

  async pause(functionId: string, triggers: Pause["triggers"] | null): ReturnType<RegistryObjectApi["pause"]> {
    if (!(await this.callable(functionId))) return { kind: "unknown" };
    const outcome = triggers === null ? this.#pauses.end(functionId) : this.#pauses.begin(functionId, triggers);
    this.#byId = undefined;
    this.#watch.note("apps");
    this.#alarm.arm(); // what is lost from here on it repeats
    await this.#pauses.fire();
    this.#alarm.arm();
    return outcome;
  }

  async listBulk(kind: BulkKind, id: string, isListed: boolean): Promise<void> {
    if (isListed) this.#store.addBulk(kind, id);
    else this.#store.dropBulk(kind, id);
  }

  async isBulk(kind: BulkKind, id: string): Promise<boolean> {
    return this.#store.isBulk(kind, id);
  }

  async bulks(kind: BulkKind, before: string | null, limit: number): Promise<string[]> {
    return this.#store.bulks(kind, before, limit);
  }

  async syncFailed(url: string, failure: SyncFailure): Promise<void> {
    this.#store.syncFailed(url, { ...failure, at: this.#host.now() });
    this.#watch.note("apps");
  }

  async syncSucceeded(url: string): Promise<void> {
    this.#store.syncSucceeded(url);
    this.#watch.note("apps");
  }

  async unsynced(): ReturnType<RegistryObjectApi["unsynced"]> {
    return this.#store.unsynced();
  }

  /** Logs are kept by the day of their events' ids, which may be a day off their receipt. */
  async flag(name: string, since: number): Promise<{ logs: string[] }> {
    this.#store.flag(name);
    return { logs: this.#store.logs().filter((log) => logDay(log) + 2 * DAY_MS >= since) };
  }

  async unflag(name: string): Promise<void> {
    this.#store.unflag(name);
  }

  async openLog(log: string): Promise<void> {
    this.#store.openLog(log);
    this.#watch.note("logs");
  }

  async closeLog(log: string): Promise<void> {
    this.#store.closeLog(log);
  }

  async logs(): Promise<string[]> {
    return this.#store.logs();
  }

  async changes(place: string | null, withinMs: number): ReturnType<RegistryObjectApi["changes"]> {
    const { changes, ...found } = await this.#watch.since(place, withinMs);
    return { ...found, hasApps: changes.includes("apps"), logs: this.#store.logs() };
  }

  async openEnvironment(name: string): ReturnType<RegistryObjectApi["openEnvironment"]> {
    const known = this.#store.environments();
    if (known.includes(name)) return { kind: "open" };
    if (known.length >= ENVIRONMENTS_MAX) return { kind: "full" };
    this.#store.openEnvironment(name);
    return { kind: "open" };
  }

  async closeEnvironment(name: string): ReturnType<RegistryObjectApi["closeEnvironment"]> {
    if (!this.#store.environments().includes(name)) return { kind: "unknown" };
    this.#store.closeEnvironment(name);
    return { kind: "closed" };
  }

  async environments(): Promise<string[]> {
    return this.#store.environments();
  }

  async audit(entry: AuditEntry): Promise<void> {
    this.#audit.add(entry, this.#host.now());
  }

  async audited(before: number | null, limit: number): Promise<Audited[]> {
    return this.#audit.list(before, limit);
  }

  #functions(): Map<string, RegisteredFunction> {
    if (this.#byId) return this.#byId;
    const pauses = this.#pauses.current();
    this.#byId = new Map(this.#store.functions().map((fn) => [fn.id, withPause(fn, pauses.get(fn.id))]));
    this.#byTrigger = new Map();
    for (const fn of this.#byId.values())
      for (const name of new Set(fn.triggers.map((trigger) => trigger.event)))
        this.#byTrigger.set(name, [...(this.#byTrigger.get(name) ?? []), fn]);
    return this.#byId;
  }
}

function withPause(fn: RegisteredFunction, paused: Pause | undefined): RegisteredFunction {
  return paused ? { ...fn, paused } : fn;
}
