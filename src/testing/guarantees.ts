/**
 * The platform's own promises (G1 to G7), watched while a simulation goes on and checked when it is at rest. They hold for
 * any functions and any workload.
 */
import { route } from "../engine/route.ts";
import { deferRecord, readDefer } from "../engine/run-defers.ts";
import { endEffects } from "../engine/run-machine.ts";
import { isEnded, runStatus, type Entry, type Run } from "../engine/run.ts";
import { intakeOf } from "../flow-control/admit.ts";
import { HELD, LINE, NOTICES } from "../durable-objects/lease-book.ts";
import { logOf, type Subscription } from "../durable-objects/objects.ts";
import { REPLACED, WAITING } from "../durable-objects/signal-object.ts";
import { prepareWait, waitMatches } from "../engine/expression.ts";
import type { RunStore } from "../durable-objects/storage/stores.ts";
import type { EventRecord, EventValue } from "../protocol/event.ts";
import type { Memo } from "../protocol/call.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { derivedUlid, runIdOf } from "../protocol/ids.ts";
import type { Signal } from "../protocol/signal.ts";
import type { FoundStep } from "../sdk/execute.ts";
import type { HostedRun } from "../sdk/run-host.ts";
import type { ObjectKind } from "./host/faults.ts";
import type { World } from "./host/world.ts";
import { keyHasWork } from "./key-work.ts";
import { LeaseWatch } from "./lease-watch.ts";
import { storesOf } from "./stored-runs.ts";
import type { DiskWrite } from "./storage/memory-disk.ts";

/** A promise that does not hold. */
export interface Violation {
  /** name of the promise, such as `G2` */
  promise: string;
  message: string;
  /** the run it is about */
  runId?: string;
}

/** What the watch asks the platform. */
export interface Watched {
  world: World;
  functions: readonly RegisteredFunction[];
  /** events that a client was told are accepted, and when they were */
  accepted(): Iterable<{ record: EventRecord; at: number }>;
  /** code executes outside of its run's object, and so outlives it */
  isRemote: boolean;
  /** whether nothing has gone wrong so far: then everything happens on time */
  isCalm(): boolean;
}

/** How much an event must be ahead of a wait's end to reach it through every delay that is injected. */
const SURE_AHEAD_MS = 10 * 60_000;

export class Guarantees {
  readonly violations: Violation[] = [];
  readonly #watched: Watched;
  /** settled entries, by run and step */
  readonly #settled = new Map<string, string>();
  readonly #ended = new Map<string, string>();
  readonly #epochs = new Map<string, number>();
  /** executions of a step's code that have neither thrown nor been cut off, by run and step */
  readonly #executing = new Map<string, object>();
  /** when open entries are to end, by run and step */
  readonly #deadlines = new Map<string, number>();
  /** runs whose objects have left memory at any time */
  readonly #haveDied = new Set<string>();
  /** lives of runs' objects, as far as they matter here */
  readonly #lives = new Map<string, object>();
  readonly #leases = new LeaseWatch();
  /** signals that a client was told a run has */
  readonly #signals: { runId: string; signal: Signal }[] = [];

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  /** A run's object has left memory: what it executed was cut off. */
  died(runId: string): void {
    this.#lives.delete(runId);
    this.#haveDied.add(runId);
    this.#leases.died(runId);
  }

