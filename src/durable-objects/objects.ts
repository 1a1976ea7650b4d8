/** What objects say to each other: one interface per object, one way to reach each, whatever the host. */
import type { Memo } from "../protocol/call.ts";
import type { SyncFailure } from "../protocol/app-sync.ts";
import type { WorkerResult } from "../protocol/connect/result.ts";
import type { EventRecord } from "../protocol/event.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { isOrderedUlid, ulidFirstByte, ulidTime } from "../protocol/ids.ts";
import type { EditedInput } from "../protocol/journal.ts";
import type { ChannelTopics } from "../protocol/realtime.ts";
import type { Annotation } from "../protocol/metadata.ts";
import type { AppSpan } from "../protocol/span.ts";
import type { Signal } from "../protocol/signal.ts";
import type { StepOp } from "../protocol/step-op.ts";
import type { AuditEntry, Audited } from "../protocol/audit.ts";
import type { ScheduleChanges, ScheduleDefinition, ScheduleView } from "../protocol/schedule.ts";
import type { PreparedWait } from "../engine/expression.ts";
import type { GatePolicy, Lease, Refusal } from "../engine/lease.ts";
import type { Annotating } from "../engine/metadata.ts";
import type { LogPlace } from "../flow-control/fifo.ts";
import type { Entry, Invoker, Run, RunStatus } from "../engine/run.ts";
import type { StoredLogs } from "../engine/run-logs.ts";
import type { CarriedOver, FromStep } from "../engine/run-rerun.ts";
import type { Resolution, Unresolvable } from "../engine/run-resolve.ts";
import type { Metrics, MetricsQuery } from "./run-metrics.ts";
import type { AppendPart } from "./storage/append-parts.ts";
import type { Changes } from "./watch.ts";
import type { WorkerMessage } from "./transport.ts";
import type { BatchPolicy, DebouncePolicy, Pause, RateLimitPolicy } from "../protocol/flow-control.ts";

/** Log objects per day and environment: each takes its share of appends, and every wait looks back through all. */
export const LOG_SHARDS = 4;
/** The log of each day whose events are routed in order, beside the others. */
const ORDER_SHARD = "order";
/** Dedupe objects per environment (design §2). */
export const DEDUPE_SHARDS = 16;

/** An event together with the instant at which its log took it. */
export interface LoggedEvent {
  record: EventRecord;
  receivedAt: number;
}

export interface StartRequest {
  env: string;
  runId: string;
  fn: RegisteredFunction;
  /** the first names the run's keys; a batch or a debounce hands over more than one */
  events: LoggedEvent[];
  /** the steps that wait for this run's end; a batch may have many */
  invokers?: Invoker[];
  /** when a batch or a debounce let it go; absent: at once. Counts against the redelivery horizon. */
  dueAt?: number;
  /** the run that this one repeats, the version of the function that it had, and the step that this one begins with */
  rerun?: { of: string; version: number; from?: FromStep };
}

/** `refused`: the run that it repeats has no such step, or several, or the step takes no input. */
export type StartOutcome =
  | { kind: "started" | "exists" | "too-old" }
  | Extract<CarriedOver, { kind: "refused" }>;

/** A run without its journal. */
export interface RunSummary {
  run: Run;
  events: EventRecord[];
  /** what it holds or asks for; absent in what an older version says */
  leases?: Lease[];
  /** the step that gets other arguments than its handler gives, while it has not settled */
  edited?: EditedInput;
}

/** A part of a run's journal, in the order of its commits; `next` asks for what follows. */
export interface JournalPage {
  entries: Entry[];
  next: number | null;
}

/** `awake`: no such step sleeps; `sleeping` names those that do. */
export type WakeOutcome =
  | { kind: "woken"; steps: string[] }
  | { kind: "awake"; sleeping: string[] }
  | { kind: "ended" | "unknown" };

/** Whether a step was resolved; otherwise why not. */
export type ResolveOutcome = { kind: "resolved" | "ended" | "unknown" | "no-step" } | Unresolvable;

/**
 * `stale`: the call is superseded, or the run has ended, and nothing of it was taken. `foreign`: the run is of another
 * function (G11).
 */
export interface CheckpointOutcome {
  kind: "taken" | "stale" | "foreign" | "unknown";
}

