/** Rules of a step: open, settle, fail, try again. */
import { derivedUlid, runIdOf } from "../protocol/ids.ts";
import { type EventRecord, type EventValue, internalEvents } from "../protocol/event.ts";
import { type JsonObject, byteLength } from "../protocol/json.ts";
import { RUN_STATE_DISK_MAX_BYTES, RUN_STATE_HTTP_MAX_BYTES, STEPS_PER_RUN_MAX } from "../protocol/limits.ts";
import { type WireError, errorNames } from "../protocol/wire-error.ts";
import type { Memo } from "../protocol/call.ts";
import { prepareWait } from "./expression.ts";
import { retryDelayMs } from "./retry.ts";
import { type Entry, type EntryKind, isEnded } from "./run.ts";
import { realTime, runTime } from "./run-clock.ts";
import type { InvokePayload, Op, StepInfo } from "./step-ops.ts";
import type { Draft } from "./decision.ts";
import { failRun } from "./run-end.ts";
import { requestOver } from "./gateway-entry.ts";
import { withLogs } from "./run-logs.ts";
import { waitForSignal } from "./run-signals.ts";

export function reportLocal(draft: Draft, op: Op, entry: Entry | undefined, event: EventValue, retryAt?: number): void {
  if (entry?.status.kind === "settled") {
    draft.stale = true; // first result wins
    return;
  }
  if (op.kind === "done" || op.kind === "error") return ranBody(draft, op, entry, retryAt, "entry");
  if (!("step" in op) || op.kind === "plan" || entry !== undefined) return;
  if (op.kind === "gateway") return; // code in this process makes its requests itself
  openEntry(draft, op, event);
}

/** The body of a step ended: settle it, or plan its next attempt. */
export function ranBody(
  draft: Draft,
  op: Extract<Op, { kind: "done" } | { kind: "error" }>,
  known: Entry | undefined,
  retryAt: number | undefined,
  retryBy: "entry" | "run",
): void {
  const opened = known ? withInput(known, op.step) : open(draft, op.step, "run");
  if (draft.run.state.kind === "failed") return; // `open` ended the run: too many steps
  const entry = withLogs(draft, opened, op.step.logs);
  if (op.kind === "done") return settle(draft, entry, { data: op.data });
  stepFailed(draft, entry, op.error, op.final, retryAt, retryBy, op.step);
}

/** The arguments that its code got: when it was planned or marked it had others, or had not told them. */
function withInput(entry: Entry, { input }: StepInfo): Entry {
  return input === undefined ? entry : { ...entry, input };
}

export function stepFailed(
  draft: Draft,
  entry: Entry,
  error: WireError,
  final: boolean,
  retryAt: number | undefined,
  retryBy: "entry" | "run",
  step?: StepInfo,
): void {
  const policy = step?.retry ?? entry.retry ?? draft.run.retry;
  const delay = final ? null : retryDelayMs(policy, entry.attempt, draft.moment.random);
  const failure = { attempt: entry.attempt, endedAt: draft.now, error };
  const failed: Entry = { ...entry, failures: [...entry.failures, failure], retry: policyOf(entry, step) };
  // out of attempts: the handler gets a StepError, which it may catch
  if (delay === null) return settle(draft, failed, { error: error as JsonObject });
  const at = runTime(draft.run, retryAt ?? draft.now + delay);
  const next: Entry = { ...failed, attempt: entry.attempt + 1 };
  if (retryBy === "entry") {
    draft.write(next, { kind: "retrying", at });
    return;
  }
  const { run } = draft;
  draft.write(next, { kind: "retrying", at: null });
  run.attempt = next.attempt;
  run.attemptAt = run.position;
  const state = draft.executing();
  if (state) state.retryAt = at;
}

function policyOf(entry: Entry, step: StepInfo | undefined): Entry["retry"] {
  return step?.retry ?? entry.retry;
}

