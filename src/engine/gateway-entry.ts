/** The request of a step holds secrets. They are in its entry while it may be made (again), and in nothing else. */
import type { Draft } from "./decision.ts";
import type { Entry } from "./run.ts";

/** The entry as it is kept for good. */
export function withoutRequest({ gateway: _secrets, ...entry }: Entry): Entry {
  return entry;
}

/** The entry of a step that has its result, and what the header says of such steps. */
export function requestOver(draft: Draft, entry: Entry): Entry {
  if (!entry.gateway) return entry;
  const { http } = draft.run;
  if (http?.gateways) http.gateways -= 1;
  draft.saveRun = true;
  return withoutRequest(entry);
}
