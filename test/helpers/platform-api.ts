/** The platform's public API, as a person with curl would ask it. */
import { setTimeout as delay } from "node:timers/promises";
import { Inngest, type EventPayload } from "../../src/sdk/index.ts";

export interface RunListItem {
  run_id: string;
  function_slug: string;
  status: "Scheduled" | "Running" | "Completed" | "Failed" | "Cancelled";
  output: unknown;
}

interface ApiError {
  name: string;
  message: string;
  code?: string;
}

export interface RunDetails extends RunListItem {
  ended_at: string | null;
  attempt: number;
  error: ApiError | null;
  last_error: ApiError | null;
  waiting_for: { kind: string; step?: string; until?: string }[];
  steps: { id: string; status: string; failures: { attempt: number; error: ApiError }[]; error: ApiError | null }[];
}

const POLL_MS = 50;

/** Sends events with the client; returns the platform's ids for them. */
export async function send(url: string, payload: EventPayload | EventPayload[], seed?: string): Promise<string[]> {
  const { ids } = await new Inngest({ id: "sender", isDev: true, baseUrl: url }).send(payload, { seed });
  return ids;
}

/** Runs that an event has started. */
export async function runsOf(url: string, eventId: string): Promise<RunListItem[]> {
  return getData(`${url}/v1/events/${eventId}/runs`);
}

export async function readRun(url: string, runId: string): Promise<RunDetails> {
  return getData(`${url}/v1/runs/${runId}`);
}

/** The one run of an event, in all its details, once it has ended. */
export async function endedRun(url: string, eventId: string, withinMs = 20_000): Promise<RunDetails> {
  const { run_id } = await until(`the run of event ${eventId} has ended`, withinMs, async () => {
    const [run] = await runsOf(url, eventId);
    return run && isEnded(run) ? run : undefined;
  });
  return readRun(url, run_id);
}

export function isEnded(run: RunListItem): boolean {
  return run.status !== "Scheduled" && run.status !== "Running";
}

/**
 * Asks until there is an answer. A platform that is away for a moment (it was replaced, say) is asked again.
 *
 * @throws Error with `what` and the last failure when there is none in time
 */
export async function until<T>(
  what: string,
  withinMs: number,
  ask: () => Promise<T | undefined | false>,
  everyMs = POLL_MS,
): Promise<T> {
  const giveUpAt = performance.now() + withinMs;
  for (let failure: unknown; ;) {
    const answer = await ask().catch((error: unknown) => void (failure = error));
    if (answer !== undefined && answer !== false) return answer as T;
    if (performance.now() > giveUpAt) throw new Error(`Not within ${withinMs} ms: ${what}`, { cause: failure });
    await delay(everyMs);
  }
}

async function getData<T>(url: string): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`GET ${url} answered ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { data: T }).data;
}
