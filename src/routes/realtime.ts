import { Hono, type Context } from "hono";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import type { ChannelMessage, Objects } from "../durable-objects/objects.ts";
import { readText } from "../protocol/body.ts";
import { uuidOf } from "../protocol/ids.ts";
import { REALTIME_MESSAGE_MAX_BYTES, REALTIME_SSE_MAX_MS, REALTIME_TOKEN_MS } from "../protocol/limits.ts";
import {
  channelSchema,
  dataFrame,
  publishedJson,
  tokenRequestSchema,
  topicSchema,
  type Publication,
} from "../protocol/realtime.ts";
import { DEV_REALTIME_KEYS, readRealtimeToken, realtimeToken } from "../protocol/realtime-token.ts";
import { readBody } from "./body.ts";
import { checkFields, parseJson } from "./fields.ts";
import { signingKeyGuard, type Settings, type SettingsSource } from "./guard.ts";
import { eventStream } from "./realtime-sse.ts";
import { publishStream, tee } from "./realtime-stream.ts";

const TOKEN_EXAMPLE = '[{"channel":"user:1","name":"messages","kind":"run"}]';
/** How apps call a body that is published as it comes. */
const STREAM_TYPE = "text/stream"; // inngest-protocol §8

const publicationSchema = z.object({
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
    const { publication, topics } = readPublication(c, env);
    const publish = (messages: ChannelMessage[]) => objects.channel(env, publication.channel).publish(messages);
    if (c.req.header("content-type")?.startsWith(STREAM_TYPE))
      await publishStream(c.req.raw.body, publication, topics, publish);
    else {
      const json = publishedJson(await readMessage(c.req.raw));
      await publish(topics.map((topic) => ({ topic, frame: dataFrame(publication, topic, json) })));
    }
    return c.json({ ok: true });
  });

  app.post("/v1/realtime/publish/tee", async (c) => {
    const { channel } = checkFields(c.req.query(), publicationSchema.pick({ channel: true }));
    await tee(c.req.raw.body, (messages) => objects.channel(env, channel).publish(messages));
    return c.json({ ok: true });
  });

  app.get("/v1/realtime/connect", (c) => {
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket")
      throw new HTTPException(426, { message: "connect by WebSocket; GET /v1/realtime/sse is for everything else" });
    return subscribe(c, objects, settings(), null);
  });

  app.get("/v1/realtime/sse", async (c) => {
    const response = await subscribe(c, objects, settings(), Date.now() + REALTIME_SSE_MAX_MS);
    if (!response.webSocket) throw new Error("the channel's object gave no socket");
    return c.body(eventStream(response.webSocket), 200, {
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

/** The token says which environment's channels: browsers name none. @throws HTTPException */
async function subscribe(c: Context, objects: Objects, settings: Settings, until: number | null): Promise<Response> {
  const bearer = /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
  const token = c.req.query("token") ?? bearer ?? "";
  const grant = await readRealtimeToken(token, realtimeKeys(settings));
  const [home] = grant?.topics ?? [];
  if (!grant || !home)
    throw new HTTPException(401, {
      message: `token: it is missing, forged or over; POST /v1/realtime/token makes one, with which to connect within ${REALTIME_TOKEN_MS / 1000} seconds`,
    });
  const response = await objects.subscribe(grant.env, home.channel, { topics: grant.topics, until });
  if (response.status === 101) return response;
  throw new HTTPException(429, { message: await response.text() });
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
function readPublication(c: Context, env: string): { publication: Publication; topics: string[] } {
  const query = { ...c.req.query(), topics: c.req.queries("topic") ?? [] };
  const { channel, topics, run_id, metadata } = checkFields(query, publicationSchema);
  const publication = { channel, envId: uuidOf(env), at: Date.now(), runId: run_id || undefined, metadata };
  return { publication, topics: [...new Set(topics)] };
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
