import type { JsonValue } from "../../protocol/json.ts";
import type { StepRequest } from "../execute.ts";
import type { Serializer } from "../serializer.ts";
import type { StepOptionsOrId, StepTools, TimedStepOptions } from "./tools.ts";
import { readStepOptions, type Ask } from "./options.ts";

/** `step.run`, and others that are like it: code whose result is stored. Its inputs are recorded with the step. */
export function runTool(
  ask: Ask,
  type: "step.run" | "step.ai.wrap" | "group.experiment",
  serializer: Serializer | undefined,
): StepTools["run"] {
  const recorded = (input: unknown): JsonValue =>
    JSON.parse(JSON.stringify(serializer ? serializer.encode(input) : input));
  const tool = async (
    idOrOptions: StepOptionsOrId | TimedStepOptions,
    fn: (...args: never[]) => unknown,
    ...input: unknown[]
  ): Promise<never> => {
    const options = readStepOptions(idOrOptions, type);
    if (typeof fn !== "function") throw new TypeError(`${type} "${options.userId}": ${typeof fn} is not a function`);
    const request = (given: typeof input): StepRequest => ({
      ...options,
      type,
      op: "StepRun",
      opts: given.length === 0 ? options.opts : { ...options.opts, input: recorded(given) },
      input: given,
      withInput: (changed) => request(changed), // what middleware makes of it is middleware's to answer for
      body: ({ signal }) => fn(...([...given, ...(signal ? [{ signal }] : [])] as never[])), // typed by the caller
    });
    return (await ask(request(input))) as never; // the journal's JSON, typed by the caller
  };
  return tool;
}
