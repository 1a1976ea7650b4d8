/** The apps, functions and schedules of an environment, which event names anybody waits for, and which logs there are. */
import { triggerNames } from "../engine/route.ts";
import type { Pause } from "../protocol/flow-control.ts";
import type { SyncFailure } from "../protocol/app-sync.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import type { Host } from "./host.ts";
import {
  logDay,
  type AppSync,
  type AppView,
  type RegistryObjectApi,
  type RouteTable,
  type ScheduleView,
} from "./objects.ts";
import { RegistrySchedules } from "./registry-schedules.ts";
import type { RegistryStore } from "./storage/stores.ts";

const DAY_MS = 86_400_000;

export class RegistryObject implements RegistryObjectApi {
  readonly #host: Host;
  readonly #store: RegistryStore;
  readonly #schedules: RegistrySchedules;
  #byId: Map<string, RegisteredFunction> | undefined;
  #byTrigger = new Map<string, RegisteredFunction[]>();

  constructor(host: Host) {
    this.#host = host;
    this.#store = host.stores.registry();
    this.#schedules = new RegistrySchedules(host, this.#store);
  }

  async sync(sync: AppSync): ReturnType<RegistryObjectApi["sync"]> {
    const taken = this.#store.takenBy(sync);
    if (taken) return { kind: "taken", ...taken };
    const modified = this.#store.sync(sync, this.#host.now());
    this.#byId = undefined;
    if (modified) this.#schedules.keep(this.#functions());
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

  async function(id: string): Promise<RegisteredFunction | null> {
    return this.#functions().get(id) ?? null;
  }

  async callable(id: string): Promise<RegisteredFunction | null> {
    return this.#functions().get(id) ?? this.#store.archivedFunction(id);
  }

  async functions(): Promise<RegisteredFunction[]> {
    return [...this.#functions().values()];
  }

  async apps(): Promise<AppView[]> {
    return this.#store.apps();
  }

  async schedules(): Promise<ScheduleView[]> {
    return this.#schedules.views(this.#functions());
  }

  async checkSchedules(): Promise<void> {
    this.#schedules.keep(this.#functions());
    await this.#schedules.repairAlarm();
  }

  /** Schedules are all that the registry has an alarm for. */
  async alarm(): Promise<void> {
    await this.#schedules.alarm(() => this.#functions());
  }

  async archive(appId: string): ReturnType<RegistryObjectApi["archive"]> {
    const isKnown = this.#store.archive(appId, this.#host.now());
    this.#byId = undefined;
    this.#schedules.keep(this.#functions());
    return { kind: isKnown ? "archived" : "unknown" };
  }

  async pause(_functionId: string, _pause: Pause | null): ReturnType<RegistryObjectApi["pause"]> {
    throw new Error("not built yet");
  }

  async syncFailed(url: string, failure: SyncFailure): Promise<void> {
    this.#store.syncFailed(url, { ...failure, at: this.#host.now() });
  }

  async syncSucceeded(url: string): Promise<void> {
    this.#store.syncSucceeded(url);
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
  }

  async closeLog(log: string): Promise<void> {
    this.#store.closeLog(log);
  }

  async logs(): Promise<string[]> {
    return this.#store.logs();
  }

  #functions(): Map<string, RegisteredFunction> {
    if (this.#byId) return this.#byId;
    this.#byId = new Map(this.#store.functions().map((fn) => [fn.id, fn]));
    this.#byTrigger = new Map();
    for (const fn of this.#byId.values())
      for (const name of new Set(fn.triggers.map((trigger) => trigger.event)))
        this.#byTrigger.set(name, [...(this.#byTrigger.get(name) ?? []), fn]);
    return this.#byId;
  }
}
