import { Hono } from "hono";
import * as z from "zod";
import type { AppSync, FunctionScheduleView, Objects } from "../durable-objects/objects.ts";
import { checkCrons } from "../engine/cron.ts";
import { checkExpressions } from "../engine/expression.ts";
import { appUrl, deniedSdk } from "../protocol/app-sync.ts";
import { bindingUrl } from "../protocol/binding.ts";
import { flowControlOf } from "../protocol/flow-config.ts";
import {
  registerBodySchema,
  retryPolicyOf,
  type FunctionConfig,
  type FunctionTransport,
  type RegisteredFunction,
} from "../protocol/function-config.ts";
import { headers } from "../protocol/headers.ts";
import { textHash, uuidOf } from "../protocol/ids.ts";
import { ApiError, errorBody } from "./api-error.ts";
import { readBody } from "./body.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { iso } from "./iso.ts";

/** App sync: which functions live at which URL (inngest-protocol §2). */
export function appRoutes(objects: Objects, env: string, settings: SettingsSource, version: string): Hono {
  const app = new Hono();
  app.use("/fn/*", signingKeyGuard(settings));

  app.post("/fn/register", async (c) => {
    const kind = settings().isDev ? "dev" : "cloud";
    const expected = c.req.header(headers.expectedServerKind);
    if (expected !== undefined && expected !== "" && expected !== kind)
      return c.json(refusal(`Expected server kind ${expected}, got ${kind}`, "server_kind"), 400);
    try {
      const sync = readSync(JSON.parse(await readBody(c.req.raw)));
      const outcome = await objects.registry(env).sync(sync);
      if (outcome.kind === "taken") return c.json(refusal(takenMessage(outcome), "function_taken"), 400);
      const { modified } = outcome;
      return c.json({ ok: true, modified, app_id: uuidOf(sync.appId), sync_id: uuidOf(sync.checksum), status: 200 });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (error instanceof ApiError) return c.json(errorBody(error), error.status);
      return c.json(refusal(`Invalid request: ${error.message}`, "invalid_request"), 400);
    }
  });

  /** How SDKs in development, and people, see that a platform is there. */
  app.get("/dev", async (c) => {
    const { isDev, eventKeys, signingKeys } = settings();
    if (!isDev) return c.notFound();
    const registry = objects.registry(env);
    const [apps, unsynced, functions, schedules] = await Promise.all([
      registry.apps(),
      registry.unsynced(),
      registry.functions(),
      registry.schedules(),
    ]);
    return c.json({
      version,
      authed: false,
      startOpts: {},
      isSingleNodeService: true,
      isMissingSigningKey: signingKeys.length === 0,
      isMissingEventKeys: eventKeys.length === 0,
      features: {},
      handlers: [...apps.filter((one) => one.archivedAt === null), ...unsynced],
      functions: functions.map((fn) => ({ ...functionView(fn), crons: cronViews(fn, schedules) })),
    });
  });
  return app;
}

/** A function as Inngest's development server shows it (inngest-protocol §2.6). */
export function functionView(fn: RegisteredFunction) {
  const { id, name, transport, retry } = fn;
  const uri = transport.kind === "http" ? transport.url : null;
  const steps = [{ id: "step", name, uri, retries: { attempts: retry.maxAttempts - 1 } }];
  return { ...fn, id: uuidOf(id), slug: id, fv: fn.version, steps };
}

/** A function's schedules, and when each starts it next. */
function cronViews(fn: RegisteredFunction, schedules: FunctionScheduleView[]) {
  return fn.crons.map((trigger) => {
    const schedule = schedules.find(({ functionId, cron }) => functionId === fn.id && cron === trigger.cron);
    const nextFireAt = schedule?.nextFireAt ?? null;
    return { ...trigger, nextFireAt: iso(nextFireAt) };
  });
}

export function takenMessage({ functionId, appId }: { functionId: string; appId: string }): string {
  return `function "${functionId}" belongs to app "${appId}" already; choose another id`;
}

/** TypeScript SDKs read the status from the body, whatever the response says (inngest-protocol §2.2). */
function refusal(error: string, code: string) {
  return { code, error, status: 400, data: null };
}

/** `connect`: by a worker that has dialled in, and so has no URL. Else by the name of a service binding. */
type SyncedVia = "http" | "connect" | { binding: string };

/**
 * What an app registers, checked as a whole: one function that cannot be taken refuses the sync.
 *
 * @throws Error naming function and field
 */
export function readSync(body: unknown, via: SyncedVia = "http"): AppSync {
  const parsed = registerBodySchema.safeParse(body);
  if (!parsed.success) throw new Error(describe(parsed.error));
  const { appname: appId, sdk, framework, functions } = parsed.data;
  const denied = deniedSdk(sdk);
  if (denied !== null) throw new ApiError(400, "sdk_version_denied", denied);
  const url = urlOf(parsed.data.url, via);
  const appVersion = parsed.data.appversion || undefined;
  const ids = new Set<string>();
  for (const config of functions) {
    if (!config.id.startsWith(`${appId}-`))
      throw new Error(
        `functions: "${config.id}" is not a function of app "${appId}": its id must begin with "${appId}-"`,
      );
    if (ids.has(config.id)) throw new Error(`functions: the id "${config.id}" is used twice`);
    ids.add(config.id);
  }
  const registered = functions.map((config) => toRegistered(config, appId, via));
  const checksum = textHash(JSON.stringify([url, sdk, framework, appVersion, registered]));
  return { appId, url, sdk, framework, appVersion, functions: registered, checksum };
}

function urlOf(given: string, via: SyncedVia): string | null {
  if (via === "connect") return null;
  if (via !== "http") return bindingUrl(via.binding);
  return URL.canParse(given) ? appUrl(given) : given;
}

/** @throws Error naming the function */
function transportOf(config: FunctionConfig, via: SyncedVia): FunctionTransport {
  if (via === "connect") return { kind: "connect" };
  if (via !== "http") return { kind: "binding", binding: via.binding };
  const url = Object.values(config.steps)[0]?.runtime.url ?? "";
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return { kind: "http", url };
  throw new Error(`function "${config.id}": steps.step.runtime.url: ${JSON.stringify(url)} is not an http URL`);
}

function toRegistered(config: FunctionConfig, appId: string, via: SyncedVia): RegisteredFunction {
  const transport = transportOf(config, via);
  const triggers = config.triggers.flatMap(({ event, expression }) =>
    event === undefined ? [] : [{ event, expression: expression || null }],
  );
  const seen = new Set(triggers.map((trigger) => JSON.stringify(trigger)));
  if (seen.size < triggers.length) throw new Error(`function "${config.id}": triggers: one of them is given twice`);
  const flow = flowControlOf(config);
  checkExpressions(config.id, triggers, flow);
  const crons = config.triggers.flatMap(({ cron, jitter }) =>
    cron === undefined ? [] : [{ cron, jitter: jitter ?? null }],
  );
  checkCrons(config.id, crons);
  return {
    id: config.id,
    name: config.name || config.id,
    appId,
    version: 0, // the registry counts
    triggers,
    crons,
    retry: retryPolicyOf(config),
    transport,
    ...(flow && { flow }),
  };
}

function describe(error: z.ZodError): string {
  return error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join(".") || "body"}: ${issue.message}`)
    .join("; ");
}
