/**
 * The class form of middleware: the same hooks, arguments and order as in version 4 of Inngest's own SDK
 * (inngest-features §1.7). Exported as `Middleware`.
 */
import type { JsonValue } from "../../protocol/json.ts";
import type { WireError } from "../../protocol/wire-error.ts";
import type { Inngest } from "../client.ts";
import type { InngestFunction } from "../function.ts";
import type { Jsonify } from "../jsonify.ts";
import type { Context } from "../context.ts";
import type { EventPayload } from "../event.ts";
import type { StepOptions, StepTools as Tools } from "../step/tools.ts";

type MaybePromise<T> = T | Promise<T>;

/** Step tools as a handler has them. */
export type StepTools = Tools;

/** Extend it and override `Out` to describe how values are transformed: TypeScript has no higher-kinded types. */
export interface StaticTransform {
  In: unknown;
  Out: unknown;
}

/** What `JSON.stringify` does. */
export interface DefaultStaticTransform extends StaticTransform {
  Out: Jsonify<this["In"]>;
}

/** The kinds of steps there are today; more may come. */
export type StepType =
  | "ai.infer"
  | "ai.wrap"
  | "fetch"
  | "group.experiment"
  | "invoke"
  | "realtime.publish"
  | "run"
  | "sendEvent"
  | "sendSignal"
  | "sleep"
  | "waitForEvent"
  | "waitForSignal"
  | (string & {});

export interface StepInfo {
  /** hash of the step's id, with its index when the id repeats */
  hashedId: string;
  /** what the tool was given beside id and function; of waits and invocations their options as on the wire */
  input?: unknown[];
  /** whether the result is read from the journal */
  memoized: boolean;
  options: StepOptions;
  stepType: StepType;
}

/** A settled step as middleware sees it. */
export type MemoizedStep =
  | { type: "data"; data: unknown }
  | { type: "error"; error: WireError }
  | { type: "input"; input: unknown };

/** Settled steps by the hash of their id. */
export type MemoizedSteps = Record<string, MemoizedStep>;

interface InRun {
  readonly ctx: Context;
  readonly fn: InngestFunction;
}

interface InStep extends InRun {
  readonly stepInfo: Readonly<StepInfo>;
}

export interface OnRegisterArgs {
  readonly client: Inngest;
  /** null when the middleware was added to the client */
  readonly fn: InngestFunction | null;
}

export interface TransformFunctionInputArgs {
  ctx: Context;
  readonly fn: InngestFunction;
  /** read from the journal when first looked at; steps that settle later are seen by `wrapStep` only */
  steps: MemoizedSteps;
}

export interface TransformStepInputArgs {
  readonly fn: InngestFunction;
  readonly stepInfo: Readonly<Pick<StepInfo, "hashedId" | "memoized" | "stepType">>;
  stepOptions: StepOptions;
  input: unknown[];
}

export interface TransformSendEventArgs {
  events: EventPayload[];
  /** null for `client.send` */
  readonly fn: InngestFunction | null;
}

export interface WrapFunctionHandlerArgs extends InRun {
  readonly next: () => Promise<unknown>;
}

export interface WrapStepArgs extends InStep {
  readonly next: () => Promise<unknown>;
}

export type WrapStepHandlerArgs = WrapStepArgs;

/** The request that asked for an execution. */
export interface Request {
  /** parsed JSON */
  body: () => Promise<JsonValue>;
  headers: Readonly<Record<string, string>>;
  method: string;
  url: URL;
}

/** The response to it. */
export interface Response {
  body: string;
  headers: Record<string, string>;
  status: number;
}

export interface WrapRequestArgs {
  readonly fn: InngestFunction | null;
  readonly next: () => Promise<Response>;
  /** what the runtime gave to the handler: request, env, and an object with `waitUntil` */
  readonly requestArgs: readonly unknown[];
  readonly requestInfo: Request;
  readonly runId: string;
}

export interface WrapSendEventArgs {
  readonly events: EventPayload[];
  readonly fn: InngestFunction | null;
  readonly next: () => Promise<{ ids: string[] }>;
}

export type OnMemoizationEndArgs = InRun;
export type OnRunStartArgs = InRun;
export type OnStepStartArgs = InStep;

export interface OnRunCompleteArgs extends InRun {
  readonly output: unknown;
}

export interface OnRunErrorArgs extends InRun {
  readonly error: Error;
  /** no attempt is left, or the error forbids one */
  readonly isFinalAttempt: boolean;
}

