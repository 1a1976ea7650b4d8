import type { DurationInput, InstantInput, InstantLike } from "../../protocol/time-string.ts";
import type {
  AnyEventType,
  DataOption,
  EventByName,
  EventMap,
  EventName,
  KnownPayload,
  SendPayload,
  UntypedEvents,
} from "../event-map.ts";
import type { EventType, EventTypeData } from "../event-type.ts";
import type { EventMeta, ReceivedEvent, UntypedData } from "../event.ts";
import type { StepFetch } from "../fetch.ts";
import type { Jsonify } from "../jsonify.ts";
import type { Realtime } from "../realtime/types.ts";
import type { RetryOptions } from "../retries.ts";
import type { SendSignalOptions, SendSignalResponse } from "../signals.ts";
import type { StepSignal } from "../step-timeout.ts";
import type { AiAdapter, models } from "@inngest/ai";

/** A step's id, alone or with options. The same id in the same run is the same step: it runs once. */
export type StepOptionsOrId = string | StepOptions;

export interface StepOptions {
  /** names the step in the run, at most 1,024 bytes; a repeated id is told apart by its position */
  id: string;
  /** shown instead of the id */
  name?: string;
  /** how this step is tried again; a number counts tries after the first. Default: as the function */
  retries?: number | RetryOptions;
  /** `race`: the handler goes on as soon as this step is done, without waiting for steps that run beside it */
  parallelMode?: "race";
  /** of `step.run` alone: see {@link TimedStepOptions} */
  timeout?: undefined;
}

/** Ours: a step whose code may take so long and no longer. */
export interface TimedStepOptions extends Omit<StepOptions, "timeout"> {
  /**
   * How long an attempt may take: milliseconds or a duration ("30s"), more than 0 and at most 366 days. Then it fails with
   * `StepTimeoutError`, and is tried again as after any error.
   */
  timeout: DurationInput;
}

interface WaitOptions {
  /** give up after: milliseconds or a duration ("24h"), at most 366 days */
  timeout: DurationInput;
  /**
   * `run` also finds an event that arrived before this step was reached, since the run's start. Default: events that
   * arrive after the step was reached, or up to a second before. Ours: Inngest has no such option.
   */
  since?: "run";
}

type WaitNames<TName> =
  | { /** name of the event, or its type */ event: TName; events?: undefined }
  | { /** names or types; the first event of any of them */ events: readonly TName[]; event?: undefined };

type WaitCondition =
  | { /** path that must be equal in both events, such as `data.orderId` */ match?: string; if?: undefined }
  | { /** CEL over `event` (the run's) and `async` (the awaited one) */ if?: string; match?: undefined };

/** What `step.ai.infer` asks. */
export interface AiInferOptions<TAdapter extends AiAdapter> {
  /** made by `step.ai.models`, or by the export of the same name */
  model: TAdapter;
  /** what the provider's API takes */
  body: AiAdapter.Input<TAdapter>;
}

/** Adapters of the models that `step.ai.infer` can ask. */
export type AiModels = Pick<
  typeof models,
  "anthropic" | "azureOpenai" | "deepseek" | "gemini" | "grok" | "openai" | "openaiResponses"
>;

/** What `step.waitForEvent` waits for: `event` or `events`, and at most one of `match` and `if`. */
export type WaitForEventOptions<TName = string | AnyEventType> = WaitOptions & WaitNames<TName> & WaitCondition;

/** What `step.waitForSignal` waits for. */
export interface WaitForSignalOptions {
  /** name of the signal, unique in the environment, 1 to 512 bytes */
  signal: string;
  /** give up after a duration ("24h"), or at a `Date` or Temporal's `Instant` or `ZonedDateTime`; at most 366 days */
  timeout: DurationInput | Date | InstantLike;
  /**
   * When another step waits for the signal already: `fail` makes this run fail, `replace` takes the signal over, and the
   * other is left to its timeout
   */
  onConflict: "replace" | "fail";
}

