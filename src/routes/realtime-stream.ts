import { HTTPException } from "hono/http-exception";
import type { ChannelMessage } from "../durable-objects/objects.ts";
import { REALTIME_CHUNKS_MAX } from "../protocol/limits.ts";
import { chunkFrame, chunksOf, STREAM_TOPIC, streamFrame, type Publication } from "../protocol/realtime.ts";

type Publish = (messages: ChannelMessage[]) => Promise<void>;
type Body = ReadableStream<Uint8Array> | null;

/**
 * Publishes a body while it comes, as chunks between a start and an end. One request at a time goes to the channel: what has
 * come meanwhile goes along with the next. The end is told however the body ends.
 *
 * @throws HTTPException 413 when there are more chunks than may be; those before have been published
 */
export async function publishStream(
  body: Body,
  publication: Publication,
  topics: readonly string[],
  publish: Publish,
): Promise<void> {
  const streamId = crypto.randomUUID();
  const toAll = (frame: (topic: string) => string) => topics.map((topic) => ({ topic, frame: frame(topic) }));
  const decoder = new TextDecoder();
  let left = REALTIME_CHUNKS_MAX;
  const publishText = async (text: string) => {
    const chunks = chunksOf(text);
    const taken = chunks.slice(0, left);
    left -= taken.length;
    const messages = taken.flatMap((chunk) => toAll((topic) => chunkFrame(publication, topic, streamId, chunk)));
    if (messages.length > 0) await publish(messages);
    if (taken.length < chunks.length)
      throw new HTTPException(413, { message: `the stream is over the bound of ${REALTIME_CHUNKS_MAX} chunks` });
  };

  await publish(toAll((topic) => streamFrame(publication, topic, "datastream-start", streamId)));
  try {
    await readAll(body, (bytes) => publishText(decoder.decode(bytes, { stream: true })));
    await publishText(decoder.decode());
  } finally {
    await publish(toAll((topic) => streamFrame(publication, topic, "datastream-end", streamId)));
  }
}

/** Hands a body on as it comes, without any messages around it: what a durable endpoint writes (inngest-protocol §6.4). */
export function tee(body: Body, publish: Publish): Promise<void> {
  return readAll(body, (bytes) => publish([{ topic: STREAM_TOPIC, frame: bytes }]));
}

async function readAll(body: Body, take: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  const reader = body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      await take(value);
    }
  } catch (error) {
    await reader.cancel(error).catch(() => undefined);
    throw error;
  }
}
