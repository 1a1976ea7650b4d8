import { internalEvents } from "../protocol/event.ts";
import { EventValidationError } from "./errors.ts";
import type { EventSchemas } from "./event-schemas.ts";
import { applySchema, type StandardSchemaV1 } from "./schema.ts";
import type { Serializer } from "./serializer.ts";
import type { EventMap } from "./event-map.ts";
import type { ReceivedEvent, UntypedData } from "./event.ts";

/** What a trigger makes of its events. */
export interface EventReader {
  /** name of the event, or a wildcard */
  name: string;
  schema: StandardSchemaV1 | undefined;
}

export interface Reading {
  readers: readonly EventReader[];
  schemas?: EventSchemas<EventMap>;
  serializer?: Serializer;
}

/**
 * Events as a handler gets them: decoded, checked, and transformed by the schema of the trigger that they came by, else by
 * the client's. A promise only when a schema is asynchronous.
 *
 * @throws EventValidationError, which fails the run without another attempt
 */
export function receiveEvents(
  events: readonly ReceivedEvent[],
  reading: Reading,
): ReceivedEvent[] | Promise<ReceivedEvent[]> {
  const read = events.map((event) => receiveEvent(event, reading));
  return read.some((event) => event instanceof Promise)
    ? Promise.all(read.map(async (event) => event))
    : (read as ReceivedEvent[]); // none is a promise
}

/** As {@link receiveEvents}, for one. */
export function receiveEvent(event: ReceivedEvent, reading: Reading): ReceivedEvent | Promise<ReceivedEvent> {
  const decoded = decodeEvent(event, reading.serializer);
  const candidates = schemasFor(event.name, reading);
  if (candidates.length === 0) return decoded;
  const { _inngest: _ours, ...own } = decoded.data; // how an invoked run is tied to its caller; no schema of the user's knows it
  const transformed = firstFit(candidates, own, `event ${JSON.stringify(event.name)}: data`);
  const withData = (fit: unknown) => ({ ...decoded, data: fit as UntypedData });
  return transformed instanceof Promise ? transformed.then(withData) : withData(transformed);
}

/** An event with the data that its sender's serializer wrote. */
export function decodeEvent(event: ReceivedEvent, serializer: Serializer | undefined): ReceivedEvent {
  return serializer ? { ...event, data: serializer.decode(event.data) as UntypedData } : event;
}

/** An invoked function gets what any of its triggers takes, unless it says what it is invoked with. */
function schemasFor(name: string, { readers, schemas }: Reading): StandardSchemaV1[] {
  const own = readers.find((reader) => reader.schema && covers(reader.name, name))?.schema;
  if (own) return [own];
  if (name !== internalEvents.invoked) return [schemas?.dataSchema(name)].filter((schema) => schema !== undefined);
  const all = readers.map((reader) => reader.schema ?? schemas?.dataSchema(reader.name));
  const described = all.filter((schema) => schema !== undefined);
  return described.length === all.length ? described : [];
}

function covers(trigger: string, name: string): boolean {
  return trigger.endsWith("*") ? name.startsWith(trigger.slice(0, -1)) : trigger === name;
}

/** What the first schema that takes the value makes of it. */
function firstFit([schema, ...others]: StandardSchemaV1[], value: unknown, what: string): unknown {
  if (schema === undefined) return value;
  const orElse = (error: unknown) => {
    if (others.length === 0 || !(error instanceof EventValidationError)) throw error;
    return firstFit(others, value, what);
  };
  try {
    const fit = applySchema(schema, value, what);
    return fit instanceof Promise ? fit.catch(orElse) : fit;
  } catch (error) {
    return orElse(error);
  }
}
