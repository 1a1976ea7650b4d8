import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { acceptRecords } from "../durable-objects/accept.ts";
import type { Objects } from "../durable-objects/objects.ts";
import { orderedNamesOf } from "../durable-objects/ordered-names.ts";
import { EventError, readEvents, readSeed } from "../protocol/event-request.ts";
import { headers } from "../protocol/headers.ts";
import { readBody } from "./body.ts";
import { envelope } from "./envelope.ts";
import { enterEnvironment } from "./environments.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";

/** Events of whoever has the signing key, or has signed in: one, or a list of which all are accepted or none (ours). */
export function sendEventsRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.post("/v1/events", signingKeyGuard(settings), async (c) => {
    const now = Date.now();
    const seed = readSeed(c.req.header(headers.eventIdSeed), now, crypto.getRandomValues(new Uint8Array(10)));
    try {
      const read = readEvents(await readBody(c.req.raw), seed, now, c.req.header("content-type"));
      await enterEnvironment(objects, env);
      const records = await orderedNamesOf(objects, env).place(read, now);
      await acceptRecords(objects, env, records, now);
      return c.json(envelope({ ids: records.map((record) => record.internalId) }));
    } catch (error) {
      if (!(error instanceof EventError)) throw error;
      throw new HTTPException(400, { message: error.message });
    }
  });
  return app;
}
