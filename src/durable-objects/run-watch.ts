/**
 * Whoever subscribes to `$run` on the channel of a run's id is told its end. The registry knows who is listened to, as it
 * knows which events anybody waits for, and a run asks about both in one request: a run that nobody listens to does nothing
 * more than before.
 */
import { isEnded, type Run } from "../engine/run.ts";
import { internalEvents } from "../protocol/event.ts";
import { isUlid, uuidOf } from "../protocol/ids.ts";
import { byteLength } from "../protocol/json.ts";
import { REALTIME_MESSAGE_MAX_BYTES } from "../protocol/limits.ts";
import { RUN_TOPIC, runFrame } from "../protocol/realtime.ts";
import type { Objects } from "./objects.ts";

/** What the registry calls it; no event has this name. */
export function watchName(runId: string): string {
  return `inngest/realtime.run/${runId}`;
}

/**
 * Sees to it that the run of this id tells its end to its channel.
 *
 * @returns the message, if it has ended already
 */
export async function watchRun(objects: Objects, env: string, runId: string, now: number): Promise<string | null> {
  if (!isUlid(runId)) return null;
  const registry = objects.registry(env);
  await registry.flag(watchName(runId), now); // first: it may end while it is asked
  const summary = await objects.run(env, runId).summary();
  if (summary && !isEnded(summary.run.state) && tellsEnd(summary.run)) return null;
  await registry.unflag(watchName(runId));
  return summary && isEnded(summary.run.state) ? endFrame(summary.run) : null;
}

/** Tells the subscribers of a run's channel its end. May be repeated. */
export async function tellEnd(objects: Objects, run: Run): Promise<void> {
  await objects.channel(run.env, run.id).publish([{ topic: RUN_TOPIC, frame: endFrame(run) }]);
  await objects.registry(run.env).unflag(watchName(run.id));
}

/** As for lifecycle events: what an end has started has none to tell. */
function tellsEnd({ eventName }: Run): boolean {
  return eventName !== internalEvents.failed && eventName !== internalEvents.finished;
}

/** In the form that `useRealtime` reads; an output that is too large for a message is left out. */
function endFrame({ id, env, functionId, state }: Run): string {
  const at = isEnded(state) ? state.endedAt : 0;
  const publication = { channel: id, envId: uuidOf(env), at, runId: id };
  const status = { status: state.kind, ...(state.kind === "failed" ? { error: state.error } : {}) };
  const whole = JSON.stringify(state.kind === "completed" ? { ...status, output: state.output } : status);
  const isSmall = byteLength(whole) <= REALTIME_MESSAGE_MAX_BYTES;
  return runFrame(publication, functionId, isSmall ? whole : JSON.stringify(status));
}
