import { attemptOf, type Decision } from "../engine/run-machine.ts";
import type { Entry, Run } from "../engine/run.ts";
import type { LocalActivation } from "../protocol/journal.ts";
import { ActivationJournal, settledMemo, type ActivationState } from "./activation-journal.ts";
import type { RunDecisions } from "./run-decisions.ts";
import type { RunRecord } from "./run-record.ts";
import type { LocalTransport } from "./transport.ts";

/** What activations are made with. */
export interface ActivationParts {
  record: RunRecord;
  decisions: RunDecisions;
  transport(): LocalTransport;
  /** Called when the last code of an activation that has ended is off the stack. */
  codeOver(): void;
}

/** The activation whose word counts. */
interface Live extends ActivationState {
  readonly epoch: number;
  /** null while it begins */
  code: LocalActivation | null;
}

/** The code of a run in this process: one activation at most is live, and only that is listened to (G4). */
export class RunActivation {
  readonly #parts: ActivationParts;
  #live: Live | null = null;
  /** what has settled, and what is to be tried again, while the run waits for its lease */
  #heldBack: Held = { settled: [], retries: [] };
  /** activations that have ended, with step bodies that have not */
  #leftOver = 0;

  constructor(parts: ActivationParts) {
    this.#parts = parts;
  }

  /** Whether code goes on by itself. */
  get isExecuting(): boolean {
    return this.#live !== null && !this.#live.isSuspended;
  }

  /** Whether any of its code is: a step that cannot be stopped outlives its activation. */
  get isOnStack(): boolean {
    return this.#leftOver > 0 || this.isExecuting;
  }

  /** Keeps what the code is to be told until it may go on. */
  holdBack(decision: Decision): void {
    const { settled, retries } = toTell(decision);
    this.#heldBack.settled.push(...settled);
    this.#heldBack.retries.push(...retries);
  }

  /** One more step body may run. */
  giveRoom(): void {
    this.#live?.code?.resume();
  }

  /** Starts an activation, or lets the one that is still in memory go on. */
  start(decision: Decision): void {
    this.holdBack(decision);
    const { settled, retries } = this.#heldBack;
    this.#heldBack = { settled: [], retries: [] };
    const { run } = decision;
    const live = this.#live;
    if (live && live.epoch === run.epoch && (!live.isSuspended || settled.length > 0)) {
      live.isSuspended = false;
      this.deliver(settled);
      for (const entry of retries) live.code?.retry(entry.id);
      live.code?.resume();
      return;
    }
    // a retry enters the handler anew, so that it sees its attempt
    this.end();
    const attempt = Math.max(attemptOf(run), ...retries.map((entry) => entry.attempt));
    this.#activate(run, attempt);
  }

  #activate(run: Run, attempt: number): void {
    const { record, decisions } = this.#parts;
    const transport = this.#parts.transport();
    if (!transport.has(run)) return this.#functionMissing(run);
    const fresh = this.#begin(run.epoch);
    try {
      const journal = new ActivationJournal(record, decisions, fresh, run.losses > 0);
      fresh.code = transport.activate(run, record.events(), attempt, journal);
    } catch (error) {
      this.#live = null; // nothing runs: the alarm finds it lost
      throw error;
    }
    if (this.#live !== fresh) fresh.code.stop(); // the storage failed it while it began
  }

  #begin(epoch: number): Live {
    const fresh: Live = {
      epoch,
      code: null,
      isSuspended: false,
      isCurrent: () => this.#live === fresh && this.#parts.record.load()?.epoch === epoch,
      ended: () => {
        if (fresh.isCurrent()) this.#live = null;
      },
    };
    this.#live = fresh;
    return fresh;
  }

  #functionMissing(run: Run): void {
    const { record, decisions } = this.#parts;
    const message = `function "${run.functionId}" is not part of this Worker any more; deploy it again to let the run go on, or cancel the run`;
    decisions.decide({
      kind: "threw",
      error: { name: "Error", code: "function_missing", message },
      final: false,
      open: record.stored.openEntries(),
    });
  }

  /** Tells the code of steps that have settled. */
  deliver(settled: Entry[]): void {
    for (const entry of settled) {
      const memo = settledMemo(entry);
      if (memo) this.#live?.code?.settle(entry.id, memo);
    }
  }

  /** Stops the code; what it still reports is not listened to. */
  end(): void {
    const code = this.#live?.code;
    this.#live = null;
    this.#heldBack = { settled: [], retries: [] };
    if (!code) return;
    code.stop();
    void this.#outlive(code.bodiesOver());
  }

  async #outlive(over: Promise<void> | null): Promise<void> {
    if (!over) return;
    this.#leftOver += 1;
    await over;
    this.#leftOver -= 1;
    if (this.#leftOver === 0) this.#parts.codeOver();
  }
}

/** What a decision has for the code. */
interface Held {
  settled: Entry[];
  retries: Entry[];
}

function toTell({ settled, entries }: Decision): Held {
  return {
    settled,
    retries: entries.filter((entry) => entry.status.kind === "retrying" && entry.status.at === null),
  };
}
