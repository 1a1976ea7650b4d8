import { DurableObject } from "cloudflare:workers";
import type { AuditEntry } from "../protocol/audit.ts";
import type { Pause } from "../protocol/flow-control.ts";
import type { SyncFailure } from "../protocol/app-sync.ts";
import type { ScheduleChanges, ScheduleDefinition } from "../protocol/schedule.ts";
import type { AppSync, BulkKind, RegistryObjectApi } from "./objects.ts";
import { RegistryObject } from "./registry-object.ts";
import { workerdHost } from "./workerd-host.ts";

/** Apps, functions, schedules, names with waits and logs of an environment. */
export class RegistryDO extends DurableObject implements RegistryObjectApi {
  readonly #registry: RegistryObject;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#registry = new RegistryObject(workerdHost(ctx));
  }

  sync(sync: AppSync) {
    return this.#registry.sync(sync);
  }

  route(names: string[], named: string[]) {
    return this.#registry.route(names, named);
  }

  ordered() {
    return this.#registry.ordered();
  }

  function(id: string) {
    return this.#registry.function(id);
  }

  callable(id: string) {
    return this.#registry.callable(id);
  }

  functions() {
    return this.#registry.functions();
  }

  apps() {
    return this.#registry.apps();
  }

  archive(appId: string) {
    return this.#registry.archive(appId);
  }

  pause(functionId: string, triggers: Pause["triggers"] | null) {
    return this.#registry.pause(functionId, triggers);
  }

  listBulk(kind: BulkKind, id: string, isListed: boolean) {
    return this.#registry.listBulk(kind, id, isListed);
  }

  isBulk(kind: BulkKind, id: string) {
    return this.#registry.isBulk(kind, id);
  }

  bulks(kind: BulkKind, before: string | null, limit: number) {
    return this.#registry.bulks(kind, before, limit);
  }

  syncFailed(url: string, failure: SyncFailure) {
    return this.#registry.syncFailed(url, failure);
  }

  syncSucceeded(url: string) {
    return this.#registry.syncSucceeded(url);
  }

  unsynced() {
    return this.#registry.unsynced();
  }

  schedules() {
    return this.#registry.schedules();
  }

  createSchedule(definition: ScheduleDefinition) {
    return this.#registry.createSchedule(definition);
  }

  schedule(id: string) {
    return this.#registry.schedule(id);
  }

  listSchedules(after: string, limit: number) {
    return this.#registry.listSchedules(after, limit);
  }

  updateSchedule(id: string, changes: ScheduleChanges) {
    return this.#registry.updateSchedule(id, changes);
  }

  deleteSchedule(id: string) {
    return this.#registry.deleteSchedule(id);
  }

  checkSchedules() {
    return this.#registry.checkSchedules();
  }

  flag(name: string, since: number) {
    return this.#registry.flag(name, since);
  }

  unflag(name: string) {
    return this.#registry.unflag(name);
  }

  openLog(log: string) {
    return this.#registry.openLog(log);
  }

  closeLog(log: string) {
    return this.#registry.closeLog(log);
  }

  logs() {
    return this.#registry.logs();
  }

  changes(place: string | null, withinMs: number) {
    return this.#registry.changes(place, withinMs);
  }

  openEnvironment(name: string) {
    return this.#registry.openEnvironment(name);
  }

  closeEnvironment(name: string) {
    return this.#registry.closeEnvironment(name);
  }

  environments() {
    return this.#registry.environments();
  }

  audit(entry: AuditEntry) {
    return this.#registry.audit(entry);
  }

  audited(before: number | null, limit: number) {
    return this.#registry.audited(before, limit);
  }

  override alarm() {
    return this.#registry.alarm();
  }
}
