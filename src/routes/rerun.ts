import type { Objects } from "../durable-objects/objects.ts";
import { ulidOf, ulidParts } from "../protocol/ids.ts";
import { ApiError } from "./api-error.ts";
import { findRun } from "./runs.ts";

/**
 * Starts the function of a run once more, with the same events and the code of today.
 *
 * @returns the id of the new run
 * @throws HTTPException as {@link findRun}; ApiError 404 when the function is no longer registered
 */
export async function rerun(objects: Objects, env: string, id: string, now: number): Promise<string> {
  const { run, events } = await findRun(objects, env, id);
  const fn = await objects.registry(env).function(run.functionId);
  if (!fn)
    throw new ApiError(
      404,
      "not_found",
      `function "${run.functionId}" of run ${id} is not registered any more; sync its app`,
    );
  const [eventId = run.id] = run.eventIds;
  const runId = runIdBeside(eventId);
  await objects.run(env, runId).start({
    env,
    runId,
    fn,
    events: events.map((record) => ({ record, receivedAt: now })),
    dueAt: now,
  });
  return runId;
}

/** As every run of an event, it shares time and first entropy byte with it: they name the log that holds both. */
function runIdBeside(eventId: string): string {
  const { timeMs, entropy } = ulidParts(eventId);
  const random = crypto.getRandomValues(new Uint8Array(entropy.length));
  random[0] = entropy[0] ?? 0;
  return ulidOf({ timeMs, entropy: random });
}
