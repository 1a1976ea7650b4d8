/**
 * The log of one day and shard: accepted events, how far they have been routed, and the index of the runs they started.
 *
 * 1. An event is accepted when its append has been committed (G1). The log is the truth, the queue is transport.
 * 2. While something is not acknowledged the alarm is set; without an alarm everything is. So an acknowledgement costs
 *    no row: what a lost process had acknowledged since is only sent again, which is harmless.
 * 3. What comes while messages are on their way to the queue shares the next: one commit and one message for all of it. When
 *    none is on its way a request waits for nothing.
 * 4. The alarm is set by the first event and goes off while the object is still in memory; it is not cleared by every
 *    acknowledgement. So a stream of events sets it once in a while, and none of them waits for it. In a log of order it is
 *    cleared when all is routed: lines wait for what a process that died had routed, until it is sent again.
 */
import { matches } from "../engine/expression.ts";
import { Acknowledged } from "../engine/ranges.ts";
import { route, triggerNames } from "../engine/route.ts";
import { deferred, type Deferred } from "../protocol/deferred.ts";
import { internalEvents, RESERVED_PREFIX, type EventRecord } from "../protocol/event.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { runIdOf, ulidOf, ulidParts, ulidTime } from "../protocol/ids.ts";
import { ID_SEED_MAX_SKEW_MS, RESENDS_MAX, RESEND_AFTER_MS } from "../protocol/limits.ts";
import { messageAgain, readMessage, routeMessages } from "./accept.ts";
import { routeBatch } from "./consumer.ts";
import type { Host } from "./host.ts";
import {
  logDay,
  orderLogBefore,
  type Appended,
  type EventFilter,
  type EventHead,
  type EventPlace,
  type FoundRun,
  type ListedEvent,
  type ListedRun,
  type LogChanges,
  type LogInterest,
  type LoggedEvent,
  type LogObjectApi,
  type RouteQueue,
  type RunIndexRow,
  type RunListFilter,
  type RunPlace,
  type RunsQuery,
  type SeqRange,
} from "./objects.ts";
import { EventSearch, isListed } from "./run-filter.ts";
import { keptMs, shortestMs, type Retention } from "./retention.ts";
import { MetricsSum, type Metrics, type MetricsQuery } from "./run-metrics.ts";
import type { AppendPart } from "./storage/append-parts.ts";
import type { Append, LogStore } from "./storage/stores.ts";
import { Watch } from "./watch.ts";

/** An object stays in memory for 10 s after its last request: within them it knows what was acknowledged. */
const LOOK_AFTER_MS = 8_000;
/** Nobody waits longer for the messages of others: a queue that is slow takes them while more is accepted. */
const SHARE_MAX_MS = 20;
const OVERDUE_MS = 120_000; // design §3: pokes runs more than 2 minutes past due
const SWEEP_PAGE = 100;
const ROUTED_WAIT_MS = 10_000;
const SINCE_PAGE_APPENDS = 200;
const APPENDS_LOOKED_AT = 1000;
const APPENDS_READ_AT_ONCE = 50;
/** What one answer may carry, by far. */
const EVENTS_PAGE_CHARS = 4 * 1024 * 1024;
const RESEND_PAGE = 100;
const RUNS_PAGE = 500;
const RUNS_LOOKED_AT = 1000;
const RUNS_READ_AT_ONCE = 100;
/** Of a search, which reads the events of the runs that it looks at. */
const RUNS_SEARCHED = 200;
const RUNS_COUNTED_MAX = 10_000;
const RUNS_LOOKED_AT_TO_COUNT = 20_000;
const EVENTS_TOLD_MAX = 200;
const RUNS_MEASURED_AT_ONCE = 1_000;
const DAY_MS = 86_400_000;

/** A request that is about to be taken. */
interface Arrival {
  parts: AppendPart[];
  now: number;
  taken: Deferred<Appended>;
}

/** What those who watch are told of. */
type LogChange = { kind: "run"; row: RunIndexRow } | ({ kind: "events" } & SeqRange);

