/**
 * Schedules that are made at run time: thousands of rows, of which an alarm reads only those that are due.
 *
 * 1. A tick is an event whose id follows from schedule, generation and instant: sending it twice sends it once.
 * 2. A tick is sent, then the row moves on to the next, unless it has been given other times, or deleted, meanwhile. A
 *    crash in between sends the tick again (1).
 * 3. A tick of more than a day ago gets the day of its making up into its id. That day is stored before it is sent.
 * 4. Other times are a new generation, which begins after now and after all that was sent. What is due when a schedule is
 *    changed is sent before.
 */
import { CronError, MISSED_COUNT_MAX, rfc3339 } from "../engine/cron.ts";
import { changed, checkSchedule, firstToSend, Ticks, tickTogether } from "../engine/dynamic-schedule.ts";
import { internalEvents, type EventRecord } from "../protocol/event.ts";
import { derivedUlid } from "../protocol/ids.ts";
import { SCHEDULE_CATCH_UP_MAX, SCHEDULES_MAX } from "../protocol/limits.ts";
import {
  ScheduleInvalidError,
  type ScheduleChanges,
  type ScheduleDefinition,
  type ScheduleView,
} from "../protocol/schedule.ts";
import { acceptRecords } from "./accept.ts";
import type { Host } from "./host.ts";
import { inTurns } from "./in-turns.ts";
import { logOf, type ScheduleOutcome } from "./objects.ts";
import type { AlarmSource } from "./registry-alarm.ts";
import type { ScheduleStore, StoredDynamicSchedule } from "./storage/stores.ts";

/** A tick that could not be sent is tried again after this. */
const RETRY_MS = 5_000;
/** Schedules for which one alarm sends ticks; it goes off again at once while more are due. */
const SCHEDULES_PER_ALARM = 200;
/** Ticks that one schedule catches up on before the others have their turn. */
const TICKS_PER_ALARM = 20;
/** The id of an event names a day's log (3). */
const ID_MAX_AGE_MS = 86_400_000;
/** Far below what one RPC may carry. */
const PAGE_MAX_BYTES = 4 * 1024 * 1024;

/** What schedules need of the registry around them. */
export interface Surroundings {
  /** sets the alarm anew */
  arm(): void;
  isRegistered(functionId: string): boolean;
  /** names of the logs that there are */
  logs(): string[];
}

/** One that has a next tick. */
type Ticking = StoredDynamicSchedule & { nextAt: number };

export class DynamicSchedules implements AlarmSource {
  readonly #host: Host;
  readonly #around: Surroundings;
  readonly #store: ScheduleStore;
  /** counting reads every row, so it is done once */
  #count: number | undefined;

  constructor(host: Host, around: Surroundings) {
    this.#host = host;
    this.#around = around;
    this.#store = host.stores.schedules();
  }

  // ---- what is asked ------------------------------------------------------------------------------------------------

