/** Names of the wire, for adapters and handlers of one's own. */
import { headers } from "../protocol/headers.ts";
import { internalEvents as events } from "../protocol/event.ts";

/** Events that the platform sends, and that may trigger functions. */
export const internalEvents = {
  FunctionFailed: events.failed,
  FunctionInvoked: events.invoked,
  FunctionFinished: events.finished,
  FunctionCancelled: events.cancelled,
  ScheduledTimer: events.scheduledTimer,
  DeferredSchedule: events.deferred,
} as const;

/** Parameters of the platform's requests to an app. */
export const queryKeys = { DeployId: "deployId", FnId: "fnId", Probe: "probe", StepId: "stepId" } as const;

/** Headers of the platform's requests to an app, and of its answers. */
export const headerKeys = {
  ContentType: "content-type",
  ContentLength: "content-length",
  Host: "host",
  Location: "location",
  ForwardedFor: "x-forwarded-for",
  RealIp: "x-real-ip",
  TraceParent: "traceparent",
  TraceState: "tracestate",
  Signature: headers.signature,
  SdkVersion: headers.sdk,
  Environment: headers.env,
  Platform: headers.platform,
  Framework: headers.framework,
  NoRetry: headers.noRetry,
  RequestId: headers.requestId,
  GenerationId: headers.generationId,
  InngestJobId: headers.jobId,
  RequestVersion: headers.requestVersion,
  RetryAfter: headers.retryAfter,
  InngestServerKind: headers.serverKind,
  InngestExpectedServerKind: headers.expectedServerKind,
  InngestSyncKind: headers.syncKind,
  EventIdSeed: headers.eventIdSeed,
  InngestRunId: headers.runId,
  InngestStepId: headers.stepId,
  InngestForceStepPlan: "x-inngest-force-step-plan",
  SdkHandled: "x-inngest-sdk-handled",
} as const;