  /** The step with its code watched. */
  step(run: HostedRun, step: FoundStep): FoundStep {
    const { body } = step;
    if (!body) return step;
    return { ...step, body: (own) => this.#execute(run, own, body) };
  }

  #execute(run: HostedRun, step: FoundStep, body: (step: FoundStep) => unknown): unknown {
    const key = `${run.runId} ${step.id}`;
    if (this.#settled.has(key))
      this.#broken("G2", `step "${step.userId}" executes although its result is stored`, run.runId);
    const early = (this.#deadlines.get(key) ?? 0) - this.#watched.world.clock.now;
    if (early > 0) this.#broken("G5", `step "${step.userId}" is tried again ${early} ms before its time`, run.runId);
    // one that is let in may be late
    if (early < 0 && this.#deadlines.has(key) && this.#watched.isCalm() && !this.#leases.isGated(run.runId))
      this.#broken("G5", `step "${step.userId}" is tried again ${-early} ms late`, run.runId);
    this.#deadlines.delete(key);
    let life = this.#lives.get(run.runId);
    if (!life) this.#lives.set(run.runId, (life = {}));
    if (this.#executing.get(key) === life && !(this.#watched.isRemote && this.#haveDied.has(run.runId)))
      this.#broken(
        "G3",
        `step "${step.userId}" executes again although nothing has cut off its last execution`,
        run.runId,
      );
    this.#executing.set(key, life);
    const { problem, end } = this.#leases.begin(run.runId);
    if (problem !== undefined) this.#broken("G7", `step "${step.userId}" executes although ${problem}`, run.runId);
    const failed = (error: unknown) => {
      end();
      if (this.#executing.get(key) === life) this.#executing.delete(key);
      throw error;
    };
    let result: unknown;
    try {
      result = body(step);
    } catch (error) {
      return failed(error);
    }
    if (!(result instanceof Promise)) end();
    return result instanceof Promise ? result.then((value) => (end(), value), failed) : result;
  }

  /** Writes of a run's object that have taken effect. */
  committed(kind: ObjectKind, name: string, writes: readonly DiskWrite[]): void {
    if (kind !== "run") return;
    for (const { table, key, value } of writes) {
      if (value === undefined) continue;
      if (table === "step") this.#entryWritten(name, key, JSON.parse(String(value)));
      if (table === "run" && key === "run") this.#runWritten(name, JSON.parse(String(value)));
    }
  }

  #entryWritten(runId: string, stepId: string, entry: Entry): void {
    const key = `${runId} ${stepId}`;
    const before = this.#settled.get(key);
    const { status } = entry;
    const memo = status.kind === "settled" ? JSON.stringify(status.memo) : null;
    if (before !== undefined && memo !== before)
      this.#broken(
        "G4",
        `step "${entry.userId}" had the result ${before} and got ${memo ?? `the status ${status.kind}`}`,
        runId,
      );
    if (memo !== null) this.#settled.set(key, memo);
    if (this.#ended.has(runId)) this.#broken("G4", `step "${entry.userId}" changed after the run's end`, runId);
    if (status.kind === "settled") this.#executing.delete(key);
    else if ("until" in status) this.#deadlines.set(key, status.until);
    else if (status.kind === "retrying" && status.at !== null) this.#deadlines.set(key, status.at);
  }

  #runWritten(runId: string, run: Run): void {
    const state = JSON.stringify(run.state);
    const ended = this.#ended.get(runId);
    if (ended !== undefined && ended !== state)
      this.#broken("G4", `the run had ended with ${ended} and became ${state}`, runId);
    if (isEnded(run.state)) this.#ended.set(runId, state);
    const problem = this.#leases.stored(run);
    if (problem !== undefined) this.#broken("G7", `the run is under way although ${problem}`, runId);
    const epoch = this.#epochs.get(runId) ?? 0;
    if (run.epoch < epoch) this.#broken("G4", `the run's epoch fell from ${epoch} to ${run.epoch}`, runId);
    this.#epochs.set(runId, run.epoch);
  }

  /** A client was told that a run has its signal. */
  signalled(runId: string, signal: Signal): void {
    this.#signals.push({ runId, signal });
  }

  /** What must be so when nothing is left to do. */
  atRest(): void {
    for (const { record } of this.#watched.accepted()) this.#checkStarts(record);
    for (const runId of this.#watched.world.names("run")) this.#checkRun(runId);
    this.#checkWaits();
    this.#checkSignals();
    for (const name of this.#watched.world.names("key")) this.#checkKey(name);
    for (const log of this.#watched.world.names("log"))
      if (!this.#watched.world.isRouted(log)) this.#broken("G1", `log ${log} still has events that nobody has routed`);
  }

  /** Nobody holds a key, or waits at it, on behalf of a run that has ended. */
  #checkKey(name: string): void {
    const disk = this.#watched.world.disk("key", name);
    const store = disk && storesOf(disk).key();
    for (const list of [HELD, LINE, NOTICES])
      for (const { id } of store?.list(list, 10) ?? [])
        this.#broken("G7", `the key ${name} still has ${list} ${id}, and all runs have ended`);
    if (store && keyHasWork(name, store, () => false))
      this.#broken("G1", `the key ${name} still has events that it has started no run with`);
  }

  #checkStarts(record: EventRecord): void {
    const { event, internalId } = record;
    for (const { fn } of route(record, [...this.#watched.functions], this.#watched.world.clock.now)) {
      if (fn.flow && intakeOf(fn, event, this.#watched.world.clock.now)) {
        this.#checkCollected(record, fn);
        continue;
      }
      const runId = runIdOf(internalId, fn.id);
      const exists = this.#read(runId) !== undefined;
      const same = record.userId === undefined ? [internalId] : this.#idsOf(record.userId, event.name);
      const started = same.filter((id) => this.#read(runIdOf(id, fn.id)) !== undefined);
      if (record.userId === undefined ? !exists : started.length === 0)
        this.#broken(
          "G1",
          `the event ${JSON.stringify(event.name)} (${internalId}) was accepted and has not started "${fn.id}"`,
        );
      if (started.length > 1)
        this.#broken(
          "G1",
          `the event id ${JSON.stringify(record.userId)} has started "${fn.id}" ${started.length} times`,
        );
    }
  }

  /** What a batch or a debounce has taken is in one run; of what a debounce has replaced, a later one is. */
  #checkCollected({ internalId, userId, event }: EventRecord, fn: RegisteredFunction): void {
    const { batch, debounce, rateLimit } = fn.flow ?? {};
    if (rateLimit && !batch) return; // it may be dropped
    const mine = this.#runsOf(fn.id).filter(({ eventIds }) => eventIds.includes(internalId));
    if (mine.length > 1) this.#broken("G1", `the event ${internalId} is in ${mine.length} runs of "${fn.id}"`);
    if (mine.length > 0 || userId !== undefined) return;
    if (debounce && !debounce.collect) {
      const runs = this.#runsOf(fn.id);
      if (runs.some((run) => run.eventIds.some((id) => this.#eventOf(id).ts >= event.ts))) return;
    }
    this.#broken("G1", `the event ${JSON.stringify(event.name)} (${internalId}) is in no run of "${fn.id}"`);
  }

  #runsOf(functionId: string): Run[] {
    const runs = this.#watched.world.names("run").flatMap((runId) => this.#store(runId)?.run() ?? []);
    return runs.filter((run) => run.functionId === functionId);
  }

  #eventOf(internalId: string): { ts: number } {
    for (const { record } of this.#watched.accepted()) if (record.internalId === internalId) return record.event;
    return { ts: Number.POSITIVE_INFINITY };
  }

  /** Internal ids of the accepted events with a user's id. */
  #idsOf(userId: string, name: string): string[] {
    return [...this.#watched.accepted()].flatMap(({ record }) =>
      record.userId === userId && record.event.name === name ? [record.internalId] : [],
    );
  }

  #checkRun(runId: string): void {
    const found = this.#read(runId);
    if (!found) return;
    const { run, entries, effects, trigger } = found;
    const { state } = run;
    if (effects > 0) this.#broken("G6", `${effects} effects of the run were never performed`, runId);
    if (run.paused && !isEnded(state)) return; // it waits for somebody, and says so
    if (!isEnded(state)) {
      this.#broken("G5", `the run has not ended (${state.kind}) and nothing is left that could let it go on`, runId);
      return;
    }
    for (const effect of endEffects(run)) {
      if (effect.kind === "resume") this.#checkResumed(run, effect.invoker);
      if (effect.kind === "start-deferred") for (const id of effect.ids) this.#checkDeferred(run, id, effect.at);
      if (effect.kind === "announce") for (const name of effect.names) this.#checkAnnounced(run, name, effect.at);
    }
    for (const entry of entries) this.#checkDeadline(run, entry, trigger);
    this.#checkIndex(run);
  }

  #checkResumed(run: Run, invoker: { runId: string; stepId: string }): void {
    const entry = this.#read(invoker.runId)?.entries.find((one) => one.id === invoker.stepId);
    if (entry && entry.status.kind !== "settled" && !this.#ended.has(invoker.runId))
      this.#broken("G6", `the run has ended, and the step "${entry.userId}" that invoked it does not know`, run.id);
  }

  #checkDeferred(run: Run, id: string, at: number): void {
    const stored = this.#store(run.id)?.extra("defer", id);
    const record = stored === undefined ? undefined : deferRecord(run, readDefer(stored), at);
    const meant = record ? route(record, [...this.#watched.functions], this.#watched.world.clock.now) : [];
    for (const { fn } of meant)
      if (record && this.#read(runIdOf(record.internalId, fn.id)) === undefined)
        this.#broken("G6", `the run has ended, and "${fn.id}", which it had deferred, was not started`, run.id);
  }

  #checkAnnounced(run: Run, name: string, at: number): void {
    const data = { function_id: run.functionId, run_id: run.id };
    const internalId = derivedUlid(at, `announce\0${name}\0${run.id}`);
    const record = { internalId, event: { id: "", name, data, user: {}, ts: at } };
    for (const { fn } of route(record, [...this.#watched.functions], this.#watched.world.clock.now))
      if (this.#read(runIdOf(internalId, fn.id)) === undefined)
        this.#broken("G6", `the run's end was not told to "${fn.id}", which listens to ${name}`, run.id);
  }

  /** Sleeps and timeouts end when their time has come, and an event that came before ends its wait. */
  #checkDeadline(run: Run, entry: Entry, trigger: EventValue): void {
    const { status, kind, userId } = entry;
    const until = this.#deadlines.get(`${run.id} ${entry.id}`);
    if (status.kind !== "settled" || until === undefined) return;
    if (kind === "wait" && status.memo !== null) return this.#checkAnswer(run, entry, status.memo, until);
    if (status.memo !== null) return;
    if (kind !== "sleep" && kind !== "wait" && kind !== "signal") return;
    if (entry.byHand || entry.carriedFrom) return; // neither ended by its own time
    const late = status.at - Math.max(until, entry.createdAt); // an instant may have been over when it was asked for
    if (late < 0) this.#broken("G5", `${kind} "${userId}" ended ${-late} ms before its time`, run.id);
    const wasPaused = run.resumedAt !== undefined; // its time may have come meanwhile
    if (late > 0 && !wasPaused && this.#watched.isCalm())
      this.#broken("G5", `${kind} "${userId}" ended ${late} ms late`, run.id);
    if (kind === "wait") this.#checkTimedOut(run, entry, trigger, until);
  }

  #checkAnswer(run: Run, { userId }: Entry, memo: Memo, until: number): void {
    const id = typeof memo === "object" && memo !== null && "id" in memo ? memo.id : undefined;
    for (const { record, at } of this.#watched.accepted())
      if (record.event.id === id && record.userId === undefined && at > until)
        this.#broken(
          "G5",
          `wait "${userId}" was answered by an event that came ${at - until} ms after its end`,
          run.id,
        );
  }

  #checkTimedOut(run: Run, { wait, createdAt, userId, opened }: Entry, trigger: EventValue, until: number): void {
    const prepared = prepareWait(wait?.expression ?? null, trigger);
    for (const { record, at } of this.#watched.accepted()) {
      const { name } = record.event;
      if (!wait?.events.includes(name) || at < createdAt || at + SURE_AHEAD_MS > until) continue;
      if (run.eventIds.includes(record.internalId) || !waitMatches(prepared, { ...record.event }, at)) continue;
      const answered = this.#store(run.id)?.answeredAt(record.internalId);
      if (answered !== undefined && answered < opened) continue; // an earlier wait of the run had it
      const message = `wait "${userId}" timed out although ${JSON.stringify(name)} (${record.internalId}) came in time`;
      this.#broken("G1", message, run.id);
    }
  }

  #checkIndex(run: Run): void {
    const log = logOf(run.eventIds[0] ?? run.id);
    const disk = this.#watched.world.disk("log", log);
    const rows = disk
      ? storesOf(disk)
          .log()
          .runsOf(run.eventIds[0] ?? run.id)
      : [];
    const row = rows.find((one) => one.runId === run.id);
    if (row?.status !== runStatus(run))
      this.#broken("G6", `the index says ${row?.status ?? "nothing"} of the run, which is ${runStatus(run)}`, run.id);
  }

  /** Nobody waits on behalf of a run that has ended. */
  #checkWaits(): void {
    for (const name of this.#watched.world.names("waits")) {
      for (const text of this.#watched.world.disk("waits", name)?.values("wait") ?? []) {
        const { subscription }: { subscription: Subscription } = JSON.parse(String(text));
        const { runId, stepId } = subscription;
        if (this.#ended.has(runId)) this.#broken("G6", `the wait ${stepId} for ${name} outlived its run`, runId);
      }
    }
  }

  /** A signal that was answered with a run is in it, each in a step of its own; and nobody waits any more. */
  #checkSignals(): void {
    const taken = new Set<string>();
    for (const { runId, signal } of this.#signals) {
      const entries = this.#read(runId)?.entries ?? [];
      const memo = JSON.stringify({ data: { signal: signal.name, data: signal.data } });
      const step = entries.find(
        ({ id, status }) =>
          status.kind === "settled" && JSON.stringify(status.memo) === memo && !taken.has(`${runId} ${id}`),
      );
      if (step) taken.add(`${runId} ${step.id}`);
      else this.#broken("G1", `the signal ${JSON.stringify(signal.name)} was taken and is in no step`, runId);
    }
    for (const name of this.#watched.world.names("signal")) {
      const disk = this.#watched.world.disk("signal", name);
      for (const list of [WAITING, REPLACED])
        for (const { id } of disk ? storesOf(disk).key().list(list, 10) : [])
          this.#broken("G6", `the wait ${id} for the signal ${JSON.stringify(name)} outlived its run`);
    }
  }

  #read(runId: string): { run: Run; entries: Entry[]; effects: number; trigger: EventValue } | undefined {
    const store = this.#store(runId);
    const run = store?.run();
    const trigger = run && store?.events().records[0]?.event;
    return run && store && trigger
      ? { run, entries: store.entries(), effects: store.effects().length, trigger }
      : undefined;
  }

  #store(runId: string): RunStore | undefined {
    const disk = this.#watched.world.disk("run", runId);
    return disk && storesOf(disk).run();
  }

  #broken(promise: string, message: string, runId?: string): void {
    if (this.violations.length < 100) this.violations.push({ promise, message, runId });
  }
}
