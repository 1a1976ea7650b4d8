/** Spans that an app has recorded itself, as OpenTelemetry exporters send them: in protobuf, or the same in JSON. */
import { bytesToHex } from "@noble/hashes/utils.js";
import { isObject, type JsonObject, type JsonValue } from "./json.ts";

/** A span as it is stored with its run. */
export interface AppSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string | null;
  name: string;
  /** as OpenTelemetry numbers them: 1 internal, 2 server, 3 client, 4 producer, 5 consumer */
  kind: number;
  /** Unix nanoseconds, which are more than a number holds exactly */
  startNs: string;
  endNs: string;
  attributes: JsonObject;
  events: { name: string; atNs: string; attributes: JsonObject }[];
  status: { code: number; message: string };
  /** of the library that recorded it */
  scope: string | null;
}

/** Attribute by which official SDKs name the run of a span (inngest-protocol §9.9). */
export const RUN_ID_ATTRIBUTE = "sdk.run.id";
/** ... and its step, by hash. */
export const STEP_HASH_ATTRIBUTE = "inngest.step.hash";

/** Values that are deeper in others are left out. */
const DEPTH_MAX = 8;

/**
 * The spans of an export request, each null when it is none.
 *
 * @param request decoded protobuf, or the JSON of the same
 */
export function readSpans(request: unknown): (AppSpan | null)[] {
  return listIn(request, "resourceSpans").flatMap((resource) =>
    listIn(resource, "scopeSpans").flatMap((scoped) => {
      const scope = textIn(isObject(scoped) ? scoped.scope : undefined, "name");
      return listIn(scoped, "spans").map((span) => readSpan(span, scope === "" ? null : scope));
    }),
  );
}

function readSpan(span: unknown, scope: string | null): AppSpan | null {
  if (!isObject(span)) return null;
  const [traceId, spanId] = [idOf(span.traceId, 16), idOf(span.spanId, 8)];
  const [startNs, endNs] = [instantOf(span.startTimeUnixNano), instantOf(span.endTimeUnixNano)];
  if (traceId === null || spanId === null || startNs === null || endNs === null) return null;
  const { code } = isObject(span.status) ? span.status : {};
  return {
    traceId,
    spanId,
    parentSpanId: idOf(span.parentSpanId, 8),
    name: textIn(span, "name"),
    kind: typeof span.kind === "number" ? span.kind : 0,
    startNs,
    endNs,
    attributes: readAttributes(span.attributes),
    events: listIn(span, "events").map((event) => ({
      name: textIn(event, "name"),
      atNs: (isObject(event) ? instantOf(event.timeUnixNano) : null) ?? startNs,
      attributes: readAttributes(isObject(event) ? event.attributes : undefined),
    })),
    status: { code: typeof code === "number" ? code : 0, message: textIn(span.status, "message") },
    scope,
  };
}

function readAttributes(attributes: unknown, depth = 0): JsonObject {
  const found: JsonObject = {};
  for (const attribute of Array.isArray(attributes) ? attributes : [])
    if (isObject(attribute) && typeof attribute.key === "string" && attribute.key !== "__proto__")
      found[attribute.key] = readValue(attribute.value, depth);
  return found;
}

function readValue(value: unknown, depth: number): JsonValue {
  if (!isObject(value) || depth > DEPTH_MAX) return null;
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } = value;
  if (typeof stringValue === "string") return stringValue;
  if (typeof boolValue === "boolean") return boolValue;
  if (typeof intValue === "string" || typeof intValue === "number") return numberOf(intValue);
  if (typeof doubleValue === "string" || typeof doubleValue === "number") return numberOf(doubleValue);
  if (isObject(arrayValue)) return listIn(arrayValue, "values").map((one) => readValue(one, depth + 1));
  if (isObject(kvlistValue)) return readAttributes(kvlistValue.values, depth + 1);
  if (bytesValue instanceof Uint8Array) return bytesToHex(bytesValue);
  return typeof bytesValue === "string" ? bytesValue : null;
}

/** Whole numbers that a number does not hold exactly stay text, and so do those that JSON does not have. */
function numberOf(value: string | number): JsonValue {
  const number = Number(value);
  if (!Number.isFinite(number)) return String(value);
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? String(value) : number;
}

/** Lower-case hexadecimal; null for what is no id, as that of a span without a parent. */
function idOf(id: unknown, bytes: number): string | null {
  const hex = id instanceof Uint8Array ? bytesToHex(id) : typeof id === "string" ? id.toLowerCase() : "";
  return hex.length === 2 * bytes && /^[\da-f]+$/.test(hex) && !/^0+$/.test(hex) ? hex : null;
}

function instantOf(value: unknown): string | null {
  const text = typeof value === "number" ? BigInt(Math.trunc(value)).toString() : value;
  return typeof text === "string" && /^\d{1,20}$/.test(text) ? text : null;
}

function listIn(value: unknown, field: string): unknown[] {
  const list = isObject(value) ? value[field] : undefined;
  return Array.isArray(list) ? list : [];
}

function textIn(value: unknown, field: string): string {
  const text = isObject(value) ? value[field] : undefined;
  return typeof text === "string" ? text : "";
}
