import * as z from "zod";
import { eventSchema } from "../../protocol/event-request.ts";
import { eventsQuerySchema } from "../events.ts";
import { signalSchema } from "../signals.ts";
import { anyJson, enveloped, instant, jsonObject, paged, pageSize, runId, type Group } from "./operation.ts";
import { runListItem } from "./runs.ts";

const eventBody = z.union([eventSchema, z.array(eventSchema)]).describe("An event, or a list of them: all or none");

const event = z.object({
  internal_id: z.string().describe("ULID that the platform has given it"),
  account_id: z.uuid(),
  environment_id: z.uuid(),
  received_at: instant,
  source: z.string(),
  source_id: z.null(),
  id: z.string().describe("What its sender calls it; the internal id without"),
  name: z.string(),
  data: jsonObject,
  user: jsonObject.optional(),
  ts: z.number(),
  v: z.string().optional(),
  meta: anyJson.optional(),
});

/** An event of a list, which may be asked for without what its sender has put into it, and with its runs. */
const eventRow = event.extend({
  data: jsonObject.optional(),
  runs: z
    .array(z.object({ run_id: runId, function_slug: z.string(), status: z.string(), ended_at: instant.nullable() }))
    .optional()
    .describe("With `runs=true`: those that the index has"),
  runs_incomplete: z.literal(true).optional().describe("There may be more, which `GET /v1/events/:id/runs` finds"),
});

const decision = z.looseObject({ decision: z.string(), why: z.string(), inferred: z.boolean() });

export const events: Group = {
  name: "Events",
  says: "What starts functions and answers waits.",
  operations: [
    {
      at: "POST /e/:key",
      id: "sendEvents",
      says: "Sends one event, or a list of them",
      more: "Accepted means on disk. An event with an `id` starts each function once in 24 hours. The body is read as JSON whatever its content type.",
      body: eventBody,
      answer: z.object({ ids: z.array(z.string()), status: z.literal(200) }),
      security: "event key",
    },
    {
      at: "GET /v1/events",
      id: "listEvents",
      says: "The newest events",
      query: eventsQuerySchema,
      answer: paged(eventRow, pageSize),
    },
    {
      at: "GET /v1/events/:id",
      id: "getEvent",
      says: "An event",
      answer: enveloped(event),
      errors: { 404: "No event has this internal id" },
    },
    {
      at: "GET /v1/events/:id/runs",
      id: "getEventRuns",
      says: "The runs that an event has started",
      answer: enveloped(z.array(runListItem)),
      errors: { 404: "No event has this internal id" },
    },
    {
      at: "GET /v1/events/:id/decisions",
      id: "getEventDecisions",
      says: "What each function made of an event, and why it has started nothing where it has not",
      answer: enveloped(z.array(decision)),
    },
    {
      at: "POST /v1/events",
      id: "createEvents",
      says: "Sends one event, or a list of them, with the signing key: all or none",
      body: eventBody,
      answer: enveloped(z.object({ ids: z.array(z.string()) })),
    },
    {
      at: "POST /invoke/:slug",
      id: "invokeFunction",
      says: "Starts a function whatever its triggers",
      body: eventSchema.omit({ name: true }),
      isBodyOptional: true,
      answer: z.object({ id: z.string().describe("Internal id of the event that starts it"), status: z.literal(200) }),
      errors: { 404: "No such function is registered" },
    },
    {
      at: "POST /v1/signals",
      id: "sendSignal",
      says: "Sends a signal to the step that waits for it",
      body: signalSchema,
      answer: enveloped(z.object({ run_id: runId })),
      errors: { 404: "No step waits for it" },
    },
  ],
};