/** The same of a checkpoint, or what is wrong with its body. */
export type CheckpointAnswer = CheckpointOutcome | { kind: "invalid" | "too-large"; message: string };

/** How a run stands, and which of its steps have changed. */
export interface RunChanges extends Omit<Changes<never>, "changes"> {
  run: Run;
  entries: Entry[];
}

export interface RunObjectApi {
  start(request: StartRequest): Promise<StartOutcome>;
  /** An event that matches a wait of this run. `declined`: not for this wait, which stays. `gone`: the wait is over. */
  offer(stepId: string, logged: LoggedEvent): Promise<{ kind: "taken" | "declined" | "gone" }>;
  /** The signal that a step waits for. `gone`: the wait is over. */
  signal(stepId: string, signal: Signal, receivedAt: number): Promise<{ kind: "taken" | "gone" }>;
  /** Whether a step still waits for its signal. */
  waitsForSignal(stepId: string): Promise<boolean>;
  /** The run that a step invoked has ended. */
  calleeEnded(stepId: string, memo: Memo): Promise<void>;
  /** A call to the run's app that goes on tells of steps that have run in it: the body of that request (inngest-protocol §6.1). */
  checkpoint(text: string): Promise<CheckpointAnswer>;
  /**
   * The code of an endpoint, which executes where its request came in, tells of its steps (inngest-protocol §6.2). Told once
   * more nothing changes, and it is taken.
   */
  endpointTold(functionUuid: string, ops: StepOp[]): Promise<CheckpointOutcome>;
  /** Resolves with the run as it is once it has ended, or after so long. Null for one that was never started. */
  ended(withinMs: number): Promise<Run | null>;
  /**
   * A worker's answer to a call, or why none comes. `stale`: nobody waits for it any more. `refused`: the worker is none of
   * the run's app (G11).
   *
   * @param apps those that the worker serves; null for who has the signing key
   */
  answered(
    requestId: string,
    result: WorkerResult,
    apps: string[] | null,
  ): Promise<{ kind: "taken" | "stale" | "refused" }>;
  /** What a worker is sent for a call; null when nobody waits for its answer any more. */
  workerMessage(requestId: string): Promise<WorkerMessage | null>;
  /** @param cascade also the runs that its open steps have invoked */
  cancel(reason: string, cascade?: boolean): Promise<{ kind: "cancelled" | "ended" | "unknown" }>;
  /** A key's object lets a lease in that stood in its line. `declined`: the run has no use for it. */
  admitted(leaseId: string, object: string): Promise<{ kind: "taken" | "declined" }>;
  /** A key's object takes a lease out of its line: its run is not let in any more. */
  refused(leaseId: string, object: string, refusal: Refusal): Promise<void>;
  /** Which of these leases the run holds or waits for: the others may be forgotten (G7). */
  holding(leaseIds: string[]): Promise<string[]>;
  /** Moves this run's own clock forward and fires what is due by it. */
  advance(byMs: number): Promise<{ kind: "advanced" | "ended" | "unknown" }>;
  /** Ends the sleep of a step, named by its id or hash, or every sleep that is open. */
  wake(step?: string): Promise<WakeOutcome>;
  /** Lets nothing more of the run begin. `unchanged`: it is paused already. */
  pause(): Promise<{ kind: "paused" | "unchanged" | "ended" | "unknown" }>;
  /** Lets it go on. `unchanged`: it is not paused. */
  resume(): Promise<{ kind: "resumed" | "unchanged" | "ended" | "unknown" }>;
  /** Ends an open wait or invoke, named by its hash or its id, with what somebody has written. */
  resolve(step: string, resolution: Resolution): Promise<ResolveOutcome>;
  /** Ends an open wait, invoke or sleep, named by its hash, as its own deadline would. `closed`: it is not open. */
  expire(stepId: string): Promise<{ kind: "expired" | "closed" }>;
  /** Tells people something of the run or of a step, also when it has ended. */
  annotate(annotating: Annotating): Promise<{ kind: "annotated" | "unknown" } | { kind: "too-large"; message: string }>;
  /** All that people were told. */
  annotations(): Promise<Annotation[]>;
  /** Keeps spans that the run's app has recorded, as far as there is room, also when it has ended. */
  addSpans(spans: AppSpan[]): Promise<{ refused: number }>;
  spans(): Promise<{ spans: AppSpan[]; refused: number }>;
  /** What its code has logged, in the order in which it was told: far below what one RPC may carry. */
  logs(): Promise<StoredLogs[]>;
  /** Null for a run that was never started. */
  summary(): Promise<RunSummary | null>;
  /** Journal entries whose last commit is after `position`; a page stays far below what one RPC may carry. */
  journal(position: number): Promise<JournalPage>;
  /** What has changed of the run since a place: told as soon as something has, or after so long. Null: it was never started. */
  changes(place: string | null, withinMs: number): Promise<RunChanges | null>;
  /** Looks whether something is overdue, and publishes the run's index row anew. */
  poke(): Promise<void>;
  /** Deletes the run; only ended ones. */
  forget(): Promise<{ kind: "forgotten" | "running" }>;
}

