import * as z from "zod";
import { clockRequestSchema, wakeRequestSchema } from "../run-clock.ts";
import { metadataSchema } from "../metadata.ts";
import { rerunRequestSchema } from "../rerun.ts";
import { resolveRequestSchema } from "../resolve.ts";
import { runLogsQuerySchema } from "../run-logs.ts";
import { runQuerySchema } from "../runs.ts";
import { runsQuerySchema } from "../runs-list.ts";
import { anyJson, enveloped, flag, instant, jsonObject, paged, pageSize, runId, type Group } from "./operation.ts";

export const wireError = z
  .looseObject({
    name: z.string(),
    message: z.string(),
    stack: z.string().optional(),
    code: z.string().optional(),
    cause: anyJson.optional(),
  })
  .describe("An error as the app reports it");

const status = z.enum(["Scheduled", "Running", "Completed", "Failed", "Cancelled", "Skipped"]);

const metadata = z.array(
  z.object({
    kind: z.string(),
    values: jsonObject,
    attempt: z.int().optional(),
    span_id: z.string().optional(),
    updated_at: instant,
  }),
);

/** What a list says of a run. */
export const runListItem = z.object({
  run_id: runId,
  run_started_at: instant.describe("When its code began, or, before that, when it was created"),
  function_id: z.uuid(),
  function_slug: z.string().describe("`<app>-<function>`"),
  function_version: z.int().optional().describe("Absent when only the index still knows of the run"),
  app_id: z.string(),
  environment_id: z.uuid().optional(),
  event_id: z.string().describe("Internal id of the event that started it"),
  event_name: z.string(),
  batch_id: z.string().optional().describe("Set for a run of more than one event"),
  cron: anyJson.optional().describe("The schedule that has started it"),
  status,
  ended_at: instant.nullable(),
  output: anyJson.describe("What it returned, or the error of a run that failed"),
});

/** What the list of all runs says of one, from its index. */
export const runRow = z.object({
  run_id: runId,
  function_id: z.uuid(),
  function_slug: z.string().describe("`<app>-<function>`"),
  app_id: z.string(),
  event_id: z.string(),
  event_name: z.string(),
  cron: z.string().optional(),
  batch_size: z.int().optional().describe("Set for a run of more than one event"),
  status,
  queued_at: instant,
  started_at: instant.nullable(),
  ended_at: instant.nullable(),
  waiting_for: z
    .object({ kind: z.string(), until: instant.nullable() })
    .nullable()
    .describe("What it came to rest with, until the time of that is over"),
});

export const waitingReason = z
  .object({
    kind: z
      .string()
      .describe(
        "`executing`, `start`, `retry`, `line`, `endpoint`, or that of a step: `planned`, `running`, `retrying`, `sleeping`, `registering`, `waiting`, `signal`, `invoking`",
      ),
    step: z.string().optional(),
    on: anyJson.optional().describe("What it waits for: events and condition, a signal, a function, or a key's line"),
    since: instant.optional(),
    earliest_at: instant.optional(),
    until: instant.optional(),
    error: wireError.optional().describe("Of the attempt before"),
  })
  .describe("One of the reasons why a run is not done");

export const stepSchema = z.object({
  id: z.string(),
  hash: z.string(),
  name: z.string(),
  kind: z.enum(["run", "sleep", "wait", "invoke"]),
  type: z.string(),
  status: z.string().describe("`completed`, `failed`, or how an open step stands"),
  position: z.int(),
  attempt: z.int(),
  failures: z.array(z.object({ attempt: z.int(), ended_at: instant, error: wireError })),
  input: anyJson,
  output: anyJson,
  output_omitted_bytes: z.int().optional().describe("Set when the outputs before it have filled the answer"),
  error: wireError.nullable(),
  on: anyJson.describe("What it waits for, or waited for"),
  child_run_id: z.string().nullable().describe("The run that it has invoked"),
  found_event_id: z.string().nullable(),
  created_at: instant,
  started_at: instant.nullable(),
  ended_at: instant.nullable(),
  until: instant.nullable(),
  function_version: z.int(),
  by_hand: z.boolean().describe("Somebody has written its result"),
  carried_from: z.string().nullable().describe("The run whose result it has, in one that begins at a later step"),
  logs: z.object({ lines: z.int(), dropped: z.int() }),
  metadata,
});

