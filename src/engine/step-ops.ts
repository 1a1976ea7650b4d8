import { retryPolicySchema } from "../protocol/function-config.ts";
import { type GatewayOp, type GatewayRequest, gatewayErrorNames, readGateway } from "../protocol/gateway.ts";
import { byteLength, type JsonObject, type JsonValue } from "../protocol/json.ts";
import {
  EVENT_MAX_BYTES,
  EVENT_NAME_MAX_BYTES,
  INVOKE_TIMEOUT_DEFAULT_MS,
  SLEEP_MAX_MS,
  STEP_OUTPUT_MAX_BYTES,
} from "../protocol/limits.ts";
import { readLogs, type LogBatch } from "../protocol/logs.ts";
import type { RetryPolicy } from "../protocol/retry-policy.ts";
import { stepHash } from "../protocol/ids.ts";
import { readMetadata, type MetadataUpdate } from "../protocol/metadata.ts";
import { resolveMeta } from "../protocol/sessions.ts";
import { signalNameProblem } from "../protocol/signal.ts";
import type { StepOp } from "../protocol/step-op.ts";
import { durationMs } from "../protocol/time-string.ts";
import { errorNames, type WireError } from "../protocol/wire-error.ts";
import { compile } from "./expression.ts";
import type { SignalWait } from "./run.ts";
import { readDeferOp, type DeferOp } from "./run-defers.ts";

/** Names an op about the function itself (inngest-js, `RUN_COMPLETE_STEP_ID`). */
const FUNCTION_OP_ID = stepHash("complete", 0);

/** What identifies a step and belongs to every op about it. */
export interface StepInfo {
  id: string;
  userId: string;
  type: string;
  name?: string;
  input?: JsonValue;
  retry?: RetryPolicy;
  race?: boolean;
  /** told of it for people */
  metadata?: MetadataUpdate[];
  /** what its code has logged in the attempt that is over */
  logs?: LogBatch;
}

/** A step that waits for a signal. */
export interface SignalOp {
  kind: "signal";
  step: StepInfo;
  signal: SignalWait;
  until: number;
}

/** A step op with its options read: what the run machine understands, whichever way the code was reached. */
export type Op =
  | { kind: "done"; step: StepInfo; data: JsonValue }
  | { kind: "error"; step: StepInfo; error: WireError; final: boolean }
  | { kind: "plan"; step: StepInfo }
  | { kind: "sleep"; step: StepInfo; until: number }
  | {
      kind: "wait";
      step: StepInfo;
      events: string[];
      expression: string | null;
      until: number;
      since: "commit" | "run";
    }
  | SignalOp
  | { kind: "invoke"; step: StepInfo; functionId: string; payload: InvokePayload; until: number }
  | { kind: "gateway"; step: StepInfo; request: GatewayRequest }
  | DeferOp
  /** the function itself failed, told as a step op since others go with it */
  | { kind: "threw"; error: WireError; final: boolean }
  | { kind: "complete"; data: JsonValue }
  | { kind: "discover" };

export interface InvokePayload {
  data: JsonObject;
  v?: string;
  user?: JsonObject;
  meta?: JsonObject;
}

/**
 * Reads one op of a reply or commit. An op whose options cannot be used (a duration over its bound, an expression that
 * does not compile) becomes the final error of its step: the handler sees it as a `StepError` that names the option.
 *
 * @returns null for an op that asks for nothing
 */
export function readOp(op: StepOp, now: number): Op | null {
  switch (op.op) {
    case "None":
      return null;
    case "RunComplete":
    case "SyncRunComplete":
      return { kind: "complete", data: op.data ?? null };
    case "DiscoveryRequest":
      return { kind: "discover" };
    case "DeferAdd":
    case "DeferAbort":
      return readDeferOp(op);
    case "StepError":
    case "StepFailed":
      if (op.id === FUNCTION_OP_ID) return { kind: "threw", ...failureOf(op) };
      break;
    default:
  }
  const step = stepInfo(op);
  try {
    return readStepOp(op, step, now);
  } catch (error) {
    return { kind: "error", step, final: true, error: optionError(error) };
  }
}