/** A call of a run, on its way to a worker that has dialled in. */
export interface WorkerCall {
  /** names the call, as `x-request-id` does over HTTP */
  requestId: string;
  runId: string;
  appId: string;
  functionId: string;
  /** null for a discovery */
  stepId: string | null;
}

/** A worker's connection, as people see it. */
export interface ConnectionView {
  id: string;
  instanceId: string;
  phase: "connected" | "ready" | "paused" | "draining";
  apps: { id: string; version: string | null; functions: number }[];
  /** calls it takes at the same time; null: as many as come */
  maxConcurrency: number | null;
  inFlight: number;
  sdk: string;
  platform: string | null;
  connectedAt: number;
  seenAt: number;
}

/** Where workers dial in, and calls wait for them: one of each environment. */
export interface GatewayObjectApi {
  /** The upgrade of a worker's connection. Only where there are sockets. */
  fetch(request: Request): Promise<Response>;
  /** Takes a call on: its run will be told of an answer, or that none comes. Asking again changes nothing. */
  dispatch(call: WorkerCall, message: WorkerMessage): Promise<void>;
  /** Whether any call of a run is here. */
  holds(runId: string): Promise<boolean>;
  /** A result that came without its connection. */
  flush(requestId: string, result: WorkerResult): Promise<void>;
  connections(): Promise<ConnectionView[]>;
  /** Asks a worker to go: it connects anew first. */
  drain(connectionId: string): Promise<{ kind: "draining" | "unknown" }>;
}

export interface RunIndexRow {
  runId: string;
  eventId: string;
  functionId: string;
  appId: string;
  eventName: string;
  status: RunStatus;
  createdAt: number;
  startedAt: number | null;
  endedAt: number | null;
  /** when the run must have moved on; null when it ended */
  dueAt: number | null;
  /** what it waited for when it came to rest; absent: nothing, or an older version has written the row */
  waiting?: RowWait;
  /** the schedule that has started it */
  cron?: string;
  /** how many events it has, when it is more than one */
  batch?: number;
}

/** What a run at rest waits for first, and until when; null: there is no saying. */
export interface RowWait {
  kind: string;
  until: number | null;
}

/** A row of a list. `isUnsure`: whether it is as the search wants it, its run alone knows. */
export interface ListedRun extends RunIndexRow {
  isUnsure?: true;
}

/** CEL over a run's `event` and `output`, and what that takes for now. */
export interface RunSearch {
  if: string;
  now: number;
}

/** How many runs a list has, and how many were looked at to know that. `isWhole`: there are no more. */
export interface RunCount {
  count: number;
  looked: number;
  isWhole: boolean;
}

/** Events that follow each other in a log. */
export interface SeqRange {
  from: number;
  /** first seq after them */
  to: number;
}

/** Where a request stands in its log. */
export interface Appended extends SeqRange {
  receivedAt: number;
}

/** A range of a log, as the Queue carries it: as the JSON that `accept.ts` makes of it. */
export interface RouteMessage extends SeqRange {
  env: string;
  log: string;
  /** absent when they are too large for a message: the consumer reads them from the log */
  events?: LoggedEvent[];
}

export interface EventFilter {
  /** absent: of any name */
  names?: string[];
  /** without the platform's own */
  isExternal?: boolean;
  /** internal ids below this one */
  before?: string;
  receivedFrom: number;
  receivedBefore: number;
  limit: number;
  /** without what is in them */
  isBare?: boolean;
  /** with the runs that are indexed under them */
  isWithRuns?: boolean;
}

