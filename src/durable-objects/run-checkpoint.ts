/**
 * A checkpoint is a part of a call's answer that comes ahead of it, and like the answer it is read where the run is: so the
 * results in it are read once, and travel to the run's object as the text that they came in.
 */
import { logsAround, readOp, type Op } from "../engine/step-ops.ts";
import { readCallRef, type NamedCall } from "../protocol/call-ref.ts";
import { CHECKPOINT_EXAMPLE, checkpointSchema } from "../protocol/checkpoint.ts";
import { fieldProblem } from "../protocol/fields.ts";
import { isNestedWithin, isObject, parseJson } from "../protocol/json.ts";
import { JSON_DEPTH_MAX } from "../protocol/limits.ts";
import type { LogBatch } from "../protocol/logs.ts";
import { CHECKPOINT_OPS, type StepOp } from "../protocol/step-op.ts";

export interface Checkpoint {
  kind: "checkpoint";
  /** UUID of the function, as the call named it */
  functionUuid: string;
  call: NamedCall;
  ops: Op[];
  logs: LogBatch[];
}

export type CheckpointProblem = { kind: "invalid" | "too-large"; message: string } | { kind: "stale" };

/** What a call to a run's app tells of steps while it goes on. */
export function readCheckpoint(runId: string, text: string): Checkpoint | CheckpointProblem {
  const json = text.trim() === "" ? {} : parseJson(text);
  if (json === undefined) return invalid(`the body must be JSON such as ${CHECKPOINT_EXAMPLE}`);
  if (!isObject(json)) return invalid(`the body must be a JSON object such as ${CHECKPOINT_EXAMPLE}`);
  if (!isNestedWithin(json, JSON_DEPTH_MAX, text))
    return invalid(`the body is nested deeper than the bound of ${JSON_DEPTH_MAX}`);
  const parsed = checkpointSchema.safeParse(json);
  if (!parsed.success) return invalid(fieldProblem(parsed.error, json));
  const { run_id, fn_id, qi_id, generation_id, steps } = parsed.data;
  if (run_id !== runId) return invalid(`run_id: must be ${runId}, as in the path, not "${shown(run_id)}"`);
  const ref = readCallRef(qi_id);
  if (ref?.runId !== runId) return invalid(`qi_id: "${shown(qi_id)}" names no call of run ${runId}`);
  if (generation_id != null && generation_id !== ref.call.epoch + 1) return { kind: "stale" };
  const ops: Op[] = [];
  for (const [index, op] of steps.entries()) {
    const read = readRanOp(op, index);
    if (read && "message" in read) return read;
    if (read) ops.push(read);
  }
  return { kind: "checkpoint", functionUuid: fn_id, call: ref.call, ops, logs: logsAround(steps) };
}

/**
 * What has run, or was planned, as the run's rules read it. Here a step cannot fail for what it reports: the code goes on with
 * the result it has. Refused, the client answers its call with it, and the failure is the step's.
 */
function readRanOp(op: StepOp, index: number): Op | Exclude<CheckpointProblem, { kind: "stale" }> | null {
  if (!CHECKPOINT_OPS.has(op.op))
    return invalid(`steps.${index}.op: ${op.op} is no op of a call that goes on: answer the call with it`);
  const read = readOp(op, 0);
  if (read?.kind === "error" && op.op !== "StepFailed")
    return { kind: "too-large", message: `steps.${index}: ${read.error.message}` };
  return read;
}

function invalid(message: string): Exclude<CheckpointProblem, { kind: "stale" }> {
  return { kind: "invalid", message };
}

function shown(text: string): string {
  return text.slice(0, 100);
}