/** What code around steps has logged, as an app of ours tells it beside its ops. */
export function logsAround(ops: readonly StepOp[]): LogBatch[] {
  return ops.flatMap((op) => (op.op === "None" ? (readLogs(op.logs) ?? []) : []));
}

function readStepOp(op: StepOp, step: StepInfo, now: number): Op {
  const opts = op.opts ?? {};
  switch (op.op) {
    case "StepRun":
    case "Step":
      return outputOp(step, op.data ?? null, op.op === "Step");
    case "StepError":
    case "StepFailed":
      return { kind: "error", step, ...failureOf(op) };
    case "StepPlanned":
      return { kind: "plan", step };
    case "Sleep":
      return { kind: "sleep", step, until: sleepUntil(stringOf(opts.duration) ?? op.name ?? "", now, step) };
    case "WaitForEvent":
      return waitOp(op, step, now);
    case "WaitForSignal":
      return signalOp(op, step, now);
    case "InvokeFunction":
      return invokeOp(op, step, now);
    case "Gateway":
    case "AIGateway":
      return gatewayOp(op.op, opts, step);
    default:
      throw new TypeError(`op: ${op.op} is not an op about a step`);
  }
}

function failureOf(op: StepOp): { error: WireError; final: boolean } {
  const error = op.error ?? { name: "Error", message: "the step failed and its app did not say why" };
  return { error, final: op.op === "StepFailed" || error.noRetry === true };
}

function stepInfo(op: StepOp): StepInfo {
  const opts = op.opts ?? {};
  const userId = op.displayName ?? op.userland?.id ?? op.name ?? op.id;
  return {
    id: op.id,
    userId: op.userland?.id ?? userId,
    type: stringOf(opts.type) ?? op.op,
    name: op.displayName ?? undefined,
    input: opts.input,
    retry: retryPolicySchema.safeParse(opts.retries).data, // what our own client wrote, and nothing else
    race: stringOf(opts.parallelMode)?.toLowerCase() === "race", // "Race" in Go
    metadata: readMetadata(op.metadata),
    logs: readLogs(op.logs),
  };
}

/** Legacy `Step` ops carry the wrapped memo themselves (inngest-protocol §3.4). */
function outputOp(step: StepInfo, data: JsonValue, isLegacy: boolean): Op {
  const inner = isLegacy && isObject(data) && "data" in data ? (data.data ?? null) : data;
  const size = byteLength(JSON.stringify(inner));
  if (size > STEP_OUTPUT_MAX_BYTES)
    throw new RangeError(
      `step "${step.userId}": its output of ${size} bytes is over the bound of ${STEP_OUTPUT_MAX_BYTES}; store it elsewhere and return a reference`,
    );
  return { kind: "done", step, data: inner };
}

/** A sleep names a duration or an instant; texts of ten characters and more may be dates (inngest-protocol §3.4). */
/** A date, or a duration; what has passed ends at once, which Go tells by a duration below zero. */
function sleepUntil(text: string, now: number, step: StepInfo): number {
  if (text.startsWith("-")) return now - durationMs(text.slice(1), `step "${step.userId}"`);
  const date = text.length >= 10 ? Date.parse(text) : Number.NaN;
  const until = Number.isNaN(date) ? now + (text === "" ? 0 : durationMs(text, `step "${step.userId}"`)) : date;
  if (until - now > SLEEP_MAX_MS) throw tooLong(step, "sleep", text);
  return until;
}

