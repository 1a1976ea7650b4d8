import { Hono } from "hono";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import * as z from "zod";
import { acceptRecords } from "../durable-objects/accept.ts";
import {
  logOf,
  type CheckpointOutcome,
  type LoggedEvent,
  type Objects,
  type StartRequest,
} from "../durable-objects/objects.ts";
import { isEnded, type Run } from "../engine/run.ts";
import {
  endpointAnswer,
  endpointFunction,
  fromBase64,
  HTTP_REQUEST_EVENT,
  httpRequestSchema,
  type HttpRequest,
} from "../protocol/endpoint.ts";
import type { EventRecord } from "../protocol/event.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { headers } from "../protocol/headers.ts";
import { eventIdOfRun, isUlid, ulidTime, uuidOf } from "../protocol/ids.ts";
import { ID_SEED_MAX_SKEW_MS, RETRIES_MAX, STEPS_PER_RUN_MAX } from "../protocol/limits.ts";
import { outputToken, readOutputToken } from "../protocol/output-token.ts";
import { realtimeToken } from "../protocol/realtime-token.ts";
import { STREAM_TOPIC } from "../protocol/realtime.ts";
import { INNGEST_RETRY_POLICY } from "../protocol/retry-policy.ts";
import { stepOpSchema } from "../protocol/step-op.ts";
import { envelope } from "./envelope.ts";
import { readFields } from "./fields.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { realtimeKeys } from "./realtime.ts";

const NEW_EXAMPLE = '{"run_id":"…","event":{"name":"inngest/http.request","data":{…}},"steps":[]}';
const STEPS_EXAMPLE = '{"run_id":"…","fn_id":"…","steps":[{"op":"StepRun","id":"…","data":1}]}';

/** How long one request waits for a run's end (inngest-protocol §6.2), and how long one question to its object takes. */
const OUTPUT_WAIT_MS = 5 * 60_000;
const QUESTION_MS = 25_000;

const stepsSchema = z
  .array(stepOpSchema, { error: "must be a list of step ops" })
  .max(STEPS_PER_RUN_MAX, `a run has at most ${STEPS_PER_RUN_MAX} steps`);

const newRunSchema = z.looseObject({
  run_id: z.string().refine(isUlid, "must be a ULID, made by the client"),
  event: z.looseObject({
    name: z.literal(HTTP_REQUEST_EVENT, { error: `must be ${HTTP_REQUEST_EVENT}` }),
    data: httpRequestSchema,
  }),
  steps: stepsSchema.default([]),
  retries: z.number().int().min(0).max(RETRIES_MAX).nullish(),
});

const toldSchema = z.looseObject({
  run_id: z.string({ error: "must be the id of the run, as in the path" }),
  fn_id: z.string({ error: "must be the `fn_id` that the run was given" }),
  steps: stepsSchema,
});

/** Durable endpoints: runs that begin with a request to an app, and are entered anew when that must leave off (inngest-protocol §6.2). */
export function endpointRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  const guard = signingKeyGuard(settings);

  app.post("/v1/checkpoint", guard, async (c) => {
    const { run_id: runId, event, steps, retries } = await readFields(c.req.raw, newRunSchema, NEW_EXAMPLE);
    const now = Date.now();
    if (Math.abs(ulidTime(runId) - now) > ID_SEED_MAX_SKEW_MS)
      throw invalid(`run_id: ${runId} was not made within a day; is the clock of the app right?`);
    const isGo = c.req.header(headers.sdk)?.startsWith("go:") ?? false;
    const request = isGo ? withText(event.data) : event.data;
    const { appId, functionId } = endpointFunction(request);
    const maxAttempts = retries == null ? INNGEST_RETRY_POLICY.maxAttempts : retries + 1;
    const retry = { ...INNGEST_RETRY_POLICY, maxAttempts };
    const fn: RegisteredFunction = { ...functionOf(appId, functionId, request), retry };
    const logged: LoggedEvent = { record: recordOf(runId, request, now), receivedAt: now };
    await begin(objects, { env, runId, fn, events: [logged] }, logged);
    check(runId, await objects.run(env, runId).endpointTold(uuidOf(functionId), steps));
    const [key = ""] = realtimeKeys(settings());
    return c.json(
      envelope({
        run_id: runId,
        fn_id: uuidOf(functionId),
        app_id: uuidOf(appId),
        token: await outputToken({ env, runId }, key, now),
        realtime_token: await realtimeToken({ env, topics: [{ channel: runId, topics: [STREAM_TOPIC] }] }, key, now),
      }),
    );
  });

  app.post("/v1/checkpoint/:runId/steps", guard, async (c) => {
    const runId = c.req.param("runId");
    if (!isUlid(runId)) throw invalid(`"${runId.slice(0, 60)}" is not a run id`);
    const body = await readFields(c.req.raw, toldSchema, STEPS_EXAMPLE);
    if (body.run_id !== runId) throw invalid(`run_id: must be ${runId}, as in the path`);
    check(runId, await objects.run(env, runId).endpointTold(body.fn_id, body.steps));
    return c.body(null, 200);
  });

  // whoever called the endpoint is sent here, from wherever; the token says whose output it is
  app.use("/v1/http/runs/:runId/output", cors({ origin: "*", allowMethods: ["GET", "OPTIONS"], maxAge: 3600 }));
  app.get("/v1/http/runs/:runId/output", async (c) => {
    const runId = c.req.param("runId");
    const grant = await readOutputToken(c.req.query("token") ?? "", realtimeKeys(settings()));
    if (grant?.runId !== runId)
      throw new HTTPException(401, { message: "token: it is missing, forged, over, or of another run" });
    const run = await endOf(objects, grant.env, runId);
    if (run.state.kind === "completed") {
      const answer = endpointAnswer(run.state.output);
      const body = answer.status === 204 || answer.status === 304 ? null : answer.body;
      for (const [name, value] of answer.headers) if (!HOP_HEADERS.has(name.toLowerCase())) c.header(name, value);
      return c.newResponse(body, answer.status as ContentfulStatusCode); // checked to be one
    }
    if (run.state.kind === "failed") return c.json({ error: run.state.error.message, status: 500, data: null }, 500);
    throw new HTTPException(409, { message: `run ${runId} was cancelled, and answers nothing` });
  });
  return app;
}

