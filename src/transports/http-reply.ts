import * as z from "zod";
import type { Reply } from "../engine/run-machine.ts";
import { retryAfterAt } from "../engine/retry.ts";
import { logsAround, readOp } from "../engine/step-ops.ts";
import { headers } from "../protocol/headers.ts";
import { isNestedWithin, isObject, parseJson, type JsonValue } from "../protocol/json.ts";
import { JSON_DEPTH_MAX } from "../protocol/limits.ts";
import { LOGS_FIELD, readLogs, type LogBatch } from "../protocol/logs.ts";
import { stepOpsSchema, wireErrorSchema } from "../protocol/step-op.ts";
import type { WireError } from "../protocol/wire-error.ts";
import type { PostResult } from "./post.ts";

const SHOWN_CHARS = 300;

const streamedSchema = z.object({
  status: z.number().int(),
  body: z.custom<JsonValue>().optional(), // of a text of JSON
  headers: z
    .record(z.string(), z.string())
    .nullish()
    .transform((given) => given ?? {}),
  // Go has no headers in its streams
  retryAt: z.string().nullish(),
  noRetry: z.boolean().nullish(),
});

/**
 * What an app's answer means (inngest-protocol §3.3). Anything that is not the answer of an SDK is an error that says
 * what came instead; it is tried again unless the app forbids it.
 *
 * @param version the protocol version known so far
 * @param runNow the run's own time, which sleeps and timeouts count from
 */
export function readReply(result: PostResult, now: number, version: number, runNow = now): Reply {
  if (result.kind === "failed") return failure(result.code, result.message, undefined, version);
  const outer = lowerCase(result.headers);
  if (result.status !== 201) return readAnswer(result.status, outer, result.body, { now, runNow }, version);
  const streamed = parseJson(result.body.trim());
  if (!isNestedWithin(streamed, JSON_DEPTH_MAX, result.body)) return tooDeep(undefined, version);
  const inner = streamedSchema.safeParse(streamed);
  if (!inner.success)
    return failure(
      "invalid_reply",
      `the app's stream ended without a reply: ${shown(result.body)}`,
      undefined,
      version,
    );
  const { status, body, retryAt, noRetry } = inner.data;
  const answer = {
    ...outer,
    ...(typeof retryAt === "string" && { [headers.retryAfter]: retryAt }),
    ...(noRetry === true && { [headers.noRetry]: "true" }),
    ...lowerCase(inner.data.headers),
  };
  // the others' body is a text of JSON, Go's the JSON itself
  const isText = typeof body === "string" && !(status === 200 && outer[headers.sdk]?.startsWith("go:") === true);
  return readAnswer(status, answer, isText ? body : JSON.stringify(body ?? null), { now, runNow }, version);
}

function readAnswer(
  status: number,
  answer: Record<string, string>,
  body: string,
  { now, runNow }: { now: number; runNow: number },
  known: number,
): Reply {
  const version = Number.parseInt(answer[headers.requestVersion] ?? "", 10);
  const next = Number.isNaN(version) ? known : version;
  const retryAt = retryAfterAt(answer[headers.retryAfter], now);
  const noRetry = answer[headers.noRetry]?.toLowerCase();
  if (answer[headers.sdk] === undefined) return notSdk(status, body, answer, next, noRetry === "true", retryAt);
  const json = parseJson(body);
  if (!isNestedWithin(json, JSON_DEPTH_MAX, body)) return tooDeep(retryAt, next);
  if (status === 206) return withRetry(readOps(json, body, runNow, next, retryAt), noRetry);
  if (status === 200 && noRetry !== "true")
    return json === undefined
      ? failure("invalid_reply", `the app's result is not JSON: ${shown(body)}`, retryAt, next)
      : { kind: "returned", data: json, version: next };
  const { error, logs } = readError(json, status, body);
  return { kind: "error", error, final: noRetry === "true", retryAt, version: next, ...(logs && { logs }) };
}

function readOps(
  json: JsonValue | undefined,
  body: string,
  runNow: number,
  version: number,
  retryAt: number | undefined,
): Reply {
  const parsed = json === undefined ? undefined : stepOpsSchema.safeParse(json);
  if (!parsed) return failure("invalid_reply", `the app's reply is not JSON: ${shown(body)}`, retryAt, version);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue ? `${issue.path.join(".") || "body"}: ${issue.message}` : "unreadable";
    return failure("invalid_reply", `the app's reply cannot be understood: ${where}`, retryAt, version);
  }
  const logs = logsAround(parsed.data);
  const ops = parsed.data.flatMap((op) => readOp(op, runNow) ?? []);
  return { kind: "ops", ops, version, retryAt, ...(logs.length > 0 && { logs }) };
}

/** The header decides whether what failed is tried again, whatever the op says (inngest-protocol §3.3). */
function withRetry(reply: Reply, noRetry: string | undefined): Reply {
  if (reply.kind !== "ops" || noRetry !== "true") return reply;
  return { ...reply, ops: reply.ops.map((op) => (op.kind === "error" ? { ...op, final: true } : op)) };
}

function notSdk(
  status: number,
  body: string,
  answer: Record<string, string>,
  version: number,
  isFinal: boolean,
  retryAt: number | undefined,
): Reply {
  const type = answer["content-type"] ?? "no content type";
  const message =
    status >= 200 && status < 300
      ? `the URL answered ${status} (${type}), but not as an Inngest SDK: is the app served there? ${shown(body)}`
      : `the app answered ${status} (${type}): ${shown(body)}`;
  return { kind: "error", error: { name: "Error", code: "not_sdk", message }, final: isFinal, retryAt, version };
}

/** An error body; v4 and Go send it as an object, some proxies as text. */
function readError(json: JsonValue | undefined, status: number, body: string): { error: WireError; logs?: LogBatch[] } {
  if (isObject(json)) {
    const { [LOGS_FIELD]: told, ...rest } = json;
    const logs = Array.isArray(told) ? { logs: told.flatMap((one) => readLogs(one) ?? []) } : {};
    const error = wireErrorSchema.parse(rest);
    if (error.message !== "") return { error, ...logs };
  }
  return { error: { name: "Error", message: `the app answered ${status}: ${shown(body)}` } };
}

function failure(code: string, message: string, retryAt: number | undefined, version: number): Reply {
  return { kind: "error", error: { name: "Error", code, message }, final: false, retryAt, version };
}

function tooDeep(retryAt: number | undefined, version: number): Reply {
  return failure("invalid_reply", "the app's reply is nested too deeply", retryAt, version);
}

function lowerCase(values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name.toLowerCase(), value]));
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, SHOWN_CHARS));
}