/** The event that a wait for these names or types resolves with. */
export type AwaitedEvent<TEvents extends EventMap, TName> =
  TName extends EventType<infer TNames, infer TSchema>
    ? ReceivedEvent<EventTypeData<TSchema>, TNames>
    : TName extends string
      ? EventByName<TEvents, TName>
      : ReceivedEvent;

/** A function that `step.invoke` can start: what `createFunction` or `referenceFunction` returns. */
export interface InvokeTarget<TOutput = unknown, TData extends object = UntypedData> {
  /** `<app>-<function>` of the given app */
  id(appId?: string): string;
  /** app of the client that made it */
  readonly appId: string | undefined;
  /** types only */
  readonly "~types"?: { output: TOutput; data: TData };
}

/** Options of `step.invoke`; `data` becomes `event.data` of the invoked function. Default `{}` */
export type InvokeOptions<TOutput = unknown, TData extends object = UntypedData> = InvokeSettings<TOutput, TData> &
  DataOption<NoInfer<TData>>;

interface InvokeSettings<TOutput, TData extends object> {
  /** the function, a reference to it, or its whole id, `<app>-<function>` */
  function: InvokeTarget<TOutput, TData> | string;
  v?: string;
  meta?: EventMeta;
  /** @deprecated use `data` */
  user?: UntypedData;
  /**
   * stop waiting after: milliseconds or a duration ("1h"), at most 366 days. Default 1 year. The step then rejects; the
   * invoked run goes on.
   */
  timeout?: DurationInput;
}

/** How results are stored: as JSON, or by a client's serializer, which gives back what it was given. */
export type Stored = "json" | "whole";

/** A stored value, when it is read again. */
export type AsStored<TStored extends Stored, T> = TStored extends "whole" ? T : Jsonify<T>;

/**
 * Durable steps of a run. Each runs once: its result is stored as JSON, and every later pass over the handler gets the
 * stored one. A step whose attempts are used up rejects with {@link StepError}.
 */
export interface StepTools<TEvents extends EventMap = UntypedEvents, TStored extends Stored = "json"> {
  /**
   * As below, for code that may take so long and no longer. After its inputs it is given a `signal`, which is aborted when
   * its time is over; also when the run is cancelled or ends, where the code runs in the platform's Worker.
   *
   * @example
   * const page = await step.run({ id: "fetch", timeout: "30s" }, async ({ signal }) => (await fetch(url, { signal })).text());
   */
  run<TInput extends unknown[], TOutput>(
    id: TimedStepOptions,
    fn: (...args: [...input: TInput, context: StepSignal]) => TOutput,
    ...input: TInput
  ): Promise<AsStored<TStored, Awaited<TOutput>>>;
  /**
   * Runs `fn` and stores its result.
   *
   * @param input passed to `fn`, recorded with the step
   * @example
   * const user = await step.run("fetch-user", () => fetchUser(event.data.userId));
   */
  run<TInput extends unknown[], TOutput>(
    id: StepOptionsOrId,
    fn: (...input: TInput) => TOutput,
    ...input: TInput
  ): Promise<AsStored<TStored, Awaited<TOutput>>>;

  ai: {
    /**
     * As {@link run}, for calls of a model: shown as such, with their input.
     *
     * @example
     * const answer = await step.ai.wrap("ask", generateText, { model, prompt });
     */
    wrap<TInput extends unknown[], TOutput>(
      id: StepOptionsOrId,
      fn: (...input: TInput) => TOutput,
      ...input: TInput
    ): Promise<AsStored<TStored, Awaited<TOutput>>>;
    /**
     * Asks a model, and resolves with the provider's answer. The platform makes the request: an app over HTTP is not called
     * meanwhile, and its key goes with the request and is not kept. What is no success is tried again as any step.
     *
     * @example
     * const model = step.ai.models.openai({ model: "gpt-4o" });
     * const answer = await step.ai.infer("ask", { model, body: { messages: [{ role: "user", content: question }] } });
     */
    infer<TAdapter extends AiAdapter>(
      id: StepOptionsOrId,
      options: AiInferOptions<TAdapter>,
    ): Promise<AiAdapter.Output<TAdapter>>;
    /** Models to ask: those of `@inngest/ai`, also exported by name. */
    models: AiModels;
  };

