/** Types under the names that Inngest's SDK exports them by: what code that was written for it imports. */
import type { JsonValue } from "../protocol/json.ts";
import type { WireError } from "../protocol/wire-error.ts";
import type { Context } from "./context.ts";
import type { EventsOf } from "./helper-types.ts";
import type { EventPayload } from "./event.ts";
import type { MiddlewareOptions } from "./middleware/legacy.ts";
import type { StandardSchemaV1 } from "./schema.ts";

type Flat<T> = { [K in keyof T]: T[K] };

export type MaybePromise<T> = T | Promise<T>;

/** Whether a name is a literal, and not any text. */
export type IsStringLiteral<T extends string> = string extends T ? false : true;

/** Keys of any member of a union. */
export type UnionKeys<T> = T extends T ? keyof T : never;
export type StrictUnionHelper<T, TAll> = T extends unknown
  ? T & Partial<Record<Exclude<UnionKeys<TAll>, keyof T>, never>>
  : never;
/** A union whose members refuse each other's keys. */
export type StrictUnion<T> = StrictUnionHelper<T, T>;
/** An object with the one set of keys or the other. */
export type ExclusiveKeys<T, Keys1 extends keyof T, Keys2 extends keyof T> =
  | (Omit<T, Keys1> & { [K in Keys1]?: never })
  | (Omit<T, Keys2> & { [K in Keys2]?: never });

/** Events by name, without those of the platform. */
export type WithoutInternal<T extends Record<string, EventPayload>> = {
  [K in keyof T as K extends `inngest/${string}` ? never : K]: T[K];
};
/** An event with a name of its own, or else that of its key. */
export type AddName<TObj, TDefaultName extends string> = TObj extends { name: infer TName extends string }
  ? IsStringLiteral<TName> extends true
    ? TObj
    : Flat<TObj & { name: TDefaultName }>
  : Flat<TObj & { name: TDefaultName }>;
/** What `EventSchemas.fromSchema` of 3.x takes, once its schemas are read. */
export type StandardEventSchemas = Record<string, { data?: unknown; user?: unknown }>;
export type StandardEventSchemaToPayload<T> = {
  [K in keyof T & string]: AddName<Flat<Omit<EventPayload, keyof T[K]> & T[K]>, K>;
};
export type Combine<TCurr extends Record<string, EventPayload>, TInc extends StandardEventSchemas> =
  IsStringLiteral<keyof TCurr & string> extends true
    ? Flat<Omit<TCurr, keyof StandardEventSchemaToPayload<TInc>> & StandardEventSchemaToPayload<TInc>>
    : StandardEventSchemaToPayload<TInc>;
export type AssertInternalEventPayloads<T extends Record<string, EventPayload>> = {
  [K in keyof T as `${K & string}`]: Flat<Omit<T[K], "name"> & { name: `${K & string}` }>;
};
/** What `EventSchemas.fromZod` takes: by name, or each with its name in it. */
export type ZodEventSchemas = Record<string, { data?: StandardSchemaV1; user?: StandardSchemaV1 }>;
export type LiteralZodEventSchema = StandardSchemaV1<unknown, { name: string; data?: unknown; user?: unknown }>;
/** The events that a client's options describe. */
export type EventsFromOpts<TOpts> = EventsOf<TOpts>;

/** The parts of middleware in the form of 3.x. */
export type MiddlewareRegisterFn = MiddlewareOptions["init"];
export type MiddlewareRegisterReturn = Awaited<ReturnType<MiddlewareRegisterFn>>;

/** A handler, by its step tools, its triggers and what middleware adds to its context. */
export type HandlerWithTriggers<
  TStepTools,
  _TTriggers extends readonly unknown[] = readonly unknown[],
  TOverrides extends Record<string, unknown> = Record<never, never>,
> = (context: Omit<Context, "step" | keyof TOverrides> & { step: TStepTools } & TOverrides) => unknown;

/** What `group` is made from. */
export interface GroupToolsDeps {
  experimentStepRun?: (...args: never[]) => Promise<unknown>;
}

/** `Temporal.ZonedDateTime`. */
export interface ZonedDateTimeLike {
  readonly [Symbol.toStringTag]: "Temporal.ZonedDateTime";
}

/** A step as it is reported. */
export interface OutgoingOp {
  id: string;
  op: string;
  name?: string;
  displayName?: string;
  opts?: Record<string, unknown>;
  data?: unknown;
  error?: unknown;
  userland?: { id: string; index?: number };
  timing?: { a: number; b: number };
  metadata?: unknown[];
}

/** An error as it is stored. */
export interface JsonError extends WireError {
  /** that of an invocation which timed out */
  error?: JsonValue;
}
