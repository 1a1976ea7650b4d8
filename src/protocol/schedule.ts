/** Schedules that are made at run time: what a request may say of one, and what is said of it (ours; Inngest has none). */
import * as z from "zod";
import type { OverlapPolicy } from "./flow-control.ts";
import { byteLength, type JsonObject } from "./json.ts";
import { SCHEDULE_DATA_MAX_BYTES, SCHEDULE_ID_MAX_BYTES, SCHEDULES_LIST_MAX } from "./limits.ts";
import { durationMs, instantMs } from "./time-string.ts";

/** What becomes of ticks that a downtime has missed. */
export type CatchUpPolicy = "latest" | "all" | "none";

/** What somebody wants to happen when, with every default filled in. */
export interface ScheduleDefinition {
  id: string;
  /** five or six fields; null when `everyMs` says when */
  cron: string | null;
  everyMs: number | null;
  /** of the cron; null for UTC */
  timezone: string | null;
  /** sent at each tick; null when a function is started instead */
  event: { name: string; data: JsonObject } | null;
  /** `<app>-<function>` */
  function: string | null;
  /** of the function's event */
  data: JsonObject;
  /** no tick before; epoch ms */
  startAt: number | null;
  /** no tick after; epoch ms */
  endAt: number | null;
  overlap: OverlapPolicy;
  catchUp: CatchUpPolicy;
  paused: boolean;
}

/** What a request changes of a schedule. */
export type ScheduleChanges = Partial<Omit<ScheduleDefinition, "id">>;

/** A schedule as the platform answers with it. */
export interface ScheduleView {
  definition: ScheduleDefinition;
  createdAt: number;
  updatedAt: number;
  /** null when none comes any more, or while it is paused */
  nextFireAt: number | null;
  /** the tick that was sent last */
  lastFireAt: number | null;
}

/** What is asked of the platform about schedules, over HTTP or in process. */
export type ScheduleRequest =
  | { kind: "create"; schedule: unknown }
  | { kind: "get" | "delete"; id: string }
  | { kind: "update"; id: string; changes: unknown }
  | { kind: "list"; limit?: unknown; cursor?: string };

/** Status and body of what HTTP answers. */
export interface ScheduleAnswer {
  status: 200 | 201 | 400 | 404 | 409;
  body: JsonObject;
}

const OVERLAPS = ["allow", "skip", "queue", "cancel-previous"] as const;
const CATCH_UPS = ["latest", "all", "none"] as const;

const dataSchema = z
  .record(z.string(), z.json(), { error: "must be an object that JSON can carry" })
  .refine(
    (data) => byteLength(JSON.stringify(data)) <= SCHEDULE_DATA_MAX_BYTES,
    `must be at most ${SCHEDULE_DATA_MAX_BYTES} bytes of JSON`,
  );

const everySchema = z
  .union([z.string(), z.number()])
  .transform((every, c) => read(c, () => durationMs(every, "every")));

const instantSchema = z
  .union([z.string(), z.number()], { error: "must be an ISO 8601 date or epoch milliseconds" })
  .transform((at, c) => read(c, () => instantMs(at, "at")));

/** Reads a time; what it says of the field is cut, since the issue names it. */
function read(c: z.RefinementCtx, time: () => number): number {
  try {
    return time();
  } catch (error) {
    c.addIssue({
      code: "custom",
      message: String(error instanceof Error ? error.message : error).replace(/^\w+: /, ""),
    });
    return z.NEVER;
  }
}

const fields = {
  cron: z.string().min(1, "must not be empty").nullish(),
  every: everySchema.nullish(),
  timezone: z.string().min(1, "must not be empty").nullish(),
  event: z
    .strictObject({ name: z.string({ error: "is required and must be a string" }), data: dataSchema.nullish() })
    .nullish(),
  function: z.string().min(1, "must not be empty").nullish(),
  data: dataSchema.nullish(),
  start_at: instantSchema.nullish(),
  end_at: instantSchema.nullish(),
  overlap: z.enum(OVERLAPS, { error: `must be one of ${OVERLAPS.join(", ")}` }).nullish(),
  catch_up: z.enum(CATCH_UPS, { error: `must be one of ${CATCH_UPS.join(", ")}` }).nullish(),
  paused: z.boolean({ error: "must be true or false" }).nullish(),
};
export const scheduleUpdateSchema = z.strictObject(fields);
export const scheduleCreateSchema = z.strictObject({
  id: z
    .string({ error: "is required and must be a string" })
    .min(1, "must not be empty")
    .refine((id) => byteLength(id) <= SCHEDULE_ID_MAX_BYTES, `must be at most ${SCHEDULE_ID_MAX_BYTES} bytes`),
  ...fields,
});

