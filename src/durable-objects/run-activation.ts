import { attemptOf, type Decision } from "../engine/run-machine.ts";
import type { Entry, Run } from "../engine/run.ts";
import { ActivationJournal, settledMemo, type ActivationState } from "./activation-journal.ts";
import type { RunDecisions } from "./run-decisions.ts";
import type { RunRecord } from "./run-record.ts";
import type { LocalActivation, LocalTransport } from "./transport.ts";

/** What activations are made with. */
export interface ActivationParts {
  record: RunRecord;
  decisions: RunDecisions;
  transport(): LocalTransport;
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

  constructor(parts: ActivationParts) {
    this.#parts = parts;
  }

  /** Whether code goes on by itself. */
  get isExecuting(): boolean {
    return this.#live !== null && !this.#live.isSuspended;
  }

  /** Starts an activation, or lets the one that is still in memory go on. */
  start({ settled, run, entries }: Decision): void {
    const live = this.#live;
    const retries = entries.filter((entry) => entry.status.kind === "retrying" && entry.status.at === null);
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
    if (!transport.has(run.functionId)) return this.#functionMissing(run);
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
    this.#live?.code?.stop();
    this.#live = null;
  }
}
