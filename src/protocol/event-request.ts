import { base64 } from "@scure/base";
import * as z from "zod";
import { RESERVED_PREFIX, type EventRecord } from "./event.ts";
import { isForm } from "./form.ts";
import { eventUlid, type UlidParts } from "./ids.ts";
import { byteLength, isObject, type JsonObject } from "./json.ts";
import {
  EVENT_ID_MAX_BYTES,
  EVENT_MAX_BYTES,
  EVENT_NAME_MAX_BYTES,
  EVENT_TS_MAX,
  EVENT_TS_MIN,
  EVENTS_PER_REQUEST_MAX,
  ID_SEED_MAX_SKEW_MS,
} from "./limits.ts";
import { resolveMeta, SessionsError } from "./sessions.ts";

/** Events that cannot be accepted; names the event, the field and the bound. Nothing of the request was accepted. */
export class EventError extends TypeError {
  readonly code = "event_invalid";
}

/** Of what has been parsed as JSON: what is in it is JSON too, and need not be looked through. */
const jsonObjectSchema = z.custom<JsonObject>(isObject, "must be an object");

/** An event as it is sent. */
export const eventSchema = z.object({
  name: z
    .string({ error: "is required and must be a string" })
    .min(1, "must not be empty")
    .refine((name) => byteLength(name) <= EVENT_NAME_MAX_BYTES, `must be at most ${EVENT_NAME_MAX_BYTES} bytes`),
  data: jsonObjectSchema.nullish(),
  id: z
    .union([z.string(), z.number().transform(String)])
    .nullish()
    .refine((id) => byteLength(id ?? "") <= EVENT_ID_MAX_BYTES, `must be at most ${EVENT_ID_MAX_BYTES} bytes`),
  ts: z
    .number({ error: "must be a number of epoch milliseconds" })
    .int("must be a whole number of epoch milliseconds")
    .refine(
      (ts) => ts === 0 || (ts >= EVENT_TS_MIN && ts <= EVENT_TS_MAX),
      "must be a time between the years 1980 and 2100",
    )
    .nullish(),
  v: z.string().nullish(),
  user: jsonObjectSchema.nullish(),
  meta: jsonObjectSchema.nullish(),
});

/**
 * The events of a request body: one JSON object or an array, whatever its content type (inngest-protocol §1.1). Fields
 * that are not an event's are left out. All or nothing.
 *
 * @param seed names the events; the n-th gets the n-th id after it, counted from 1
 * @param contentType tells a form from what is nothing at all
 * @throws EventError
 */
export function readEvents(body: string, seed: UlidParts, now: number, contentType?: string): EventRecord[] {
  const json = parseBody(body, contentType);
  const list = Array.isArray(json) ? json : [json];
  if (list.length > EVENTS_PER_REQUEST_MAX)
    throw new EventError(
      `Cannot have more than ${EVENTS_PER_REQUEST_MAX} events in a batch; this one has ${list.length}`,
    );
  return list.map((event, index) =>
    readEvent(event, Array.isArray(json) ? `events[${index}]` : "event", eventUlid(seed, index + 1), now),
  );
}

function parseBody(body: string, contentType: string | undefined): unknown {
  const start = body.trimStart()[0];
  if (start !== "{" && start !== "[") {
    // a form is one object of lists of texts (inngest-protocol §1.1): its name is never the text that an event needs
    if (isForm(contentType))
      throw new EventError(
        "event.name: is required and must be a string, and the fields of a form are lists of strings. Send JSON, or give the sender the URL of a webhook, whose transform makes an event of its forms: inngest.createWebhook({ id, verify, transform })",
      );
    throw new EventError("Request body must contain an event object or an array of event objects");
  }
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new EventError(`Request body is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * One event that has been parsed already.
 *
 * @param field names it in messages
 * @throws EventError
 */
export function readEvent(json: unknown, field: string, internalId: string, now: number): EventRecord {
  const parsed = eventSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new EventError([field, ...(issue?.path ?? [])].join(".") + `: ${issue?.message ?? "is not an event"}`);
  }
  const { name, data, id, ts, v, user, meta } = parsed.data;
  if (name.toLowerCase().startsWith(RESERVED_PREFIX))
    throw new EventError(`${field}.name: event name is reserved for internal use: ${JSON.stringify(name)}`);
  const size = byteLength(textOf(parsed.data, field));
  if (size > EVENT_MAX_BYTES)
    throw new EventError(`${field}: Event is over the max size: ${size} bytes; the bound is ${EVENT_MAX_BYTES}`);
  const { _inngest: _reserved, ...own }: JsonObject = data ?? {};
  const storedMeta = meta == null ? undefined : readMeta(meta, `${field}.meta`);
  const userId = id === null || id === undefined || id === "" ? undefined : id;
  return {
    internalId,
    userId,
    event: {
      id: userId ?? internalId,
      name,
      data: own,
      user: user ?? {},
      ts: ts || now,
      ...(v == null ? {} : { v }),
      ...(storedMeta === undefined ? {} : { meta: storedMeta }),
    },
  };
}

function readMeta(meta: JsonObject, field: string): JsonObject | undefined {
  try {
    return resolveMeta(meta, field);
  } catch (error) {
    if (error instanceof SessionsError) throw new EventError(error.message);
    throw error;
  }
}

function textOf(event: z.infer<typeof eventSchema>, field: string): string {
  try {
    return JSON.stringify(event);
  } catch (error) {
    if (error instanceof RangeError) throw new EventError(`${field}: is nested too deeply`); // the stack was used up
    throw error;
  }
}

/**
 * Time and entropy for a request's ids. A seed header that is malformed, or a day off the server's clock, is ignored.
 *
 * @param random 10 bytes for a request without a usable seed
 */
export function readSeed(header: string | null | undefined, now: number, random: Uint8Array): UlidParts {
  const [, ms = "", text = ""] = /^(\d{1,15}),([A-Za-z0-9+/]+=*)$/.exec(header ?? "") ?? [];
  const timeMs = Number(ms);
  const entropy = decode(text);
  if (ms === "" || entropy?.length !== 10 || Math.abs(timeMs - now) > ID_SEED_MAX_SKEW_MS)
    return { timeMs: now, entropy: random };
  return { timeMs, entropy };
}

function decode(text: string): Uint8Array | undefined {
  try {
    return base64.decode(text);
  } catch {
    return undefined;
  }
}
