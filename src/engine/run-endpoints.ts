/**
 * Rules of a run that began with a request to an endpoint (inngest-protocol §6.2). Its code executes there, outside of any
 * call; it tells of its steps, until it ends or leaves the rest to the platform, which then enters it anew.
 */
import { CALL_TIMEOUT_MS } from "../protocol/limits.ts";
import type { Draft } from "./decision.ts";
import { runTime } from "./run-clock.ts";
import { isEnded } from "./run.ts";
import { takeTold } from "./run-calls.ts";
import type { Input } from "./run-input.ts";

/** Its code is executing elsewhere: until it is heard of again, or for as long as a call may last. */
export function awaitEndpoint(draft: Draft): void {
  const { run } = draft;
  run.startedAt ??= draft.now;
  draft.move({ kind: "scheduled", at: runTime(run, draft.now) + CALL_TIMEOUT_MS, reason: "endpoint" });
}

/** Steps that ran go on where they are; anything else is what the platform does from now on. */
export function endpointTold(draft: Draft, input: Extract<Input, { kind: "endpoint" }>): void {
  const { run } = draft;
  if (!run.http || run.state.kind !== "scheduled" || run.state.reason !== "endpoint") {
    draft.stale = true;
    return;
  }
  const goesOn = input.ops.every(({ kind }) => kind === "done");
  // scheduled → executing, as if this was the answer of a call
  draft.move({
    kind: "executing",
    since: draft.now,
    from: run.position,
    discovery: false,
    again: false,
    targeted: 0,
    retryAt: null,
  });
  takeTold(draft, input, goesOn);
  if (goesOn && !isEnded(run.state)) awaitEndpoint(draft);
}
