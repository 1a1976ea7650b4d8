/** What a run tells the outside once it is stored: its effects, and its row in the index. Repeated until it is done (G6). */
import { realTime } from "../engine/run-clock.ts";
import { endEffects } from "../engine/run-machine.ts";
import { entryDueAt, isEnded, runStatus, type Effect, type Entry, type Run } from "../engine/run.ts";
import { internalEvents, type EventRecord } from "../protocol/event.ts";
import { groupBy } from "../protocol/group-by.ts";
import type { Host } from "./host.ts";
import { inTurns } from "./in-turns.ts";
import { logOf, type RowWait, type RunIndexRow } from "./objects.ts";
import { performEffect } from "./perform.ts";
import type { RunAlarm } from "./run-alarm.ts";
import type { RunDecisions } from "./run-decisions.ts";
import type { RunLeases } from "./run-leases.ts";
import type { RunRecord } from "./run-record.ts";
import type { RunWaits } from "./run-waits.ts";

const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 60_000;
/** When code that outlives its run is looked for again. */
const LEFT_OVER_MS = 60_000;

/** What a publisher works with. */
export interface PublisherParts {
  host: Host;
  record: RunRecord;
  alarm: RunAlarm;
  waits: RunWaits;
  leases: RunLeases;
  decisions: RunDecisions;
  /** Called when all is told of a run that has ended. */
  atRest(): void;
}

export class RunPublisher {
  readonly #parts: PublisherParts;
  #underway: Promise<void> | null = null;
  #failures = 0;
  #isLong = false;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** Its code executes for long: it is to be found in the index although it has not blocked. */
  noteLong(): void {
    this.#isLong = true;
  }

  /** Resolves when what is being published now is, or is to be repeated; null when nothing is. */
  get underway(): Promise<void> | null {
    return this.#underway;
  }

  /** Performs effects one by one and publishes the run's index row, then clears the alarm of an ended run. */
  soon(): void {
    this.#underway ??= this.#publish().finally(() => (this.#underway = null));
  }

  async #publish(): Promise<void> {
    const { host, record, alarm, leases } = this.#parts;
    await Promise.resolve(); // after the commit of this turn
    try {
      await this.#publishAll();
      this.#failures = 0;
      const { state } = record.current();
      if (state.kind !== "executing") record.tidy(); // with the alarm, which changes in the same turn
      if (!isEnded(state)) record.arm();
      else if (!leases.areStillUsed) {
        alarm.clear();
        this.#parts.atRest();
      } else alarm.comeBackBy(host.now() + LEFT_OVER_MS); // this object may die with the code, and nobody would tell
    } catch (error) {
      this.#failures += 1;
      const delay = Math.min(RETRY_MIN_MS * 2 ** this.#failures, RETRY_MAX_MS);
      host.report(`run ${host.name}: an effect failed and is tried again in ${delay} ms`, error);
      alarm.comeBackBy(host.now() + delay);
    }
  }

  /** Goes round until nothing has changed in the meantime. */
  async #publishAll(): Promise<void> {
    const { host, record, leases } = this.#parts;
    let published: string | null = null;
    const index = async (): Promise<string> => {
      const row = this.#indexRow();
      const key = JSON.stringify(row);
      const isPaused = record.current().paused !== undefined;
      const isToBeFound = row.status !== "Running" || row.dueAt !== null || isPaused || this.#isLong;
      if (isToBeFound && !leases.areBrieflyInLine && key !== published)
        await host.objects.log(record.current().env, logOf(row.eventId)).index(row);
      return (published = key);
    };
    for (;;) {
      const run = record.current();
      const hadEnded = isEnded(run.state);
      // in the order in which somebody waits for them: the next of a line, the invoker, what steps ask for; lists come last
      await allOf([
        () => leases.perform(),
        ...endEffects(run).map(
          (effect) => () => performEffect(effect, record.current(), record.events(), host, record.stored),
        ),
        ...[...groupBy(record.effects(), stepOf).values()].map((effects) => () => this.#performInOrder(effects)),
        ...(hadEnded ? [() => index()] : []),
      ]);
      const key = await index();
      const isSame = isEnded(record.current().state) === hadEnded && JSON.stringify(this.#indexRow()) === key;
      if (isSame && !record.hasEffects() && (!record.hasToDo() || leases.areStillUsed)) return;
    }
  }

  /** What is asked for a step and withdrawn again must arrive in this order. */
  async #performInOrder(effects: Effect[]): Promise<void> {
    for (const effect of effects) await this.#perform(effect);
  }

