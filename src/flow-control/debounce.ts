/** Debounce: of many events in a row the last one starts a run, once none has come for a while (features §3.6). */
import type { DebouncePolicy } from "../protocol/flow-control.ts";
import { BATCH_MAX_BYTES, BATCH_SIZE_MAX } from "../protocol/limits.ts";

/** Events that wait for silence. */
export interface OpenDebounce {
  /** of the event that stands, by its sender's clock */
  ts: number;
  /** when the first came */
  since: number;
  /** when the one that stands came */
  last: number;
  count: number;
  bytes: number;
}

export interface DebounceDecision {
  /** what waited fires without the event, which begins anew */
  firesBefore: boolean;
  /** takes the place of the event that stood; is kept beside it; or is left out: an older event changes nothing */
  event: "stands" | "kept" | "ignored";
  open: OpenDebounce;
}

/**
 * Adds an event. It restarts the time, and counts in the place of the one before, unless it is older by its `ts`. With
 * `collect` all are kept, also older ones; what they come to is bounded as a batch is.
 */
export function debounce(
  policy: DebouncePolicy,
  open: OpenDebounce | null,
  event: { ts: number; bytes: number },
  now: number,
): DebounceDecision {
  const firesBefore = open !== null && (now >= debounceDueAt(policy, open) || !hasRoom(policy, open, event.bytes));
  const before = firesBefore ? null : open;
  const isOlder = before !== null && event.ts < before.ts;
  if (isOlder && !policy.collect) return { firesBefore, event: "ignored", open: before };
  const kept = policy.collect && before ? before : { count: 0, bytes: 0 };
  const sizes = { count: kept.count + 1, bytes: kept.bytes + event.bytes };
  if (isOlder) return { firesBefore, event: "kept", open: { ...before, ...sizes } };
  return { firesBefore, event: "stands", open: { ts: event.ts, since: before?.since ?? now, last: now, ...sizes } };
}

function hasRoom({ collect }: DebouncePolicy, { count, bytes }: OpenDebounce, more: number): boolean {
  return !collect || (count < BATCH_SIZE_MAX && bytes + more <= BATCH_MAX_BYTES);
}

/**
 * When an open debounce fires: a period after the event that stands came, at the latest `timeoutMs` after the first. Inngest
 * adds about a second to it; here it is on time.
 */
export function debounceDueAt({ periodMs, timeoutMs }: DebouncePolicy, { since, last }: OpenDebounce): number {
  return Math.min(last + periodMs, timeoutMs === null ? Number.POSITIVE_INFINITY : since + timeoutMs);
}
