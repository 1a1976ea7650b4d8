/**
 * The schedules of an environment's functions: one row for each, all read when the alarm goes off.
 *
 * 1. A tick is an event whose id follows from function and instant, so sending it twice sends it once, and two schedules
 *    of a function that meet at an instant start it once.
 * 2. A tick is sent, then the row moves on to the next. A crash in between sends it again (1).
 * 3. Of several ticks that a downtime has missed only the latest is sent, and says how many came before it. Which one that
 *    is gets stored before it is sent; one that was sent just before the downtime is known by its event.
 */
import { fireAt, latestTick, MISSED_COUNT_MAX, nextTick, parseCron, rfc3339, type Schedule } from "../engine/cron.ts";
import { internalEvents, type EventRecord } from "../protocol/event.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { groupBy } from "../protocol/group-by.ts";
import { derivedUlid } from "../protocol/ids.ts";
import { acceptRecords } from "./accept.ts";
import type { Host } from "./host.ts";
import { inTurns } from "./in-turns.ts";
import { logOf, type FunctionScheduleView } from "./objects.ts";
import type { AlarmSource } from "./registry-alarm.ts";
import type { RegistryStore, StoredSchedule } from "./storage/stores.ts";

/** A tick that could not be sent is tried again after this. */
const RETRY_MS = 5_000;
/** The id of an event names a day's log, so a tick that is made up later than this gets the day of its making up. */
const ID_MAX_AGE_MS = 86_400_000;

/** A schedule whose next tick is due. */
type Due = StoredSchedule & { nextAt: number };
type Functions = ReadonlyMap<string, RegisteredFunction>;

export class RegistrySchedules implements AlarmSource {
  readonly #host: Host;
  readonly #store: RegistryStore;
  readonly #functions: () => Functions;
  /** what was due then, and is still there, has failed */
  #firedAt = Number.NEGATIVE_INFINITY;

  /** @param functions those that are registered */
  constructor(host: Host, store: RegistryStore, functions: () => Functions) {
    this.#host = host;
    this.#store = store;
    this.#functions = functions;
  }

  /**
   * Holds exactly the schedules of the functions; those that stay keep their next tick. Writes only what changes, and
   * says whether anything has.
   */
  keep(): boolean {
    const functions = this.#functions();
    const now = this.#host.now();
    let hasChanged = false;
    const stored = new Set<string>();
    for (const { functionId, cron } of this.#store.schedules()) {
      const isWanted = functions.get(functionId)?.crons.some((wanted) => wanted.cron === cron) ?? false;
      if (isWanted) stored.add(keyOf(functionId, cron));
      else this.#store.dropSchedule(functionId, cron);
      hasChanged ||= !isWanted;
    }
    for (const fn of functions.values())
      for (const { cron } of fn.crons) {
        const schedule = stored.has(keyOf(fn.id, cron)) ? null : this.#read(fn.id, cron);
        if (!schedule) continue;
        this.#store.addSchedule(fn.id, cron, nextTick(schedule, now));
        hasChanged = true;
      }
    return hasChanged;
  }

