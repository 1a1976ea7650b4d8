import type { JsonValue } from "../protocol/json.ts";
import type { LogBatch } from "../protocol/logs.ts";
import type { StepOp } from "../protocol/step-op.ts";
import type { FoundStep } from "./execute.ts";
import type { BodyResult } from "./step-body.ts";

/** A found step as the wire reports it: planned when it has code to run, else the op that it is. */
export function foundOp(step: FoundStep): StepOp {
  const base = baseOp(step);
  if (step.body) return { ...base, op: "StepPlanned" };
  return { ...base, opts: { ...base.opts, ...step.gateway?.opts }, op: step.op };
}

/** A found step as a platform in this process carries it out: its request is code of its own. */
export function ownStep(step: FoundStep): FoundStep {
  const { gateway, body, opts } = step;
  return gateway && !body ? { ...step, body: gateway.make, opts: { ...opts, input: [gateway.shown] } } : step;
}

/**
 * A step whose code has run, as the wire reports it.
 *
 * @param logs what that code has logged, for a server of ours
 */
export function ranOp(step: FoundStep, result: BodyResult, isLastAttempt: boolean, logs?: LogBatch): StepOp {
  const base = { ...baseOp(step), ...(logs && { logs }) };
  if (result.kind === "data") return { ...base, op: "StepRun", data: result.data };
  return { ...base, op: result.final || isLastAttempt ? "StepFailed" : "StepError", error: result.error };
}

/** What the code around steps has logged, for a server of ours: it asks for nothing. */
export function logsOp(logs: LogBatch): StepOp {
  return { op: "None", id: "", logs };
}

function baseOp(step: FoundStep): Omit<StepOp, "op"> {
  const opts: Record<string, JsonValue> = { ...step.opts, type: step.type };
  if (step.retry) opts.retries = { ...step.retry };
  return {
    id: step.id,
    name: step.target ?? step.userId,
    displayName: step.name ?? step.userId,
    opts,
    userland: step.index === 0 ? { id: step.userId } : { id: step.userId, index: step.index },
  };
}
