import { Hono } from "hono";
import * as z from "zod";
import type { Objects, RunListFilter, RunSearch } from "../durable-objects/objects.ts";
import { compileSearch, ExpressionError } from "../engine/expression.ts";
import type { RunStatus } from "../engine/run.ts";
import { uuidOf, ulidTime } from "../protocol/ids.ts";
import { ApiError } from "./api-error.ts";
import { envelope } from "./envelope.ts";
import { checkFields } from "./fields.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { iso } from "./iso.ts";
import { listRuns, readCursor } from "./run-list.ts";
import { countRuns, searchRuns } from "./run-search.ts";
import { runRowView } from "./run-view.ts";

/** By the words of this API and, as the newer ones have it, `QUEUED`; in any case. */
const STATUSES = new Map<string, RunStatus>(
  (["Scheduled", "Running", "Completed", "Failed", "Cancelled", "Skipped"] as const).map((status) => [
    status.toUpperCase(),
    status,
  ]),
).set("QUEUED", "Scheduled");

const TIME_FIELDS = { queued_at: "createdAt", started_at: "startedAt", ended_at: "endedAt" } as const;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const textsSchema = z.string().transform((text) => text.split(",").map((one) => one.trim()));
const instantSchema = z.iso.datetime({
  offset: true,
  error: "must be an RFC 3339 instant such as 2026-01-31T12:00:00Z",
});

/** The query of `GET /v1/runs`; lists are separated by commas. */
export const runsQuerySchema = z.object({
  status: textsSchema
    .refine((texts) => texts.every((text) => STATUSES.has(text.toUpperCase())), {
      error: `must be of ${[...STATUSES.values()].slice(0, -1).join(", ")}`,
    })
    .optional(),
  app_id: textsSchema.optional(),
  function_id: textsSchema.optional(), // slugs or uuids; with `app_id` also ids within the app
  from: instantSchema.optional(),
  until: instantSchema.optional(),
  time_field: z
    .enum(["queued_at", "started_at", "ended_at"], "must be queued_at, started_at or ended_at")
    .default("queued_at"),
  order: z.enum(["asc", "desc"], "must be asc or desc").default("desc"),
  limit: z.coerce.number("must be from 1 to 100").int().min(1).max(100).default(20),
  cursor: z.string().optional(),
  if: z.string().optional(),
  total: z
    .enum(["true", "false"], "must be true or false")
    .transform((text) => text === "true")
    .default(false),
});

type RunsQuery = z.infer<typeof runsQuerySchema>;

/** Runs of an environment (docs/operate.md). */
export function runListRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.get("/v1/runs", signingKeyGuard(settings), async (c) => {
    return c.json(await runsPage(objects, env, checkFields(c.req.query(), runsQuerySchema)));
  });
  return app;
}

/** A page of runs, newest first unless asked otherwise. @throws ApiError 400 for a cursor or an expression that is none */
export async function runsPage(objects: Objects, env: string, query: RunsQuery) {
  const now = Date.now();
  const filter = await filterOf(objects, env, query);
  const search = searchOf(query, now);
  const cursor = query.cursor ?? null;
  const [list, counted] = await Promise.all([
    search ? searchRuns(objects, env, { ...filter, search }, cursor) : listRuns(objects, env, filter, cursor),
    query.total ? countRuns(objects, env, filter) : null,
  ]);
  const page = {
    cursor: list.cursor,
    has_more: list.cursor !== null,
    limit: query.limit,
    looked_until: list.cursor === null ? null : iso(ulidTime(readCursor(list.cursor).eventId)),
    ...(counted ? { total: counted.total, total_is_exact: counted.isExact } : {}),
  };
  return { ...envelope(list.runs.map((row) => runRowView(row, now))), page };
}

async function filterOf(objects: Objects, env: string, query: RunsQuery): Promise<RunListFilter> {
  return {
    appIds: query.app_id ?? null,
    functionIds: query.function_id ? await slugsOf(objects, env, query.function_id, query.app_id ?? []) : null,
    statuses: query.status?.flatMap((text) => STATUSES.get(text.toUpperCase()) ?? []) ?? null,
    timeField: TIME_FIELDS[query.time_field],
    from: query.from === undefined ? 0 : Date.parse(query.from),
    until: query.until === undefined ? Number.POSITIVE_INFINITY : Date.parse(query.until),
    limit: query.limit,
    order: query.order,
  };
}

/** A function that is registered no more may have runs: its slug is enough. */
async function slugsOf(objects: Objects, env: string, ids: string[], appIds: string[]): Promise<string[]> {
  const known = ids.some((id) => UUID.test(id)) ? await objects.registry(env).functions() : [];
  return ids.flatMap((id) => [
    id,
    ...appIds.map((appId) => `${appId}-${id}`),
    ...known.filter((fn) => uuidOf(fn.id) === id.toLowerCase()).map((fn) => fn.id),
  ]);
}

/** @throws ApiError 400 for an expression that does not compile, or with what cannot be counted */
function searchOf(query: RunsQuery, now: number): RunSearch | null {
  const { if: source, total } = query;
  if (source === undefined || source.trim() === "") return null;
  if (total)
    throw new ApiError(
      400,
      "invalid_request",
      "total: runs that an expression finds are not counted; leave out if or total",
    );
  try {
    compileSearch(source);
  } catch (error) {
    if (error instanceof ExpressionError) throw new ApiError(400, error.code, `if: ${error.message}`);
    throw error;
  }
  return { if: source, now };
}
