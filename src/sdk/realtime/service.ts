import { byteLength } from "../../protocol/json.ts";
import { CHANNEL_NAME_MAX_BYTES, REALTIME_MESSAGE_MAX_BYTES, TOPIC_NAME_MAX_BYTES } from "../../protocol/limits.ts";
import { callApi, type ApiClient } from "../api.ts";
import { applySchema } from "../schema.ts";
import { serializeError } from "../serialize-error.ts";
import type { Realtime } from "./types.ts";

/** A message on its way to the platform. */
export interface RealtimeMessage {
  channel: string;
  topic: string;
  /** JSON of its data */
  json: string;
  runId?: string;
}

/** What a subscription needs of a WebSocket. */
export interface RealtimeSocket {
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "open" | "close" | "error", listener: () => void): void;
  close(code?: number, reason?: string): void;
}

/** The platform in this process. */
export interface RealtimeService {
  publish(message: RealtimeMessage): Promise<void>;
  token(channel: string, topics: readonly string[]): Promise<string>;
  /** A socket that is open. */
  connect(token: string): Promise<RealtimeSocket>;
}

/** A message that was refused, or a token that was not given, or a connection that could not be made. */
export class RealtimeError extends Error {
  readonly code = "realtime_failed";
  /** what the platform answered; undefined when it was not reached */
  readonly status: number | undefined;

  constructor(message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "RealtimeError";
    this.status = options.status;
  }
}

const TIMEOUT_MS = 30_000;
const SERVICE = Symbol.for("dotdo.inngest.realtime"); // shared by all copies of this package

/** Lets a client publish in process: how a Worker that holds app and platform avoids calling itself. */
export function bindRealtime(client: object, service: RealtimeService): void {
  Object.defineProperty(client, SERVICE, { value: service, configurable: true });
}

/** The platform in this process, if a client has one. */
export function boundRealtime(client: object): RealtimeService | undefined {
  return (client as { [SERVICE]?: RealtimeService })[SERVICE];
}

/**
 * Publishes data on a topic, once its schema has taken it. What is published is what was given: transforms are the
 * subscribers'.
 *
 * @param what names the caller in errors
 * @throws EventValidationError naming path and value
 * @throws RangeError for data over 512 KiB
 * @throws RealtimeError when the platform refuses the message or cannot be reached
 */
export async function publish(
  client: ApiClient,
  topicRef: Realtime.TopicRef,
  data: unknown,
  { what, runId }: { what: string; runId: string | undefined },
): Promise<void> {
  const channel = checkedName(topicRef?.channel, "channel", CHANNEL_NAME_MAX_BYTES, what);
  const topic = checkedName(topicRef?.topic, "topic", TOPIC_NAME_MAX_BYTES, what);
  const { schema } = topicRef.config ?? {};
  if (schema) await applySchema(schema, data, `${what}: topic "${topic}": data`);
  const json = JSON.stringify(data) ?? "null";
  const size = byteLength(json);
  if (size > REALTIME_MESSAGE_MAX_BYTES)
    throw new RangeError(
      `${what}: topic "${topic}": data of ${size} bytes is over the bound of ${REALTIME_MESSAGE_MAX_BYTES}`,
    );
  const service = boundRealtime(client);
  if (service) return service.publish({ channel, topic, json, runId });
  const query = new URLSearchParams({ channel, topic, ...(runId === undefined ? {} : { run_id: runId }) });
  await ask(client, `v1/realtime/publish?${query}`, json, what);
}

/** @throws TypeError, RealtimeError */
export async function subscriptionKey(
  client: ApiClient,
  channel: string,
  topics: readonly string[],
  what: string,
): Promise<string> {
  checkedName(channel, "channel", CHANNEL_NAME_MAX_BYTES, what);
  if (topics.length === 0) throw new TypeError(`${what}: topics: name at least one`);
  for (const topic of topics) checkedName(topic, "topic", TOPIC_NAME_MAX_BYTES, what);
  const service = boundRealtime(client);
  if (service) return service.token(channel, topics);
  const body = JSON.stringify(topics.map((name) => ({ channel, name, kind: "run" })));
  const text = await ask(client, "v1/realtime/token", body, what);
  const jwt = fieldOf(text, "jwt");
  if (jwt === undefined) throw new RealtimeError(`${what}: ${client.apiBaseUrl} answered without a token`);
  return jwt;
}

/** @throws TypeError naming the field, its value and the bound */
function checkedName(name: unknown, field: string, maxBytes: number, what: string): string {
  if (typeof name !== "string" || name === "")
    throw new TypeError(`${what}: ${field}: ${JSON.stringify(name)} is not the name of a ${field}`);
  if (byteLength(name) > maxBytes)
    throw new TypeError(`${what}: ${field}: "${name.slice(0, 60)}…" is over the bound of ${maxBytes} bytes`);
  return name;
}

async function ask(client: ApiClient, path: string, body: string, what: string): Promise<string> {
  let response: Response;
  let text: string;
  try {
    response = await callApi(client, path, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
      timeoutMs: TIMEOUT_MS,
    });
    text = await response.text();
  } catch (cause) {
    throw new RealtimeError(
      `${what}: ${client.apiBaseUrl} cannot be reached (${serializeError(cause).message}); is the server running, and is INNGEST_BASE_URL or INNGEST_DEV right?`,
      { cause },
    );
  }
  if (response.ok) return text;
  const said = fieldOf(text, "error") ?? `${client.apiBaseUrl} answered ${response.status}`;
  throw new RealtimeError(`${what}: ${said}`, { status: response.status });
}

function fieldOf(text: string, field: string): string | undefined {
  try {
    const value: unknown = Reflect.get(JSON.parse(text), field);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}
