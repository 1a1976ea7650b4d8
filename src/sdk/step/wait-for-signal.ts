import { signalNameProblem } from "../../protocol/signal.ts";
import {
  durationMs,
  durationString,
  instantMs,
  type DurationInput,
  type InstantLike,
} from "../../protocol/time-string.ts";
import { readStepOptions, type Ask } from "./options.ts";
import type { StepTools } from "./tools.ts";

/** `step.waitForSignal`: the one signal of a name, or `null` when it did not come in time. */
export function waitForSignalTool(ask: Ask): StepTools["waitForSignal"] {
  return async (idOrOptions, { signal, timeout, onConflict }) => {
    const options = readStepOptions(idOrOptions, "step.waitForSignal");
    const what = `step.waitForSignal "${options.userId}"`;
    const problem = signalNameProblem(signal);
    if (problem !== null) throw new TypeError(`${what}: signal ${problem}`);
    if (onConflict !== "fail" && onConflict !== "replace")
      throw new TypeError(`${what}: onConflict: ${JSON.stringify(onConflict)} is neither "fail" nor "replace"`);
    const opts = {
      ...options.opts,
      signal,
      timeout: timeoutText(timeout, `${what}: timeout`),
      conflict: onConflict,
    };
    const received = await ask({ ...options, type: "step.waitForSignal", op: "WaitForSignal", target: signal, opts });
    return received as never; // from the journal, typed by the caller
  };
}

/** A date is an end; all else is how long. */
function timeoutText(timeout: DurationInput | Date | InstantLike, field: string): string {
  if (timeout instanceof Date || isInstant(timeout)) return new Date(instantMs(timeout, field)).toISOString();
  return durationString(durationMs(timeout, field));
}

function isInstant(value: DurationInput | InstantLike): value is InstantLike {
  return typeof value === "object" && value !== null && "epochMilliseconds" in value;
}
