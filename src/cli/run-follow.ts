/** A run as `GET /v1/runs/:id` tells it, and how to follow one until it has ended. */
import { setTimeout as delay } from "node:timers/promises";
import { CommandError, exitCodes, type ExitCode } from "./exit-codes.ts";
import { Away, path, type Platform } from "./platform.ts";
import { changes } from "./server-events.ts";
import { durationText } from "./times.ts";
import type { Reason } from "./waiting.ts";

export interface RunError {
  name?: string;
  message?: string;
  stack?: string;
}

export interface StepDetails {
  id: string;
  hash: string;
  name: string;
  kind: string;
  status: string;
  attempt: number;
  failures: { attempt: number; ended_at: string; error: RunError }[];
  output: unknown;
  error: RunError | null;
  created_at: string;
  ended_at: string | null;
  until: string | null;
}

export interface RunDetails {
  run_id: string;
  run_started_at: string;
  function_slug: string;
  function_version: number;
  event_id: string;
  event_name: string;
  cron?: string;
  status: string;
  ended_at: string | null;
  output: unknown;
  attempt: number;
  error: RunError | null;
  cancel_reason: unknown;
  skip_reason: string | null;
  waiting_for: Reason[];
  steps: StepDetails[];
}

export interface FollowOptions {
  /** after which it is given up; default: never */
  timeoutMs?: number | undefined;
  /** is told each state that was seen, the first at once and the last once it has ended */
  onState?: (run: RunDetails) => void;
}

const POLL_MS = 500;
/** With a stream that tells of changes; it may break unnoticed. */
const HEARD_POLL_MS = 15_000;
/** A run that changes all the time is read no more often. */
const PACE_MS = 100;
/** How long a platform may be away in the meantime: it is restarted, or deployed. */
const AWAY_MAX_MS = 60_000;

export function readRun(platform: Platform, id: string): Promise<RunDetails> {
  return platform.get<{ data: RunDetails }>(path`/v1/runs/${id}`).then(({ data }) => data);
}

/**
 * Reads the run whenever the platform says that it has changed, until it has ended; now and then where it says nothing.
 *
 * @throws CommandError with the exit code of a time that is up
 */
export async function followRun(platform: Platform, id: string, options: FollowOptions = {}): Promise<RunDetails> {
  const { timeoutMs = Number.POSITIVE_INFINITY, onState } = options;
  const startedAt = performance.now();
  const over = new AbortController();
  const bell = new Bell(platform, id, over.signal);
  try {
    for (let awaySince: number | null = null; ;) {
      try {
        const run = await readRun(platform, id);
        awaySince = null;
        onState?.(run);
        if (isEnded(run.status)) return run;
      } catch (error) {
        const isLost = awaySince !== null && performance.now() - awaySince > AWAY_MAX_MS;
        if (!(error instanceof Away) || isLost) throw error;
        awaySince ??= performance.now();
      }
      const leftMs = timeoutMs - (performance.now() - startedAt);
      if (leftMs <= 0)
        throw new CommandError(
          `run ${id} has not ended within ${durationText(timeoutMs)}; it goes on: inngest runs tail ${id}`,
          exitCodes.timeUp,
        );
      await bell.next(leftMs);
    }
  } finally {
    over.abort();
  }
}

/** Rings when a run may have changed. */
class Bell {
  readonly #signal: AbortSignal;
  /** false: the platform has no streams, or it is not known yet */
  #isHeard = false;
  #hasRung = false;
  #wake = () => {};

  constructor(platform: Platform, runId: string, signal: AbortSignal) {
    this.#signal = signal;
    void this.#listen(platform, runId);
  }

  async #listen(platform: Platform, runId: string): Promise<void> {
    try {
      for await (const { event } of changes(platform, { run: runId }, this.#signal)) {
        if (event === "ready") this.#isHeard = true;
        this.#hasRung = true;
        this.#wake();
      }
    } catch {
      // an older platform, or too many streams: the run is looked at now and then
    }
    this.#isHeard = false;
    this.#wake();
  }

  async next(atMostMs: number): Promise<void> {
    await delay(Math.min(PACE_MS, atMostMs));
    if (!this.#hasRung) {
      const waited = new AbortController();
      this.#wake = () => waited.abort();
      const restMs = Math.min(this.#isHeard ? HEARD_POLL_MS : POLL_MS, atMostMs);
      await delay(restMs, undefined, { signal: waited.signal }).catch(() => {}); // it rang
    }
    this.#hasRung = false;
  }
}

/** The run that an event has started, once it is there. */
export async function runOfEvent(
  platform: Platform,
  eventId: string,
  functionSlug: string,
  timeoutMs: number,
): Promise<string> {
  const startedAt = performance.now();
  for (;;) {
    const { data } = await platform.get<{ data: RunDetails[] }>(path`/v1/events/${eventId}/runs`);
    const run = data.find(({ function_slug: slug }) => slug === functionSlug);
    if (run) return run.run_id;
    if (performance.now() - startedAt >= timeoutMs)
      throw new CommandError(
        `event ${eventId} has started no run of "${functionSlug}" within ${durationText(timeoutMs)}: does the function collect events (debounce, batchEvents), or is it paused?`,
        exitCodes.timeUp,
      );
    await delay(POLL_MS);
  }
}

export function isEnded(status: string): boolean {
  return /^(completed|failed|cancelled|skipped)$/i.test(status);
}

/** What a command ends with that has waited for a run. */
export function outcomeCode(run: RunDetails): ExitCode {
  return /^completed$/i.test(run.status) ? exitCodes.done : exitCodes.runFailed;
}