export const scheduleListSchema = z.object({
  limit: z.coerce.number().int().min(1).max(SCHEDULES_LIST_MAX, `must be at most ${SCHEDULES_LIST_MAX}`).default(20),
  cursor: z.string().default(""),
});

/** A schedule that cannot be; names field, value and bound. */
export class ScheduleInvalidError extends TypeError {
  readonly code = "schedule_invalid";
}

/** @throws ScheduleInvalidError */
export function readSchedule(json: unknown): ScheduleDefinition {
  const { id, ...rest } = parsed(scheduleCreateSchema, json);
  const given = changesOf(rest);
  return {
    id,
    cron: given.cron ?? null,
    everyMs: given.everyMs ?? null,
    timezone: given.timezone ?? null,
    event: given.event ?? null,
    function: given.function ?? null,
    data: given.data ?? {},
    startAt: given.startAt ?? null,
    endAt: given.endAt ?? null,
    overlap: given.overlap ?? "allow",
    catchUp: given.catchUp ?? "latest",
    paused: given.paused ?? false,
  };
}

/** What is null goes back to its default. @throws ScheduleInvalidError */
export function readScheduleChanges(json: unknown): ScheduleChanges {
  return changesOf(parsed(scheduleUpdateSchema, json));
}

/** @throws ScheduleInvalidError */
export function readScheduleList(query: { limit?: unknown; cursor?: string }): { limit: number; cursor: string } {
  return parsed(scheduleListSchema, query);
}

function changesOf(fields: z.infer<typeof scheduleUpdateSchema>): ScheduleChanges {
  const { cron, every, timezone, event, function: fn, data, start_at, end_at, overlap, catch_up, paused } = fields;
  return {
    ...(cron !== undefined && { cron }),
    ...(every !== undefined && { everyMs: every }),
    ...(timezone !== undefined && { timezone }),
    ...(event !== undefined && { event: event && { name: event.name, data: event.data ?? {} } }),
    ...(fn !== undefined && { function: fn }),
    ...(data !== undefined && { data: data ?? {} }),
    ...(start_at !== undefined && { startAt: start_at }),
    ...(end_at !== undefined && { endAt: end_at }),
    ...(overlap !== undefined && { overlap: overlap ?? "allow" }),
    ...(catch_up !== undefined && { catchUp: catch_up ?? "latest" }),
    ...(paused !== undefined && { paused: paused ?? false }),
  };
}

function parsed<T>(schema: z.ZodType<T>, json: unknown): T {
  const result = safely(() => schema.safeParse(json));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = (issue?.path ?? []).map(String);
  if (issue?.code === "unrecognized_keys")
    throw new ScheduleInvalidError(
      `${[...path, issue.keys[0]].join(".")}: is no field of a schedule; there are id, ${Object.keys(fields).join(", ")}`,
    );
  if (path.length === 0) throw new ScheduleInvalidError("schedule: must be a JSON object");
  throw new ScheduleInvalidError(`${path.join(".")}: ${issue?.message ?? "cannot be"}${shown(json, path)}`);
}

function safely<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof RangeError) throw new ScheduleInvalidError("schedule: is nested too deeply"); // the stack was used up
    throw error;
  }
}

/** The value that is refused, when there is one. */
function shown(json: unknown, path: string[]): string {
  let value = json;
  for (const name of path) value = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  return value === undefined ? "" : `; it is ${(JSON.stringify(value) ?? String(value)).slice(0, 100)}`;
}

/** A schedule on the wire. */
export function scheduleJson({ definition, createdAt, updatedAt, nextFireAt, lastFireAt }: ScheduleView): JsonObject {
  const { id, cron, everyMs, timezone, event, data, startAt, endAt, overlap, catchUp, paused } = definition;
  return {
    id,
    cron,
    every: everyMs,
    timezone,
    event: event && { name: event.name, data: event.data },
    function: definition.function,
    data: definition.function === null ? null : data,
    start_at: iso(startAt),
    end_at: iso(endAt),
    overlap,
    catch_up: catchUp,
    paused,
    created_at: iso(createdAt),
    updated_at: iso(updatedAt),
    next_fire_at: iso(nextFireAt),
    last_fire_at: iso(lastFireAt),
  };
}

function iso(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