function waitOp(op: StepOp, step: StepInfo, now: number): Op {
  const opts = op.opts ?? {};
  const listed = Array.isArray(opts.events) ? opts.events.filter((name) => typeof name === "string") : [];
  const events = listed.length > 0 ? listed : [stringOf(opts.event) ?? op.name ?? ""];
  for (const name of events)
    if (name === "" || byteLength(name) > EVENT_NAME_MAX_BYTES)
      throw new RangeError(
        `step "${step.userId}": \`event\` must be a name of 1 to ${EVENT_NAME_MAX_BYTES} bytes, not ${JSON.stringify(name.slice(0, 100))}`,
      );
  const expression = stringOf(opts.if) ?? null;
  if (expression !== null) compile(expression);
  const timeout = stringOf(opts.timeout) ?? "";
  return {
    kind: "wait",
    step,
    events,
    expression,
    until: deadlineOf(timeout, now, step),
    since: opts.since === "run" ? "run" : "commit",
  };
}

function signalOp(op: StepOp, step: StepInfo, now: number): Op {
  const opts = op.opts ?? {};
  const name = stringOf(opts.signal) ?? op.name ?? "";
  const problem = signalNameProblem(name);
  if (problem !== null) throw new RangeError(`step "${step.userId}": \`signal\` ${problem}`);
  const conflict = opts.conflict === "replace" ? "replace" : "fail";
  const until = deadlineOf(stringOf(opts.timeout) ?? "", now, step);
  return { kind: "signal", step, signal: { name, conflict }, until };
}

function invokeOp(op: StepOp, step: StepInfo, now: number): Op {
  const opts = op.opts ?? {};
  const functionId = stringOf(opts.function_id) ?? "";
  if (functionId === "") throw new TypeError(`step "${step.userId}": \`function\` names no function to invoke`);
  const payload = isObject(opts.payload) ? opts.payload : {};
  const size = byteLength(JSON.stringify(payload));
  if (size > EVENT_MAX_BYTES)
    throw new RangeError(`step "${step.userId}": \`data\` of ${size} bytes is over the bound of ${EVENT_MAX_BYTES}`);
  const timeout = stringOf(opts.timeout);
  return {
    kind: "invoke",
    step,
    functionId,
    payload: {
      data: isObject(payload.data) ? payload.data : {},
      v: stringOf(payload.v),
      user: isObject(payload.user) ? payload.user : undefined,
      meta: isObject(payload.meta) ? resolveMeta(payload.meta, `step "${step.userId}": meta`) : undefined,
    },
    until: timeout === undefined ? now + INVOKE_TIMEOUT_DEFAULT_MS : deadlineOf(timeout, now, step),
  };
}

/** Its input is what people may see of the request, and not what the app says, which may hold its key. */
function gatewayOp(op: GatewayOp, opts: Record<string, JsonValue>, info: StepInfo): Op {
  const type = stringOf(opts.type) ?? (op === "Gateway" ? "step.fetch" : "step.ai.infer");
  const step = { ...info, type, input: undefined };
  try {
    return { kind: "gateway", step, request: readGateway(op, opts, `step "${step.userId}"`) };
  } catch (error) {
    return { kind: "error", step, final: true, error: { ...optionError(error), name: gatewayErrorNames[op] } };
  }
}

/** End of a wait: a duration from now, or an ISO instant as TypeScript clients send it. An empty one is over at once. */
function deadlineOf(timeout: string, now: number, step: StepInfo): number {
  const date = timeout.length >= 10 ? Date.parse(timeout) : Number.NaN;
  const until = Number.isNaN(date)
    ? now + (timeout === "" ? 0 : durationMs(timeout, `step "${step.userId}" timeout`))
    : date;
  if (until - now > SLEEP_MAX_MS) throw tooLong(step, "timeout", timeout);
  return until;
}

function tooLong(step: StepInfo, what: string, value: string): Error {
  const error = new RangeError(
    `step "${step.userId}": a ${what} of ${JSON.stringify(value)} is over the bound of ${SLEEP_MAX_MS / 86_400_000} days`,
  );
  error.name = errorNames.timeoutTooLong;
  return error;
}

function optionError(error: unknown): WireError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), noRetry: true };
  const code = "code" in error && typeof error.code === "string" ? error.code : "step_invalid";
  return { name: error.name, message: error.message, code, noRetry: true };
}

function stringOf(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
