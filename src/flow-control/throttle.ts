import type { ThrottlePolicy } from "../protocol/flow-control.ts";
import { ADMIT, type Verdict } from "./verdict.ts";

type Rate = Pick<ThrottlePolicy, "limit" | "periodMs" | "burst">;

/** What was admitted since a key was idle last. It is counted, not summed up: an interval is seldom a whole number. */
export type ThrottleUse = Pick<ThrottlePolicy, "limit" | "periodMs"> & { since: number; taken: number };

/** Instants of this century are exact to less than this; no interval is as short. */
const ROUNDING_MS = 0.001;

/**
 * Spaces starts as Inngest does (GCRA, features §3.4): from idle `limit + burst` at once, then one per `periodMs / limit`.
 *
 * @param use null for a key that is idle
 */
export function throttle(rate: Rate, use: ThrottleUse | null, now: number): Verdict {
  const at = throttleInstant(rate, use, now, 1);
  return at <= now ? ADMIT : { kind: "wait", until: at };
}

/** When the n-th in line is admitted, if all before it are as soon as they can be; `now` for one that can be at once. */
export function throttleInstant(rate: Rate, use: ThrottleUse | null, now: number, n: number): number {
  const interval = rate.periodMs / rate.limit;
  const tolerance = (rate.limit + rate.burst - 1) * interval;
  const at = Math.max(idleAt(use), now) + (n - 1) * interval - tolerance;
  return Math.max(Math.ceil(at - ROUNDING_MS), now);
}

/** The use of a key after one more was admitted. */
export function throttleTaken({ limit, periodMs }: Rate, use: ThrottleUse | null, now: number): ThrottleUse {
  const goesOn = use !== null && idleAt(use) > now && use.limit === limit && use.periodMs === periodMs;
  if (goesOn) return { ...use, taken: use.taken + 1 };
  return { limit, periodMs, since: Math.max(Math.ceil(idleAt(use)), now), taken: 1 };
}

/** GCRA's theoretical arrival time: when the key will be idle if nobody comes any more. */
export function idleAt(use: ThrottleUse | null): number {
  return use === null ? Number.NEGATIVE_INFINITY : use.since + (use.taken * use.periodMs) / use.limit;
}
