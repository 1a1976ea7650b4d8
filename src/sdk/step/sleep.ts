import { durationMs, durationString, instantMs } from "../../protocol/time-string.ts";
import type { StepRequest } from "../execute.ts";
import type { StepTools } from "./tools.ts";
import { readStepOptions, type Ask } from "./options.ts";

/** `step.sleep`: the run goes on after a duration, exact to the millisecond on our platform. */
export function sleepTool(ask: Ask): StepTools["sleep"] {
  return async (idOrOptions, duration) => {
    const options = readStepOptions(idOrOptions, "step.sleep");
    const request = (given: unknown): StepRequest => ({
      ...options,
      type: "step.sleep",
      op: "Sleep",
      target: durationString(durationMs(given as typeof duration, `step.sleep "${options.userId}"`)), // checked there
      input: [given],
      withInput: ([changed]) => request(changed),
    });
    await ask(request(duration));
  };
}

/** `step.sleepUntil`: the run goes on at an instant. */
export function sleepUntilTool(ask: Ask): StepTools["sleepUntil"] {
  return async (idOrOptions, time) => {
    const options = readStepOptions(idOrOptions, "step.sleepUntil");
    const request = (given: unknown): StepRequest => ({
      ...options,
      type: "step.sleepUntil",
      op: "Sleep",
      target: new Date(instantMs(given as typeof time, `step.sleepUntil "${options.userId}"`)).toISOString(), // checked there
      input: [given],
      withInput: ([changed]) => request(changed),
    });
    await ask(request(time));
  };
}
