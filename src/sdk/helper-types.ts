/** Types that read what a client or a function knows. */
import type { EventSchemas } from "./event-schemas.ts";
import type { EventType } from "./event-type.ts";
import type { MiddlewareContext, MiddlewareOf } from "./middleware/context-type.ts";
import type { Jsonify } from "./jsonify.ts";
import type { Serializer } from "./serializer.ts";
import type { Context, FailureContext } from "./context.ts";
import type { EventByName, EventMap, EventOf, PlatformEvents, SendPayload, UntypedEvents } from "./event-map.ts";
import type { EventPayload, ReceivedEvent } from "./event.ts";
import type { AsStored, InvokeTarget, StepTools, Stored } from "./step/tools.ts";

/** A client, whatever its options. */
interface AnyClient {
  readonly "~options": object;
}

/** Options of a client. */
export type ClientOptionsFromInngest<TClient extends AnyClient> = TClient["~options"];

/** The events that a client's `schemas` describe. */
export type EventsOf<TOptions> = TOptions extends { readonly schemas: EventSchemas<infer TEvents> }
  ? TEvents
  : UntypedEvents;

/** What a client's results are when they are read again. */
export type StoredOf<TOptions> = TOptions extends { readonly serializer: Serializer } ? "whole" : "json";

/** The context of a client's handlers. */
export type ClientContext<TOptions, TEvent = ReceivedEvent> = Context<
  TEvent,
  StepTools<EventsOf<TOptions>, StoredOf<TOptions>>
> &
  MiddlewareContext<MiddlewareOf<TOptions>>;

/**
 * Events of a client by name, as handlers receive them; those of the platform included.
 *
 * @example
 * type Created = GetEvents<typeof inngest>["user/created"]["data"];
 */
export type GetEvents<TClient extends AnyClient, TWithInternal extends boolean = true> = {
  [Name in keyof EventsOf<TClient["~options"]> & string]: EventByName<EventsOf<TClient["~options"]>, Name>;
} & (TWithInternal extends true ? PlatformEvents : unknown);

/**
 * What a handler of a client is given, for code that handlers call.
 *
 * @example
 * type Input = GetFunctionInput<typeof inngest, "user/created">;
 */
export type GetFunctionInput<TClient extends AnyClient, TName extends string = string> = ClientContext<
  TClient["~options"],
  string extends TName ? ReceivedEvent : EventOf<EventsOf<TClient["~options"]>, { event: TName }>
>;

/** The step tools of a client's handlers. */
export type GetStepTools<TClient extends AnyClient, _TName extends string = string> = StepTools<
  EventsOf<TClient["~options"]>,
  StoredOf<TClient["~options"]>
>;

/** What a function returns, as `step.invoke` gives it. */
export type GetFunctionOutput<TFunction extends InvokeTarget<unknown, object>> = Jsonify<
  GetFunctionOutputRaw<TFunction>
>;

/** What a function returns, before it is stored. */
export type GetFunctionOutputRaw<TFunction extends InvokeTarget<unknown, object>> = TFunction extends {
  readonly "~types": { output: infer TOutput };
}
  ? Awaited<TOutput>
  : unknown;

/** What `send` of a client takes. */
export type SendEventPayload<TEvents extends EventMap = UntypedEvents> =
  | SendPayload<TEvents>
  | readonly SendPayload<TEvents>[];

/** What `send` resolves with. */
export interface SendEventBaseOutput {
  /** the platform's own ids, in the order of the events */
  ids: string[];
}

/** Name of the event of a trigger. */
export type EventNameFromTrigger<TTrigger> =
  TTrigger extends EventType<infer TName>
    ? TName
    : TTrigger extends { event: EventType<infer TName> | (infer TName extends string) }
      ? TName
      : TTrigger extends { cron: string } | { every: unknown }
        ? "inngest/scheduled.timer"
        : never;

/** What `onFailure` is given beside what every handler is. */
export type FailureEventArgs<TEvent = ReceivedEvent> = Pick<FailureContext<TEvent>, "event" | "error" | "logger">;

/** A duration as text: "1w2d3h4m5s", any part of which may be missing. */
export type TimeStr =
  `${`${number}w` | ""}${`${number}d` | ""}${`${number}h` | ""}${`${number}m` | ""}${`${number}s` | ""}`;

/** The name of v3 for what a context holds whatever the client. */
export type BaseContext<TEvent = ReceivedEvent> = Context<TEvent>;

export type { AsStored, EventPayload, Stored };
