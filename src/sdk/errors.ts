import { ERROR_CAUSES_MAX, RETRY_DELAY_MAX_MS } from "../protocol/limits.ts";
import { durationMs, instantMs, TimeError } from "../protocol/time-string.ts";
import type { WireError } from "../protocol/wire-error.ts";

export { serializeError } from "./serialize-error.ts";

/** Marks our errors, so that another copy of this package knows them; `Symbol.for` is shared by all copies. */
const KIND = Symbol.for("dotdo.inngest.error");

type ErrorKind = "NonRetriableError" | "RetryAfterError" | "StepError";

/**
 * Thrown by a handler or step that must not be tried again: the step fails at once, or the run does.
 *
 * @example
 * if (response.status === 404) throw new NonRetriableError("no such customer", { cause: await response.text() });
 */
export class NonRetriableError extends Error {
  static {
    markPrototype(this.prototype, "NonRetriableError");
  }

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
  }
}

/**
 * Data of an event that its schema does not take. Thrown where the event is sent; where it is received the run, or the
 * step that waited for it, fails without another attempt.
 */
export class EventValidationError extends NonRetriableError {
  override readonly name = "EventValidationError";
  readonly code = "event_invalid";
  /** what the schema has to say, with the path into the data and what is there */
  readonly issues: readonly { path: readonly string[]; message: string; value: unknown }[];

  constructor(message: string, issues: EventValidationError["issues"]) {
    super(message);
    this.issues = issues;
  }
}

/**
 * Thrown by a handler or step that knows when it is worth trying again. Counts as an attempt like any other error; the
 * platform waits at least 1 second and at most 24 hours.
 *
 * @example
 * throw new RetryAfterError("rate limited", "30s");
 */
export class RetryAfterError extends Error {
  static {
    markPrototype(this.prototype, "RetryAfterError");
  }

  /** milliseconds from the throw, or the instant itself */
  readonly retryAfter: number | Date;

  /**
   * @param retryAfter milliseconds, a duration ("30s", "5m"), an ISO date, or a `Date`
   * @throws TimeError when `retryAfter` is none of these
   */
  constructor(message: string, retryAfter: number | string | Date, options?: { cause?: unknown }) {
    super(message, options);
    this.retryAfter = readRetryAfter(retryAfter);
  }
}

/**
 * What a step rejects with in the handler once its attempts are used up. Name, message, stack and cause are those of
 * the error that the step threw. Left uncaught it ends the run: trying again would not change it.
 *
 * @example
 * await step.run("charge", charge).catch((error) => {
 *   if (isStepError(error)) return refund(error.stepId, error.message);
 *   throw error;
 * });
 */
export class StepError extends Error {
  static {
    markPrototype(this.prototype, "StepError");
  }

  /** id of the step as the handler wrote it */
  readonly stepId: string;

  constructor(stepId: string, error: WireError) {
    super(error.message);
    this.stepId = stepId;
    restoreOnto(this, error, 0);
  }
}

/** The error that a step's stored failure rejects with. */
export function errorFromWire(error: WireError, stepId: string): StepError {
  return new StepError(stepId, error);
}

/** An `Error` with the name, message, stack and causes of a stored one; anything else becomes its message. */
export function restoreError(stored: unknown): Error {
  const error = new Error(isWireError(stored) ? stored.message : `error without a message: ${JSON.stringify(stored)}`);
  restoreOnto(error, isWireError(stored) ? stored : { name: "Error", message: error.message }, 0);
  return error;
}

/** Whether this very error, not one of its causes, forbids another attempt. Knows other copies and the official SDK's. */
export function isNonRetriable(error: unknown): error is NonRetriableError {
  return isKind(error, "NonRetriableError");
}

/** Whether this very error says when to try again. Knows other copies of this package and the official SDK's. */
export function isRetryAfter(error: unknown): error is RetryAfterError {
  return isKind(error, "RetryAfterError") && retryAfterMs(error, 0) !== undefined;
}

/** Whether this is the failure of a step. Knows other copies of this package and the official SDK's. */
export function isStepError(error: unknown): error is StepError {
  return isKind(error, "StepError");
}

