/**
 * The rules of a run, as pure decisions: header, input and time in; header, journal entries, effects and calls out.
 * This is the only place where a status changes.
 *
 * Invariants (design §5):
 * 1. A settled entry never changes (G2); a second result of its step is ignored.
 * 2. An ended run never changes; a call counts only in the epoch it was made in, while it is outstanding (G4).
 * 3. A run that is neither executing nor ended has a time in its state or at least one open entry (G5).
 * 4. Whatever must happen outside is an effect of the same decision (G6), or follows from the header of an ended run
 *    (`endEffects`).
 *
 * Over `local` one activation executes the handler and reports as it goes. Over `http` the handler is replayed by
 * discovery calls and planned steps are called one by one; `http.pending` counts the steps that the next discovery
 * waits for (inngest-protocol §3.7).
 */
import type { EventValue } from "../protocol/event.ts";
import type { Lease } from "./lease.ts";
import { type Run, isEnded } from "./run.ts";
import { type Decision, Draft, type Moment } from "./decision.ts";
import { open, reportLocal } from "./run-steps.ts";
import { cancel, refused, timedOut, watchCancels } from "./run-cancel.ts";
import { complete, handlerFailed } from "./run-end.ts";
import { admitted, keepKind, lined, makeRoom, releaseActivation } from "./run-leases.ts";
import { begin, checkpointed, replied } from "./run-calls.ts";
import { answer, due, subscribed, wake } from "./run-answers.ts";
import { runTime } from "./run-clock.ts";
import { awaitEndpoint, endpointTold } from "./run-endpoints.ts";
import { pause, resume } from "./run-pause.ts";
import { resolveByHand } from "./run-resolve.ts";
import { keepLogsAround } from "./run-logs.ts";
import { conflicted } from "./run-signals.ts";
import { lost } from "./run-loss.ts";
import type { Input } from "./run-input.ts";

export { attemptOf, type Call, type Decision, type Moment } from "./decision.ts";
export { endEffects } from "./run-end.ts";
export type { Input, Reply } from "./run-input.ts";

/**
 * Applies one input to a run. The given run is not changed; entries in the decision are new objects.
 *
 * @param leases all that the run has or asks for
 */
export function apply(run: Run, input: Input, moment: Moment, leases: readonly Lease[] = []): Decision {
  const draft = new Draft(run, moment, leases);
  if (isEnded(run.state)) draft.stale = true;
  else {
    keepLogsAround(draft, input);
    decide(draft, input);
  }
  keepKind(draft);
  return draft;
}

/** The first decision about a new run: it begins, now or at the time of its event, unless its function is paused. */
export function create(run: Run, { at, event, isSkipped }: NewRun, moment: Moment): Decision {
  const draft = new Draft(run, moment);
  if (isSkipped) {
    // created → skipped
    draft.move({ kind: "skipped", endedAt: draft.now, refusal: { rule: "pause", as: "skipped", byRunId: null } });
    return draft;
  }
  watchCancels(draft, event);
  if (run.endpoint) awaitEndpoint(draft);
  else if (at > draft.now) draft.move({ kind: "scheduled", at, reason: "start" });
  else begin(draft);
  keepKind(draft);
  return draft;
}

/** What a new run is told of how it came about. */
export interface NewRun {
  /** when it begins */
  at: number;
  event: EventValue;
  isSkipped: boolean;
}

function decide(draft: Draft, input: Input): void {
  switch (input.kind) {
    case "begin":
      return begin(draft);
    case "op":
      return reportLocal(draft, input.op, input.entry, input.event, input.retryAt);
    case "mark":
      if (input.entry?.status.kind === "settled") draft.stale = true;
      else draft.write(input.entry ?? open(draft, input.step, "run"), { kind: "running" });
      return;
    case "returned":
      return complete(draft, input.data, input.open);
    case "threw":
      return handlerFailed(draft, input.error, input.final, input.retryAt, input.open);
    case "idle":
      // executing → blocked: every branch waits for an open entry
      draft.run.losses = 0;
      releaseActivation(draft);
      return draft.move({ kind: "blocked" });
    case "yield":
      draft.run.losses = 0;
      if (draft.run.paused) releaseActivation(draft); // it may be long until it goes on
      return draft.move({ kind: "scheduled", at: runTime(draft.run, draft.now), reason: "yield" });
    case "reply":
      return replied(draft, input);
    case "checkpoint":
      return checkpointed(draft, input);
    case "endpoint":
      return endpointTold(draft, input);
    case "due":
      return due(draft, input.entry);
    case "answer":
      return answer(draft, input.entry, input.memo, input.found ?? false);
    case "subscribed":
      return subscribed(draft, input.entry);
    case "conflicted":
      return conflicted(draft, input.entry, input.open);
    case "lost":
      return lost(draft, input.marked, input.planned, input.open);
    case "wake":
      return wake(draft, input.entry);
    case "pause":
      return pause(draft, input.planned);
    case "resume":
      return resume(draft, input.planned);
    case "resolve":
      return resolveByHand(draft, input.entry, input.resolution);
    case "advance":
      draft.run.offsetMs = (draft.run.offsetMs ?? 0) + input.byMs;
      draft.saveRun = true;
      return;
    case "cancel":
      return cancel(draft, input.reason, input.cascade ?? false, input.open);
    case "timed-out":
      return timedOut(draft, input.open);
    case "admitted":
      return admitted(draft, input.seq, input.object);
    case "lined":
      return lined(draft, input.seq, input.object);
    case "refused":
      return refused(draft, input.seq, input.refusal, input.open);
    case "room":
      return makeRoom(draft, input.bodies);
  }
}
