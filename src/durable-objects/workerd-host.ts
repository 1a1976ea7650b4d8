import { env, exports } from "cloudflare:workers";
import type { Host } from "./host.ts";
import { installedParts } from "./installed.ts";
import { meter } from "./meter.ts";
import { objectsWithin, roomFor, type Begun } from "./object-room.ts";
import type {
  BulkObjectApi,
  ChannelObjectApi,
  ChannelSocket,
  CollectorObjectApi,
  DedupeObjectApi,
  GatewayObjectApi,
  LeaseObjectApi,
  LinesObjectApi,
  LogObjectApi,
  Objects,
  RateLimitObjectApi,
  RegistryObjectApi,
  RouteQueue,
  RunObjectApi,
  SignalObjectApi,
  WaitsObjectApi,
} from "./objects.ts";
import type { Sql } from "./storage/sql.ts";
import { sqlStores } from "./storage/sql-stores.ts";

/** The classes that a Worker must export, with their entry in its wrangler configuration. */
const CLASSES = ["StepDO", "EventDO", "ConcurrencyDO", "RegistryDO", "HistoryDO", "ChannelDO", "ConnectDO"] as const;
type ClassName = (typeof CLASSES)[number];

/** Separates environment, kind and name in an object's name; in the name of an environment it is written otherwise. */
const SEPARATOR = "/";
const SEPARATOR_IN_ENV = ":";

/** Carries a subscription to the object of its channel. */
export const SUBSCRIPTION_PARAM = "subscription";

/** The queue's producer, among the Worker's bindings. */
function eventsQueue(): Queue<string> | undefined {
  return Reflect.get(env, "INNGEST_EVENTS");
}

const queue: RouteQueue = {
  exists: () => eventsQueue() !== undefined,
  send: async (message) => {
    meter.queueMessages += 1;
    try {
      await eventsQueue()?.send(message, { contentType: "text" });
      return true;
    } catch (error) {
      console.error("the events queue took no message; the log will send it again", error);
      return false;
    }
  },
};

/** What this Worker has begun lately. */
let begun: Begun[] = [];

/** Objects of this Worker, reached without bindings. */
export const objects: Objects = {
  queue,
  // a timer, so that sockets are read: locally nobody is answered while work follows on work, and a batch takes half a minute
  pause: (ms = 1) => new Promise((resolve) => setTimeout(resolve, ms)),
  room: (wanted) => {
    const openFiles = installedParts().openFiles();
    if (openFiles === null) return wanted;
    const room = roomFor(wanted, begun, objectsWithin(openFiles), Date.now());
    begun = room.begun;
    return room.count;
  },
  run: (env, runId) => stub<RunObjectApi>("StepDO", env, runId),
  log: (env, log) => stub<LogObjectApi>("HistoryDO", env, log),
  waits: (env, eventName) => stub<WaitsObjectApi>("EventDO", env, `name${SEPARATOR}${eventName}`),
  signal: (env, name) => stub<SignalObjectApi>("EventDO", env, `signal${SEPARATOR}${name}`),
  channel: (env, channel) => stub<ChannelObjectApi>("ChannelDO", env, channel),
  subscribe: async (env, channel, subscription) => {
    const query = new URLSearchParams({ [SUBSCRIPTION_PARAM]: JSON.stringify(subscription) });
    const to = stub<Pick<Fetcher, "fetch">>("ChannelDO", env, channel);
    const response = await to.fetch(`http://channel/?${query}`, { headers: { upgrade: "websocket" } });
    const socket = response.webSocket as ChannelSocket | null; // the part of it that is needed
    return socket ? { kind: "connected", socket, response } : { kind: "refused", reason: await response.text() };
  },
  dedupe: (env, shard) => stub<DedupeObjectApi>("EventDO", env, `id${SEPARATOR}${shard}`),
  registry: (env) => stub<RegistryObjectApi>("RegistryDO", env, "registry"),
  leases: (env, object) => stub<LeaseObjectApi>("ConcurrencyDO", env, object),
  rateLimit: (env, object) => stub<RateLimitObjectApi>("ConcurrencyDO", env, object),
  collector: (env, object) => stub<CollectorObjectApi>("ConcurrencyDO", env, object),
  lines: (env, functionId) => stub<LinesObjectApi>("ConcurrencyDO", env, `lines${SEPARATOR}${functionId}`),
  gateway: (env) => stub<GatewayObjectApi>("ConnectDO", env, "gateway"),
  bulk: (env, kind, id) => stub<BulkObjectApi>("ConcurrencyDO", env, `${kind}${SEPARATOR}${id}`),
};

/** @throws Error naming the class when the Worker does not export or configure it: `wrangler deploy` does not notice */
function stub<Api>(className: ClassName, env: string, name: string): Api {
  const namespace = (exports as unknown as Record<ClassName, DurableObjectNamespace | undefined>)[className]; // of the user's Worker
  if (typeof namespace?.getByName !== "function")
    // the class without its configuration
    throw new Error(
      `the Worker does not export ${className}, or its configuration does not name it: add \`export { ${CLASSES.join(", ")} } from "@dotdo/inngest/worker"\` and an [exports.${className}] table to wrangler.toml`,
    );
  meter.objectRequests += 1;
  return namespace.getByName(`${env.replaceAll(SEPARATOR, SEPARATOR_IN_ENV)}${SEPARATOR}${name}`) as unknown as Api; // RPC to our own class
}

/** Storage, alarm and clock of a Durable Object. */
export function workerdHost(ctx: DurableObjectState): Host {
  const fullName = ctx.id.name ?? "";
  const slash = fullName.indexOf(SEPARATOR);
  return {
    env: fullName.slice(0, slash).replaceAll(SEPARATOR_IN_ENV, SEPARATOR),
    name: fullName.slice(slash + 1),
    stores: sqlStores(sqlOf(ctx.storage)),
    objects,
    now: () => Date.now(),
    random: () => Math.random(),
    setAlarm: (at) => {
      if (at === null) return void ctx.storage.deleteAlarm();
      meter.alarmsSet += 1;
      void ctx.storage.setAlarm(at);
    },
    alarm: () => ctx.storage.getAlarm(),
    wait: async (delayMs, until) => {
      const elapsed = Promise.withResolvers<void>();
      const timer = setTimeout(elapsed.resolve, Math.max(delayMs, 0));
      await Promise.race([elapsed.promise, until]);
      clearTimeout(timer);
    },
    sync: () => ctx.storage.sync(),
    wipe: () => ctx.storage.deleteAll(),
    report: (message, error) => console.error(message, error),
  };
}

function sqlOf(storage: DurableObjectStorage): Sql {
  let isNew = false;
  return {
    exec: (query, ...bindings) => {
      const cursor = storage.sql.exec(query, ...bindings);
      const rows = cursor.toArray();
      const { rowsWritten } = cursor;
      meter.statements += 1;
      meter.rowsWritten += rowsWritten;
      if (rowsWritten > 0 && !isNew && query.startsWith("CREATE TABLE")) {
        isNew = true;
        meter.objectsCreated += 1;
      }
      return rows as never; // rows as the statement's author describes them
    },
    transaction: (body) => {
      meter.statements += 1;
      return storage.transactionSync(body);
    },
  };
}
