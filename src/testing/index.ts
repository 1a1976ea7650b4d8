/** `@dotdo/inngest/test`: a whole platform in a test, with virtual time. */
export type { AnyFunction, TestTransport } from "./app-functions.ts";
export {
  createTestPlatform,
  type SentEvents,
  type TestClock,
  type TestPlatform,
  type TestPlatformOptions,
} from "./platform.ts";
export type { RunTarget, TestRun, TestStep } from "./run.ts";
export type { AnswerEvent, MockedStep, StepControl, StepSelector } from "./step-control.ts";
