/**
 * Routes a batch of the events queue: which functions start, which waits are offered what. Every line may be the last
 * before a crash; the message is then delivered again, and every receiver knows what it has seen. It hands over and
 * returns: it never waits for user code (design §2).
 */
import { namedFunction, route, triggerNames } from "../engine/route.ts";
import { groupBy } from "../protocol/group-by.ts";
import { runIdOf } from "../protocol/ids.ts";
import { placesOf, reservePlaces } from "./fifo-places.ts";
import { takeIn, type Each } from "./intake.ts";
import {
  DEDUPE_SHARDS,
  type DedupeClaim,
  type LoggedEvent,
  type Objects,
  type RouteMessage,
  type RouteTable,
  type SeqRange,
  type StartRequest,
} from "./objects.ts";

/** Objects asked at the same time by one batch: mostly each is a new one, and a Worker has few connections. */
const REQUESTS_AT_ONCE = 50;
/** A few seconds of requests, well below the time after which a log sends again. */
const SIGN_EVERY_REQUESTS = 200;

/** Before it is asked again whether an object may begin. */
const NO_ROOM_PAUSE_MS = 1_000;

/** @throws whatever an object throws; the range is then not acknowledged and comes again */
export async function routeBatch(objects: Objects, env: string, messages: RouteMessage[], now: number): Promise<void> {
  const perMessage = await Promise.all(messages.map((message) => eventsOf(objects, message)));
  const events = perMessage.flat();
  const names = [...new Set(events.map(({ record }) => record.event.name))];
  const named = events.flatMap(({ record }) => namedFunction(record) ?? []);
  const table = await objects.registry(env).route(names, [...new Set(named)]);
  const [unique] = await Promise.all([
    dropDuplicates(objects, env, startsOf(env, events, table, now)),
    deliverToWaits(objects, env, events, table),
  ]);
  const each: Each = async (items, task) => {
    for (let i = 0, signedAt = 0; i < items.length;) {
      if (i > 0) await objects.pause();
      const room = objects.room(Math.min(REQUESTS_AT_ONCE, items.length - i));
      if (room === 0) await objects.pause(NO_ROOM_PAUSE_MS);
      if (room === 0 || i - signedAt >= SIGN_EVERY_REQUESTS) {
        await sayWorking(objects, env, messages);
        signedAt = i;
      }
      await Promise.all(items.slice(i, i + room).map(task));
      i += room;
    }
  };
  const starts = await takeIn(objects, env, unique, each);
  await reservePlaces(objects, env, starts, placesOf(messages, perMessage), each);
  await each(starts, (start) => objects.run(env, start.runId).start(start));
  await toLogs(messages, (log, ranges) => objects.log(env, log).acknowledge(ranges));
}

/** Tells the logs why their messages could not be routed. What is not heard is only not shown. */
export async function sayFailed(
  objects: Objects,
  env: string,
  messages: RouteMessage[],
  error: unknown,
): Promise<void> {
  const why = error instanceof Error ? error.message : String(error);
  await toLogs(messages, (log, ranges) =>
    objects
      .log(env, log)
      .failed(ranges, why)
      .catch(() => undefined),
  );
}

/** Tells the logs that their messages are being routed: what takes long is not lost. */
async function sayWorking(objects: Objects, env: string, messages: RouteMessage[]): Promise<void> {
  await toLogs(messages, (log, ranges) => objects.log(env, log).working(ranges));
}

/** One request to each log, with all that concerns it. */
async function toLogs(
  messages: RouteMessage[],
  tell: (log: string, ranges: SeqRange[]) => Promise<void>,
): Promise<void> {
  const byLog = groupBy(messages, (message) => message.log);
  await Promise.all(
    [...byLog].map(([log, of]) =>
      tell(
        log,
        of.map(({ from, to }) => ({ from, to })),
      ),
    ),
  );
}

async function eventsOf(objects: Objects, message: RouteMessage): Promise<LoggedEvent[]> {
  return message.events ?? objects.log(message.env, message.log).read(message.from, message.to);
}

function startsOf(env: string, events: LoggedEvent[], table: RouteTable, now: number): StartRequest[] {
  return events.flatMap((logged) => {
    const names = new Set(triggerNames(logged.record.event.name));
    const named = namedFunction(logged.record);
    const listening = table.functions.filter(
      (fn) => fn.id === named || fn.triggers.some((trigger) => names.has(trigger.event)),
    );
    return route(logged.record, listening, now).map(({ fn, invoker }) => ({
      env,
      runId: runIdOf(logged.record.internalId, fn.id),
      fn,
      events: [logged],
      invokers: invoker && [invoker],
    }));
  });
}

/** Events that carry a user id start a function once in 24 hours; the first that asked is the winner, also again. */
async function dropDuplicates(objects: Objects, env: string, starts: StartRequest[]): Promise<StartRequest[]> {
  const asking = starts.flatMap((start) => {
    const { userId, internalId = "" } = start.events[0]?.record ?? {};
    return userId === undefined ? [] : [{ start, claim: { functionId: start.fn.id, userId, internalId } }];
  });
  if (asking.length === 0) return starts;
  const duplicates = new Set<StartRequest>();
  await Promise.all(
    [...groupBy(asking, ({ claim }) => shardOf(claim.userId))].map(async ([shard, asked]) => {
      const winners = await objects.dedupe(env, shard).claim(asked.map(({ claim }) => claim));
      for (const [index, { start, claim }] of asked.entries())
        if (winners[index] !== claim.internalId) duplicates.add(start);
    }),
  );
  return starts.filter((start) => !duplicates.has(start));
}

/** The event that holds a user's id for a function: this one, unless another asked before. */
export async function claimOf(objects: Objects, env: string, claim: DedupeClaim): Promise<string> {
  const [holder = claim.internalId] = await objects.dedupe(env, shardOf(claim.userId)).claim([claim]);
  return holder;
}

/** As {@link claimOf}, but nothing is claimed: null when nobody holds the id. */
export async function holderOf(
  objects: Objects,
  env: string,
  claim: Omit<DedupeClaim, "internalId">,
): Promise<string | null> {
  const [holder = null] = await objects.dedupe(env, shardOf(claim.userId)).holders([claim]);
  return holder;
}

function shardOf(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) >>> 0;
  return hash % DEDUPE_SHARDS;
}

async function deliverToWaits(objects: Objects, env: string, events: LoggedEvent[], table: RouteTable): Promise<void> {
  const byName = groupBy(events, ({ record }) => record.event.name);
  await Promise.all(table.waited.map((name) => objects.waits(env, name).deliver(byName.get(name) ?? [])));
}
