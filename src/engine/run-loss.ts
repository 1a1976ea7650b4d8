/** Rules of an activation that died (design §4: watchdog, cautious mode). */
import { type WireError, errorNames } from "../protocol/wire-error.ts";
import { type Entry, type Executing, isEnded } from "./run.ts";
import type { Draft } from "./decision.ts";
import { isHeldBack } from "./paused.ts";
import { isOut, releaseBranches, releaseCall } from "./run-leases.ts";
import { stepFailed } from "./run-steps.ts";
import { handlerFailed } from "./run-end.ts";
import { afterSettled, begin, callStep, discover } from "./run-calls.ts";

/**
 * The object died while code was executing. The epoch rises, so whatever that activation still reports is stale. Once
 * an activation has died without a commit the next one is cautious: it marks each step before its body; a loss after
 * the mark is that step's failed attempt (design §4).
 */
export function lost(draft: Draft, marked: Entry | undefined, all: Entry[], openEntries: Entry[]): void {
  const { run } = draft;
  const state = draft.executing();
  if (!state) {
    draft.stale = true;
    return;
  }
  run.epoch += 1;
  draft.saveRun = true;
  releaseBranches(draft);
  const planned = all.filter((entry) => !isHeldBack(run, entry));
  const out = planned.filter((entry) => isOut(draft, entry.id));
  const inLine = planned.filter((entry) => !out.includes(entry));
  const wasCautious = run.losses > 0;
  // what a cautious activation had begun is what it died of, whatever was committed before
  const hadBegun = marked !== undefined || out.length > 0;
  const progressed = run.position > state.from && !(wasCautious && hadBegun);
  run.losses = progressed ? 0 : run.losses + 1;
  const blamed = wasCautious && !progressed;
  // executing → blocked: what follows begins anew
  run.state = { kind: "blocked" };

  if (run.http) {
    if (blamed) {
      blameCalls(draft, state, out, openEntries);
      // what stood in line was not under way
      if (!isEnded(run.state)) for (const entry of inLine) callStep(draft, entry);
      return;
    }
    for (const entry of planned) callStep(draft, entry);
    if (state.discovery || (planned.length === 0 && state.retryAt === null)) return discover(draft);
    return keepRetry(draft, state.retryAt);
  }
  if (blamed && marked) {
    stepFailed(draft, marked, lossError(marked.userId), false, undefined, "entry");
    if (isEnded(run.state) || draft.settled.length === 0) return;
  } else if (blamed) {
    return handlerFailed(draft, lossError(null), false, undefined, openEntries);
  }
  begin(draft);
}

function blameCalls(draft: Draft, state: Executing, planned: Entry[], openEntries: Entry[]): void {
  for (const entry of planned) {
    releaseCall(draft, entry.id);
    stepFailed(draft, entry, lossError(entry.userId), false, undefined, "entry");
    if (isEnded(draft.run.state)) return;
    if (draft.settled.some((settled) => settled.id === entry.id)) afterSettled(draft, entry);
  }
  if (draft.executing()) return; // a step used up its attempts: the handler is asked at once
  if (!state.discovery) return keepRetry(draft, state.retryAt);
  if (!isOut(draft, null)) return discover(draft);
  releaseCall(draft, null);
  handlerFailed(draft, lossError(null), false, undefined, openEntries);
}

/** A discovery that had failed before the loss still comes again at its time. */
function keepRetry(draft: Draft, at: number | null): void {
  if (at === null) return;
  const state = draft.executing();
  if (state) state.retryAt = at;
  else draft.move({ kind: "scheduled", at, reason: "retry" });
}

function lossError(userId: string | null): WireError {
  const what = userId === null ? "the function" : `step "${userId}"`;
  return {
    name: errorNames.stepLost,
    code: "step_lost",
    message: `${what} stopped without a result, twice in a row: the process or object it ran in died (out of memory, CPU limit, reset or deploy)`,
  };
}
