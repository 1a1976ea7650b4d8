import type { internalEvents } from "../protocol/event.ts";
import { applySchema, type DataSchema, type StandardSchemaV1 } from "./schema.ts";
import type { EventPayload, UntypedData } from "./event.ts";

/** Marks event types, so that another copy of this package knows them. */
const MARK = Symbol.for("dotdo.inngest.event-type");

type SchemaOf = StandardSchemaV1 | undefined;

/** Data of an event type as its sender writes it. */
export type EventTypeInput<TSchema extends SchemaOf> = TSchema extends StandardSchemaV1
  ? AsObject<StandardSchemaV1.InferInput<TSchema>>
  : UntypedData;

/** Data of an event type as handlers receive it: after the schema's transforms. */
export type EventTypeData<TSchema extends SchemaOf> = TSchema extends StandardSchemaV1
  ? AsObject<StandardSchemaV1.InferOutput<TSchema>>
  : UntypedData;

type AsObject<T> = T extends object ? T : UntypedData;

/** An event to send that was made by {@link EventType.create}. */
export interface CreatedEvent<
  TName extends string = string,
  TData extends object = UntypedData,
> extends EventPayload<TData> {
  name: TName;
  /**
   * Checks the data against the event type's schema; sending does it as well.
   *
   * @throws EventValidationError naming path and value
   */
  validate(): Promise<void>;
}

type CreateOptions = Pick<EventPayload, "id" | "ts" | "v" | "meta">;

/**
 * A named event with the shape of its data: a trigger, a thing to wait for, and a maker of events to send. Made by
 * {@link eventType}.
 */
export class EventType<TName extends string = string, TSchema extends SchemaOf = SchemaOf> {
  static {
    Object.defineProperty(this.prototype, MARK, { value: true });
  }

  readonly name: TName;
  /** the name again: an event type is a trigger as it stands */
  readonly event: TName;
  readonly schema: TSchema;
  readonly version: string | undefined;

  constructor(options: { name: TName; schema: TSchema; version?: string }) {
    const name: unknown = options.name;
    if (typeof name !== "string" || name === "")
      throw new TypeError(`eventType: name: ${JSON.stringify(name)} is not an event name`);
    if (options.schema !== undefined && typeof options.schema["~standard"]?.validate !== "function")
      throw new TypeError(`eventType "${name}": schema: not a schema of a library that speaks Standard Schema`);
    this.name = options.name;
    this.event = options.name;
    this.schema = options.schema;
    this.version = options.version;
  }

  /** An event of this type, to be sent. Its data is checked when it is sent. */
  create(
    ...args: object extends EventTypeInput<TSchema>
      ? [data?: EventTypeInput<TSchema>, options?: CreateOptions]
      : [data: EventTypeInput<TSchema>, options?: CreateOptions]
  ): CreatedEvent<TName, EventTypeInput<TSchema>> {
    const [data = {}, options] = args;
    const { name, schema, version } = this;
    const event = {
      ...(version === undefined ? {} : { v: version }),
      ...options,
      name,
      data: data as EventTypeInput<TSchema>,
    };
    const validate = async () => {
      if (schema) await applySchema(schema, event.data, `event "${name}": data`);
    };
    return Object.defineProperty(event, "validate", { value: validate }) as typeof event & {
      validate: typeof validate;
    };
  }
}

/** Whether a value is an event type, of this or of another copy of the package. */
export function isEventType(value: unknown): value is EventType {
  return typeof value === "object" && value !== null && MARK in value;
}

/**
 * Names an event and the shape of its data, to be used as trigger, in `step.waitForEvent` and for sending.
 *
 * Senders write what the schema takes in; handlers receive what it gives out, so transforms work: the schema is applied
 * where the event is received. A received event that does not fit fails the run without a retry.
 *
 * @param options.schema of any library that speaks Standard Schema; {@link staticSchema} names a type alone
 * @param options.version becomes `v` of the events that it creates
 * @example
 * const paid = eventType("order/paid", { schema: z.object({ orderId: z.string(), at: z.coerce.date() }) });
 * inngest.createFunction({ id: "ship" }, paid, async ({ event }) => event.data.at.getTime());
 * await inngest.send(paid.create({ orderId: "o1", at: new Date() }));
 */
export function eventType<const TName extends string, TSchema extends DataSchema | undefined = undefined>(
  name: TName,
  options: { schema?: TSchema; version?: string } = {},
): EventType<TName, TSchema> {
  return new EventType({ name, schema: options.schema as TSchema, version: options.version });
}

/**
 * A schedule as trigger.
 *
 * @param schedule five fields, or six that begin with seconds, after an optional `TZ=Area/City`
 * @example
 * inngest.createFunction({ id: "report" }, cron("TZ=Europe/Paris 0 9 * * 1"), sendReport);
 */
export function cron<const TCron extends string>(schedule: TCron): { cron: TCron } {
  return { cron: schedule };
}

/**
 * Types, and checks, the data with which a function is invoked.
 *
 * @example
 * inngest.createFunction({ id: "bill" }, invoke(z.object({ orderId: z.string() })), ({ event }) => event.data.orderId);
 */
export function invoke<TSchema extends DataSchema>(schema: TSchema): EventType<typeof internalEvents.invoked, TSchema> {
  return new EventType({ name: "inngest/function.invoked", schema });
}
