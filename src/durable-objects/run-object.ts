/**
 * One run: loads, decides with `engine/run-machine.ts`, commits, performs. Knows no runtime.
 *
 * 0. A decision counts once it is stored. When storing it fails nothing of it is left in memory: its code stops, and the
 *    alarm that was committed before finds it lost.
 * 1. Every decision is committed with its effects in one transaction, before anything of it is performed (G6).
 * 2. Before code starts, an alarm is committed; its handler waits for the code, or finds that it was lost (design §4).
 * 3. An ended run whose alarm is set has not been published or has effects left; the alarm is cleared last.
 */
import {
  apply,
  attemptOf,
  endEffects,
  type Call,
  type Decision,
  type Input,
  type Reply,
} from "../engine/run-machine.ts";
import { realTime, runTime } from "../engine/run-clock.ts";
import { isEnded, RUN_SCHEMA, runStatus, type Effect, type Entry, type Run } from "../engine/run.ts";
import { readOp } from "../engine/step-ops.ts";
import { deferred } from "../protocol/deferred.ts";
import type { EventRecord } from "../protocol/event.ts";
import type { JsonObject } from "../protocol/json.ts";
import { ALARM_HOLD_MS, REDELIVERY_HORIZON_MS, WATCHDOG_MS } from "../protocol/limits.ts";
import { ulidParts } from "../protocol/ids.ts";
import type { Memo, SettledMemo } from "../protocol/call.ts";
import { performEffect } from "./perform.ts";
import type { Host } from "./host.ts";
import {
  logOf,
  type LoggedEvent,
  type RunIndexRow,
  type JournalPage,
  type RunObjectApi,
  type RunSummary,
  type StartRequest,
  type WakeOutcome,
} from "./objects.ts";
import type { RunStore } from "./storage/stores.ts";
import type { Journal, LocalActivation, Transports } from "./transport.ts";

/** Timing that tests shorten. */
export interface RunTiming {
  watchdogMs: number;
  alarmHoldMs: number;
}

export const RUN_TIMING: RunTiming = { watchdogMs: WATCHDOG_MS, alarmHoldMs: ALARM_HOLD_MS };

const EFFECT_RETRY_MIN_MS = 500;
const EFFECT_RETRY_MAX_MS = 60_000;
const DUE_PAGE = 100;
/** A quarter of what one RPC may carry (cloudflare-facts §4.3), plus at most one entry. */
const JOURNAL_PAGE_BYTES = 8 * 1024 * 1024;

/** What callers are told when a decision could not be stored; the cause is what the storage said. */
class NotStored extends Error {
  override name = "NotStored";

  constructor(runId: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`run ${runId}: the storage took nothing, and the run stays as it was: ${reason}`, { cause });
  }
}

interface Live {
  epoch: number;
  activation: LocalActivation | null;
  /** blocked, but still in memory: an answer that comes soon needs no replay */
  suspended: boolean;
}

export class RunObject implements RunObjectApi {
  readonly #host: Host;
  readonly #transports: () => Transports;
  readonly #timing: RunTiming;
  #store: RunStore;
  #run: Run | null | undefined;
  #inlineEvents: EventRecord[] | undefined;
  #records: EventRecord[] = [];
  #alarmAt: number | null | undefined;
  #live: Live | null = null;
  #outstanding = 0;
  /** commits so far, and how many of them are known to be on disk */
  #commits = 0;
  #synced = 0;
  #performing: Promise<void> | null = null;
  #effectFailures = 0;
  #stateChanged = deferred();

  constructor(host: Host, transports: () => Transports, timing: RunTiming = RUN_TIMING) {
    this.#host = host;
    this.#transports = transports;
    this.#timing = timing;
    this.#store = host.stores.run();
  }

