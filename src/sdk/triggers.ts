import { internalEvents } from "../protocol/event.ts";
import { byteLength } from "../protocol/json.ts";
import type { CronTrigger, EventTrigger } from "../protocol/function-config.ts";
import { durationMs, durationString, type DurationInput } from "../protocol/time-string.ts";
import { isEventType, type EventType } from "./event-type.ts";
import type { EventReader } from "./receive.ts";
import { suggestion } from "./suggestion.ts";
import { TRIGGER_EVENT_NAME_MAX_BYTES, TRIGGERS_PER_FUNCTION_MAX } from "../protocol/limits.ts";

/** What starts a function. */
export interface FunctionTriggers {
  /** as the platform keeps them */
  events: EventTrigger[];
  crons: CronTrigger[];
  /** what the app makes of the events that come */
  readers: EventReader[];
}

const FIELDS = ["event", "if", "cron", "every", "jitter"];
const EVERY_MIN_MS = 1_000;

const CRON_MAX_LENGTH = 255; // inngest/inngest, pkg/inngest

/**
 * A function's triggers, one or many. None is legal: such a function is only invoked.
 *
 * @param field what to call the option in errors
 * @throws TypeError naming the trigger, the value and the bound
 */
export function readTriggers(triggers: unknown, field: string): FunctionTriggers {
  const list: unknown[] = Array.isArray(triggers) ? triggers : [triggers];
  if (list.length > TRIGGERS_PER_FUNCTION_MAX)
    throw new TypeError(`${field}: ${list.length} triggers; a function has at most ${TRIGGERS_PER_FUNCTION_MAX}`);
  const read: FunctionTriggers = { events: [], crons: [], readers: [] };
  const seen = new Map<string, string>();
  for (const [index, trigger] of list.entries()) {
    const at = Array.isArray(triggers) ? `${field}[${index}]` : field;
    const type = eventTypeOf(trigger);
    if (type?.name === internalEvents.invoked) {
      read.readers.push({ name: type.name, schema: type.schema });
      continue; // it starts nothing: every function can be invoked
    }
    const kept = readTrigger(trigger, at);
    const [key, what] =
      "cron" in kept
        ? [`cron ${kept.cron}`, `cron ${JSON.stringify(kept.cron)}`]
        : [`event ${JSON.stringify([kept.event, kept.expression])}`, `event ${JSON.stringify(kept.event)}`];
    const first = seen.get(key);
    if (first !== undefined) throw new TypeError(`${at}: the same as ${first}, ${what}`);
    seen.set(key, at);
    if ("cron" in kept) read.crons.push(kept);
    else {
      read.events.push(kept);
      read.readers.push({ name: kept.event, schema: type?.schema });
    }
  }
  return read;
}

/** The event type that a trigger is, or has. */
function eventTypeOf(trigger: unknown): EventType | undefined {
  if (isEventType(trigger)) return trigger;
  const event = typeof trigger === "object" && trigger !== null ? Reflect.get(trigger, "event") : undefined;
  return isEventType(event) ? event : undefined;
}

function readTrigger(given: unknown, field: string): EventTrigger | CronTrigger {
  const trigger = isEventType(given) ? { event: given.name } : given;
  if (typeof trigger !== "object" || trigger === null || Array.isArray(trigger))
    throw new TypeError(`${field}: ${JSON.stringify(trigger)} is not a trigger; write { event: "app/thing.happened" }`);
  const { event, if: expression, cron, every, jitter, ...others } = withoutUndefined(trigger);
  const other = Object.keys(others)[0];
  if (other !== undefined)
    throw new TypeError(
      `${field}: ${JSON.stringify(other)} is not part of a trigger${suggestion(other, FIELDS)}; there are event and if, cron and jitter, every and jitter`,
    );
  const schedules = [cron, every].filter((schedule) => schedule !== undefined).length;
  if (schedules > 1) throw new TypeError(`${field}: a trigger has either a cron or an every; make them two triggers`);
  if (schedules === 1) {
    if (event !== undefined || expression !== undefined)
      throw new TypeError(`${field}: a trigger has either an event or a cron; make them two triggers`);
    const schedule = every === undefined ? readCron(cron, `${field}.cron`) : readEvery(every, `${field}.every`);
    return { cron: schedule, jitter: readJitter(jitter, `${field}.jitter`) };
  }
  if (jitter !== undefined) throw new TypeError(`${field}.jitter: only a schedule has one`);
  if (expression !== undefined && (typeof expression !== "string" || expression.trim() === ""))
    throw new TypeError(`${field}.if: ${JSON.stringify(expression)} is not an expression such as "event.data.paid"`);
  const name = isEventType(event) ? event.name : event;
  return { event: readEventName(name, `${field}.event`), expression: expression ?? null };
}

/** Form only: the platform, which has a calendar, refuses what can never come. */
function readCron(cron: unknown, field: string): string {
  if (typeof cron !== "string" || cron.trim() === "" || cron.length > CRON_MAX_LENGTH)
    throw new TypeError(
      `${field}: ${JSON.stringify(cron)} is not a schedule such as "0 9 * * 1" of at most ${CRON_MAX_LENGTH} characters`,
    );
  return cron.trim();
}

function readEvery(every: unknown, field: string): string {
  const ms = durationMs(every as DurationInput, field); // which refuses all else
  if (ms < EVERY_MIN_MS) throw new TypeError(`${field}: ${JSON.stringify(every)}: at least ${EVERY_MIN_MS} ms`);
  return `every ${durationString(ms)}`;
}

function readJitter(jitter: unknown, field: string): string | null {
  if (jitter === undefined || jitter === null) return null;
  if (typeof jitter === "string") return jitter;
  throw new TypeError(`${field}: ${JSON.stringify(jitter)} is not a duration such as "30s"`);
}

function readEventName(name: unknown, field: string): string {
  if (typeof name !== "string" || name.trim() === "")
    throw new TypeError(`${field}: ${JSON.stringify(name)} is not an event name`);
  if (byteLength(name) > TRIGGER_EVENT_NAME_MAX_BYTES)
    throw new TypeError(
      `${field}: ${byteLength(name)} bytes; an event name here has at most ${TRIGGER_EVENT_NAME_MAX_BYTES}`,
    );
  // only whole parts, at the end: inngest/inngest, pkg/event_trigger_patterns
  if (name.includes("*") && !/^[^*]+[/.]\*$/.test(name))
    throw new TypeError(`${field}: ${JSON.stringify(name)}: a * may only be last, after a / or a dot, as in "app/*"`);
  return name;
}

function withoutUndefined(object: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
