/** Runs of an environment as lists show them, from the index of its logs. */
import * as z from "zod";
import { base64urlnopad } from "@scure/base";
import type { ListedRun, LogObjectApi, Objects, RunListFilter, RunPlace } from "../durable-objects/objects.ts";
import { isUlid, ulidTime } from "../protocol/ids.ts";
import { ApiError } from "./api-error.ts";

/** Requests of objects that one list may cost, or one of each log of a day. */
const LOOKS_MAX = 60;
const DAY_MS = 86_400_000;

const placeSchema = z.tuple([z.string().refine(isUlid), z.string().refine(isUlid)]);

export interface RunList {
  runs: ListedRun[];
  /** where the next page goes on; null when there is none */
  cursor: string | null;
}

/**
 * Runs in the order of their events, which is that in which they were queued. A run that has neither waited nor ended is
 * not in the index yet. A page may be short of its limit when much had to be looked through: the cursor goes on.
 *
 * @throws ApiError 400 for a cursor that is none
 */
export async function listRuns(
  objects: Objects,
  env: string,
  filter: RunListFilter,
  cursor: string | null,
): Promise<RunList> {
  const from = cursor === null ? null : readCursor(cursor);
  const isDescending = filter.order === "desc";
  const logs = await objects.registry(env).logs();
  const days = [...new Set(logs.map((log) => log.slice(0, 10)))].sort();
  if (isDescending) days.reverse();
  const isBefore = (a: RunPlace, b: RunPlace) => (isDescending ? compare(a, b) > 0 : compare(a, b) < 0);
  let looksLeft = LOOKS_MAX;
  const taken: ListedRun[] = [];
  for (const day of days) {
    if (from && isPast(day, from, isDescending)) continue;
    const shards = logs.filter((log) => log.startsWith(day));
    const looksOfEach = Math.max(Math.floor(looksLeft / shards.length), 1);
    const parts = await Promise.all(shards.map((log) => readLog(objects.log(env, log), filter, from, looksOfEach)));
    const found = parts.flatMap(({ runs }) => runs);
    looksLeft -= parts.reduce((looks, part) => looks + part.looks, 0);
    // nothing is known of what comes after the first place that was not looked beyond
    const [stop = null] = parts.flatMap(({ next }) => next ?? []).sort((a, b) => (isBefore(a, b) ? -1 : 1));
    const sure = found.filter((row) => stop === null || !isBefore(stop, row)).sort((a, b) => (isBefore(a, b) ? -1 : 1));
    taken.push(...sure.slice(0, filter.limit - taken.length));
    const last = taken.at(-1);
    if (last && taken.length >= filter.limit) return { runs: taken, cursor: writeCursor(last) };
    if (stop !== null) return { runs: taken, cursor: writeCursor(stop) };
  }
  return { runs: taken, cursor: null };
}

/** A page of one log, for which it is asked again while filters leave it short. */
async function readLog(
  log: Pick<LogObjectApi, "listRuns">,
  filter: RunListFilter,
  from: RunPlace | null,
  looksMax: number,
): Promise<{ runs: ListedRun[]; next: RunPlace | null; looks: number }> {
  const runs: ListedRun[] = [];
  let next = from;
  for (let looks = 1; ; looks++) {
    const page = await log.listRuns({ ...filter, limit: filter.limit - runs.length }, next);
    runs.push(...page.runs);
    next = page.next;
    if (next === null || runs.length >= filter.limit || looks >= looksMax) return { runs, next, looks };
  }
}

/** A page's last row, as the next page wants it. */
export function writeCursor({ eventId, runId }: RunPlace): string {
  return base64urlnopad.encode(new TextEncoder().encode(JSON.stringify([eventId, runId])));
}

/** @throws ApiError 400 for a cursor that is none */
export function readCursor(text: string): RunPlace {
  try {
    const [eventId, runId] = placeSchema.parse(JSON.parse(new TextDecoder().decode(base64urlnopad.decode(text))));
    return { eventId, runId };
  } catch {
    throw new ApiError(400, "invalid_request", `cursor: ${JSON.stringify(text.slice(0, 60))} is not one of this list`);
  }
}

/** Ids begin with their time, so a day before or after the place has nothing more to show. */
function isPast(day: string, place: RunPlace, isDescending: boolean): boolean {
  const start = Date.parse(day);
  const at = ulidTime(place.eventId);
  return isDescending ? start > at : start + DAY_MS <= at;
}

function compare(a: RunPlace, b: RunPlace): number {
  if (a.eventId !== b.eventId) return a.eventId < b.eventId ? -1 : 1;
  return a.runId < b.runId ? -1 : a.runId > b.runId ? 1 : 0;
}
