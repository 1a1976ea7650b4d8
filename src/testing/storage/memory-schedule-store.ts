import type { ScheduleMove, ScheduleStore, StoredDynamicSchedule } from "../../durable-objects/storage/stores.ts";
import { byteLength } from "../../protocol/json.ts";
import { numberKey, type DiskAccess } from "./memory-disk.ts";

/** Schedules in memory. Tables: `dynamic_schedule` (by id), `schedule_due` (ids, in the order in which they are due). */
export class MemoryScheduleStore implements ScheduleStore {
  readonly #disk: DiskAccess;

  constructor(disk: DiskAccess) {
    this.#disk = disk;
  }

  get(id: string): StoredDynamicSchedule | null {
    const text = this.#disk.text("dynamic_schedule", id);
    return text === undefined ? null : JSON.parse(text);
  }

  put(schedule: StoredDynamicSchedule): void {
    const { definition, generation, createdAt, updatedAt, nextAt, missed, idAt, lastAt, dueAt } = schedule;
    const stored = { definition, generation, createdAt, updatedAt, nextAt, missed, idAt, lastAt, dueAt };
    this.#disk.transaction(() => {
      this.delete(definition.id);
      this.#disk.put("dynamic_schedule", definition.id, JSON.stringify(stored));
      if (dueAt !== null) this.#disk.put("schedule_due", dueKey(dueAt, definition.id), definition.id);
    });
  }

  move(from: StoredDynamicSchedule, { nextAt, missed, idAt, lastAt, dueAt }: ScheduleMove): boolean {
    const stored = this.get(from.definition.id);
    if (stored?.generation !== from.generation || stored.nextAt === null || stored.nextAt !== from.nextAt) return false;
    this.put({ ...stored, nextAt, missed, idAt, lastAt, dueAt });
    return true;
  }

  delete(id: string): boolean {
    const stored = this.get(id);
    if (!stored) return false;
    this.#disk.transaction(() => {
      this.#disk.delete("dynamic_schedule", id);
      if (stored.dueAt !== null) this.#disk.delete("schedule_due", dueKey(stored.dueAt, id));
    });
    return true;
  }

  count(): number {
    return this.#disk.count("dynamic_schedule");
  }

  page(after: string, limit: number, maxBytes: number): ReturnType<ScheduleStore["page"]> {
    const schedules: StoredDynamicSchedule[] = [];
    let bytes = 0;
    for (const [, text] of this.#disk.from("dynamic_schedule", after === "" ? "" : `${after}\0`)) {
      const schedule: StoredDynamicSchedule = JSON.parse(String(text));
      bytes += byteLength(JSON.stringify(schedule.definition));
      if (schedules.length === limit || (bytes > maxBytes && schedules.length > 0)) return { schedules, hasMore: true };
      schedules.push(schedule);
    }
    return { schedules, hasMore: false };
  }

  due(now: number, limit: number): StoredDynamicSchedule[] {
    const found: StoredDynamicSchedule[] = [];
    const end = dueKey(now, "");
    for (const [key, id] of this.#disk.from("schedule_due")) {
      if (found.length === limit || key.slice(0, end.length) > end) break;
      const schedule = this.get(String(id));
      if (schedule) found.push(schedule);
    }
    return found;
  }

  nextDueAt(): number | null {
    for (const [, id] of this.#disk.from("schedule_due")) return this.get(String(id))?.dueAt ?? null;
    return null;
  }
}

function dueKey(dueAt: number, id: string): string {
  return `${numberKey(dueAt)}\0${id}`;
}
