import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import { acceptRecords } from "../durable-objects/accept.ts";
import { logOf, type EventFilter, type LoggedEvent, type Objects } from "../durable-objects/objects.ts";
import { orderedNamesOf } from "../durable-objects/ordered-names.ts";
import { EventError, readEvents, readSeed } from "../protocol/event-request.ts";
import { headers } from "../protocol/headers.ts";
import { isUlid, uuidOf } from "../protocol/ids.ts";
import { readBody } from "./body.ts";
import { envelope } from "./envelope.ts";
import { enterEnvironment } from "./environments.ts";
import { checkEventKey, signingKeyGuard, type SettingsSource } from "./guard.ts";
import { eventRunView, runsOfEvent } from "./event-runs.ts";
import { iso } from "./iso.ts";

const LIST_MAX = 100;
/** There is one account. */
const ACCOUNT_ID = uuidOf("account");

const listSchema = z.object({
  limit: z.coerce.number().int().min(1).max(LIST_MAX).default(20),
  cursor: z.string().refine(isUlid, "must be an event's internal id").optional(),
  name: z.string().optional(),
  received_after: z.iso.datetime({ offset: true }).optional(),
  received_before: z.iso.datetime({ offset: true }).optional(),
});

/** Event in: `POST /e/:key` (inngest-protocol §1). */
export function eventIngest(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.on("POST", ["/e/:key?", "/e/"], async (c) => {
    checkEventKey(c, settings);
    const now = Date.now();
    const seed = readSeed(c.req.header(headers.eventIdSeed), now, crypto.getRandomValues(new Uint8Array(10)));
    try {
      const read = readEvents(await readBody(c.req.raw), seed, now, c.req.header("content-type"));
      await enterEnvironment(objects, env);
      const records = await orderedNamesOf(objects, env).place(read, now);
      await acceptRecords(objects, env, records, now);
      return c.json({ ids: records.map((record) => record.internalId), status: 200 });
    } catch (error) {
      if (!(error instanceof EventError)) throw error;
      return c.json({ ids: [], status: 400, error: error.message }, 400);
    }
  });
  return app;
}

/** Accepted events and the runs they started (inngest-protocol §10.3). */
export function eventRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/events/*", signingKeyGuard(settings));
  app.use("/v1/events", signingKeyGuard(settings));

  app.get("/v1/events", async (c) => {
    const query = listSchema.safeParse(c.req.query());
    if (!query.success) {
      const [issue] = query.error.issues;
      throw new HTTPException(400, { message: `${issue?.path.join(".")}: ${issue?.message}` });
    }
    const events = await newestEvents(objects, env, filterOf(query.data));
    return c.json(envelope(events.map((event) => eventView(event, env))));
  });

  app.get("/v1/events/:id", async (c) => {
    const found = await findEvent(objects, env, c.req.param("id"));
    return c.json(envelope(eventView(found, env)));
  });

  app.get("/v1/events/:id/runs", async (c) => {
    const found = await findEvent(objects, env, c.req.param("id"));
    c.header("cache-control", "private, max-age=0, must-revalidate"); // polled: a stored answer would be an old one
    return c.json(envelope((await runsOfEvent(objects, env, found)).map(eventRunView)));
  });
  return app;
}

function filterOf(query: z.infer<typeof listSchema>): EventFilter {
  return {
    name: query.name,
    before: query.cursor,
    receivedFrom: query.received_after === undefined ? Number.NEGATIVE_INFINITY : Date.parse(query.received_after),
    receivedBefore: query.received_before === undefined ? Number.POSITIVE_INFINITY : Date.parse(query.received_before),
    limit: query.limit,
  };
}

/** Events of an environment, newest first by id. */
export async function newestEvents(objects: Objects, env: string, filter: EventFilter): Promise<LoggedEvent[]> {
  const logs = await objects.registry(env).logs();
  const days = [...new Set(logs.map((log) => log.slice(0, 10)))];
  const found: LoggedEvent[] = [];
  // ids begin with the day, so a day that fills the page leaves nothing to earlier ones
  for (const day of days) {
    if (filter.before !== undefined && logOf(filter.before).slice(0, 10) < day) continue;
    const shards = logs.filter((log) => log.startsWith(day));
    const pages = await Promise.all(shards.map((log) => objects.log(env, log).events(filter)));
    found.push(...pages.flat().sort((a, b) => (a.record.internalId < b.record.internalId ? 1 : -1)));
    if (found.length >= filter.limit) break;
  }
  return found.slice(0, filter.limit);
}

/** @throws HTTPException 400 for what is no id, 404 for an unknown one */
export async function findEvent(objects: Objects, env: string, id: string): Promise<LoggedEvent> {
  if (!isUlid(id)) throw new HTTPException(400, { message: `"${id.slice(0, 60)}" is not an event's internal id` });
  const log = logOf(id);
  const logs = await objects.registry(env).logs(); // nothing is created by looking
  const found = logs.includes(log) ? await objects.log(env, log).event(id) : null;
  if (!found) throw new HTTPException(404, { message: `event ${id} not found` });
  return found;
}

function eventView({ record, receivedAt }: LoggedEvent, env: string) {
  const { internalId, event } = record;
  return {
    internal_id: internalId,
    account_id: ACCOUNT_ID,
    environment_id: uuidOf(env),
    received_at: iso(receivedAt),
    source: "",
    source_id: null,
    ...event,
  };
}
