/** Runs: the list, one of them with its trace, and what can be done with it. */
import type { Json, WireError } from "./json.ts";
import { path, query, request, type Sent } from "./request.ts";

export const WIRE_STATUSES = ["QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "SKIPPED"] as const;
export type WireStatus = (typeof WIRE_STATUSES)[number];

/** A run as lists have it. */
export interface RunRow {
  run_id: string;
  function_slug: string;
  app_id: string;
  event_id: string;
  event_name: string;
  cron?: string;
  batch_size?: number;
  status: Run["status"];
  queued_at: string;
  started_at: string | null;
  ended_at: string | null;
  /** what it waits for first, and until when */
  waiting_for: { kind: string; until: string | null } | null;
}

export interface RunFilter {
  status?: string;
  app?: string;
  /** of the app's own name for it: needs `app` */
  fn?: string;
  from?: string;
  /** CEL over event and output */
  if?: string;
}

export interface RunPage {
  runs: RunRow[];
  cursor: string | null;
  /** how far back it has looked; null: to the end */
  lookedUntil: string | null;
}

interface ListAnswer {
  data: RunRow[];
  page: { cursor: string | null; looked_until: string | null; total?: number; total_is_exact?: boolean };
}

export async function listRuns(filter: RunFilter, cursor: string | null, limit: number, sent?: Sent): Promise<RunPage> {
  const asked = query({ ...asQuery(filter), if: filter.if, limit, cursor: cursor ?? undefined });
  const { data, page } = await request<ListAnswer>(`/v1/runs${asked}`, sent);
  return { runs: data, cursor: page.cursor, lookedUntil: page.looked_until };
}

export interface RunTotal {
  total: number;
  /** false: there are more */
  isExact: boolean;
}

/** How many runs a list has that is not narrowed by an expression. */
export async function countRuns(filter: RunFilter, sent?: Sent): Promise<RunTotal> {
  const { page } = await request<ListAnswer>(`/v1/runs${query({ ...asQuery(filter), limit: 1, total: "true" })}`, sent);
  return { total: page.total ?? 0, isExact: page.total_is_exact ?? false };
}

function asQuery({ status, app, fn, from }: RunFilter) {
  return { status, app_id: app, function_id: app === undefined ? undefined : fn, from };
}

export interface FailedAttempt {
  attempt: number;
  ended_at: string;
  error: WireError;
}

export interface Step {
  /** as the app's code names it */
  id: string;
  hash: string;
  name: string;
  kind: "run" | "sleep" | "wait" | "signal" | "invoke";
  type: string;
  status: string;
  position: number;
  attempt: number;
  failures: FailedAttempt[];
  input: Json;
  output: Json;
  output_omitted_bytes?: number;
  error: WireError | null;
  /** of the run that it has invoked */
  child_run_id: string | null;
  created_at: string;
  ended_at: string | null;
  until: string | null;
  /** somebody has resolved or woken it */
  by_hand: boolean;
  /** the run that its result is from, which its own repeats */
  carried_from: string | null;
  /** how many lines its code has logged, in all its attempts */
  logs: { lines: number; dropped: number };
}

/** Why a run is not done: one of several. */
export interface Reason {
  kind: string;
  step?: string;
  on?: Json;
  since?: string;
  earliest_at?: string;
  until?: string;
  error?: WireError;
}

export interface Run {
  run_id: string;
  run_started_at: string;
  queued_at: string;
  started_at: string | null;
  event_ids: string[];
  /** of the run that has invoked it */
  parent_run_id: string | null;
  function_slug: string;
  function_version: number;
  app_id: string;
  event_id: string;
  event_name: string;
  cron?: string;
  status: "Scheduled" | "Running" | "Completed" | "Failed" | "Cancelled" | "Skipped";
  ended_at: string | null;
  output: Json;
  attempt: number;
  error: WireError | null;
  last_error: WireError | null;
  cancel_reason: string | null;
  skip_reason: string | null;
  skipped_by_run_id: string | null;
  clock_offset_ms: number;
  paused_at: string | null;
  rerun_of: { run_id: string; from_step: { id: string; hash: string } | null } | null;
  warnings: Json[];
  /** what is kept of what its code has logged */
  logs: { bytes: number; dropped: number };
  waiting_for: Reason[];
  steps: Step[];
}

export interface Span {
  id: string;
  name: string;
  status: string;
  stepOp?: string;
  stepId?: string;
  queuedAt: string;
  startedAt?: string;
  endedAt?: string;
  children: Span[];
}

/** Everything that the run's page shows. */
export interface RunDetail {
  run: Run;
  trace: Span;
}

/** A span as the API has it. */
interface TraceSpan {
  id: string;
  name: string;
  status: string;
  step_op: string | null;
  step_hash: string | null;
  queued_at: string;
  started_at: string | null;
  ended_at: string | null;
  children: TraceSpan[];
}

/** All that the page of a run shows, in one request. */
export async function readRun(id: string, sent?: Sent): Promise<RunDetail> {
  const { data } = await request<{ data: Run & { trace: TraceSpan } }>(path`/v1/runs/${id}` + "?include=trace", sent);
  const { trace, ...run } = data;
  return { run, trace: spanOf(trace) };
}

function spanOf(span: TraceSpan): Span {
  return {
    id: span.id,
    name: span.name,
    status: span.status,
    ...(span.step_op === null ? {} : { stepOp: span.step_op }),
    ...(span.step_hash === null ? {} : { stepId: span.step_hash }),
    queuedAt: span.queued_at,
    ...(span.started_at === null ? {} : { startedAt: span.started_at }),
    ...(span.ended_at === null ? {} : { endedAt: span.ended_at }),
    children: span.children.map(spanOf),
  };
}

/** A step with its whole output, however large. */
export async function readStep(id: string, hash: string, sent?: Sent): Promise<Step> {
  return (await request<{ data: Step }>(path`/v1/runs/${id}/steps/${hash}`, sent)).data;
}

/** Where a run is to be had as one document. */
export function exportPath(id: string): string {
  return path`/v1/runs/${id}/export`;
}

export async function cancelRun(id: string, isWithChildren: boolean): Promise<void> {
  await request(path`/v1/runs/${id}` + query({ cascade: isWithChildren ? "true" : undefined }), { method: "DELETE" });
}

/** @returns the id of the new run */
export async function rerun(id: string): Promise<string> {
  const { data } = await request<{ data: { runId: string } }>(path`/v2/runs/${id}/rerun`, { method: "POST", body: {} });
  return data.runId;
}

/** Ends the sleep of a step now. */
export async function wakeStep(id: string, step: string): Promise<void> {
  await request(path`/v1/runs/${id}/wake`, { method: "POST", body: { step } });
}
