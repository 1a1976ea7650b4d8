import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import type { AppSync, AppView, Objects, SyncError } from "../durable-objects/objects.ts";
import { appUrl, syncRequestSchema, type SyncFailure } from "../protocol/app-sync.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { uuidOf } from "../protocol/ids.ts";
import { askApp, type AppAnswer } from "../transports/app-sync.ts";
import { MAIN_ENV, environmentOf } from "../environment.ts";
import { ApiError } from "./api-error.ts";
import { enterEnvironment } from "./environments.ts";
import { functionView, readSync, takenMessage } from "./apps.ts";
import { readBody } from "./body.ts";
import { envelope } from "./envelope.ts";
import { parseJson } from "./fields.ts";
import { noteAction } from "./audit.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { iso } from "./iso.ts";

/** How many apps are asked at once: an invocation may hold only six connections that wait for headers. */
const ASKED_AT_ONCE = 5;

export interface SyncContext {
  objects: Objects;
  env: string;
  settings: SettingsSource;
  fetch: typeof fetch;
}

export type SyncOutcome =
  /** `app` is null when it says that it has registered itself, and no app here has its URL */
  | { kind: "in-band" | "out-of-band"; env: string; modified: boolean; app: AppView | null }
  | ({ kind: "failed" } & SyncFailure);

/** Asks the app at a URL for its functions and registers them; a failure is kept beside the app until a sync succeeds. */
export async function syncApp(context: SyncContext, text: string): Promise<SyncOutcome> {
  const { objects, env, settings } = context;
  const registry = objects.registry(env);
  const url = URL.canParse(text) ? appUrl(text) : text;
  const answer = await ask(context, url);
  const outcome = await register(await inItsEnvironment(context, answer), url, answer);
  if (outcome.kind === "failed") {
    const { code, message } = outcome;
    await registry.syncFailed(url, { code, message });
    return outcome;
  }
  await registry.syncSucceeded(url);
  return outcome;

  async function ask({ fetch }: SyncContext, target: string): Promise<AppAnswer> {
    const { isDev, signingKeys } = settings();
    if (!URL.canParse(target))
      return {
        kind: "failed",
        code: "unsupported_protocol",
        message: `${JSON.stringify(target)} is not a URL such as https://app.example.com/api/inngest`,
      };
    const known = isDev ? (await registry.apps()).find((app) => app.url === target) : undefined;
    return askApp({ url: target, env, isDev, signingKeys, sdk: known?.sdk, fetch, now: () => Date.now() });
  }
}

/** An app that names its environment sends its events there: asked from `main` it is registered there too. */
async function inItsEnvironment(context: SyncContext, answer: AppAnswer): Promise<SyncContext> {
  const { objects, env, settings } = context;
  const named = answer.kind === "in-band" ? answer.reply.env : null;
  if (env !== MAIN_ENV || !named) return context;
  const own = environmentOf(named, settings().signingKeys);
  if (own.kind === "invalid" || own.name === env) return context;
  await enterEnvironment(objects, own.name);
  return { ...context, env: own.name };
}

async function register({ objects, env }: SyncContext, url: string, answer: AppAnswer): Promise<SyncOutcome> {
  const registry = objects.registry(env);
  if (answer.kind === "failed") return { kind: "failed", code: answer.code, message: answer.message };
  if (answer.kind === "out-of-band") {
    const app = (await registry.apps()).find((known) => known.url === url);
    return { kind: "out-of-band", env, modified: answer.modified, app: app ?? null };
  }
  let sync: AppSync;
  try {
    sync = readSync(answer.reply);
  } catch (error) {
    if (error instanceof ApiError) return { kind: "failed", code: "sdk_version_denied", message: error.message };
    const why = error instanceof Error ? error.message : String(error);
    return { kind: "failed", code: "invalid_config", message: `the app at ${url} cannot be registered: ${why}` };
  }
  const outcome = await registry.sync(sync);
  if (outcome.kind === "taken") return { kind: "failed", code: "invalid_config", message: takenMessage(outcome) };
  const app = (await registry.apps()).find(({ id }) => id === sync.appId);
  return { kind: "in-band", env, modified: outcome.modified, app: app ?? null };
}

/** Syncs the apps that `INNGEST_SDK_URL` names. Never rejects for one of them: the others go on. */
export async function syncConfigured(context: SyncContext): Promise<void> {
  const { sdkUrls } = context.settings();
  for (let i = 0; i < sdkUrls.length; i += ASKED_AT_ONCE)
    await Promise.all(
      sdkUrls.slice(i, i + ASKED_AT_ONCE).map(async (url) => {
        try {
          const outcome = await syncApp(context, url);
          if (outcome.kind === "failed") console.warn(`INNGEST_SDK_URL: ${outcome.message}`);
        } catch (error) {
          console.error(`INNGEST_SDK_URL: syncing ${url} failed inside the platform`, error);
        }
      }),
    );
}

