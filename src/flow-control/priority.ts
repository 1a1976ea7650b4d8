import { compile } from "../engine/expression.ts";
import type { EventValue } from "../protocol/event.ts";
import { PRIORITY_MAX_S } from "../protocol/limits.ts";

/**
 * A run's rank in the lines of its keys: the instant of its creation, moved by as many seconds as `priority.run` says. The
 * smaller comes first. What is not a whole number, or fails, counts as 0; what is out of bounds as the bound (features §3.8).
 *
 * @param expression CEL over `event`; undefined for none
 * @param createdAt epoch ms
 */
export function lineRank(expression: string | undefined, event: EventValue, createdAt: number): number {
  return createdAt - secondsOf(expression, event, createdAt) * 1000;
}

function secondsOf(expression: string | undefined, event: EventValue, now: number): number {
  if (expression === undefined) return 0;
  let value: unknown;
  try {
    value = compile(expression).evaluate({ event: { ...event }, now });
  } catch {
    return 0;
  }
  if (typeof value !== "number" || !Number.isInteger(value)) return 0;
  return Math.min(Math.max(value, -PRIORITY_MAX_S), PRIORITY_MAX_S);
}