  async #perform(effect: Effect): Promise<void> {
    const { host, record, waits, decisions } = this.#parts;
    // a wait that has ended, perhaps with its run, needs no subscription any more; a crash may ask for it once more
    const isSubscription = effect.kind === "subscribe" || effect.kind === "subscribe-signal";
    const isOver = isSubscription && !waits.isOpen(effect.stepId);
    const outcome = isOver
      ? { kind: "done" as const }
      : await performEffect(effect, record.current(), record.events(), host, record.stored);
    record.stored.deleteEffect(effect.id);
    if (outcome.kind === "subscribed") waits.subscribed(outcome.stepId, outcome.found);
    if (outcome.kind === "conflicted") waits.conflicted(outcome.stepId);
    if (outcome.kind === "answered") {
      const entry = record.stored.entry(outcome.stepId);
      if (entry) decisions.decide({ kind: "answer", entry, memo: outcome.memo });
    }
  }

  #indexRow(): RunIndexRow {
    const { record } = this.#parts;
    const run = record.current();
    const isResting = run.state.kind === "blocked" || run.state.kind === "queued";
    const [first] = run.state.kind === "blocked" ? record.stored.dueEntries(Number.MAX_SAFE_INTEGER, 1) : [];
    return indexRow(run, record.events(), isResting ? record.nextDueAt() : null, first);
  }
}

/** At the same time; what fails does not keep the others from being done. */
async function allOf(tasks: (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = [];
  await inTurns(tasks, (task) => task().catch((error: unknown) => failures.push(error)));
  if (failures.length > 0) throw failures[0];
}

/** The step, or the cancel event, that an effect is about: its id is the effect's kind and that. */
function stepOf({ id }: Effect): string {
  return id.slice(id.indexOf("/") + 1);
}

/**
 * @param nextDueAt when a run that rests is really due
 * @param first the open entry of a blocked run that is due first
 */
function indexRow(
  run: Run,
  events: readonly EventRecord[],
  nextDueAt: number | null,
  first: Entry | undefined,
): RunIndexRow {
  const { state } = run;
  return {
    runId: run.id,
    eventId: run.eventIds[0] ?? run.id,
    functionId: run.functionId,
    appId: run.appId,
    eventName: run.eventName,
    status: runStatus(run),
    createdAt: run.createdAt,
    startedAt: run.startedAt ?? null,
    endedAt: isEnded(state) ? state.endedAt : null,
    dueAt: state.kind === "scheduled" && !run.paused ? realTime(run, state.at) : nextDueAt,
    waiting: rowWait(run, first),
    cron: cronOf(events),
    batch: run.eventIds.length > 1 ? run.eventIds.length : undefined,
  };
}

function rowWait(run: Run, first: Entry | undefined): RowWait | undefined {
  const { state } = run;
  if (run.paused && !isEnded(state)) return { kind: "paused", until: null };
  if (state.kind === "scheduled") return { kind: state.reason, until: realTime(run, state.at) };
  if (state.kind === "queued") return { kind: "line", until: null };
  if (state.kind !== "blocked" || !first) return undefined;
  const dueAt = entryDueAt(first);
  const { kind } = first.status;
  // a wait that is about to be registered is one already: a row is not written for the difference
  const name = first.signal ? "signal" : kind === "registering" ? "waiting" : kind;
  return { kind: name, until: dueAt === null ? null : realTime(run, dueAt) };
}

function cronOf([record]: readonly EventRecord[]): string | undefined {
  const cron = record?.event.data.cron;
  return record?.event.name === internalEvents.scheduledTimer && typeof cron === "string" ? cron : undefined;
}