/** An event of a list; `runs` when they were asked for. */
export interface ListedEvent extends LoggedEvent {
  runs?: RunIndexRow[];
}

/** Runs that were created from one instant on and before another. */
export interface RunsQuery {
  /** null: of all functions */
  functionIds: string[] | null;
  /** null: of all apps */
  appId: string | null;
  /** null: however they stand */
  statuses: RunStatus[] | null;
  createdFrom: number;
  createdBefore: number;
  /** CEL over `event`, the first of the run; null for all */
  if: string | null;
  /** what that takes for now */
  now: number;
}

/** Which indexed runs a list has. What is absent, or null, does not narrow it. */
export interface RunListFilter {
  functionIds?: string[] | null;
  appIds?: string[] | null;
  statuses?: RunStatus[] | null;
  /** of which instant `from` and `until` speak; a run without it is not listed */
  timeField: "createdAt" | "startedAt" | "endedAt";
  from: number;
  /** exclusive */
  until: number;
  limit: number;
  order: "asc" | "desc";
  search?: RunSearch | null;
}

/** A run of the index that a query may mean. */
export interface FoundRun {
  runId: string;
  status: RunStatus;
  isEnded: boolean;
  createdAt: number;
  /** null: its event is no longer kept here, so the run must be asked */
  matches: true | null;
}

/** A place among a log's runs, after which reading goes on. */
export type RunPlace = Pick<RunIndexRow, "eventId" | "runId">;

/** A place among a log's events: of those that are stored together from `seq` on, so many have been read. */
export interface EventPlace {
  seq: number;
  skip: number;
}

/** An event without what is in it. */
export interface EventHead {
  internalId: string;
  name: string;
  ts: number;
  receivedAt: number;
}

/** Which of a log's changes somebody is interested in. */
export interface LogInterest {
  runs: boolean;
  events: boolean;
}

/** What was indexed and accepted: of a run that has changed several times how it stands last. */
export interface LogChanges extends Omit<Changes<never>, "changes"> {
  runs: RunIndexRow[];
  events: EventHead[];
}

export interface LogObjectApi {
  /**
   * Takes the events of a request, all or none, and hands them to the queue. One that was taken before is not taken again:
   * the answer is where it stands.
   */
  append(request: AppendPart[], receivedAt: number): Promise<Appended>;
  read(from: number, to: number): Promise<LoggedEvent[]>;
  /** These ranges have been routed. */
  acknowledge(ranges: SeqRange[]): Promise<void>;
  /**
   * Whether all events below a seq, or all that there are, have been routed or given up on: told as soon as they are, or
   * after a bounded time.
   */
  routed(seq: number | null): Promise<boolean>;
  /** These ranges are being routed. */
  working(ranges: SeqRange[]): Promise<void>;
  /** These ranges could not be routed; the text is shown if they are given up on. */
  failed(ranges: SeqRange[], error: string): Promise<void>;
  event(internalId: string): Promise<LoggedEvent | null>;
  /**
   * Newest first, by internal id. `next` is the id below which to go on: after so many events, so much of them, or so much
   * that was looked through.
   */
  events(filter: EventFilter): Promise<{ events: ListedEvent[]; next: string | null }>;
  /** events of a name received at or after an instant, oldest first, from a cursor on */
  since(name: string, from: number, cursor: number): Promise<{ events: LoggedEvent[]; next: number | null }>;
  index(row: RunIndexRow): Promise<void>;
  runsOf(eventId: string): Promise<RunIndexRow[]>;
  /** Indexed runs in pages, by event and run id. */
  runs(query: RunsQuery, after: RunPlace | null): Promise<{ runs: FoundRun[]; next: RunPlace | null }>;
  /**
   * Indexed runs in the order of their events, from a place on. `next` is where to go on: after so many runs, or after so
   * many looked at.
   */
  listRuns(filter: RunListFilter, place: RunPlace | null): Promise<{ runs: ListedRun[]; next: RunPlace | null }>;
  /** How many indexed runs a list has, whatever its search, order and limit, as far as a bounded look tells. */
  countRuns(filter: RunListFilter): Promise<RunCount>;
  /** How the indexed runs of a function do, the newest looked at first. */
  metrics(query: MetricsQuery): Promise<Metrics>;
  /** Ids of runs that events received from an instant on may have started of functions, and that are not indexed yet. */
  unindexed(
    functions: RegisteredFunction[],
    receivedFrom: number,
    place: EventPlace | null,
  ): Promise<{ runIds: string[]; next: EventPlace | null }>;
  /** What has changed since a place: told as soon as something has, or after so long. */
  changes(place: string | null, withinMs: number, interest: LogInterest): Promise<LogChanges>;
  /** Whether a run of this id can exist: its event or its index row is here. */
  mayKnow(runId: string): Promise<boolean>;
  /** Events that were given up on after all resends. */
  parked(): Promise<{ from: number; to: number; error: string }[]>;
  reroute(from: number, to: number): Promise<void>;
  sweep(): Promise<void>;
}

