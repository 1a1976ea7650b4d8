import { Hono } from "hono";
import { ApiError } from "./api-error.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";

/** Routes of Inngest's API that answer here only so that a client knows where it stands. */
export function absentRoutes(settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/prom/*", signingKeyGuard(settings));

  // as the open-source server answers
  app.get("/v1/prom/:env", (c) => {
    throw new ApiError(
      501,
      "not_implemented",
      `metrics of environment "${c.req.param("env").slice(0, 64)}" are not served; Cloudflare's own analytics count requests, objects and queues`,
    );
  });

  /** SDKs tell Inngest how they are used; nothing is kept of it. */
  app.post("/v0/telemetry", (c) => c.json({ ok: true, status: 200 }));
  return app;
}
