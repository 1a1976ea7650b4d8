import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import { acceptRecords } from "../durable-objects/accept.ts";
import {
  logOf,
  type EventFilter,
  type LoggedEvent,
  type Objects,
  type RunIndexRow,
} from "../durable-objects/objects.ts";
import { orderedNamesOf } from "../durable-objects/ordered-names.ts";
import { route } from "../engine/route.ts";
import { EventError, readEvents, readSeed } from "../protocol/event-request.ts";
import { headers } from "../protocol/headers.ts";
import { isUlid, runIdOf } from "../protocol/ids.ts";
import { readBody } from "./body.ts";
import { envelope } from "./envelope.ts";
import { enterEnvironment } from "./environments.ts";
import { checkEventKey, signingKeyGuard, type SettingsSource } from "./guard.ts";
import { indexRowView, runListView } from "./run-view.ts";

const LIST_MAX = 100;

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
    const events = await newestEvents(objects, env, query.data);
    return c.json(envelope(events.map(eventView)));
  });

  app.get("/v1/events/:id", async (c) => {
    const found = await findEvent(objects, env, c.req.param("id"));
    return c.json(envelope(eventView(found)));
  });

  app.get("/v1/events/:id/runs", async (c) => {
    const found = await findEvent(objects, env, c.req.param("id"));
    return c.json(envelope(await runsOf(objects, env, found)));
  });
  return app;
}

async function newestEvents(objects: Objects, env: string, query: z.infer<typeof listSchema>): Promise<LoggedEvent[]> {
  const filter: EventFilter = {
    name: query.name,
    before: query.cursor,
    receivedFrom: query.received_after === undefined ? Number.NEGATIVE_INFINITY : Date.parse(query.received_after),
    receivedBefore: query.received_before === undefined ? Number.POSITIVE_INFINITY : Date.parse(query.received_before),
    limit: query.limit,
  };
  const logs = await objects.registry(env).logs();
  const days = [...new Set(logs.map((log) => log.slice(0, 10)))];
  const found: LoggedEvent[] = [];
  // ids begin with the day, so a day that fills the page leaves nothing to earlier ones
  for (const day of days) {
    if (query.cursor !== undefined && logOf(query.cursor).slice(0, 10) < day) continue;
    const shards = logs.filter((log) => log.startsWith(day));
    const pages = await Promise.all(shards.map((log) => objects.log(env, log).events(filter)));
    found.push(...pages.flat().sort((a, b) => (a.record.internalId < b.record.internalId ? 1 : -1)));
    if (found.length >= query.limit) break;
  }
  return found.slice(0, query.limit);
}

/** @throws HTTPException 400 for what is no id, 404 for an unknown one */
async function findEvent(objects: Objects, env: string, id: string): Promise<LoggedEvent> {
  if (!isUlid(id)) throw new HTTPException(400, { message: `"${id.slice(0, 60)}" is not an event's internal id` });
  const log = logOf(id);
  const logs = await objects.registry(env).logs(); // nothing is created by looking
  const found = logs.includes(log) ? await objects.log(env, log).event(id) : null;
  if (!found) throw new HTTPException(404, { message: `event ${id} not found` });
  return found;
}

/**
 * Indexed runs, and those that the event has started but that have neither ended nor waited yet: their ids follow from
 * event and function.
 */
async function runsOf(objects: Objects, env: string, { record, receivedAt }: LoggedEvent): Promise<object[]> {
  const indexed: RunIndexRow[] = await objects.log(env, logOf(record.internalId)).runsOf(record.internalId);
  const known = new Set(indexed.map((row) => row.runId));
  const candidates = route(record, await objects.registry(env).functions(), receivedAt)
    .map(({ fn }) => runIdOf(record.internalId, fn.id))
    .filter((runId) => !known.has(runId));
  const views = await Promise.all([...known, ...candidates].map((runId) => objects.run(env, runId).summary()));
  const byId = new Map(indexed.map((row) => [row.runId, row]));
  return [...known, ...candidates].flatMap((runId, i): object[] => {
    const view = views[i];
    const row = byId.get(runId);
    return view ? [runListView(view)] : row ? [indexRowView(row)] : [];
  });
}

function eventView({ record, receivedAt }: LoggedEvent) {
  const { internalId, event } = record;
  return {
    internal_id: internalId,
    received_at: new Date(receivedAt).toISOString(),
    source: "",
    source_id: null,
    ...event,
  };
}