export interface Subscription {
  runId: string;
  stepId: string;
  wait: PreparedWait;
  since: number;
  until: number;
}

export interface WaitsObjectApi {
  /** Holds the subscription, then answers with events since `since` that match it already. */
  subscribe(subscription: Subscription): Promise<{ found: LoggedEvent[] }>;
  unsubscribe(runId: string, stepId: string): Promise<void>;
  /** Offers events of this name to the runs that wait for them. */
  deliver(events: LoggedEvent[]): Promise<void>;
}

/** A step that waits for a signal; `until` is when it gives up. */
export interface SignalWaiter {
  runId: string;
  stepId: string;
  until: number;
}

/** One signal: at most one step waits for it. */
export interface SignalObjectApi {
  /**
   * Holds a step's wait. Asking again changes nothing, also after another has taken it over. `conflict`: another run waits,
   * and is not to be replaced. `gone`: the step waits no longer.
   */
  wait(waiter: SignalWaiter, conflict: "fail" | "replace"): Promise<{ kind: "waiting" | "conflict" | "gone" }>;
  withdraw(runId: string, stepId: string): Promise<void>;
  /** Hands the signal to the step that waits for it; null when none does. */
  send(signal: Signal): Promise<{ runId: string | null }>;
}

export interface DedupeClaim {
  functionId: string;
  userId: string;
  internalId: string;
}

export interface DedupeObjectApi {
  /** For each claim the internal id that holds it: the first that asked within the window. */
  claim(claims: DedupeClaim[]): Promise<string[]>;
  /** For each the internal id that holds it, or null; nothing is claimed. */
  holders(claims: Omit<DedupeClaim, "internalId">[]): Promise<(string | null)[]>;
}

/** A lease that a run asks for; asking again with the same id changes nothing. */
export interface AdmitRequest {
  /** `<run id>.<number>` */
  leaseId: string;
  /** environment of the run */
  env: string;
  runId: string;
  functionId: string;
  /** of the run's function: the policy of the latest counts for all */
  functionVersion: number;
  policy: GatePolicy;
  /** the smaller comes first in the line, then the smaller lease id, which is the older run */
  rank: number;
  /** what the key came to, for people: the gate's `key` */
  key?: string | null;
  /** order "fifo": where the run's event stands */
  order?: LogPlace;
}

/** `refused`: the run is not let in, now or later. */
export type AdmitReply = { kind: "admitted" } | { kind: "waiting" } | { kind: "refused"; refusal: Refusal };

export interface LeaseHolder {
  leaseId: string;
  runId: string;
  functionId: string;
  since: number;
}

/** How a key stands. */
export interface LineView {
  policy: GatePolicy | null;
  /** a hundred at most, oldest first */
  holders: LeaseHolder[];
  held: number;
  /** the first of the line, in its order */
  waiters: LeaseHolder[];
  waiting: number;
  /** since when the one that waits longest has waited */
  oldestSince: number | null;
  /** the first instant at which one more may be let in, when that depends on time alone */
  nextAt: number | null;
}

/** Where a lease stands in its line; `place` 1 is let in next. */
export interface PlaceView extends LineView {
  place: number;
  /** when it can be let in at the earliest, as far as time decides */
  earliestAt: number | null;
}

