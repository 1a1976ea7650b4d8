import type { StandardSchemaV1 } from "./schema.ts";
import type { EventMap, EventShape } from "./event-map.ts";
import type { UntypedData } from "./event.ts";

/** `{ "user/created": { data: { userId: string } } }` as a map of events. */
type FromRecord<T> = { [Name in keyof T & string]: EventShape<DataOf<T[Name]>> };

/** `{ name: "user/created"; data: … } | …` as a map of events. */
type FromUnion<T extends { name: string }> = { [Name in T["name"]]: EventShape<DataOf<Extract<T, { name: Name }>>> };

type DataOf<T> = T extends { data: infer TData extends object } ? TData : UntypedData;

type DataSchemas = Record<string, StandardSchemaV1>;
type FromSchemas<T extends DataSchemas> = {
  [Name in keyof T & string]: EventShape<
    StandardSchemaV1.InferOutput<T[Name]> & object,
    StandardSchemaV1.InferInput<T[Name]> & object
  >;
};

type EventObjects = Record<string, { data?: StandardSchemaV1; user?: unknown }>;
type FromObjects<T extends EventObjects> = {
  [Name in keyof T & string]: T[Name] extends { data: infer TSchema extends StandardSchemaV1 }
    ? EventShape<StandardSchemaV1.InferOutput<TSchema> & object, StandardSchemaV1.InferInput<TSchema> & object>
    : EventShape;
};

/** zod's object schema of a whole event, whose name is a literal. */
type EventObjectSchema = StandardSchemaV1<{ name: string }, { name: string }>;
type FromLiterals<T extends readonly EventObjectSchema[]> = {
  [Name in StandardSchemaV1.InferOutput<T[number]>["name"]]: EventShape<
    DataOf<Extract<StandardSchemaV1.InferOutput<T[number]>, { name: Name }>>,
    DataOf<Extract<StandardSchemaV1.InferInput<T[number]>, { name: Name }>>
  >;
};

type Merge<TBefore extends EventMap, TNext extends EventMap> = {
  [Name in (keyof TBefore | keyof TNext) & string]: Name extends keyof TNext
    ? TNext[Name]
    : Name extends keyof TBefore
      ? TBefore[Name]
      : never;
};

/**
 * The events of an app, for `new Inngest({ schemas })`: names and data are then checked by the compiler wherever events
 * are sent, triggered by or waited for. Schemas given by `fromSchema` and `fromZod` are also applied at run time.
 *
 * Each method adds to what there is; a name given twice means the later one.
 *
 * @example
 * const schemas = new EventSchemas()
 *   .fromRecord<{ "user/created": { data: { userId: string } } }>()
 *   .fromSchema({ "order/paid": z.object({ orderId: z.string() }) });
 * const inngest = new Inngest({ id: "my-app", schemas });
 */
// oxlint-disable-next-line typescript/no-empty-object-type -- no event is described yet
export class EventSchemas<TEvents extends EventMap = {}> {
  /** types only */
  declare readonly "~events": TEvents;
  readonly #data: ReadonlyMap<string, StandardSchemaV1>;

  constructor(data: ReadonlyMap<string, StandardSchemaV1> = new Map()) {
    this.#data = data;
  }

  /** Types alone, by name. */
  fromRecord<T extends Record<string, { data?: object; user?: object; name?: string }>>(): EventSchemas<
    Merge<TEvents, FromRecord<T>>
  > {
    return this.#typed();
  }

  /** Types alone, from a union of events. */
  fromUnion<T extends { name: string; data?: object }>(): EventSchemas<Merge<TEvents, FromUnion<T>>> {
    return this.#typed();
  }

  /** Types alone, as written by a generator. */
  fromGenerated<T extends Record<string, { data?: object; user?: object; name?: string }>>(): EventSchemas<
    Merge<TEvents, FromRecord<T>>
  > {
    return this.#typed();
  }

  /**
   * Zod schemas: `{ "user/created": { data: z.object(…) } }`, or a list of
   * `z.object({ name: z.literal("user/created"), data: … })`.
   *
   * @throws TypeError when a list's member names no event
   */
  fromZod<const T extends EventObjects>(schemas: T): EventSchemas<Merge<TEvents, FromObjects<T>>>;
  fromZod<const T extends readonly EventObjectSchema[]>(schemas: T): EventSchemas<Merge<TEvents, FromLiterals<T>>>;
  fromZod(schemas: EventObjects | readonly EventObjectSchema[]): EventSchemas<EventMap> {
    const entries = isList(schemas)
      ? schemas.map((schema, index) => literalEvent(schema, `fromZod: [${index}]`))
      : Object.entries(schemas).map(([name, { data }]) => ({ name, data }));
    return this.#with(entries, "fromZod");
  }

  /** Schemas of the data, of any library that speaks Standard Schema, by name. */
  fromSchema<T extends DataSchemas>(schemas: T): EventSchemas<Merge<TEvents, FromSchemas<T>>> {
    const entries = Object.entries(schemas).map(([name, data]) => ({ name, data }));
    return this.#with(entries, "fromSchema") as EventSchemas<Merge<TEvents, FromSchemas<T>>>; // the same names
  }

  /** Schema of an event's data, if it has one that checks anything. */
  dataSchema(name: string): StandardSchemaV1 | undefined {
    return this.#data.get(name);
  }

  /** The same, under other types. */
  #typed<T extends EventMap>(): EventSchemas<T> {
    return new EventSchemas<T>(this.#data);
  }

  #with(entries: { name: string; data: StandardSchemaV1 | undefined }[], method: string): EventSchemas<EventMap> {
    const data = new Map(this.#data);
    for (const { name, data: schema } of entries) {
      if (schema === undefined) continue;
      if (typeof schema["~standard"]?.validate !== "function")
        throw new TypeError(`${method}: "${name}": not a schema of a library that speaks Standard Schema`);
      data.set(name, schema);
    }
    return new EventSchemas(data);
  }
}

function isList(schemas: object): schemas is readonly EventObjectSchema[] {
  return Array.isArray(schemas);
}

/** zod keeps an object's members in `shape`, and a literal's value in `value`. */
function literalEvent(schema: object, where: string): { name: string; data: StandardSchemaV1 | undefined } {
  const { shape } = schema as { shape?: { name?: { value?: unknown }; data?: StandardSchemaV1 } };
  const name = shape?.name?.value;
  if (typeof name !== "string")
    throw new TypeError(`${where}: name: not a z.literal, so it is not known which event this is`);
  return { name, data: shape?.data };
}