export interface OnStepCompleteArgs extends InStep {
  readonly output: unknown;
}

export interface OnStepErrorArgs extends InStep {
  readonly error: Error;
  /** no attempt is left, or the error forbids one */
  readonly isFinalAttempt: boolean;
}

/**
 * Extend it to hook into requests, runs, steps and sends. Client's middleware comes before a function's; the first is
 * outermost. Each request has instances of its own, and so has each send; an embedded run has them for as long as it
 * stays in memory.
 *
 * An error of a transform fails what it transforms, and is tried again like it; an error of an observer (`on…`) is
 * logged.
 *
 * @example
 * class Timing extends Middleware.BaseMiddleware {
 *   readonly id = "timing";
 *   override async wrapStepHandler({ next, stepInfo }: Middleware.WrapStepHandlerArgs) {
 *     const from = Date.now();
 *     try {
 *       return await next();
 *     } finally {
 *       console.log(stepInfo.options.id, Date.now() - from);
 *     }
 *   }
 * }
 * const inngest = new Inngest({ id: "my-app", middleware: [Timing] });
 */
export abstract class BaseMiddleware {
  readonly client: Inngest;
  /** names the middleware in errors and logs */
  abstract readonly id: string;
  /** types only: how a function's result is transformed. Default: as JSON does */
  declare functionOutputTransform: DefaultStaticTransform;
  /** types only: how a step's result is transformed. Default: as JSON does */
  declare stepOutputTransform: DefaultStaticTransform;

  constructor({ client }: { client: Inngest }) {
    this.client = client;
  }

  /** Called once when the class is added to a client or a function. */
  static onRegister?(args: OnRegisterArgs): void;

  /** May change the handler's context and the memoized steps. */
  transformFunctionInput?(args: TransformFunctionInputArgs): MaybePromise<TransformFunctionInputArgs>;
  /** Around a call over HTTP, once it is authenticated. Embedded runs have no requests. */
  wrapRequest?(args: WrapRequestArgs): Promise<Response>;
  /** Around the handler; `next` settles only when the handler ends, in the pass that ends it. */
  wrapFunctionHandler?(args: WrapFunctionHandlerArgs): Promise<unknown>;
  /** May change id, options and input of a step, each time the handler reaches it. */
  transformStepInput?(args: TransformStepInputArgs): MaybePromise<TransformStepInputArgs>;
  /** Around a step of any kind, each time the handler reaches it: changes what the handler gets. */
  wrapStep?(args: WrapStepArgs): Promise<unknown>;
  /** Around each attempt of a step's code (`run`, `sendEvent`): changes what is stored. */
  wrapStepHandler?(args: WrapStepHandlerArgs): Promise<unknown>;
  /** May change events before they are sent, by `client.send` or a step. */
  transformSendEvent?(args: TransformSendEventArgs): MaybePromise<TransformSendEventArgs>;
  /** Around each sending of events. */
  wrapSendEvent?(args: WrapSendEventArgs): Promise<{ ids: string[] }>;

  /** All memoized steps have settled, or a new one was found; at once when there are none. */
  onMemoizationEnd?(args: OnMemoizationEndArgs): MaybePromise<void>;
  /** The first pass of a run: attempt 0, no step yet. */
  onRunStart?(args: OnRunStartArgs): MaybePromise<void>;
  onRunComplete?(args: OnRunCompleteArgs): MaybePromise<void>;
  onRunError?(args: OnRunErrorArgs): MaybePromise<void>;
  /** Before each attempt of a step's code; like its two siblings for `run` and `sendEvent`, never for memoized steps. */
  onStepStart?(args: OnStepStartArgs): MaybePromise<void>;
  onStepComplete?(args: OnStepCompleteArgs): MaybePromise<void>;
  onStepError?(args: OnStepErrorArgs): MaybePromise<void>;
}

/** A middleware as options name it. */
export interface Class {
  new (args: { client: Inngest }): BaseMiddleware;
  onRegister?(args: OnRegisterArgs): void;
}

interface Adding<TContext extends object> extends BaseMiddleware {
  transformFunctionInput(args: TransformFunctionInputArgs): TransformFunctionInputArgs & { ctx: TContext };
}

/** A middleware that adds to the context of handlers: what it adds is known to the compiler. */
export interface ClassAdding<TContext extends object> {
  new (args: { client: Inngest }): Adding<TContext>;
  onRegister?(args: OnRegisterArgs): void;
}
