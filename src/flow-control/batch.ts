/** Batch: one run for many events (features §3.7). */
import type { BatchPolicy } from "../protocol/flow-control.ts";
import { BATCH_MAX_BYTES } from "../protocol/limits.ts";

/** A batch that takes events. */
export interface OpenBatch {
  count: number;
  bytes: number;
  /** when its first event came */
  since: number;
}

export interface BatchDecision {
  /** the batch that was open closes without the event, which begins another */
  closesBefore: boolean;
  /** the batch that has the event closes with it */
  closesWith: boolean;
  /** the one that has the event */
  batch: OpenBatch;
}

/**
 * Adds an event. A batch closes when it is full, when its timeout is over, and when the next event has no room in it: none
 * is ever larger than `maxSize` or {@link BATCH_MAX_BYTES}.
 */
export function batch(
  policy: BatchPolicy,
  open: OpenBatch | null,
  event: { bytes: number },
  now: number,
): BatchDecision {
  const closesBefore = open !== null && (now >= batchDueAt(policy, open) || open.bytes + event.bytes > BATCH_MAX_BYTES);
  const { count, bytes, since } = open === null || closesBefore ? { count: 0, bytes: 0, since: now } : open;
  const after = { count: count + 1, bytes: bytes + event.bytes, since };
  const closesWith = after.count >= policy.maxSize || after.bytes >= BATCH_MAX_BYTES;
  return { closesBefore, closesWith, batch: after };
}

/** When an open batch closes by itself. */
export function batchDueAt({ timeoutMs }: BatchPolicy, { since }: OpenBatch): number {
  return since + timeoutMs;
}
