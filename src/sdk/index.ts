export { group, step } from "./ambient.ts";
export { Inngest, type ClientOptions } from "./client.ts";
export { headerKeys, internalEvents, queryKeys } from "./constants.ts";
export type { EnvVars } from "./environment.ts";
export { EventSchemas } from "./event-schemas.ts";
export * from "@inngest/ai";
export {
  cron,
  EventType,
  eventType,
  invoke,
  isEventType,
  type CreatedEvent,
  type EventTypeData,
  type EventTypeInput,
} from "./event-type.ts";
export {
  EventValidationError,
  isNonRetriable,
  isRetryAfter,
  isStepError,
  NonRetriableError,
  RetryAfterError,
  serializeError,
  StepError,
} from "./errors.ts";
export { fetch, type StepFetch } from "./fetch.ts";
export { InngestFunction, type FunctionOwner } from "./function.ts";
export type {
  BaseContext,
  ClientContext,
  ClientOptionsFromInngest,
  EventNameFromTrigger,
  EventsOf,
  FailureEventArgs,
  GetEvents,
  GetFunctionInput,
  GetFunctionOutput,
  GetFunctionOutputRaw,
  GetStepTools,
  SendEventBaseOutput,
  SendEventPayload,
  TimeStr,
} from "./helper-types.ts";
export {
  durationToMs,
  isInngest,
  isInngestFunction,
  isInngestMiddleware,
  isInngestRequest,
  slugify,
} from "./recognize.ts";
export { experiment, type ExperimentSelectFn, type ExperimentStrategyConfig } from "./experiment.ts";
export type { ExperimentOptions, ExperimentRef, GroupExperiment, GroupTools, ParallelOptions } from "./group.ts";
export { ConsoleLogger, ProxyLogger, wrapStringFirstLogger, type LogArg, type LogLevel } from "./logger.ts";
export * as Middleware from "./middleware/base.ts";
export type { WebhookDelivery } from "./webhook/delivery.ts";
export { InngestWebhook, type WebhookOptions } from "./webhook/webhook.ts";
export type { MiddlewareOption } from "./middleware/chain.ts";
export type { MiddlewareContext } from "./middleware/context-type.ts";
export { dependencyInjectionMiddleware } from "./middleware/dependency-injection.ts";
export { InngestMiddleware, type MiddlewareOptions } from "./middleware/legacy.ts";
export type * from "./inngest-types.ts";
export { realtime } from "./realtime/channel.ts";
export type { ClientRealtime } from "./realtime/client.ts";
export { RealtimeError } from "./realtime/service.ts";
export type { Realtime } from "./realtime/types.ts";
export { InngestFunctionReference, referenceFunction } from "./reference.ts";
export { staticSchema, type DataSchema, type StandardSchemaV1 } from "./schema.ts";
export type { Serializer } from "./serializer.ts";
export { ScheduleError, Schedules, type DynamicSchedule, type ScheduleOptions } from "./schedules.ts";
export { SendError } from "./send.ts";
export { SendSignalError, type SendSignalOptions, type SendSignalResponse } from "./signals.ts";
export type { Context, FailureContext, FailureHandler, Handler, Logger } from "./context.ts";
export type {
  CancelledEventPayload,
  EventByName,
  EventMap,
  EventName,
  EventOf,
  EventShape,
  FailureEventPayload,
  FinishedEventPayload,
  InvokeDataOf,
  PlatformEvents,
  ScheduledTimerEventPayload,
  SendPayload,
  UntypedEvents,
} from "./event-map.ts";
export type {
  EventMeta,
  EventPayload,
  EventSessions,
  EventSessionValue,
  PropagatedEventSessions,
  PropagatedEventSessionValue,
  ReceivedEvent,
  ReceivedEventMeta,
  UntypedData,
} from "./event.ts";
export type {
  BatchOptions,
  CancelOption,
  ConcurrencyOption,
  CronTriggerOptions,
  DebounceOptions,
  EventTriggerOptions,
  FunctionOptions,
  IntervalTriggerOptions,
  PriorityOptions,
  RateLimitOptions,
  SingletonOptions,
  ThrottleOptions,
  TimeoutOptions,
  Trigger,
} from "./function-options.ts";
export type { Jsonify } from "./jsonify.ts";
export type { RetryOptions } from "./retries.ts";
export { StepTimeoutError, type StepSignal } from "./step-timeout.ts";
export type {
  AiInferOptions,
  AiModels,
  AsStored,
  AwaitedEvent,
  InvokeOptions,
  InvokeTarget,
  StepOptions,
  StepOptionsOrId,
  StepTools,
  Stored,
  TimedStepOptions,
  WaitForEventOptions,
  WaitForSignalOptions,
} from "./step/tools.ts";
export type { WorkerEnv } from "./worker-env.ts";
export { version } from "./version.ts";
export {
  TimeError,
  type DurationInput,
  type DurationLike,
  type InstantInput,
  type InstantLike,
} from "../protocol/time-string.ts";
export type { WireError } from "../protocol/wire-error.ts";