const rerunOf = z
  .object({
    run_id: z.string(),
    from_step: z
      .object({ id: z.string(), hash: z.string(), is_edited: z.boolean(), carried_steps: z.int() })
      .nullable(),
  })
  .nullable();

const traceSpan = z.object({
  id: z.string(),
  name: z.string(),
  status: z.enum(["QUEUED", "RUNNING", "WAITING", "COMPLETED", "FAILED", "CANCELLED", "SKIPPED"]),
  step_op: z.string().nullable(),
  step_hash: z.string().nullable(),
  attempts: z.int(),
  queued_at: instant,
  started_at: instant.nullable(),
  ended_at: instant.nullable(),
  get children(): z.ZodType {
    return z.array(traceSpan);
  },
});

const logs = z.object({
  step: z.string().nullable().describe("null: of the code around steps"),
  hash: z.string().nullable(),
  attempt: z.int(),
  lines: z.array(z.object({ at: instant, level: z.string(), text: z.string(), is_cut: z.boolean() })),
  dropped: z.int(),
});

/** What is known of a run beside its steps. */
const runFacts = runListItem.extend({
  queued_at: instant,
  started_at: instant.nullable(),
  event_ids: z.array(z.string()),
  parent_run_id: z.string().nullable().describe("The run that has invoked it"),
  parent_step_hash: z.string().nullable(),
  attempt: z.int(),
  error: wireError.nullable(),
  last_error: wireError.nullable(),
  cancel_reason: z.string().nullable(),
  skip_reason: z.string().nullable(),
  skipped_by_run_id: z.string().nullable(),
  clock_offset_ms: z.number(),
  paused_at: instant.nullable().describe("Since when nothing further of it begins, because somebody has paused it"),
  rerun_of: rerunOf.describe("The run that it repeats, and the step that it begins with"),
  warnings: z.array(z.string()),
  logs: z.object({ bytes: z.int(), dropped: z.int() }),
  deferred: z.array(z.object({ hash: z.string(), aborted: z.boolean() })),
  metadata,
});

/** A run with its steps and what it waits for. */
export const runSchema = runFacts.extend({
  waiting_for: z
    .array(waitingReason)
    .describe("Why it is not done, each with a name and a time; empty once it has ended"),
  steps: z.array(stepSchema),
  trace: traceSpan.optional().describe("With `include=trace`"),
});

const job = z.object({
  JobID: z.string(),
  at: instant,
  position: z.int(),
  kind: z.string(),
  attempt: z.int(),
  Raw: z.null(),
});

const span = z.object({
  trace_id: z.string(),
  span_id: z.string(),
  parent_span_id: z.string().nullable(),
  step_hash: anyJson,
  name: z.string(),
  kind: z.int(),
  start_time_unix_nano: z.string(),
  end_time_unix_nano: z.string(),
  attributes: jsonObject,
  events: z.array(z.object({ name: z.string(), time_unix_nano: z.string(), attributes: jsonObject })),
  status: z.object({ code: z.int(), message: z.string() }),
  scope: z.string().nullable(),
});

