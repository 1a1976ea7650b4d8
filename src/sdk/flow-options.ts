/** The flow control among a function's options: as the wire has it, and as the platform keeps it. */
import { FieldError } from "../protocol/config-field.ts";
import { readFlowControl, type WireFlow } from "../protocol/flow-config.ts";
import type { FlowControl } from "../protocol/flow-control.ts";
import { isObject } from "../protocol/json.ts";
import { durationMs, durationString, type DurationInput } from "../protocol/time-string.ts";
import { isEventType } from "./event-type.ts";
import { suggestion } from "./suggestion.ts";

/** What a part of an option holds: it is refused, or made what the wire has. */
type Kind = "value" | "cel" | "duration" | "moment" | "event";

/** The options, and what is in each. */
const OPTIONS = {
  concurrency: { limit: "value", key: "cel", scope: "value", mode: "value", order: "value" },
  throttle: { limit: "value", period: "duration", burst: "value", key: "cel" },
  rateLimit: { limit: "value", period: "duration", key: "cel", mode: "value" },
  debounce: { period: "duration", timeout: "duration", key: "cel", collect: "value" },
  batchEvents: { maxSize: "value", timeout: "duration", key: "cel", if: "cel" },
  priority: { run: "cel" },
  idempotency: {},
  singleton: { mode: "value", key: "cel" },
  cancelOn: { event: "event", if: "cel", match: "cel", timeout: "moment", cascade: "value" },
  timeouts: { start: "duration", finish: "duration" },
} as const satisfies Record<string, Record<string, Kind>>;

type FlowOption = keyof typeof OPTIONS;

export const FLOW_OPTION_NAMES = Object.keys(OPTIONS) as FlowOption[];

/**
 * A function's flow control.
 *
 * @throws TypeError naming option, value and what is allowed
 */
export function readFlowOptions(options: Partial<Record<FlowOption, unknown>>): {
  wire: WireFlow;
  flow: FlowControl | undefined;
} {
  const wire: Record<string, unknown> = {};
  for (const option of FLOW_OPTION_NAMES)
    if (options[option] !== undefined)
      wire[option === "cancelOn" ? "cancel" : option] = wireForm(option, options[option], option);
  const { flow, errors } = readFlowControl(wire);
  const [error] = errors;
  if (error)
    throw error.path[0] === "cancel" ? new FieldError(["cancelOn", ...error.path.slice(1)], error.problem) : error;
  if (flow?.batch && flow.rateLimit)
    throw new TypeError(
      `batchEvents: cannot be combined with ${wire.idempotency === undefined ? "rateLimit" : "idempotency"}: it drops single events, and a batch has many`,
    );
  return { wire: wire as WireFlow, flow }; // as readFlowControl has found it
}

function wireForm(option: FlowOption, given: unknown, field: string): unknown {
  if (option === "idempotency") return expression(given, field);
  if (option === "concurrency" && typeof given === "number") return given;
  if (Array.isArray(given) && (option === "concurrency" || option === "cancelOn"))
    return given.map((one: unknown, index) => wireObject(option, one, `${field}[${index}]`));
  if (option === "cancelOn")
    throw new TypeError(
      `${field}: ${show(given)} is not a list such as [{ event: "order/cancelled", match: "data.orderId" }]`,
    );
  return wireObject(option, given, field);
}

function wireObject(option: FlowOption, given: unknown, field: string): Record<string, unknown> {
  const kinds: Record<string, Kind> = OPTIONS[option];
  const names = Object.keys(kinds);
  if (!isObject(given)) throw new TypeError(`${field}: ${show(given)} is not an object with ${names.join(", ")}`);
  const read: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const kind = kinds[name];
    if (value === undefined) continue;
    if (kind === undefined)
      throw new TypeError(
        `${field}: ${JSON.stringify(name)} is not part of it${suggestion(name, names)}; there are ${names.join(", ")}`,
      );
    read[name] = readPart(kind, value, `${field}.${name}`);
  }
  const { match, ...others } = read;
  if (match === undefined) return read;
  if (others.if !== undefined) throw new TypeError(`${field}: give \`match\` or \`if\`, not both`);
  return { ...others, if: `event.${match} == async.${match}` }; // inngest-protocol §2.4
}

function readPart(kind: Kind, value: unknown, field: string): unknown {
  switch (kind) {
    case "value":
      return value; // its bounds are the platform's, and read there
    case "cel":
      return expression(value, field);
    case "duration":
      return durationString(durationMs(value as DurationInput, field)); // which refuses all else
    case "moment":
      return value instanceof Date ? isoDate(value, field) : readPart("duration", value, field);
    case "event":
      return eventName(value, field);
  }
}

function expression(value: unknown, field: string): string {
  if (typeof value === "string" && value.trim() !== "") return value;
  throw new TypeError(`${field}: ${show(value)} is not an expression such as "event.data.userId"`);
}

function isoDate(date: Date, field: string): string {
  if (Number.isNaN(date.getTime())) throw new TypeError(`${field}: an invalid Date`);
  return date.toISOString();
}

function eventName(value: unknown, field: string): string {
  const name = isEventType(value) ? value.name : value;
  if (typeof name !== "string" || name.trim() === "")
    throw new TypeError(`${field}: ${show(name)} is not an event name`);
  if (name.includes("*")) throw new TypeError(`${field}: ${show(name)}: a wildcard cancels nothing; name the events`);
  return name;
}

function show(value: unknown): string {
  return typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value)); // NaN is null in JSON
}
