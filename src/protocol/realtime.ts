import * as z from "zod";
import { byteLength } from "./json.ts";
import {
  CHANNEL_NAME_MAX_BYTES,
  REALTIME_CHUNK_MAX_BYTES,
  SUBSCRIPTION_MAX_BYTES,
  TOPIC_NAME_MAX_BYTES,
} from "./limits.ts";

/** Topic on which a run tells its end, on the channel of its id. */
export const RUN_TOPIC = "$run"; // inngest/inngest pkg/execution/realtime

/** Topics of one channel that a subscriber gets. */
export interface ChannelTopics {
  channel: string;
  topics: string[];
}

/** Topic of what `/v1/realtime/publish/tee` carries: bytes that are not put into messages. */
export const STREAM_TOPIC = "$stream";

function nameSchema(what: string, maxBytes: number) {
  return z
    .string({ error: `must be the name of a ${what}` })
    .min(1, `must be the name of a ${what}`)
    .refine((name) => byteLength(name) <= maxBytes, `is over the bound of ${maxBytes} bytes`);
}

export const channelSchema = nameSchema("channel", CHANNEL_NAME_MAX_BYTES);
export const topicSchema = nameSchema("topic", TOPIC_NAME_MAX_BYTES);

/** Body of `POST /v1/realtime/token` (inngest-protocol §8). */
export const tokenRequestSchema = z
  .array(
    z.object({
      channel: channelSchema,
      name: topicSchema,
      // events are no realtime messages here: who subscribes to them would wait in vain
      kind: z.enum(["run", ""], { error: 'must be "run"' }).optional(),
    }),
    { error: "must be a list of topics" },
  )
  .min(1, "must name at least one topic")
  .transform((topics) => channelTopics(topics.map(({ channel, name }) => ({ channel, topics: [name] }))))
  .refine(isSmall, `are over the bound of ${SUBSCRIPTION_MAX_BYTES} bytes that one subscriber's topics may take`);

/** Whether a subscriber may have so many topics: they are kept with its socket. */
export function isSmall(topics: readonly ChannelTopics[]): boolean {
  return byteLength(JSON.stringify(topics)) <= SUBSCRIPTION_MAX_BYTES;
}

/** Each channel once, with each of its topics once, in the order in which they were first named. */
export function channelTopics(named: readonly ChannelTopics[]): ChannelTopics[] {
  const byChannel = new Map<string, Set<string>>();
  for (const { channel, topics } of named)
    byChannel.set(channel, new Set([...(byChannel.get(channel) ?? []), ...topics]));
  return [...byChannel].map(([channel, topics]) => ({ channel, topics: [...topics] }));
}

/** What every message of a publication has in common. Optional fields are absent, never null (inngest-protocol §8). */
export interface Publication {
  channel: string;
  /** of the environment */
  envId: string;
  at: number;
  runId?: string;
  /** JSON */
  metadata?: string;
}

/** One published message as subscribers get it. @param json of the data */
export function dataFrame(publication: Publication, topic: string, json: string): string {
  return frame(publication, topic, { kind: "data" }, json);
}

/** Begins or ends a stream, whose chunks follow by themselves. */
export function streamFrame(
  publication: Publication,
  topic: string,
  kind: "datastream-start" | "datastream-end",
  streamId: string,
): string {
  return frame(publication, topic, { kind }, JSON.stringify(streamId));
}

/** With channel and topic: Inngest's client ignores chunks that have none (inngest-protocol §8). */
export function chunkFrame(publication: Publication, topic: string, streamId: string, text: string): string {
  return frame(publication, topic, { kind: "chunk", stream_id: streamId }, JSON.stringify(text));
}

/** What has become of a run. */
export function runFrame(publication: Publication, functionId: string, json: string): string {
  return frame(publication, RUN_TOPIC, { kind: "run", fn_slug: functionId }, json);
}

function frame(
  { channel, envId, at, runId, metadata }: Publication,
  topic: string,
  head: { kind: string; stream_id?: string; fn_slug?: string },
  json: string,
): string {
  const fields = { ...head, channel, topic, created_at: new Date(at).toISOString(), env_id: envId, run_id: runId };
  const rest = metadata === undefined ? "" : `,"metadata":${onOneLine(metadata)}`;
  return `${JSON.stringify(fields).slice(0, -1)},"data":${onOneLine(json)}${rest}}`;
}

/** Inside of JSON's texts there are no line ends; between its tokens they would end a server-sent event. */
function onOneLine(json: string): string {
  return json.replaceAll(/[\r\n]+/g, " ");
}

/** The JSON of a published body: what is no JSON is a text (inngest-protocol §8). */
export function publishedJson(body: string): string {
  try {
    JSON.parse(body);
    return body;
  } catch {
    return JSON.stringify(body);
  }
}

/** A text in parts of at most {@link REALTIME_CHUNK_MAX_BYTES}; no character is torn apart. */
export function chunksOf(text: string): string[] {
  const chunks: string[] = [];
  let chunk = "";
  let bytes = 0;
  for (const character of text) {
    const size = byteLength(character);
    if (bytes + size > REALTIME_CHUNK_MAX_BYTES) {
      chunks.push(chunk);
      chunk = "";
      bytes = 0;
    }
    chunk += character;
    bytes += size;
  }
  if (chunk !== "") chunks.push(chunk);
  return chunks;
}

/** What keeps a connection open, and the answer to the same of a client. */
export const PING_FRAME = JSON.stringify({ kind: "ping" });
export const PONG_FRAME = JSON.stringify({ kind: "pong" });
/** Said before the platform ends a connection. */
export const CLOSING_FRAME = JSON.stringify({ kind: "closing" });

const topicNameSchema = z.union([z.string(), z.object({ channel: z.string(), name: z.string() })]);

/** What a subscriber may send. Everything else is ignored, as Inngest does. */
export const controlSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ping") }),
  /** a token, whose topics it gets from now on */
  z.object({ kind: z.literal("sub"), data: z.string() }),
  /** a topic's name alone is that topic of every channel */
  z.object({ kind: z.literal("unsub"), data: z.array(topicNameSchema) }),
]);
export type ControlMessage = z.infer<typeof controlSchema>;

/** Undefined for what is no message of a subscriber. */
export function readControl(text: string): ControlMessage | undefined {
  try {
    return controlSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** The answer to `sub` and `unsub`: the topics that the subscriber has now, or why they are what they were. */
export function controlReply(kind: "sub" | "unsub", topics: readonly ChannelTopics[], error?: string): string {
  const named = topics.flatMap(({ channel, topics: names }) => names.map((name) => ({ channel, name })));
  return JSON.stringify({ kind, data: { topics: named, error } });
}