  create(definition: ScheduleDefinition): ScheduleOutcome {
    const { id } = definition;
    const known = this.#store.get(id);
    if (known && JSON.stringify(known.definition) === JSON.stringify(definition))
      return { kind: "done", schedule: view(known), isNew: false };
    if (known)
      return { kind: "taken", message: `id: ${JSON.stringify(id)} is another schedule's; update or delete that one` };
    const message = this.#problem(definition);
    if (message !== null) return { kind: "invalid", message };
    this.#count ??= this.#store.count();
    if (this.#count >= SCHEDULES_MAX)
      return {
        kind: "full",
        message: `there are ${this.#count} schedules, and the bound is ${SCHEDULES_MAX}; delete some`,
      };
    const now = this.#host.now();
    const schedule = { definition, createdAt: now, updatedAt: now, lastAt: null, ...begun(definition, now, null) };
    this.#store.put(schedule);
    this.#count += 1;
    this.#around.arm();
    return { kind: "done", schedule: view(schedule), isNew: true };
  }

  get(id: string): ScheduleView | null {
    const schedule = this.#store.get(id);
    return schedule && view(schedule);
  }

  list(after: string, limit: number): { schedules: ScheduleView[]; hasMore: boolean } {
    const { schedules, hasMore } = this.#store.page(after, limit, PAGE_MAX_BYTES);
    return { schedules: schedules.map(view), hasMore };
  }

  async update(id: string, changes: ScheduleChanges): Promise<ScheduleOutcome> {
    const before = this.#store.get(id);
    if (before && isOwed(before, this.#host.now()))
      await this.#fireOne(before, this.#host.now(), SCHEDULE_CATCH_UP_MAX);
    const schedule = this.#store.get(id);
    if (!schedule) return { kind: "unknown" };
    const definition = changed(schedule.definition, changes);
    const message = this.#problem(definition);
    if (message !== null) return { kind: "invalid", message };
    if (JSON.stringify(definition) === JSON.stringify(schedule.definition))
      return { kind: "done", schedule: view(schedule), isNew: false };
    const now = this.#host.now();
    const isRetimed = !tickTogether(definition, schedule.definition);
    if (isRetimed && isOwed(schedule, now))
      throw new Error(`schedule ${JSON.stringify(id)} was not changed: a tick that is due could not be sent before`);
    const times = isRetimed ? begun(definition, now, schedule) : {};
    const updated = { ...schedule, definition, updatedAt: now, ...times };
    this.#store.put(updated);
    this.#around.arm();
    return { kind: "done", schedule: view(updated), isNew: false };
  }

  delete(id: string): { kind: "deleted" | "unknown" } {
    if (!this.#store.delete(id)) return { kind: "unknown" };
    if (this.#count !== undefined) this.#count -= 1;
    this.#around.arm();
    return { kind: "deleted" };
  }

  /** Why it cannot be; null when it can. */
  #problem(definition: ScheduleDefinition): string | null {
    try {
      checkSchedule(definition);
    } catch (error) {
      if (error instanceof ScheduleInvalidError) return error.message;
      throw error;
    }
    const { function: fn } = definition;
    if (fn === null || this.#around.isRegistered(fn)) return null;
    return `function: ${JSON.stringify(fn)} is not registered; its id is "<app>-<function>", and its app is to be synced first`;
  }

  // ---- ticks --------------------------------------------------------------------------------------------------------

  nextAt(): number | null {
    return this.#store.nextDueAt();
  }

  async fire(): Promise<void> {
    const now = this.#host.now();
    const due = this.#store.due(now, SCHEDULES_PER_ALARM);
    await inTurns(due, (schedule) => this.#fireOne(schedule, now, TICKS_PER_ALARM));
  }

  /** Sends the ticks of a schedule that are due, so many at most. */
  async #fireOne(schedule: StoredDynamicSchedule, now: number, most: number): Promise<void> {
    let at: StoredDynamicSchedule | null = schedule;
    try {
      const ticks = new Ticks(schedule.definition);
      at = isDue(at, now) ? await this.#settle(at, ticks, now) : null;
      for (let sent = 0; at && isDue(at, now) && sent < most; sent++) at = await this.#send(at, ticks, now);
    } catch (error) {
      const { id } = schedule.definition;
      const again = error instanceof CronError ? "is not sent: the schedule cannot be read" : "is tried again";
      this.#host.report(`schedules: a tick of schedule ${JSON.stringify(id)} ${again}`, error);
      if (at) this.#store.move(at, { ...at, dueAt: error instanceof CronError ? null : this.#host.now() + RETRY_MS });
    }
  }

  /** Decides, and stores, which tick is sent next; null when the schedule has gone on, or has gone, meanwhile. */
  async #settle(schedule: Ticking, ticks: Ticks, now: number): Promise<StoredDynamicSchedule | null> {
    const { catchUp } = schedule.definition;
    const first = firstToSend(ticks, catchUp, schedule.nextAt, now);
    if (first.at === schedule.nextAt && idTime(schedule) > now - ID_MAX_AGE_MS) return schedule;
    const wasSent = await this.#wasSent(schedule);
    if (!wasSent) return this.#move(schedule, first.at, schedule.missed + first.missed, schedule.lastAt, now);
    const following = ticks.after(schedule.nextAt);
    const rest =
      following !== null && following <= now
        ? firstToSend(ticks, catchUp, following, now)
        : { at: following, missed: 0 };
    return this.#move(schedule, rest.at, rest.missed, schedule.nextAt, now);
  }

  async #wasSent(schedule: Ticking): Promise<boolean> {
    const id = eventIdOf(schedule);
    const log = logOf(id);
    if (!this.#around.logs().includes(log)) return false; // nothing is created by looking
    return (await this.#host.objects.log(this.#host.env, log).event(id)) !== null;
  }

  async #send(schedule: Ticking, ticks: Ticks, now: number): Promise<StoredDynamicSchedule | null> {
    await acceptRecords(this.#host.objects, this.#host.env, [tickEvent(schedule)], this.#host.now());
    return this.#move(schedule, ticks.after(schedule.nextAt), 0, schedule.nextAt, now);
  }

  #move(
    from: StoredDynamicSchedule,
    nextAt: number | null,
    missed: number,
    lastAt: number | null,
    now: number,
  ): StoredDynamicSchedule | null {
    const to = {
      nextAt,
      missed: Math.min(missed, MISSED_COUNT_MAX),
      idAt: nextAt !== null && nextAt <= now - ID_MAX_AGE_MS ? now : null,
      lastAt,
      dueAt: nextAt === null ? null : Math.max(nextAt, now), // behind those that have waited for longer
    };
    return this.#store.move(from, to) ? { ...from, ...to } : null;
  }
}

/** The times of a schedule from now on. */
function begun(definition: ScheduleDefinition, now: number, before: StoredDynamicSchedule | null) {
  const from = Math.max(now, before?.lastAt ?? now);
  const nextAt = definition.paused ? null : new Ticks(definition).after(from);
  return { generation: Math.max(now, (before?.generation ?? 0) + 1), nextAt, missed: 0, idAt: null, dueAt: nextAt };
}

/** The event of a tick. */
function tickEvent(schedule: Ticking): EventRecord {
  const { definition, nextAt, missed } = schedule;
  const { id, event, overlap } = definition;
  const internalId = eventIdOf(schedule);
  return {
    internalId,
    ...(definition.function !== null && { functionId: definition.function }),
    ...(overlap !== "allow" && { overlap: { scheduleId: id, policy: overlap } }),
    event: {
      id: internalId,
      name: event?.name ?? internalEvents.scheduledTimer,
      data: {
        ...(event?.data ?? definition.data),
        _inngest: { schedule_id: id, scheduled_at: rfc3339(nextAt), missed },
      },
      user: {},
      ts: nextAt,
    },
  };
}

function eventIdOf(schedule: Ticking): string {
  const { definition, generation, nextAt } = schedule;
  return derivedUlid(idTime(schedule), JSON.stringify(["schedule", definition.id, generation, nextAt]));
}

function idTime({ nextAt, idAt }: Ticking): number {
  return idAt ?? nextAt;
}

function isDue(schedule: StoredDynamicSchedule, now: number): schedule is Ticking {
  return schedule.nextAt !== null && schedule.nextAt <= now;
}

/** Due, and of times that can be read. */
function isOwed(schedule: StoredDynamicSchedule, now: number): boolean {
  return schedule.dueAt !== null && isDue(schedule, now);
}

function view({ definition, createdAt, updatedAt, nextAt, lastAt }: StoredDynamicSchedule): ScheduleView {
  return { definition, createdAt, updatedAt, nextFireAt: nextAt, lastFireAt: lastAt };
}
