import { Hono } from "hono";
import * as z from "zod";
import { inTurns } from "../durable-objects/in-turns.ts";
import type { LeaseHolder, LineView, LoggedEvent, Objects, RunIndexRow } from "../durable-objects/objects.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { admissionOf } from "../flow-control/admit.ts";
import { envelope } from "./envelope.ts";
import { checkFields } from "./fields.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { iso } from "./iso.ts";

/** Lines that one answer asks for, whatever number there are. */
const LINES_MAX = 500;
/** Runs under way whose events are read, to find keys that are held while nobody waits. */
const RUNS_READ = 50;
/** Logs that are looked through for them, the newest. */
const LOGS_READ = 10;

export const linesSchema = z.object({
  /** slugs, separated by commas; without it all functions */
  function: z.string().optional(),
});

/** A key at which runs are let in, and who of the functions that are asked about has to do with it. */
interface Key {
  env: string;
  object: string;
  key: string | null;
  functions: Set<string>;
}

/** The lines of all functions at once (ours). */
export function lineRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/lines", signingKeyGuard(settings));

  app.get("/v1/lines", async (c) => {
    const query = checkFields(c.req.query(), linesSchema);
    const slugs = query.function?.split(",").map((slug) => slug.trim());
    const functions = await objects.registry(env).functions();
    const asked = slugs ? functions.filter(({ id }) => slugs.includes(id)) : functions;
    return c.json(envelope(await linesOf(objects, env, asked)));
  });
  return app;
}

/** Why runs of functions wait, and who keeps them waiting: each of their lines once, the longest first. */
export async function linesOf(objects: Objects, env: string, functions: readonly RegisteredFunction[]) {
  const keys = await keysOf(objects, env, functions.filter(isControlled));
  const lines = await inTurns(keys.slice(0, LINES_MAX), async (key) => ({
    key,
    line: await objects.leases(key.env, key.object).line(),
  }));
  return lines
    .flatMap(({ key, line }) => (line && (line.held > 0 || line.waiting > 0) ? [lineView(key, line)] : []))
    .sort((a, b) => b.waiting - a.waiting || b.held - a.held);
}

function isControlled({ flow, paused }: RegisteredFunction): boolean {
  return flow !== undefined || paused !== undefined;
}

/**
 * Keys at which somebody has waited say so to their functions. One that is held while nobody waits says nothing, since that
 * would cost every run a row: its name follows from the function, or from the event of a run that is under way.
 */
async function keysOf(objects: Objects, env: string, functions: readonly RegisteredFunction[]): Promise<Key[]> {
  const keys = new Map<string, Key>();
  const add = (functionId: string, one: Omit<Key, "functions">) => {
    const name = `${one.env}/${one.object}`;
    const known = keys.get(name);
    if (known) known.functions.add(functionId);
    else keys.set(name, { ...one, functions: new Set([functionId]) });
  };
  const waited = await inTurns(functions, async ({ id }) => ({ id, lines: await objects.lines(env, id).list() }));
  for (const { id, lines } of waited) for (const line of lines) add(id, line);
  for (const { fn, event, at } of await knownEvents(objects, env, functions))
    for (const gate of admissionOf(fn, env, event, at)?.gates ?? []) add(fn.id, gate);
  return [...keys.values()];
}

interface KnownEvent {
  fn: RegisteredFunction;
  event: LoggedEvent["record"]["event"];
  at: number;
}

/** Events by which the keys of functions are known: any will do where no key asks for one. */
async function knownEvents(
  objects: Objects,
  env: string,
  functions: readonly RegisteredFunction[],
): Promise<KnownEvent[]> {
  const plain = functions.filter((fn) => !hasKeys(fn));
  const none = plain.map((fn) => ({ fn, event: { id: "", name: "", data: {}, user: {}, ts: 0 }, at: 0 }));
  const keyed = new Map(functions.filter(hasKeys).map((fn) => [fn.id, fn]));
  if (keyed.size === 0) return none;
  const rows = await underWay(objects, env, [...keyed.keys()]);
  const read = await inTurns(rows, async ({ log, row }): Promise<KnownEvent[]> => {
    const fn = keyed.get(row.functionId);
    const logged = fn && (await objects.log(env, log).event(row.eventId));
    return fn && logged ? [{ fn, event: logged.record.event, at: row.createdAt }] : [];
  });
  return [...none, ...read.flat()];
}

function hasKeys({ flow }: RegisteredFunction): boolean {
  const { concurrency = [], throttle, singleton } = flow ?? {};
  return [...concurrency, ...(throttle ? [throttle] : []), ...(singleton ? [singleton] : [])].some(
    ({ key }) => key !== null,
  );
}

/** The newest indexed runs of functions that have not ended, of the last logs. */
async function underWay(
  objects: Objects,
  env: string,
  functionIds: string[],
): Promise<{ log: string; row: RunIndexRow }[]> {
  const logs = (await objects.registry(env).logs()).slice(0, LOGS_READ);
  const found = await inTurns(logs, async (log) => {
    const { runs } = await objects.log(env, log).listRuns(
      {
        functionIds,
        statuses: ["Scheduled", "Running"],
        timeField: "createdAt",
        from: 0,
        until: Number.POSITIVE_INFINITY,
        limit: RUNS_READ,
        order: "desc",
      },
      null,
    );
    return runs.map((row) => ({ log, row }));
  });
  return found
    .flat()
    .sort((a, b) => b.row.createdAt - a.row.createdAt)
    .slice(0, RUNS_READ);
}

function lineView({ object, key, functions }: Key, line: LineView) {
  const { policy, held, waiting, holders, waiters, oldestSince, nextAt } = line;
  return {
    id: object,
    rule: policy?.rule ?? object.slice(0, object.indexOf("/")),
    key,
    functions: [...functions].toSorted(),
    limit: policy && "limit" in policy ? policy.limit : null,
    /** throttle: it lets `limit` in per this time */
    period_ms: policy?.rule === "throttle" ? policy.periodMs : null,
    held,
    waiting,
    holders: holders.map(leaseView),
    /** the first of the line, in its order */
    waiters: waiters.map(leaseView),
    oldest_since: iso(oldestSince),
    next_at: iso(nextAt),
  };
}

function leaseView({ runId, functionId, since }: LeaseHolder) {
  return { run_id: runId, function_slug: functionId, since: iso(since) };
}
