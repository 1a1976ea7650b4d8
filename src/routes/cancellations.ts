import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import type { CancellationObjectApi, CancellationView, Objects } from "../durable-objects/objects.ts";
import { compile } from "../engine/expression.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { isUlid, ulidOf, uuidOf } from "../protocol/ids.ts";
import { envelope } from "./envelope.ts";
import { checkFields, readFields } from "./fields.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { iso } from "./iso.ts";

const LIST_MAX = 100;
const EXAMPLE = '{"app_id":"shop","function_id":"checkout","started_before":"2026-01-31T12:00:00Z"}';
const INSTANT = "an RFC 3339 instant such as 2026-01-31T12:00:00Z";

const instantSchema = z.iso.datetime({ offset: true, error: `must be ${INSTANT}` });

/** Strict: a misspelt bound would let it cancel more than was meant. */
const cancellationSchema = z.strictObject({
  app_id: z.string({ error: "must be the id of an app" }).min(1, "must be the id of an app"),
  function_id: z.string({ error: "must be the id of a function" }).min(1, "must be the id of a function"),
  started_after: instantSchema.nullish(),
  started_before: instantSchema,
  if: z.string().nullish(),
});

const listSchema = z.object({
  limit: z.coerce.number().int().min(1).max(LIST_MAX).default(20),
  cursor: z.string().refine(isUlid, "must be the id of a cancellation").optional(),
});

/** Bulk cancellations (inngest-protocol §9.2, §10.3). */
export function cancellationRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/cancellations/*", signingKeyGuard(settings));
  app.use("/v1/cancellations", signingKeyGuard(settings));

  app.post("/v1/cancellations", async (c) => {
    const body = await readFields(c.req.raw, cancellationSchema, EXAMPLE);
    const now = Date.now();
    const window = readWindow(body, now);
    checkIf(body.if);
    const fn = await functionOf(objects, env, body.app_id, body.function_id);
    const id = ulidOf({ timeMs: now, entropy: crypto.getRandomValues(new Uint8Array(10)) });
    const begun = await objects.cancellation(env, id).begin({
      id,
      appId: fn.appId,
      functionId: fn.id,
      ...window,
      if: body.if || null,
      cause: "api",
      createdAt: now,
    });
    return c.json(envelope(cancellationView(begun, env)));
  });

  app.get("/v1/cancellations", async (c) => {
    const { cursor = null, limit } = checkFields(c.req.query(), listSchema);
    const ids = await objects.registry(env).cancellations(cursor, limit);
    const views = await Promise.all(ids.map((id) => objects.cancellation(env, id).view()));
    return c.json(envelope(views.flatMap((view) => (view ? [cancellationView(view, env)] : []))));
  });

  app.get("/v1/cancellations/:id", async (c) => {
    const id = c.req.param("id");
    const view = await (await find(objects, env, id)).view();
    if (!view) throw notFound(id);
    return c.json(envelope(cancellationView(view, env)));
  });

  /** What it has cancelled stays cancelled; the rest goes on. */
  app.delete("/v1/cancellations/:id", async (c) => {
    const id = c.req.param("id");
    if (!(await (await find(objects, env, id)).stop())) throw notFound(id);
    return c.json({ ok: true });
  });
  return app;
}

/** A bulk cancellation as Inngest shows it, and what it has come to. */
export function cancellationView(view: CancellationView, env: string) {
  const { id, appId, functionId, createdFrom, createdBefore, cancelled, alreadyEnded, createdAt, endedAt } = view;
  return {
    id,
    name: null,
    created_at: iso(createdAt),
    environment_id: uuidOf(env),
    app_id: uuidOf(appId),
    app_name: appId,
    function_internal_id: uuidOf(functionId),
    function_id: functionId,
    started_after: createdFrom === 0 ? null : iso(createdFrom),
    started_before: iso(createdBefore),
    if: view.if,
    kind: "bulk_run",
    cause: view.cause,
    queue_name: null,
    status: view.status,
    matched: cancelled + alreadyEnded,
    cancelled,
    already_ended: alreadyEnded,
    failing: view.failing,
    ended_at: endedAt === null ? null : iso(endedAt),
  };
}

/** @throws HTTPException 400 naming field, value and bound */
function readWindow(body: z.infer<typeof cancellationSchema>, now: number) {
  const { started_after: after, started_before: before } = body;
  const createdBefore = Date.parse(before);
  if (createdBefore > now)
    throw refused(
      `started_before: ${before} is in the future: it is ${iso(now)} here; POST /v1/functions/:id/pause keeps runs from starting`,
    );
  const createdFrom = after ? Date.parse(after) : 0;
  if (createdFrom >= createdBefore)
    throw refused(`started_after: ${after} is not before started_before, ${before}: no run can be between`);
  return { createdFrom, createdBefore };
}

function checkIf(source: string | null | undefined): void {
  try {
    if (source) compile(source);
  } catch (error) {
    throw refused(
      `if: ${JSON.stringify(source?.slice(0, 200))} is not an expression over \`event\`: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** By its id within the app, or its slug. @throws HTTPException 404 */
async function functionOf(objects: Objects, env: string, appId: string, id: string): Promise<RegisteredFunction> {
  const registry = objects.registry(env);
  const app = (await registry.apps()).find((one) => one.id === appId || uuidOf(one.id) === appId);
  if (!app)
    throw new HTTPException(404, {
      message: `app_id: app ${JSON.stringify(appId.slice(0, 100))} is not registered; GET /v1/apps?archived=true lists those that are`,
    });
  for (const slug of [`${app.id}-${id}`, id]) {
    const fn = await registry.callable(slug);
    if (fn?.appId === app.id) return fn;
  }
  throw new HTTPException(404, {
    message: `function_id: app "${app.id}" has no function ${JSON.stringify(id.slice(0, 100))}; GET /v1/functions lists those that are registered`,
  });
}

/** Nothing is created by looking. @throws HTTPException */
async function find(objects: Objects, env: string, id: string): Promise<CancellationObjectApi> {
  if (!isUlid(id)) throw refused(`"${id.slice(0, 60)}" is not the id of a cancellation`);
  if (!(await objects.registry(env).isCancellation(id))) throw notFound(id);
  return objects.cancellation(env, id);
}

function notFound(id: string): HTTPException {
  return new HTTPException(404, { message: `cancellation ${id} not found; GET /v1/cancellations lists them` });
}

function refused(message: string): HTTPException {
  return new HTTPException(400, { message });
}
