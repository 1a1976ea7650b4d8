/**
 * One run: loads, decides with `engine/run-machine.ts`, commits, performs. Knows no runtime.
 *
 * 0. A decision counts once it is stored. When storing it fails nothing of it is left in memory: its code stops, and the
 *    alarm that was committed before finds it lost.
 * 1. Every decision is committed with its effects in one transaction, before anything of it is performed (G6).
 * 2. Before code starts, an alarm is committed; its handler waits for the code, or finds that it was lost (design §4).
 * 3. An ended run whose alarm is set has not been published or has effects left; the alarm is cleared last.
 *
 * Its parts: `run-record.ts` (what is stored), `run-alarm.ts` (when it is looked after), `run-activation.ts` and
 * `run-app-calls.ts` (its code, here and over HTTP), `run-waits.ts` (what events answer), `run-leases.ts` (what lets its
 * code in), `run-publisher.ts` (what the outside is told). They reach the centre, `#decide`, through `RunDecisions`.
 */
import { apply, create, type Decision, type Input } from "../engine/run-machine.ts";
import type { Refusal } from "../engine/lease.ts";
import type { Annotating } from "../engine/metadata.ts";
import { type Entry, isEnded, type Run } from "../engine/run.ts";
import { type CarriedOver, carryOver, type FromStep, repeating } from "../engine/run-rerun.ts";
import type { StoredLogs } from "../engine/run-logs.ts";
import { type Resolution, unresolvable } from "../engine/run-resolve.ts";
import type { StepOp } from "../protocol/step-op.ts";
import { deferred } from "../protocol/deferred.ts";
import { ALARM_HOLD_MS, CONNECT_LEASE_MS, REDELIVERY_HORIZON_MS, WATCHDOG_MS } from "../protocol/limits.ts";
import { ulidParts, uuidOf } from "../protocol/ids.ts";
import type { Memo } from "../protocol/call.ts";
import type { Annotation } from "../protocol/metadata.ts";
import type { WorkerResult } from "../protocol/connect/result.ts";
import type { Signal } from "../protocol/signal.ts";
import type { AppSpan } from "../protocol/span.ts";
import type { Host } from "./host.ts";
import { newRun } from "./new-run.ts";
import type {
  CheckpointAnswer,
  CheckpointOutcome,
  JournalPage,
  LoggedEvent,
  ResolveOutcome,
  RunChanges,
  RunObjectApi,
  RunSummary,
  StartOutcome,
  StartRequest,
  WakeOutcome,
} from "./objects.ts";
import { RunActivation } from "./run-activation.ts";
import { RunAlarm } from "./run-alarm.ts";
import { RunAppCalls } from "./run-app-calls.ts";
import { readCheckpoint } from "./run-checkpoint.ts";
import { NotStored, type RunDecisions } from "./run-decisions.ts";
import { RunLeases } from "./run-leases.ts";
import { RunPublisher } from "./run-publisher.ts";
import { JOURNAL_PAGE_BYTES, RunRecord } from "./run-record.ts";
import { RunWaits } from "./run-waits.ts";
import type { Transports, WorkerMessage } from "./transport.ts";
import { Watch } from "./watch.ts";

/** Timing that tests shorten. */
export interface RunTiming {
  watchdogMs: number;
  alarmHoldMs: number;
}

export const RUN_TIMING: RunTiming = { watchdogMs: WATCHDOG_MS, alarmHoldMs: ALARM_HOLD_MS };

/** After an alarm handler that failed, the next one. */
const ALARM_RETRY_MS = 60_000;
const DUE_PAGE = 100;
/** Of more that have changed since somebody has looked, the run is read anew. */
const STEPS_TOLD_MAX = 200;

export class RunObject implements RunObjectApi {
  readonly #host: Host;
  readonly #alarmHoldMs: number;
  readonly #alarm: RunAlarm;
  readonly #record: RunRecord;
  readonly #activation: RunActivation;
  readonly #calls: RunAppCalls;
  readonly #waits: RunWaits;
  readonly #leases: RunLeases;
  readonly #publisher: RunPublisher;
  /** hashes of the steps that a decision has changed */
  readonly #watch: Watch<string[]>;
  #stateChanged = deferred();
  /** what an alarm that waits for the code counts to; nothing while none does */
  #alarmWaitsUntil = Number.NEGATIVE_INFINITY;