/**
 * Asked once more, it is the same run.
 *
 * @throws HTTPException 409 for another run of this id
 */
async function begin(objects: Objects, request: StartRequest, { record, receivedAt }: LoggedEvent): Promise<void> {
  const { env, runId, fn } = request;
  // the event first: by it the run is found
  if (!(await objects.log(env, logOf(record.internalId)).event(record.internalId)))
    await acceptRecords(objects, env, [record], receivedAt);
  const { kind } = await objects.run(env, runId).start(request);
  if (kind === "started") return;
  const known = await objects.run(env, runId).summary();
  const isSame = JSON.stringify(known?.events[0]?.event.data) === JSON.stringify(record.event.data);
  if (known?.run.functionId !== fn.id || !isSame)
    throw new HTTPException(409, { message: `run ${runId} exists already, and began with another request` });
}

/** What is between two machines, not part of an answer. */
const HOP_HEADERS = new Set(["connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"]);

/** @throws HTTPException 504 when it takes too long */
async function endOf(objects: Objects, env: string, runId: string): Promise<Run> {
  for (let waited = 0; waited < OUTPUT_WAIT_MS; waited += QUESTION_MS) {
    const run = await objects.run(env, runId).ended(QUESTION_MS);
    if (!run) throw new HTTPException(404, { message: `run ${runId} not found` });
    if (isEnded(run.state)) return run;
  }
  throw new HTTPException(504, { message: `run ${runId} has not ended yet; ask again` });
}

function recordOf(runId: string, request: HttpRequest, now: number): EventRecord {
  const internalId = eventIdOfRun(runId);
  const data = request as EventRecord["event"]["data"]; // it came as JSON
  return { internalId, event: { id: internalId, name: HTTP_REQUEST_EVENT, data, user: {}, ts: now } };
}

function functionOf(
  appId: string,
  functionId: string,
  { method, path, fn }: HttpRequest,
): Omit<RegisteredFunction, "retry"> {
  const name = fn || `${method.toUpperCase()} ${path}`;
  return { id: functionId, name, appId, version: 1, triggers: [], crons: [], transport: { kind: "endpoint" } };
}

/** Go writes bodies in base64. */
function withText(request: HttpRequest): HttpRequest {
  const bytes = fromBase64(request.body ?? "");
  return bytes === null ? request : { ...request, body: new TextDecoder().decode(bytes) };
}

/** @throws HTTPException for steps that were not taken */
function check(runId: string, { kind }: CheckpointOutcome): void {
  switch (kind) {
    case "taken":
      return;
    case "stale":
      throw new HTTPException(409, {
        message: `run ${runId} goes on without this request: it has ended, or its endpoint was entered anew`,
      });
    case "foreign":
      throw invalid(`fn_id: it is not the function of run ${runId}`);
    default:
      throw new HTTPException(404, { message: `run ${runId} not found` });
  }
}

function invalid(message: string): HTTPException {
  return new HTTPException(400, { message });
}
