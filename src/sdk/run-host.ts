import type { CallBody } from "../protocol/call.ts";
import type { Context } from "./context.ts";
import type { FoundStep } from "./execute.ts";
import type { EventSender } from "./sender.ts";

/** One pass over a run's handler, as its host is told of it: the same object all along. */
export interface HostedRun {
  runId: string;
  functionId: string;
  /** of the handler, 0 for the first */
  attempt: number;
}

/** Turns of an event loop. */
export interface TurnSource {
  /**
   * Resolves once every continuation that was ready has run.
   *
   * @param mayBeBrief a long chain of them need not be over, since nothing is decided by which comes first
   */
  next(mayBeBrief?: boolean): Promise<unknown>;
  /** No further turn is asked for. */
  close(): void;
}

/**
 * What a host of runs may decide about them: how tests move time, mock steps and keep runs apart. A platform leaves all
 * of it out.
 */
export interface RunHost {
  /** Default: turns of the runtime's own event loop */
  turns?(): TurnSource;
  /** Epoch ms. Default: the runtime's clock */
  now?(): number;
  /** Calls back after so long, unless the function returned is called first. Default: the runtime's timers */
  timer?(run: HostedRun, ms: number, fire: () => void): () => void;
  /** A run's events and results, when they were too large for its call. Default: they are fetched from the platform */
  state?(runId: string): Promise<Pick<CallBody, "events" | "steps">>;
  /** Makes the requests of `step.fetch` and `step.ai.infer`. Default: the runtime's `fetch` */
  fetch?(url: string, init: RequestInit): Promise<Response>;
  /** Delivers the events that are sent inside of runs. Default: as the client delivers any event */
  send?(run: HostedRun, ...delivery: Parameters<EventSender>): ReturnType<EventSender>;
  /** Calls the handler. */
  handler?(run: HostedRun, context: Context, call: (context: Context) => unknown): unknown;
  /** The handler has reached a step, whether its result is known or not. */
  asked?(run: HostedRun, step: FoundStep): void;
  /** A step that is about to be carried out: as it is, or with other code. */
  step?(run: HostedRun, step: FoundStep): FoundStep;
}

/** What a host makes requests with; the runtime's is taken when it is called, since tests and tracers replace it. */
export function hostFetch(host: RunHost | undefined): (url: string, init: RequestInit) => Promise<Response> {
  return (url, init) => host?.fetch?.(url, init) ?? globalThis.fetch(url, init);
}
