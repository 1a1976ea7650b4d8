import type { Call } from "../engine/run-machine.ts";
import type { Run } from "../engine/run.ts";
import { callRef } from "../protocol/call-ref.ts";
import { headers } from "../protocol/headers.ts";
import { uuidOf } from "../protocol/ids.ts";
import { traceParent, traceState } from "../protocol/trace-context.ts";

/** What a call says of itself outside its body (inngest-protocol §3.1). */
export function callHeaders(run: Run, call: Call): Record<string, string> {
  const ref = callRef(run.id, call);
  const parent = traceParent(run.id, ref);
  return {
    [headers.runId]: run.id,
    [headers.stepId]: inHeader(call.stepId ?? "step"),
    [headers.requestId]: ref,
    [headers.jobId]: jobId(run, call),
    [headers.generationId]: String(generation(call)),
    [headers.requestVersion]: String(run.http?.version ?? -1),
    [headers.traceParent]: parent,
    [headers.traceState]: traceState(run, parent),
    [headers.accountId]: uuidOf("account"),
    [headers.dotdo]: "1",
  };
}

/** The same for each attempt of one step. */
export function jobId(run: Run, { stepId, number }: Call): string {
  return `${run.id}-${stepId === null ? `discovery-${number}` : inHeader(stepId)}`;
}

/** Rises when a run's outstanding calls are superseded; above 0. */
export function generation({ epoch }: Call): number {
  return epoch + 1;
}

/** SDKs give hashes as ids; what else an app may answer with does not fit a header as it is. */
function inHeader(stepId: string): string {
  return /^[\x21-\x7e]+$/.test(stepId) ? stepId : encodeURIComponent(stepId.toWellFormed());
}
