import type { EventRecord } from "../protocol/event.ts";
import { searchMatches } from "./expression.ts";
import type { Run } from "./run.ts";

/** Whether a run's output, and any of its events, are as a search wants them. The output of a failed run is its error. */
export function matchesRun(
  { run: { state }, events }: { run: Pick<Run, "state">; events: readonly EventRecord[] },
  search: { if: string; now: number },
): boolean {
  const output = state.kind === "completed" ? state.output : state.kind === "failed" ? state.error : null;
  return events.some(({ event }) => searchMatches(search.if, { event: { ...event }, output, now: search.now }));
}
