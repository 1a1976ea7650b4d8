import { Hono } from "hono";
import { cors } from "hono/cors";
import type { Objects } from "./durable-objects/objects.ts";
import { headers } from "./protocol/headers.ts";
import { appSyncRoutes, type SyncContext } from "./routes/app-sync.ts";
import { appRoutes } from "./routes/apps.ts";
import { auditRoutes, auditTrail } from "./routes/audit.ts";
import { cancellationRoutes } from "./routes/cancellations.ts";
import { checkpointRoutes } from "./routes/checkpoint.ts";
import { endpointRoutes } from "./routes/endpoints.ts";
import { connectRoutes } from "./routes/connect.ts";
import { absentRoutes } from "./routes/absent.ts";
import { errorResponse } from "./routes/api-error.ts";
import { dashboardRoutes, type Dashboard } from "./routes/dashboard.ts";
import { decisionRoutes } from "./routes/decisions.ts";
import { environmentGuard, environmentRoutes } from "./routes/environments.ts";
import { eventIngest, eventRoutes } from "./routes/events.ts";
import { functionRoutes } from "./routes/functions.ts";
import { graphqlRoutes } from "./routes/graphql/route.ts";
import { devGuard, type SettingsSource } from "./routes/guard.ts";
import { loginRoutes } from "./routes/login.ts";
import { invokeRoutes } from "./routes/invoke.ts";
import { mcpRoutes } from "./routes/mcp/route.ts";
import { openApiRoutes } from "./routes/openapi/route.ts";
import { parkedRoutes } from "./routes/parked.ts";
import { realtimeRoutes } from "./routes/realtime.ts";
import { rerunRoutes } from "./routes/rerun.ts";
import { resolveRoutes } from "./routes/resolve.ts";
import { restV2Routes } from "./routes/rest-v2.ts";
import { runExportRoutes } from "./routes/run-export.ts";
import { runListRoutes } from "./routes/runs-list.ts";
import { runLogRoutes } from "./routes/run-logs.ts";
import { runPauseRoutes } from "./routes/run-pause.ts";
import { runRoutes } from "./routes/runs.ts";
import { scheduleRoutes } from "./routes/schedules.ts";
import { lineRoutes } from "./routes/lines.ts";
import { metadataRoutes } from "./routes/metadata.ts";
import { metricsRoutes } from "./routes/metrics.ts";
import { replayRoutes } from "./routes/replays.ts";
import { sendEventsRoutes } from "./routes/send-events.ts";
import { signalRoutes } from "./routes/signals.ts";
import { streamRoutes } from "./routes/stream.ts";
import { traceRoutes } from "./routes/traces.ts";
import { webhookRoutes } from "./routes/webhooks.ts";
import { version } from "./sdk/version.ts";
import type { InngestWebhook } from "./sdk/webhook/webhook.ts";

/**
 * The platform's HTTP side: routes, who may use them, and the one place where an error becomes a status.
 *
 * @param own before `/openapi.json` and `/mcp`: "", or a path such as "/inngest" where the others are an app's
 */
export function platformApp(
  objects: Objects,
  env: string,
  settings: SettingsSource,
  webhooks: readonly InngestWebhook[] = [],
  dashboard: Dashboard | null = null,
  own = "",
): Hono {
  const context: SyncContext = { objects, env, settings, fetch: (...request) => fetch(...request) };
  const app = new Hono();
  app.route("/", webhookRoutes(webhooks)); // before the guard: deliveries come from elsewhere, and prove themselves
  app.use(devGuard(settings));
  app.use(async (c, next) => {
    // our client may say what only this platform understands
    const own: Record<string, string> = {
      [headers.serverKind]: settings().isDev ? "dev" : "cloud",
      [headers.dotdo]: "1",
    };
    if (c.req.path.startsWith("/e/")) own["access-control-allow-origin"] = "*";
    // before there is an answer, so that it is made once; again on one that a route has made by itself
    for (const [name, value] of Object.entries(own)) c.header(name, value);
    await next();
    for (const [name, value] of Object.entries(own)) if (!c.res.headers.has(name)) c.header(name, value);
  });
  // browsers may send events from anywhere: the key in the path decides (inngest-protocol §1.1)
  app.options("/e/*", cors({ origin: "*", allowMethods: ["GET", "POST", "PUT", "DELETE", "OPTIONS"], maxAge: 3600 }));
  app.get("/health", (c) => c.json({ status: 200, message: "OK", version }));
  app.use(auditTrail(objects, env));
  app.use(environmentGuard(objects, env, settings));
  // beside an app all other paths are the app's
  app.route("/", loginRoutes(settings, dashboard?.base ?? null));
  app.route("/", auditRoutes(objects, env, settings));
  app.route("/", environmentRoutes(objects, settings));
  app.route("/", eventIngest(objects, env, settings));
  app.route("/", eventRoutes(objects, env, settings));
  app.route("/", sendEventsRoutes(objects, env, settings));
  app.route("/", runListRoutes(objects, env, settings));
  app.route("/", runRoutes(objects, env, settings));
  app.route("/", runExportRoutes(objects, env, settings));
  app.route("/", runLogRoutes(objects, env, settings));
  app.route("/", runPauseRoutes(objects, env, settings));
  app.route("/", rerunRoutes(objects, env, settings));
  app.route("/", resolveRoutes(objects, env, settings));
  app.route("/", invokeRoutes(objects, env, settings));
  app.route("/", absentRoutes(settings));
  app.route("/", functionRoutes(objects, env, settings));
  app.route("/", connectRoutes(objects, env, settings));
  app.route("/", cancellationRoutes(objects, env, settings));
  app.route("/", replayRoutes(objects, env, settings));
  app.route("/", metricsRoutes(objects, env, settings));
  app.route("/", decisionRoutes(objects, env, settings));
  app.route("/", lineRoutes(objects, env, settings));
  app.route("/", checkpointRoutes(objects, env, settings));
  app.route("/", endpointRoutes(objects, env, settings));
  app.route("/", signalRoutes(objects, env, settings));
  app.route("/", streamRoutes(objects, env, settings));
  app.route("/", metadataRoutes(objects, env, settings));
  app.route("/", traceRoutes(objects, env, settings));
  app.route("/", realtimeRoutes(objects, env, settings));
  app.route("/", scheduleRoutes(objects, env, settings));
  app.route("/", parkedRoutes(objects, env, settings));
  app.route("/", appRoutes(objects, env, settings, version));
  app.route("/", restV2Routes(context, version));
  app.route("/", graphqlRoutes(context));
  app.route("/", appSyncRoutes(context));
  app.route("/", openApiRoutes(own, version));
  app.route("/", mcpRoutes(objects, env, settings, own));
  if (dashboard) app.route("/", dashboardRoutes(dashboard)); // last: it takes only what nobody has answered
  app.notFound((c) =>
    c.json(
      {
        error: `nothing is served at ${c.req.method} ${c.req.path}; there are /v1/events, /v1/runs/:id, /v1/functions and /v1/apps`,
        status: 404,
        data: null,
      },
      404,
    ),
  );
  app.onError((error, c) => errorResponse(error, c.req.raw));
  return app;
}
