/** Rules of steps that wait for a signal: one wait per signal, and what becomes of a second (inngest-protocol §9.1). */
import type { Draft } from "./decision.ts";
import { isEnded, type Entry } from "./run.ts";
import { realTime } from "./run-clock.ts";
import { failRun } from "./run-end.ts";
import type { SignalOp } from "./step-ops.ts";

/** Opens the wait. What holds the signal says whether it can be had. */
export function waitForSignal(draft: Draft, entry: Entry, { signal, until }: SignalOp): Entry {
  draft.effects.push({
    kind: "subscribe-signal",
    id: `subscribe/${entry.id}`,
    stepId: entry.id,
    signal,
    until: realTime(draft.run, until),
  });
  return draft.write({ ...entry, signal }, { kind: "registering", until });
}

/** Another run has the signal, and this one was not to take it over: it fails, as on Inngest's server. */
export function conflicted(draft: Draft, entry: Entry, openEntries: Entry[]): void {
  if (entry.status.kind !== "registering" || isEnded(draft.run.state)) {
    draft.stale = true;
    return;
  }
  const message = "Signal conflict; signal wait already exists for another run";
  failRun(
    draft,
    { name: "Error", code: "signal_conflict", message, signal: entry.signal?.name ?? "", step: entry.userId },
    openEntries,
  );
}
