import * as z from "zod";
import { auditListSchema } from "../audit.ts";
import { signInSchema } from "../login.ts";
import { streamSchema } from "../stream.ts";
import { auditEntrySchema } from "../../protocol/audit.ts";
import { anyJson, enveloped, instant, jsonObject, paged, type Group } from "./operation.ts";

const connection = z.object({
  id: z.string(),
  instance_id: z.string(),
  status: z.enum(["connected", "ready", "paused", "draining"]),
  apps: z.array(z.object({ id: z.string(), version: z.string().nullable(), functions: z.int() })),
  max_worker_concurrency: z.int().nullable(),
  in_flight: z.int(),
  sdk: z.string(),
  platform: z.string().nullable(),
  connected_at: instant,
  last_seen_at: instant,
});

const session = z.object({
  by: z.enum(["dev", "key", "session", "access"]),
  role: z.enum(["writer", "reader"]),
  name: z.string(),
  expires_at: instant.nullable(),
});

export const platform: Group = {
  name: "Platform",
  says: "The platform itself.",
  operations: [
    {
      at: "GET /health",
      id: "getHealth",
      says: "Says that it is there",
      answer: z.object({ status: z.literal(200), message: z.string(), version: z.string() }),
      security: "open",
    },
    {
      at: "GET /openapi.json",
      id: "getOpenApiDocument",
      says: "This document",
      answer: jsonObject,
      security: "open",
    },
    {
      at: "POST /mcp",
      id: "callMcp",
      says: "The Model Context Protocol, by streamable HTTP: docs/mcp.md",
      body: anyJson,
      answer: anyJson,
    },
    {
      at: "GET /v1/stream",
      id: "streamChanges",
      says: "Changes of runs, events, apps and lines, or of one run, as server-sent events",
      query: streamSchema,
      answer: z.string(),
      answerType: "text/event-stream",
      errors: { 503: "There are as many streams as there may be: `too_many_streams`" },
    },
    {
      at: "GET /v1/session",
      id: "getSession",
      says: "Who asks, and what they may do",
      answer: enveloped(session),
    },
    {
      at: "POST /v1/session",
      id: "signIn",
      says: "Signs a person in: the answer sets a cookie that stands for the key",
      body: signInSchema,
      answer: enveloped(session),
      errors: { 401: "The key is none of this platform's" },
      security: "open",
    },
    {
      at: "DELETE /v1/session",
      id: "signOut",
      says: "Signs out: the answer takes the cookie away",
      answer: enveloped(z.null()),
      security: "open",
    },
    {
      at: "GET /v1/audit",
      id: "listAuditEntries",
      says: "Who has done what, newest first",
      query: auditListSchema,
      answer: paged(z.object({ id: z.string(), at: instant, ...auditEntrySchema.shape }), { limit: z.int() }),
    },
    {
      at: "GET /v1/envs",
      id: "listEnvironments",
      says: "Branch environments, the main one first",
      answer: enveloped(z.array(z.object({ name: z.string(), is_main: z.boolean() }))),
    },
    {
      at: "DELETE /v1/envs/:name",
      id: "deleteEnvironment",
      says: "Forgets a branch environment: its apps start nothing more, its runs go on",
      answer: enveloped(z.object({ name: z.string(), archived_apps: z.array(z.string()) })),
      errors: { 404: "`env_not_found`", 409: "The main one is always there: `env_is_main`" },
    },
    {
      at: "GET /v1/connections",
      id: "listConnections",
      says: "Workers that have dialled in",
      answer: enveloped(z.array(connection)),
    },
    {
      at: "DELETE /v1/connections/:id",
      id: "drainConnection",
      says: "Asks a worker to go, so that it connects anew",
      answer: enveloped(z.object({ id: z.string(), status: z.literal("draining") })),
    },
    {
      at: "GET /v1/parked",
      id: "listParkedEvents",
      says: "Events that were accepted but could not be routed, and why",
      answer: enveloped(
        z.array(
          z.object({
            log: z.string(),
            from: z.int(),
            to: z.int(),
            error: anyJson,
            event_ids: z.array(z.string()),
          }),
        ),
      ),
    },
    {
      at: "POST /v1/parked/:log/:from/route",
      id: "routeParkedEvents",
      says: "Routes parked events again",
      answer: enveloped(z.object({ log: z.string(), from: z.int(), to: z.int() })),
    },
  ],
};
