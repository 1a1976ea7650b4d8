import type { JsonValue } from "../../protocol/json.ts";
import { resolveMeta } from "../../protocol/sessions.ts";
import { durationMs, durationString } from "../../protocol/time-string.ts";
import { inheriting } from "../event-payload.ts";
import type { StepTools } from "./tools.ts";
import type { StepOwner } from "./index.ts";
import { readStepOptions, type Ask } from "./options.ts";

/** `step.invoke`: starts another function and waits for its end. */
export function invokeTool(ask: Ask, { client: owner, sessions }: StepOwner): StepTools["invoke"] {
  const encode = (value: unknown) => owner.serializer?.encode(value) ?? value;
  return async (idOrOptions, { function: target, data, v, meta, user, timeout }) => {
    const options = readStepOptions(idOrOptions, "step.invoke");
    const what = `step.invoke "${options.userId}"`;
    const functionId = typeof target === "string" ? target : target?.id?.(target.appId ?? owner.id);
    if (typeof functionId !== "string" || functionId === "")
      throw new TypeError(
        `${what}: function: ${typeof target} is neither a function made by createFunction or referenceFunction nor an id such as "${owner.id}-my-function"`,
      );
    const payload: Record<string, JsonValue> = { data: JSON.parse(JSON.stringify(encode(data ?? {}))) };
    if (v !== undefined) payload.v = v;
    if (user !== undefined) payload.user = JSON.parse(JSON.stringify(user));
    if (meta) resolveMeta({ ...meta }, `${what}: meta`); // before JSON makes null of what is no session
    const event = inheriting({ meta }, sessions());
    if (event.meta) payload.meta = JSON.parse(JSON.stringify(event.meta));
    const opts: Record<string, JsonValue> = { ...options.opts, function_id: functionId, payload };
    if (timeout !== undefined) opts.timeout = durationString(durationMs(timeout, `${what}: timeout`));
    return (await ask({ ...options, type: "step.invoke", op: "InvokeFunction", opts })) as never; // typed by the callee
  };
}
