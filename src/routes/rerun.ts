import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import type { Objects } from "../durable-objects/objects.ts";
import type { FromStep } from "../engine/run-rerun.ts";
import type { Run } from "../engine/run.ts";
import { derivedUlid, ulidOf, ulidParts } from "../protocol/ids.ts";
import { byteLength, type JsonValue } from "../protocol/json.ts";
import { RUN_STATE_HTTP_MAX_BYTES, STEP_OUTPUT_MAX_BYTES } from "../protocol/limits.ts";
import { ApiError } from "./api-error.ts";
import { envelope } from "./envelope.ts";
import { readFields } from "./fields.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { rerunView } from "./run-view.ts";
import { findRun } from "./runs.ts";

const EXAMPLE = '{"from_step":{"id":"charge","input":[{"amount":3}]},"idempotency_key":"fix-42"}, or there is none';

/** What has been parsed as JSON is JSON all the way down. */
const inputSchema = z.custom<JsonValue[]>(Array.isArray, "must be a list: the arguments of the step's code").optional();
const stepSchema = z.string("must be a text").min(1, "must not be empty");
const keySchema = z
  .string("must be a text")
  .min(1, "must have 1 to 255 characters")
  .max(255, "must have 1 to 255 characters");

export const rerunRequestSchema = z.object({
  from_step: z
    .object({ id: stepSchema.optional(), hash: stepSchema.optional(), input: inputSchema }, "must be an object")
    .refine(({ id, hash }) => (id === undefined) !== (hash === undefined), "must name a step by its id or its hash")
    .nullish(),
  /** the same run is started once with it */
  idempotency_key: keySchema.optional(),
});

/** The same in the words of Inngest's v2 API. */
export const rerunV2Schema = z.object({
  fromStep: z.object({ stepId: stepSchema, input: inputSchema.nullable() }, "must be an object").nullish(),
  idempotencyKey: keySchema.optional(),
});

/** How a run is started once more. */
export interface Rerun {
  from?: FromStep;
  /** asking again with the same starts nothing more */
  idempotencyKey?: string;
}

/** Starts runs once more. */
export function rerunRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/runs/*", signingKeyGuard(settings));

  app.post("/v1/runs/:id/rerun", async (c) => {
    const { from_step: from, idempotency_key: idempotencyKey } = await readFields(
      c.req.raw,
      rerunRequestSchema,
      EXAMPLE,
    );
    const before = await findRun(objects, env, c.req.param("id"));
    const asked = from && { step: from.hash ?? from.id ?? "", ...(from.input && { input: from.input }) };
    const runId = await rerun(objects, env, before.run.id, Date.now(), { from: asked ?? undefined, idempotencyKey });
    const started = await objects.run(env, runId).summary();
    return c.json(
      envelope({
        run_id: runId,
        rerun_of: started && rerunView(started.run),
        function_version: started?.run.functionVersion ?? null,
        function_version_before: before.run.functionVersion,
      }),
      201,
    );
  });
  return app;
}

/**
 * Starts the function of a run once more, with the same events and the code of today; from a step on with the results that
 * the run had before that.
 *
 * @returns the id of the new run
 * @throws HTTPException as {@link findRun}; ApiError 404 when the function is no longer registered, or there is no such step;
 *   409 when the idempotency key has been used for another step
 */
export async function rerun(
  objects: Objects,
  env: string,
  id: string,
  now: number,
  { from, idempotencyKey }: Rerun = {},
): Promise<string> {
  const { run, events } = await findRun(objects, env, id);
  const fn = await objects.registry(env).function(run.functionId);
  if (!fn)
    throw new ApiError(
      404,
      "not_found",
      `function "${run.functionId}" of run ${id} is not registered any more; sync its app`,
    );
  if (from) checkFrom(run, from);
  const [eventId = run.id] = run.eventIds;
  const runId = runIdBeside(eventId, idempotencyKey === undefined ? null : `rerun\0${run.id}\0${idempotencyKey}`);
  const outcome = await objects.run(env, runId).start({
    env,
    runId,
    fn,
    events: events.map((record) => ({ record, receivedAt: now })),
    dueAt: now,
    rerun: { of: run.id, version: run.functionVersion, ...(from && { from }) },
  });
  if (outcome.kind === "refused") {
    if (outcome.why === "unknown") throw new ApiError(404, "not_found", `from_step: ${outcome.message}`);
    throw new HTTPException(400, { message: `from_step: ${outcome.message}` });
  }
  if (outcome.kind === "exists") await checkSame(objects, env, runId, from);
  return runId;
}

/** @throws HTTPException for what no run can begin with */
function checkFrom(run: Run, { input }: FromStep): void {
  if (run.endpoint)
    throw new HTTPException(400, {
      message: `from_step: run ${run.id} began with a request to an endpoint, which is not repeated from a step on`,
    });
  if (run.bytes > RUN_STATE_HTTP_MAX_BYTES)
    throw new HTTPException(413, {
      message: `from_step: the steps of run ${run.id} hold ${run.bytes} bytes; the bound of what a run takes over is ${RUN_STATE_HTTP_MAX_BYTES}; leave from_step out`,
    });
  const size = byteLength(JSON.stringify(input ?? []));
  if (size > STEP_OUTPUT_MAX_BYTES)
    throw new HTTPException(413, {
      message: `from_step.input: ${size} bytes are over the bound of ${STEP_OUTPUT_MAX_BYTES}`,
    });
}

/** @throws ApiError 409 when a key's run begins with another step */
async function checkSame(objects: Objects, env: string, runId: string, from: FromStep | undefined): Promise<void> {
  const step = (await objects.run(env, runId).summary())?.run.rerunOf?.step;
  if (from ? from.step === step?.id || from.step === step?.userId : !step) return;
  throw new ApiError(
    409,
    "idempotency_conflict",
    `idempotency_key: it has started run ${runId}, which begins with ${step ? `step "${step.userId}"` : "the first step"}`,
  );
}

/**
 * As every run of an event, it shares time and first entropy byte with it: they name the log that holds both.
 *
 * @param text from which the rest follows; null: it is random
 */
function runIdBeside(eventId: string, text: string | null): string {
  const { timeMs, entropy } = ulidParts(eventId);
  const own =
    text === null
      ? crypto.getRandomValues(new Uint8Array(entropy.length))
      : ulidParts(derivedUlid(timeMs, text)).entropy.slice();
  own[0] = entropy[0] ?? 0;
  return ulidOf({ timeMs, entropy: own });
}
