import { Hono, type Context } from "hono";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import type { Objects, SubscribeOutcome } from "../durable-objects/objects.ts";
import { publishData } from "../durable-objects/publish-data.ts";
import { readText } from "../protocol/body.ts";
import { uuidOf } from "../protocol/ids.ts";
import { REALTIME_MESSAGE_MAX_BYTES, REALTIME_SSE_MAX_MS, REALTIME_TOKEN_MS } from "../protocol/limits.ts";
import { channelSchema, publishedJson, tokenRequestSchema, topicSchema } from "../protocol/realtime.ts";
import { DEV_REALTIME_KEYS, readRealtimeToken, realtimeToken } from "../protocol/realtime-token.ts";
import { readBody } from "./body.ts";
import { checkFields, parseJson } from "./fields.ts";
import { signingKeyGuard, type Settings, type SettingsSource } from "./guard.ts";
import { eventStream } from "./realtime-sse.ts";
import { publishStream, tee } from "./realtime-stream.ts";

const TOKEN_EXAMPLE = '[{"channel":"user:1","name":"messages","kind":"run"}]';
/** How apps call a body that is published as it comes. */
const STREAM_TYPE = "text/stream"; // inngest-protocol §8

export const publicationSchema = z.object({
  channel: channelSchema,
  topics: z.array(topicSchema).min(1, "must be named at least once: ?topic=<name>"),
  run_id: z
    .string()
    .regex(/^[\w-]{1,64}$/, "must be the id of a run")
    .optional(),
  metadata: z.string().refine(isJson, "must be JSON").optional(),
});

/** Publishing to channels and subscribing to them (inngest-protocol §8). */
export function realtimeRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  for (const path of ["/v1/realtime/token", "/v1/realtime/publish", "/v1/realtime/publish/*"])
    app.use(path, signingKeyGuard(settings));
  // browsers of anywhere may subscribe: the token decides. Tokens and messages are not theirs to make
  app.use("/v1/realtime/sse", cors({ origin: "*", allowMethods: ["GET"], maxAge: 3600 }));

  app.post("/v1/realtime/token", async (c) => {
    const body = parseJson(await readBody(c.req.raw), TOKEN_EXAMPLE);
    const topics = checkTopics(body);
    const [key = ""] = realtimeKeys(settings());
    return c.json({ jwt: await realtimeToken({ env, topics }, key, Date.now()) }, 201);
  });

  app.post("/v1/realtime/publish", async (c) => {
    const { channel, topics, runId, metadata } = readPublication(c);
    const now = Date.now();
    if (c.req.header("content-type")?.startsWith(STREAM_TYPE)) {
      const publication = { channel, envId: uuidOf(env), at: now, runId, metadata };
      await publishStream(c.req.raw.body, publication, topics, (messages) =>
        objects.channel(env, channel).publish(messages),
      );
    } else {
      const json = publishedJson(await readMessage(c.req.raw));
      await publishData(objects, env, { channel, topics, json, runId, metadata }, now);
    }
    return c.json({ ok: true });
  });

  app.post("/v1/realtime/publish/tee", async (c) => {
    const { channel } = checkFields(c.req.query(), publicationSchema.pick({ channel: true }));
    await tee(c.req.raw.body, (messages) => objects.channel(env, channel).publish(messages));
    return c.json({ ok: true });
  });

  app.get("/v1/realtime/connect", async (c) => {
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket")
      throw new HTTPException(426, { message: "connect by WebSocket; GET /v1/realtime/sse is for everything else" });
    return (await subscribe(c, objects, settings(), null)).response;
  });

  app.get("/v1/realtime/sse", async (c) => {
    const { socket } = await subscribe(c, objects, settings(), Date.now() + REALTIME_SSE_MAX_MS);
    return c.body(eventStream(socket), 200, {
      "content-type": "text/event-stream",
      "cache-control": "no-cache",
    });
  });
  return app;
}

/** Empty without a signing key outside dev mode: then nobody gets in (G10). */
export function realtimeKeys({ isDev, signingKeys }: Settings): readonly string[] {
  return isDev ? DEV_REALTIME_KEYS : signingKeys;
}

function subscribe(c: Context, objects: Objects, settings: Settings, until: number | null) {
  const bearer = /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
  return connectSubscriber(objects, settings, c.req.query("token") ?? bearer ?? "", until);
}

/**
 * Connects a new subscriber. The token says of which environment: browsers name none.
 *
 * @throws HTTPException 401, 429
 */
export async function connectSubscriber(
  objects: Objects,
  settings: Settings,
  token: string,
  until: number | null,
): Promise<Extract<SubscribeOutcome, { kind: "connected" }>> {
  const grant = await readRealtimeToken(token, realtimeKeys(settings));
  const [home] = grant?.topics ?? [];
  if (!grant || !home)
    throw new HTTPException(401, {
      message: `token: it is missing, forged or over; POST /v1/realtime/token makes one, with which to connect within ${REALTIME_TOKEN_MS / 1000} seconds`,
    });
  const outcome = await objects.subscribe(grant.env, home.channel, { topics: grant.topics, until });
  if (outcome.kind === "connected") return outcome;
  throw new HTTPException(429, { message: outcome.reason });
}

/** @throws HTTPException 400 naming topic, value and bound */
function checkTopics(body: unknown): z.infer<typeof tokenRequestSchema> {
  const parsed = tokenRequestSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.length ? `topics[${issue.path.join("].")}` : "topics";
  throw new HTTPException(400, { message: `${where}: ${issue?.message}; the body is such as ${TOKEN_EXAMPLE}` });
}

/** @throws HTTPException 400 naming parameter, value and bound */
function readPublication(c: Context) {
  const query = { ...c.req.query(), topics: c.req.queries("topic") ?? [] };
  const { channel, topics, run_id: runId, metadata } = checkFields(query, publicationSchema);
  return { channel, topics: [...new Set(topics)], runId, metadata };
}

/** @throws HTTPException 413 */
async function readMessage(request: Request): Promise<string> {
  const text = await readText(request, REALTIME_MESSAGE_MAX_BYTES);
  if (text !== undefined) return text;
  throw new HTTPException(413, { message: `the message is over the bound of ${REALTIME_MESSAGE_MAX_BYTES} bytes` });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
