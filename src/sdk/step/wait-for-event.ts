import type { JsonValue } from "../../protocol/json.ts";
import { durationMs, durationString } from "../../protocol/time-string.ts";
import { isEventType, type EventType } from "../event-type.ts";
import type { FunctionOwner } from "../function.ts";
import { receiveEvent } from "../receive.ts";
import type { ReceivedEvent } from "../event.ts";
import type { StepTools, WaitForEventOptions } from "./tools.ts";
import { readStepOptions, type Ask } from "./options.ts";

/** `step.waitForEvent`: the first matching event, or `null` when none came in time. */
export function waitForEventTool(ask: Ask, { schemas, serializer }: FunctionOwner): StepTools["waitForEvent"] {
  return async (idOrOptions, wait: WaitForEventOptions) => {
    const options = readStepOptions(idOrOptions, "step.waitForEvent");
    const what = `step.waitForEvent "${options.userId}"`;
    const awaited: readonly (string | EventType)[] = wait.events ?? [wait.event];
    const names = awaited.map((event) => (isEventType(event) ? event.name : event));
    const [first] = names;
    if (typeof first !== "string" || first === "")
      throw new TypeError(`${what}: event: ${JSON.stringify(first)} is not an event name`);
    const opts: Record<string, JsonValue> = {
      ...options.opts,
      timeout: durationString(durationMs(wait.timeout, `${what}: timeout`)),
    };
    const condition = conditionOf(wait, what);
    if (condition !== undefined) opts.if = condition;
    if (names.length > 1) opts.events = names;
    if (wait.since !== undefined) opts.since = wait.since;
    const found = await ask({ ...options, type: "step.waitForEvent", op: "WaitForEvent", target: first, opts });
    if (found === null) return null as never; // typed by the names
    const readers = awaited.flatMap((event) =>
      isEventType(event) ? [{ name: event.name, schema: event.schema }] : [],
    );
    const received = await receiveEvent(found as ReceivedEvent, { readers, schemas, serializer }); // as it was accepted
    return received as never;
  };
}

/** `match: "data.x"` is short for equality of that path in both events (inngest-protocol §9.6). */
function conditionOf(wait: WaitForEventOptions, what: string): string | undefined {
  if (wait.match !== undefined && wait.if !== undefined)
    throw new TypeError(`${what}: give \`match\` or \`if\`, not both`);
  return wait.match === undefined ? wait.if : `event.${wait.match} == async.${wait.match}`;
}
