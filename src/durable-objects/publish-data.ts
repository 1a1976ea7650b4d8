import { uuidOf } from "../protocol/ids.ts";
import { dataFrame } from "../protocol/realtime.ts";
import type { Objects } from "./objects.ts";

/** Data for the subscribers of some topics of a channel. */
export interface PublishedData {
  channel: string;
  topics: readonly string[];
  /** JSON */
  json: string;
  runId?: string;
  /** JSON */
  metadata?: string;
}

/** Publishes, whichever way it came: over HTTP, or from code in the platform's own Worker. */
export async function publishData(
  objects: Objects,
  env: string,
  { channel, topics, json, runId, metadata }: PublishedData,
  now: number,
): Promise<void> {
  const publication = { channel, envId: uuidOf(env), at: now, runId, metadata };
  await objects
    .channel(env, channel)
    .publish(topics.map((topic) => ({ topic, frame: dataFrame(publication, topic, json) })));
}
