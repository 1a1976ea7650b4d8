import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import { SLEEP_MAX_MS } from "../protocol/limits.ts";
import { durationMs } from "../protocol/time-string.ts";
import { readBody } from "./body.ts";
import { parseJson } from "./fields.ts";
import { type RunView, waitingFor } from "./run-view.ts";

export const clockRequestSchema = z.object({ advance: z.union([z.string(), z.number()]) });
export const wakeRequestSchema = z.object({ step: z.string().min(1).optional() });

const CLOCK_EXAMPLE = '{"advance":"30d"}';
const WAKE_EXAMPLE = '{"step":"a step id"}, or there is none';

/**
 * By how much a run's clock is to go forward, in milliseconds.
 *
 * @throws HTTPException 400 naming field, value and bound
 */
export async function readAdvance(request: Request): Promise<number> {
  const json = parseJson(await readBody(request), CLOCK_EXAMPLE);
  const body = clockRequestSchema.safeParse(json);
  if (!body.success) throw refused(`advance: a duration such as "30d", or milliseconds, not ${shown(json, "advance")}`);
  const byMs = readDuration(body.data.advance);
  if (!(byMs > 0 && byMs <= SLEEP_MAX_MS))
    throw refused(
      `advance: ${JSON.stringify(body.data.advance)} is not over 0 and at most ${SLEEP_MAX_MS / 86_400_000} days; a clock goes forward only`,
    );
  return byMs;
}

/**
 * The step whose sleep is to end; undefined for every sleep.
 *
 * @throws HTTPException 400 naming field and value
 */
export async function readWake(request: Request): Promise<string | undefined> {
  const text = await readBody(request);
  if (text.trim() === "") return undefined;
  const json = parseJson(text, WAKE_EXAMPLE);
  const body = wakeRequestSchema.safeParse(json);
  if (!body.success) throw refused(`step: the id of a step that sleeps, not ${shown(json, "step")}`);
  return body.data.step;
}

/** Why there is nothing to wake: the run waits for something else, or another step sleeps. */
export function nothingToWake(view: RunView, step: string | undefined, sleeping: string[]): HTTPException {
  const { id } = view.run;
  if (step !== undefined && sleeping.length > 0)
    return new HTTPException(404, {
      message: `step: no step ${JSON.stringify(step.slice(0, 200))} of run ${id} sleeps; those that do: ${named(sleeping)}`,
    });
  const reasons = waitingFor(view).map(({ kind, step: of, until }) =>
    [kind, of === undefined ? "" : JSON.stringify(of), until === undefined ? "" : `until ${until}`]
      .filter((part) => part !== "")
      .join(" "),
  );
  return new HTTPException(409, {
    message: `run ${id} does not sleep${reasons.length === 0 ? "" : `; it is ${shortened(reasons)}`}`,
  });
}

const NAMED_MAX = 10;

function named(steps: string[]): string {
  return shortened(steps.map((step) => JSON.stringify(step)));
}

function shortened(texts: string[]): string {
  const more = texts.length - NAMED_MAX;
  return texts.slice(0, NAMED_MAX).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function readDuration(value: string | number): number {
  if (typeof value === "number") return Math.round(value); // a negative one is refused by its bound
  try {
    return durationMs(value, "advance");
  } catch (error) {
    throw refused(error instanceof Error ? error.message : String(error));
  }
}

function shown(json: unknown, field: string): string {
  const value: unknown = typeof json === "object" && json !== null ? Reflect.get(json, field) : undefined;
  return value === undefined ? "nothing" : JSON.stringify(value).slice(0, 100);
}

function refused(message: string): HTTPException {
  return new HTTPException(400, { message });
}
