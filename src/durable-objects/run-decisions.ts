import type { Decision, Input } from "../engine/run-machine.ts";

/** What the parts of a run ask of its object. */
export interface RunDecisions {
  /**
   * Decides what follows from an input, commits that, and performs it.
   *
   * @param answeredBy internal id of the event that an answer is
   * @throws NotStored
   */
  decide(input: Input, answeredBy?: string): Decision;
  /**
   * Commits without starting another activation: the code is already running.
   *
   * @throws NotStored
   */
  decideQuietly(input: Input): void;
  /** A decision could not be made or stored: the code that waits for it stops, and the truth is read from disk again. */
  abandon(error: unknown): void;
  /** An alarm handler that waits for code looks again at how the run stands. */
  changed(): void;
}

/** What callers are told when a decision could not be stored; the cause is what the storage said. */
export class NotStored extends Error {
  override name = "NotStored";

  constructor(runId: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`run ${runId}: the storage took nothing, and the run stays as it was: ${reason}`, { cause });
  }
}