  /**
   * A `fetch` whose requests are steps: made by the platform once, tried again as any step when no answer comes, and answered
   * from the journal when the handler is entered again. Every answer is a result, also one of status 500. Answers are read
   * whole, as text, up to 4 MiB. Several at once need not be awaited one by one.
   *
   * @example
   * const response = await step.fetch("https://api.example.com/rates");
   * const rates = await response.json();
   */
  fetch: StepFetch;

  /**
   * Pauses the run without holding any resource.
   *
   * @param duration milliseconds or a duration ("30s", "1h30m", "2.5 days"), at most 366 days
   * @example
   * await step.sleep("wait-a-day", "1d");
   */
  sleep(id: StepOptionsOrId, duration: DurationInput): Promise<void>;

  /**
   * Pauses the run until an instant; one in the past resumes at once.
   *
   * @param time a `Date`, an ISO date, or epoch milliseconds; at most 366 days ahead
   * @example
   * await step.sleepUntil("launch", "2027-01-01T09:00:00Z");
   */
  sleepUntil(id: StepOptionsOrId, time: InstantInput): Promise<void>;

  /**
   * Waits for an event; `null` when none came in time.
   *
   * @example
   * const approval = await step.waitForEvent("approval", { event: "order/approved", match: "data.orderId", timeout: "24h" });
   */
  waitForEvent<const TName extends EventName<TEvents> | AnyEventType>(
    id: StepOptionsOrId,
    options: WaitForEventOptions<TName>,
  ): Promise<AwaitedEvent<TEvents, TName> | null>;

  /**
   * Waits for a signal: data for this one step, sent by `sendSignal` under a name that only it waits for. `null` when none
   * came in time. A signal that nobody waits for is not kept.
   *
   * @example
   * const signal = `approval/${event.data.orderId}`;
   * const answer = await step.waitForSignal<{ by: string }>("approval", { signal, timeout: "24h", onConflict: "fail" });
   */
  waitForSignal<TData>(
    id: StepOptionsOrId,
    options: WaitForSignalOptions,
  ): Promise<{ signal: string; data: AsStored<TStored, TData> } | null>;

  /**
   * Sends a signal to the step that waits for it.
   *
   * @returns the run that got it; `runId` is undefined when nobody waited
   * @example
   * await step.sendSignal("approve", { signal: `approval/${orderId}`, data: { by: "ada" } });
   */
  sendSignal(id: StepOptionsOrId, options: SendSignalOptions): Promise<SendSignalResponse>;

  /**
   * Starts another function and waits for its result; rejects when that run fails, is cancelled or takes too long.
   *
   * @example
   * const invoice = await step.invoke("bill", { function: createInvoice, data: { orderId } });
   */
  invoke<TOutput, TData extends object = UntypedData>(
    id: StepOptionsOrId,
    options: InvokeOptions<TOutput, TData>,
  ): Promise<AsStored<TStored, Awaited<TOutput>>>;

  /**
   * Sends events once, however often the handler is replayed.
   *
   * @returns the events' ids, in their order
   * @example
   * await step.sendEvent("notify", { name: "order/paid", data: { orderId } });
   */
  sendEvent(
    id: StepOptionsOrId,
    payload: SendPayload<TEvents> | readonly SendPayload<TEvents>[],
  ): Promise<{ ids: string[] }>;
  /** As above for one event: compilers explain what is wrong by the last form, and this one says it plainly. */
  sendEvent(id: StepOptionsOrId, payload: KnownPayload<TEvents>): Promise<{ ids: string[] }>;

  /** What `client.realtime` does, as steps. */
  realtime: {
    /**
     * Publishes to those who subscribe at this moment, once, however often the handler is replayed.
     *
     * @returns the data
     * @example
     * await step.realtime.publish("tell", chat("42").messages, { text: "hello" });
     */
    publish<TData>(id: StepOptionsOrId, topicRef: Realtime.TopicRef<TData>, data: TData): Promise<TData>;
  };
}
