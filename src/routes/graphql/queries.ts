/** Resolvers of queries. */
import { GraphQLError } from "graphql";
import { HTTPException } from "hono/http-exception";
import type { ConnectionView, EventFilter, LoggedEvent, RunListFilter } from "../../durable-objects/objects.ts";
import { compile, matches } from "../../engine/expression.ts";
import { RESERVED_PREFIX } from "../../protocol/event.ts";
import { isUlid, uuidOf } from "../../protocol/ids.ts";
import { writeCursor } from "../run-list.ts";
import { outputAt } from "../run-trace.ts";
import { cronOf, isBatch, rowOf, statusesOf } from "../run-rows.ts";
import { iso } from "../iso.ts";
import type { Reader } from "./reader.ts";
import { readOutputId, spanNode } from "./spans.ts";
import {
  appNode,
  batchCreatedAt,
  eventNode,
  eventV2Node,
  functionNode,
  runNode,
  runV2Node,
  streamNode,
} from "./views.ts";

const FIRST_MAX = 400;
/** Events or runs that a total counts; there may be more. */
const COUNTED_MAX = 10_000;
const COUNTED_EVENTS_MAX = 1_000;

const TIME_FIELDS = { QUEUED_AT: "createdAt", STARTED_AT: "startedAt", ENDED_AT: "endedAt" } as const;
type TimeField = keyof typeof TIME_FIELDS;

interface RunsArgs {
  first: number;
  after?: string | null;
  orderBy: { field: TimeField; direction: "ASC" | "DESC" }[];
  filter: {
    from: string;
    until?: string | null;
    timeField?: TimeField | null;
    status?: string[] | null;
    functionIDs?: string[] | null;
    appIDs?: string[] | null;
    query?: string | null;
  };
}

interface EventsArgs {
  first: number;
  after?: string | null;
  filter: {
    eventNames?: string[] | null;
    from: string;
    until?: string | null;
    includeInternalEvents: boolean;
    query?: string | null;
  };
}

export function queries(reader: Reader) {
  return {
    apps: async ({ filter }: { filter?: { method?: string | null } | null }) => {
      const { apps } = await reader.registered();
      const nodes = apps.filter((app) => app.archivedAt === null).map((app) => appNode(reader, app));
      const wanted = filter?.method;
      if (wanted == null) return nodes;
      const methods = await Promise.all(nodes.map((node) => node.method()));
      return nodes.filter((_node, i) => methods[i] === wanted);
    },
    app: async ({ id }: { id: string }) => {
      const found = (await reader.registered()).apps.find((app) => uuidOf(app.id) === id || app.id === id);
      return found ? appNode(reader, found) : null;
    },
    functions: async () => (await reader.registered()).functions.map((fn) => functionNode(reader, fn)),
    functionBySlug: async ({ query }: { query: { functionSlug: string } }) => {
      const found = await reader.function(query.functionSlug);
      return found && functionNode(reader, found);
    },

    stream: async ({
      query,
    }: {
      query: { after?: string | null; before?: string | null; limit: number; includeInternalEvents?: boolean | null };
    }) => {
      const found = await newest(reader, query.limit, query.includeInternalEvents === true, {
        before: query.before ?? undefined,
      });
      const { after } = query;
      const wanted = after == null ? found : found.filter(({ record }) => record.internalId > after);
      return wanted.map((logged) => streamNode(reader, logged));
    },
    events: async ({ query }: { query: { lastEventId?: string | null } }) => {
      const found = await newest(reader, 100, false, { before: query.lastEventId ?? undefined });
      return found.map((logged) => eventNode(reader, logged));
    },
    event: async ({ query }: { query: { eventId: string } }) => {
      const found = await orNull(reader.event(query.eventId));
      return found && eventNode(reader, found);
    },
    eventV2: async ({ id }: { id: string }) => eventV2Node(reader, await reader.event(id)),
    eventsV2: (args: EventsArgs) => eventsConnection(reader, args),

    functionRun: async ({ query }: { query: { functionRunId: string } }) => {
      const view = await orNull(reader.view(query.functionRunId));
      return view && runNode(reader, rowOf(view.run));
    },
    run: async ({ runID }: { runID: string }) => {
      const view = await orNull(reader.view(runID));
      return view && runV2Node(reader, rowOf(view.run));
    },
    runs: (args: RunsArgs) => runsConnection(reader, args),
    runTrace: async ({ runID }: { runID: string }) => {
      const view = await reader.view(runID);
      return spanNode(view, await reader.trace(view), () => runNode(reader, rowOf(view.run)));
    },
    runTraceSpanOutputByID: async ({ outputID }: { outputID: string }) => {
      const { runId, ...place } = readOutputId(outputID);
      const output = outputAt(await reader.view(runId), place);
      if (!output) throw new GraphQLError(`outputID: run ${runId} has no such output`);
      const { input, data, error } = output;
      return {
        input: input === null ? null : JSON.stringify(input),
        data: error ? null : JSON.stringify(data),
        error: error && {
          message: error.message,
          name: error.name,
          stack: error.stack ?? null,
          cause: error.cause ?? null,
        },
      };
    },
    runTrigger: async ({ runID }: { runID: string }) => {
      const view = await reader.view(runID);
      const { run, events } = view;
      const cron = cronOf(events);
      return {
        eventName: cron === null ? run.eventName : null,
        IDs: run.eventIds,
        payloads: events.map(({ event }) => JSON.stringify(event)),
        timestamp: batchCreatedAt(view) ?? iso(events[0]?.event.ts ?? run.createdAt),
        isBatch: isBatch(run),
        batchID: isBatch(run) ? run.id : null,
        cron,
      };
    },

    workerConnections: async ({
      first,
      filter,
    }: {
      first: number;
      filter: { appIDs?: string[] | null; status?: string[] | null };
    }) => {
      const found = await connections(reader);
      const nodes = found.filter(
        (node) => (filter.appIDs?.includes(node.appID ?? "") ?? true) && (filter.status?.includes(node.status) ?? true),
      );
      return {
        edges: nodes.slice(0, first).map((node) => ({ node, cursor: node.id })),
        pageInfo: pageOf(
          nodes.slice(0, first).map(({ id }) => id),
          nodes.length > first,
          false,
        ),
        totalCount: nodes.length,
      };
    },
    workerConnection: async ({ connectionId }: { connectionId: string }) =>
      (await connections(reader)).find(({ id }) => id === connectionId) ?? null,
  };
}

