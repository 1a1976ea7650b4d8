import * as z from "zod";
import { bulkListSchema } from "../bulk-routes.ts";
import { cancellationSchema } from "../cancellations.ts";
import { replaySchema } from "../replays.ts";
import { anyJson, enveloped, instant, type Group } from "./operation.ts";

const facts = {
  id: z.string(),
  created_at: instant,
  environment_id: z.uuid(),
  app_id: z.uuid().nullable(),
  app_name: z.string().nullable(),
  function_internal_id: z.uuid().nullable().describe("When it is about one function"),
  function_id: z.string().nullable(),
  function_ids: z.array(z.string()).nullable().describe("Slugs; null: all functions of the app"),
  started_after: instant.nullable(),
  started_before: instant,
  if: z.string().nullable(),
  status: z.string(),
  matched: z.int(),
  failing: anyJson.describe("What keeps it from going on, if anything does"),
  ended_at: instant.nullable(),
};

export const bulkCancellation = z.object({
  ...facts,
  name: z.null(),
  kind: z.literal("bulk_run"),
  cause: z.string(),
  queue_name: z.null(),
  cancelled: z.int(),
  already_ended: z.int(),
});

const bulkReplay = z.object({
  ...facts,
  statuses: z.array(z.string()),
  started: z.int().describe("Runs that were started once more"),
  not_startable: z.int().describe("Runs whose function its app has no more"),
});

/** What `dry_run` is answered with: nothing is done. */
const dryRun = z.object({
  dry_run: z.literal(true),
  matched: z.int(),
  is_exact: z.boolean().describe("false: there are at least so many"),
});

export const bulk: Group = {
  name: "Many runs at once",
  says: "Operations on all the runs that a filter finds.",
  operations: [
    {
      at: "POST /v1/cancellations",
      id: "createCancellation",
      says: "Cancels the runs of functions that were created within a time",
      more: "With `dry_run` they are counted, and nothing is done.",
      body: cancellationSchema,
      answer: enveloped(z.union([bulkCancellation, dryRun])),
    },
    {
      at: "GET /v1/cancellations",
      id: "listCancellations",
      says: "Bulk cancellations, the newest first",
      query: bulkListSchema,
      answer: enveloped(z.array(bulkCancellation)),
    },
    {
      at: "GET /v1/cancellations/:id",
      id: "getCancellation",
      says: "How far a bulk cancellation is",
      answer: enveloped(bulkCancellation),
    },
    {
      at: "DELETE /v1/cancellations/:id",
      id: "stopCancellation",
      says: "Stops a bulk cancellation: what it has cancelled stays cancelled",
      answer: z.object({ ok: z.literal(true) }),
    },
    {
      at: "POST /v1/replays",
      id: "createReplay",
      says: "Starts runs that have ended once more, each once",
      more: "With `dry_run` they are counted, and nothing is done.",
      body: replaySchema,
      answer: enveloped(z.union([bulkReplay, dryRun])),
    },
    {
      at: "GET /v1/replays",
      id: "listReplays",
      says: "Bulk replays, the newest first",
      query: bulkListSchema,
      answer: enveloped(z.array(bulkReplay)),
    },
    {
      at: "GET /v1/replays/:id",
      id: "getReplay",
      says: "How far a bulk replay is",
      answer: enveloped(bulkReplay),
    },
    {
      at: "DELETE /v1/replays/:id",
      id: "stopReplay",
      says: "Stops a bulk replay: what it has started goes on",
      answer: z.object({ ok: z.literal(true) }),
    },
  ],
};
