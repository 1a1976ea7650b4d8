export { Inngest, type ClientOptions } from "./client.ts";
export type { EnvVars } from "./environment.ts";
export {
  isNonRetriable,
  isRetryAfter,
  isStepError,
  NonRetriableError,
  RetryAfterError,
  serializeError,
  StepError,
} from "./errors.ts";
export { InngestFunction } from "./function.ts";
export { SendError } from "./send.ts";
export type {
  Context,
  CronTriggerOptions,
  EventPayload,
  EventTriggerOptions,
  FailureContext,
  FailureEventPayload,
  FailureHandler,
  FunctionOptions,
  Handler,
  InvokeOptions,
  InvokeTarget,
  Jsonify,
  Logger,
  ReceivedEvent,
  RetryOptions,
  StepOptions,
  StepOptionsOrId,
  StepTools,
  Trigger,
  UnsupportedFunctionOptions,
  UntypedData,
  WaitForEventOptions,
} from "./types.ts";
export { version } from "./version.ts";
export { internalEvents } from "../protocol/event.ts";
export { TimeError } from "../protocol/time-string.ts";
export type { WireError } from "../protocol/wire-error.ts";
