/** The list of runs: pages that were read once, below a head that is read again and again. */
import type { RunPage, RunRow } from "../api/runs.ts";

/** The order of the list: by event, then by run, newest first. */
export function placeOf({ event_id: eventId, run_id: runId }: RunRow): string {
  return `${eventId}${runId}`;
}

export interface MergedRuns {
  rows: RunRow[];
  /** more runs have begun between two looks than a head holds: the pages must be read again */
  isTorn: boolean;
}

/**
 * What the head covers is as the head says: a run that it no longer has does not match any more. A head that has found nothing
 * as far as it has looked covers nothing.
 */
export function mergeRuns(head: RunPage | undefined, pages: readonly RunPage[]): MergedRuns {
  const known = pages.flatMap((page) => page.runs);
  const last = head?.runs.at(-1);
  if (!head) return { rows: known, isTorn: false };
  if (head.cursor === null) return { rows: head.runs, isTorn: false };
  if (!last) return { rows: known, isTorn: false };
  const below = known.filter((row) => placeOf(row) < placeOf(last));
  const isTorn = known.length > 0 && below.length === known.length;
  return { rows: [...head.runs, ...below], isTorn };
}

export function isOver({ ended_at: endedAt }: Pick<RunRow, "ended_at">): boolean {
  return endedAt !== null;
}

/** How long a run has taken or goes on; null before it begins. */
export function runDurationMs({ started_at: startedAt, ended_at: endedAt }: RunRow, now: number): number | null {
  if (startedAt === null) return null;
  return (endedAt === null ? now : Date.parse(endedAt)) - Date.parse(startedAt);
}
