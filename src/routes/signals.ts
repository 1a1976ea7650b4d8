import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import type { Objects } from "../durable-objects/objects.ts";
import { byteLength } from "../protocol/json.ts";
import { STEP_OUTPUT_MAX_BYTES } from "../protocol/limits.ts";
import { signalNameProblem } from "../protocol/signal.ts";
import { envelope } from "./envelope.ts";
import { readFields } from "./fields.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";

const EXAMPLE = '{"signal":"approval/42","data":{"by":"ada"}}';

export const signalSchema = z.object({ signal: z.unknown().optional(), data: z.json().default(null) });

/** Signals to steps that wait for them (inngest-protocol §9.1). */
export function signalRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/signals", signingKeyGuard(settings));

  app.post("/v1/signals", async (c) => {
    const { signal: name, data } = await readFields(c.req.raw, signalSchema, EXAMPLE);
    const problem = signalNameProblem(name);
    if (typeof name !== "string" || problem !== null) throw new HTTPException(400, { message: `signal: ${problem}` });
    const size = byteLength(JSON.stringify(data));
    if (size > STEP_OUTPUT_MAX_BYTES)
      throw new HTTPException(413, { message: `data: ${size} bytes are over the bound of ${STEP_OUTPUT_MAX_BYTES}` });
    const { runId } = await objects.signal(env, name).send({ name, data });
    if (runId === null)
      throw new HTTPException(404, {
        message: `signal ${JSON.stringify(name)}: no step waits for it, and signals are not kept`,
      });
    return c.json(envelope({ run_id: runId }));
  });
  return app;
}