// ---- runs -----------------------------------------------------------------------------------------------------------

async function runsConnection(reader: Reader, { first, after, orderBy, filter }: RunsArgs) {
  checkFirst(first);
  if (filter.query)
    throw new GraphQLError(
      "filter.query: runs are not searched by expression; filter by function, app, status and time",
    );
  const [order] = orderBy;
  const { functions, apps } = await reader.registered();
  const wanted: RunListFilter = {
    functionIds: namesOf(filter.functionIDs, functions),
    appIds: namesOf(filter.appIDs, apps),
    statuses: filter.status?.length ? statusesOf(filter.status) : null,
    timeField: TIME_FIELDS[filter.timeField ?? "QUEUED_AT"],
    from: instant(filter.from, "filter.from"),
    until: filter.until ? instant(filter.until, "filter.until") : Number.POSITIVE_INFINITY,
    limit: first,
    order: order?.direction === "ASC" ? "asc" : "desc",
  };
  if (order && order.field !== "QUEUED_AT" && (filter.timeField ?? "QUEUED_AT") !== order.field)
    throw new GraphQLError(`orderBy: runs come in the order of QUEUED_AT; ${order.field} is none of the index`);
  const { runs, cursor } = await reader.runs(wanted, after || null);
  const edges = runs.map((row) => ({ node: runV2Node(reader, row), cursor: writeCursor(row) }));
  return {
    edges,
    pageInfo: {
      ...pageOf(
        edges.map((edge) => edge.cursor),
        cursor !== null,
        after != null,
      ),
      ...(cursor === null ? {} : { endCursor: cursor }),
    },
    totalCount: async () => {
      let count = 0;
      for (let place: string | null = null; count < COUNTED_MAX;) {
        const page = await reader.runs({ ...wanted, limit: 1000 }, place);
        count += page.runs.length;
        place = page.cursor;
        if (place === null) break;
      }
      return count;
    },
  };
}

function namesOf(uuids: string[] | null | undefined, known: readonly { id: string }[]): string[] | null {
  return uuids ? known.flatMap(({ id }) => (uuids.includes(uuidOf(id)) ? [id] : [])) : null;
}

// ---- events ---------------------------------------------------------------------------------------------------------

