/** A run as one document of JSON: written while it is read, so that it may be larger than what a Worker holds. */
import { Hono } from "hono";
import type { Objects, RunSummary } from "../durable-objects/objects.ts";
import type { Entry } from "../engine/run.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { iso } from "./iso.ts";
import { logsView } from "./run-logs.ts";
import { journalPages } from "./journal-pages.ts";
import { placesOf } from "./run-places.ts";
import { runFields, waitingFor, wholeStepView } from "./run-view.ts";
import { findRun } from "./runs.ts";

/** Raised when a field of the document is given another meaning. */
const EXPORT_VERSION = 1;

/** `GET /v1/runs/:id/export`. */
export function runExportRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.get("/v1/runs/:id/export", signingKeyGuard(settings), async (c) => {
    const summary = await findRun(objects, env, c.req.param("id"));
    return c.body(textStream(exportText(objects, env, summary, Date.now())), 200, {
      "content-type": "application/json; charset=utf-8",
      "content-disposition": `attachment; filename="run-${summary.run.id}.json"`,
    });
  });
  return app;
}

/** The run, its events, its spans and its steps with all that was given to them and came of them; what it waits for comes last. */
async function* exportText(
  objects: Objects,
  env: string,
  summary: RunSummary,
  now: number,
): AsyncGenerator<string, void> {
  const { run, events } = summary;
  const object = objects.run(env, run.id);
  const [annotations, { spans }, logs, places] = await Promise.all([
    object.annotations(),
    object.spans(),
    object.logs(),
    placesOf(objects, summary),
  ]);
  const view = { ...summary, annotations };
  const open = new Map<string, Entry>();
  yield `{"export_version":${EXPORT_VERSION},"exported_at":${JSON.stringify(iso(now))}`;
  yield `,"run":${JSON.stringify(runFields(view))}`;
  yield `,"events":${JSON.stringify(events.map(({ internalId, event }) => ({ internal_id: internalId, ...event })))}`;
  yield `,"spans":${JSON.stringify(spans)}`;
  yield `,"logs":${JSON.stringify(logs.map(logsView))}`;
  yield `,"steps":[`;
  let comma = "";
  for await (const entries of journalPages(objects, env, run.id)) {
    for (const entry of entries) {
      yield `${comma}${JSON.stringify(wholeStepView(view, entry))}`;
      comma = ",";
      if (entry.status.kind === "settled") open.delete(entry.id);
      else open.set(entry.id, entry);
    }
  }
  yield `],"waiting_for":${JSON.stringify(waitingFor({ ...view, entries: [...open.values()], places }))}}`;
}

/** As fast as it is read, and no further. */
function textStream(texts: AsyncGenerator<string, void>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await texts.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await texts.return();
    },
  });
}
