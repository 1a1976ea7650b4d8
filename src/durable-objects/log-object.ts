/**
 * The log of one day and shard: accepted events, how far they have been routed, and the index of the runs they started.
 *
 * 1. An event is accepted when its append has been committed (G1). The log is the truth, the queue is transport.
 * 2. While something is not acknowledged the alarm is set; without an alarm everything is. So an acknowledgement costs
 *    no row: what a lost process had acknowledged since is only sent again, which is harmless.
 */
import { matches } from "../engine/expression.ts";
import { Acknowledged } from "../engine/ranges.ts";
import { route, triggerNames } from "../engine/route.ts";
import { deferred } from "../protocol/deferred.ts";
import { internalEvents, type EventRecord } from "../protocol/event.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { runIdOf, ulidOf, ulidParts } from "../protocol/ids.ts";
import { RESEND_AFTER_MS, RESENDS_MAX } from "../protocol/limits.ts";
import { routeMessage } from "./accept.ts";
import { routeBatch } from "./consumer.ts";
import type { Host } from "./host.ts";
import {
  logDay,
  type EventFilter,
  type EventPlace,
  type FoundRun,
  type LoggedEvent,
  type LogObjectApi,
  type RouteQueue,
  type RunIndexRow,
  type RunListFilter,
  type RunPlace,
  type RunsQuery,
} from "./objects.ts";
import type { Append, LogStore } from "./storage/stores.ts";

const OVERDUE_MS = 120_000; // design §3: pokes runs more than 2 minutes past due
const SWEEP_PAGE = 100;
const ROUTED_WAIT_MS = 10_000;
const SINCE_PAGE_APPENDS = 200;
const RESEND_PAGE = 100;
const RUNS_PAGE = 500;
const RUNS_LOOKED_AT = 1000;

export class LogObject implements LogObjectApi {
  readonly #host: Host;
  readonly #retentionMs: () => number;
  #store: LogStore;
  #next = 0;
  #acked = new Acknowledged(0);
  #loaded: Promise<void> | undefined;
  #alarmAt: number | null = null;
  #lastReceivedAt = 0;
  #hasResends = false;
  #inAlarm = false;
  /** when a consumer last told of any range: while it does, what is not acknowledged is queued, not lost */
  #heardAt = Number.NEGATIVE_INFINITY;
  /** when a consumer last told of a range that it has not acknowledged, by its first seq */
  readonly #working = new Map<number, number>();
  /** receipt of the youngest range that was acknowledged */
  #youngestAckedAt = 0;
  /** resolves when more has been routed than was */
  #routed = deferred<void>();
  #routing: Promise<void> | null = null;
  /** why a range could not be routed, by its first seq */
  readonly #errors = new Map<number, string>();

  constructor(host: Host, retentionMs: () => number) {
    this.#host = host;
    this.#retentionMs = retentionMs;
    this.#store = host.stores.log();
  }

