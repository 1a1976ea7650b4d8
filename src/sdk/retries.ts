import { RETRIES_MAX, SLEEP_MAX_MS } from "../protocol/limits.ts";
import {
  DEFAULT_RETRY_POLICY,
  INNGEST_RETRY_POLICY,
  type Backoff,
  type RetryPolicy,
} from "../protocol/retry-policy.ts";
import { durationMs } from "../protocol/time-string.ts";

/**
 * How a failing function or step is tried again.
 *
 * @example
 * { attempts: 5, backoff: "exponential", maxDelay: "1h" }
 */
export interface RetryOptions {
  /** every try, the first one included: 1 to 21. Default 3 (5 with `backoff: "inngest"`) */
  attempts?: number;
  /**
   * How the wait grows: `exponential` doubles it (1 s, 2 s, 4 s, …), `linear` adds the first wait each time, `fixed`
   * repeats it, `inngest` is the table of Inngest's own server (15 s, 30 s, 1 min, … 2 h). Default `exponential`.
   */
  backoff?: Backoff;
  /** wait after the first failure, in milliseconds or as a duration ("1s"). Default 1 second; not for `inngest` */
  initialDelay?: number | string;
  /** the wait never grows past this, in milliseconds or as a duration ("1h"). Default 1 hour; not for `inngest` */
  maxDelay?: number | string;
  /** lengthen each wait by a random part, so that what failed together does not come back together. Default true */
  jitter?: boolean;
}

const BACKOFFS: readonly Backoff[] = ["exponential", "linear", "fixed", "inngest"];
const KEYS: readonly (keyof RetryOptions)[] = ["attempts", "backoff", "initialDelay", "maxDelay", "jitter"];

/**
 * The policy that a `retries` option asks for. A number counts the tries *after* the first, as Inngest has it;
 * `attempts` counts every try.
 *
 * @param field what to call the option in errors, such as `retries`
 * @throws TypeError naming the field, the value and the bound
 */
export function retryPolicy(retries: number | RetryOptions | undefined, field: string): RetryPolicy {
  if (retries === undefined) return DEFAULT_RETRY_POLICY;
  if (typeof retries === "number")
    return { ...DEFAULT_RETRY_POLICY, maxAttempts: integer(retries, field, 0, RETRIES_MAX) + 1 };
  if (typeof retries !== "object" || retries === null || Array.isArray(retries))
    throw new TypeError(`${field}: ${show(retries)} is neither a number nor an object such as { attempts: 5 }`);
  refuseUnknown(retries, field);

  const { attempts, backoff = "exponential", initialDelay, maxDelay, jitter = true } = retries;
  if (!BACKOFFS.includes(backoff))
    throw new TypeError(`${field}.backoff: ${show(backoff)} is not one of ${BACKOFFS.join(", ")}`);
  if (typeof jitter !== "boolean") throw new TypeError(`${field}.jitter: ${show(jitter)} is not true or false`);
  const base = backoff === "inngest" ? INNGEST_RETRY_POLICY : DEFAULT_RETRY_POLICY;
  if (backoff === "inngest" && (initialDelay ?? maxDelay) !== undefined)
    throw new TypeError(`${field}: initialDelay and maxDelay do not apply to backoff "inngest", whose waits are fixed`);
  const policy: RetryPolicy = {
    maxAttempts: attempts === undefined ? base.maxAttempts : integer(attempts, `${field}.attempts`, 1, RETRIES_MAX + 1),
    backoff,
    initialDelayMs: delayMs(initialDelay, base.initialDelayMs, `${field}.initialDelay`),
    maxDelayMs: delayMs(maxDelay, base.maxDelayMs, `${field}.maxDelay`),
    jitter,
  };
  if (policy.initialDelayMs > policy.maxDelayMs)
    throw new TypeError(
      `${field}.initialDelay: ${policy.initialDelayMs} ms is more than ${field}.maxDelay, ${policy.maxDelayMs} ms`,
    );
  return policy;
}

function refuseUnknown(retries: object, field: string): void {
  const unknown = Object.keys(retries).find((key) => !KEYS.some((known) => known === key));
  if (unknown !== undefined)
    throw new TypeError(`${field}: ${show(unknown)} is not an option; there are ${KEYS.join(", ")}`);
}

function integer(value: number, field: string, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new TypeError(`${field}: ${show(value)} is not a whole number from ${min} to ${max}`);
  return value;
}

function delayMs(value: number | string | undefined, otherwise: number, field: string): number {
  if (value === undefined) return otherwise;
  const ms = durationMs(value, field);
  if (ms > SLEEP_MAX_MS) throw new TypeError(`${field}: ${show(value)} is more than ${SLEEP_MAX_MS} ms (366 days)`);
  return ms;
}

function show(value: unknown): string {
  return typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value)); // NaN is null in JSON
}