async function eventsConnection(reader: Reader, { first, after, filter }: EventsArgs) {
  checkFirst(first);
  if (after && !isUlid(after))
    throw new GraphQLError(`after: ${JSON.stringify(after.slice(0, 60))} is not one of this list`);
  const isWanted = eventTest(filter);
  const range = {
    name: filter.eventNames?.length === 1 ? filter.eventNames[0] : undefined,
    receivedFrom: instant(filter.from, "filter.from"),
    receivedBefore: filter.until ? instant(filter.until, "filter.until") : Number.POSITIVE_INFINITY,
  };
  const found = await newest(
    reader,
    first + 1,
    filter.includeInternalEvents,
    { ...range, before: after || undefined },
    isWanted,
  );
  const edges = found
    .slice(0, first)
    .map((logged) => ({ node: eventV2Node(reader, logged), cursor: logged.record.internalId }));
  return {
    edges,
    pageInfo: pageOf(
      edges.map(({ cursor }) => cursor),
      found.length > first,
      Boolean(after),
    ),
    totalCount: async () =>
      (await newest(reader, COUNTED_EVENTS_MAX, filter.includeInternalEvents, range, isWanted)).length,
  };
}

function eventTest({ eventNames, query }: EventsArgs["filter"]): (logged: LoggedEvent) => boolean {
  const now = Date.now();
  if (query) {
    try {
      compile(query);
    } catch (error) {
      throw new GraphQLError(`filter.query: ${error instanceof Error ? error.message : error}`);
    }
  }
  return ({ record: { event } }) => {
    if (eventNames?.length && !eventNames.includes(event.name)) return false;
    try {
      return !query || matches(query, { event: { ...event }, now });
    } catch {
      return false;
    }
  };
}

/** Pages that are looked through for events that a filter wants. */
const PAGES_MAX = 10;

async function newest(
  reader: Reader,
  limit: number,
  isWithInternal: boolean,
  filter: Partial<EventFilter>,
  isWanted: (logged: LoggedEvent) => boolean = () => true,
): Promise<LoggedEvent[]> {
  const found: LoggedEvent[] = [];
  let { before } = filter;
  for (let page = 0; page < PAGES_MAX && found.length < limit; page++) {
    const { events, cursor } = await reader.events({
      receivedFrom: Number.NEGATIVE_INFINITY,
      receivedBefore: Number.POSITIVE_INFINITY,
      ...filter,
      before,
      limit: Math.max(limit, 50),
    });
    found.push(
      ...events.filter(
        (logged) => (isWithInternal || !logged.record.event.name.startsWith(RESERVED_PREFIX)) && isWanted(logged),
      ),
    );
    if (cursor === null) break;
    before = cursor;
  }
  return found.slice(0, limit);
}

// ---- workers --------------------------------------------------------------------------------------------------------

const PHASES = { connected: "CONNECTED", ready: "READY", paused: "READY", draining: "DRAINING" } as const;

async function connections(reader: Reader) {
  const found = await reader.connections();
  return found.flatMap((view) => view.apps.map((app) => connectionNode(view, app)));
}

function connectionNode(view: ConnectionView, app: ConnectionView["apps"][number]) {
  const [, sdkLang = "", sdkVersion = ""] = /^([^:]*):v?(.*)$/.exec(view.sdk) ?? [];
  return {
    id: view.id,
    gatewayId: view.id,
    instanceId: view.instanceId,
    workerIp: "",
    maxWorkerConcurrency: view.maxConcurrency ?? 0,
    appName: app.id,
    appID: uuidOf(app.id),
    connectedAt: iso(view.connectedAt),
    lastHeartbeatAt: iso(view.seenAt),
    disconnectedAt: null,
    disconnectReason: null,
    status: PHASES[view.phase],
    groupHash: "",
    sdkLang,
    sdkVersion,
    sdkPlatform: view.platform ?? "",
    syncId: null,
    buildId: app.version,
    appVersion: app.version,
    functionCount: app.functions,
    cpuCores: 0,
    memBytes: 0,
    os: "",
  };
}

// ---- arguments ------------------------------------------------------------------------------------------------------

/** Null for what there is not. */
async function orNull<T>(read: Promise<T>): Promise<T | null> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof HTTPException && error.status === 404) return null;
    throw error;
  }
}

function checkFirst(first: number): void {
  if (first < 1 || first > FIRST_MAX) throw new GraphQLError(`first: ${first} is not between 1 and ${FIRST_MAX}`);
}

function instant(text: string, name: string): number {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new GraphQLError(`${name}: ${JSON.stringify(text)} is not an RFC 3339 instant`);
  return at;
}

function pageOf(cursors: string[], hasNextPage: boolean, hasPreviousPage: boolean) {
  return { hasNextPage, hasPreviousPage, startCursor: cursors[0] ?? null, endCursor: cursors.at(-1) ?? null };
}