export function openEntry(
  draft: Draft,
  op: Extract<Op, { kind: "sleep" } | { kind: "wait" } | { kind: "signal" } | { kind: "invoke" }>,
  event: EventValue,
): Entry | null {
  const entry = open(draft, op.step, op.kind);
  if (isEnded(draft.run.state)) return null;
  switch (op.kind) {
    case "sleep":
      return draft.write(entry, { kind: "sleeping", until: op.until });
    case "wait": {
      const wait = { events: op.events, expression: op.expression, since: op.since };
      const since = op.since === "run" ? draft.run.createdAt : draft.now;
      draft.effects.push({
        kind: "subscribe",
        id: `subscribe/${entry.id}`,
        stepId: entry.id,
        events: op.events,
        wait: prepareWait(op.expression, event),
        since,
        until: realTime(draft.run, op.until),
      });
      return draft.write({ ...entry, wait }, { kind: "registering", until: op.until });
    }
    case "signal":
      return waitForSignal(draft, entry, op);
    case "invoke": {
      draft.effects.push({
        kind: "invoke",
        id: `invoke/${entry.id}`,
        stepId: entry.id,
        functionId: op.functionId,
        record: invokeRecord(draft, entry.id, op.functionId, op.payload),
      });
      return draft.write({ ...entry, invoke: { functionId: op.functionId } }, { kind: "invoking", until: op.until });
    }
  }
}

/** Id of the run that a step invokes, unless its function collects events; undefined for another step. */
export function invokedRunId(
  runId: string,
  entry: Pick<Entry, "id" | "createdAt" | "invoke" | "carriedFrom">,
): string | undefined {
  return entry.invoke && runIdOf(invokedEventId(runId, entry), entry.invoke.functionId);
}

/** Id of the event by which a step invokes its function. */
export function invokedEventId(
  runId: string,
  { id, createdAt, carriedFrom }: Pick<Entry, "id" | "createdAt" | "carriedFrom">,
): string {
  const from = carriedFrom ?? { runId, createdAt };
  return derivedUlid(from.createdAt, `invoke\0${from.runId}\0${id}`);
}

function invokeRecord(draft: Draft, stepId: string, functionId: string, payload: InvokePayload): EventRecord {
  const { run, now } = draft;
  const internalId = invokedEventId(run.id, { id: stepId, createdAt: now });
  const origin = {
    fn_id: functionId,
    correlation_id: `${run.id}.${stepId}`,
    source_app_id: run.appId,
    source_fn_id: run.functionId,
  };
  return {
    internalId,
    event: {
      id: internalId,
      name: internalEvents.invoked,
      data: { ...payload.data, _inngest: origin },
      user: payload.user ?? {},
      ts: now,
      ...(payload.v === undefined ? {} : { v: payload.v }),
      ...(payload.meta === undefined ? {} : { meta: payload.meta }),
    },
  };
}

/** A new journal entry, not yet written. The step that is one too many ends the run. */
export function open(draft: Draft, step: StepInfo, kind: EntryKind): Entry {
  const { run } = draft;
  run.steps += 1;
  if (run.steps > STEPS_PER_RUN_MAX)
    failRun(draft, {
      name: errorNames.functionOverflowed,
      code: "steps_exceeded",
      message: `the run reported step ${run.steps} ("${step.userId}"); a run has at most ${STEPS_PER_RUN_MAX} steps`,
    });
  return {
    id: step.id,
    userId: step.userId,
    kind,
    type: step.type,
    name: step.name,
    position: 0,
    opened: run.position + 1,
    status: { kind: "planned" },
    attempt: 0,
    failures: [],
    retry: step.retry,
    input: step.input,
    version: run.functionVersion,
    createdAt: draft.now,
    race: step.race,
  };
}

/** Stores the result of a step for good (G2). */
export function settle(draft: Draft, entry: Entry, memo: Memo): void {
  const { run } = draft;
  const isSent = run.http !== undefined || run.binding !== undefined; // to whoever replays it
  const bound = isSent ? RUN_STATE_HTTP_MAX_BYTES : RUN_STATE_DISK_MAX_BYTES;
  run.bytes += byteLength(JSON.stringify(memo));
  draft.settled.push(draft.write(requestOver(draft, entry), { kind: "settled", memo, at: draft.now }));
  if (run.bytes > bound)
    failRun(draft, {
      name: errorNames.stateOverflowed,
      code: "state_exceeded",
      message: `the run's steps hold ${run.bytes} bytes; the bound is ${bound}; return references instead of large values`,
    });
}
