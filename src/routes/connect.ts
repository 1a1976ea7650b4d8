import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { sign, verify } from "hono/jwt";
import * as z from "zod";
import type { ConnectionView, Objects } from "../durable-objects/objects.ts";
import { MAIN_ENV, readEnvironment } from "../environment.ts";
import { readBytes } from "../protocol/body.ts";
import { FlushResponse, SDKResponse, StartResponse } from "../protocol/connect/connect.ts";
import { readResult } from "../protocol/connect/read-result.ts";
import { CONNECT_SUBPROTOCOL } from "../protocol/connect/subprotocol.ts";
import { headers } from "../protocol/headers.ts";
import { ulidOf } from "../protocol/ids.ts";
import { CONNECT_SESSION_MS, REPLY_MAX_BYTES, REQUEST_BODY_MAX_BYTES } from "../protocol/limits.ts";
import { envelope } from "./envelope.ts";
import { enterEnvironment } from "./environments.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { iso } from "./iso.ts";

/** By this our own client knows whom it talks to. */
export const GATEWAY_GROUP = "dotdo";

const sessionSchema = z.object({ sub: z.string(), env: z.string() });

/** Workers that dial in: where to, results that come without a connection, who is there (inngest-protocol §7). */
export function connectRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  // the socket at /v0/connect takes what `start` gives: a WebSocket of a browser's kind has no Authorization
  for (const path of ["/v0/connect/start", "/v0/connect/flush"]) app.use(path, signingKeyGuard(settings));
  app.use("/v1/connections", signingKeyGuard(settings));
  app.use("/v1/connections/*", signingKeyGuard(settings));

  app.post("/v0/connect/start", async (c) => {
    await enterEnvironment(objects, env);
    const now = Date.now();
    const connectionId = ulidOf({ timeMs: now, entropy: crypto.getRandomValues(new Uint8Array(10)) });
    const sessionToken = await sign(
      { sub: connectionId, env, exp: Math.ceil((now + CONNECT_SESSION_MS) / 1000) },
      sessionKeys(settings)[0] ?? "",
      "HS256",
    );
    const response = {
      connectionId,
      gatewayEndpoint: gatewayUrl(c, env),
      gatewayGroup: GATEWAY_GROUP,
      sessionToken,
      syncToken: sessionToken,
    };
    return protobuf(c, StartResponse.encode(response).finish());
  });

  /** A result that a worker could not bring over its connection. Twice is as good as once. */
  app.post("/v0/connect/flush", async (c) => {
    const bytes = await readBytes(c.req.raw, REPLY_MAX_BYTES + REQUEST_BODY_MAX_BYTES);
    if (bytes === undefined)
      throw new HTTPException(413, { message: `the result is over the bound of ${REPLY_MAX_BYTES} bytes` });
    const reply = readReply(bytes);
    await objects.gateway(env).flush(reply.requestId, readResult(reply));
    return protobuf(c, FlushResponse.encode({ requestId: reply.requestId }).finish());
  });

  /** The socket; the worker proves itself in its first message. */
  app.get("/v0/connect", async (c) => {
    const offered = c.req
      .header("sec-websocket-protocol")
      ?.split(",")
      .map((one) => one.trim());
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket" || !offered?.includes(CONNECT_SUBPROTOCOL))
      throw new HTTPException(426, {
        message: `workers connect here by WebSocket, with the subprotocol ${CONNECT_SUBPROTOCOL}; POST /v0/connect/start says where`,
      });
    const asked = readEnvironment(c.req.query(headers.env) ?? env);
    if (asked.kind === "invalid") throw new HTTPException(400, { message: asked.message });
    return objects.gateway(asked.name).fetch(c.req.raw);
  });

  app.get("/v1/connections", async (c) =>
    c.json(envelope((await objects.gateway(env).connections()).map(connectionView))),
  );

  /** Asks a worker to go, so that it connects anew: what it executes goes on. */
  app.delete("/v1/connections/:id", async (c) => {
    const id = c.req.param("id");
    const { kind } = await objects.gateway(env).drain(id);
    if (kind === "unknown")
      throw new HTTPException(404, { message: `no worker has the connection ${JSON.stringify(id.slice(0, 60))}` });
    return c.json(envelope({ id, status: "draining" }));
  });
  return app;
}

/** Whose session a token is; null for one that is not ours, or too old. */
export async function readSession(
  settings: SettingsSource,
  token: string,
): Promise<{ connectionId: string; env: string } | null> {
  for (const key of sessionKeys(settings)) {
    const payload = await verify(token, key, "HS256").catch(() => null);
    const session = sessionSchema.safeParse(payload);
    if (session.success) return { connectionId: session.data.sub, env: session.data.env };
  }
  return null;
}

/** Tokens of sessions are signed with a key of their own, that follows from the signing key. */
function sessionKeys(settings: SettingsSource): string[] {
  const { isDev, signingKeys } = settings();
  return (isDev ? ["development"] : signingKeys).map((key) => `connect-session\0${key}`);
}

/** Workers dial the host that they have reached the API at. */
function gatewayUrl(c: Context, env: string): string {
  const url = new URL("/v0/connect", c.req.url);
  const forwarded = c.req.header("x-forwarded-proto") ?? url.protocol.slice(0, -1);
  url.protocol = forwarded === "https" ? "wss:" : "ws:";
  const host = c.req.header("host");
  if (host !== undefined) url.host = host;
  if (env !== MAIN_ENV) url.searchParams.set(headers.env, env);
  return url.href;
}

/** @throws HTTPException 400 */
function readReply(bytes: Uint8Array): SDKResponse {
  try {
    const reply = SDKResponse.decode(bytes);
    if (reply.requestId !== "") return reply;
  } catch {
    // no message at all
  }
  throw new HTTPException(400, {
    message: "body: not a result as workers send it: a protobuf SDKResponse with its request_id",
  });
}

function protobuf(c: Context, bytes: Uint8Array): Response {
  return c.body(new Uint8Array(bytes), 200, { "content-type": "application/octet-stream" });
}

function connectionView(one: ConnectionView) {
  return {
    id: one.id,
    instance_id: one.instanceId,
    status: one.phase,
    apps: one.apps,
    max_worker_concurrency: one.maxConcurrency,
    in_flight: one.inFlight,
    sdk: one.sdk,
    platform: one.platform,
    connected_at: iso(one.connectedAt),
    last_seen_at: iso(one.seenAt),
  };
}
