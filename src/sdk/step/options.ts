import { byteLength } from "../../protocol/json.ts";
import { SLEEP_MAX_MS, STEP_ID_MAX_BYTES } from "../../protocol/limits.ts";
import { durationMs, type DurationInput } from "../../protocol/time-string.ts";
import type { StepRequest } from "../execute.ts";
import { retryPolicy } from "../retries.ts";
import type { StepOptions, StepOptionsOrId, TimedStepOptions } from "./tools.ts";

/** Puts a step to the execution that the handler runs in. */
export type Ask = (request: StepRequest) => Promise<unknown>;

/**
 * The part of a request that every tool reads from its first argument.
 *
 * @throws TypeError for an id that is missing, empty or over its bound
 */
export function readStepOptions(
  idOrOptions: StepOptionsOrId | TimedStepOptions,
  tool: string,
): Pick<StepRequest, "userId" | "name" | "retry" | "opts" | "timeoutMs"> {
  const options: StepOptions | TimedStepOptions = typeof idOrOptions === "string" ? { id: idOrOptions } : idOrOptions;
  const id: unknown = options?.id;
  if (typeof id !== "string" || id === "")
    throw new TypeError(`${tool}: id: ${JSON.stringify(id)} is not a step id; it must be a non-empty string`);
  const size = byteLength(id);
  if (size > STEP_ID_MAX_BYTES)
    throw new RangeError(
      `${tool}: id: ${JSON.stringify(id.slice(0, 60))}… has ${size} bytes; the bound is ${STEP_ID_MAX_BYTES}`,
    );
  return {
    userId: id,
    name: options.name,
    retry: options.retries === undefined ? undefined : retryPolicy(options.retries, `step "${id}": retries`),
    opts: options.parallelMode === undefined ? {} : { parallelMode: options.parallelMode },
    timeoutMs: options.timeout === undefined ? undefined : readTimeout(options.timeout, tool, id),
  };
}

function readTimeout(timeout: DurationInput, tool: string, id: string): number {
  const field = `${tool} "${id}": timeout`;
  if (tool !== "step.run")
    throw new TypeError(
      `${field}: only step.run takes one beside the id; that of a wait or an invoke is in its own options`,
    );
  const ms = durationMs(timeout, field);
  if (ms < 1 || ms > SLEEP_MAX_MS)
    throw new TypeError(`${field}: ${JSON.stringify(timeout)} is not between 1 ms and ${SLEEP_MAX_MS} ms (366 days)`);
  return ms;
}
