import type { RunIndexRow, RunSummary } from "../durable-objects/objects.ts";
import { entryDueAt, isEnded, runStatus, type Entry, type Run } from "../engine/run.ts";
import { realTime } from "../engine/run-clock.ts";
import { invokedRunId } from "../engine/run-steps.ts";
import { internalEvents, type EventRecord } from "../protocol/event.ts";
import { uuidOf } from "../protocol/ids.ts";
import { byteLength, type JsonObject, type JsonValue } from "../protocol/json.ts";
import type { Annotation } from "../protocol/metadata.ts";
import type { WireError } from "../protocol/wire-error.ts";
import { iso } from "./iso.ts";
import type { Place } from "./run-places.ts";

/** A run in a list (inngest-protocol §10.3). */
export function runListView({ run, events }: RunSummary) {
  const { state } = run;
  return {
    run_id: run.id,
    run_started_at: iso(run.startedAt ?? run.createdAt),
    function_id: uuidOf(run.functionId),
    function_slug: run.functionId,
    function_version: run.functionVersion,
    app_id: run.appId,
    environment_id: uuidOf(run.env),
    event_id: run.eventIds[0] ?? "",
    event_name: events[0]?.event.name ?? run.eventName,
    ...(run.eventIds.length > 1 ? { batch_id: run.id } : {}),
    ...cronOf(events[0]),
    status: runStatus(run),
    ended_at: isEnded(state) ? iso(state.endedAt) : null,
    output: state.kind === "completed" ? state.output : state.kind === "failed" ? state.error : null,
  };
}

/** The schedule that has started a run. */
function cronOf(record: EventRecord | undefined): { cron?: JsonValue } {
  return record?.event.name === internalEvents.scheduledTimer ? { cron: record.event.data.cron } : {};
}

/** A run of which only the index row is left. */
export function indexRowView(row: RunIndexRow) {
  return {
    run_id: row.runId,
    run_started_at: iso(row.startedAt ?? row.createdAt),
    function_id: uuidOf(row.functionId),
    function_slug: row.functionId,
    app_id: row.appId,
    event_id: row.eventId,
    event_name: row.eventName,
    status: row.status,
    ended_at: row.endedAt === null ? null : iso(row.endedAt),
    output: null,
  };
}

/**
 * A run in a list of runs, as its index row tells. What it waits for is what it came to rest with: once the time of that is
 * over nothing is said.
 */
export function runRowView(row: RunIndexRow, now: number) {
  const { startedAt, endedAt, waiting } = row;
  const isWaiting = endedAt === null && waiting !== undefined && (waiting.until === null || waiting.until > now);
  return {
    run_id: row.runId,
    function_id: uuidOf(row.functionId),
    function_slug: row.functionId,
    app_id: row.appId,
    event_id: row.eventId,
    event_name: row.eventName,
    ...(row.cron === undefined ? {} : { cron: row.cron }),
    ...(row.batch === undefined ? {} : { batch_size: row.batch }),
    status: row.status,
    queued_at: iso(row.createdAt),
    started_at: iso(startedAt),
    ended_at: iso(endedAt),
    waiting_for: isWaiting ? { kind: waiting.kind, until: iso(waiting.until) } : null,
  };
}

/** A run with its whole journal. */
export interface RunView extends RunSummary {
  entries: Entry[];
  /** where it stands in lines, as far as that was asked */
  places?: Place[];
  /** what people were told of it and its steps */
  annotations?: Annotation[];
}

/** Outputs in one answer; the rest are told by their size. */
const OUTPUTS_MAX_BYTES = 16 * 1024 * 1024;

/** A run with its steps and what it waits for, until when (G5): deadlines are told as the instants at which they really come. */
export function runView(view: RunView) {
  return { ...runFields(view), waiting_for: waitingFor(view), steps: stepViews(view) };
}

