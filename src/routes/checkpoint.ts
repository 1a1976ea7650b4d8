import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import type { Objects } from "../durable-objects/objects.ts";
import { readOp, type Op } from "../engine/step-ops.ts";
import { readCallRef, type NamedCall } from "../protocol/call-ref.ts";
import { isUlid } from "../protocol/ids.ts";
import { STEPS_PER_RUN_MAX } from "../protocol/limits.ts";
import { CHECKPOINT_OPS, stepOpSchema, type StepOp } from "../protocol/step-op.ts";
import { readFields } from "./fields.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";

const EXAMPLE = '{"run_id":"…","fn_id":"…","qi_id":"…","steps":[{"op":"StepRun","id":"…","data":1}]}';

/** What else clients send is for people (inngest-protocol §6.1). */
const asyncSchema = z.looseObject({
  run_id: z.string({ error: "must be the id of the run, as in the path" }),
  fn_id: z.string({ error: "must be `ctx.fn_id` of the call" }),
  qi_id: z.string({ error: "must be `ctx.qi_id` of the call" }),
  generation_id: z.number({ error: "must be the number of x-inngest-generation-id" }).int().nullish(),
  steps: z
    .array(stepOpSchema, { error: "must be a list of step ops" })
    .max(STEPS_PER_RUN_MAX, `a run has at most ${STEPS_PER_RUN_MAX} steps`),
});

/** Steps that ran in a call which goes on (inngest-protocol §6.1). */
export function checkpointRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  const guard = signingKeyGuard(settings);

  app.on("POST", ["/v1/checkpoint/:runId/async", "/v1/http/runs/:runId/async"], guard, async (c) => {
    const runId = c.req.param("runId");
    if (!isUlid(runId)) throw invalid(`"${runId.slice(0, 60)}" is not a run id`);
    const body = await readFields(c.req.raw, asyncSchema, EXAMPLE);
    if (body.run_id !== runId) throw invalid(`run_id: must be ${runId}, as in the path, not "${shown(body.run_id)}"`);
    const call = callOf(runId, body.qi_id);
    if (body.generation_id != null && body.generation_id !== call.epoch + 1) throw stale(runId);
    const ops = body.steps.flatMap((op, index) => readRanOp(op, index) ?? []);
    const { kind } = await objects.run(env, runId).checkpoint({ functionUuid: body.fn_id, call, ops });
    switch (kind) {
      case "taken":
        return c.json({ data: null });
      case "stale":
        throw stale(runId);
      case "foreign":
        throw invalid(`fn_id: "${shown(body.fn_id)}" is not the function of run ${runId}`);
      default:
        throw new HTTPException(404, { message: `run ${runId} not found` });
    }
  });
  return app;
}

/** @throws HTTPException 400 */
function callOf(runId: string, qiId: string): NamedCall {
  const ref = readCallRef(qiId);
  if (ref?.runId !== runId) throw invalid(`qi_id: "${shown(qiId)}" names no call of run ${runId}`);
  return ref.call;
}

/**
 * What has run, or was planned, as the run's rules read it. Here a step cannot fail for what it reports: the code goes on with
 * the result it has. Refused, the client answers its call with it, and the failure is the step's.
 *
 * @throws HTTPException 400 for another op, 413 for a result over its bound
 */
function readRanOp(op: StepOp, index: number): Op | null {
  if (!CHECKPOINT_OPS.has(op.op))
    throw invalid(`steps.${index}.op: ${op.op} is no op of a call that goes on: answer the call with it`);
  const read = readOp(op, 0);
  if (read?.kind === "error" && op.op !== "StepFailed")
    throw new HTTPException(413, { message: `steps.${index}: ${read.error.message}` });
  return read;
}

/** Official clients stop their code on it, and answer the call that nobody waits for. */
function stale(runId: string): HTTPException {
  return new HTTPException(409, {
    message: `run ${runId} does not wait for this call any more: it has ended, or another call has taken its place`,
  });
}

function invalid(message: string): HTTPException {
  return new HTTPException(400, { message });
}

function shown(text: string): string {
  return text.slice(0, 100);
}
