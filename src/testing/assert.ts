/** Assertions for any test runner. Their messages end in the story of the run. */
import {
  checkCancelled,
  checkCompleted,
  checkFailed,
  checkSent,
  checkStepRan,
  checkWaitingFor,
  messageOf,
  type Check,
  type EventOrigin,
  type ExpectedEvent,
  type ExpectedStep,
  type WaitTarget,
} from "./checks.ts";
import type { ExpectedError } from "./matching.ts";
import type { TestRun } from "./run.ts";

/** Test runners know it by its name and show `expected` and `actual` as a difference. */
class AssertionError extends Error {
  override name = "AssertionError";
  readonly code = "ERR_ASSERTION";
  readonly generatedMessage = false;
  declare readonly expected?: unknown;
  declare readonly actual?: unknown;
}

/**
 * The run has completed.
 *
 * @param output what the function returned, as JSON has it. Default: anything
 * @throws AssertionError
 * @example
 * await run.waitFor("end");
 * assertCompleted(run, { welcomed: true });
 */
export function assertCompleted(run: TestRun, output?: unknown): void {
  assert(checkCompleted(run, output), assertCompleted);
}

/**
 * The run has failed for good.
 *
 * @param error a part of the message, a pattern of it, or fields of the error such as `{ name: "CardDeclined" }`.
 * Default: any
 * @throws AssertionError
 */
export function assertFailed(run: TestRun, error?: ExpectedError): void {
  assert(checkFailed(run, error), assertFailed);
}

/** The run was cancelled. @throws AssertionError */
export function assertCancelled(run: TestRun): void {
  assert(checkCancelled(run), assertCancelled);
}

/**
 * The code of a step has run; a sleep, wait or invoke has begun.
 *
 * @throws AssertionError
 * @example
 * assertStepRan(run, "charge", { times: 3, output: { id: "ch_1" } });
 */
export function assertStepRan(run: TestRun, id: string, expected?: ExpectedStep): void {
  assert(checkStepRan(run, id, expected), assertStepRan);
}

/** The run has not come to a step of this id. @throws AssertionError */
export function assertStepNotRun(run: TestRun, id: string): void {
  const check = checkStepRan(run, id);
  if (check.holds) raise(check, assertStepNotRun);
}

/**
 * The run sleeps, waits for an event, or for a run that it invokes.
 *
 * @param target the kind alone, or with the step's id: `"sleep:cool-down"`
 * @throws AssertionError
 */
export function assertWaitingFor(run: TestRun, target: WaitTarget): void {
  assert(checkWaitingFor(run, target), assertWaitingFor);
}

/**
 * A run has sent an event, or anybody on the platform has.
 *
 * @param event its name, and the fields of `data` that matter
 * @param times how often exactly, 0 for never. Default: at least once
 * @throws AssertionError
 * @example
 * assertSent(run, { name: "order/shipped", data: { orderId: "o1" } });
 */
export function assertSent(origin: EventOrigin, event: ExpectedEvent, times?: number): void {
  assert(checkSent(origin, event, times), assertSent);
}

function assert(check: Check, caller: (...args: never[]) => void): void {
  if (!check.holds) raise(check, caller);
}

/** @param caller where the stack begins: the line of the test */
function raise(check: Check, caller: (...args: never[]) => void): never {
  const error = new AssertionError(messageOf(check));
  if (!check.holds) Object.assign(error, check.values);
  // V8 and JavaScriptCore have it
  (Error as { captureStackTrace?: (error: Error, after: unknown) => void }).captureStackTrace?.(error, caller);
  throw error;
}