export class LogObject implements LogObjectApi {
  readonly #host: Host;
  readonly #watch: Watch<LogChange>;
  readonly #retention: () => Retention;
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
  /** what a consumer has told of and not acknowledged, and when, by the first seq */
  readonly #working = new Map<number, { to: number; at: number }>();
  /** receipt of the youngest range that was acknowledged */
  #youngestAckedAt = 0;
  /** resolves when more has been routed than was */
  #routed = deferred<void>();
  #routing: Promise<void> | null = null;
  #arrivals: Arrival[] = [];
  #isTaking = false;
  /** up to which run the sweeper has looked for those to forget */
  #expired: RunPlace | null = null;
  /** why a range could not be routed, by its first seq */
  readonly #errors = new Map<number, { to: number; error: string }>();

  constructor(host: Host, retention: () => Retention) {
    this.#host = host;
    this.#watch = new Watch(host);
    this.#retention = retention;
    this.#store = host.stores.log();
  }

  async append(parts: AppendPart[], now: number): Promise<Appended> {
    await this.#load();
    if (!this.#store.exists()) {
      // before the first event, so that a wait that looks back finds this log
      await this.#host.objects.registry(this.#host.env).openLog(this.#host.name);
      this.#store.create();
    }
    const taken = deferred<Appended>();
    this.#arrivals.push({ parts, now, taken });
    if (!this.#isTaking) void this.#takeAll();
    return taken.promise;
  }

  async #takeAll(): Promise<void> {
    this.#isTaking = true;
    while (this.#arrivals.length > 0) {
      const messages = this.#take(this.#arrivals.splice(0));
      // messages, as answers, leave when what was stored before them is durable: the platform sees to it
      const sent = Promise.all(messages.map((message) => this.#queue.send(message)));
      if (messages.length > 0) await this.#host.wait(SHARE_MAX_MS, sent);
    }
    this.#isTaking = false;
  }

  /** Stores what has come and answers; the messages that hand it to the queue. */
  #take(arrivals: readonly Arrival[]): string[] {
    const requests: { parts: AppendPart[]; appended: Appended }[] = [];
    for (const { parts, now, taken } of arrivals) {
      try {
        const appended = this.#append(parts, now);
        requests.push({ parts, appended });
        taken.resolve(appended);
      } catch (error) {
        taken.reject(error); // this one's alone
      }
    }
    const hasQueue = this.#queue.exists();
    if (this.#alarmAt === null && !this.isRouted) this.#setAlarm(this.#host.now() + (hasQueue ? LOOK_AFTER_MS : 0));
    return hasQueue ? routeMessages(this.#host.env, this.#host.name, requests) : [];
  }

  #append(parts: AppendPart[], now: number): Appended {
    const count = parts.reduce((sum, { texts }) => sum + texts.length, 0);
    const known = this.#store.partOf(parts[0]?.firstId ?? ""); // the same request again, after its answer was lost
    if (known) return { from: known.seq, to: known.seq + count, receivedAt: known.receivedAt };
    const from = this.#next;
    const receivedAt = Math.max(now, this.#lastReceivedAt);
    this.#store.append(parts, from, receivedAt, this.#acked.watermark);
    this.#lastReceivedAt = receivedAt;
    this.#next = from + count;
    this.#watch.note({ kind: "events", from, to: this.#next });
    return { from, to: this.#next, receivedAt };
  }

  /** Whether nothing is to be sent again, as far as this object has heard. */
  get isRouted(): boolean {
    return this.#loaded !== undefined && this.#acked.watermark >= this.#next;
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

  #acknowledge(ranges: readonly SeqRange[]): void {
    const { watermark } = this.#acked;
    for (const { from, to } of ranges) this.#acked.add(from, to);
    if (this.#acked.watermark === watermark) return;
    this.#routed.resolve();
    this.#routed = deferred();
  }

  async acknowledge(ranges: SeqRange[]): Promise<void> {
    await this.#load();
    this.#acknowledge(ranges);
    this.#heardAt = this.#host.now();
    for (const { from } of ranges) {
      this.#working.delete(from);
      this.#errors.delete(from);
    }
    // receipt times rise with seq
    const youngest = ranges.reduce((last, { from }) => Math.max(last, from), 0);
    this.#youngestAckedAt = Math.max(this.#youngestAckedAt, this.#store.appendsFrom(youngest, 1)[0]?.receivedAt ?? 0);
    if (this.#hasResends) for (const { from, to } of ranges) this.#forgetResends(from, to);
    const isOfOrder = orderLogBefore(this.#host.name) !== null;
    if (isOfOrder && this.isRouted && this.#alarmAt !== null) this.#setAlarm(null); // rule 4
  }

  async working(ranges: SeqRange[]): Promise<void> {
    this.#heardAt = this.#host.now();
    for (const { from, to } of ranges) this.#working.set(from, { to, at: this.#heardAt });
  }

  async failed(ranges: SeqRange[], error: string): Promise<void> {
    for (const { from, to } of ranges) this.#errors.set(from, { to, error: error.slice(0, 1000) });
  }

  async event(internalId: string): Promise<LoggedEvent | null> {
    return this.#store.find(internalId)?.event ?? null;
  }

  async events(filter: EventFilter): ReturnType<LogObjectApi["events"]> {
    const { names, isExternal, before, receivedFrom, receivedBefore, limit, isBare = false, isWithRuns = false } = filter;
    const isWanted = (name: string) => (names?.includes(name) ?? true) && !(isExternal && name.startsWith(RESERVED_PREFIX));
    const events: ListedEvent[] = [];
    // receipt times rise with seq: a log that has taken nothing since is not looked through
    if (receivedFrom > 0 && this.#store.firstSince(receivedFrom) >= this.#store.end().next)
      return { events, next: null };
    let next = before ?? null;
    let chars = 0;
    for (let looked = 0; looked < APPENDS_LOOKED_AT; looked += APPENDS_READ_AT_ONCE) {
      const appends = this.#store.appendsBefore(next, APPENDS_READ_AT_ONCE);
      for (const append of appends) {
        next = append.firstId;
        const isReceived = append.receivedAt >= receivedFrom && append.receivedAt < receivedBefore;
        if (!isReceived || !append.names.some(isWanted)) continue;
        for (const logged of this.#store.read(append.seq, append.seq + append.count).reverse()) {
          const { internalId, event } = logged.record;
          if ((before !== undefined && internalId >= before) || !isWanted(event.name)) continue;
          const listed = isBare ? bare(logged) : logged;
          events.push(isWithRuns ? { ...listed, runs: this.#store.runsOf(internalId) } : listed);
          chars += isBare ? 0 : JSON.stringify(event).length;
          if (events.length >= limit || chars >= EVENTS_PAGE_CHARS) return { events, next: internalId };
        }
      }
      if (appends.length < APPENDS_READ_AT_ONCE) return { events, next: null };
    }
    return { events, next };
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
    this.#watch.note({ kind: "run", row });
  }

  async runsOf(eventId: string): Promise<RunIndexRow[]> {
    return this.#store.runsOf(eventId);
  }

  async runs(query: RunsQuery, after: RunPlace | null): ReturnType<LogObjectApi["runs"]> {
    const rows = this.#store.runsAfter(after, RUNS_PAGE);
    const isMatching = this.#matching(query);
    const runs = rows.flatMap((row): FoundRun[] => {
      const { runId, status, createdAt, endedAt } = row;
      if (!isAskedFor(row, query)) return [];
      const isMatch = isMatching(row.eventId);
      return isMatch === false ? [] : [{ runId, status, isEnded: endedAt !== null, createdAt, matches: isMatch }];
    });
    const last = rows.at(-1);
    const next = last && rows.length === RUNS_PAGE ? { eventId: last.eventId, runId: last.runId } : null;
    return { runs, next };
  }

  async listRuns(filter: RunListFilter, place: RunPlace | null): ReturnType<LogObjectApi["listRuns"]> {
    const runs: ListedRun[] = [];
    const search = filter.search ? new EventSearch(this.#store, filter.search) : null;
    let next = place;
    // mostly the first rows are wanted: more are read as long as there are not enough
    for (let looked = 0; looked < (search ? RUNS_SEARCHED : RUNS_LOOKED_AT); looked += RUNS_READ_AT_ONCE) {
      const rows = this.#store[filter.order === "desc" ? "runsBefore" : "runsAfter"](next, RUNS_READ_AT_ONCE);
      for (const row of rows) {
        next = { eventId: row.eventId, runId: row.runId };
        const isMatch = isListed(row, filter) && (search ? search.test(row) : true);
        if (isMatch !== false) runs.push(isMatch === null ? { ...row, isUnsure: true } : row);
        if (runs.length >= filter.limit || search?.isTired) return { runs, next };
      }
      if (rows.length < RUNS_READ_AT_ONCE) return { runs, next: null };
    }
    return { runs, next };
  }

  async countRuns(filter: RunListFilter): ReturnType<LogObjectApi["countRuns"]> {
    return this.#store.countRuns(filter, RUNS_COUNTED_MAX, RUNS_LOOKED_AT_TO_COUNT);
  }

  async changes(place: string | null, withinMs: number, interest: LogInterest): Promise<LogChanges> {
    const until = this.#host.now() + withinMs;
    for (let from = place; ;) {
      const { changes, ...found } = await this.#watch.since(from, until - this.#host.now());
      const rows = changes.flatMap((change) => (change.kind === "run" && interest.runs ? [change.row] : []));
      const ranges = changes.flatMap((change) => (change.kind === "events" && interest.events ? [change] : []));
      const isOver = from === null || found.isGap || this.#host.now() >= until;
      if (!isOver && rows.length === 0 && ranges.length === 0) {
        from = found.place;
        continue;
      }
      const isFlood = ranges.reduce((sum, range) => sum + range.to - range.from, 0) > EVENTS_TOLD_MAX;
      const runs = [...new Map(rows.map((row) => [row.runId, row])).values()];
      return {
        ...found,
        isGap: found.isGap || isFlood,
        runs,
        events: isFlood ? [] : ranges.flatMap((range) => this.#heads(range)),
      };
    }
  }

  #heads({ from, to }: SeqRange): EventHead[] {
    return this.#store
      .read(from, to)
      .map(({ record: { internalId, event }, receivedAt }) => ({ internalId, name: event.name, ts: event.ts, receivedAt }));
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

  async metrics(query: MetricsQuery): Promise<Metrics> {
    const sum = new MetricsSum(query);
    const untilId = ulidOf({ timeMs: query.until + ID_SEED_MAX_SKEW_MS, entropy: new Uint8Array(10) });
    for (let place: RunPlace = { eventId: untilId, runId: "" }; ;) {
      const rows = this.#store.runsBefore(place, Math.min(RUNS_MEASURED_AT_ONCE, query.rowsMax - sum.looked));
      for (const row of rows) {
        if (ulidTime(row.eventId) < query.eventsFrom) return sum.sum(null);
        sum.add(row);
      }
      const last = rows.at(-1);
      if (!last) return sum.sum(null);
      if (sum.looked >= query.rowsMax) return sum.sum(ulidTime(last.eventId));
      place = { eventId: last.eventId, runId: last.runId };
    }
  }

  async unindexed(
    functions: RegisteredFunction[],
    receivedFrom: number,
    place: EventPlace | null,
  ): ReturnType<LogObjectApi["unindexed"]> {
    const page = this.#store.appendsFrom(place?.seq ?? this.#store.firstSince(receivedFrom), SINCE_PAGE_APPENDS);
    const runIds: string[] = [];
    for (const { seq, count, names } of page) {
      if (!functions.some((fn) => names.some((name) => mayStart(fn, name)))) continue;
      const starts = this.#startsOf(functions, seq, seq + count);
      const skip = seq === place?.seq ? place.skip : 0;
      const taken = starts.slice(skip, skip + RUNS_PAGE - runIds.length);
      runIds.push(...taken.filter(({ eventId, runId }) => !this.#isIndexed(eventId, runId)).map(({ runId }) => runId));
      if (skip + taken.length < starts.length) return { runIds, next: { seq, skip: skip + taken.length } };
    }
    const last = page.at(-1);
    const isMore = last !== undefined && page.length === SINCE_PAGE_APPENDS;
    return { runIds, next: isMore ? { seq: last.seq + last.count, skip: 0 } : null };
  }

  /** The runs that events of a range start of functions. */
  #startsOf(functions: RegisteredFunction[], from: number, to: number): RunPlace[] {
    return this.#store.read(from, to).flatMap(({ record, receivedAt }) => {
      const eventId = record.internalId;
      return route(record, functions, receivedAt).map(({ fn }) => ({ eventId, runId: runIdOf(eventId, fn.id) }));
    });
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
    await this.#send({ from, to });
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
    if (!this.isRouted) this.#setAlarm(this.#nextLook());
  }

  /** When the oldest event that is not acknowledged may be sent again, and before this object has left memory. */
  #nextLook(): number {
    const now = this.#host.now();
    const receivedAt = this.#store.appendsFrom(this.#acked.watermark, 1)[0]?.receivedAt ?? now;
    const resendAt = receivedAt + RESEND_AFTER_MS;
    return resendAt <= now ? now + RESEND_AFTER_MS : Math.min(resendAt, now + LOOK_AFTER_MS);
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
    const retention = this.#retention();
    if (logDay(this.#host.name) >= now - shortestMs(retention)) return; // nothing in it can have ended before: none of its runs is looked at
    for (const row of this.#endedLongAgo(retention, now)) {
      const { kind } = await this.#host.objects.run(this.#host.env, row.runId).forget();
      if (kind === "forgotten") this.#store.deleteRun(row.eventId, row.runId);
    }
    if (logDay(this.#host.name) + DAY_MS >= now - retention.defaultMs) return;
    if (this.isRouted) this.#store.deleteEvents();
    if (!this.#store.isEmpty()) return;
    await this.#host.objects.registry(this.#host.env).closeLog(this.#host.name);
    await this.#host.wipe();
    this.#store = this.#host.stores.log();
    this.#loaded = undefined;
    this.#next = 0;
    this.#alarmAt = null;
    this.#acked = new Acknowledged(0);
  }

  /** Of a bounded number of runs, the next ones at each sweep: nobody pays for looking at all of them every minute. */
  #endedLongAgo(retention: Retention, now: number): RunIndexRow[] {
    const rows = this.#store.runsAfter(this.#expired, RUNS_LOOKED_AT);
    const isOver = ({ endedAt, status }: RunIndexRow) => endedAt !== null && endedAt < now - keptMs(retention, status);
    const ended = rows.filter(isOver).slice(0, SWEEP_PAGE);
    const last = ended.length === SWEEP_PAGE ? ended.at(-1) : rows.at(-1);
    const isLast = ended.length < SWEEP_PAGE && rows.length < RUNS_LOOKED_AT;
    this.#expired = isLast || !last ? null : { eventId: last.eventId, runId: last.runId };
    return ended;
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
    for (const [from, { to, at }] of this.#working) if (from <= seq && seq < to) return at + RESEND_AFTER_MS <= now;
    return this.#heardAt + RESEND_AFTER_MS <= now || this.#youngestAckedAt >= receivedAt + RESEND_AFTER_MS;
  }

  async #resendOne({ seq, count }: Append): Promise<void> {
    const upto = seq + count;
    const [before] = this.#store.resends(seq, seq + 1);
    const times = (before?.times ?? 0) + 1;
    const error = this.#errorOf(seq) ?? before?.error ?? "no consumer acknowledged it";
    const isParked = times > RESENDS_MAX;
    this.#store.putResend({ seq, upto, times, isParked, error });
    this.#hasResends = true;
    if (isParked) this.#acknowledge([{ from: seq, to: upto }]);
    else await this.#send({ from: seq, to: upto });
  }

  #errorOf(seq: number): string | undefined {
    for (const [from, { to, error }] of this.#errors) if (from <= seq && seq < to) return error;
    return undefined;
  }

  async #send(range: SeqRange): Promise<void> {
    const { env, name } = this.#host;
    const message = messageAgain(env, name, range, this.#store.read(range.from, range.to));
    if (this.#queue.exists() && (await this.#queue.send(message))) return;
    await routeBatch(this.#host.objects, env, [readMessage(message)], this.#host.now()); // no queue: deliver from here
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

function isAskedFor(row: RunIndexRow, { functionIds, appId, statuses, createdFrom, createdBefore }: RunsQuery): boolean {
  return (
    row.createdAt >= createdFrom &&
    row.createdAt < createdBefore &&
    (functionIds?.includes(row.functionId) ?? true) &&
    (appId === null || row.appId === appId) &&
    (statuses?.includes(row.status) ?? true)
  );
}

/** Whether events of a name may start a function; `route` decides. */
function mayStart(fn: RegisteredFunction, name: string): boolean {
  if (name === internalEvents.invoked || name === internalEvents.scheduledTimer) return true; // these name theirs
  const names = new Set(triggerNames(name));
  return fn.triggers.some((trigger) => names.has(trigger.event));
}

/** Without what people have put into it. */
function bare({ record: { internalId, event }, receivedAt }: LoggedEvent): LoggedEvent {
  const { id, name, ts } = event;
  return { record: { internalId, event: { id, name, ts, data: {}, user: {} } }, receivedAt };
}
