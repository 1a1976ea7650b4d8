/** What the routes of all bulk operations have in common: they are listed, read and stopped. */
import type { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import type { BulkKind, BulkObjectApi, BulkView, Objects } from "../durable-objects/objects.ts";
import { isUlid, ulidOf, uuidOf } from "../protocol/ids.ts";
import { envelope } from "./envelope.ts";
import { checkFields } from "./fields.ts";
import { iso } from "./iso.ts";

const LIST_MAX = 100;

export const bulkListSchema = z.object({
  limit: z.coerce.number().int().min(1).max(LIST_MAX).default(20),
  cursor: z.string().optional(),
});

interface Bulk {
  kind: BulkKind;
  /** such as `/v1/replays` */
  path: string;
  view: (view: BulkView, env: string) => object;
}

/** `GET` of all and of one, and `DELETE` of one: what it has done stays done, and the rest is left. */
export function readBulk(app: Hono, objects: Objects, env: string, { kind, path, view }: Bulk): void {
  /** Nothing is created by looking. @throws HTTPException */
  const find = async (id: string): Promise<BulkObjectApi> => {
    if (!isUlid(id)) throw refused(`"${id.slice(0, 60)}" is not the id of a ${kind}`);
    if (!(await objects.registry(env).isBulk(kind, id))) throw notFound(id);
    return objects.bulk(env, kind, id);
  };
  const notFound = (id: string) =>
    new HTTPException(404, { message: `${kind} ${id} not found; GET ${path} lists them` });

  app.get(path, async (c) => {
    const { cursor = null, limit } = checkFields(c.req.query(), bulkListSchema);
    if (cursor !== null && !isUlid(cursor))
      throw refused(`cursor: must be the id of a ${kind}, not ${JSON.stringify(cursor.slice(0, 60))}`);
    const ids = await objects.registry(env).bulks(kind, cursor, limit);
    const views = await Promise.all(ids.map((id) => objects.bulk(env, kind, id).view()));
    return c.json(envelope(views.flatMap((one) => (one ? [view(one, env)] : []))));
  });

  app.get(`${path}/:id`, async (c) => {
    const id = c.req.param("id") ?? "";
    const found = await (await find(id)).view();
    if (!found) throw notFound(id);
    return c.json(envelope(view(found, env)));
  });

  app.delete(`${path}/:id`, async (c) => {
    const id = c.req.param("id") ?? "";
    if (!(await (await find(id)).stop())) throw notFound(id);
    return c.json({ ok: true });
  });
}

export function newBulkId(now: number): string {
  return ulidOf({ timeMs: now, entropy: crypto.getRandomValues(new Uint8Array(10)) });
}

/** What all of them say. */
export function bulkFacts(view: BulkView, env: string) {
  const { id, appId, functionIds, createdFrom, createdBefore, createdAt, endedAt } = view;
  const only = functionIds?.length === 1 ? (functionIds[0] ?? null) : null;
  return {
    id,
    created_at: iso(createdAt),
    environment_id: uuidOf(env),
    app_id: appId === null ? null : uuidOf(appId),
    app_name: appId,
    function_internal_id: only === null ? null : uuidOf(only),
    function_id: only,
    function_ids: functionIds,
    started_after: createdFrom === 0 ? null : iso(createdFrom),
    started_before: iso(createdBefore),
    if: view.if,
    status: view.status,
    matched: view.done + view.vain,
    failing: view.failing,
    ended_at: endedAt === null ? null : iso(endedAt),
  };
}

function refused(message: string): HTTPException {
  return new HTTPException(400, { message });
}
