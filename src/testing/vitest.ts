/**
 * `@dotdo/inngest/test/vitest`: importing it gives Vitest's `expect` matchers for runs of a test platform. In a setup file
 * (`test.setupFiles`), or in the test itself.
 *
 * @example
 * import "@dotdo/inngest/test/vitest";
 * expect(run).toHaveCompleted({ id: expect.any(String) });
 */
import { expect } from "vitest";
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

/** Matchers for a run; `toHaveSent` also for a platform. Each message ends in the run's story. */
export interface RunMatchers<R = void> {
  /** The run has completed, with this output if one is given. It may hold asymmetric matchers. */
  toHaveCompleted(output?: unknown): R;
  /** The run has failed for good: a part of the message, a pattern of it, or fields of the error. */
  toHaveFailed(error?: ExpectedError): R;
  /** The run was cancelled. */
  toHaveBeenCancelled(): R;
  /** The code of a step has run; a sleep, wait or invoke has begun. */
  toHaveRunStep(id: string, expected?: ExpectedStep): R;
  /** The run sleeps, waits for an event, or for a run that it invokes: the kind alone, or `"sleep:<id>"`. */
  toBeWaitingFor(target: WaitTarget): R;
  /** A run, or anybody on a platform, has sent an event of this name, with these fields among its data. */
  toHaveSent(event: ExpectedEvent, times?: number): R;
}

declare module "vitest" {
  // as Vitest declares it, so that both are one
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> extends RunMatchers<R> {}
}

expect.extend({
  toHaveCompleted: (run: TestRun, output?: unknown) => result(checkCompleted(run, output)),
  toHaveFailed: (run: TestRun, error?: ExpectedError) => result(checkFailed(run, error)),
  toHaveBeenCancelled: (run: TestRun) => result(checkCancelled(run)),
  toHaveRunStep: (run: TestRun, id: string, expected?: ExpectedStep) => result(checkStepRan(run, id, expected)),
  toBeWaitingFor: (run: TestRun, target: WaitTarget) => result(checkWaitingFor(run, target)),
  toHaveSent: (origin: EventOrigin, event: ExpectedEvent, times?: number) => result(checkSent(origin, event, times)),
});

function result(check: Check) {
  return { pass: check.holds, message: () => messageOf(check), ...(check.holds ? {} : check.values) };
}
