/** `@dotdo/inngest/test`: a whole platform in a test, with virtual time. */
export type { AnyFunction, TestTransport } from "./app-functions.ts";
export {
  assertCancelled,
  assertCompleted,
  assertFailed,
  assertSent,
  assertStepNotRun,
  assertStepRan,
  assertWaitingFor,
} from "./assert.ts";
export type { EventOrigin, ExpectedEvent, ExpectedStep, WaitTarget } from "./checks.ts";
export { NondeterminismError, type OutsideCall } from "./determinism.ts";
export type { ExpectedError } from "./matching.ts";
export { createTestPlatform, type SentEvents, type TestClock, type TestPlatform } from "./platform.ts";
export type { TestPlatformOptions } from "./platform-options.ts";
export type { PublishedMessage } from "./published.ts";
export type { RunTarget, TestLogLine, TestRun, TestStep } from "./run.ts";
export type { AnswerEvent, MockedStep, StepControl, StepSelector } from "./step-control.ts";
export { createMockEvent, InngestTestEngine, InngestTestRun, mockCtx } from "./engine.ts";
export { Random } from "./random.ts";
export { simulate, SimulationError, type SimulationReport } from "./simulate.ts";
export type { Action, SimulateOptions, SimulationView } from "./simulate-options.ts";
export type { FaultKind } from "./simulation-faults.ts";
