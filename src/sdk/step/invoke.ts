import type { JsonValue } from "../../protocol/json.ts";
import { durationMs, durationString } from "../../protocol/time-string.ts";
import type { StepTools } from "../types.ts";
import { readStepOptions, type Ask } from "./options.ts";

/** `step.invoke`: starts another function and waits for its end. */
export function invokeTool(ask: Ask): StepTools["invoke"] {
  return async (idOrOptions, { function: target, data, v, timeout }) => {
    const options = readStepOptions(idOrOptions, "step.invoke");
    const what = `step.invoke "${options.userId}"`;
    if (typeof target?.id !== "function")
      throw new TypeError(`${what}: function: ${typeof target} is not a function made by createFunction`);
    const payload: Record<string, JsonValue> = { data: JSON.parse(JSON.stringify(data ?? {})) };
    if (v !== undefined) payload.v = v;
    const opts: Record<string, JsonValue> = { ...options.opts, function_id: target.id(target.appId), payload };
    if (timeout !== undefined) opts.timeout = durationString(durationMs(timeout, `${what}: timeout`));
    return (await ask({ ...options, type: "step.invoke", op: "InvokeFunction", opts })) as never; // typed by the callee
  };
}
