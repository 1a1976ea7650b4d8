/**
 * Rules of steps whose request the platform makes itself. Such a step is a call of its own that does not lead to the app:
 * it is planned, counted, fenced, lost and retried as any call of one step is, and waits for the same leases.
 */
import { type GatewayOutcome, type GatewayRequest, shownGateway } from "../protocol/gateway.ts";
import type { Draft } from "./decision.ts";
import type { Reply } from "./run-input.ts";
import { type Entry, isEnded } from "./run.ts";
import { open } from "./run-steps.ts";
import type { Op, StepInfo } from "./step-ops.ts";

/** A new entry for a request, not yet written. */
function openGateway(draft: Draft, step: StepInfo, gateway: GatewayRequest): Entry {
  const { http } = draft.run;
  if (http) http.gateways = (http.gateways ?? 0) + 1;
  return { ...open(draft, step, "run"), input: [shownGateway(gateway)], gateway };
}

/** What a request came to, as an app would have reported it. */
export function gatewayReply(entry: Entry, outcome: GatewayOutcome, version: number, retryAt?: number): Reply {
  const { id, userId, type, name, retry, race } = entry;
  const step: StepInfo = { id, userId, type, name, retry, race };
  if (outcome.kind === "data") return { kind: "ops", ops: [{ kind: "done", step, data: outcome.data }], version };
  const { error, final } = outcome;
  return { kind: "ops", ops: [{ kind: "error", step, error, final }], version, retryAt };
}

/** A step that was reported anew: planned, and to be called. Null when it was one too many. */
export function planGateway(draft: Draft, op: Extract<Op, { kind: "gateway" }>, grouped: boolean): Entry | null {
  const entry = openGateway(draft, op.step, op.request);
  return isEnded(draft.run.state) ? null : draft.write({ ...entry, grouped }, { kind: "planned" });
}
