/**
 * In which order a bulk operation goes through an environment's logs, to find all runs of its window:
 *
 * `fresh`    runs that execute since their start are not indexed yet. Their ids follow from the events of the last minutes
 * `indexed`  all runs that the logs know
 * `late`     once more those created shortly before it began: by now they have ended, or are indexed by their watchdog
 * `again`    runs that could not be asked before
 *
 * Each log is read in pages, and each pass goes through the logs from the newest day to the oldest.
 */
import {
  BATCH_TIMEOUT_MAX_MS,
  DEBOUNCE_PERIOD_MAX_MS,
  ID_SEED_MAX_SKEW_MS,
  REDELIVERY_HORIZON_MS,
  WATCHDOG_MS,
} from "../protocol/limits.ts";
import { logDay, type BulkKind, type BulkRequest, type EventPlace, type RunPlace } from "./objects.ts";

const DAY_MS = 86_400_000;
/** Asking for a run that does not exist leaves an empty object behind, so only so far back. */
const FRESH_MS = 120_000;
/** A run is indexed when its watchdog has come, if not before. */
const SETTLE_MS = WATCHDOG_MS + 10_000;
/** How long an event may be kept before its run begins. */
const COLLECT_MAX_MS = Math.max(DEBOUNCE_PERIOD_MAX_MS, BATCH_TIMEOUT_MAX_MS);
/** From the first instant of a log's day to the last at which one of its events may start a run. */
const RUNS_WITHIN_MS = DAY_MS + ID_SEED_MAX_SKEW_MS + COLLECT_MAX_MS + REDELIVERY_HORIZON_MS;

export const PASSES = ["fresh", "indexed", "late", "again"] as const;
export type Pass = (typeof PASSES)[number];

/** A run that has ended is indexed, so a replay has nothing to look for elsewhere. */
export const PASSES_OF = {
  cancellation: PASSES,
  replay: ["indexed", "again"],
} as const satisfies Record<BulkKind, readonly Pass[]>;

/** How far an operation has come. */
export interface Progress {
  pass: Pass;
  /** the log that is being read; null before the first of its pass */
  log: string | null;
  /** what of it has been read */
  cursor: RunPlace | EventPlace | null;
}

/** Where an operation begins. */
export function firstPass(kind: BulkKind): Progress {
  return { pass: PASSES_OF[kind][0], log: null, cursor: null };
}

/** Null when the last pass is over. */
export function nextPass(kind: BulkKind, pass: Pass): Progress | null {
  const passes: readonly Pass[] = PASSES_OF[kind];
  const next = passes[passes.indexOf(pass) + 1];
  return next === undefined ? null : { pass: next, log: null, cursor: null };
}

/** When a pass may begin: everything it looks for has been told by then. */
export function beginsAt(pass: Pass, request: BulkRequest): number {
  return pass === "late" && needsLate(request) ? request.createdAt + SETTLE_MS : request.createdAt;
}

export type Window = Pick<BulkRequest, "createdFrom" | "createdBefore">;

/** What a pass looks at; null when there is nothing that it can find. */
export function windowOf(pass: Pass, request: BulkRequest): Window | null {
  const { createdFrom, createdBefore } = request;
  switch (pass) {
    case "fresh":
      return createdBefore > freshFrom(request) ? { createdFrom, createdBefore } : null;
    case "indexed":
      return { createdFrom, createdBefore };
    case "late":
      return needsLate(request) ? { createdFrom: Math.max(createdFrom, lateFrom(request)), createdBefore } : null;
    case "again":
      return null;
  }
}

/** Events received before this are of no concern to the pass over fresh ones. */
export function freshFrom({ createdAt }: BulkRequest): number {
  return createdAt - FRESH_MS;
}

/** The log that comes after one, or first; null when none is left in which an event of the window's runs may be. */
export function nextLog(logs: readonly string[], after: string | null, window: Window): string | null {
  let next: string | null = null;
  for (const log of logs) {
    const day = logDay(log);
    const mayHold = day - ID_SEED_MAX_SKEW_MS < window.createdBefore && day + RUNS_WITHIN_MS >= window.createdFrom;
    if (mayHold && (after === null || log < after) && (next === null || log > next)) next = log;
  }
  return next;
}

/** Whether more than one pass may find a run that was created at an instant. */
export function mayBeFoundAgain(pass: Pass, request: BulkRequest, createdAt: number): boolean {
  const passes: readonly Pass[] = PASSES_OF[request.kind];
  return passes.includes("late") && (pass === "fresh" || createdAt >= lateFrom(request));
}

function needsLate(request: BulkRequest): boolean {
  return request.createdBefore > lateFrom(request);
}

function lateFrom({ createdAt }: BulkRequest): number {
  return createdAt - SETTLE_MS;
}
