import { Hono } from "hono";
import * as z from "zod";
import type { FunctionScheduleView, Objects } from "../durable-objects/objects.ts";
import type { Pause } from "../protocol/flow-control.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { derivedUlid, uuidOf } from "../protocol/ids.ts";
import { ApiError } from "./api-error.ts";
import { cancellationView } from "./cancellations.ts";
import { envelope } from "./envelope.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { iso } from "./iso.ts";
import { linesOf } from "./lines.ts";
import { readFields } from "./fields.ts";

const PAUSE_EXAMPLE = '{"triggers":"hold","running":"cancel"}, or there is none';

export const pauseSchema = z.strictObject({
  /** what becomes of what would start it: a skipped run, or one that waits until it goes on */
  triggers: z.enum(["skip", "hold"]).default("skip"),
  /** what becomes of the runs that are under way */
  running: z.enum(["continue", "cancel"]).default("continue"),
});

/** Functions as the platform understands them; to pause one and have it go on; who waits in their lines (ours). */
export function functionRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/functions/*", signingKeyGuard(settings));
  app.use("/v1/functions", signingKeyGuard(settings));

  app.get("/v1/functions", async (c) => {
    return c.json(envelope(await functionListView(objects, env)));
  });

  app.get("/v1/functions/:id", async (c) => {
    return c.json(envelope(await functionConfigView(objects, env, c.req.param("id"))));
  });

  app.get("/v1/functions/:id/lines", async (c) => {
    const fn = await findFunction(objects, env, c.req.param("id"));
    return c.json(envelope(await linesOf(objects, env, [fn])));
  });

  app.post("/v1/functions/:id/pause", async (c) => {
    const { id, appId } = await findFunction(objects, env, c.req.param("id"));
    const { triggers, running } = await readFields(c.req.raw, pauseSchema, PAUSE_EXAMPLE);
    const outcome = await objects.registry(env).pause(id, triggers);
    const pause = outcome.kind === "unknown" ? null : outcome.pause;
    const cancellation = pause && running === "cancel" ? await cancelRunning(objects, env, { id, appId }, pause) : null;
    return c.json(envelope({ ...(await functionConfigView(objects, env, id)), cancellation }));
  });

  app.post("/v1/functions/:id/resume", async (c) => {
    const { id } = await findFunction(objects, env, c.req.param("id"));
    await objects.registry(env).pause(id, null);
    return c.json(envelope(await functionConfigView(objects, env, id)));
  });
  return app;
}

/** Cancels the runs that are older than a pause: the same cancellation however often the same pause is asked for. */
async function cancelRunning(
  objects: Objects,
  env: string,
  fn: Pick<RegisteredFunction, "id" | "appId">,
  pause: Pause,
) {
  const id = derivedUlid(pause.at, `cancel what the pause of a function finds\0${fn.id}`);
  const begun = await objects.bulk(env, "cancellation", id).begin({
    id,
    kind: "cancellation",
    appId: fn.appId,
    functionIds: [fn.id],
    statuses: null,
    createdFrom: 0,
    createdBefore: pause.at + 1, // those of its instant too
    if: null,
    cause: "pause",
    createdAt: Date.now(),
  });
  return cancellationView(begun, env);
}

/**
 * A function by its slug or its uuid; also one that its app no longer has, since its runs go on.
 *
 * @throws HTTPException 404
 */
export async function findFunction(objects: Objects, env: string, id: string): Promise<RegisteredFunction> {
  const registry = objects.registry(env);
  const found = (await registry.callable(id)) ?? (await registry.functions()).find((fn) => uuidOf(fn.id) === id);
  if (!found)
    throw new ApiError(
      404,
      "not_found",
      `function "${id.slice(0, 100)}" is not registered; GET /v1/functions lists those that are, by slug and id`,
    );
  return found;
}

/** All functions that are registered, as the platform understands them. */
export async function functionListView(objects: Objects, env: string) {
  const registry = objects.registry(env);
  const [functions, schedules] = await Promise.all([registry.functions(), registry.schedules()]);
  return functions.map((fn) => configView(fn, schedules, false));
}

/** One of them, also one that its app has no more. @throws HTTPException 404 */
export async function functionConfigView(objects: Objects, env: string, id: string) {
  const registry = objects.registry(env);
  const fn = await findFunction(objects, env, id);
  const [registered, schedules] = await Promise.all([registry.function(fn.id), registry.schedules()]);
  return configView(fn, schedules, registered === null);
}

/** @param isArchived its app has it no more: nothing starts it, its runs go on */
function configView(fn: RegisteredFunction, schedules: FunctionScheduleView[], isArchived: boolean) {
  const { id, name, appId, version, triggers, crons, retry, transport, flow, paused } = fn;
  return {
    id: uuidOf(id),
    slug: id,
    name,
    app_id: appId,
    version,
    triggers: triggers.map(({ event, expression }) => ({ event, if: expression })),
    crons: crons.map(({ cron, jitter }) => {
      const next = schedules.find((one) => one.functionId === id && one.cron === cron)?.nextFireAt ?? null;
      return { cron, jitter, next_fire_at: iso(next) };
    }),
    retry: snakeCased(retry),
    transport,
    flow_control: flow === undefined ? null : snakeCased(flow),
    archived: isArchived,
    paused: paused ? { triggers: paused.triggers, since: iso(paused.at) } : null,
  };
}

/** The same with the names of the API. */
function snakeCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCased);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, of]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      snakeCased(of),
    ]),
  );
}
