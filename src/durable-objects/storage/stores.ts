/**
 * What objects keep, in their own words: the contract that every storage fulfils. `sql-*.ts` keeps it in a Durable Object's
 * SQLite.
 *
 * 1. A store belongs to one object, is synchronous, and holds nothing that a new store over the same storage would not find.
 * 2. Every method that writes is all or nothing. Methods called inside a `transaction` take effect together with it.
 * 3. Looking creates nothing: an object that was only asked has stored nothing.
 * 4. What is put is JSON and is copied: what comes back is what `JSON.parse(JSON.stringify(value))` gives, and nobody else's.
 * 5. Where an order is named, texts compare by their UTF-8 bytes.
 */
import type { Lease } from "../../engine/lease.ts";
import type { Effect, Entry, Extra, ExtraList, Run } from "../../engine/run.ts";
import type { EventRecord } from "../../protocol/event.ts";
import type { Pause } from "../../protocol/flow-control.ts";
import type { RegisteredFunction } from "../../protocol/function-config.ts";
import type { JsonValue } from "../../protocol/json.ts";
import type { AuditEntry, Audited } from "../../protocol/audit.ts";
import type { ScheduleDefinition } from "../../protocol/schedule.ts";
import type {
  AppSync,
  AppView,
  BulkKind,
  DedupeClaim,
  LoggedEvent,
  RunCount,
  RunIndexRow,
  RunListFilter,
  Subscription,
  SyncError,
} from "../objects.ts";
import type { AppendPart } from "./append-parts.ts";

/** The stores of one object, of which it uses the one of its kind. Each call makes a store that has read nothing yet. */
export interface Stores {
  run(): RunStore;
  log(): LogStore;
  waits(): WaitStore;
  registry(): RegistryStore;
  /** of the registry's object too */
  schedules(): ScheduleStore;
  claims(): ClaimStore;
  /** of the registry's object too */
  audit(): AuditStore;
  key(): KeyStore;
}

// ---- a run ----------------------------------------------------------------------------------------------------------

/** A settled step's result, in the text of JSON that it is stored in. */
export interface MemoText {
  id: string;
  position: number;
  text: string;
}

/** Counters that a run's header may be behind on, since it is not written with every step. */
export interface RunCounters {
  /** of the last commit */
  position: number;
  steps: number;
  /** of the steps' JSON */
  bytes: number;
  /** the last number of what its code has logged, and bytes of that as JSON */
  logs: { seq: number; bytes: number };
}

/** One run: its header, its trigger events, its journal, and the effects that are still to be performed. */
export interface RunStore {
  /** All that is written in `body`, or nothing when it throws. It must not await. */
  transaction<T>(body: () => T): T;

  /**
   * The header, or null for a run that was never started.
   *
   * @throws Error when a newer version has stored it
   */
  run(): Run | null;
  /** The first write of a run: header and trigger events; whether the header carries these. */
  create(run: Run, events: EventRecord[]): { inline: boolean };
  /** @param inlineEvents the trigger events when the header carries them: they are written with it */
  putRun(run: Run, inlineEvents: EventRecord[] | undefined): void;
  /** Trigger events, and whether the header carries them. */
  events(): { records: EventRecord[]; inline: boolean };

  entry(stepId: string): Entry | undefined;
  putEntry(entry: Entry): void;
  /** The whole journal in the order of its commits. */
  entries(): Entry[];
  /** How many steps have settled. */
  settledCount(): number;
  /** Results of the steps that settled after a position, in the order of their commits. */
  memosAfter(position: number): MemoText[];
  /**
   * Entries after a position, in the order of their commits, until they hold more than `maxBytes`, and the position from
   * which the next page goes on. A page has at least one entry while there is any.
   */
  page(after: number, maxBytes: number): { entries: Entry[]; next: number | null };
  /** Entries whose deadline is not after `now`, earliest first, then in the order of their commits. */
  dueEntries(now: number, limit: number): Entry[];
  nextDueAt(): number | null;
  /** Entries with a deadline, in the order of {@link dueEntries}: what an ended run must withdraw. */
  openEntries(): Entry[];
  counters(): RunCounters;

  putEffect(effect: Effect): void;
  /** In the order of their ids. */
  effects(): Effect[];
  hasEffects(): boolean;
  deleteEffect(id: string): void;

