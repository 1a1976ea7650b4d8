import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { logOf, type JournalPage, type Objects, type RunSummary } from "../durable-objects/objects.ts";
import type { Entry } from "../engine/run.ts";
import { isUlid } from "../protocol/ids.ts";
import { memos } from "../transports/http.ts";
import { ApiError } from "./api-error.ts";
import { envelope } from "./envelope.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { placesOf } from "./run-places.ts";
import { nothingToWake, readAdvance, readWake } from "./run-clock.ts";
import { jobViews, runView, type RunView } from "./run-view.ts";

/** Read, cancel and wake runs (inngest-protocol §10.2, §10.3). */
export function runRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/runs/*", signingKeyGuard(settings));
  app.use("/v0/runs/*", signingKeyGuard(settings));

  app.get("/v1/runs/:id", async (c) => {
    return c.json(envelope(runView(await findView(objects, env, c.req.param("id")))));
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
  for (let position: number | null = 0; position !== null;) {
    const page: JournalPage = await objects.run(env, runId).journal(position);
    entries.push(...page.entries);
    position = page.next;
  }
  return entries;
}
