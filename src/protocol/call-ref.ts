/** The name of one call, as it travels to an app and comes back with checkpoints (inngest-protocol §3.1, §6.1). */
import { isUlid } from "./ids.ts";

/** One request to the code of a run. `stepId` is null for a discovery. */
export interface NamedCall {
  /** counts the run's discovery calls; 0 for a call of one step */
  number: number;
  stepId: string | null;
  attempt: number;
  epoch: number;
}

/**
 * `ctx.qi_id` and `x-request-id` of a call: one text for one attempt, the same whenever it is made of the same call. To
 * apps it is opaque; it fits a header whatever the step is called.
 */
export function callRef(runId: string, { number, stepId, attempt, epoch }: NamedCall): string {
  const target = stepId === null ? "" : `.${encodeURIComponent(stepId.toWellFormed())}`;
  return `${runId}.${epoch}.${number}.${attempt}${target}`;
}

const REF = /^([0-9A-Z]{26})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})(?:\.([^.].*))?$/;

/** The call that a text names; undefined for one that {@link callRef} never made. */
export function readCallRef(text: string): { runId: string; call: NamedCall } | undefined {
  const [, runId = "", epoch, number, attempt, target] = REF.exec(text) ?? [];
  if (!isUlid(runId)) return undefined;
  try {
    const stepId = target === undefined ? null : decodeURIComponent(target);
    return { runId, call: { number: Number(number), stepId, attempt: Number(attempt), epoch: Number(epoch) } };
  } catch {
    return undefined; // a percent sign that begins nothing
  }
}