  /** By their numbers. */
  leases(): Lease[];
  putLease(lease: Lease): void;
  deleteLease(seq: number): void;

  /** Position of the commit at which an event answered a wait of this run; undefined when it has not. */
  answeredAt(internalId: string): number | undefined;
  putAnswered(internalId: string, position: number): void;

  /** In the place of an earlier one of the same list and id. */
  putExtra(extra: Extra): void;
  extra(list: ExtraList, id: string): JsonValue | undefined;
  /** Those of a list, by id. */
  extras(list: ExtraList): Extra[];
}

// ---- a log ----------------------------------------------------------------------------------------------------------

/** One stored part of an append: events with consecutive ids and seqs. */
export interface Append {
  firstId: string;
  seq: number;
  count: number;
  receivedAt: number;
  /** names of its events, each once */
  names: string[];
}

/** A range of a log that was sent again or given up on. */
export interface ResendState {
  seq: number;
  upto: number;
  times: number;
  isParked: boolean;
  error: string;
}

/**
 * The log of one day and shard: events by seq, ranges that were sent again, and the index of the runs that began here. Large
 * appends are stored in parts ({@link Append}), and ranges that are read begin and end where parts do.
 */
export interface LogStore {
  /** Whether the log was ever written to. */
  exists(): boolean;
  create(): void;

  /**
   * Stores a request from `seq` on, all of it or none. Receipt times never fall from one append to the next.
   *
   * @param ackedBefore the log's watermark: all below it has been routed
   */
  append(parts: readonly AppendPart[], seq: number, receivedAt: number, ackedBefore: number): void;
  /** The part that begins with this event. */
  partOf(firstId: string): Append | undefined;
  /** The next free seq, and the watermark that the last append knew. */
  end(): { next: number; ackedBefore: number };
  /** Where an event stands; undefined when it is not here. */
  find(internalId: string): { row: Append; event: LoggedEvent } | undefined;
  /** The events of all parts that begin in `[from, to)`, by seq. */
  read(from: number, to: number): LoggedEvent[];
  /** Parts that begin below an id, or the last ones, the last first, without their events. */
  appendsBefore(id: string | null, limit: number): Append[];
  /** Seq of the first part received at or after an instant; the next free seq when there is none. */
  firstSince(receivedAt: number): number;
  /** Parts that begin at a seq or later, by seq, without their events. */
  appendsFrom(seq: number, limit: number): Append[];
  /** Whether an event, or a run's event, with an id between the two (both included) is here. Of the events in a part the first counts. */
  hasIdBetween(low: string, high: string): boolean;
  deleteEvents(): void;

  /** Ranges whose first seq is in `[from, to)`, by seq. */
  resends(from?: number, to?: number): ResendState[];
  putResend(range: ResendState): void;
  deleteResend(seq: number): void;

  /**
   * Notes how a run stands. Of one that is known, only status, `startedAt`, `endedAt`, `dueAt` and what it waits for change, and
   * only when one of these but `startedAt` is another.
   */
  putRun(row: RunIndexRow): void;
  /** By run id. */
  runsOf(eventId: string): RunIndexRow[];
  /** Runs after a place, or the first ones, by event and run id. */
  runsAfter(place: Pick<RunIndexRow, "eventId" | "runId"> | null, limit: number): RunIndexRow[];
  /** Runs before a place, or the last ones, the last first. */
  runsBefore(place: Pick<RunIndexRow, "eventId" | "runId"> | null, limit: number): RunIndexRow[];
  /** Runs that were due before an instant, earliest first, then by event and run id. */
  overdueRuns(before: number, limit: number): RunIndexRow[];
  /** How many runs a list has, `max` at most, among so many of those that are the last by event and run id. */
  countRuns(filter: RunListFilter, max: number, looksMax: number): RunCount;
  deleteRun(eventId: string, runId: string): void;

  /** Whether neither events nor runs nor ranges are left. */
  isEmpty(): boolean;
}

// ---- waits ----------------------------------------------------------------------------------------------------------

/** Key of waits without an equality term: they are scanned for every event of the name. */
export const NO_TERM = "";

/** Where a delivery goes on: which key it is at, and after which wait. */
export interface Cursor {
  key: number;
  runId: string;
  stepId: string;
}

