import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import { logOf, type Objects, type RunSummary } from "../durable-objects/objects.ts";
import type { Entry } from "../engine/run.ts";
import { isUlid } from "../protocol/ids.ts";
import { memos } from "../transports/http.ts";
import { ApiError } from "./api-error.ts";
import { envelope } from "./envelope.ts";
import { checkFields } from "./fields.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { journalPages } from "./journal-pages.ts";
import { placesOf } from "./run-places.ts";
import { nothingToWake, readAdvance, readWake } from "./run-clock.ts";
import { traceOf } from "./run-trace.ts";
import { jobViews, runView, wholeStepView, type RunView } from "./run-view.ts";
import { traceView } from "./trace-view.ts";

/** The query of `GET /v1/runs/:id`: what is to be in the answer beside the run, separated by commas. */
export const runQuerySchema = z.object({
  include: z
    .string()
    .transform((text) => text.split(",").map((one) => one.trim()))
    .refine((parts) => parts.every((part) => part === "trace"), "must be trace")
    .default([]),
});

/** Read, cancel and wake runs (inngest-protocol §10.2, §10.3). */
export function runRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/runs/*", signingKeyGuard(settings));
  app.use("/v0/runs/*", signingKeyGuard(settings));

  app.get("/v1/runs/:id", async (c) => {
    const { include } = checkFields(c.req.query(), runQuerySchema);
    const view = await findView(objects, env, c.req.param("id"));
    if (!include.includes("trace")) return c.json(envelope(runView(view)));
    const { spans } = await objects.run(env, view.run.id).spans();
    return c.json(envelope({ ...runView(view), trace: traceView(traceOf(view, spans)) }));
  });

  /** One step with its whole output, which a run with much of it leaves out. */
  app.get("/v1/runs/:id/steps/:hash", async (c) => {
    const summary = await findRun(objects, env, c.req.param("id"));
    const { id } = summary.run;
    const hash = c.req.param("hash");
    for await (const page of journalPages(objects, env, id)) {
      const entry = page.find((one) => one.id === hash);
      if (!entry) continue;
      const annotations = await objects.run(env, id).annotations();
      return c.json(envelope(wholeStepView({ ...summary, annotations }, entry)));
    }
    throw new ApiError(
      404,
      "not_found",
      `run ${id} has no step of hash "${hash.slice(0, 60)}"; GET /v1/runs/${id} has all`,
    );
  });

  app.delete("/v1/runs/:id", async (c) => {
    const cascade = readCascade(c.req.query("cascade"));
    const { run } = await findRun(objects, env, c.req.param("id"));
    const { kind } = await objects.run(env, run.id).cancel("cancelled through the API", cascade);
    if (kind === "ended") throw hasEnded(run.id);
    return c.body(null, 200);
  });

  app.delete("/v0/runs/:id", async (c) => {
    const { run } = await findRun(objects, env, c.req.param("id"));
    const { kind } = await objects.run(env, run.id).cancel("cancelled through the API");
    if (kind === "ended") throw hasEnded(run.id);
    return c.body(null, 204);
  });

  app.get("/v1/runs/:id/jobs", async (c) => {
    return c.json(envelope(jobViews(await findView(objects, env, c.req.param("id")))));
  });

  /** Moves one run's clock: for development, since nothing outside of the run goes with it. */
  app.post("/v1/runs/:id/clock", async (c) => {
    if (!settings().isDev)
      throw new HTTPException(403, {
        message:
          "a run's clock moves in dev mode only (INNGEST_DEV=1); POST /v1/runs/:id/wake ends a sleep anywhere, and DELETE /v1/runs/:id cancels",
      });
    const { run } = await findRun(objects, env, c.req.param("id"));
    const { kind } = await objects.run(env, run.id).advance(await readAdvance(c.req.raw));
    if (kind === "ended") throw hasEnded(run.id);
    return c.json(envelope(runView(await findView(objects, env, run.id))));
  });

  app.post("/v1/runs/:id/wake", async (c) => {
    const { run } = await findRun(objects, env, c.req.param("id"));
    const step = await readWake(c.req.raw);
    const outcome = await objects.run(env, run.id).wake(step);
    if (outcome.kind === "ended") throw hasEnded(run.id);
    if (outcome.kind === "awake") throw nothingToWake(await findView(objects, env, run.id), step, outcome.sleeping);
    return c.json(envelope(runView(await findView(objects, env, run.id))));
  });

  // state that was too large for a call (`use_api`)
  app.get("/v0/runs/:id/actions", async (c) => {
    const { run, edited } = await findRun(objects, env, c.req.param("id"));
    return c.json(memos(await readJournal(objects, env, run.id), edited));
  });
  app.get("/v0/runs/:id/batch", async (c) => {
    const { events } = await findRun(objects, env, c.req.param("id"));
    return c.json(events.map((record) => record.event));
  });
  return app;
}

/**
 * Asks the run's log first: a run that nobody started must not leave an object behind.
 *
 * @throws HTTPException 400 for what is no id, 404 for an unknown one
 */
export async function findRun(objects: Objects, env: string, id: string): Promise<RunSummary> {
  if (!isUlid(id)) throw new HTTPException(400, { message: `"${id.slice(0, 60)}" is not a run id` });
  const log = logOf(id);
  const logs = await objects.registry(env).logs();
  const isKnown = logs.includes(log) && (await objects.log(env, log).mayKnow(id));
  const summary = isKnown ? await objects.run(env, id).summary() : null;
  if (!summary) throw new ApiError(404, "not_found", `run ${id} not found`);
  return summary;
}

/** A run with its journal. @throws HTTPException as {@link findRun} */
export async function findView(objects: Objects, env: string, id: string): Promise<RunView> {
  const summary = await findRun(objects, env, id);
  const [entries, places, annotations] = await Promise.all([
    readJournal(objects, env, id),
    placesOf(objects, summary),
    objects.run(env, id).annotations(),
  ]);
  return { ...summary, entries, places, annotations };
}

/** Whether the runs that a run has invoked go with it. @throws HTTPException 400 */
function readCascade(text: string | undefined): boolean {
  if (text === undefined || text === "false") return false;
  if (text === "true") return true;
  throw new HTTPException(400, { message: `cascade: "${text.slice(0, 60)}" is neither true nor false` });
}

export function hasEnded(runId: string): ApiError {
  return new ApiError(409, "run_already_ended", `run ${runId} has already ended`);
}

async function readJournal(objects: Objects, env: string, runId: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const page of journalPages(objects, env, runId)) entries.push(...page);
  return entries;
}
