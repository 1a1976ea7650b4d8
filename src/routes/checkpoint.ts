import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import type { CheckpointAnswer, Objects } from "../durable-objects/objects.ts";
import { headers } from "../protocol/headers.ts";
import { isUlid } from "../protocol/ids.ts";
import { errorResponse } from "./api-error.ts";
import { readBody } from "./body.ts";
import { checkDevRequest, checkSigningKey, signingKeyGuard, type SettingsSource } from "./guard.ts";
import { environmentOfRun } from "./run-environment.ts";

/** Steps that ran in a call which goes on (inngest-protocol §6.1). */
export function checkpointRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  const guard = signingKeyGuard(settings);

  app.on("POST", ["/v1/checkpoint/:runId/async", "/v1/http/runs/:runId/async"], guard, async (c) => {
    const runId = c.req.param("runId");
    if (!isUlid(runId)) throw invalid(`"${runId.slice(0, 60)}" is not a run id`);
    await take(objects, env, runId, c.req.raw);
    return c.json({ data: null });
  });
  return app;
}

const CHECKPOINT = /^https?:\/\/[^/?#]+\/v1\/(?:checkpoint|http\/runs)\/([0-9A-Z]{26})\/async$/;
const TAKEN = '{"data":null}';

/**
 * A way in for the one request that each step of an app over HTTP costs, past the router and all that stands before its other
 * routes: what those check of such a request is checked here, and its answers are the same. Null for every other request, and
 * for one that names an environment.
 */
export function checkpointDoor(
  objects: Objects,
  settings: SettingsSource,
): (request: Request) => Promise<Response> | null {
  return (request) => {
    if (request.method !== "POST" || request.headers.has(headers.env)) return null;
    const [, runId = ""] = CHECKPOINT.exec(request.url) ?? [];
    return isUlid(runId) ? answer(objects, settings, runId, request) : null;
  };
}

async function answer(objects: Objects, settings: SettingsSource, runId: string, request: Request): Promise<Response> {
  const own: Record<string, string> = {};
  try {
    checkDevRequest(request, settings());
    own[headers.serverKind] = settings().isDev ? "dev" : "cloud";
    own[headers.dotdo] = "1";
    await checkSigningKey(request, settings());
    const env = await environmentOfRun(objects, runId, Date.now());
    await take(objects, env, runId, request);
    return new Response(TAKEN, { headers: { "content-type": "application/json", ...own } });
  } catch (error) {
    return errorResponse(error, request, own);
  }
}

/** @throws HTTPException for what is not taken */
async function take(objects: Objects, env: string, runId: string, request: Request): Promise<void> {
  refuse(runId, await objects.run(env, runId).checkpoint(await readBody(request)));
}

function refuse(runId: string, answered: CheckpointAnswer): void {
  switch (answered.kind) {
    case "taken":
      return;
    case "stale":
      // official clients stop their code on it, and answer the call that nobody waits for
      throw new HTTPException(409, {
        message: `run ${runId} does not wait for this call any more: it has ended, or another call has taken its place`,
      });
    case "invalid":
      throw invalid(answered.message);
    case "too-large":
      throw new HTTPException(413, { message: answered.message });
    default:
      throw new HTTPException(404, { message: `run ${runId} not found` });
  }
}

function invalid(message: string): HTTPException {
  return new HTTPException(400, { message });
}
