/** Rules of runs that end before their code does: cancelled, timed out, or never let in. */
import type { EventValue } from "../protocol/event.ts";
import type { CancelTrigger } from "../protocol/flow-control.ts";
import type { Draft } from "./decision.ts";
import { prepareWait } from "./expression.ts";
import type { Refusal } from "./lease.ts";
import { cancelId, type Entry } from "./run.ts";
import { end } from "./run-end.ts";
import { invokedRunId } from "./run-steps.ts";

/** How long a cancel event counts that names no other time (features §3.10). */
const CANCEL_MAX_MS = 365 * 86_400_000;
/** How long a callee that is not there yet is asked to end: its event may be on its way. */
const CALLEE_START_MS = 120_000;

/** any → cancelled */
export function cancel(draft: Draft, reason: string, cascade: boolean, openEntries: Entry[]): void {
  draft.run.epoch += 1;
  end(draft, { kind: "cancelled", endedAt: draft.now, reason }, openEntries);
  if (cascade) for (const entry of openEntries) cancelCallee(draft, entry);
}

function cancelCallee(draft: Draft, entry: Entry): void {
  const { run, now } = draft;
  const runId = invokedRunId(run.id, entry);
  if (entry.status.kind !== "invoking" || runId === undefined) return;
  draft.effects.push({
    kind: "cancel-callee",
    id: `cancel-callee/${entry.id}`,
    runId,
    reason: `run ${run.id}, which invoked it, was cancelled`,
    until: now + CALLEE_START_MS,
  });
}

/** `timeouts.start` or `timeouts.finish` is over: both cancel (features §3.11). */
export function timedOut(draft: Draft, openEntries: Entry[]): void {
  const { run } = draft;
  const { startMs, finishMs } = run.timeouts ?? { startMs: null, finishMs: null };
  const [option, boundMs, what] =
    run.startedAt === undefined ? ["start", startMs, "did not start"] : ["finish", finishMs, "did not end"];
  cancel(draft, `timeouts.${option}: the run ${what} within ${boundMs} ms`, false, openEntries);
}

/** A gate lets this run in neither now nor later. */
export function refused(draft: Draft, seq: number, refusal: Refusal, openEntries: Entry[]): void {
  const lease = draft.lease(seq);
  if (!lease || lease.status === "held" || lease.status === "releasing") {
    draft.stale = true;
    return;
  }
  if (refusal.as === "skipped") return end(draft, { kind: "skipped", endedAt: draft.now, refusal }, openEntries);
  const by = refusal.byRunId === null ? "" : ` by run ${refusal.byRunId}`;
  cancel(draft, `${refusal.rule}: replaced${by}`, false, openEntries);
}

/** Until when an event cancels a run, in real time. */
export function cancelsUntil({ until, timeoutMs }: CancelTrigger, createdAt: number): number {
  return until ?? createdAt + (timeoutMs ?? CANCEL_MAX_MS);
}

/** The subscriptions of a new run's cancel events. */
export function watchCancels(draft: Draft, event: EventValue): void {
  const { cancelOn, createdAt } = draft.run;
  for (const [index, trigger] of (cancelOn?.triggers ?? []).entries())
    draft.effects.push({
      kind: "subscribe",
      id: `subscribe/${cancelId(index)}`,
      stepId: cancelId(index),
      events: [trigger.event],
      wait: prepareWait(trigger.expression, event),
      since: cancelOn?.received.at ?? createdAt,
      until: cancelsUntil(trigger, createdAt),
    });
}