/** What is known of a run beside its steps. */
export function runFields(view: Omit<RunView, "entries">) {
  const [invoker] = view.run.invokers ?? [];
  return {
    ...runListView(view),
    queued_at: iso(view.run.createdAt),
    started_at: iso(view.run.startedAt ?? null),
    event_ids: view.run.eventIds,
    parent_run_id: invoker?.runId ?? null,
    parent_step_hash: invoker?.stepId ?? null,
    attempt: view.run.attempt,
    error: view.run.state.kind === "failed" ? view.run.state.error : null,
    last_error: view.run.lastError ?? null,
    cancel_reason: view.run.state.kind === "cancelled" ? view.run.state.reason : null,
    skip_reason: view.run.state.kind === "skipped" ? view.run.state.refusal.rule : null,
    skipped_by_run_id: view.run.state.kind === "skipped" ? view.run.state.refusal.byRunId : null,
    clock_offset_ms: view.run.offsetMs ?? 0,
    paused_at: isEnded(view.run.state) ? null : iso(view.run.paused?.at ?? null),
    rerun_of: rerunView(view.run),
    warnings: view.run.warnings ?? [],
    logs: { bytes: view.run.logs?.bytes ?? 0, dropped: view.run.logs?.dropped ?? 0 },
    deferred: (view.run.defers ?? []).map(({ id, isAborted = false }) => ({ hash: id, aborted: isAborted })),
    metadata: metadataView(view.annotations, null),
  };
}

/** The run that a run repeats, and the step that it begins with. */
export function rerunView({ rerunOf }: Run) {
  if (!rerunOf) return null;
  const { runId, step } = rerunOf;
  if (!step) return { run_id: runId, from_step: null };
  const { id, userId, carried, isEdited = false } = step;
  return { run_id: runId, from_step: { id: userId, hash: id, is_edited: isEdited, carried_steps: carried } };
}

/** What people were told of a run itself, or of one step. */
function metadataView(annotations: readonly Annotation[] = [], step: string | null) {
  return annotations
    .filter(({ target }) => target.step === step)
    .map(({ kind, values, target: { attempt, span }, updatedAt }) => ({
      kind,
      values,
      ...(attempt === null ? {} : { attempt }),
      ...(span === null ? {} : { span_id: span }),
      updated_at: iso(updatedAt),
    }));
}

/** A step with all that there is of it. */
export function wholeStepView({ run, annotations }: Omit<RunView, "entries">, entry: Entry) {
  return { ...stepView(run, entry), metadata: metadataView(annotations, entry.id) };
}

function stepViews(view: RunView) {
  let bytes = 0;
  return view.entries.map((entry) => {
    const step = wholeStepView(view, entry);
    const size = byteLength(JSON.stringify(step.output));
    bytes += size;
    return bytes <= OUTPUTS_MAX_BYTES ? step : { ...step, output: null, output_omitted_bytes: size };
  });
}

/** A step with what it has come to. */
export function stepView(run: Run, entry: Entry) {
  const { status } = entry;
  const memo = status.kind === "settled" ? resultOf(entry.kind, status.memo) : { output: null, error: null };
  const dueAt = entryDueAt(entry);
  return {
    id: entry.userId,
    hash: entry.id,
    name: entry.name ?? entry.userId,
    kind: entry.kind,
    type: entry.type,
    status: status.kind === "settled" ? (memo.error ? "failed" : "completed") : status.kind,
    position: entry.position,
    attempt: entry.attempt,
    failures: entry.failures.map(({ attempt, endedAt, error }) => ({ attempt, ended_at: iso(endedAt), error })),
    input: entry.input ?? null,
    output: memo.output,
    error: memo.error,
    on: waitedFor(entry) ?? null,
    child_run_id: invokedRunId(run.id, entry) ?? null,
    found_event_id: entry.wait && status.kind === "settled" ? idOf(status.memo) : null,
    created_at: iso(entry.createdAt),
    started_at: status.kind === "planned" ? null : iso(entry.startedAt ?? entry.createdAt),
    ended_at: status.kind === "settled" ? iso(status.at) : null,
    until: dueAt === null ? null : iso(realTime(run, dueAt)),
    function_version: entry.version,
    by_hand: entry.byHand ?? false,
    carried_from: entry.carriedFrom?.runId ?? null,
    logs: entry.logs ?? { lines: 0, dropped: 0 },
  };
}

/** Of the event that a wait was given. */
function idOf(memo: JsonValue): string | null {
  const isEvent = typeof memo === "object" && memo !== null && !Array.isArray(memo);
  return isEvent && typeof memo.id === "string" ? memo.id : null;
}