  async start(request: StartRequest): Promise<{ kind: "started" | "exists" | "too-old" }> {
    if (this.#load()) return { kind: "exists" };
    const now = this.#host.now();
    // a run this old may have ended and been deleted: starting it again would run it twice (design §3)
    if (now - ulidParts(request.runId).timeMs > REDELIVERY_HORIZON_MS) return { kind: "too-old" };
    const run = newRun(request, now);
    const records = request.events.map((logged) => logged.record);
    const startAt = Math.max(...records.map((record) => record.event.ts));
    if (startAt > now) run.state = { kind: "scheduled", at: startAt, reason: "start" };
    const decision = startAt > now ? null : apply(run, { kind: "begin" }, this.#moment());
    const started = decision?.run ?? run;
    let isInline = false;
    this.#storing(started, () => {
      this.#store.create(started, records);
      isInline = this.#store.events().inline;
    });
    this.#records = records;
    this.#inlineEvents = isInline ? records : undefined;
    if (decision) this.#perform(decision);
    else this.#publishSoon();
    return { kind: "started" };
  }

  async offer(stepId: string, logged: LoggedEvent): Promise<{ kind: "taken" | "declined" | "gone" }> {
    return { kind: this.#consider(stepId, logged) };
  }

  async calleeEnded(stepId: string, memo: Memo): Promise<void> {
    const entry = this.#load() && this.#store.entry(stepId);
    if (entry) this.#decide({ kind: "answer", entry, memo });
  }

  async cancel(reason: string): Promise<{ kind: "cancelled" | "ended" | "unknown" }> {
    const run = this.#load();
    if (!run) return { kind: "unknown" };
    if (isEnded(run.state)) return { kind: "ended" };
    this.#decide({ kind: "cancel", reason, open: this.#store.openEntries() });
    await this.#performing;
    return { kind: "cancelled" };
  }

  async advance(byMs: number): Promise<{ kind: "advanced" | "ended" | "unknown" }> {
    const run = this.#load();
    if (!run) return { kind: "unknown" };
    if (isEnded(run.state)) return { kind: "ended" };
    this.#decide({ kind: "advance", byMs });
    this.#fireDue();
    this.#changed(); // an alarm that waits for the code counts to a deadline that is nearer now
    this.#publishSoon();
    await this.#performing;
    return { kind: "advanced" };
  }

  async wake(step?: string): Promise<WakeOutcome> {
    const run = this.#load();
    if (!run) return { kind: "unknown" };
    if (isEnded(run.state)) return { kind: "ended" };
    const asleep = this.#store.openEntries().filter((entry) => entry.status.kind === "sleeping");
    const chosen = asleep.filter((entry) => step === undefined || entry.userId === step || entry.id === step);
    if (chosen.length === 0) return { kind: "awake", sleeping: asleep.map((entry) => entry.userId) };
    for (const entry of chosen) this.#decide({ kind: "wake", entry });
    await this.#performing;
    return { kind: "woken", steps: chosen.map((entry) => entry.userId) };
  }

  async expire(stepId: string): Promise<{ kind: "expired" | "closed" }> {
    const entry = this.#load() && this.#store.openEntries().find((open) => open.id === stepId);
    if (!entry || entry.status.kind === "retrying") return { kind: "closed" };
    this.#decide({ kind: "due", entry });
    await this.#performing;
    return { kind: "expired" };
  }

  async summary(): Promise<RunSummary | null> {
    const run = this.#load();
    return run && { run, events: this.#records };
  }

  async journal(position: number): Promise<JournalPage> {
    return this.#load() ? this.#store.page(position, JOURNAL_PAGE_BYTES) : { entries: [], next: null };
  }

  async poke(): Promise<void> {
    const run = this.#load();
    if (!run) return;
    this.#arm(true); // an alarm that the platform dropped is set again; one that is due fires at once
    this.#publishSoon();
    await this.#performing;
  }

  async forget(): Promise<{ kind: "forgotten" | "running" }> {
    const run = this.#load();
    if (run && !isEnded(run.state)) return { kind: "running" };
    await this.#host.wipe();
    this.#store = this.#host.stores.run();
    this.#run = undefined;
    return { kind: "forgotten" };
  }

  /** Fires what is due, waits for code that is executing, and notices when there is none (design §4, watchdog). */
  async alarm(): Promise<void> {
    this.#alarmAt = null;
    try {
      await this.#onAlarm();
    } catch (error) {
      // an alarm that throws six times is dropped for good: come back instead
      this.#host.report(`run ${this.#host.name}: its alarm failed and will be repeated`, error);
      this.#setAlarm(this.#host.now() + EFFECT_RETRY_MAX_MS);
    }
  }

  async #onAlarm(): Promise<void> {
    if (!this.#load()) return;
    const holdUntil = this.#host.now() + this.#timing.alarmHoldMs;
    for (;;) {
      this.#fireDue();
      if (!this.#performing) this.#publishSoon(); // effects and index of a decision whose process died
      await this.#performing;
      if (isEnded(this.#current().state)) return;
      const now = this.#host.now();
      if (this.#current().state.kind !== "executing" || now >= holdUntil) break;
      if (!this.#isLive()) this.#lost();
      else await this.#host.wait(Math.min(this.#nextDueAt() ?? holdUntil, holdUntil) - now, this.#stateChanged.promise);
    }
    this.#arm(true);
  }

  #fireDue(): void {
    const now = this.#runNow();
    const { state } = this.#current();
    if (state.kind === "scheduled" && state.at <= now) this.#decide({ kind: "begin" });
    if (isEnded(this.#current().state)) return;
    for (const entry of this.#store.dueEntries(now, DUE_PAGE)) this.#decide({ kind: "due", entry });
  }

  #isLive(): boolean {
    return this.#outstanding > 0 || (this.#live !== null && !this.#live.suspended);
  }

  #lost(): void {
    const entries = this.#store.entries();
    const marked = entries.find((entry) => entry.status.kind === "running");
    const planned = entries.filter((entry) => entry.status.kind === "planned");
    this.#decide({ kind: "lost", marked, planned, open: this.#store.openEntries() });
  }

  // ---- load, decide, commit ----------------------------------------------------------------------------------

  #load(): Run | null {
    if (this.#run !== undefined) return this.#run;
    const run = this.#store.run();
    if (!run) return (this.#run = null);
    const events = this.#store.events();
    this.#records = events.records;
    this.#inlineEvents = events.inline ? events.records : undefined;
    // the header is not written with every step: what it missed is in the journal
    const { position, steps, bytes } = this.#store.counters();
    return (this.#run = { ...run, position, steps, bytes: Math.max(run.bytes, bytes) });
  }

  #current(): Run {
    const run = this.#load();
    if (!run) throw new Error(`run ${this.#host.name} does not exist`);
    return run;
  }

  /** The run's own time. */
  #runNow(): number {
    return runTime(this.#current(), this.#host.now());
  }

  /** When the next open entry is really due. */
  #nextDueAt(): number | null {
    const dueAt = this.#store.nextDueAt();
    return dueAt === null ? null : realTime(this.#current(), dueAt);
  }

  #moment() {
    return { now: this.#host.now(), random: this.#host.random() };
  }

  /** @param answeredBy internal id of the event that an answer is */
  #decide(input: Input, answeredBy?: string): Decision {
    const decision = apply(this.#current(), input, this.#moment());
    if (decision.stale) return decision;
    this.#commit(decision, answeredBy);
    const { state, id, functionId } = decision.run;
    if (state.kind === "failed") {
      const { name, message } = state.error;
      const [firstLine = ""] = message.split("\n");
      this.#host.report(
        `run ${id} of "${functionId}" failed (GET /v1/runs/${id}):`,
        `${name}: ${firstLine.slice(0, 300)}`,
      );
    }
    this.#perform(decision);
    return decision;
  }

  #commit(decision: Decision, answeredBy?: string): void {
    const { run, entries, effects, saveRun } = decision;
    const isToArm =
      saveRun ||
      this.#current().state.kind !== "executing" ||
      effects.length > 0 ||
      entries.some((entry) => entry.status.kind !== "settled");
    const write = () => {
      for (const entry of entries) this.#store.putEntry(entry);
      for (const effect of effects) if (!isImplied(effect)) this.#store.putEffect(effect);
      if (answeredBy !== undefined) this.#store.putAnswered(answeredBy, run.position);
      if (saveRun) this.#store.putRun(run, this.#inlineEvents);
    };
    this.#storing(run, write, isToArm);
  }

  /**
   * Writes in one transaction, or believes nothing of it. The alarm is set when that has succeeded, in the same turn, which is
   * stored as a whole.
   *
   * @throws NotStored
   */
  #storing(run: Run, write: () => void, isToArm = true): void {
    try {
      const alarm = this.#store.transaction(() => {
        write();
        this.#run = run;
        return isToArm ? this.#alarmToSet() : undefined;
      });
      this.#commits += 1;
      if (alarm !== undefined) this.#setAlarm(alarm);
    } catch (error) {
      this.#abandon(error);
      throw new NotStored(this.#host.name, error);
    }
  }

  /** A decision could not be made or stored: the code that waits for it stops, and the truth is read from disk again. */
  #abandon(error: unknown): void {
    this.#endActivation();
    this.#run = undefined;
    this.#records = [];
    this.#inlineEvents = undefined;
    this.#alarmAt = undefined;
    this.#store = this.#host.stores.run();
    this.#host.report(
      `run ${this.#host.name}: a decision failed and is dropped; it goes on from what is stored`,
      error,
    );
    this.#changed();
  }

  /** Sets the alarm to the earliest thing that must happen by itself. */
  #arm(force = false): void {
    const alarm = this.#alarmToSet(force);
    if (alarm !== undefined) this.#setAlarm(alarm);
  }

  /** Undefined: the alarm that is set will do. */
  #alarmToSet(force = false): number | null | undefined {
    const wanted = this.#wantedAlarm();
    const { state } = this.#current();
    // while code executes an alarm that is early enough stays: each change is a row written
    if (!force && state.kind === "executing" && this.#alarmAt != null && wanted !== null && this.#alarmAt <= wanted)
      return undefined;
    // cleared once all is published
    if (isEnded(state) && this.#alarmAt != null && this.#alarmAt <= (wanted ?? 0)) return undefined;
    return force || wanted !== this.#alarmAt ? wanted : undefined;
  }

  #wantedAlarm(): number | null {
    const { state } = this.#current();
    const soon = this.#host.now() + this.#timing.watchdogMs;
    // an end that is not published, code that executes, effects that wait: looked after even if this process dies
    if (isEnded(state)) return soon;
    const due = this.#nextDueAt() ?? Number.POSITIVE_INFINITY;
    const own = state.kind === "executing" || this.#store.hasEffects() ? soon : Number.POSITIVE_INFINITY;
    const begin = state.kind === "scheduled" ? realTime(this.#current(), state.at) : Number.POSITIVE_INFINITY;
    const wanted = Math.min(due, own, begin);
    return Number.isFinite(wanted) ? wanted : null;
  }

  #setAlarm(at: number | null): void {
    this.#alarmAt = at;
    this.#host.setAlarm(at);
  }

  // ---- perform -----------------------------------------------------------------------------------------------

  #perform(decision: Decision): void {
    const { run } = decision;
    if (isEnded(run.state)) this.#endActivation();
    else {
      for (const call of decision.calls) void this.#makeCall(call);
      if (decision.activate) this.#activate(decision);
      else this.#deliver(decision.settled);
    }
    if (run.state.kind !== "executing") this.#changed();
    if (decision.effects.length > 0 || (decision.saveRun && run.state.kind !== "executing")) this.#publishSoon();
  }