/** A key of concurrency, throttle, singleton or pause. */
export interface LeaseObjectApi {
  admit(request: AdmitRequest): Promise<AdmitReply>;
  /** Order "fifo": holds places in the line for runs that are about to be started, and will ask. */
  reserve(requests: AdmitRequest[]): Promise<void>;
  /** Takes a lease back, or out of the line. One that is not known changes nothing. */
  release(leaseId: string): Promise<void>;
  /** Null when nobody was ever here. */
  line(): Promise<LineView | null>;
  /** Null for a lease that does not wait here. */
  place(leaseId: string): Promise<PlaceView | null>;
  /**
   * The function goes on: lets in all whose pause began at this instant or before (`policy.at`), also those that ask only
   * afterwards, since they were created just before. Asking again changes nothing.
   */
  open(until: number): Promise<void>;
}

export interface RateLimitObjectApi {
  /** For each event, by its internal id, whether it may start a run; what was decided of an id stays so. */
  take(policy: RateLimitPolicy, internalIds: string[]): Promise<boolean[]>;
  /** What was decided of an event; null when that is not known (any more). Nothing is decided. */
  decided(internalId: string): Promise<boolean | null>;
}

/** An event on its way to a run that is not there yet. */
export interface CollectedEvent {
  logged: LoggedEvent;
  invoker?: Invoker;
}

/**
 * Where an event is. `collecting`: with so many others until `dueAt`. `starting`: in a run that is about to be there. `gone`: it
 * came, and is here no more. `unknown`: it never came, or too long ago.
 */
export type Whereabouts =
  | { kind: "collecting"; dueAt: number | null; count: number }
  | { kind: "starting"; runId: string }
  | { kind: "gone" | "unknown" };

/** A key of debounce or batch: it has the events from here on, and starts the run. */
export interface CollectorObjectApi {
  collect(request: {
    env: string;
    functionId: string;
    policy: DebouncePolicy | BatchPolicy;
    events: CollectedEvent[];
  }): Promise<void>;
  whereabouts(internalId: string): Promise<Whereabouts>;
}

/** A key at which somebody has waited for a while. */
export interface KnownLine {
  env: string;
  object: string;
  key: string | null;
}

/** The lines of one function. */
export interface LinesObjectApi {
  opened(line: KnownLine): Promise<void>;
  closed(object: string): Promise<void>;
  list(): Promise<KnownLine[]>;
}

/** What is done to many runs: they are cancelled, or started once more. */
export type BulkKind = "cancellation" | "replay";

/** A bulk operation as it is asked for. */
export interface BulkRequest extends Omit<RunsQuery, "now"> {
  id: string;
  kind: BulkKind;
  /** somebody asked over the API, or a function was paused */
  cause: "api" | "pause";
  createdAt: number;
}

export interface BulkView extends BulkRequest {
  /** `stopped`: by somebody, half-way */
  status: "running" | "done" | "stopped";
  /** runs to which it was done */
  done: number;
  /** runs that are meant, and to which it could not be done: they had ended before, or their function is gone */
  vain: number;
  /** runs that could not be asked, and are asked again */
  failing: number;
  endedAt: number | null;
}

/** One bulk operation: it does its work by itself, and counts each run once. */
export interface BulkObjectApi {
  /** Asking again changes nothing. */
  begin(request: BulkRequest): Promise<BulkView>;
  view(): Promise<BulkView | null>;
  /** Does no more. */
  stop(): Promise<BulkView | null>;
}

export interface AppSync {
  appId: string;
  url: string | null;
  sdk: string;
  framework: string;
  /** the app's own version, when it says one */
  appVersion?: string;
  functions: RegisteredFunction[];
  checksum: string;
}

/** Why the last sync of a URL failed; gone with the next that succeeds. */
export interface SyncError extends SyncFailure {
  /** epoch ms */
  at: number;
}

export interface AppView {
  id: string;
  url: string | null;
  sdk: string;
  framework: string;
  appVersion: string | null;
  /** of the registration: 1, and one more with each sync that changed something */
  version: number;
  syncedAt: number;
  /** its functions start nothing until it is synced again */
  archivedAt: number | null;
  error: SyncError | null;
}

export interface RouteTable {
  functions: RegisteredFunction[];
  waited: string[];
}

/** When a schedule of a function ticks next; null when it never does again. */
export interface FunctionScheduleView {
  functionId: string;
  cron: string;
  /** of the run: the tick and its jitter */
  nextFireAt: number | null;
}

