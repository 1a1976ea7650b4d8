/** Runs: the list and the trace of v2, the run itself of v1. */
import type { Json, WireError } from "./json.ts";
import { path, query, request, type Sent } from "./request.ts";

export const WIRE_STATUSES = ["QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "SKIPPED"] as const;
export type WireStatus = (typeof WIRE_STATUSES)[number];

/** A run as lists have it; what is not known is left out. */
export interface RunRow {
  id: string;
  function: { id: string; name: string; app: { id: string } };
  app: { id: string };
  status: WireStatus;
  queuedAt: string;
  startedAt?: string;
  endedAt?: string;
  durationMs?: string;
  trigger: { eventIds: string[]; eventName?: string; isBatch?: boolean; batchId?: string; cronSchedule?: string };
}

export interface RunFilter {
  status?: string;
  app?: string;
  /** of the app's own name for it: needs `app` */
  fn?: string;
  from?: string;
  until?: string;
}

export interface RunPage {
  runs: RunRow[];
  cursor: string | null;
}

export async function listRuns(filter: RunFilter, cursor: string | null, limit: number, sent?: Sent): Promise<RunPage> {
  const { status, app, fn, from, until } = filter;
  const asked = query({
    status,
    appId: app,
    functionId: app === undefined ? undefined : fn,
    from,
    until,
    limit,
    cursor: cursor ?? undefined,
  });
  const { data, page } = await request<{ data: RunRow[]; page: { cursor?: string } }>(`/v2/runs${asked}`, sent);
  return { runs: data, cursor: page.cursor ?? null };
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
  created_at: string;
  ended_at: string | null;
  until: string | null;
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
  warnings: Json[];
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
  row: RunRow;
  trace: Span;
  /** step hash → the run that it has invoked */
  children: Record<string, string>;
}

export async function readRun(id: string, sent?: Sent): Promise<RunDetail> {
  const [run, row, trace] = await Promise.all([
    request<{ data: Run }>(path`/v1/runs/${id}`, sent),
    request<{ data: RunRow }>(path`/v2/runs/${id}`, sent),
    request<{ data: { rootSpan: Span } }>(path`/v2/runs/${id}/trace`, sent),
  ]);
  const hasChildren = run.data.steps.some((step) => step.kind === "invoke");
  const children = hasChildren ? await readChildren(id, sent) : {};
  return { run: run.data, row: row.data, trace: trace.data.rootSpan, children };
}

const CHILDREN = `query Children($id: String!) {
  runTrace(runID: $id) { childrenSpans { stepID stepInfo { __typename ... on InvokeStepInfo { runID } } } }
}`;

interface ChildrenAnswer {
  data?: { runTrace: { childrenSpans: { stepID: string | null; stepInfo: { runID?: string | null } | null }[] } };
}

/** REST does not say yet which run a step has invoked. */
async function readChildren(id: string, sent?: Sent): Promise<Record<string, string>> {
  const answer = await request<ChildrenAnswer>("/v0/gql", {
    ...sent,
    method: "POST",
    body: { query: CHILDREN, variables: { id } },
  });
  const spans = answer.data?.runTrace.childrenSpans ?? [];
  return Object.fromEntries(
    spans.flatMap(({ stepID, stepInfo }) => (stepID && stepInfo?.runID ? [[stepID, stepInfo.runID]] : [])),
  );
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