  async append(records: EventRecord[], now: number): Promise<{ from: number; to: number; receivedAt: number }> {
    await this.#load();
    if (!this.#store.exists()) {
      // before the first event, so that a wait that looks back finds this log
      await this.#host.objects.registry(this.#host.env).openLog(this.#host.name);
      this.#store.create();
    }
    const [first] = records;
    const known = first && this.#store.find(first.internalId); // the same request again, after its answer was lost
    if (known) return { from: known.row.seq, to: known.row.seq + records.length, receivedAt: known.row.receivedAt };
    const from = this.#next;
    const receivedAt = Math.max(now, this.#lastReceivedAt);
    this.#lastReceivedAt = receivedAt;
    this.#store.append(records, from, receivedAt, this.#acked.watermark);
    this.#next = from + records.length;
    if (this.#alarmAt === null) this.#setAlarm(this.#host.now() + (this.#queue.exists() ? RESEND_AFTER_MS : 0));
    return { from, to: this.#next, receivedAt };
  }

  async read(from: number, to: number): Promise<LoggedEvent[]> {
    return this.#store.read(from, to);
  }

  async routed(seq: number | null): Promise<boolean> {
    await this.#load();
    const upto = seq ?? this.#next;
    for (const end = this.#host.now() + ROUTED_WAIT_MS; this.#acked.watermark < upto && this.#host.now() < end;)
      await this.#nextRouted();
    return this.#acked.watermark >= upto;
  }

  /** Resolves when more has been routed, or after a while; one wait for all that ask. */
  #nextRouted(): Promise<void> {
    this.#routing ??= this.#host.wait(ROUTED_WAIT_MS, this.#routed.promise).finally(() => (this.#routing = null));
    return this.#routing;
  }

  #acknowledge(from: number, to: number): void {
    const { watermark } = this.#acked;
    this.#acked.add(from, to);
    if (this.#acked.watermark === watermark) return;
    this.#routed.resolve();
    this.#routed = deferred();
  }

  async acknowledge(from: number, to: number): Promise<void> {
    await this.#load();
    this.#acknowledge(from, to);
    this.#heard(from);
    this.#working.delete(from);
    this.#youngestAckedAt = Math.max(this.#youngestAckedAt, this.#store.appendsFrom(from, 1)[0]?.receivedAt ?? 0);
    if (this.#hasResends) this.#forgetResends(from, to);
    if (this.#acked.watermark >= this.#next && this.#alarmAt !== null) this.#setAlarm(null);
  }

  async working(from: number[]): Promise<void> {
    for (const seq of from) this.#heard(seq);
  }

  #heard(from: number): void {
    this.#heardAt = this.#host.now();
    this.#working.set(from, this.#heardAt);
  }

  /** The consumer could not route a range; the text is shown if it is given up on. */
  async failed(from: number, error: string): Promise<void> {
    this.#errors.set(from, error.slice(0, 1000));
  }

  async event(internalId: string): Promise<LoggedEvent | null> {
    return this.#store.find(internalId)?.event ?? null;
  }

  async events(filter: EventFilter): Promise<LoggedEvent[]> {
    return this.#store.newest(filter);
  }

  async since(name: string, from: number, cursor: number): Promise<{ events: LoggedEvent[]; next: number | null }> {
    const start = Math.max(cursor, this.#store.firstSince(from));
    const page = this.#store.appendsFrom(start, SINCE_PAGE_APPENDS);
    const events = page
      .filter((append) => append.names.includes(name))
      .flatMap((append) => this.#store.read(append.seq, append.seq + append.count))
      .filter(({ record }) => record.event.name === name);
    const last = page.at(-1);
    return { events, next: last && page.length === SINCE_PAGE_APPENDS ? last.seq + last.count : null };
  }

  async index(row: RunIndexRow): Promise<void> {
    this.#store.create();
    this.#store.putRun(row);
  }

  async runsOf(eventId: string): Promise<RunIndexRow[]> {
    return this.#store.runsOf(eventId);
  }

  async runs(query: RunsQuery, after: RunPlace | null): ReturnType<LogObjectApi["runs"]> {
    const rows = this.#store.runsAfter(after, RUNS_PAGE);
    const isMatching = this.#matching(query);
    const runs = rows.flatMap((row): FoundRun[] => {
      const { runId, functionId, status, createdAt, endedAt } = row;
      if (functionId !== query.functionId || createdAt < query.createdFrom || createdAt >= query.createdBefore)
        return [];
      const isMatch = isMatching(row.eventId);
      return isMatch === false ? [] : [{ runId, status, isEnded: endedAt !== null, createdAt, matches: isMatch }];
    });
    const last = rows.at(-1);
    const next = last && rows.length === RUNS_PAGE ? { eventId: last.eventId, runId: last.runId } : null;
    return { runs, next };
  }

  async listRuns(filter: RunListFilter, place: RunPlace | null): ReturnType<LogObjectApi["listRuns"]> {
    const rows =
      filter.order === "desc"
        ? this.#store.runsBefore(place, RUNS_LOOKED_AT)
        : this.#store.runsAfter(place, RUNS_LOOKED_AT);
    const runs: RunIndexRow[] = [];
    for (const row of rows) {
      if (!isListed(row, filter)) continue;
      runs.push(row);
      if (runs.length >= filter.limit) return { runs, next: { eventId: row.eventId, runId: row.runId } };
    }
    const last = rows.at(-1);
    const isMore = last !== undefined && rows.length === RUNS_LOOKED_AT;
    return { runs, next: isMore ? { eventId: last.eventId, runId: last.runId } : null };
  }

  /** Whether an event is as a query wants it; null for one that is not kept any more. */
  #matching({ if: source, now }: RunsQuery): (eventId: string) => boolean | null {
    if (source === null) return () => true;
    const read = new Map<string, EventRecord>();
    return (eventId) => {
      const found = read.has(eventId) ? undefined : this.#store.find(eventId)?.row;
      // events that were stored together are read once
      if (found) {
        read.clear();
        for (const { record } of this.#store.read(found.seq, found.seq + found.count))
          read.set(record.internalId, record);
      }
      const record = read.get(eventId);
      return record ? matches(source, { event: { ...record.event }, now }) : null;
    };
  }

  async unindexed(
    fn: RegisteredFunction,
    receivedFrom: number,
    place: EventPlace | null,
  ): ReturnType<LogObjectApi["unindexed"]> {
    const page = this.#store.appendsFrom(place?.seq ?? this.#store.firstSince(receivedFrom), SINCE_PAGE_APPENDS);
    const runIds: string[] = [];
    for (const { seq, count, names } of page) {
      if (!names.some((name) => mayStart(fn, name))) continue;
      const starts = this.#startsOf(fn, seq, seq + count);
      const skip = seq === place?.seq ? place.skip : 0;
      const taken = starts.slice(skip, skip + RUNS_PAGE - runIds.length);
      runIds.push(...taken.filter(({ eventId, runId }) => !this.#isIndexed(eventId, runId)).map(({ runId }) => runId));
      if (skip + taken.length < starts.length) return { runIds, next: { seq, skip: skip + taken.length } };
    }
    const last = page.at(-1);
    const isMore = last !== undefined && page.length === SINCE_PAGE_APPENDS;
    return { runIds, next: isMore ? { seq: last.seq + last.count, skip: 0 } : null };
  }

  /** The runs that events of a range start of a function. */
  #startsOf(fn: RegisteredFunction, from: number, to: number): RunPlace[] {
    return this.#store
      .read(from, to)
      .filter(({ record, receivedAt }) => route(record, [fn], receivedAt).length > 0)
      .map(({ record: { internalId } }) => ({ eventId: internalId, runId: runIdOf(internalId, fn.id) }));
  }

  #isIndexed(eventId: string, runId: string): boolean {
    return this.#store.runsOf(eventId).some((row) => row.runId === runId);
  }

  /** A run shares time and first entropy byte with its event (`runIdOf`). */
  async mayKnow(runId: string): Promise<boolean> {
    const { timeMs, entropy } = ulidParts(runId);
    const bound = (fill: number) =>
      ulidOf({ timeMs, entropy: Uint8Array.from(entropy, (byte, i) => (i === 0 ? byte : fill)) });
    return this.#store.hasIdBetween(bound(0), bound(255));
  }

  async parked(): Promise<{ from: number; to: number; error: string }[]> {
    const parked = this.#store.resends().filter((range) => range.isParked);
    return parked.map(({ seq, upto, error }) => ({ from: seq, to: upto, error }));
  }

  async reroute(from: number, to: number): Promise<void> {
    await this.#send(from, to);
    this.#store.deleteResend(from);
  }

  async alarm(): Promise<void> {
    this.#alarmAt = null;
    this.#inAlarm = true;
    try {
      await this.#load();
      await this.#resendOverdue();
    } catch (error) {
      this.#host.report(`log ${this.#host.name}: resending failed and is tried again`, error);
    }
    if (this.#acked.watermark < this.#next) this.#setAlarm(this.#host.now() + RESEND_AFTER_MS);
  }

  async sweep(): Promise<void> {
    if (!this.#store.exists()) return;
    await this.#load();
    const now = this.#host.now();
    if (this.#alarmAt !== null && this.#alarmAt < now - OVERDUE_MS) await this.alarm(); // the platform dropped it
    for (const row of this.#store.overdueRuns(now - OVERDUE_MS, SWEEP_PAGE))
      await this.#host.objects.run(this.#host.env, row.runId).poke();
    await this.#expire(now);
  }

  /** Events go with their day; runs once they have ended that long ago; the object when it holds nothing. */
  async #expire(now: number): Promise<void> {
    const horizon = now - this.#retentionMs();
    for (const row of this.#store.endedRuns(horizon, SWEEP_PAGE)) {
      const { kind } = await this.#host.objects.run(this.#host.env, row.runId).forget();
      if (kind === "forgotten") this.#store.deleteRun(row.eventId, row.runId);
    }
    if (logDay(this.#host.name) + 86_400_000 >= horizon) return;
    if (this.#acked.watermark >= this.#next) this.#store.deleteEvents();
    if (!this.#store.isEmpty()) return;
    await this.#host.objects.registry(this.#host.env).closeLog(this.#host.name);
    await this.#host.wipe();
    this.#store = this.#host.stores.log();
    this.#loaded = undefined;
    this.#next = 0;
    this.#acked = new Acknowledged(0);
  }

  async #resendOverdue(): Promise<void> {
    const now = this.#host.now();
    for (let seq = this.#acked.watermark; ;) {
      const page = this.#store.appendsFrom(seq, RESEND_PAGE);
      for (const append of page) {
        const { seq: from, count } = append;
        if (this.#queue.exists() && append.receivedAt + RESEND_AFTER_MS > now) return;
        if (!this.#acked.has(from, from + count) && this.#seemsLost(append, now)) await this.#resendOne(append);
      }
      const last = page.at(-1);
      if (!last || page.length < RESEND_PAGE) return;
      seq = last.seq + last.count;
    }
  }

  /**
   * An old range is lost when no consumer has told of anything lately, or when much younger ones have been routed. Else it
   * waits in the queue behind others, and sending it again would only make the queue longer.
   */
  #seemsLost({ seq, receivedAt }: Append, now: number): boolean {
    if (!this.#queue.exists()) return true;
    if ((this.#working.get(seq) ?? Number.NEGATIVE_INFINITY) + RESEND_AFTER_MS > now) return false;
    return this.#heardAt + RESEND_AFTER_MS <= now || this.#youngestAckedAt >= receivedAt + RESEND_AFTER_MS;
  }

  async #resendOne({ seq, count }: Append): Promise<void> {
    const upto = seq + count;
    const [before] = this.#store.resends(seq, seq + 1);
    const times = (before?.times ?? 0) + 1;
    const error = this.#errors.get(seq) ?? before?.error ?? "no consumer acknowledged it";
    const isParked = times > RESENDS_MAX;
    this.#store.putResend({ seq, upto, times, isParked, error });
    this.#hasResends = true;
    if (isParked) this.#acknowledge(seq, upto);
    else await this.#send(seq, upto);
  }

  async #send(from: number, to: number): Promise<void> {
    const message = routeMessage(this.#host.env, this.#host.name, from, to, this.#store.read(from, to));
    if (this.#queue.exists() && (await this.#queue.send(message))) return;
    await routeBatch(this.#host.objects, this.#host.env, [message], this.#host.now()); // no queue: deliver from here
  }

  #forgetResends(from: number, to: number): void {
    for (const range of this.#store.resends(from, to)) if (range.upto <= to) this.#store.deleteResend(range.seq); // also one that was parked and came after all
  }

  #load(): Promise<void> {
    this.#loaded ??= this.#recover();
    return this.#loaded;
  }

  async #recover(): Promise<void> {
    if (!this.#store.exists()) return;
    this.#alarmAt ??= await this.#host.alarm();
    const { next, ackedBefore } = this.#store.end();
    this.#next = next;
    // inside the alarm handler the alarm reads as unset: only then nothing may be taken as acknowledged
    this.#acked = new Acknowledged(this.#alarmAt === null && !this.#inAlarm ? next : ackedBefore);
    for (const range of this.#store.resends()) {
      this.#hasResends = true;
      if (range.isParked) this.#acked.add(range.seq, range.upto);
    }
  }

  get #queue(): RouteQueue {
    return this.#host.objects.queue;
  }

  #setAlarm(at: number | null): void {
    this.#alarmAt = at;
    this.#host.setAlarm(at);
  }
}

/** Whether events of a name may start a function; `route` decides. */
function mayStart(fn: RegisteredFunction, name: string): boolean {
  if (name === internalEvents.invoked || name === internalEvents.scheduledTimer) return true; // these name theirs
  const names = new Set(triggerNames(name));
  return fn.triggers.some((trigger) => names.has(trigger.event));
}

function isListed(row: RunIndexRow, { functionIds, appIds, statuses, timeField, from, until }: RunListFilter): boolean {
  const at = row[timeField];
  return (
    at !== null &&
    at >= from &&
    at < until &&
    (functionIds?.includes(row.functionId) ?? true) &&
    (appIds?.includes(row.appId) ?? true) &&
    (statuses?.includes(row.status) ?? true)
  );
}
