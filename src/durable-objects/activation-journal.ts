import type { Decision, Input } from "../engine/run-machine.ts";
import { ACTIVATION_SLOT, BRANCH_SLOT } from "../engine/lease.ts";
import type { Entry } from "../engine/run.ts";
import { readOp } from "../engine/step-ops.ts";
import type { SettledMemo } from "../protocol/call.ts";
import type { MemoPage, OpenStep } from "../protocol/binding.ts";
import { type EditedInput, type MarkedStep, PAUSED } from "../protocol/journal.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { LogBatch } from "../protocol/logs.ts";
import type { StepOp } from "../protocol/step-op.ts";
import type { WireError } from "../protocol/wire-error.ts";
import type { RunDecisions } from "./run-decisions.ts";
import { JOURNAL_PAGE_BYTES, type RunRecord } from "./run-record.ts";
import type { RemoteJournal } from "./transport.ts";

/** How the activation stands that a journal was given to. */
export interface ActivationState {
  /** blocked, but still in memory: an answer that comes soon needs no replay */
  isSuspended: boolean;
  /** Whether what it says counts: the run has not moved on without it. */
  isCurrent(): boolean;
  /** Its handler has come to an end. */
  ended(): void;
}

/**
 * The journal for one activation; once the run has moved on without it, nothing it says counts (G4). It never throws into
 * code that could do nothing about it: when the storage fails the activation is stopped, and asks in vain.
 */
export class ActivationJournal implements RemoteJournal {
  readonly cautious: boolean;
  readonly #record: RunRecord;
  readonly #decisions: RunDecisions;
  readonly #activation: ActivationState;
  /** steps that the journal was asked for and does not have: only this activation adds them, so it need not ask again */
  readonly #absent = new Set<string>();
  /** all steps that there are, of a run that had none when this activation began; null: there may be others */
  readonly #own: Set<string> | null;
  readonly #isGated: boolean;
  /** how many it has told that it needs room for */
  #bodies = 0;
  /** to be stored with what is decided next */
  #logs: LogBatch[] = [];

  constructor(record: RunRecord, decisions: RunDecisions, activation: ActivationState, cautious: boolean) {
    this.#record = record;
    this.#decisions = decisions;
    this.#activation = activation;
    this.cautious = cautious;
    this.#own = record.current().steps === 0 ? new Set() : null;
    const gates = record.current().admission?.gates ?? [];
    this.#isGated = gates.some(({ unit }) => unit === "step");
  }

