/** REST v2, as far as it shows what there is (inngest-protocol §10.4). The rest is 501, by name. */
import { Hono, type Context } from "hono";
import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import { inTurns } from "../durable-objects/in-turns.ts";
import { acceptRecords } from "../durable-objects/accept.ts";
import type { AppView, Objects, RunListFilter } from "../durable-objects/objects.ts";
import { orderedNamesOf } from "../durable-objects/ordered-names.ts";
import { EventError, readEvents } from "../protocol/event-request.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { uuidOf } from "../protocol/ids.ts";
import type { JsonValue } from "../protocol/json.ts";
import { keyFingerprint } from "../protocol/signature.ts";
import { ApiError } from "./api-error.ts";
import { syncApp, type SyncContext } from "./app-sync.ts";
import { readBody } from "./body.ts";
import { enterEnvironment } from "./environments.ts";
import { iso } from "./iso.ts";
import { eventRunRow, isBatch, cronOf, statusesOf, wireStatus, rowOf, type RunRow } from "./run-rows.ts";
import { runsOfEvent } from "./event-runs.ts";
import { findEvent } from "./events.ts";
import { scoreRoutes } from "./metadata.ts";
import { checkFields, readFields } from "./fields.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { InvokedBefore, invokeFunction } from "./invoke.ts";
import { rerun, rerunV2Schema } from "./rerun.ts";
import { listRuns } from "./run-list.ts";
import { outputAt, traceOf, type Span } from "./run-trace.ts";
import type { RunView } from "./run-view.ts";
import { findRun, findView, hasEnded } from "./runs.ts";

