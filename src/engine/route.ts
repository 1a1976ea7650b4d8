import { internalEvents, type EventRecord, type EventValue } from "../protocol/event.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { isUlid } from "../protocol/ids.ts";
import { matches } from "./expression.ts";
import type { Invoker } from "./run.ts";

/** A function that an event starts. */
export interface Match {
  fn: RegisteredFunction;
  invoker?: Invoker;
}

/**
 * Trigger names that an event name satisfies: itself, and every prefix up to a `/` or `.` with a `*` (inngest-protocol
 * §1.7). Matching is then equality, which a table can look up.
 */
export function triggerNames(eventName: string): string[] {
  const names = [eventName];
  for (let i = 0; i < eventName.length; i++)
    if (eventName[i] === "/" || eventName[i] === ".") names.push(`${eventName.slice(0, i + 1)}*`);
  return names;
}

/**
 * The functions that an event starts, each once, whichever of its triggers match. An expression that fails or is not
 * boolean does not match.
 *
 * @param functions those that listen to any of the event's {@link triggerNames}, and the one it names
 */
export function route(record: EventRecord, functions: RegisteredFunction[], now: number): Match[] {
  const { event } = record;
  const named = namedFunction(record);
  const names = new Set(triggerNames(event.name));
  const found: Match[] = [];
  for (const fn of functions) {
    if (fn.id === named) found.push({ fn, invoker: invokerOf(event) });
    else if (fn.triggers.some((trigger) => names.has(trigger.event) && isTrue(trigger.expression, event, now)))
      found.push({ fn });
  }
  return found;
}

function isTrue(expression: string | null, event: EventValue, now: number): boolean {
  if (expression === null || expression === "") return true;
  try {
    return matches(expression, { event: { ...event }, now });
  } catch {
    return false; // refused at registration; one that an older version accepted matches nothing
  }
}

/** The function that an event starts whatever its triggers, by slug: its schedule has ticked, or a step invokes it. */
export function namedFunction({ functionId, event }: EventRecord): string | undefined {
  if (functionId !== undefined) return functionId;
  const origin = invokeOrigin(event);
  return typeof origin?.fn_id === "string" ? origin.fn_id : undefined;
}

/** The step that waits for the invoked run: `<runId>.<stepHash>` (inngest-protocol §9.3). */
function invokerOf(event: EventValue): Invoker | undefined {
  const correlation = invokeOrigin(event)?.correlation_id;
  const [runId = "", stepId = ""] = typeof correlation === "string" ? correlation.split(".") : [];
  return isUlid(runId) && stepId !== "" ? { runId, stepId } : undefined;
}

function invokeOrigin(event: EventValue) {
  const origin = event.name === internalEvents.invoked ? event.data._inngest : undefined;
  return typeof origin === "object" && origin !== null && !Array.isArray(origin) ? origin : undefined;
}