/** An event that is being offered, and how far that has come. */
export interface Delivery {
  logged: LoggedEvent;
  cursor: Cursor;
}

/** The waits for one event name, and the events that are being offered to them. */
export interface WaitStore {
  /**
   * Holds a wait, in the place of an earlier one of the same run and step.
   *
   * @param term `termKey` of the wait's first equality, or {@link NO_TERM}
   * @param path of that equality, `""` when it has none
   */
  put(subscription: Subscription, term: string, path: string): void;
  delete(runId: string, stepId: string): void;
  /** Paths that any wait's equality names, each once, in order. */
  paths(): string[];
  /** Waits of one term after a place, by run and step id. */
  page(term: string, runId: string, stepId: string, limit: number): Subscription[];

  /** Stores how far an event has been offered, so that a crash goes on from there. */
  putDelivery(logged: LoggedEvent, cursor: Cursor): void;
  deleteDelivery(internalId: string): void;
  /** The first ten by id. */
  deliveries(): Delivery[];

  /** Whether neither waits nor deliveries are left. */
  isEmpty(): boolean;
}

// ---- the registry ---------------------------------------------------------------------------------------------------

/** A schedule and its next tick. */
export interface StoredSchedule {
  functionId: string;
  cron: string;
  /** the first tick that is not known to have been sent; null when none comes any more */
  nextAt: number | null;
  /** ticks before it that are not made up */
  missed: number;
  /** time in the id of its event when that is not the tick's own */
  idAt: number | null;
}

/** What is known of the pauses of a function; kept whatever its app syncs. */
export interface StoredPause {
  functionId: string;
  /** null: it goes on */
  pause: Pause | null;
  /** the pause that was over last, so that the next begins later */
  endedAt: number | null;
  /** whether the gate of that one is still to be opened */
  isOpening: boolean;
}

/** Apps, their functions and schedules, names that are waited for, and logs of one environment. */
export interface RegistryStore {
  /**
   * Replaces what an app has registered; false when it is what it was. A function that is not in it any more is archived,
   * and goes on with the next version when it comes back.
   */
  sync(sync: AppSync, now: number): boolean;
  /** The first function of a sync whose id another app has: `a` + `b-c` and `a-b` + `c` are the same slug. */
  takenBy(sync: AppSync): { functionId: string; appId: string } | null;
  /** Functions that are not archived, by id. */
  functions(): RegisteredFunction[];
  /** A function that its app no longer has, or whose app is archived. */
  archivedFunction(id: string): RegisteredFunction | null;
  /** By id. */
  apps(): AppView[];
  /** False for an app that is not known. Its next sync differs from what it was, and so restores it. */
  archive(appId: string, now: number): boolean;

  /** Remembers why a sync failed: of whatever URLs, only the latest hundred. */
  syncFailed(url: string, error: SyncError): void;
  syncSucceeded(url: string): void;
  /** Failures of URLs that are no app's, by URL. */
  unsynced(): { url: string; error: SyncError }[];

  /** By function and cron. */
  schedules(): StoredSchedule[];
  /** Adds a schedule, or begins it anew. */
  addSchedule(functionId: string, cron: string, nextAt: number | null): void;
  /** Moves a schedule on, unless it has moved, or gone, in the meantime. One without a next tick stays where it is. */
  moveSchedule(from: StoredSchedule, to: Pick<StoredSchedule, "nextAt" | "missed" | "idAt">): void;
  dropSchedule(functionId: string, cron: string): void;

  /** Of functions that ever were paused, by id. */
  pauses(): StoredPause[];
  /** In the place of an earlier one of the same function. */
  putPause(stored: StoredPause): void;

  /** Lists a bulk operation. */
  addBulk(kind: BulkKind, id: string): void;
  dropBulk(kind: BulkKind, id: string): void;
  isBulk(kind: BulkKind, id: string): boolean;
  /** Ids of a kind below one, or all, newest first. */
  bulks(kind: BulkKind, before: string | null, limit: number): string[];

  isWaited(name: string): boolean;
  flag(name: string): void;
  unflag(name: string): void;

  openLog(log: string): void;
  closeLog(log: string): void;
  /** Newest day first. */
  logs(): string[];

  /** Environments beside the main one; only its registry knows them. */
  openEnvironment(name: string): void;
  closeEnvironment(name: string): void;
  /** By name. */
  environments(): string[];
}