/** Apps: which there are, how their last sync went, and the order to sync (inngest-protocol §2.1, §2.6, §10.3). */
export function appSyncRoutes(context: SyncContext): Hono {
  const { objects, env, settings } = context;
  const app = new Hono();
  app.use("/v1/apps", signingKeyGuard(settings));
  app.use("/v1/apps/*", signingKeyGuard(settings));
  app.use("/fn/remove", signingKeyGuard(settings));

  app.post("/v1/apps/sync", async (c) => {
    const url = await readUrl(c.req.raw);
    noteAction(c.req.raw, url);
    const outcome = await syncApp(context, url);
    if (outcome.kind === "failed") {
      const { code, message } = outcome;
      return c.json({ error: message, code, status: 422, data: null }, 422);
    }
    const functions = await functionsOf(objects, outcome.env, outcome.app?.id);
    return c.json(
      envelope({
        app_id: outcome.app?.id ?? null,
        env: outcome.env,
        url: outcome.app?.url ?? null,
        kind: outcome.kind === "in-band" ? "in_band" : "out_of_band",
        modified: outcome.modified,
        functions: functions.map((fn) => fn.id),
        message:
          outcome.app === null
            ? "the app says that it has registered itself, and no app here has this URL: if none appears, its INNGEST_BASE_URL or INNGEST_DEV names another server"
            : null,
      }),
    );
  });

  app.get("/v1/apps", async (c) => {
    return c.json(envelope(await appListView(objects, env, c.req.query("archived") === "true")));
  });

  app.get("/v1/apps/:id", async (c) => {
    const found = await findApp(objects, env, c.req.param("id"));
    const functions = await functionsOf(objects, env, found.id);
    return c.json(
      envelope({ ...appView(found), function_count: functions.length, functions: functions.map(functionView) }),
    );
  });

  app.get("/v1/apps/:id/functions", async (c) => {
    const found = await findApp(objects, env, c.req.param("id"));
    const functions = await functionsOf(objects, env, found.id);
    return c.json(functions.map(functionView)); // without envelope, as Inngest has it
  });

  app.delete("/v1/apps/:id", async (c) => {
    const { id } = await findApp(objects, env, c.req.param("id"));
    await objects.registry(env).archive(id);
    return c.json(envelope(appView(await findApp(objects, env, id))));
  });

  app.delete("/fn/remove", async (c) => {
    const text = c.req.query("url") ?? "";
    const url = URL.canParse(text) ? appUrl(text) : text;
    const registry = objects.registry(env);
    const known = (await registry.apps()).filter((one) => one.url === url && one.archivedAt === null);
    const isUnsynced = (await registry.unsynced()).some((one) => one.url === url);
    if (known.length === 0 && !isUnsynced)
      throw new HTTPException(404, { message: `url: no app is registered at ${JSON.stringify(text)}` });
    for (const { id } of known) await registry.archive(id);
    await registry.syncSucceeded(url); // nothing to be told of it any more
    return c.json({ ok: true, status: 200 });
  });
  return app;
}

/** @throws HTTPException 400 naming the field */
async function readUrl(request: Request): Promise<string> {
  const json = parseJson(await readBody(request), '{"url":"https://app.example.com/api/inngest"}');
  const body = syncRequestSchema.safeParse(json);
  if (body.success) return body.data.url;
  const [issue] = body.error.issues;
  throw new HTTPException(400, { message: `${issue?.path.join(".") || "body"}: ${issue?.message}` });
}

/** Apps that are registered, and those that were never synced because it failed. */
export async function appListView(objects: Objects, env: string, isWithArchived: boolean) {
  const registry = objects.registry(env);
  const [apps, unsynced, functions] = await Promise.all([registry.apps(), registry.unsynced(), registry.functions()]);
  const shown = isWithArchived ? apps : apps.filter((one) => one.archivedAt === null);
  const counts = Map.groupBy(functions, (fn) => fn.appId);
  return [
    ...shown.map((one) => ({ ...appView(one), function_count: counts.get(one.id)?.length ?? 0 })),
    ...unsynced.map(({ url, error }) => ({ id: null, url, function_count: 0, error: errorView(error) })),
  ];
}

async function findApp(objects: Objects, env: string, id: string): Promise<AppView> {
  const found = (await objects.registry(env).apps()).find((one) => one.id === id);
  if (!found)
    throw new HTTPException(404, {
      message: `app "${id.slice(0, 60)}" is not registered; sync it first: POST /v1/apps/sync`,
    });
  return found;
}

async function functionsOf(objects: Objects, env: string, appId: string | undefined): Promise<RegisteredFunction[]> {
  if (appId === undefined) return [];
  return (await objects.registry(env).functions()).filter((fn) => fn.appId === appId);
}

function appView(app: AppView) {
  return {
    id: app.id,
    app_id: uuidOf(app.id),
    url: app.url,
    sdk: app.sdk,
    framework: app.framework,
    app_version: app.appVersion,
    version: app.version,
    synced_at: iso(app.syncedAt),
    archived_at: iso(app.archivedAt),
    error: app.error && errorView(app.error),
  };
}

function errorView({ code, message, at }: SyncError) {
  return { code, message, at: iso(at) };
}
