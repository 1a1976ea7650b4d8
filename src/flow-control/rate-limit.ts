/** Rate limit: what is too much is dropped (features §3.5). */
import type { RateLimitPolicy } from "../protocol/flow-control.ts";

/** What a key knows of the events that it has let in. */
export interface RateUsage {
  /** of the last that was let in while starts are spaced; null for none */
  spacing: Spacing | null;
  /** how many were let in after an instant */
  letInAfter(at: number): number;
}

/** Where spaced starts stand: GCRA's level in intervals, so that it holds whatever their length becomes. */
export interface Spacing {
  /** when the last was let in */
  at: number;
  /** from 1, right after it; one less with each interval */
  level: number;
}

/** Whether an event may start a run, and the spacing from then on. */
export interface RateDecision {
  isLetIn: boolean;
  spacing: Spacing | null;
}

/**
 * `window`: at most `limit` in any `periodMs`. `spaced`: one per `periodMs / limit`, and from idle a tenth of the limit more
 * at once, as Inngest counts (inngest/inngest pkg/execution/ratelimit): 5 per minute are one each 12 s.
 */
export function rateLimit(policy: RateLimitPolicy, usage: RateUsage, now: number): RateDecision {
  const { limit, periodMs, mode } = policy;
  if (mode === "window") return { isLetIn: usage.letInAfter(now - periodMs) < limit, spacing: null };
  const intervalMs = periodMs / limit;
  const { spacing } = usage;
  const level = spacing ? Math.max(spacing.level - (now - spacing.at) / intervalMs, 0) : 0;
  const isLetIn = level <= Math.floor(limit / 10);
  return { isLetIn, spacing: isLetIn ? { at: now, level: level + 1 } : spacing };
}