/**
 * Milliseconds from `now` that an error asks to wait, exactly; negative for a date in the past, `undefined` when it
 * asks for nothing that can be read.
 */
export function retryAfterMs(error: unknown, now: number): number | undefined {
  const value: unknown = isObject(error) ? Reflect.get(error, "retryAfter") : undefined;
  const wait =
    typeof value === "number"
      ? value
      : value instanceof Date
        ? value.getTime() - now
        : typeof value === "string" && value.trim() !== ""
          ? officialWaitMs(value, now)
          : Number.NaN;
  return Number.isFinite(wait) ? wait : undefined;
}

/**
 * The wait of an error as the `retry-after` header carries it: whole seconds, rounded up, or an ISO date
 * (inngest-protocol §4). Seconds stop at the 24 hours that servers clamp to: eight digits would be read as a date.
 */
export function retryAfterHeader(error: unknown): string | undefined {
  const waitMs = retryAfterMs(error, 0);
  if (waitMs === undefined) return undefined;
  const { retryAfter } = error as { retryAfter: number | string | Date };
  if (retryAfter instanceof Date) return retryAfter.toISOString();
  if (typeof retryAfter === "string" && !isSeconds(retryAfter)) return new Date(waitMs).toISOString();
  return String(Math.ceil(Math.min(Math.max(waitMs, 0), RETRY_DELAY_MAX_MS) / 1000));
}

/** The official class keeps text: whole seconds or an ISO date (inngest/inngest-js, RetryAfterError.ts). */
function officialWaitMs(text: string, now: number): number {
  return isSeconds(text) ? Number(text) * 1000 : Date.parse(text) - now;
}

function isSeconds(text: string): boolean {
  return /^\s*\d+(\.\d+)?\s*$/.test(text);
}

function readRetryAfter(value: number | string | Date): number | Date {
  if (value instanceof Date) return new Date(instantMs(value, "retryAfter"));
  if (typeof value === "number") return durationMs(value, "retryAfter");
  try {
    return durationMs(value, "retryAfter");
  } catch {
    // not a duration: a date, or the mistake that the message below explains
  }
  try {
    return new Date(instantMs(value, "retryAfter"));
  } catch (cause) {
    throw new TimeError(
      `retryAfter: cannot read ${JSON.stringify(value)}; use milliseconds, a duration such as "30s", a Date or an ISO date`,
      { cause },
    );
  }
}

function restoreOnto(error: Error, stored: WireError, depth: number): void {
  error.name = stored.name;
  error.stack = stored.stack ?? `${stored.name}: ${stored.message}`; // never the stack of this reconstruction
  if (stored.code !== undefined) Object.assign(error, { code: stored.code });
  if (stored.cause === undefined || depth >= ERROR_CAUSES_MAX) return;
  if (!isWireError(stored.cause)) {
    error.cause = stored.cause;
    return;
  }
  const cause = new Error(stored.cause.message);
  restoreOnto(cause, stored.cause, depth + 1);
  error.cause = cause;
}

function isWireError(value: unknown): value is WireError {
  return (
    isObject(value) &&
    typeof Reflect.get(value, "name") === "string" &&
    typeof Reflect.get(value, "message") === "string"
  );
}

function markPrototype(prototype: Error, kind: ErrorKind): void {
  Object.defineProperties(prototype, {
    name: { value: kind, writable: true, configurable: true },
    [KIND]: { value: kind },
  });
}

/**
 * Official errors of the TypeScript SDK carry no name of their own, so the classes that an error descends from are
 * compared too; a subclass of either counts.
 */
function isKind(error: unknown, kind: ErrorKind): boolean {
  try {
    if (!isObject(error)) return false;
    if (Reflect.get(error, KIND) === kind || Reflect.get(error, "name") === kind) return true;
    for (let prototype = Object.getPrototypeOf(error); prototype !== null; prototype = Object.getPrototypeOf(prototype))
      if (prototype.constructor?.name === kind) return true;
    return false;
  } catch {
    return false; // a getter that throws
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
