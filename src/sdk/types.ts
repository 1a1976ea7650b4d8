/** `@dotdo/inngest/types`: types that code written for `inngest/types` imports. Each is exported by the package's root as well, or of the wire. */
import type { CancelOption } from "./function-options.ts";
import type { EventMeta, ReceivedEvent, UntypedData } from "./event.ts";
import type { InngestFunction, WireFunctionConfig } from "./function.ts";
import type { InvokeTarget } from "./step/tools.ts";

export type { ClientOptions } from "./client.ts";
export type { Context, Handler } from "./context.ts";
export type {
  BaseContext,
  EventNameFromTrigger,
  FailureEventArgs,
  SendEventBaseOutput,
  TimeStr,
} from "./helper-types.ts";
export type { JsonError, OutgoingOp } from "./inngest-types.ts";
export type { ExperimentRef } from "./group.ts";
export type { LogLevel } from "./logger.ts";
export type {
  CancelledEventPayload,
  FailureEventPayload,
  FinishedEventPayload,
  ScheduledTimerEventPayload,
} from "./event-map.ts";
export type {
  EventMeta,
  EventPayload,
  EventSessions,
  EventSessionValue,
  PropagatedEventSessions,
  PropagatedEventSessionValue,
  ReceivedEventMeta,
} from "./event.ts";
export type { ConcurrencyOption } from "./function-options.ts";
export type { Jsonify } from "./jsonify.ts";
export type { SendSignalResponse } from "./signals.ts";
export type { StepOptions, StepOptionsOrId } from "./step/tools.ts";

/** An event as it is sent, as far as all have it. */
export interface MinimalEventPayload<TData = UntypedData> {
  id?: string;
  data?: TData;
  v?: string;
  meta?: EventMeta;
  /** @deprecated use `data` */
  user?: UntypedData;
}

/** What starts a run by `step.invoke`. */
export type InvokedEventPayload = ReceivedEvent<UntypedData, "inngest/function.invoked">;
/** One of a function's `cancelOn`. */
export type Cancellation = CancelOption;
/** A function as it is registered. */
export type FunctionConfig = WireFunctionConfig;
/** A function, or a reference to one. */
export type InvokeTargetFunctionDefinition = InvokeTarget<unknown, object>;
/** `data` of the event that a function takes when it is invoked. */
export type TriggerEventFromFunction<TFunction extends InvokeTargetFunctionDefinition> = MinimalEventPayload<
  TFunction extends InvokeTarget<unknown, infer TData> ? TData : UntypedData
>;
export type PayloadForAnyInngestFunction<TFunction extends InngestFunction.Any> = TriggerEventFromFunction<TFunction>;
export type InvocationResult<TReturn> = Promise<TReturn>;
/** What `send` resolves with. */
export type SendEventOutput<_TOptions = unknown> = SendEventResponse;
export interface SendEventResponse {
  ids: string[];
  status?: number;
  error?: string;
}

/** A short time as text, such as that of a batch. */
export type TimeStrBatch = `${number}s`;
/** A value, or why there is none. */
export type Result<T, E = undefined> = { ok: true; value: T } | { ok: false; error: E | undefined };
/** Frameworks and platforms as apps report them. */
export type SupportedFrameworkName =
  | "astro"
  | "aws-lambda"
  | "bun"
  | "cloudflare"
  | "cloudflare-pages"
  | "deno/fresh"
  | "digitalocean"
  | "edge"
  | "express"
  | "fastify"
  | "h3"
  | "hono"
  | "koa"
  | "nextjs"
  | "nitro"
  | "nodejs"
  | "nuxt"
  | "redwoodjs"
  | "remix"
  | "sveltekit";

/** Ops of the wire (inngest-protocol §3.4). */
export const StepOpCode = {
  WaitForSignal: "WaitForSignal",
  WaitForEvent: "WaitForEvent",
  Step: "Step",
  StepRun: "StepRun",
  StepError: "StepError",
  StepFailed: "StepFailed",
  StepPlanned: "StepPlanned",
  Sleep: "Sleep",
  StepNotFound: "StepNotFound",
  InvokeFunction: "InvokeFunction",
  AiGateway: "AIGateway",
  Gateway: "Gateway",
  RunComplete: "RunComplete",
  DiscoveryRequest: "DiscoveryRequest",
  DeferAdd: "DeferAdd",
  DeferAbort: "DeferAbort",
} as const;
export type StepOpCode = (typeof StepOpCode)[keyof typeof StepOpCode];

/** Names of a logger's levels. */
export const logLevels = ["fatal", "error", "warn", "info", "debug", "silent"] as const;

export const ok = <T>(data: T): Result<T, never> => ({ ok: true, value: data });
export const err = <E>(error?: E): Result<never, E> => ({ ok: false, error });