export type ScheduleOutcome =
  | { kind: "done"; schedule: ScheduleView; isNew: boolean }
  /** it cannot be; another has its id; there are as many as there may be */
  | { kind: "invalid" | "taken" | "full"; message: string }
  | { kind: "unknown" };

/** What has changed of an environment's apps and functions (`apps`) and of its logs. */
export interface RegistryChanges extends Omit<Changes<never>, "changes"> {
  hasApps: boolean;
  logs: string[];
}

export interface RegistryObjectApi {
  /** `taken`: a function id that belongs to another app; nothing was registered (G11). */
  sync(
    sync: AppSync,
  ): Promise<{ kind: "synced"; modified: boolean } | { kind: "taken"; functionId: string; appId: string }>;
  /** Functions that a trigger name of these events may start or that are named, and which names anybody waits for. */
  route(names: string[], named: string[]): Promise<RouteTable>;
  /** Trigger names of functions whose runs begin in the order of their events. */
  ordered(): Promise<string[]>;
  function(id: string): Promise<RegisteredFunction | null>;
  /** A function that a run may go on with: archived ones too. */
  callable(id: string): Promise<RegisteredFunction | null>;
  functions(): Promise<RegisteredFunction[]>;
  apps(): Promise<AppView[]>;
  schedules(): Promise<FunctionScheduleView[]>;
  /** `isNew` is false when there is the very same already. */
  createSchedule(definition: ScheduleDefinition): Promise<ScheduleOutcome>;
  schedule(id: string): Promise<ScheduleView | null>;
  /** By id, those after one; a page stays far below what one RPC may carry. */
  listSchedules(after: string, limit: number): Promise<{ schedules: ScheduleView[]; hasMore: boolean }>;
  updateSchedule(id: string, changes: ScheduleChanges): Promise<ScheduleOutcome>;
  deleteSchedule(id: string): Promise<{ kind: "deleted" | "unknown" }>;
  /** Repairs schedules that a lost alarm or a lost process has left behind. */
  checkSchedules(): Promise<void>;
  /**
   * Null lets the function go on, with the runs that were held. Kept whatever its app syncs. A function that is paused
   * stays so since then, also when what it does with its triggers changes. `unknown`: there is no such function.
   */
  pause(
    functionId: string,
    triggers: Pause["triggers"] | null,
  ): Promise<{ kind: "changed" | "unchanged"; pause: Pause | null } | { kind: "unknown" }>;
  /** Lists a bulk operation, or forgets it. */
  listBulk(kind: BulkKind, id: string, isListed: boolean): Promise<void>;
  isBulk(kind: BulkKind, id: string): Promise<boolean>;
  /** Their ids below one, or all, newest first. */
  bulks(kind: BulkKind, before: string | null, limit: number): Promise<string[]>;
  /** The app starts nothing new until its next sync; its runs go on. */
  archive(appId: string): Promise<{ kind: "archived" | "unknown" }>;
  syncFailed(url: string, failure: SyncFailure): Promise<void>;
  /** The URL's app was asked, and is what it was or has registered itself. */
  syncSucceeded(url: string): Promise<void>;
  /** URLs that are no app's, since no sync of them ever succeeded. */
  unsynced(): Promise<{ url: string; error: SyncError }[]>;
  /** Flags a name as waited for; answers with the logs to look back through. */
  flag(name: string, since: number): Promise<{ logs: string[] }>;
  unflag(name: string): Promise<void>;
  openLog(log: string): Promise<void>;
  closeLog(log: string): Promise<void>;
  logs(): Promise<string[]>;
  /** Whether apps, functions or logs have changed since a place, as soon as they have, or after so long; with the logs. */
  changes(place: string | null, withinMs: number): Promise<RegistryChanges>;
  /** Of the main environment: notes that a branch environment is used. `full`: there are as many as there may be. */
  openEnvironment(name: string): Promise<{ kind: "open" | "full" }>;
  /** Of the main environment: what is in it stays, but the sweeper comes no more until it is used again. */
  closeEnvironment(name: string): Promise<{ kind: "closed" | "unknown" }>;
  /** Of the main environment: names of all others, sorted. */
  environments(): Promise<string[]>;
  /** Notes what somebody has done. */
  audit(entry: AuditEntry): Promise<void>;
  /** What was done, below a number or all, newest first. */
  audited(before: number | null, limit: number): Promise<Audited[]>;
}

