/** Rules of a run's end, and what an ended run owes the outside. */
import { internalEvents } from "../protocol/event.ts";
import { type JsonObject, type JsonValue, byteLength } from "../protocol/json.ts";
import { RUN_OUTPUT_MAX_BYTES } from "../protocol/limits.ts";
import { type WireError, skippedError } from "../protocol/wire-error.ts";
import type { Memo } from "../protocol/call.ts";
import { retryDelayMs } from "./retry.ts";
import { type EndEffect, type Effect, type Entry, type Run, cancelId, isEnded } from "./run.ts";
import { type Draft, attemptOf } from "./decision.ts";
import { runTime } from "./run-clock.ts";
import { deferredBy } from "./run-defers.ts";
import { releaseActivation, releaseAll } from "./run-leases.ts";

export function complete(draft: Draft, output: JsonValue, openEntries: Entry[]): void {
  const size = byteLength(JSON.stringify(output));
  if (size > RUN_OUTPUT_MAX_BYTES) {
    const message = `the function's result of ${size} bytes is over the bound of ${RUN_OUTPUT_MAX_BYTES}; store it elsewhere and return a reference`;
    return failRun(draft, { name: "RangeError", code: "output_too_large", message }, openEntries);
  }
  // executing → completed
  end(draft, { kind: "completed", endedAt: draft.now, output }, openEntries);
}

/** The handler threw: another attempt of the whole function, or its end. */
export function handlerFailed(
  draft: Draft,
  error: WireError,
  final: boolean,
  retryAt: number | undefined,
  openEntries: Entry[],
): void {
  const { run } = draft;
  const attempt = attemptOf(run);
  const delay = final ? null : retryDelayMs(run.retry, attempt, draft.moment.random);
  if (delay === null) return failRun(draft, error, openEntries);
  const at = runTime(run, retryAt ?? draft.now + delay);
  run.attempt = attempt + 1;
  run.attemptAt = run.position;
  run.lastError = error;
  const state = draft.executing();
  // executing → scheduled, unless calls to single steps are still outstanding
  if (run.http && state && (state.targeted > 0 || state.discovery)) {
    state.retryAt = at;
    state.again = false; // the retry tells of what settled meanwhile
  } else {
    draft.move({ kind: "scheduled", at, reason: "retry" });
    releaseActivation(draft);
  }
  draft.saveRun = true;
}

export function failRun(draft: Draft, error: WireError, openEntries: Entry[] = []): void {
  // executing → failed
  end(draft, { kind: "failed", endedAt: draft.now, error }, openEntries);
}

export function end(draft: Draft, state: Run["state"], openEntries: Entry[]): void {
  draft.move(state);
  draft.calls = [];
  draft.activate = false;
  releaseAll(draft);
  for (const entry of openEntries)
    if (entry.status.kind === "waiting" || entry.status.kind === "registering") draft.effects.push(unsubscribe(entry));
  for (const [index, { event }] of (draft.run.cancelOn?.triggers ?? []).entries())
    draft.effects.push({
      kind: "unsubscribe",
      id: `unsubscribe/${cancelId(index)}`,
      stepId: cancelId(index),
      events: [event],
    });
}

export function unsubscribe(entry: Entry): Effect {
  if (entry.signal)
    return { kind: "unsubscribe-signal", id: `unsubscribe/${entry.id}`, stepId: entry.id, signal: entry.signal.name };
  return { kind: "unsubscribe", id: `unsubscribe/${entry.id}`, stepId: entry.id, events: entry.wait?.events ?? [] };
}

/**
 * What an ended run owes the outside: its invoker first, then whoever listens. They follow from the header, so they need
 * no rows of their own: a run that ended and has not cleared its alarm performs them (again).
 */
export function endEffects(run: Run): EndEffect[] {
  const { state, invokers = [] } = run;
  if (!isEnded(state)) return [];
  const effects = invokers.map((invoker): EndEffect => ({ kind: "resume", invoker, memo: memoOf(run) }));
  const deferred = state.kind === "skipped" ? [] : deferredBy(run);
  if (deferred.length > 0) effects.push({ kind: "start-deferred", ids: deferred, at: state.endedAt });
  const names = announced(run);
  if (names.length > 0) effects.push({ kind: "announce", names, data: outcomeData(run), at: state.endedAt });
  return effects;
}

/** What the step that invoked this run gets. */
function memoOf({ state, functionId, id }: Run): Memo {
  switch (state.kind) {
    case "completed":
      return { data: state.output };
    case "failed":
      return { error: state.error as JsonObject };
    case "skipped":
      return { error: skippedError(functionId, state.refusal.rule) as JsonObject };
    default:
      return {
        error: { name: "FunctionCancelledError", message: `run ${id} of function "${functionId}" was cancelled` },
      };
  }
}

/** Events that tell of this end. Runs that such an event started tell nothing, or they would loop (inngest-protocol §1.6). */
function announced(run: Run): string[] {
  if (run.state.kind === "skipped") return []; // it never was under way (features §6)
  if (run.eventName === internalEvents.failed || run.eventName === internalEvents.finished) return [];
  if (run.state.kind === "failed") return [internalEvents.finished, internalEvents.failed];
  if (run.state.kind === "cancelled") return [internalEvents.finished, internalEvents.cancelled];
  return [internalEvents.finished];
}

/** `data` of the events that tell of a run's end, without its trigger events, which the run's object adds. */
function outcomeData(run: Run): JsonObject {
  const base = { function_id: run.functionId, run_id: run.id };
  if (run.state.kind === "completed") return { ...base, result: run.state.output, _inngest: { status: "Completed" } };
  if (run.state.kind === "failed")
    return { ...base, error: run.state.error as JsonObject, _inngest: { status: "Failed" } };
  return { ...base, _inngest: { status: "Cancelled" } };
}
