/** The runs that an event has started, also as one of many that a batch or a debounce has collected. */
import {
  logDay,
  logOf,
  type LoggedEvent,
  type Objects,
  type RunIndexRow,
  type RunPlace,
  type RunSummary,
} from "../durable-objects/objects.ts";
import { route } from "../engine/route.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { runIdOf, ulidOf, ulidTime } from "../protocol/ids.ts";
import { indexRowView, runListView } from "./run-view.ts";

/** A run as it stands, or its index row when that is all that is left. */
export type EventRun = { summary: RunSummary } | { row: RunIndexRow };

/** How much later than its events' receipt, and its own timeout, a collected run may have been created. */
const LATE_MS = 10 * 60_000;
const PAGES_MAX = 20;
const CANDIDATES_MAX = 100;
const ASKED_AT_ONCE = 6;
const DAY_MS = 86_400_000;

export function eventRunView(run: EventRun): object {
  return "summary" in run ? runListView(run.summary) : indexRowView(run.row);
}

/**
 * Indexed runs, those that the event has started but that have neither ended nor waited yet (their ids follow from event
 * and function), and those that began with another event and were given this one too.
 */
export async function runsOfEvent(objects: Objects, env: string, logged: LoggedEvent): Promise<EventRun[]> {
  const { record, receivedAt } = logged;
  const log = objects.log(env, logOf(record.internalId));
  const [rows, functions] = await Promise.all([log.runsOf(record.internalId), objects.registry(env).functions()]);
  const byId = new Map(rows.map((row) => [row.runId, row]));
  const started = route(record, functions, receivedAt).map(({ fn }) => fn);
  const ids = new Set([...byId.keys(), ...started.map((fn) => runIdOf(record.internalId, fn.id))]);
  const own = await Promise.all(
    [...ids].map(async (runId): Promise<EventRun[]> => {
      const summary = await objects.run(env, runId).summary();
      const row = byId.get(runId);
      return summary ? [{ summary }] : row ? [{ row }] : [];
    }),
  );
  const isFound = (fn: RegisteredFunction) => own.flat().some((run) => functionOf(run) === fn.id);
  const collected = await Promise.all(
    started.filter((fn) => isCollecting(fn) && !isFound(fn)).map((fn) => collectedRuns(objects, env, fn, logged, ids)),
  );
  return [...own, ...collected].flat();
}

function functionOf(run: EventRun): string {
  return "summary" in run ? run.summary.run.functionId : run.row.functionId;
}

/** Whether its runs may be of several events. */
export function isCollecting({ flow }: RegisteredFunction): boolean {
  return flow?.batch !== undefined || flow?.debounce?.collect === true;
}

/**
 * Runs of a function that collects events, among those that began with an event before this one: nothing but the run
 * itself knows of the rest, so those that may have it are asked, the earliest first, up to a bound.
 */
async function collectedRuns(
  objects: Objects,
  env: string,
  fn: RegisteredFunction,
  { record, receivedAt }: LoggedEvent,
  known: ReadonlySet<string>,
): Promise<EventRun[]> {
  const { batch, debounce } = fn.flow ?? {};
  const waitMs = Math.max(batch?.timeoutMs ?? 0, debounce?.timeoutMs ?? debounce?.periodMs ?? 0);
  const eventAt = ulidTime(record.internalId);
  const from = eventAt - waitMs - LATE_MS;
  const until = eventAt + LATE_MS;
  const logs = (await objects.registry(env).logs()).filter(
    (log) => logDay(log) + DAY_MS > from && logDay(log) <= until,
  );
  const candidates: { runId: string; createdAt: number }[] = [];
  for (const log of logs) {
    let place: RunPlace | null = {
      eventId: ulidOf({ timeMs: Math.max(from, 0), entropy: new Uint8Array(10) }),
      runId: "",
    };
    for (let page = 0; place !== null && page < PAGES_MAX && ulidTime(place.eventId) <= until; page++) {
      const found: Awaited<ReturnType<ReturnType<Objects["log"]>["runs"]>> = await objects.log(env, log).runs(
        {
          functionIds: [fn.id],
          appId: null,
          statuses: null,
          createdFrom: receivedAt - 1,
          createdBefore: receivedAt + waitMs + LATE_MS,
          if: null,
          now: receivedAt,
        },
        place,
      );
      candidates.push(...found.runs.filter(({ runId }) => !known.has(runId)));
      place = found.next;
    }
  }
  const asked = candidates.sort((a, b) => a.createdAt - b.createdAt).slice(0, CANDIDATES_MAX);
  for (let i = 0; i < asked.length; i += ASKED_AT_ONCE) {
    const summaries = await Promise.all(
      asked.slice(i, i + ASKED_AT_ONCE).map(({ runId }) => objects.run(env, runId).summary()),
    );
    const found = summaries.find((summary) => summary?.run.eventIds.includes(record.internalId));
    if (found) return [{ summary: found }]; // an event is in one batch only
  }
  return [];
}
