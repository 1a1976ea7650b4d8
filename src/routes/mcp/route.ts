import { Hono } from "hono";
import type { Objects } from "../../durable-objects/objects.ts";
import { noteAction } from "../audit.ts";
import { signingKeyGuard, type SettingsSource } from "../guard.ts";
import { checkMayAct } from "../may.ts";
import { whoAsks } from "../who.ts";

/**
 * `/mcp`: the platform for coding agents, by streamable HTTP (docs/mcp.md). Its code is loaded at the first request, so that
 * a Worker without agents starts no slower.
 */
export function mcpRoutes(objects: Objects, env: string, settings: SettingsSource, base: string): Hono {
  const app = new Hono();
  app.on(["GET", "POST", "DELETE"], `${base}/mcp`, signingKeyGuard(settings), async (c) => {
    const { answerMcp } = await import("./server.ts");
    const request = c.req.raw;
    const who = await whoAsks(request, settings());
    const { isDev, mayAgentsAct = isDev } = settings();
    const act = async (what: string) => {
      checkMayAct(who, what);
      noteAction(request, what);
    };
    const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
    return answerMcp(request, { objects, env, act, pause }, mayAgentsAct && who.role === "writer");
  });
  return app;
}