  memo(stepId: string): SettledMemo | undefined {
    return this.#guarded(undefined, () => {
      const entry = this.#known(stepId);
      if (!entry) this.#absent.add(stepId);
      return settledMemo(entry);
    });
  }

  edited(): EditedInput | undefined {
    return this.#guarded(undefined, () => this.#record.editedInput());
  }

  memoCount(): number {
    return this.#guarded(0, () => this.#record.stored.settledCount());
  }

  memos(): [stepId: string, settled: SettledMemo][] {
    return this.#guarded([], () =>
      this.#record.stored.entries().flatMap((entry) => {
        const settled = settledMemo(entry);
        return settled ? [[entry.id, settled] as [string, SettledMemo]] : [];
      }),
    );
  }

  page(after: number): MemoPage {
    return this.#guarded<MemoPage>({ memos: [], next: null }, () => {
      const { entries, next } = this.#record.stored.page(after, JOURNAL_PAGE_BYTES);
      const memos = entries.flatMap((entry) => {
        const settled = settledMemo(entry);
        return settled ? [{ id: entry.id, settled }] : [];
      });
      return { memos, next };
    });
  }

  openSteps(): OpenStep[] {
    return this.#guarded([], () =>
      this.#open().map((entry) => ({ id: entry.id, attempt: entry.attempt, isRunnable: isRunnable(entry) })),
    );
  }

  attempt(stepId: string): number {
    return this.#guarded(0, () => this.#known(stepId)?.attempt ?? 0);
  }

  isRunnable(stepId: string): boolean {
    return this.#guarded(false, () => isRunnable(this.#known(stepId)));
  }

  async mark(step: MarkedStep): Promise<void> {
    this.#guarded(undefined, () => {
      this.#decide({ kind: "mark", step, entry: this.#known(step.id) });
      this.#isThere(step.id);
    });
    await this.#synced();
  }

  durable(): Promise<void> | null {
    return this.#record.isSynced ? null : this.#synced();
  }

  report(op: StepOp, retryAt: number | undefined): SettledMemo | undefined {
    return this.#guarded(undefined, () => {
      const read = readOp(op, this.#record.now());
      if (!read) return undefined;
      const entry = this.#known(op.id);
      this.#isThere(op.id);
      const decision = this.#decide({ kind: "op", op: read, entry, event: this.#record.event(), retryAt });
      return settledMemo(decision.settled.find((settled) => settled.id === op.id));
    });
  }

  logged(logs: LogBatch): void {
    this.#logs.push(logs);
  }

  returned(data: JsonValue): void {
    this.#guarded(undefined, () => void this.#decide({ kind: "returned", data, open: this.#open() }));
  }

  threw(error: WireError, final: boolean, retryAt: number | undefined): void {
    this.#guarded(undefined, () => {
      this.#decide({ kind: "threw", error, final, retryAt, open: this.#open() });
      this.#activation.ended();
    });
  }

  idle(): void {
    this.#guarded(undefined, () => {
      this.#decide({ kind: "idle" });
      this.#bodies = 0;
      this.#activation.isSuspended = true;
    });
  }

  /** A run without step gates has no bound, and is not asked. */
  room(): number {
    if (this.#record.load()?.paused) return PAUSED;
    if (!this.#isGated) return Number.POSITIVE_INFINITY;
    return this.#guarded(0, () => {
      const held = this.#record.leases().filter(({ status }) => status === "held");
      return held.filter(({ slot }) => slot === ACTIVATION_SLOT || slot === BRANCH_SLOT).length;
    });
  }

  needRoom(bodies: number): void {
    const isEnough = bodies <= 1 && this.#bodies <= 1; // its own lease
    if (!this.#isGated || this.#bodies === bodies) return;
    this.#bodies = bodies;
    if (isEnough) return;
    this.#guarded(undefined, () => void this.#decisions.decide({ kind: "room", bodies }));
  }

  /** It stays in memory: the alarm lets it go on without a replay. */
  yield(): void {
    this.#guarded(undefined, () => void this.#decide({ kind: "yield" }));
  }

  left(): void {
    if (!this.#activation.isCurrent()) return;
    this.#activation.ended();
    this.#decisions.changed();
  }

  /** What the run says while this activation is its own; `stale` otherwise, and when the storage fails. */
  #guarded<T>(stale: T, ask: () => T): T {
    if (!this.#activation.isCurrent()) return stale;
    try {
      return ask();
    } catch (error) {
      this.#failed(error);
      return stale;
    }
  }

  #failed(error: unknown): void {
    if (this.#activation.isCurrent()) this.#decisions.abandon(error); // unless a commit that failed has done so
  }

  #decide(input: Input): Decision {
    if (this.#activation.isSuspended) this.#wake();
    const logs = this.#logs.splice(0);
    return this.#decisions.decide(logs.length === 0 ? input : { ...input, logs });
  }

  /** A handler that waited for something of its own goes on after its run was stored as blocked. */
  #wake(): void {
    this.#activation.isSuspended = false;
    if (this.#record.current().state.kind !== "executing") this.#decisions.decideQuietly({ kind: "begin" });
  }

  #known(stepId: string): Entry | undefined {
    const isAbsent = this.#absent.has(stepId) || this.#own?.has(stepId) === false;
    return isAbsent ? undefined : this.#record.stored.entry(stepId);
  }

  #isThere(stepId: string): void {
    this.#absent.delete(stepId);
    this.#own?.add(stepId);
  }

  #open(): Entry[] {
    return this.#record.stored.openEntries();
  }

  #synced(): Promise<void> {
    return this.#record.sync().catch((error: unknown) => this.#failed(error));
  }
}

function isRunnable(entry: Entry | undefined): boolean {
  const status = entry?.status;
  return !status || status.kind === "running" || (status.kind === "retrying" && status.at === null);
}

/** What a step has settled with; undefined while it has not. */
export function settledMemo(entry: Entry | undefined): SettledMemo | undefined {
  return entry?.status.kind === "settled" ? { memo: entry.status.memo, position: entry.position } : undefined;
}