  #changed(): void {
    this.#stateChanged.resolve();
    this.#stateChanged = deferred();
  }

  /** Performs effects one by one and publishes the run's index row, then clears the alarm of an ended run. */
  #publishSoon(): void {
    this.#performing ??= this.#performAll().finally(() => (this.#performing = null));
  }

  async #performAll(): Promise<void> {
    await Promise.resolve(); // after the commit of this turn
    try {
      let published: string | null = null;
      for (;;) {
        const hadEnded = isEnded(this.#current().state);
        for (const effect of [...endEffects(this.#current()), ...this.#store.effects()]) await this.#performOne(effect);
        const row = this.#indexRow();
        const key = JSON.stringify(row);
        if (row.status !== "Running" || row.dueAt !== null) {
          if (key !== published) await this.#host.objects.log(this.#current().env, logOf(row.eventId)).index(row);
          published = key;
        }
        const isSame = isEnded(this.#current().state) === hadEnded && JSON.stringify(this.#indexRow()) === key;
        if (isSame && !this.#store.hasEffects()) break;
      }
      this.#effectFailures = 0;
      if (!isEnded(this.#current().state)) this.#arm();
      else if (this.#alarmAt !== null) this.#setAlarm(null);
    } catch (error) {
      this.#effectFailures += 1;
      const delay = Math.min(EFFECT_RETRY_MIN_MS * 2 ** this.#effectFailures, EFFECT_RETRY_MAX_MS);
      this.#host.report(`run ${this.#host.name}: an effect failed and is tried again in ${delay} ms`, error);
      this.#comeBackBy(this.#host.now() + delay);
    }
  }

  #comeBackBy(at: number): void {
    try {
      if (this.#alarmAt == null || this.#alarmAt > at) this.#setAlarm(at);
    } catch (error) {
      this.#host.report(`run ${this.#host.name}: its alarm could not be set; the one before it stays`, error);
    }
  }

  async #performOne(effect: Effect): Promise<void> {
    // a wait that has ended, perhaps with its run, needs no subscription any more; a crash may ask for it once more
    const isOver = effect.kind === "subscribe" && !this.#isWaiting(effect.stepId);
    const outcome = isOver
      ? { kind: "done" as const }
      : await performEffect(effect, this.#current(), this.#records, this.#host);
    if (!isImplied(effect)) this.#store.deleteEffect(effect.id);
    if (outcome.kind === "subscribed") this.#subscribed(outcome.stepId, outcome.found);
    if (outcome.kind === "answered") {
      const entry = this.#store.entry(outcome.stepId);
      if (entry) this.#decide({ kind: "answer", entry, memo: outcome.memo });
    }
  }

  #isWaiting(stepId: string): boolean {
    const status = this.#store.entry(stepId)?.status.kind;
    return !isEnded(this.#current().state) && (status === "registering" || status === "waiting");
  }

  #subscribed(stepId: string, found: LoggedEvent[]): void {
    const entry = this.#store.entry(stepId);
    if (!entry) return;
    this.#decide({ kind: "subscribed", entry });
    for (const logged of found) if (this.#consider(stepId, logged, true) !== "declined") return;
  }

  /** Whether an event answers a wait: first of event and timeout wins, and an event answers a later wait of a run once. */
  #consider(stepId: string, { record, receivedAt }: LoggedEvent, found = false): "taken" | "declined" | "gone" {
    const run = this.#load();
    const entry = run ? this.#store.entry(stepId) : undefined;
    if (!run || !entry?.wait || isEnded(run.state)) return "gone";
    const { status } = entry;
    if (status.kind !== "waiting" && status.kind !== "registering") return "gone";
    if (runTime(run, receivedAt) > status.until) return "gone"; // its own deadline ends it
    if (run.eventIds.includes(record.internalId)) return "declined"; // its own trigger
    const answeredAt = this.#store.answeredAt(record.internalId);
    if (answeredAt !== undefined && answeredAt < entry.opened) return "declined"; // an earlier wait of this run had it
    const memo = record.event as unknown as JsonObject;
    this.#decide({ kind: "answer", entry, memo, found }, answeredAt === undefined ? record.internalId : undefined);
    return "taken";
  }

  #indexRow(): RunIndexRow {
    const run = this.#current();
    const { state } = run;
    const ended = isEnded(state);
    const dueAt =
      state.kind === "scheduled" ? realTime(run, state.at) : state.kind === "blocked" ? this.#nextDueAt() : null;
    return {
      runId: run.id,
      eventId: run.eventIds[0] ?? run.id,
      functionId: run.functionId,
      appId: run.appId,
      eventName: run.eventName,
      status: runStatus(run),
      createdAt: run.createdAt,
      startedAt: run.startedAt ?? null,
      endedAt: ended ? state.endedAt : null,
      dueAt,
    };
  }

  // ---- local activations -------------------------------------------------------------------------------------

  /** Starts an activation, or lets the one that is still in memory go on. */
  #activate({ settled, run, entries }: Decision): void {
    const live = this.#live;
    const retries = entries.filter((entry) => entry.status.kind === "retrying" && entry.status.at === null);
    if (live && live.epoch === run.epoch && (!live.suspended || settled.length > 0)) {
      live.suspended = false;
      this.#deliver(settled);
      for (const entry of retries) live.activation?.retry(entry.id);
      live.activation?.resume();
      return;
    }
    // a retry enters the handler anew, so that it sees its attempt
    this.#endActivation();
    const transport = this.#transports().local;
    if (!transport.has(run.functionId)) return this.#functionMissing(run);
    const fresh: Live = { epoch: run.epoch, activation: null, suspended: false };
    this.#live = fresh;
    const attempt = Math.max(attemptOf(run), ...retries.map((entry) => entry.attempt));
    try {
      fresh.activation = transport.activate(run, this.#records, attempt, this.#journal(fresh, run.losses > 0));
    } catch (error) {
      this.#live = null; // nothing runs: the alarm finds it lost
      throw error;
    }
    if (this.#live !== fresh) fresh.activation.stop(); // the storage failed it while it began
  }

  #functionMissing(run: Run): void {
    const message = `function "${run.functionId}" is not part of this Worker any more; deploy it again to let the run go on, or cancel the run`;
    this.#decide({
      kind: "threw",
      error: { name: "Error", code: "function_missing", message },
      final: false,
      open: this.#store.openEntries(),
    });
  }

  #endActivation(): void {
    this.#live?.activation?.stop();
    this.#live = null;
  }

  #deliver(settled: Entry[]): void {
    for (const entry of settled) {
      const memo = settledMemo(entry);
      if (memo) this.#live?.activation?.settle(entry.id, memo);
    }
  }

  /**
   * The journal for one activation; once the run has moved on without it, nothing it says counts (G4). It never throws into
   * code that could do nothing about it: when the storage fails the activation is stopped, and asks in vain.
   */
  #journal(live: Live, cautious: boolean): Journal {
    const isCurrent = () => this.#live === live && this.#run?.epoch === live.epoch;
    // steps that the journal was asked for and does not have: only this activation adds them, so it need not ask again
    const absent = new Set<string>();
    const known = (stepId: string) => (absent.has(stepId) ? undefined : this.#store.entry(stepId));
    const fail = (error: unknown) => {
      if (isCurrent()) this.#abandon(error); // unless a commit that failed has done so
    };
    /** What the run says while this activation is its own; `stale` otherwise, and when the storage fails. */
    const guarded = <T>(stale: T, ask: () => T): T => {
      if (!isCurrent()) return stale;
      try {
        return ask();
      } catch (error) {
        fail(error);
        return stale;
      }
    };
    const decide = (input: Input) => {
      if (live.suspended) this.#wakeSuspended(live);
      return this.#decide(input);
    };
    return {
      cautious,
      memo: (stepId) =>
        guarded(undefined, () => {
          const entry = this.#store.entry(stepId);
          if (!entry) absent.add(stepId);
          return settledMemo(entry);
        }),
      memoCount: () => guarded(0, () => this.#store.settledCount()),
      memos: () =>
        guarded([], () =>
          this.#store.entries().flatMap((entry) => {
            const settled = settledMemo(entry);
            return settled ? [[entry.id, settled] as [string, SettledMemo]] : [];
          }),
        ),
      attempt: (stepId) => guarded(0, () => known(stepId)?.attempt ?? 0),
      isRunnable: (stepId) =>
        guarded(false, () => {
          const status = known(stepId)?.status;
          return !status || status.kind === "running" || (status.kind === "retrying" && status.at === null);
        }),
      mark: async (step) => {
        guarded(undefined, () => {
          decide({ kind: "mark", step, entry: known(step.id) });
          absent.delete(step.id);
        });
        await this.#sync().catch(fail);
      },
      durable: () => (this.#synced === this.#commits ? null : this.#sync().catch(fail)),
      report: (op, retryAt) =>
        guarded(undefined, () => {
          const read = readOp(op, this.#runNow());
          if (!read) return undefined;
          const entry = known(op.id);
          absent.delete(op.id);
          const decision = decide({ kind: "op", op: read, entry, event: this.#event(), retryAt });
          return settledMemo(decision.settled.find((settled) => settled.id === op.id));
        }),
      returned: (data) =>
        guarded(undefined, () => void decide({ kind: "returned", data, open: this.#store.openEntries() })),
      threw: (error, final, retryAt) =>
        guarded(undefined, () => {
          decide({ kind: "threw", error, final, retryAt, open: this.#store.openEntries() });
          if (isCurrent()) this.#live = null;
        }),
      idle: () =>
        guarded(undefined, () => {
          decide({ kind: "idle" });
          live.suspended = true;
        }),
      // it stays in memory: the alarm lets it go on without a replay
      yield: () => guarded(undefined, () => void decide({ kind: "yield" })),
    };
  }

  /** A handler that waited for something of its own goes on after its run was stored as blocked. */
  #wakeSuspended(live: Live): void {
    live.suspended = false;
    if (this.#current().state.kind !== "executing") this.#decideQuietly({ kind: "begin" });
  }

  /** Commits without starting another activation: the code is already running. */
  #decideQuietly(input: Input): void {
    const decision = apply(this.#current(), input, this.#moment());
    if (!decision.stale) this.#commit(decision);
  }

  async #sync(): Promise<void> {
    const commits = this.#commits;
    await this.#host.sync();
    this.#synced = Math.max(this.#synced, commits);
  }

  #event() {
    this.#load();
    const [record] = this.#records;
    if (!record) throw new Error(`run ${this.#host.name} has no event`);
    return record.event;
  }

  // ---- calls over HTTP ---------------------------------------------------------------------------------------

  async #makeCall(call: Call): Promise<void> {
    this.#outstanding += 1;
    try {
      const reply = await this.#call(call).catch((error: unknown) => this.#platformError(error));
      this.#replied(call, reply);
    } catch (error) {
      // the alarm that was committed with the call finds its reply lost
      if (!(error instanceof NotStored)) this.#abandon(error);
    } finally {
      this.#outstanding -= 1;
      this.#changed();
    }
  }

  #platformError(error: unknown): Reply {
    this.#host.report(`run ${this.#host.name}: a call failed inside the platform`, error);
    const message = error instanceof Error ? error.message : String(error);
    return { kind: "error", error: { name: "Error", code: "platform", message }, final: false };
  }

  async #call(call: Call): Promise<Reply> {
    const run = this.#current();
    const fn = await this.#host.objects.registry(run.env).callable(run.functionId);
    if (fn?.transport.kind !== "http") {
      const message = `function "${run.functionId}" is not registered; sync its app to let the run go on, or cancel the run`;
      return { kind: "error", error: { name: "Error", code: "function_missing", message }, final: false };
    }
    const entries = this.#store.entries();
    // after a loss steps are called one by one, so that the one that does not survive can be named
    const disableImmediateExecution = call.stepId !== null || (run.http?.pending ?? 0) > 0 || run.losses > 0;
    return this.#transports().http.call({
      call,
      url: fn.transport.url,
      run,
      events: this.#records,
      entries,
      disableImmediateExecution,
      runNow: () => this.#runNow(),
    });
  }

  #replied(call: Call, reply: Reply): void {
    const entries = new Map<string, Entry>();
    const ids = [
      call.stepId,
      ...(reply.kind === "ops" ? reply.ops.map((op) => ("step" in op ? op.step.id : null)) : []),
    ];
    for (const id of ids) {
      const entry = id === null ? undefined : this.#store.entry(id);
      if (entry) entries.set(entry.id, entry);
    }
    this.#decide({ kind: "reply", call, reply, entries, event: this.#event(), open: this.#store.openEntries() });
  }
}

function newRun({ env, runId, fn, events, invoker }: StartRequest, now: number): Run {
  return {
    schema: RUN_SCHEMA,
    id: runId,
    env,
    functionId: fn.id,
    appId: fn.appId,
    functionVersion: fn.version,
    retry: fn.retry,
    eventIds: events.map((logged) => logged.record.internalId),
    eventName: events[0]?.record.event.name ?? "",
    invoker,
    createdAt: now,
    epoch: 0,
    attempt: 0,
    attemptAt: -1,
    losses: 0,
    position: 0,
    steps: 0,
    bytes: 0,
    state: { kind: "blocked" },
    http: fn.transport.kind === "http" ? { version: -1, pending: 0, discoveries: 0, emptyAt: null } : undefined,
  };
}

/** Effects of a run's end follow from its header and are not stored. */
function isImplied({ kind }: Effect): boolean {
  return kind === "resume" || kind === "announce";
}

function settledMemo(entry: Entry | undefined): SettledMemo | undefined {
  return entry?.status.kind === "settled" ? { memo: entry.status.memo, position: entry.position } : undefined;
}