  nextAt(): number | null {
    const retryAt = this.#firedAt + RETRY_MS;
    return earliest(this.#store.schedules().map((row) => (isDue(row, this.#firedAt) ? retryAt : row.nextAt)));
  }

  views(): FunctionScheduleView[] {
    const functions = this.#functions();
    return this.#store.schedules().map(({ functionId, cron, nextAt }) => ({
      functionId,
      cron,
      nextFireAt: nextAt === null ? null : fireAt(functionId, jitterOf(functions, functionId, cron), nextAt),
    }));
  }

  /** Sends every tick that is due. */
  async fire(): Promise<void> {
    const now = this.#host.now();
    this.#firedAt = now;
    try {
      const due = this.#store.schedules().filter((row) => isDue(row, now));
      const ready = (await inTurns(due, (row) => this.#settle(row, now))).flatMap((row) => row ?? []);
      const ticks = [...groupBy(ready, eventIdOf).values()];
      await inTurns(ticks, (rows) => this.#send(rows, this.#functions()));
    } catch (error) {
      this.#host.report("schedules: sending ticks failed and is tried again", error);
    }
  }

  /** Decides, and stores, which tick of a schedule is sent; null for none, or when that failed and comes again. */
  async #settle(row: Due, now: number): Promise<Due | null> {
    const { functionId, cron, nextAt } = row;
    const schedule = this.#read(functionId, cron);
    if (!schedule) {
      this.#store.dropSchedule(functionId, cron);
      return null;
    }
    try {
      const following = nextTick(schedule, nextAt);
      const isLate = following !== null && following <= now;
      if (!isLate && idTime(row) > now - ID_MAX_AGE_MS) return row;
      const wasSent = await this.#wasSent(row);
      if (wasSent && !isLate) {
        this.#store.moveSchedule(row, { nextAt: following, missed: 0, idAt: null });
        return null;
      }
      const latest = isLate ? latestTick(schedule, wasSent ? following : nextAt, now) : { at: nextAt, missed: 0 };
      const settled = {
        nextAt: latest.at,
        missed: Math.min((wasSent ? 0 : row.missed) + latest.missed, MISSED_COUNT_MAX),
        idAt: latest.at > now - ID_MAX_AGE_MS ? null : now,
      };
      this.#store.moveSchedule(row, settled);
      return { ...row, ...settled };
    } catch (error) {
      this.#host.report(`schedules: ${describe(row)} could not be looked up and is tried again`, error);
      return null;
    }
  }

  async #wasSent(row: Due): Promise<boolean> {
    const id = eventIdOf(row);
    const log = logOf(id);
    if (!this.#store.logs().includes(log)) return false; // nothing is created by looking
    return (await this.#host.objects.log(this.#host.env, log).event(id)) !== null;
  }

  /** Sends one tick, which schedules of one function may share, and moves them on. */
  async #send(rows: Due[], functions: Functions): Promise<void> {
    const [first] = rows;
    if (!first) return;
    try {
      const jitter = jitterOf(functions, first.functionId, first.cron);
      const record = tickEvent({ ...first, missed: Math.max(...rows.map((row) => row.missed)) }, jitter);
      await acceptRecords(this.#host.objects, this.#host.env, [record], this.#host.now());
      for (const row of rows) {
        const schedule = this.#read(row.functionId, row.cron);
        if (schedule) this.#store.moveSchedule(row, { nextAt: nextTick(schedule, row.nextAt), missed: 0, idAt: null });
      }
    } catch (error) {
      this.#host.report(`schedules: ${describe(first)} could not be sent and is tried again`, error);
    }
  }

  /** Null, and a report, for one that an older version took and this one does not know. */
  #read(functionId: string, cron: string): Schedule | null {
    try {
      return parseCron(cron);
    } catch (error) {
      this.#host.report(`schedules: function "${functionId}" is not started by a schedule that cannot be read`, error);
      return null;
    }
  }
}

/** The event of a tick. */
function tickEvent(row: Due, jitter: string | null): EventRecord {
  const { functionId, cron, nextAt, missed } = row;
  const startAt = fireAt(functionId, jitter, nextAt);
  return {
    internalId: eventIdOf(row),
    functionId,
    event: {
      id: rfc3339(nextAt), // inngest-protocol §1.6
      name: internalEvents.scheduledTimer,
      data: { cron, scheduledAt: rfc3339(nextAt), fireAt: rfc3339(startAt), ...(missed > 0 ? { missed } : {}) },
      user: {},
      ts: startAt, // its run starts when this has come
    },
  };
}

function eventIdOf(row: Due): string {
  return derivedUlid(idTime(row), `tick\0${row.functionId}\0${row.nextAt}`);
}

function idTime({ nextAt, idAt }: Due): number {
  return idAt ?? nextAt;
}

function jitterOf(functions: Functions, functionId: string, cron: string): string | null {
  return functions.get(functionId)?.crons.find((trigger) => trigger.cron === cron)?.jitter ?? null;
}

function earliest(instants: (number | null)[]): number | null {
  return instants.reduce((least, at) => (at === null || (least !== null && least <= at) ? least : at), null);
}

function isDue(row: StoredSchedule, now: number): row is Due {
  return row.nextAt !== null && row.nextAt <= now;
}

function keyOf(functionId: string, cron: string): string {
  return JSON.stringify([functionId, cron]);
}

function describe({ functionId, cron, nextAt }: Due): string {
  return `the tick ${rfc3339(nextAt)} of function "${functionId}", cron ${JSON.stringify(cron)},`;
}
