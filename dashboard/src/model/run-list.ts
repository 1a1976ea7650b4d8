/** The list of runs: pages that were read once, below a head that is read again and again. */
import type { RunPage, RunRow } from "../api/runs.ts";

/** The order of the list: by event, then by run, newest first. */
export function placeOf({ trigger, id }: RunRow): string {
  return `${trigger.eventIds[0] ?? id}${id}`;
}

export interface MergedRuns {
  rows: RunRow[];
  /** more runs have begun between two looks than a head holds: the pages must be read again */
  isTorn: boolean;
}

/** What the head covers is as the head says: a run that it no longer has does not match any more. */
export function mergeRuns(head: RunPage | undefined, pages: readonly RunPage[]): MergedRuns {
  const known = pages.flatMap((page) => page.runs);
  const last = head?.runs.at(-1);
  if (!head) return { rows: known, isTorn: false };
  if (!last || head.cursor === null) return { rows: head.runs, isTorn: false };
  const below = known.filter((row) => placeOf(row) < placeOf(last));
  const isTorn = known.length > 0 && below.length === known.length;
  return { rows: [...head.runs, ...below], isTorn };
}

export function isOver({ status }: Pick<RunRow, "status">): boolean {
  return status !== "QUEUED" && status !== "RUNNING";
}

/** How long a run has taken or goes on; null before it begins. */
export function runDurationMs({ startedAt, endedAt, durationMs }: RunRow, now: number): number | null {
  if (durationMs !== undefined) return Number(durationMs);
  if (startedAt === undefined) return null;
  return (endedAt === undefined ? now : Date.parse(endedAt)) - Date.parse(startedAt);
}
