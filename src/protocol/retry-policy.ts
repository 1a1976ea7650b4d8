/** How the wait between attempts grows. `inngest` is the fixed table of Inngest's own server. */
export type Backoff = "exponential" | "linear" | "fixed" | "inngest";

/** Normalized retry policy of a function or step. */
export interface RetryPolicy {
  /** every try, the first included; the wire's `retries.attempts` counts retries, one less */
  maxAttempts: number;
  backoff: Backoff;
  initialDelayMs: number;
  maxDelayMs: number;
  jitter: boolean;
}

/** Policy of functions that our client defines without one: 3 tries, 1 s, 2 s, 4 s …, at most 1 h. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  maxAttempts: 3,
  backoff: "exponential",
  initialDelayMs: 1_000,
  maxDelayMs: 3_600_000,
  jitter: true,
};

/** Policy of functions that an official SDK registers without one (inngest-protocol §4). */
export const INNGEST_RETRY_POLICY: RetryPolicy = {
  maxAttempts: 5,
  backoff: "inngest",
  initialDelayMs: 15_000,
  maxDelayMs: 7_200_000,
  jitter: true,
};
