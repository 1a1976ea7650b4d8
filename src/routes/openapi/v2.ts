import * as z from "zod";
import { eventSchema } from "../../protocol/event-request.ts";
import { scoresSchema } from "../metadata.ts";
import { rerunV2Schema } from "../rerun.ts";
import { invokeSchema, runListSchema, runReadSchema, syncSchema } from "../rest-v2.ts";
import { anyJson, instant, runId, type Group } from "./operation.ts";

function data(of: z.ZodType) {
  return z.object({ data: of, metadata: z.object({ fetchedAt: instant }) });
}

const status = z.enum(["QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "SKIPPED"]);

export const runV2 = z.object({
  id: runId,
  function: z.object({ id: z.string(), name: z.string(), app: z.object({ id: z.string() }) }),
  app: z.object({ id: z.string() }),
  status,
  queuedAt: instant,
  startedAt: instant.optional(),
  endedAt: instant.optional(),
  durationMs: z.string().optional(),
  trigger: z.object({
    eventIds: z.array(z.string()),
    eventName: z.string().optional(),
    isBatch: z.boolean().optional(),
    batchId: z.string().optional(),
    cronSchedule: z.string().optional(),
  }),
  output: anyJson.optional(),
});

const span = z.looseObject({
  id: z.string(),
  name: z.string(),
  status: z.string(),
  queuedAt: instant,
  get children() {
    return z.array(z.looseObject({ id: z.string(), name: z.string(), status: z.string() }));
  },
});

export const functionV2 = z.object({
  id: z.string().describe("Its id within the app"),
  name: z.string(),
  slug: z.string(),
  app: z.object({ id: z.string() }),
  triggers: z.array(
    z.object({ event: z.string().optional(), expression: z.string().optional(), cron: z.string().optional() }),
  ),
  isPaused: z.boolean().optional(),
});

const app = z.object({
  id: z.string(),
  name: z.string(),
  url: z.string().optional(),
  sdk: z.string(),
  framework: z.string(),
  appVersion: z.string().optional(),
  functionCount: z.int(),
  isArchived: z.boolean().optional(),
  updatedAt: instant,
  error: z.string().optional(),
});

const key = z.object({ id: z.uuid(), name: z.string(), environment: z.string(), hash: z.string() });

const runList = z.object({
  data: z.array(runV2),
  metadata: z.object({ fetchedAt: instant }),
  page: z.object({ cursor: z.string().optional(), hasMore: z.boolean(), limit: z.int() }),
});

export const v2: Group = {
  name: "Inngest's v2",
  says: "Inngest's newer API, as far as it shows what there is. Also served below `/api/v2`.",
  operations: [
    {
      at: "GET /v2/health",
      id: "getHealthV2",
      says: "Says that it is there",
      answer: data(z.object({ status: z.literal("ok"), version: z.string() })),
      security: "open",
    },
    {
      at: "POST /v2/events",
      id: "sendEventV2",
      says: "Sends an event",
      body: eventSchema,
      answer: data(z.object({ eventId: z.string() })),
    },
    {
      at: "POST /v2/apps/:app/functions/:fn/invoke",
      id: "invokeFunctionV2",
      says: "Starts a function, and names its run",
      body: invokeSchema,
      isBodyOptional: true,
      answer: data(z.object({ runId })),
      errors: {
        409: "It was invoked with this key before: `idempotency_conflict`, with that run's id",
        422: "It collects events before there is a run: `function_debounced`",
      },
    },
    {
      at: "GET /v2/runs",
      id: "listRunsV2",
      says: "Runs of all functions, in the order in which they were queued",
      more: "A run that has neither waited nor ended may not be in the list yet. Parameters may be written in snake_case as well.",
      query: runListSchema,
      answer: runList,
    },
    {
      at: "GET /v2/apps/:app/functions/:fn/runs",
      id: "listFunctionRunsV2",
      says: "Runs of a function",
      query: runListSchema.omit({ appId: true, functionId: true }),
      answer: runList,
    },
    {
      at: "GET /v2/events/:id/runs",
      id: "getEventRunsV2",
      says: "Runs that an event has started",
      answer: data(z.array(runV2)),
    },
    { at: "GET /v2/runs/:id", id: "getRunV2", says: "A run", query: runReadSchema, answer: data(runV2) },
    {
      at: "GET /v2/runs/:id/trace",
      id: "getRunTraceV2",
      says: "A run as a tree of spans",
      query: runReadSchema,
      answer: data(z.object({ runId, rootSpan: span })),
    },
    {
      at: "POST /v2/runs/:id/cancel",
      id: "cancelRunV2",
      says: "Cancels a run",
      answer: data(z.object({ runId })),
      errors: { 409: "It has ended already: `run_already_ended`, `run_already_cancelled`" },
    },
    {
      at: "POST /v2/runs/:id/rerun",
      id: "rerunRunV2",
      says: "Starts a run's function once more, with the same events and the code of today",
      body: rerunV2Schema,
      isBodyOptional: true,
      answer: data(z.object({ runId })),
    },
    {
      at: "POST /v2/runs/:id/scores",
      id: "addRunScoresV2",
      says: "Scores of a run or its steps",
      body: scoresSchema,
      answer: data(z.object({ runId, count: z.int() })),
    },
    { at: "GET /v2/apps", id: "listAppsV2", says: "Apps that are registered", answer: data(z.array(app)) },
    { at: "GET /v2/apps/:app", id: "getAppV2", says: "An app", answer: data(app) },
    {
      at: "GET /v2/apps/:app/functions",
      id: "listAppFunctionsV2",
      says: "An app's functions",
      answer: data(z.array(functionV2)),
    },
    {
      at: "GET /v2/apps/:app/functions/:fn",
      id: "getFunctionV2",
      says: "A function",
      answer: data(functionV2),
    },
    {
      at: "POST /v2/apps/:app/syncs",
      id: "syncAppV2",
      says: "Asks the app at a URL for its functions and registers them",
      body: syncSchema,
      answer: data(
        z.object({ id: z.string(), status: z.enum(["success", "duplicate", "pending"]), appId: z.string().optional() }),
      ),
      errors: { 422: "`app_sync_failed`" },
    },
    {
      at: "GET /v2/keys/events",
      id: "listEventKeysV2",
      says: "Event keys, each as the beginning of a hash",
      answer: data(z.array(key)),
    },
    {
      at: "GET /v2/keys/signing",
      id: "listSigningKeysV2",
      says: "Signing keys, each as the beginning of a hash",
      answer: data(z.array(key)),
    },
  ],
};
