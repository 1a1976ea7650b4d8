/** Changes as the platform tells them by server-sent events, over as many connections as it takes. */
import { setTimeout as delay } from "node:timers/promises";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { Away, type Platform, type Query } from "./platform.ts";

export interface ServerEvent {
  event: string;
  data: unknown;
}

const RECONNECT_AFTER_MS = 1_000;

/**
 * Events of `GET /v1/stream`, until the signal is aborted. After a broken connection it goes on where it was; while the
 * platform is away it is asked again and again.
 *
 * @throws Refusal, also for a platform that has no streams
 */
export async function* changes(platform: Platform, query: Query, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  for (let lastId = ""; !signal.aborted;) {
    try {
      const headers = { accept: "text/event-stream", ...(lastId === "" ? {} : { "last-event-id": lastId }) };
      const answer = await platform.request("GET", "/v1/stream", { query, signal, headers });
      for await (const { id, event = "message", data } of messagesOf(answer)) {
        if (id !== undefined) lastId = id;
        yield { event, data: JSON.parse(data) as unknown };
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Away) && !isBroken(error)) throw error;
    }
    await delay(RECONNECT_AFTER_MS, undefined, { signal }).catch(() => {}); // aborted: the loop looks at the signal
  }
}

/** A connection that ended in the middle of the answer. */
function isBroken(error: unknown): boolean {
  return error instanceof TypeError && error.message === "terminated";
}

/** The messages of one answer. */
export async function* messagesOf(
  answer: Response,
): AsyncGenerator<{ id?: string | undefined; event?: string | undefined; data: string }> {
  if (answer.body === null) return;
  const reader = answer.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {}); // also when the caller has had enough
  }
}
