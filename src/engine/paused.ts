/** What a paused run holds back over HTTP: a discovery, and calls of single steps (`run-pause.ts`). */
import type { Draft } from "./decision.ts";
import type { Entry, Run } from "./run.ts";

/** Whether a discovery is held back. */
export function holdsDiscovery({ run }: Draft): boolean {
  if (!run.paused) return false;
  run.paused = { ...run.paused, discovery: true };
  return true;
}

/** Whether the call of a step is held back. */
export function holdsStep(draft: Draft, { id }: Pick<Entry, "id">): boolean {
  const { run } = draft;
  if (!run.paused) return false;
  draft.saveRun = true;
  run.paused = { ...run.paused, steps: [...run.paused.steps.filter((other) => other !== id), id] };
  return true;
}

/** Whether a step was held back, which nobody waits for any more. */
export function isLetGo(draft: Draft, entry: Pick<Entry, "id">): boolean {
  const { run } = draft;
  if (!run.paused || !isHeldBack(run, entry)) return false;
  draft.saveRun = true;
  run.paused = { ...run.paused, steps: run.paused.steps.filter((other) => other !== entry.id) };
  return true;
}

/** Whether the call of a planned step has not gone out, because its run is paused. */
export function isHeldBack({ paused }: Pick<Run, "paused">, { id }: Pick<Entry, "id">): boolean {
  return paused?.steps.includes(id) ?? false;
}
