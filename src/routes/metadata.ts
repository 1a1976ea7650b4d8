import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import type { Objects } from "../durable-objects/objects.ts";
import type { Annotating } from "../engine/metadata.ts";
import { stepHash } from "../protocol/ids.ts";
import { byteLength } from "../protocol/json.ts";
import { SCORE_NAME_MAX_BYTES, SCORES_PER_REQUEST_MAX } from "../protocol/limits.ts";
import { EXPERIMENT_KIND, metadataUpdateSchema, SCORE_KIND, type MetadataUpdate } from "../protocol/metadata.ts";
import { envelope } from "./envelope.ts";
import { checkFields, parseJson, readFields } from "./fields.ts";
import { readBody } from "./body.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { findRun } from "./runs.ts";

const EXAMPLE =
  '{"target":{"step_id":"summarise"},"metadata":[{"kind":"userland.model","op":"merge","values":{"name":"m1"}}]}';
const SCORES_EXAMPLE = '[{"name":"helpful","value":0.9,"stepId":"summarise"}]';
const UPDATES_MAX = 100;

const nameless = "must be a text that is not empty";

const targetSchema = z.looseObject({
  step_id: z.string(nameless).min(1, nameless).nullish(),
  step_index: z.number().int().min(0).nullish(),
  step_attempt: z.number().int().min(0).nullish(),
  span_id: z.string(nameless).min(1, nameless).nullish(),
});

export const metadataSchema = z.looseObject({
  target: targetSchema.default({}),
  metadata: z
    .array(metadataUpdateSchema, "must be a list of updates")
    .min(1, "must have at least one update")
    .max(UPDATES_MAX, `has at most ${UPDATES_MAX} updates`),
});

const scoreSchema = z.looseObject({
  name: z
    .string("must be a text")
    .refine((name) => name.trim() !== "", nameless)
    // oxlint-disable-next-line no-control-regex -- as official clients refuse them
    .refine((name) => !/[\x00-\x1f\x7f']/.test(name), "must have neither control characters nor single quotes")
    .refine((name) => byteLength(name) <= SCORE_NAME_MAX_BYTES, `has at most ${SCORE_NAME_MAX_BYTES} bytes`),
  value: z.union([z.number(), z.boolean()], "must be a number or a boolean"),
  stepId: z.string(nameless).min(1, nameless).nullish(),
  experiment: z
    .looseObject({ id: z.string(nameless).min(1, nameless), variant: z.string(nameless).min(1, nameless) })
    .nullish(),
});

export const scoresSchema = z
  .array(scoreSchema, "must be a list of scores")
  .min(1, "must have at least one score")
  .max(SCORES_PER_REQUEST_MAX, `has at most ${SCORES_PER_REQUEST_MAX} scores`);

type Score = z.infer<typeof scoreSchema>;

/** What people are told of runs and steps: metadata and scores (inngest-protocol §9.8). Ended runs take both. */
export function metadataRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  const guard = signingKeyGuard(settings);

  app.post("/v1/runs/:id/metadata", guard, async (c) => {
    const { target, metadata } = await readFields(c.req.raw, metadataSchema, EXAMPLE);
    const { run } = await findRun(objects, env, c.req.param("id"));
    const { step_id: step, step_index: index, step_attempt: attempt, span_id: span } = target;
    await tell(objects, env, run.id, {
      target: { step: step == null ? null : stepHash(step, index ?? 0), attempt: attempt ?? null, span: span ?? null },
      updates: metadata,
    });
    return c.json(envelope(null));
  });

  return app;
}

/** Scores, as a part of v2: its answers and errors are in the form of the others there. */
export function scoreRoutes(objects: Objects, env: string): Hono {
  const app = new Hono();
  app.post("/runs/:id/scores", async (c) => {
    const json = parseJson(await readBody(c.req.raw), SCORES_EXAMPLE);
    const body = Array.isArray(json) ? { scores: json } : json;
    if (typeof body !== "object" || body === null)
      throw new HTTPException(400, { message: `the body must be a list such as ${SCORES_EXAMPLE}` });
    const { scores } = checkFields(body, z.looseObject({ scores: scoresSchema }));
    const { run } = await findRun(objects, env, c.req.param("id"));
    for (const [step, those] of Map.groupBy(scores, ({ stepId }) => stepId ?? null))
      await tell(objects, env, run.id, {
        target: { step: step === null ? null : stepHash(step, 0), attempt: null, span: null },
        updates: those.flatMap(updatesOf),
      });
    return c.json({ data: { runId: run.id, count: scores.length }, metadata: { fetchedAt: new Date().toISOString() } });
  });
  return app;
}

/** As official clients write a score themselves (inngest-js, components/InngestScore.ts). */
function updatesOf({ name, value, experiment }: Score): MetadataUpdate[] {
  const score: MetadataUpdate = { kind: SCORE_KIND, op: "merge", values: { [name]: { value } } };
  if (!experiment) return [score];
  const { id, variant } = experiment;
  return [{ kind: EXPERIMENT_KIND, op: "merge", values: { name: id, variant } }, score];
}

/** @throws HTTPException 413 */
async function tell(objects: Objects, env: string, runId: string, annotating: Annotating): Promise<void> {
  const outcome = await objects.run(env, runId).annotate(annotating);
  if (outcome.kind === "too-large") throw new HTTPException(413, { message: outcome.message });
  if (outcome.kind === "unknown") throw new HTTPException(404, { message: `run ${runId} not found` });
}
