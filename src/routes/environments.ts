import { Hono, type MiddlewareHandler } from "hono";
import type { Objects } from "../durable-objects/objects.ts";
import { MAIN_ENV, requestedEnvironment } from "../environment.ts";
import { ENVIRONMENTS_MAX } from "../protocol/limits.ts";
import { ApiError } from "./api-error.ts";
import { envelope } from "./envelope.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";

/** How long an isolate goes without asking again for an environment that it knows. */
const KNOWN_FOR_MS = 60_000;

/** Paths whose requests may be the first of an environment, by POST. */
const ENTRANCES =
  /^\/(fn\/register|invoke\/.*|v1\/(apps\/sync|events|schedules|checkpoint.*|realtime\/.*)|v0\/connect\/start|(api\/)?v2\/(events|apps\/.*))$/;

/** Paths of the platform that have to do with an environment. */
const OWN = /^\/(dev$|fn\/|v0\/|v1\/|v2\/|api\/v2\/|invoke\/)|\/mcp$/;

/** When this isolate was last told that an environment is there. */
const known = new WeakMap<Objects, Map<string, number>>();

/**
 * Notes that an environment is used, so that the sweeper sees to it. Called once the caller has shown its key.
 *
 * @throws ApiError 422 when there are as many as there may be
 */
export async function enterEnvironment(objects: Objects, env: string): Promise<void> {
  if (env === MAIN_ENV || isKnown(objects, env)) return;
  const { kind } = await objects.registry(MAIN_ENV).openEnvironment(env);
  if (kind === "full")
    throw new ApiError(
      422,
      "env_limit",
      `environment "${env}" would be one more than the bound of ${ENVIRONMENTS_MAX}; DELETE /v1/envs/<name> forgets one that is used no more, GET /v1/envs lists them`,
    );
  remember(objects, env);
}

function isKnown(objects: Objects, env: string): boolean {
  return (known.get(objects)?.get(env) ?? Number.NEGATIVE_INFINITY) + KNOWN_FOR_MS > Date.now();
}

function remember(objects: Objects, env: string): void {
  const byEnv = known.get(objects) ?? new Map<string, number>();
  known.set(objects, byEnv);
  if (byEnv.size > 2 * ENVIRONMENTS_MAX) byEnv.clear(); // of names that came and went
  byEnv.set(env, Date.now());
}

/**
 * An environment begins with its first sync or event. Until then the rest of its API is 404, so that nothing is created
 * by looking. Says nothing to callers without a key, whom the routes refuse.
 */
export function environmentGuard(objects: Objects, env: string, settings: SettingsSource): MiddlewareHandler {
  const guard = signingKeyGuard(settings);
  return async (c, next) => {
    const { path } = c.req;
    const asked = requestedEnvironment(c.req.raw, settings().signingKeys);
    if (asked.kind === "invalid" && (OWN.test(path) || path.startsWith("/e/")))
      throw new ApiError(400, "env_invalid", asked.message);
    if (env === MAIN_ENV || !OWN.test(path) || path === "/v1/envs" || path.startsWith("/v1/envs/")) return next();
    try {
      await guard(c, async () => {});
    } catch {
      return next();
    }
    if (c.req.method === "POST" && ENTRANCES.test(path)) await enterEnvironment(objects, env);
    else if (!isKnown(objects, env)) {
      if (!(await objects.registry(MAIN_ENV).environments()).includes(env)) throw unknown(env);
      remember(objects, env);
    }
    return next();
  };
}

/** Which environments there are (ours). */
export function environmentRoutes(objects: Objects, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/envs/*", signingKeyGuard(settings));
  app.use("/v1/envs", signingKeyGuard(settings));

  app.get("/v1/envs", async (c) => {
    const names = [MAIN_ENV, ...(await objects.registry(MAIN_ENV).environments())];
    return c.json(envelope(names.map((name) => ({ name, is_main: name === MAIN_ENV }))));
  });

  /** Its apps start nothing more, its runs go on; its next sync or event brings it back. */
  app.delete("/v1/envs/:name{.+}", async (c) => {
    const name = c.req.param("name");
    if (name === MAIN_ENV) throw new ApiError(409, "env_is_main", `"${MAIN_ENV}" is always there`);
    if (!(await objects.registry(MAIN_ENV).environments()).includes(name)) throw unknown(name);
    const registry = objects.registry(name);
    const apps = (await registry.apps()).filter((one) => one.archivedAt === null);
    for (const { id } of apps) await registry.archive(id);
    await objects.registry(MAIN_ENV).closeEnvironment(name);
    known.get(objects)?.delete(name);
    return c.json(envelope({ name, archived_apps: apps.map(({ id }) => id) }));
  });
  return app;
}

function unknown(env: string): ApiError {
  return new ApiError(
    404,
    "env_not_found",
    `environment "${env.slice(0, 100)}" is not known; it begins with the first event or the first sync of an app that names it`,
  );
}
