import { byteLength } from "../protocol/json.ts";
import type { EventTrigger } from "../protocol/function-config.ts";
import { TRIGGER_EVENT_NAME_MAX_BYTES, TRIGGERS_PER_FUNCTION_MAX } from "../protocol/limits.ts";

/**
 * A function's triggers, one or many, as the platform keeps them. None is legal: such a function is only invoked.
 *
 * @param field what to call the option in errors
 * @throws TypeError naming the trigger, the value and the bound
 */
export function readTriggers(triggers: unknown, field: string): EventTrigger[] {
  const list: unknown[] = Array.isArray(triggers) ? triggers : [triggers];
  if (list.length > TRIGGERS_PER_FUNCTION_MAX)
    throw new TypeError(`${field}: ${list.length} triggers; a function has at most ${TRIGGERS_PER_FUNCTION_MAX}`);
  const read = list.map((trigger, index) =>
    readTrigger(trigger, Array.isArray(triggers) ? `${field}[${index}]` : field),
  );
  refuseDuplicates(read, field);
  return read;
}

function readTrigger(trigger: unknown, field: string): EventTrigger {
  if (typeof trigger !== "object" || trigger === null || Array.isArray(trigger))
    throw new TypeError(`${field}: ${JSON.stringify(trigger)} is not a trigger; write { event: "app/thing.happened" }`);
  const { event, if: expression, ...others } = withoutUndefined(trigger);
  if ("cron" in others) throw new TypeError(`${field}.cron: cron triggers are not supported by this version`);
  const other = Object.keys(others)[0];
  if (other !== undefined)
    throw new TypeError(`${field}: ${JSON.stringify(other)} is not part of a trigger; there are event and if`);
  if (expression !== undefined && (typeof expression !== "string" || expression.trim() === ""))
    throw new TypeError(`${field}.if: ${JSON.stringify(expression)} is not an expression such as "event.data.paid"`);
  return { event: readEventName(event, `${field}.event`), expression: expression ?? null };
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

function refuseDuplicates(triggers: EventTrigger[], field: string): void {
  const seen = new Map<string, number>();
  for (const [index, trigger] of triggers.entries()) {
    const key = JSON.stringify([trigger.event, trigger.expression]);
    const first = seen.get(key);
    if (first !== undefined)
      throw new TypeError(`${field}[${index}]: the same as ${field}[${first}], event ${JSON.stringify(trigger.event)}`);
    seen.set(key, index);
  }
}

function withoutUndefined(object: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