/** Memos of steps are wrapped, those of sleeps and waits are the value itself (inngest-protocol §3.6). */
export function resultOf(kind: Entry["kind"], memo: JsonValue): { output: JsonValue; error: WireError | null } {
  if (typeof memo === "object" && memo !== null && !Array.isArray(memo)) {
    const keys = Object.keys(memo);
    if (keys.length === 1 && memo.error !== undefined)
      return { output: null, error: memo.error as unknown as WireError };
    if (keys.length === 1 && memo.data !== undefined && kind !== "wait") return { output: memo.data, error: null };
  }
  return { output: memo, error: null };
}

/** What a run has in hand, as Inngest's queue would list it (inngest-protocol §10.3): its next call, and its open steps. */
export function jobViews(view: RunView) {
  const { run, entries } = view;
  const { state } = run;
  if (isEnded(state)) return [];
  const own =
    state.kind === "executing" || state.kind === "scheduled" || state.kind === "queued"
      ? [
          job(
            "run",
            state.kind === "scheduled" ? "scheduled" : "start",
            state.kind === "scheduled" ? realTime(run, state.at) : null,
            run.attempt,
          ),
        ]
      : [];
  const steps = entries.flatMap((entry) => {
    if (entry.status.kind === "settled") return [];
    const until = entryDueAt(entry);
    return [job(entry.id, entry.status.kind, until === null ? null : realTime(run, until), entry.attempt)];
  });
  return [...own, ...steps];

  function job(of: string, kind: string, at: number | null, attempt: number) {
    return { JobID: `${run.id}-${of}`, at: iso(at ?? run.createdAt), position: 0, kind, attempt, Raw: null };
  }
}

/** Holders that are named: the count tells the rest. */
const HOLDERS_MAX = 10;

interface Reason {
  kind: string;
  step?: string;
  on?: JsonValue;
  since?: string;
  earliest_at?: string;
  until?: string;
  error?: WireError;
}

/** Why a run is not done, each reason with a name and a time. Empty once it has ended. */
export function waitingFor({ run, entries, places = [] }: RunView) {
  const { state } = run;
  if (isEnded(state)) return [];
  const reasons: Reason[] = [];
  if (run.paused) reasons.push({ kind: "paused", since: iso(run.paused.at) });
  if (state.kind === "executing") reasons.push({ kind: "executing", since: iso(state.since) });
  if (state.kind === "scheduled" && !(run.paused && state.reason === "yield"))
    reasons.push({ kind: state.reason, until: iso(realTime(run, state.at)), error: run.lastError });
  for (const place of places) reasons.push(placeReason(run, place));
  for (const entry of entries) {
    const { status } = entry;
    if (status.kind === "settled") continue;
    const until = entryDueAt(entry);
    reasons.push({
      kind: entry.signal ? "signal" : status.kind,
      step: entry.userId,
      on: waitedFor(entry),
      until: until === null ? undefined : iso(realTime(run, until)),
      error: entry.failures.at(-1)?.error,
    });
  }
  return reasons;
}

/** A place in a line: of which rule and key, behind how many, who is in, and when it may end at the earliest. */
function placeReason(run: Run, { lease, gate, place }: Place) {
  const on: JsonObject = { rule: gate.policy.rule, key: gate.key };
  if (place) {
    const { place: number, held, waiting, holders, policy } = place;
    Object.assign(on, {
      place: number,
      waiting,
      held,
      holders: holders.map(({ runId }) => runId).slice(0, HOLDERS_MAX),
    });
    if (policy && "limit" in policy) on.limit = policy.limit;
  }
  const at = place?.earliestAt ?? null;
  const timeoutAt = run.startedAt === undefined && run.cancelAt !== undefined ? realTime(run, run.cancelAt) : null;
  return {
    kind: "line",
    on,
    since: iso(lease.since),
    earliest_at: at === null ? undefined : iso(at),
    until: timeoutAt === null ? undefined : iso(timeoutAt),
  };
}

function waitedFor({ wait, signal, invoke }: Entry): JsonValue | undefined {
  if (signal) return { signal: signal.name };
  if (wait) return { events: wait.events, if: wait.expression };
  return invoke && { function: invoke.functionId };
}
