import * as z from "zod";
import { pauseSchema } from "../functions.ts";
import { linesSchema } from "../lines.ts";
import { metricsSchema } from "../metrics.ts";
import { bulkCancellation } from "./bulk.ts";
import { anyJson, enveloped, instant, type Group } from "./operation.ts";
import { functionSchema } from "./registered.ts";

const lease = z.object({ run_id: z.string(), function_slug: z.string(), since: instant.nullable() });

const line = z.object({
  id: z.string(),
  rule: z.string(),
  key: z.string().nullable(),
  functions: z.array(z.string()),
  limit: z.number().nullable(),
  period_ms: z.number().nullable().describe("throttle: it lets `limit` in per this time"),
  held: z.int(),
  waiting: z.int(),
  holders: z.array(lease),
  waiters: z.array(lease).describe("The first of the line, in its order"),
  oldest_since: instant.nullable(),
  next_at: instant.nullable(),
});

const metrics = z.object({
  function_slug: z.string(),
  from: instant,
  until: instant,
  bucket_ms: z.number(),
  buckets: z.array(
    z.object({
      at: instant,
      started: z.int(),
      ended: z.record(z.string(), z.int()).describe("By status"),
      p50_ms: z.number().nullable(),
      p95_ms: z.number().nullable(),
      backlog: z.int(),
    }),
  ),
  backlog: z.object({ queued: z.int(), running: z.int() }),
  rows_looked_at: z.int(),
  events_from: instant,
  is_cut: z.boolean().describe("There were more rows than one answer looks at"),
});

export const functions: Group = {
  name: "Functions",
  says: "Functions as the platform understands them, and the lines that their runs wait in.",
  operations: [
    {
      at: "GET /v1/functions",
      id: "listFunctions",
      says: "All functions that are registered",
      answer: enveloped(z.array(functionSchema)),
    },
    {
      at: "GET /v1/functions/:id",
      id: "getFunction",
      says: "A function, also one that its app no longer has",
      answer: enveloped(functionSchema),
      errors: { 404: "No such function is registered" },
    },
    {
      at: "GET /v1/functions/:id/lines",
      id: "getFunctionLines",
      says: "Why a function's runs wait: each of its lines, the longest first",
      answer: enveloped(z.array(line)),
    },
    {
      at: "GET /v1/functions/:id/metrics",
      id: "getFunctionMetrics",
      says: "How a function does over time: started, ended, how long runs took, how many wait",
      query: metricsSchema,
      answer: enveloped(metrics),
    },
    {
      at: "GET /v1/lines",
      id: "listLines",
      says: "The lines of all functions, the longest first",
      query: linesSchema,
      answer: enveloped(z.array(line)),
    },
    {
      at: "POST /v1/functions/:id/pause",
      id: "pauseFunction",
      says: "Pauses a function",
      body: pauseSchema,
      isBodyOptional: true,
      answer: enveloped(functionSchema.extend({ cancellation: bulkCancellation.nullable() })),
    },
    {
      at: "POST /v1/functions/:id/resume",
      id: "resumeFunction",
      says: "Lets a paused function go on",
      answer: enveloped(functionSchema),
    },
    {
      at: "GET /v1/prom/:env",
      id: "getPrometheusMetrics",
      says: "Not served: 501, as Inngest's own open-source server answers",
      answer: anyJson,
      errors: { 501: "Always" },
    },
  ],
};
