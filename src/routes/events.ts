import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import { acceptRecords } from "../durable-objects/accept.ts";
import {
  logOf,
  type EventFilter,
  type ListedEvent,
  type LoggedEvent,
  type Objects,
} from "../durable-objects/objects.ts";
import { orderedNamesOf } from "../durable-objects/ordered-names.ts";
import { EventError, readEvents, readSeed } from "../protocol/event-request.ts";
import { headers } from "../protocol/headers.ts";
import { isUlid, ulidOf, uuidOf } from "../protocol/ids.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { triggerNames } from "../engine/route.ts";
import { readBody } from "./body.ts";
import { envelope } from "./envelope.ts";
import { enterEnvironment } from "./environments.ts";
import { checkEventKey, signingKeyGuard, type SettingsSource } from "./guard.ts";
import { eventRunView, isCollecting, runsOfEvent } from "./event-runs.ts";
import { checkFields } from "./fields.ts";
import { iso } from "./iso.ts";

const LIST_MAX = 100;
const DAY_MS = 86_400_000;
/** There is one account. */
const ACCOUNT_ID = uuidOf("account");

/** Requests of logs that one list may cost. */
const LOOKS_MAX = 60;

const flagSchema = z.enum(["true", "false"], "must be true or false").transform((text) => text === "true");

/** The query of `GET /v1/events`; `name` may be there several times. */
export const eventsQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(LIST_MAX).default(20),
  cursor: z.string().refine(isUlid, "must be an event's internal id").optional(),
  name: z.array(z.string()).default([]),
  received_after: z.iso.datetime({ offset: true }).optional(),
  received_before: z.iso.datetime({ offset: true }).optional(),
  internal: flagSchema.default(true), // the platform's own: ends of functions, ticks of schedules, invocations
  data: flagSchema.default(true), // false: without `data` and `user`
  runs: flagSchema.default(false), // with the runs that are known under each
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
    const query = checkFields({ ...c.req.query(), name: c.req.queries("name") ?? [] }, eventsQuerySchema);
    return c.json(await eventsPage(objects, env, query));
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

function filterOf(query: z.infer<typeof eventsQuerySchema>): EventFilter {
  return {
    names: query.name.length === 0 ? undefined : query.name,
    isExternal: !query.internal,
    before: query.cursor,
    receivedFrom: query.received_after === undefined ? 0 : Date.parse(query.received_after),
    receivedBefore: query.received_before === undefined ? Number.POSITIVE_INFINITY : Date.parse(query.received_before),
    limit: query.limit,
    isBare: !query.data,
    isWithRuns: query.runs,
  };
}

/** A page of events, newest first. */
export async function eventsPage(objects: Objects, env: string, query: z.infer<typeof eventsQuerySchema>) {
  const [{ events, cursor }, functions] = await Promise.all([
    newestEvents(objects, env, filterOf(query)),
    query.runs ? objects.registry(env).functions() : [],
  ]);
  const now = Date.now();
  const rows = events.map((event) => ({
    ...(query.data ? eventView(event, env) : bareView(event, env)),
    ...(query.runs ? listedRuns(event, functions, now) : {}),
  }));
  return { ...envelope(rows), page: { cursor, has_more: cursor !== null, limit: query.limit } };
}

export interface EventList {
  events: ListedEvent[];
  /** where the next page goes on; null when there is none */
  cursor: string | null;
}

/**
 * Events of an environment, newest first by id. A page may be short of its limit when much had to be looked through, or when
 * there is much in them: the cursor goes on.
 */
export async function newestEvents(objects: Objects, env: string, filter: EventFilter): Promise<EventList> {
  const { before, limit } = filter;
  const logs = await objects.registry(env).logs();
  // ids begin with the day, so a day that fills the page leaves nothing to earlier ones
  const days = [...new Set(logs.map((log) => log.slice(0, 10)))].sort().reverse();
  const taken: ListedEvent[] = [];
  let looks = 0;
  for (const day of days) {
    if (before !== undefined && logOf(before).slice(0, 10) < day) continue;
    if (looks >= LOOKS_MAX) return { events: taken, cursor: firstIdOn(nextDay(day)) };
    const shards = logs.filter((log) => log.startsWith(day));
    looks += shards.length;
    const wanted = limit - taken.length;
    const pages = await Promise.all(shards.map((log) => objects.log(env, log).events({ ...filter, limit: wanted })));
    // of what is below the first place at which a shard has stopped not all is known
    const stop = pages.reduce<string | null>(
      (last, { next }) => (next !== null && next > (last ?? "") ? next : last),
      null,
    );
    const sure = pages
      .flatMap(({ events }) => events)
      .filter(({ record }) => stop === null || record.internalId >= stop)
      .sort((a, b) => (a.record.internalId < b.record.internalId ? 1 : -1));
    taken.push(...sure.slice(0, wanted));
    const last = taken.at(-1);
    if (last && taken.length >= limit) return { events: taken, cursor: last.record.internalId };
    if (stop !== null) return { events: taken, cursor: stop };
  }
  return { events: taken, cursor: null };
}

/** Below it are the ids of all days before. */
function firstIdOn(timeMs: number): string {
  return ulidOf({ timeMs, entropy: new Uint8Array(10) });
}

function nextDay(day: string): number {
  return Date.parse(day) + DAY_MS;
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

export function eventView({ record, receivedAt }: LoggedEvent, env: string) {
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

/** Without what people have put into it. */
function bareView(logged: LoggedEvent, env: string) {
  const { data: _data, user: _user, ...view } = eventView(logged, env);
  return view;
}

/** How long it may take until an event's run is in the index. */
const INDEXED_WITHIN_MS = 60_000;

/**
 * The runs that the index has under an event. `runs_incomplete`: there may be more that only `GET /v1/events/:id/runs` finds,
 * of a function that collects events, or since the event is so young.
 */
function listedRuns({ record, receivedAt, runs = [] }: ListedEvent, functions: RegisteredFunction[], now: number) {
  const names = new Set(triggerNames(record.event.name));
  const isOpen = (fn: RegisteredFunction) =>
    (isCollecting(fn) || receivedAt > now - INDEXED_WITHIN_MS) &&
    fn.triggers.some(({ event }) => names.has(event)) &&
    !runs.some(({ functionId }) => functionId === fn.id);
  return {
    runs: runs.map((row) => ({
      run_id: row.runId,
      function_slug: row.functionId,
      status: row.status,
      ended_at: iso(row.endedAt),
    })),
    ...(functions.some(isOpen) ? { runs_incomplete: true } : {}),
  };
}
