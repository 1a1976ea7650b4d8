/**
 * Requests that the platform makes on a step's behalf (inngest-protocol §9.4, §9.5): what is asked, and what an answer comes
 * to. The same rules hold where a step's own code makes the request, in a Worker that has both.
 */
import { byteLength, isObject, parseJson, type JsonObject, type JsonValue } from "./json.ts";
import { CHANNEL_NAME_MAX_BYTES, ERROR_TEXT_MAX_CHARS, STEP_OUTPUT_MAX_BYTES, TOPIC_NAME_MAX_BYTES } from "./limits.ts";
import type { WireError } from "./wire-error.ts";

export type GatewayOp = "Gateway" | "AIGateway";

/** Names of the errors that these steps reject with. */
export const gatewayErrorNames = { Gateway: "GatewayError", AIGateway: "AIGatewayError" } as const;

/** One request, ready to be made. It holds secrets, so nothing of it is shown or kept once the step has its result. */
export interface GatewayRequest {
  op: GatewayOp;
  url: string;
  method: string;
  headers: Record<string, string>;
  body: string | null;
  /** blanked out of what a provider says of its failure */
  secret?: string;
  /** where the answer is told as well */
  publish?: { channel: string; topic: string };
}

/** What came of making it. */
export type GatewayResult =
  | { kind: "answered"; url: string; status: number; headers: Record<string, string>; body: string }
  | { kind: "failed"; code: GatewayFailure; message: string };

export type GatewayFailure = "unreachable" | "output_too_large" | "target_refused";

/** What the step comes to: its memo's content, or why it failed and whether another try may go better. */
export type GatewayOutcome =
  | { kind: "data"; data: JsonValue }
  | { kind: "error"; error: WireError; final: boolean; retryAfter?: string };

/** Headers that belong to one connection, and that a client's own request must not carry over to ours. */
const HOP_HEADERS = new Set([
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
  "te",
]);

/**
 * Reads the options of an op.
 *
 * @param what names the step in messages
 * @throws TypeError naming the option that cannot be used
 */
export function readGateway(op: GatewayOp, opts: Record<string, unknown>, what: string): GatewayRequest {
  const url = readUrl(opts.url, what);
  const publish = readPublish(opts.publish, what);
  if (op === "AIGateway") return { ...aiRequest(url, opts, what), ...(publish && { publish }) };
  const { body = null } = opts;
  if (body !== null && typeof body !== "string")
    throw new TypeError(`${what}: \`body\` must be a text, not ${kindOf(body)}: give the request a string`);
  const method = (typeof opts.method === "string" && opts.method !== "" ? opts.method : "POST").toUpperCase();
  if (body && (method === "GET" || method === "HEAD"))
    throw new TypeError(`${what}: \`body\`: a ${method} request carries none`);
  const headers = readHeaders(opts.headers, what);
  return { op, url: url.href, method, headers, body: body || null, ...(publish && { publish }) };
}

function readUrl(value: unknown, what: string): URL {
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : null;
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw new TypeError(`${what}: \`url\` must be an absolute one of http or https`); // not shown: it may hold a key
  return url;
}

function readHeaders(value: unknown, what: string): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw new TypeError(`${what}: \`headers\` must be an object, not ${kindOf(value)}`);
  const headers: Record<string, string> = {};
  for (const [name, one] of Object.entries(value)) {
    const text = Array.isArray(one) ? one.join(",") : one;
    if (typeof text !== "string")
      throw new TypeError(`${what}: \`headers\`: ${name} must be a text, not ${kindOf(one)}`);
    if (!HOP_HEADERS.has(name.toLowerCase())) headers[name.toLowerCase()] = text;
  }
  return headers;
}

/** Where the key goes depends on the provider (inngest/inngest pkg/util/aigateway). */
function aiRequest(url: URL, opts: Record<string, unknown>, what: string): GatewayRequest {
  const headers = { "content-type": "application/json", ...readHeaders(opts.headers, what) };
  const key = typeof opts.auth_key === "string" && opts.auth_key !== "" ? opts.auth_key : undefined;
  if (key !== undefined && opts.format === "gemini") url.searchParams.set("key", key);
  else if (key !== undefined) Object.assign(headers, authorization(opts.format, key, headers));
  const body = JSON.stringify(opts.body ?? {});
  return { op: "AIGateway", url: url.href, method: "POST", headers, body, ...(key !== undefined && { secret: key }) };
}