export const runs: Group = {
  name: "Runs",
  says: "Executions of functions: what they did, why they wait, and what to do with them.",
  operations: [
    {
      at: "GET /v1/runs",
      id: "listRuns",
      says: "Runs of all functions, the newest first unless asked otherwise",
      more: "Lists in the query are separated by commas. `if` is a CEL expression over `event` and `output`. A page may be short of its limit when much had to be looked through.",
      query: runsQuerySchema,
      answer: paged(runRow, {
        ...pageSize,
        looked_until: instant.nullable().describe("Runs before are not looked at yet"),
        total: z.int().optional().describe("With `total=true`"),
        total_is_exact: z.boolean().optional(),
      }),
    },
    {
      at: "GET /v1/runs/:id",
      id: "getRun",
      says: "A run with its steps, and why it is not done",
      query: runQuerySchema,
      answer: enveloped(runSchema),
      errors: { 404: "No run has this id" },
    },
    {
      at: "GET /v1/runs/:id/steps/:hash",
      id: "getRunStep",
      says: "One step with its whole output",
      answer: enveloped(stepSchema),
      errors: { 404: "No run has this id, or it has no such step" },
    },
    {
      at: "GET /v1/runs/:id/logs",
      id: "getRunLogs",
      says: "What a run's code has logged, by step and attempt",
      query: runLogsQuerySchema,
      answer: paged(logs, pageSize),
    },
    {
      at: "GET /v1/runs/:id/export",
      id: "exportRun",
      says: "All that there is of a run, as one document",
      answer: z.object({
        export_version: z.literal(1),
        exported_at: instant,
        run: runFacts,
        events: z.array(z.looseObject({ internal_id: z.string(), name: z.string() })),
        spans: z.array(jsonObject),
        logs: z.array(logs),
        steps: z.array(stepSchema),
        waiting_for: z.array(waitingReason),
      }),
    },
    {
      at: "DELETE /v1/runs/:id",
      id: "cancelRun",
      says: "Cancels a run",
      query: z.object({ cascade: flag.optional().describe("Also the runs that it has invoked") }),
      answer: null,
      errors: { 404: "No run has this id", 409: "It has ended already: `run_already_ended`" },
    },
    {
      at: "DELETE /v0/runs/:id",
      id: "cancelRunV0",
      says: "Cancels a run, as older tools ask for it",
      answer: null,
      status: 204,
      errors: { 404: "No run has this id", 409: "It has ended already: `run_already_ended`" },
    },
    {
      at: "GET /v1/runs/:id/jobs",
      id: "getRunJobs",
      says: "What a run has in hand: its next call and its open steps",
      answer: enveloped(z.array(job)),
    },
    {
      at: "GET /v1/runs/:id/trace",
      id: "getRunSpans",
      says: "The spans that the app has recorded of a run by OpenTelemetry",
      answer: enveloped(z.object({ trace_id: z.string(), spans: z.array(span), refused_spans: z.int() })),
    },
    {
      at: "POST /v1/runs/:id/rerun",
      id: "rerunRun",
      says: "Starts a run's function once more, from the beginning or from a step",
      body: rerunRequestSchema,
      isBodyOptional: true,
      status: 201,
      answer: enveloped(
        z.object({
          run_id: runId,
          rerun_of: rerunOf,
          function_version: z.int().nullable(),
          function_version_before: z.int(),
        }),
      ),
      errors: { 404: "No such run, step or function" },
    },
    {
      at: "POST /v1/runs/:id/steps/:step/resolve",
      id: "resolveStep",
      says: "Ends a wait with what somebody writes",
      body: resolveRequestSchema,
      answer: enveloped(runSchema),
      errors: { 409: "The step does not wait: `step_not_waiting`, or the run has ended: `run_already_ended`" },
    },
    {
      at: "POST /v1/runs/:id/pause",
      id: "pauseRun",
      says: "Lets nothing further of a run begin; what is running ends",
      answer: enveloped(runSchema),
      errors: { 409: "The run has ended: `run_already_ended`" },
    },
    {
      at: "POST /v1/runs/:id/resume",
      id: "resumeRun",
      says: "Lets a paused run go on",
      answer: enveloped(runSchema),
      errors: { 409: "The run has ended: `run_already_ended`" },
    },
    {
      at: "POST /v1/runs/:id/wake",
      id: "wakeRun",
      says: "Ends the sleep of a step, or every sleep of the run",
      body: wakeRequestSchema,
      isBodyOptional: true,
      answer: enveloped(runSchema),
      errors: { 404: "No such step sleeps", 409: "The run does not sleep; the message says what it does" },
    },
    {
      at: "POST /v1/runs/:id/clock",
      id: "advanceRunClock",
      says: "Moves a run's own clock forward, in dev mode",
      body: clockRequestSchema,
      answer: enveloped(runSchema),
      errors: { 403: "The platform is not in dev mode" },
    },
    {
      at: "POST /v1/runs/:id/metadata",
      id: "addRunMetadata",
      says: "Tells people something of a run or a step",
      body: metadataSchema,
      answer: enveloped(z.null()),
      errors: { 413: "More than a run or a span may have" },
    },
  ],
};
