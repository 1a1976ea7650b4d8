import { Hono } from "hono";
import type { Objects } from "../durable-objects/objects.ts";
import { envelope } from "./envelope.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { runView } from "./run-view.ts";
import { findRun, findView, hasEnded } from "./runs.ts";

/** Pauses one run, and lets it go on. Either may be repeated. */
export function runPauseRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/runs/*", signingKeyGuard(settings));

  app.post("/v1/runs/:id/pause", async (c) => {
    const { run } = await findRun(objects, env, c.req.param("id"));
    const { kind } = await objects.run(env, run.id).pause();
    if (kind === "ended") throw hasEnded(run.id);
    return c.json(envelope(runView(await findView(objects, env, run.id))));
  });

  app.post("/v1/runs/:id/resume", async (c) => {
    const { run } = await findRun(objects, env, c.req.param("id"));
    const { kind } = await objects.run(env, run.id).resume();
    if (kind === "ended") throw hasEnded(run.id);
    return c.json(envelope(runView(await findView(objects, env, run.id))));
  });
  return app;
}
