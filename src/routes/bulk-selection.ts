/** Which runs a bulk operation means: what its body says, read and checked. */
import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import type { BulkRequest, Objects } from "../durable-objects/objects.ts";
import { compile } from "../engine/expression.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { uuidOf } from "../protocol/ids.ts";
import { iso } from "./iso.ts";

const FUNCTIONS_MAX = 100;
const instantSchema = z.iso.datetime({
  offset: true,
  error: "must be an RFC 3339 instant such as 2026-01-31T12:00:00Z",
});
const functionSchema = z.string({ error: "must be the id of a function" }).min(1, "must be the id of a function");

/** Fields of a body; together with others in a strict object, since a misspelt bound would let it mean more runs. */
export const selectionFields = {
  app_id: z.string({ error: "must be the id of an app" }).min(1, "must be the id of an app").nullish(),
  function_id: functionSchema.nullish(),
  function_ids: z
    .array(functionSchema)
    .min(1, "must name a function; leave it out for all of the app")
    .max(FUNCTIONS_MAX, `may name ${FUNCTIONS_MAX} functions at most`)
    .nullish(),
  started_after: instantSchema.nullish(),
  started_before: instantSchema,
  if: z.string().nullish(),
  /** nothing is done; the answer is how many runs are meant */
  dry_run: z.boolean({ error: "must be true or false" }).default(false),
};

const selectionSchema = z.object(selectionFields);
type Selection = Pick<
  z.infer<typeof selectionSchema>,
  "app_id" | "function_id" | "function_ids" | "started_after" | "if"
> & {
  started_before?: string | null;
};

/**
 * The runs of one function of an app, of several, of all of an app, or of functions named by slug whatever their app.
 *
 * @throws HTTPException 400 naming field, value and bound, 404 for an app or a function that is not there
 */
export async function selectionOf(
  objects: Objects,
  env: string,
  body: Selection,
  now: number,
): Promise<Pick<BulkRequest, "appId" | "functionIds" | "createdFrom" | "createdBefore" | "if">> {
  const window = readWindow(body, now);
  checkIf(body.if);
  if (body.function_id && body.function_ids)
    throw refused("function_id: `function_ids` names functions, too; one of the two is enough");
  const ids = body.function_ids ?? (body.function_id ? [body.function_id] : null);
  const condition = body.if || null;
  if (!body.app_id) {
    if (!body.function_ids)
      throw refused("app_id: must be the id of an app; without it `function_ids` must name functions by their slugs");
    const functions = await Promise.all(body.function_ids.map((slug) => bySlug(objects, env, slug)));
    return { appId: null, functionIds: functions.map((fn) => fn.id), ...window, if: condition };
  }
  const appId = await appOf(objects, env, body.app_id);
  const functions = ids && (await Promise.all(ids.map((id) => ofApp(objects, env, appId, id))));
  return { appId, functionIds: functions && functions.map((fn) => fn.id), ...window, if: condition };
}

/** @throws HTTPException 400 naming field, value and bound */
function readWindow({ started_after: after, started_before: before }: Selection, now: number) {
  const createdBefore = before ? Date.parse(before) : now;
  if (createdBefore > now)
    throw refused(
      `started_before: ${before} is in the future: it is ${iso(now)} here; POST /v1/functions/:id/pause keeps runs from starting`,
    );
  const createdFrom = after ? Date.parse(after) : 0;
  if (createdFrom >= createdBefore)
    throw refused(`started_after: ${after} is not before started_before, ${before ?? iso(now)}: no run can be between`);
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

async function appOf(objects: Objects, env: string, appId: string): Promise<string> {
  const app = (await objects.registry(env).apps()).find((one) => one.id === appId || uuidOf(one.id) === appId);
  if (app) return app.id;
  throw new HTTPException(404, {
    message: `app_id: app ${JSON.stringify(appId.slice(0, 100))} is not registered; GET /v1/apps?archived=true lists those that are`,
  });
}

/** By its id within the app, or its slug. */
async function ofApp(objects: Objects, env: string, appId: string, id: string): Promise<RegisteredFunction> {
  for (const slug of [`${appId}-${id}`, id]) {
    const fn = await objects.registry(env).callable(slug);
    if (fn?.appId === appId) return fn;
  }
  throw new HTTPException(404, {
    message: `function_id: app "${appId}" has no function ${JSON.stringify(id.slice(0, 100))}; GET /v1/functions lists those that are registered`,
  });
}

async function bySlug(objects: Objects, env: string, slug: string): Promise<RegisteredFunction> {
  const fn = await objects.registry(env).callable(slug);
  if (fn) return fn;
  throw new HTTPException(404, {
    message: `function_ids: there is no function ${JSON.stringify(slug.slice(0, 100))}; GET /v1/functions lists those that are registered, by slug`,
  });
}

function refused(message: string): HTTPException {
  return new HTTPException(400, { message });
}
