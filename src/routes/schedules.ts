import { Hono } from "hono";
import type { Objects } from "../durable-objects/objects.ts";
import { answerScheduleRequest } from "../durable-objects/schedule-requests.ts";
import type { ScheduleRequest } from "../protocol/schedule.ts";
import { readBody } from "./body.ts";
import { parseJson } from "./fields.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";

/** Schedules that are made at run time (ours): what `client.schedules` asks for. */
export function scheduleRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/schedules/*", signingKeyGuard(settings));
  app.use("/v1/schedules", signingKeyGuard(settings));
  const ask = (request: ScheduleRequest) => answerScheduleRequest(objects, env, request, Date.now());

  app.post("/v1/schedules", async (c) => {
    const { status, body } = await ask({ kind: "create", schedule: await readJson(c.req.raw) });
    return c.json(body, status);
  });

  app.get("/v1/schedules", async (c) => {
    const { status, body } = await ask({ kind: "list", limit: c.req.query("limit"), cursor: c.req.query("cursor") });
    return c.json(body, status);
  });

  app.get("/v1/schedules/:id", async (c) => {
    const { status, body } = await ask({ kind: "get", id: c.req.param("id") });
    return c.json(body, status);
  });

  app.patch("/v1/schedules/:id", async (c) => {
    const changes = await readJson(c.req.raw);
    const { status, body } = await ask({ kind: "update", id: c.req.param("id"), changes });
    return c.json(body, status);
  });

  app.delete("/v1/schedules/:id", async (c) => {
    const { status, body } = await ask({ kind: "delete", id: c.req.param("id") });
    return c.json(body, status);
  });
  return app;
}

const EXAMPLE = '{"id":"nightly","cron":"0 3 * * *","event":{"name":"report/due"}}';

async function readJson(request: Request): Promise<unknown> {
  return parseJson(await readBody(request), EXAMPLE);
}