  constructor(host: Host, transports: () => Transports, timing: RunTiming = RUN_TIMING) {
    const alarm = new RunAlarm(host, timing.watchdogMs);
    const record = new RunRecord(host, alarm);
    const decisions: RunDecisions = {
      decide: (input, answeredBy) => this.#decide(input, answeredBy),
      decideQuietly: (input) => this.#decideQuietly(input),
      abandon: (error) => this.#abandon(error),
      changed: () => this.#changed(),
    };
    const waits = new RunWaits(record, decisions);
    this.#host = host;
    this.#watch = new Watch(host);
    this.#alarmHoldMs = timing.alarmHoldMs;
    this.#alarm = alarm;
    this.#record = record;
    this.#activation = new RunActivation({
      record,
      decisions,
      transport: () => transports().local,
      codeOver: () => this.#publisher.soon(),
    });
    this.#calls = new RunAppCalls({
      host,
      record,
      decisions,
      transport: () => transports().http,
      connect: () => transports().connect,
      codeOver: () => this.#publisher.soon(),
    });
    this.#waits = waits;
    const isCodeOver = () => !this.#activation.isOnStack && !this.#calls.areOutstanding && !this.#calls.areWithWorkers;
    // it stays in memory for a while, and there are many
    const atRest = () => {
      record.rest();
      this.#calls.rest();
    };
    this.#leases = new RunLeases({ host, record, decisions, isCodeOver });
    this.#publisher = new RunPublisher({ host, record, alarm, waits, leases: this.#leases, decisions, atRest });
  }

  async start(request: StartRequest): Promise<StartOutcome> {
    if (this.#record.load()) return { kind: "exists" };
    const from = request.rerun?.from;
    const carried = request.rerun && from && (await this.#carriedOver(request.env, request.rerun.of, from));
    if (carried?.kind === "refused") return carried;
    if (carried && this.#record.load()) return { kind: "exists" }; // asked twice, while the other's journal was read
    const now = this.#host.now();
    // a run this old may have ended and been deleted: starting it again would run it twice (design §3)
    if (now - (request.dueAt ?? ulidParts(request.runId).timeMs) > REDELIVERY_HORIZON_MS) return { kind: "too-old" };
    const records = request.events.map((logged) => logged.record);
    const [first] = records;
    if (!first) throw new TypeError(`run ${request.runId}: it has no event`);
    // what a batch or a debounce has held back begins now (features §3.1)
    const at = request.dueAt ?? Math.max(...records.map((record) => record.event.ts));
    const isSkipped = request.fn.paused?.triggers === "skip";
    const run = newRun(request, now);
    const begun = carried && from ? repeating(run, carried, from) : { run, entries: [], extras: [] };
    const decision = create(begun.run, { at, event: first.event, isSkipped }, this.#moment());
    decision.entries = begun.entries;
    decision.extras = begun.extras;
    this.#storing(() => this.#record.create(decision, records));
    this.#note(decision);
    this.#perform(decision);
    return { kind: "started" };
  }

  /** What this run has from the one that it repeats. */
  async #carriedOver(env: string, runId: string, from: FromStep): Promise<CarriedOver> {
    const before = this.#host.objects.run(env, runId);
    const entries = new Map<string, Entry>(); // one that settles meanwhile comes twice
    for (let position: number | null = 0; position !== null;) {
      const page: JournalPage = await before.journal(position);
      for (const entry of page.entries) entries.set(entry.id, entry);
      position = page.next;
    }
    return carryOver(runId, [...entries.values()], from, this.#host.now());
  }

  async offer(stepId: string, logged: LoggedEvent): Promise<{ kind: "taken" | "declined" | "gone" }> {
    return { kind: this.#waits.offer(stepId, logged) };
  }

  async signal(stepId: string, signal: Signal, receivedAt: number): Promise<{ kind: "taken" | "gone" }> {
    return { kind: this.#waits.signal(stepId, signal, receivedAt) };
  }

  async waitsForSignal(stepId: string): Promise<boolean> {
    return this.#record.load() !== null && this.#waits.isOpen(stepId);
  }

  async calleeEnded(stepId: string, memo: Memo): Promise<void> {
    const entry = this.#record.load() && this.#record.stored.entry(stepId);
    if (entry) this.#decide({ kind: "answer", entry, memo });
  }

  async checkpoint(text: string): Promise<CheckpointAnswer> {
    const read = readCheckpoint(this.#host.name, text);
    if (read.kind !== "checkpoint") return read;
    const run = this.#record.load();
    if (!run) return { kind: "unknown" };
    if (uuidOf(run.functionId) !== read.functionUuid) {
      const message = `fn_id: "${read.functionUuid.slice(0, 100)}" is not the function of run ${run.id}`;
      return { kind: "invalid", message };
    }
    return { kind: isEnded(run.state) || !this.#calls.checkpoint(read) ? "stale" : "taken" };
  }

  async answered(requestId: string, result: WorkerResult, apps: string[] | null) {
    return { kind: this.#calls.answered(requestId, result, apps) };
  }

  async workerMessage(requestId: string): Promise<WorkerMessage | null> {
    return this.#calls.message(requestId);
  }

  async endpointTold(functionUuid: string, ops: StepOp[]): Promise<CheckpointOutcome> {
    const run = this.#record.load();
    if (!run) return { kind: "unknown" };
    if (uuidOf(run.functionId) !== functionUuid) return { kind: "foreign" };
    return { kind: this.#calls.endpointTold(ops) ? "taken" : "stale" };
  }

  async ended(withinMs: number): Promise<Run | null> {
    const until = this.#host.now() + withinMs;
    for (;;) {
      const run = this.#record.load();
      const left = until - this.#host.now();
      if (!run || isEnded(run.state) || left <= 0) return run;
      await this.#host.wait(left, this.#stateChanged.promise);
    }
  }

  async cancel(reason: string, cascade = false): Promise<{ kind: "cancelled" | "ended" | "unknown" }> {
    const run = this.#record.load();
    if (!run) return { kind: "unknown" };
    if (isEnded(run.state)) return { kind: "ended" };
    this.#decide({ kind: "cancel", reason, cascade, open: this.#record.stored.openEntries() });
    await this.#publisher.underway;
    return { kind: "cancelled" };
  }

  async admitted(leaseId: string, object: string): Promise<{ kind: "taken" | "declined" }> {
    return { kind: this.#leases.admitted(leaseId, object) };
  }

  async refused(leaseId: string, object: string, refusal: Refusal): Promise<void> {
    this.#leases.refused(leaseId, object, refusal);
  }

  async holding(leaseIds: string[]): Promise<string[]> {
    return this.#leases.holding(leaseIds);
  }

  async advance(byMs: number): Promise<{ kind: "advanced" | "ended" | "unknown" }> {
    const run = this.#record.load();
    if (!run) return { kind: "unknown" };
    if (isEnded(run.state)) return { kind: "ended" };
    this.#decide({ kind: "advance", byMs });
    this.#fireDue();
    this.#changed(); // an alarm that waits for the code counts to a deadline that is nearer now
    this.#publisher.soon();
    await this.#publisher.underway;
    return { kind: "advanced" };
  }

  async wake(step?: string): Promise<WakeOutcome> {
    const run = this.#record.load();
    if (!run) return { kind: "unknown" };
    if (isEnded(run.state)) return { kind: "ended" };
    const asleep = this.#record.stored.openEntries().filter((entry) => entry.status.kind === "sleeping");
    const chosen = asleep.filter((entry) => step === undefined || entry.userId === step || entry.id === step);
    if (chosen.length === 0) return { kind: "awake", sleeping: asleep.map((entry) => entry.userId) };
    for (const entry of chosen) this.#decide({ kind: "wake", entry });
    await this.#publisher.underway;
    return { kind: "woken", steps: chosen.map((entry) => entry.userId) };
  }

  async pause(): Promise<{ kind: "paused" | "unchanged" | "ended" | "unknown" }> {
    const run = this.#record.load();
    if (!run) return { kind: "unknown" };
    if (isEnded(run.state)) return { kind: "ended" };
    if (run.paused) return { kind: "unchanged" };
    this.#decide({ kind: "pause", planned: this.#planned() });
    this.#record.arm(true); // what was due is not any more
    this.#changed();
    await this.#publisher.underway;
    return { kind: "paused" };
  }

  async resume(): Promise<{ kind: "resumed" | "unchanged" | "ended" | "unknown" }> {
    const run = this.#record.load();
    if (!run) return { kind: "unknown" };
    if (isEnded(run.state)) return { kind: "ended" };
    if (!run.paused) return { kind: "unchanged" };
    this.#decide({ kind: "resume", planned: this.#planned() });
    this.#fireDue();
    this.#changed();
    this.#publisher.soon();
    await this.#publisher.underway;
    return { kind: "resumed" };
  }

  /** Steps that are called by themselves. */
  #planned(): Entry[] {
    if (!this.#record.current().http) return [];
    return this.#record.stored.entries().filter((entry) => entry.status.kind === "planned");
  }

  async resolve(step: string, resolution: Resolution): Promise<ResolveOutcome> {
    const run = this.#record.load();
    if (!run) return { kind: "unknown" };
    if (isEnded(run.state)) return { kind: "ended" };
    const { stored } = this.#record;
    const entry = stored.entry(step) ?? stored.openEntries().find(({ userId }) => userId === step);
    if (!entry) return { kind: "no-step" };
    const problem = unresolvable(entry, resolution);
    if (problem) return problem;
    this.#decide({ kind: "resolve", entry, resolution });
    await this.#publisher.underway;
    return { kind: "resolved" };
  }

  async expire(stepId: string): Promise<{ kind: "expired" | "closed" }> {
    const entry = this.#record.load() && this.#record.stored.openEntries().find((open) => open.id === stepId);
    if (!entry || entry.status.kind === "retrying") return { kind: "closed" };
    this.#decide({ kind: "due", entry });
    await this.#publisher.underway;
    return { kind: "expired" };
  }

  async annotate(
    annotating: Annotating,
  ): Promise<{ kind: "annotated" | "unknown" } | { kind: "too-large"; message: string }> {
    if (!this.#record.load()) return { kind: "unknown" };
    const message = this.#record.annotate(annotating);
    return message === null ? { kind: "annotated" } : { kind: "too-large", message };
  }

  async annotations(): Promise<Annotation[]> {
    return this.#record.load() ? this.#record.annotations() : [];
  }

  async addSpans(spans: AppSpan[]): Promise<{ refused: number }> {
    return { refused: this.#record.load() ? this.#record.addSpans(spans) : spans.length };
  }

  async spans(): Promise<{ spans: AppSpan[]; refused: number }> {
    return this.#record.load() ? this.#record.spans() : { spans: [], refused: 0 };
  }

  async logs(): Promise<StoredLogs[]> {
    return this.#record.load() ? this.#record.logs() : [];
  }

  async summary(): Promise<RunSummary | null> {
    const run = this.#record.load();
    if (!run) return null;
    const edited = this.#record.editedInput();
    return { run, events: this.#record.events(), leases: [...this.#record.leases()], ...(edited && { edited }) };
  }

  async journal(position: number): Promise<JournalPage> {
    return this.#record.load() ? this.#record.stored.page(position, JOURNAL_PAGE_BYTES) : { entries: [], next: null };
  }

  async changes(place: string | null, withinMs: number): Promise<RunChanges | null> {
    if (!this.#record.load()) return null;
    const { changes, ...found } = await this.#watch.since(place, withinMs);
    const run = this.#record.load();
    if (!run) return null;
    const ids = [...new Set(changes.flat())];
    const isFlood = ids.length > STEPS_TOLD_MAX;
    const entries = isFlood ? [] : ids.flatMap((id) => this.#record.stored.entry(id) ?? []);
    return { ...found, isGap: found.isGap || isFlood, run, entries };
  }

  #note({ entries }: Decision): void {
    this.#watch.note(entries.map(({ id }) => id));
  }

  async poke(): Promise<void> {
    const run = this.#record.load();
    if (!run) return;
    this.#record.arm(true); // an alarm that the platform dropped is set again; one that is due fires at once
    this.#publisher.soon();
    await this.#publisher.underway;
  }

  async forget(): Promise<{ kind: "forgotten" | "running" }> {
    const run = this.#record.load();
    if (run && !isEnded(run.state)) return { kind: "running" };
    await this.#record.wipe();
    return { kind: "forgotten" };
  }

  /** Fires what is due, waits for code that is executing, and notices when there is none (design §4, watchdog). */
  async alarm(): Promise<void> {
    this.#alarm.fired();
    try {
      await this.#onAlarm();
    } catch (error) {
      // an alarm that throws six times is dropped for good: come back instead
      this.#host.report(`run ${this.#host.name}: its alarm failed and will be repeated`, error);
      this.#alarm.set(this.#host.now() + ALARM_RETRY_MS);
    }
  }

  async #onAlarm(): Promise<void> {
    if (!this.#record.load()) return;
    const holdUntil = this.#host.now() + this.#alarmHoldMs;
    for (;;) {
      this.#fireDue();
      this.#publisher.soon(); // effects and index of a decision whose process died
      await this.#publisher.underway;
      if (isEnded(this.#record.current().state)) return;
      const now = this.#host.now();
      if (this.#record.current().state.kind !== "executing" || now >= holdUntil) break;
      if (!this.#isLive()) {
        const heldAt = this.#record.current().position;
        if (await this.#calls.areHeld())
          return this.#alarm.comeBackBy(
            Math.min(this.#record.nextDueAt() ?? Number.POSITIVE_INFINITY, this.#host.now() + CONNECT_LEASE_MS),
          );
        const { state, position } = this.#record.current();
        if (state.kind === "executing" && position === heldAt && !this.#isLive()) this.#lost();
        continue;
      }
      this.#publisher.noteLong();
      this.#publisher.soon();
      this.#alarmWaitsUntil = Math.min(this.#record.nextDueAt() ?? holdUntil, holdUntil);
      await this.#host.wait(this.#alarmWaitsUntil - now, this.#stateChanged.promise);
      this.#alarmWaitsUntil = Number.NEGATIVE_INFINITY;
    }
    this.#record.arm(true);
  }

  #fireDue(): void {
    const now = this.#record.now();
    const { state, paused } = this.#record.current();
    if (state.kind === "scheduled" && state.at <= now && !paused) this.#decide({ kind: "begin" });
    const { cancelAt } = this.#record.current();
    if (cancelAt !== undefined && cancelAt <= now && !isEnded(state))
      this.#decide({ kind: "timed-out", open: this.#record.stored.openEntries() });
    if (paused || isEnded(this.#record.current().state)) return;
    for (const entry of this.#record.stored.dueEntries(now, DUE_PAGE)) this.#decide({ kind: "due", entry });
  }

  #isLive(): boolean {
    return this.#calls.areOutstanding || this.#activation.isExecuting;
  }

  #lost(): void {
    const entries = this.#record.stored.entries();
    const marked = entries.find((entry) => entry.status.kind === "running");
    const planned = entries.filter((entry) => entry.status.kind === "planned");
    this.#decide({ kind: "lost", marked, planned, open: this.#record.stored.openEntries() });
  }

  // ---- decide, commit, perform -------------------------------------------------------------------------------

  #moment() {
    return { now: this.#host.now(), random: this.#host.random() };
  }

  #decide(input: Input, answeredBy?: string): Decision {
    const decision = apply(this.#record.current(), input, this.#moment(), this.#record.leases());
    if (decision.stale) return decision;
    const { notes } = decision;
    this.#storing(() => notes.push(...this.#record.commit(decision, answeredBy)));
    this.#note(decision);
    for (const note of notes) this.#host.report(`run ${this.#host.name}:`, note);
    this.#reportFailure(decision);
    this.#perform(decision);
    return decision;
  }

  #decideQuietly(input: Input): void {
    const decision = apply(this.#record.current(), input, this.#moment(), this.#record.leases());
    if (decision.stale) return;
    this.#storing(() => this.#record.commit(decision));
    this.#note(decision);
    if (decision.leases.length > 0) this.#publisher.soon();
  }

  /** @throws NotStored */
  #storing(commit: () => void): void {
    try {
      commit();
    } catch (error) {
      this.#abandon(error);
      throw new NotStored(this.#host.name, error);
    }
  }

  #abandon(error: unknown): void {
    this.#activation.end();
    this.#record.drop();
    this.#host.report(
      `run ${this.#host.name}: a decision failed and is dropped; it goes on from what is stored`,
      error,
    );
    this.#changed();
  }

  #reportFailure({ run: { state, id, functionId } }: Decision): void {
    if (state.kind !== "failed") return;
    const { name, message } = state.error;
    const [firstLine = ""] = message.split("\n");
    this.#host.report(
      `run ${id} of "${functionId}" failed (GET /v1/runs/${id}):`,
      `${name}: ${firstLine.slice(0, 300)}`,
    );
  }

  #perform(decision: Decision): void {
    const { run } = decision;
    if (isEnded(run.state)) this.#activation.end();
    else {
      // it may be long until it goes on: then it is entered anew
      if (run.paused && run.state.kind !== "executing") this.#activation.end();
      for (const call of decision.calls) void this.#calls.make(call);
      if (decision.activate) this.#activation.start(decision);
      else if (run.state.kind === "queued") this.#activation.holdBack(decision);
      else this.#activation.deliver(decision.settled);
      if (decision.hasMoreRoom) this.#activation.giveRoom();
    }
    if (run.state.kind !== "executing" || this.#isDueBeforeAlarm()) this.#changed();
    const hasToTell = decision.effects.length > 0 || decision.leases.length > 0;
    if (hasToTell || (decision.saveRun && run.state.kind !== "executing")) this.#publisher.soon();
  }

  /** Alarms of one object do not overlap: while one waits for the code, no other comes for a nearer deadline. */
  #isDueBeforeAlarm(): boolean {
    if (this.#alarmWaitsUntil === Number.NEGATIVE_INFINITY) return false;
    return (this.#record.nextDueAt() ?? Number.POSITIVE_INFINITY) < this.#alarmWaitsUntil;
  }

  #changed(): void {
    this.#stateChanged.resolve();
    this.#stateChanged = deferred();
  }
}
