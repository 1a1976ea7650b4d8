import type { JsonValue } from "../../protocol/json.ts";
import type { StepRequest } from "../execute.ts";
import type { Serializer } from "../serializer.ts";
import type { StepTools } from "./tools.ts";
import { readStepOptions, type Ask } from "./options.ts";

/** `step.run`, and others that are like it: code whose result is stored. Its inputs are recorded with the step. */
export function runTool(
  ask: Ask,
  type: "step.run" | "step.ai.wrap" | "group.experiment",
  serializer: Serializer | undefined,
): StepTools["run"] {
  const recorded = (input: unknown): JsonValue =>
    JSON.parse(JSON.stringify(serializer ? serializer.encode(input) : input));
  return async (idOrOptions, fn, ...input) => {
    const options = readStepOptions(idOrOptions, type);
    if (typeof fn !== "function") throw new TypeError(`${type} "${options.userId}": ${typeof fn} is not a function`);
    const request = (given: typeof input): StepRequest => ({
      ...options,
      type,
      op: "StepRun",
      opts: given.length === 0 ? options.opts : { ...options.opts, input: recorded(given) },
      input: given,
      withInput: (changed) => request(changed as typeof input), // what middleware makes of it is middleware's to answer for
      body: () => fn(...given),
    });
    return (await ask(request(input))) as never; // the journal's JSON, typed by the caller
  };
}
