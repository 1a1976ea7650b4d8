import { Hono } from "hono";
import * as z from "zod";
import type { BulkRequest, BulkView, Objects } from "../durable-objects/objects.ts";
import { noteAction } from "./audit.ts";
import { countRuns } from "./bulk-count.ts";
import { bulkFacts, newBulkId, readBulk } from "./bulk-routes.ts";
import { selectionFields, selectionOf } from "./bulk-selection.ts";
import { envelope } from "./envelope.ts";
import { readFields } from "./fields.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { statusesOf, wireStatus } from "./run-rows.ts";

const EXAMPLE = '{"app_id":"shop","function_id":"checkout","started_after":"2026-01-31T12:00:00Z"}';
const STATUSES = ["COMPLETED", "FAILED", "CANCELLED", "SKIPPED"] as const;

export const replaySchema = z.strictObject({
  ...selectionFields,
  started_before: selectionFields.started_before.nullish(),
  /** how the runs have ended */
  statuses: z
    .array(z.enum(STATUSES, `must be of ${STATUSES.join(", ")}: only what has ended is replayed`))
    .min(1, `must name one of ${STATUSES.join(", ")}`)
    .default(["FAILED"]),
});

/** Bulk replays: runs are started once more, each once (ours). */
export function replayRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/replays/*", signingKeyGuard(settings));
  app.use("/v1/replays", signingKeyGuard(settings));

  app.post("/v1/replays", async (c) => {
    const body = await readFields(c.req.raw, replaySchema, EXAMPLE);
    const now = Date.now();
    const request: BulkRequest = {
      id: newBulkId(now),
      kind: "replay",
      ...(await selectionOf(objects, env, body, now)),
      statuses: statusesOf(body.statuses),
      cause: "api",
      createdAt: now,
    };
    noteAction(c.req.raw, body.dry_run ? null : JSON.stringify(body));
    if (body.dry_run) {
      const { matched, isExact } = await countRuns(objects, env, request);
      return c.json(envelope({ dry_run: true, matched, is_exact: isExact }));
    }
    const begun = await objects.bulk(env, "replay", request.id).begin(request);
    return c.json(envelope(replayView(begun, env)));
  });

  readBulk(app, objects, env, { kind: "replay", path: "/v1/replays", view: replayView });
  return app;
}

function replayView(view: BulkView, env: string) {
  return {
    ...bulkFacts(view, env),
    statuses: (view.statuses ?? []).map(wireStatus),
    /** runs that were started once more */
    started: view.done,
    /** runs whose function its app has no more */
    not_startable: view.vain,
  };
}
