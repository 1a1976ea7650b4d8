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

const EXAMPLE = '{"app_id":"shop","function_id":"checkout","started_before":"2026-01-31T12:00:00Z"}';

export const cancellationSchema = z.strictObject(selectionFields);

/** Bulk cancellations (inngest-protocol §9.2, §10.3). */
export function cancellationRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/cancellations/*", signingKeyGuard(settings));
  app.use("/v1/cancellations", signingKeyGuard(settings));

  app.post("/v1/cancellations", async (c) => {
    const body = await readFields(c.req.raw, cancellationSchema, EXAMPLE);
    const now = Date.now();
    const request: BulkRequest = {
      id: newBulkId(now),
      kind: "cancellation",
      ...(await selectionOf(objects, env, body, now)),
      statuses: null,
      cause: "api",
      createdAt: now,
    };
    noteAction(c.req.raw, body.dry_run ? null : JSON.stringify(body));
    if (body.dry_run) {
      const { matched, isExact } = await countRuns(objects, env, { ...request, statuses: ["Scheduled", "Running"] });
      return c.json(envelope({ dry_run: true, matched, is_exact: isExact }));
    }
    const begun = await objects.bulk(env, "cancellation", request.id).begin(request);
    return c.json(envelope(cancellationView(begun, env)));
  });

  readBulk(app, objects, env, { kind: "cancellation", path: "/v1/cancellations", view: cancellationView });
  return app;
}

/** A bulk cancellation as Inngest shows it, and what it has come to. */
export function cancellationView(view: BulkView, env: string) {
  return {
    name: null,
    ...bulkFacts(view, env),
    kind: "bulk_run",
    cause: view.cause,
    queue_name: null,
    cancelled: view.done,
    already_ended: view.vain,
  };
}
