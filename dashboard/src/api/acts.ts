/** What people do to one run. */
import type { Json } from "./json.ts";
import { path, request } from "./request.ts";

/** Where a run is repeated from, and the arguments that the step gets, if they are others than its own. */
export interface FromStep {
  hash: string;
  input?: Json[];
}

/** @returns the id of the new run */
export async function rerunFrom(runId: string, from: FromStep): Promise<string> {
  const { data } = await request<{ data: { run_id: string } }>(path`/v1/runs/${runId}/rerun`, {
    method: "POST",
    body: { from_step: from },
  });
  return data.run_id;
}

/** What is written in the place of what a step waits for. */
export type Written = { event: Json } | { data: Json } | { error: Json } | { timeout: true };

/** Ends a wait. */
export async function resolveStep(runId: string, hash: string, written: Written): Promise<void> {
  await request(path`/v1/runs/${runId}/steps/${hash}/resolve`, { method: "POST", body: written });
}

/** Lets nothing more of a run begin. */
export async function pauseRun(runId: string): Promise<void> {
  await request(path`/v1/runs/${runId}/pause`, { method: "POST" });
}

/** Lets it go on. */
export async function resumeRun(runId: string): Promise<void> {
  await request(path`/v1/runs/${runId}/resume`, { method: "POST" });
}
