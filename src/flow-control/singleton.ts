import type { Refusal } from "../engine/lease.ts";
import type { SingletonPolicy } from "../protocol/flow-control.ts";

const ULID_TIME_CHARS = 10;

/** A run at a singleton's key. Its lease id begins with the run's id, which says when its event came. */
export interface SingletonRun {
  leaseId: string;
  runId: string;
}

/** What becomes of a run that asks for the key, and of those that it finds there. */
export type SingletonVerdict =
  | { kind: "admit" }
  | {
      kind: "wait";
      /** the holder is to be cancelled */
      cancels: boolean;
      /** what the one that has waited until now is told */
      refusal: Refusal | null;
    }
  | { kind: "refuse"; refusal: Refusal };

/** Milliseconds since 1970 of a run's event, as its id has them, in the order of texts. Of one instant the later to ask is newer. */
function bornAt({ leaseId }: SingletonRun): string {
  return leaseId.slice(0, ULID_TIME_CHARS);
}

/**
 * One run at a time. `skip`: whoever finds another is skipped. `cancel`: the newest run wins, whatever the order in which runs
 * come to ask: the others are cancelled. `queue`: the newest waits for its turn, an older one that waits is skipped.
 *
 * @param waiter at most one waits
 */
export function singleton(
  mode: SingletonPolicy["mode"],
  holder: SingletonRun | null,
  waiter: SingletonRun | null,
  run: SingletonRun,
): SingletonVerdict {
  const rival = waiter ?? holder;
  if (!rival) return { kind: "admit" };
  const by = (as: Refusal["as"], { runId }: SingletonRun): Refusal => ({ rule: "singleton", as, byRunId: runId });
  if (mode === "skip") return { kind: "refuse", refusal: by("skipped", holder ?? rival) };
  const as = mode === "cancel" ? "cancelled" : "skipped";
  // a queue's holder is not in the way of an older run, which only waits for it
  const isBeaten = (waiter !== null || mode === "cancel") && bornAt(run) < bornAt(rival);
  if (isBeaten) return { kind: "refuse", refusal: by(as, rival) };
  return { kind: "wait", cancels: mode === "cancel" && holder !== null, refusal: waiter && by(as, run) };
}
