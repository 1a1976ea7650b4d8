import type { StepRequest } from "../execute.ts";
import type { StepTools } from "../types.ts";
import { readStepOptions, type Ask } from "./options.ts";

/** `step.run`: code whose result is stored. Its inputs are recorded with the step. */
export function runTool(ask: Ask): StepTools["run"] {
  return async (idOrOptions, fn, ...input) => {
    const options = readStepOptions(idOrOptions, "step.run");
    if (typeof fn !== "function") throw new TypeError(`step.run "${options.userId}": ${typeof fn} is not a function`);
    const request = (given: typeof input): StepRequest => ({
      ...options,
      type: "step.run",
      op: "StepRun",
      opts: given.length === 0 ? options.opts : { ...options.opts, input: JSON.parse(JSON.stringify(given)) },
      input: given,
      withInput: (changed) => request(changed as typeof input), // what middleware makes of it is middleware's to answer for
      body: () => fn(...given),
    });
    return (await ask(request(input))) as never; // the journal's JSON, typed by the caller
  };
}
