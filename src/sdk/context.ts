import type { FailureEventPayload } from "./event-map.ts";
import type { ReceivedEvent } from "./event.ts";
import type { GroupTools } from "./group.ts";
import type { StepTools } from "./step/tools.ts";
import type { WorkerEnv } from "./worker-env.ts";

/** Receives what the client and functions have to say; `console` is one. */
export interface Logger {
  debug(...args: unknown[]): void;
  info(...args: unknown[]): void;
  warn(...args: unknown[]): void;
  error(...args: unknown[]): void;
}

/** What a handler is given. */
export interface Context<TEvent = ReceivedEvent, TStep = StepTools> {
  /** the event that started the run; the first one of `events` */
  event: TEvent;
  /** at least one */
  events: TEvent[];
  step: TStep;
  /** ULID of the run */
  runId: string;
  /**
   * the run's sessions, those that all of its events share; undefined when there are none. Events sent inside the run
   * inherit them, as they are at that time
   */
  sessions?: Record<string, string>;
  /** index of this try; 0 is the first */
  attempt: number;
  /** tries that the function has, the first included */
  maxAttempts: number;
  /** the call, as a server that calls over HTTP names it; undefined inside a Worker */
  requestId?: string;
  /** the server's queue item, when it names one */
  jobId?: string;
  /** silent while memoized steps replay, so that each line is written once */
  logger: Logger;
  group: GroupTools;
  /** bindings of the Worker; variables, or nothing, elsewhere */
  env: WorkerEnv;
  /** lets work go on after the handler: the runtime stays up for it where it would not wait; never rejects */
  waitUntil: (promise: Promise<unknown>) => void;
}

/** Types under their names in Inngest's SDK. */
export declare namespace Context {
  /** What all handlers are given, whatever their client and triggers. */
  type Any = Context;
}

/** A function's code. What it returns is the run's result, stored as JSON. */
export type Handler<TEvent = ReceivedEvent, TOutput = unknown, TContext = Context<TEvent>> = (
  context: TContext,
) => TOutput;

/** Types under their names in Inngest's SDK. */
export declare namespace Handler {
  /** A handler, whatever it is given and returns. */
  type Any = Handler<never, unknown, never>;
}

/** What an `onFailure` handler is given: `error` is the failure of the run, rebuilt. */
export type FailureContext<TEvent = ReceivedEvent, TContext = Context> = Omit<TContext, "event" | "events"> & {
  event: FailureEventPayload<TEvent>;
  events: FailureEventPayload<TEvent>[];
  error: Error;
};

export type FailureHandler<TEvent = ReceivedEvent, TContext = Context> = (
  context: FailureContext<TEvent, TContext>,
) => unknown;
