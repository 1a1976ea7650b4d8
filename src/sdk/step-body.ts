import type { JsonValue } from "../protocol/json.ts";
import { RETRY_DELAY_MAX_MS, RETRY_DELAY_MIN_MS } from "../protocol/limits.ts";
import type { WireError } from "../protocol/wire-error.ts";
import { isNonRetriable, retryAfterHeader, isRetryAfter, retryAfterMs, serializeError } from "./errors.ts";
import { GatewayFailed } from "./gateway-failed.ts";

/** How the body of a step, or a handler, ended. */
export type BodyResult =
  | { kind: "data"; data: JsonValue }
  | { kind: "error"; error: WireError; final: boolean; retryAfter?: string; retryAt?: number };

/**
 * Runs code and turns what it gives back into what the journal stores. What JSON cannot carry is a final error:
 * another attempt would return the same.
 *
 * @param what names the code in messages, such as `step "charge"`
 * @param now epoch ms, asked when the code has failed
 */
export async function runBody(body: () => unknown, what: string, now: () => number): Promise<BodyResult> {
  let value: unknown;
  try {
    value = await body();
  } catch (error) {
    return errorResult(error, now());
  }
  return dataResult(value, what);
}

function gatewayResult({ outcome }: GatewayFailed, now: number): BodyResult {
  const { error, final, retryAfter } = outcome;
  const waitMs = retryAfterMs({ retryAfter }, now);
  return {
    kind: "error",
    error,
    final,
    retryAfter,
    retryAt: waitMs === undefined ? undefined : retryInstant(waitMs, now),
  };
}

function retryInstant(waitMs: number, now: number): number {
  return now + Math.min(Math.max(waitMs, RETRY_DELAY_MIN_MS), RETRY_DELAY_MAX_MS);
}

/** A returned value as JSON; `undefined` is null, as on the wire. */
export function dataResult(value: unknown, what: string): BodyResult {
  try {
    const text = JSON.stringify(value ?? null);
    return { kind: "data", data: text === undefined ? null : JSON.parse(text) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const error = serializeError(new TypeError(`${what}: its result cannot be stored as JSON: ${why}`));
    return { kind: "error", error: { ...error, code: "output_not_json", noRetry: true }, final: true };
  }
}

/** @param now epoch ms, from which an error that asks to wait counts */
export function errorResult(error: unknown, now: number): BodyResult {
  if (error instanceof GatewayFailed) return gatewayResult(error, now);
  const asksToWait = isRetryAfter(error);
  const waitMs = asksToWait ? retryAfterMs(error, now) : undefined;
  return {
    kind: "error",
    error: serializeError(error),
    final: isNonRetriable(error),
    retryAfter: asksToWait ? retryAfterHeader(error) : undefined,
    retryAt: waitMs === undefined ? undefined : retryInstant(waitMs, now),
  };
}
