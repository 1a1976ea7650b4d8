import { RETRY_DELAY_MAX_MS, RETRY_DELAY_MIN_MS } from "../protocol/limits.ts";
import type { RetryPolicy } from "../protocol/retry-policy.ts";

/** Inngest's server table, milliseconds after the failed attempt of that index; the last value repeats (inngest-protocol §4). */
const INNGEST_TABLE_MS = [
  15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_200_000, 2_400_000, 3_600_000, 7_200_000,
];
const INNGEST_JITTER_MS = 30_000;
/** Ours: a wait is up to a quarter longer, so that runs that failed together do not come back together. */
const JITTER_SHARE = 0.25;

/**
 * Milliseconds until the next attempt, or `null` when none is left.
 *
 * @param attempt index of the attempt that failed; 0 is the first
 * @param random  in [0, 1), passed in so that replays and tests can fix it
 */
export function retryDelayMs(policy: RetryPolicy, attempt: number, random: number): number | null {
  if (attempt + 1 >= policy.maxAttempts) return null;
  if (policy.backoff === "inngest") {
    const base = INNGEST_TABLE_MS[Math.min(attempt, INNGEST_TABLE_MS.length - 1)] ?? 0;
    return base + (policy.jitter ? Math.floor(random * INNGEST_JITTER_MS) : 0);
  }
  const base = Math.min(growth(policy, attempt), policy.maxDelayMs);
  return Math.min(Math.floor(base * (1 + (policy.jitter ? random * JITTER_SHARE : 0))), policy.maxDelayMs);
}

function growth(policy: RetryPolicy, attempt: number): number {
  switch (policy.backoff) {
    case "linear":
      return policy.initialDelayMs * (attempt + 1);
    case "fixed":
      return policy.initialDelayMs;
    default:
      return policy.initialDelayMs * 2 ** attempt;
  }
}

/**
 * The instant that a `retry-after` value names, or `undefined` when it cannot be read: up to seven characters are
 * seconds, anything longer is a date; clamped to 1 s … 24 h from now (inngest-protocol §4).
 */
export function retryAfterAt(value: string | undefined, now: number): number | undefined {
  if (value === undefined || value.trim() === "") return undefined;
  const at = value.length <= 7 ? now + Number.parseInt(value, 10) * 1000 : Date.parse(value);
  if (!Number.isFinite(at)) return undefined;
  return Math.min(Math.max(at, now + RETRY_DELAY_MIN_MS), now + RETRY_DELAY_MAX_MS);
}
