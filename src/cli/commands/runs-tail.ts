/** `inngest runs tail`: what happens, when it happens, until it is over or somebody stops it. */
import { setTimeout as delay } from "node:timers/promises";
import type { ExitCode } from "../exit-codes.ts";
import { coloured, cut, print, printJsonLine } from "../output.ts";
import { Away, Refusal, type Platform } from "../platform.ts";
import { followRun, outcomeCode } from "../run-follow.ts";
import { happeningText, printOutcome, RunStory } from "../run-view.ts";
import { changes } from "../server-events.ts";
import { clockText, durationText, tookText } from "../times.ts";
import { runPage, triggerOf, wireStatus, type RunFilter, type RunRow } from "./runs-list.ts";

export interface TailOptions extends RunFilter {
  timeout?: number;
  json?: boolean;
}

/** One run, step by step. @returns the exit code that its end asks for */
export async function tailRun(platform: Platform, id: string, { timeout, json }: TailOptions): Promise<ExitCode> {
  const story = new RunStory();
  const run = await followRun(platform, id, {
    timeoutMs: timeout,
    onState: (state) => {
      for (const happening of story.news(state, Date.now())) {
        if (json) printJsonLine(happening);
        else print(happeningText(happening, durationText));
      }
    },
  });
  if (!json) printOutcome(run);
  return outcomeCode(run);
}

const POLL_MS = 1_000;
const PAGE = 100;
/** Runs whose status is remembered, so that a list that is read again tells only what has changed. */
const REMEMBERED_MAX = 5_000;

/** All runs: a line for each whose status has changed since the command began. */
export async function tailRuns(platform: Platform, options: TailOptions): Promise<void> {
  const stopping = new AbortController();
  if (options.timeout !== undefined) setTimeout(() => stopping.abort(), options.timeout);
  const { signal } = stopping;
  const known = new Map<string, string>();
  const remember = (row: RunRow): boolean => {
    const isNews = known.get(row.run_id) !== row.status;
    known.delete(row.run_id);
    known.set(row.run_id, row.status);
    const [oldest] = known.keys();
    if (known.size > REMEMBERED_MAX && oldest !== undefined) known.delete(oldest);
    return isNews;
  };
  const tell = (row: RunRow) => {
    if (!remember(row)) return;
    if (options.json) printJsonLine(row);
    else print(rowText(row));
  };
  const look = async (seen: (row: RunRow) => void) => {
    const { data } = await runPage(platform, options, { limit: PAGE });
    for (const row of data.toReversed()) seen(row);
  };

  await look((row) => void remember(row));
  const query = {
    topics: "runs",
    app: options.app,
    function: options.function,
    status: options.status?.map(wireStatus),
  };
  try {
    for await (const { event, data } of changes(platform, query, signal)) {
      if (event === "run") tell(data as RunRow);
      else if (event === "ready" || event === "reset") await look(tell).catch(passOver); // what came in between
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    // an older platform, or too many streams
    while (!signal.aborted) {
      await look(tell).catch(passOver);
      await delay(POLL_MS, undefined, { signal }).catch(() => {}); // aborted: the loop looks at the signal
    }
  }
}

/** It is looked for again. */
function passOver(error: unknown): void {
  if (!(error instanceof Away)) throw error;
}

function rowText(row: RunRow): string {
  const took = tookText(row.started_at ?? row.queued_at, row.ended_at);
  const at = row.ended_at ?? row.started_at ?? row.queued_at;
  return [clockText(at), row.run_id, coloured(row.status).padEnd(9), cut(row.function_slug, 40), triggerOf(row), took]
    .filter(Boolean)
    .join("  ");
}
