import { matches } from "../engine/expression.ts";
import { runStatus } from "../engine/run.ts";
import type { Window } from "./bulk-passes.ts";
import type { BulkRequest, FoundRun, RunSummary } from "./objects.ts";

/**
 * What has become of a run. `vain`: it is meant, but there was nothing to be done to it; null: it is none of those that are
 * meant.
 */
export interface Outcome {
  runId: string;
  kind: "done" | "vain" | "failed" | null;
  createdAt: number | null;
}

/** What a bulk operation does to one run. Doing it again changes nothing, and comes to the same. */
export interface Deed {
  /** runs at the same time */
  readonly atOnce: number;
  /** To a run of the index. */
  toFound(found: FoundRun, window: Window): Promise<Outcome>;
  /** To a run of which only the id is known. */
  toAny(runId: string, window: Window): Promise<Outcome>;
}

/** Whether a run is one of those that an operation means. */
export function isMeant({ run, events }: RunSummary, request: BulkRequest, window: Window): boolean {
  const { functionIds, appId, statuses } = request;
  if (functionIds !== null && !functionIds.includes(run.functionId)) return false;
  if (appId !== null && run.appId !== appId) return false;
  if (statuses !== null && !statuses.includes(runStatus(run))) return false;
  if (run.createdAt < window.createdFrom || run.createdAt >= window.createdBefore) return false;
  const [first] = events;
  if (request.if === null) return true;
  return first !== undefined && matches(request.if, { event: { ...first.event }, now: request.createdAt });
}
