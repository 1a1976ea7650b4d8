import { durationMs, durationString, instantMs } from "../../protocol/time-string.ts";
import type { StepTools } from "../types.ts";
import { readStepOptions, type Ask } from "./options.ts";

/** `step.sleep`: the run goes on after a duration, exact to the millisecond on our platform. */
export function sleepTool(ask: Ask): StepTools["sleep"] {
  return async (idOrOptions, duration) => {
    const options = readStepOptions(idOrOptions, "step.sleep");
    const target = durationString(durationMs(duration, `step.sleep "${options.userId}"`));
    await ask({ ...options, type: "step.sleep", op: "Sleep", target });
  };
}

/** `step.sleepUntil`: the run goes on at an instant. */
export function sleepUntilTool(ask: Ask): StepTools["sleepUntil"] {
  return async (idOrOptions, time) => {
    const options = readStepOptions(idOrOptions, "step.sleepUntil");
    const at = instantMs(time, `step.sleepUntil "${options.userId}"`);
    await ask({ ...options, type: "step.sleepUntil", op: "Sleep", target: new Date(at).toISOString() });
  };
}
