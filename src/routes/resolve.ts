import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import type { Objects } from "../durable-objects/objects.ts";
import type { Resolution } from "../engine/run-resolve.ts";
import { EventError, readEvent } from "../protocol/event-request.ts";
import { ulidOf } from "../protocol/ids.ts";
import { byteLength, isObject, type JsonObject, type JsonValue } from "../protocol/json.ts";
import { STEP_OUTPUT_MAX_BYTES } from "../protocol/limits.ts";
import type { WireError } from "../protocol/wire-error.ts";
import { ApiError } from "./api-error.ts";
import { envelope } from "./envelope.ts";
import { readFields } from "./fields.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { runView } from "./run-view.ts";
import { findRun, findView, hasEnded } from "./runs.ts";

const EXAMPLE = '{"event":{"data":{}}}, {"event":null}, {"data":{}}, {"error":"why"} or {"timeout":true}';

/** What has been parsed as JSON is JSON all the way down. */
const jsonSchema = z.custom<JsonValue>((value) => value !== undefined, "must be JSON");

/** Exactly one of these. */
export const resolveRequestSchema = z.object({
  /** for a wait: its event, whose name may be left out; null for none, as when its time is over */
  event: z.custom<JsonObject>(isObject, "must be an event or null").nullable().optional(),
  /** for a signal, or for the output of a run that was invoked */
  data: jsonSchema.optional(),
  /** for the failure of a run that was invoked */
  error: z
    .union(
      [
        z.string().min(1, "must be a text, or an object with a message"),
        z.looseObject({ message: z.string(), name: z.string().default("Error") }),
      ],
      {
        error: "must be a text, or an object with a message",
      },
    )
    .optional(),
  timeout: z.literal(true, "must be true").optional(),
});

/** Ends a wait with what somebody writes. */
export function resolveRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/runs/*", signingKeyGuard(settings));

  app.post("/v1/runs/:id/steps/:step/resolve", async (c) => {
    const { run } = await findRun(objects, env, c.req.param("id"));
    const resolution = readResolution(await readFields(c.req.raw, resolveRequestSchema, EXAMPLE), Date.now());
    const step = c.req.param("step");
    const outcome = await objects.run(env, run.id).resolve(step, resolution);
    switch (outcome.kind) {
      case "resolved":
        return c.json(envelope(runView(await findView(objects, env, run.id))));
      case "unknown":
      case "no-step":
        throw new ApiError(404, "not_found", `step: run ${run.id} has no step ${JSON.stringify(step.slice(0, 200))}`);
      case "ended":
        throw hasEnded(run.id);
      case "unfit":
        throw new HTTPException(400, { message: outcome.message });
      default:
        throw new ApiError(409, "step_not_waiting", outcome.message);
    }
  });
  return app;
}

/** @throws HTTPException 400 naming the field, 413 for what is over its bound */
function readResolution(fields: z.infer<typeof resolveRequestSchema>, now: number): Resolution {
  const [kind, ...others] = (["event", "data", "error", "timeout"] as const).filter((name) => name in fields);
  if (kind === undefined || others.length > 0)
    throw new HTTPException(400, { message: `the body must have one of event, data, error and timeout: ${EXAMPLE}` });
  if (kind === "timeout" || (kind === "event" && fields.event === null)) return { kind: "timeout" };
  if (kind === "event") return { kind, event: readWritten(fields.event ?? {}, now) };
  const value = fields[kind] ?? null;
  const size = byteLength(JSON.stringify(value));
  if (size > STEP_OUTPUT_MAX_BYTES)
    throw new HTTPException(413, { message: `${kind}: ${size} bytes are over the bound of ${STEP_OUTPUT_MAX_BYTES}` });
  if (kind === "data") return { kind, data: value as JsonValue }; // as it was parsed
  const { error } = fields;
  return { kind, error: typeof error === "string" ? { name: "Error", message: error } : (error as WireError) }; // checked above
}

/** The event in full; its name stays empty where none is given. */
function readWritten(json: JsonObject, now: number) {
  const { name = "", ...rest } = json;
  if (typeof name !== "string")
    throw new HTTPException(400, {
      message: `event.name: must be a string, not ${JSON.stringify(name).slice(0, 100)}`,
    });
  const id = ulidOf({ timeMs: now, entropy: crypto.getRandomValues(new Uint8Array(10)) });
  try {
    // the platform's own events are waited for by reserved names, which nobody else may send
    return { ...readEvent({ ...rest, name: "written" }, "event", id, now).event, name };
  } catch (error) {
    if (error instanceof EventError) throw new HTTPException(400, { message: error.message });
    throw error;
  }
}
