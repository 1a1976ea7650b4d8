import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Objects } from "../durable-objects/objects.ts";
import { envelope } from "./envelope.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";

/** Events that were accepted but could not be routed: what they are, why, and the way to route them again (design §2). */
export function parkedRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/parked/*", signingKeyGuard(settings));
  app.use("/v1/parked", signingKeyGuard(settings));

  app.get("/v1/parked", async (c) => {
    const logs = await objects.registry(env).logs();
    const ranges = await Promise.all(
      logs.map(async (log) => {
        const parked = await objects.log(env, log).parked();
        return Promise.all(
          parked.map(async ({ from, to, error }) => {
            const events = await objects.log(env, log).read(from, to);
            return { log, from, to, error, event_ids: events.map(({ record }) => record.internalId) };
          }),
        );
      }),
    );
    return c.json(envelope(ranges.flat()));
  });

  app.post("/v1/parked/:log/:from/route", async (c) => {
    const log = c.req.param("log");
    const from = Number(c.req.param("from"));
    const logs = await objects.registry(env).logs();
    const parked = logs.includes(log) ? await objects.log(env, log).parked() : [];
    const range = parked.find((candidate) => candidate.from === from);
    if (!range)
      throw new HTTPException(404, {
        message: `no parked events begin at ${c.req.param("from")} of log "${log.slice(0, 60)}"`,
      });
    await objects.log(env, log).reroute(range.from, range.to);
    return c.json(envelope({ log, from: range.from, to: range.to }));
  });
  return app;
}