/** Whatever URLs are asked for, only so many failures are remembered. */
export const SYNC_ERRORS_MAX = 100;

// ---- schedules that are made at run time ----------------------------------------------------------------------------

/** A schedule, and how far its ticks have been dealt with. */
export interface StoredDynamicSchedule {
  definition: ScheduleDefinition;
  /** of its times: one that was made, or given other times, since is another */
  generation: number;
  createdAt: number;
  updatedAt: number;
  /** the first tick that is not known to have been sent; null when none comes any more, or while it is paused */
  nextAt: number | null;
  /** ticks before it that are not made up */
  missed: number;
  /** time in the id of its event when that is not the tick's own */
  idAt: number | null;
  /** the tick that was sent last */
  lastAt: number | null;
  /** when it is to be looked at: its next tick, or later when there are many, or that could not be sent */
  dueAt: number | null;
}

/** What moves a schedule on from one tick to the next. */
export type ScheduleMove = Pick<StoredDynamicSchedule, "nextAt" | "missed" | "idAt" | "lastAt" | "dueAt">;

/** The schedules of an environment. Beside the registry's own tables, in the same object. */
export interface ScheduleStore {
  get(id: string): StoredDynamicSchedule | null;
  /** In the place of an earlier one of the same id. */
  put(schedule: StoredDynamicSchedule): void;
  /** False when its generation or its next tick is another by now, or it is gone: then nothing changes. */
  move(from: StoredDynamicSchedule, to: ScheduleMove): boolean;
  /** False for one that is not there. */
  delete(id: string): boolean;
  count(): number;
  /**
   * By id, those after one, until they hold more than `maxBytes`; and whether more come. A page has at least one while
   * there is any.
   */
  page(after: string, limit: number, maxBytes: number): { schedules: StoredDynamicSchedule[]; hasMore: boolean };
  /** Those whose `dueAt` is not after `now`, by `dueAt`, then by id. */
  due(now: number, limit: number): StoredDynamicSchedule[];
  nextDueAt(): number | null;
}

// ---- claims ---------------------------------------------------------------------------------------------------------

/** Which event of a user id starts a function. */
export interface ClaimStore {
  /** For each claim the internal id that holds it: the first that asked, until its claim has expired. All of them or none. */
  claim(claims: DedupeClaim[], now: number, expiresAt: number): string[];
  /** For each the internal id that holds it, unless it has expired. */
  holders(claims: Omit<DedupeClaim, "internalId">[], now: number): (string | null)[];
  /** Forgets claims that have expired. */
  expire(now: number): void;
  /** When the next claim expires; null when there is none. */
  nextExpiry(): number | null;
}

// ---- who has done what ----------------------------------------------------------------------------------------------

/** The latest actions of people and keys, bounded in number and age. */
export interface AuditStore {
  /** Adds an entry, and forgets a few that are too old or too many. */
  add(entry: AuditEntry, now: number): void;
  /** Below a number, or all, newest first. */
  list(before: number | null, limit: number): Audited[];
}

// ---- a flow-control key ---------------------------------------------------------------------------------------------

/** One thing that a key keeps, in one of its lists. */
export interface KeyItem {
  /** unique in the key, whatever its list */
  id: string;
  list: string;
  /** its place in the list: the smaller first, then the smaller id */
  rank: number;
  value: JsonValue;
}

/** A place in a list, after which reading goes on. */
export type KeyPlace = Pick<KeyItem, "rank" | "id">;

/** What one flow-control key keeps: a state of its rule, and items in lists. Nothing costs more when lists are long. */
export interface KeyStore {
  /** All that is written in `body`, or nothing when it throws. It must not await. */
  transaction<T>(body: () => T): T;
  /** Null while none was put. */
  state(): JsonValue;
  putState(state: JsonValue): void;
  item(id: string): KeyItem | undefined;
  /** In the place of an earlier item of the same id. */
  put(item: KeyItem): void;
  delete(id: string): void;
  /** The first items of a list, or those after a place. */
  list(list: string, limit: number, after?: KeyPlace): KeyItem[];
  count(list: string): number;
  /** How many items of a list come before a place. */
  before(list: string, place: KeyPlace): number;
  /** Whether there are no items. */
  isEmpty(): boolean;
}