const EVENT_RUNS_MAX = 40;
const STATUSES = ["QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "SKIPPED"] as const;
const TIME_FIELDS = { queuedAt: "createdAt", startedAt: "startedAt", endedAt: "endedAt" } as const;

const instantSchema = z.iso.datetime({
  offset: true,
  error: "must be an RFC 3339 instant such as 2026-01-31T12:00:00Z",
});
const flagSchema = z.enum(["true", "false"], "must be true or false").transform((text) => text === "true");

export const runListSchema = z.object({
  status: z
    .string()
    .transform((text) => text.split(",").map((one) => one.trim().toUpperCase()))
    .pipe(z.array(z.enum(STATUSES, `must be of ${STATUSES.join(", ")}`)))
    .optional(),
  appId: z.string().optional(),
  functionId: z.string().optional(),
  from: instantSchema.optional(),
  until: instantSchema.optional(),
  timeField: z.enum(["queuedAt", "startedAt", "endedAt"], "must be queuedAt, startedAt or endedAt").default("queuedAt"),
  order: z.enum(["asc", "desc"], "must be asc or desc").default("desc"),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().optional(),
  includeOutput: flagSchema.default(false),
  isDeferred: flagSchema.optional(),
});

export const runReadSchema = runListSchema.pick({ includeOutput: true });

export const invokeSchema = z.object({
  data: z.record(z.string(), z.json(), "must be an object").nullish(),
  idempotencyKey: z.string().min(1).max(255).nullish(),
});

export const syncSchema = z.object({ url: z.string({ error: "must be the URL of the app" }).min(1) });

/** Parts of Inngest's cloud that this platform has not. */
const CLOUD_ONLY =
  /^\/(envs|env\/webhooks|account|partner\/accounts|insights|experiments|sessions|sandboxes|snapshots)(\/|$)/;

/** Served at `/v2` and `/api/v2`. */
export function restV2Routes(context: SyncContext, version: string): Hono {
  const app = new Hono();
  for (const base of ["/v2", "/api/v2"]) app.route(base, v2(context, base, version));
  return app;
}

function v2(context: SyncContext, base: string, version: string): Hono {
  const { objects, env, settings } = context;
  const app = new Hono();
  app.get("/health", (c) => c.json(data({ status: "ok", version })));
  app.use("/*", signingKeyGuard(settings));

  app.post("/events", async (c) => {
    const { internalId } = await acceptEvent(objects, env, await readBody(c.req.raw));
    return c.json(data({ eventId: internalId }));
  });

  app.post("/apps/:app/functions/:fn/invoke", async (c) => {
    const fn = await findAppFunction(objects, env, c.req.param("app"), c.req.param("fn"));
    const body = await readFields(c.req.raw, invokeSchema, '{"data":{}}');
    const { flow } = fn;
    if (flow?.debounce || flow?.batch)
      throw new ApiError(
        422,
        "function_debounced",
        `function "${fn.id}" collects events before there is a run; send the event instead: POST /v2/events`,
      );
    const now = Date.now();
    const { runId } = await invokeFunction(objects, env, fn, {
      event: { data: body.data },
      seed: { timeMs: now, entropy: crypto.getRandomValues(new Uint8Array(10)) },
      now,
      idempotencyKey: body.idempotencyKey ?? undefined,
    });
    return c.json(data({ runId }));
  });

  runRoutes(app, context);
  app.route("/", scoreRoutes(objects, env));
  appRoutes(app, context);

  app.get("/keys/events", async (c) => c.json(data(await keysOf(settings, "event", env))));
  app.get("/keys/signing", async (c) => c.json(data(await keysOf(settings, "signing", env))));

  app.all("/*", (c) => {
    const path = c.req.path.slice(base.length);
    if (CLOUD_ONLY.test(path))
      throw notImplemented(`${c.req.method} ${c.req.path} is of Inngest's cloud; this platform has it not`);
    throw new ApiError(404, "not_found", `nothing is served at ${c.req.method} ${c.req.path}`);
  });
  app.onError(failed);
  return app;
}

// ---- runs -----------------------------------------------------------------------------------------------------------

function runRoutes(app: Hono, { objects, env }: SyncContext): void {
  app.get("/runs", async (c) => {
    const query = checkFields(camelCased(c.req.query()), runListSchema);
    return c.json(await runsPage(objects, env, query));
  });

  app.get("/apps/:app/functions/:fn/runs", async (c) => {
    const query = checkFields(camelCased(c.req.query()), runListSchema);
    const narrowed = { ...query, appId: c.req.param("app"), functionId: c.req.param("fn") };
    return c.json(await runsPage(objects, env, narrowed));
  });

  app.get("/events/:id/runs", async (c) => {
    const runs = await runsOfEvent(objects, env, await findEvent(objects, env, c.req.param("id")));
    return c.json(
      data(
        runs
          .slice(0, EVENT_RUNS_MAX)
          .map((run) => runOf(eventRunRow(run), "summary" in run ? { ...run.summary, entries: [] } : null)),
      ),
    );
  });

  app.get("/runs/:id", async (c) => {
    const { includeOutput } = checkFields(camelCased(c.req.query()), runReadSchema);
    const view = await findView(objects, env, c.req.param("id"));
    return c.json(data(runOf(rowOf(view.run), view, includeOutput)));
  });

  app.get("/runs/:id/trace", async (c) => {
    const { includeOutput } = checkFields(camelCased(c.req.query()), runReadSchema);
    const view = await findView(objects, env, c.req.param("id"));
    const { spans } = await objects.run(env, view.run.id).spans();
    return c.json(data({ runId: view.run.id, rootSpan: spanOf(view, traceOf(view, spans), includeOutput) }));
  });

  app.post("/runs/:id/cancel", async (c) => {
    const { run } = await findRun(objects, env, c.req.param("id"));
    if (run.state.kind === "cancelled")
      throw new ApiError(409, "run_already_cancelled", `run ${run.id} has been cancelled already`);
    const { kind } = await objects.run(env, run.id).cancel("cancelled through the API");
    if (kind === "ended") throw hasEnded(run.id);
    return c.json(data({ runId: run.id }));
  });

  app.post("/runs/:id/rerun", async (c) => {
    const { fromStep, idempotencyKey } = await readFields(c.req.raw, rerunV2Schema, '{"fromStep":{"stepId":"charge"}}');
    const from = fromStep ? { step: fromStep.stepId, input: fromStep.input ?? undefined } : undefined;
    const again = await rerun(objects, env, c.req.param("id"), Date.now(), { from, idempotencyKey });
    return c.json(data({ runId: again }));
  });
}

async function runsPage(objects: Objects, env: string, query: z.infer<typeof runListSchema>) {
  if (query.functionId !== undefined && query.appId === undefined)
    throw new ApiError(400, "missing_field", "appId: functionId is an id within an app, so it needs one");
  if (query.isDeferred !== undefined) throw notImplemented("isDeferred: runs are not listed by how they were started");
  const filter: RunListFilter = {
    appIds: query.appId === undefined ? null : [(await findApp(objects, env, query.appId)).id],
    functionIds:
      query.functionId === undefined
        ? null
        : [(await findAppFunction(objects, env, query.appId ?? "", query.functionId)).id],
    statuses: query.status ? statusesOf(query.status) : null,
    timeField: TIME_FIELDS[query.timeField],
    from: query.from === undefined ? 0 : Date.parse(query.from),
    until: query.until === undefined ? Number.POSITIVE_INFINITY : Date.parse(query.until),
    limit: query.limit,
    order: query.order,
  };
  const { runs, cursor } = await listRuns(objects, env, filter, query.cursor ?? null);
  const views = await inTurns(runs, async (row) => {
    const summary = query.includeOutput ? await objects.run(env, row.runId).summary() : null;
    return runOf(row, summary && { ...summary, entries: [] }, query.includeOutput, [row.eventId]);
  });
  return data(views, {
    page: { ...(cursor === null ? {} : { cursor }), hasMore: cursor !== null, limit: query.limit },
  });
}

/** @param view of what only the run itself knows; null: the index says what it can */
function runOf(row: RunRow, view: RunView | null, isWithOutput = false, eventIds: string[] = []) {
  const { runId, functionId, appId, createdAt, startedAt, endedAt } = row;
  const output = view && isWithOutput ? outputAt(view, { stepId: null, attempt: null }) : null;
  const cron = view ? cronOf(view.events) : (row.cron ?? null);
  return lean({
    id: runId,
    function: { id: localId(functionId, appId), name: functionId, app: { id: appId } },
    app: { id: appId },
    status: wireStatus(row.status),
    queuedAt: iso(createdAt),
    startedAt: iso(startedAt),
    endedAt: iso(endedAt),
    durationMs: startedAt === null || endedAt === null ? null : String(endedAt - startedAt),
    trigger: lean({
      eventIds: view?.run.eventIds ?? eventIds,
      eventName: cron === null ? row.eventName : null,
      isBatch: view ? isBatch(view.run) : null,
      batchId: view && isBatch(view.run) ? runId : null,
      cronSchedule: cron,
    }),
    output: output && (output.error ?? output.data),
  });
}

function spanOf(view: RunView, span: Span, isWithOutput: boolean): object {
  const { startedAt, endedAt } = span;
  const output = isWithOutput && span.output ? outputAt(view, span.output) : null;
  return lean({
    id: span.id,
    name: span.name,
    status: span.status,
    stepOp: span.stepOp,
    stepId: span.stepId,
    durationMs: startedAt === null || endedAt === null ? null : String(Math.max(endedAt - startedAt, 0)),
    queuedAt: iso(span.queuedAt),
    startedAt: iso(startedAt),
    endedAt: iso(endedAt),
    input: output?.input ?? null,
    output: output && ((output.error as JsonValue | null) ?? output.data),
    metadata: span.metadata.map(({ kind, values, updatedAt }) => ({ kind, values, updatedAt: iso(updatedAt) })),
    children: span.children.map((child) => spanOf(view, child, isWithOutput)),
  });
}

// ---- apps and functions ---------------------------------------------------------------------------------------------

function appRoutes(app: Hono, context: SyncContext): void {
  const { objects, env } = context;
  app.get("/apps", async (c) => {
    const { apps, functions } = await registered(objects, env);
    return c.json(data(apps.filter((one) => one.archivedAt === null).map((one) => appOf(one, functions))));
  });
  app.get("/apps/:app", async (c) => {
    const { functions } = await registered(objects, env);
    return c.json(data(appOf(await findApp(objects, env, c.req.param("app")), functions)));
  });
  app.get("/apps/:app/functions", async (c) => {
    const { id } = await findApp(objects, env, c.req.param("app"));
    const { functions } = await registered(objects, env);
    return c.json(data(functions.filter((fn) => fn.appId === id).map(functionOf)));
  });
  app.get("/apps/:app/functions/:fn", async (c) => {
    return c.json(data(functionOf(await findAppFunction(objects, env, c.req.param("app"), c.req.param("fn")))));
  });

  app.post("/apps/:app/syncs", async (c) => {
    const { url } = await readFields(c.req.raw, syncSchema, '{"url":"https://app.example.com/api/inngest"}');
    await enterEnvironment(objects, env);
    const outcome = await syncApp(context, url);
    if (outcome.kind === "failed") throw new ApiError(422, "app_sync_failed", outcome.message);
    const { app: synced, modified } = outcome;
    const id = uuidOf(`${synced?.id}\0${synced?.version}`);
    return c.json(data({ id, status: synced ? (modified ? "success" : "duplicate") : "pending", appId: synced?.id }));
  });
}

async function registered(objects: Objects, env: string) {
  const registry = objects.registry(env);
  const [apps, functions] = await Promise.all([registry.apps(), registry.functions()]);
  return { apps, functions };
}

async function findApp(objects: Objects, env: string, id: string): Promise<AppView> {
  const found = (await objects.registry(env).apps()).find((one) => one.id === id || uuidOf(one.id) === id);
  if (!found)
    throw new ApiError(
      404,
      "not_found",
      `app "${id.slice(0, 60)}" is not registered; GET /v2/apps lists those that are`,
    );
  return found;
}

/** By its id within the app, its slug or its uuid; also one that the app no longer has. */
async function findAppFunction(objects: Objects, env: string, appId: string, id: string): Promise<RegisteredFunction> {
  const { id: own } = await findApp(objects, env, appId);
  const registry = objects.registry(env);
  const known = (await registry.functions()).find((fn) => uuidOf(fn.id) === id);
  for (const fn of [known ?? null, await registry.callable(`${own}-${id}`), await registry.callable(id)])
    if (fn?.appId === own) return fn;
  throw new ApiError(
    404,
    "not_found",
    `app "${own}" has no function "${id.slice(0, 60)}"; GET /v2/apps/${own}/functions lists them`,
  );
}

function appOf(app: AppView, functions: RegisteredFunction[]) {
  return lean({
    id: app.id,
    name: app.id,
    url: app.url,
    sdk: app.sdk,
    framework: app.framework,
    appVersion: app.appVersion,
    functionCount: functions.filter((fn) => fn.appId === app.id).length,
    isArchived: app.archivedAt !== null || null,
    updatedAt: iso(app.syncedAt),
    error: app.error?.message,
  });
}

function functionOf(fn: RegisteredFunction) {
  const { id, appId, name, triggers, crons, paused } = fn;
  return lean({
    id: localId(id, appId),
    name,
    slug: id,
    app: { id: appId },
    triggers: [
      ...triggers.map(({ event, expression }) => lean({ event, expression })),
      ...crons.map(({ cron }) => ({ cron })),
    ],
    isPaused: paused !== undefined || null,
  });
}

function localId(functionId: string, appId: string): string {
  return functionId.startsWith(`${appId}-`) ? functionId.slice(appId.length + 1) : functionId;
}

/** Keys show as the beginning of a hash. */
async function keysOf(settings: SettingsSource, kind: "event" | "signing", env: string) {
  const { eventKeys, signingKeys } = settings();
  const keys = kind === "event" ? eventKeys : signingKeys;
  return Promise.all(
    keys.map(async (key, i) => ({
      id: uuidOf(`${kind} key ${await keyFingerprint(key, kind)}`),
      name: kind === "signing" && i > 0 ? "fallback" : kind,
      environment: env,
      hash: await keyFingerprint(key, kind),
    })),
  );
}

// ---- events ---------------------------------------------------------------------------------------------------------

/** @throws ApiError 400 for what is not one event */
export async function acceptEvent(objects: Objects, env: string, text: string) {
  const now = Date.now();
  const seed = { timeMs: now, entropy: crypto.getRandomValues(new Uint8Array(10)) };
  try {
    const read = readEvents(text, seed, now);
    if (read.length !== 1) throw new EventError("the body must be one event");
    await enterEnvironment(objects, env);
    const [record] = await orderedNamesOf(objects, env).place(read, now);
    if (!record) throw new EventError("the body must be one event");
    await acceptRecords(objects, env, [record], now);
    return record;
  } catch (error) {
    if (error instanceof EventError) throw new ApiError(400, "invalid_request", error.message);
    throw error;
  }
}

// ---- answers --------------------------------------------------------------------------------------------------------

function data<T>(of: T, more: object = {}) {
  return { data: of, metadata: { fetchedAt: new Date().toISOString() }, ...more };
}

/** As its codec writes JSON: what is not set is left out. */
function lean<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, of]) => of !== null && of !== undefined)) as Partial<T>;
}

function failed(error: Error, c: Context): Response {
  if (!(error instanceof HTTPException)) {
    console.error(`${c.req.method} ${c.req.path} failed`, error);
    return c.json(
      { errors: [{ code: "internal_error", message: "the platform failed to answer; the reason is in its log" }] },
      500,
    );
  }
  const { status, message } = error;
  const runId = error instanceof InvokedBefore ? { data: { runId: error.runId } } : {};
  return c.json({ ...runId, errors: [{ code: codeOf(error, c), message }] }, status);
}

function codeOf(error: HTTPException, c: Context): string {
  if (error instanceof ApiError) return error.code;
  switch (error.status) {
    case 401:
      return c.req.header("authorization") ? "invalid_signing_key" : "authorization_header_missing";
    case 403:
      return "access_denied";
    case 404:
      return "not_found";
    default:
      return error.status >= 500 ? "internal_error" : "invalid_request";
  }
}

function notImplemented(message: string): ApiError {
  return new ApiError(501, "not_implemented", message);
}

/** Parameters may be written either way. */
function camelCased(query: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => [
      name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
}
