import type { JsonValue } from "../protocol/json.ts";

/** A realtime message, as its subscribers get it. */
export interface PublishedMessage {
  channel: string;
  topic: string;
  data: JsonValue;
  /** the run that published it */
  runId: string | undefined;
  /** epoch ms */
  at: number;
}

/** Of the frame that subscribers get. */
export function publishedMessage(frame: string): PublishedMessage {
  const { channel, topic, data, run_id: runId, created_at: at } = JSON.parse(frame);
  return { channel, topic, data, runId, at: Date.parse(at) };
}