/** One message for the subscribers of a topic, just as they get it. */
export interface ChannelMessage {
  topic: string;
  /** text, or what `publish/tee` carries */
  frame: string | Uint8Array;
}

/** What a subscriber is to get, and until when; `until` null: for as long as it likes. */
export interface ChannelSubscription {
  topics: ChannelTopics[];
  until: number | null;
}

/** The subscriber's end of a connection; either this is used or the response that carries it. */
export interface ChannelSocket {
  /** `arraybuffer`: else bytes come as what can be read only later */
  binaryType: string;
  accept(): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "open" | "close" | "error", listener: () => void): void;
  close(code?: number, reason?: string): void;
}

export type SubscribeOutcome =
  | { kind: "connected"; socket: ChannelSocket; response: Response }
  | { kind: "refused"; reason: string };

/** A realtime channel. */
export interface ChannelObjectApi {
  /** Hands messages to those who subscribe now, in this order. */
  publish(messages: ChannelMessage[]): Promise<void>;
  /** Another channel's object has subscribers of this one, and is told of messages until it says that it has none. */
  follow(home: string): Promise<{ kind: "following" | "full" }>;
  /** Messages of another channel, for subscribers that live here; false when none of them subscribes to it. */
  forward(channel: string, messages: ChannelMessage[]): Promise<boolean>;
}

/** The events queue, as far as there is one. Without it a log's own alarm delivers (design §2). */
export interface RouteQueue {
  exists(): boolean;
  /** False when the queue did not take the message. */
  send(message: string): Promise<boolean>;
}

/** Ways from one object to the others of its environment. A stub is taken anew for each use: a broken one stays broken. */
export interface Objects {
  readonly queue: RouteQueue;
  /** Lets the runtime do something else in the midst of long work. */
  pause(ms?: number): Promise<void>;
  /** How many of the objects that are wanted may begin now, where the runtime has few file descriptors: 0 while none may. */
  room(wanted: number): number;
  run(env: string, runId: string): RunObjectApi;
  log(env: string, log: string): LogObjectApi;
  waits(env: string, eventName: string): WaitsObjectApi;
  signal(env: string, name: string): SignalObjectApi;
  channel(env: string, channel: string): ChannelObjectApi;
  /** Connects a subscriber, whose socket lives with this channel. */
  subscribe(env: string, channel: string, subscription: ChannelSubscription): Promise<SubscribeOutcome>;
  dedupe(env: string, shard: number): DedupeObjectApi;
  registry(env: string): RegistryObjectApi;
  /** Keys of flow control, by the names that `flow-control/admit.ts` gives. */
  leases(env: string, object: string): LeaseObjectApi;
  rateLimit(env: string, object: string): RateLimitObjectApi;
  collector(env: string, object: string): CollectorObjectApi;
  lines(env: string, functionId: string): LinesObjectApi;
  bulk(env: string, kind: BulkKind, id: string): BulkObjectApi;
  gateway(env: string): GatewayObjectApi;
}

const DAY_MS = 86_400_000;
/** The day that was asked for last: mostly it is today. */
let lastDay = { day: Number.NaN, name: "" };

/** Name of the log object that holds an event, or the run of that id: its day and its shard (design §2). */
export function logOf(ulid: string): string {
  const day = Math.floor(ulidTime(ulid) / DAY_MS);
  if (day !== lastDay.day) lastDay = { day, name: new Date(day * DAY_MS).toISOString().slice(0, 10) };
  return `${lastDay.name}.${isOrderedUlid(ulid) ? ORDER_SHARD : ulidFirstByte(ulid) % LOG_SHARDS}`;
}

/** The log of order before this one; null for one that is not of order. */
export function orderLogBefore(log: string): string | null {
  if (!log.endsWith(`.${ORDER_SHARD}`)) return null;
  return `${new Date(logDay(log) - DAY_MS).toISOString().slice(0, 10)}.${ORDER_SHARD}`;
}

/** First instant of a log's day. */
export function logDay(log: string): number {
  return Date.parse(log.slice(0, 10));
}
