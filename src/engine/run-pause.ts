/**
 * Rules of a run that is paused: nothing of it begins until it is resumed.
 *
 * 1. Code that executes ends, and what it has come to is stored. No further step, discovery or attempt begins.
 * 2. What comes meanwhile is taken: events, signals, ends of invoked runs, what people write. What falls due meanwhile is
 *    looked at when the run goes on, so that a wait whose event came in time has it. The run's own timeouts and what cancels
 *    it hold.
 * 3. What would have begun is written down: an activation as a time in the run's state, which has come when the run goes
 *    on; a discovery and calls of single steps in the pause itself.
 * 4. It stands in no line: what was not let in yet is asked for anew, with the rank that the run has.
 */
import type { Draft } from "./decision.ts";
import { isHeldBack, holdsDiscovery, holdsStep } from "./paused.ts";
import type { Entry, Executing } from "./run.ts";
import { isOut, leaveStartLine, releaseCall, standBy } from "./run-leases.ts";
import { callStep, discover } from "./run-calls.ts";

/** @param planned over HTTP: steps that calls are outstanding for, or are to be */
export function pause(draft: Draft, planned: readonly Entry[]): void {
  const { run } = draft;
  if (run.paused) {
    draft.stale = true;
    return;
  }
  run.paused = { at: draft.now, discovery: false, steps: [] };
  draft.saveRun = true;
  draft.hasMoreRoom = true; // its code hears of it
  const state = draft.executing();
  if (run.http && state) leaveLines(draft, state, planned);
  else if (run.state.kind === "queued") standBy(draft);
  leaveStartLine(draft);
}

/** Calls that wait for leases do not go out. */
function leaveLines(draft: Draft, state: Executing, planned: readonly Entry[]): void {
  for (const entry of planned)
    if (!isOut(draft, entry.id)) {
      state.targeted -= 1;
      releaseCall(draft, entry.id);
      holdsStep(draft, entry);
    }
  if (state.discovery && !isOut(draft, null)) {
    state.discovery = false;
    state.again = false;
    releaseCall(draft, null);
    holdsDiscovery(draft);
  }
  if (state.discovery || state.targeted > 0) return;
  draft.move(state.retryAt === null ? { kind: "blocked" } : { kind: "scheduled", at: state.retryAt, reason: "retry" });
}

/** What was held back begins; what has fallen due meanwhile comes as inputs of its own. */
export function resume(draft: Draft, planned: readonly Entry[]): void {
  const { run } = draft;
  const { paused } = run;
  if (!paused) {
    draft.stale = true;
    return;
  }
  run.paused = undefined;
  run.resumedAt = draft.now;
  draft.saveRun = true;
  draft.hasMoreRoom = true; // code that has not ended yet goes on
  for (const entry of planned) if (isHeldBack({ paused }, entry)) callStep(draft, entry);
  if (paused.discovery) discover(draft);
}