function authorization(format: unknown, key: string, given: Record<string, string>): Record<string, string> {
  if (format === "anthropic") return { "x-api-key": key };
  if (format === "bedrock") return { authorization: key };
  if (format === "azure-openai" && "api-key" in given) return {}; // its adapter has put the key there
  return { authorization: `Bearer ${key}` };
}

function readPublish(value: unknown, what: string): GatewayRequest["publish"] {
  if (value === undefined || value === null) return undefined;
  const { channel, topic } = isObject(value) ? value : {};
  if (!isName(channel, CHANNEL_NAME_MAX_BYTES) || !isName(topic, TOPIC_NAME_MAX_BYTES))
    throw new TypeError(
      `${what}: \`publish\` must name a \`channel\` of at most ${CHANNEL_NAME_MAX_BYTES} bytes and a \`topic\` of at most ${TOPIC_NAME_MAX_BYTES}`,
    );
  return { channel, topic };
}

function isName(value: unknown, maxBytes: number): value is string {
  return typeof value === "string" && value !== "" && byteLength(value) <= maxBytes;
}

/** What people may see of a request: neither headers nor query, where keys are. */
export function shownGateway({ method, url, op, body }: GatewayRequest): JsonObject {
  const shown = { method, url: withoutQuery(url) };
  return op === "AIGateway" && body !== null ? { ...shown, body: JSON.parse(body) as JsonValue } : shown; // written by us
}

function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url); // neither user and password
  return `${origin}${pathname}`;
}

/** What a result means to the step: every answer is data to `fetch`; a model's must be a success. */
export function gatewayOutcome(request: GatewayRequest, result: GatewayResult): GatewayOutcome {
  const name = gatewayErrorNames[request.op];
  if (result.kind === "failed") {
    const { code, message } = result;
    return { kind: "error", error: { name, code, message }, final: code !== "unreachable" };
  }
  if (request.op === "AIGateway") return modelOutcome(request, result);
  const { url, status, headers, body } = result;
  return bounded({ url, headers, body, status_code: status }, name);
}

function modelOutcome(request: GatewayRequest, result: Extract<GatewayResult, { kind: "answered" }>): GatewayOutcome {
  const name = gatewayErrorNames.AIGateway;
  const { status, headers } = result;
  const json = parseJson(result.body);
  if (status >= 200 && status < 300 && json !== undefined) return bounded(json, name);
  const text = clip(blanked(result.body, request.secret));
  const api = new URL(request.url).host;
  const error: WireError =
    status >= 200 && status < 300
      ? {
          name,
          code: "invalid_reply",
          message: `${api} answered ${status}, but not with JSON`,
          data: text,
          stack: text,
        }
      : {
          name,
          code: "request_failed",
          message: `${api} answered ${status}`,
          data: parseJson(text) ?? text,
          stack: text,
        };
  const retryAfter = headers["Retry-After"];
  return { kind: "error", error, final: false, ...(retryAfter !== undefined && { retryAfter }) };
}

/** A memo has a bound, which is on its JSON: a body within it may not be. */
function bounded(data: JsonValue, name: string): GatewayOutcome {
  const size = byteLength(JSON.stringify(data));
  if (size <= STEP_OUTPUT_MAX_BYTES) return { kind: "data", data };
  return { kind: "error", error: { name, code: "output_too_large", message: tooLarge(`${size} bytes`) }, final: true };
}

export function tooLarge(size: string): string {
  return `the answer of ${size} is over the bound of ${STEP_OUTPUT_MAX_BYTES} bytes for a step's output; fetch it with \`step.run\`, store it elsewhere and return a reference`;
}

/** Providers repeat the key that they refuse. */
function blanked(text: string, secret: string | undefined): string {
  return secret === undefined ? text : text.replaceAll(secret, "[key]");
}

function clip(text: string): string {
  return text.length <= ERROR_TEXT_MAX_CHARS ? text : `${text.slice(0, ERROR_TEXT_MAX_CHARS).toWellFormed()}…`;
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "a list" : typeof value;
}
