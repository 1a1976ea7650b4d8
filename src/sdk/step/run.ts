import type { JsonValue } from "../../protocol/json.ts";
import type { StepTools } from "../types.ts";
import { readStepOptions, type Ask } from "./options.ts";

/** `step.run`: code whose result is stored. Its inputs are recorded with the step. */
export function runTool(ask: Ask): StepTools["run"] {
  return async (idOrOptions, fn, ...input) => {
    const options = readStepOptions(idOrOptions, "step.run");
    if (typeof fn !== "function") throw new TypeError(`step.run "${options.userId}": ${typeof fn} is not a function`);
    const recorded: Record<string, JsonValue> = input.length === 0 ? {} : { input: JSON.parse(JSON.stringify(input)) };
    const request = {
      ...options,
      type: "step.run",
      op: "StepRun" as const,
      opts: { ...options.opts, ...recorded },
      body: () => fn(...input),
    };
    return (await ask(request)) as Awaited<ReturnType<StepTools["run"]>> as never; // the journal's JSON, typed by the caller
  };
}
