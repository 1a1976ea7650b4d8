/** How many runs a bulk operation would mean, counted before it is asked for. */
import { functionsOf } from "../durable-objects/bulk-object.ts";
import { isMeant } from "../durable-objects/bulk-deed.ts";
import { freshFrom, nextLog, windowOf } from "../durable-objects/bulk-passes.ts";
import { inTurns } from "../durable-objects/in-turns.ts";
import type { BulkRequest, EventPlace, Objects, RunPlace } from "../durable-objects/objects.ts";

/** Pages of logs, each of some hundred runs, and runs that are asked because no index has them yet. */
const PAGES_MAX = 200;
const ASKED_MAX = 200;

export interface BulkCount {
  matched: number;
  /** false: there are at least so many; more could not be looked at */
  isExact: boolean;
}

/** What is under way of a request, or what it says, by the same logs and passes as its work. Nothing is done to any run. */
export async function countRuns(objects: Objects, env: string, request: BulkRequest): Promise<BulkCount> {
  const fresh = request.kind === "cancellation" ? await freshRuns(objects, env, request) : NOTHING;
  const found = new Set(fresh.runIds);
  let isExact = fresh.isExact;
  const { functionIds, appId, statuses, createdFrom, createdBefore, if: condition, createdAt: now } = request;
  const query = { functionIds, appId, statuses, createdFrom, createdBefore, if: condition, now };
  let pages = 0;
  for (const log of await logsOf(objects, env, request)) {
    let place: RunPlace | null = null;
    do {
      if (pages++ >= PAGES_MAX) return { matched: found.size, isExact: false };
      const page: Awaited<ReturnType<ReturnType<Objects["log"]>["runs"]>> = await objects
        .log(env, log)
        .runs(query, place);
      for (const { runId, matches } of page.runs)
        if (matches) found.add(runId);
        else isExact = false; // its event is gone: only the run itself knows
      place = page.next;
    } while (place);
  }
  return { matched: found.size, isExact };
}

const NOTHING = { runIds: [] as string[], isExact: true };

/** Runs that execute since their start: of what events of the last minutes may have started, those that are there. */
async function freshRuns(objects: Objects, env: string, request: BulkRequest): Promise<typeof NOTHING> {
  const window = windowOf("fresh", request);
  const functions = functionsOf(await objects.registry(env).functions(), request);
  if (!window || functions.length === 0) return NOTHING;
  const candidates: string[] = [];
  for (const log of await logsOf(objects, env, request)) {
    let place: EventPlace | null = null;
    do {
      const page: Awaited<ReturnType<ReturnType<Objects["log"]>["unindexed"]>> = await objects
        .log(env, log)
        .unindexed(functions, freshFrom(request), place);
      candidates.push(...page.runIds);
      place = page.next;
    } while (place && candidates.length <= ASKED_MAX);
  }
  const summaries = await inTurns(candidates.slice(0, ASKED_MAX), async (runId) => ({
    runId,
    summary: await objects.run(env, runId).summary(),
  }));
  const runIds = summaries.flatMap(({ runId, summary }) =>
    summary && isMeant(summary, request, window) ? [runId] : [],
  );
  return { runIds, isExact: candidates.length <= ASKED_MAX };
}

/** Newest first. */
async function logsOf(objects: Objects, env: string, request: BulkRequest): Promise<string[]> {
  const known = await objects.registry(env).logs();
  const logs: string[] = [];
  for (let log = nextLog(known, null, request); log !== null; log = nextLog(known, log, request)) logs.push(log);
  return logs;
}
