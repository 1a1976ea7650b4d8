import type { StandardSchemaV1 } from "../schema.ts";
import type { Realtime } from "./types.ts";

/** A message of whatever channel. */
export type AnyMessage = Realtime.Message;

/** A frame of the platform, as far as it is well-formed (inngest-protocol §8). */
interface Frame {
  kind: string;
  channel?: string;
  topic?: string;
  data?: unknown;
  run_id?: string;
  fn_id?: string;
  env_id?: string;
  created_at?: string;
  stream_id?: string;
}

const TEXTS = ["channel", "topic", "run_id", "fn_id", "env_id", "created_at", "stream_id"] as const;

/** One text of the socket; undefined for what is no frame. */
function readFrame(text: unknown): Frame | undefined {
  try {
    const frame: Frame | null = JSON.parse(String(text));
    if (typeof frame !== "object" || frame === null || typeof frame.kind !== "string") return undefined;
    return TEXTS.every((name) => frame[name] === undefined || typeof frame[name] === "string") ? frame : undefined;
  } catch {
    return undefined;
  }
}

interface OpenStream {
  stream: ReadableStream<unknown>;
  controller: ReadableStreamDefaultController<unknown>;
}

export interface ReaderOptions {
  channel: string;
  /** by name, with their schemas */
  topics: ReadonlyMap<string, StandardSchemaV1 | undefined>;
  /** whether data passes its topic's schema */
  validate: boolean;
}

/** Makes messages of frames, one after the other: a schema may be asynchronous, and messages keep their order. */
export class MessageReader {
  readonly #options: ReaderOptions;
  readonly #streams = new Map<string, OpenStream>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Hands over the message, unless the frame is none of this subscription's. */
  read(text: unknown, take: (message: AnyMessage) => void): void {
    const frame = readFrame(text);
    if (!frame || (frame.channel !== undefined && frame.channel !== this.#options.channel)) return;
    this.#last = this.#last.then(async () => {
      const message = frame.kind === "run" ? runMessage(frame) : await this.#topicMessage(frame);
      if (message) take(message as AnyMessage); // the types of its data are the schema's
    });
  }

  /** Ends the streams that are open, once all that was read has been handed over. */
  end(then: () => void): void {
    void this.#last.then(() => {
      for (const { controller } of this.#streams.values()) controller.close();
      this.#streams.clear();
      then();
    });
  }

  async #topicMessage(frame: Frame) {
    const { channel, topic } = frame;
    if (channel === undefined || topic === undefined || !this.#options.topics.has(topic)) return undefined;
    switch (frame.kind) {
      case "data":
        return this.#dataMessage(frame, topic);
      case "datastream-start":
      case "datastream-end":
        return typeof frame.data === "string" ? this.#streamMessage(frame, frame.data) : undefined;
      case "chunk":
        return frame.stream_id === undefined ? undefined : this.#streamMessage(frame, frame.stream_id);
      default:
        return undefined;
    }
  }

  async #dataMessage(frame: Frame, topic: string) {
    const message = { ...common(frame), kind: "data", createdAt: instantOf(frame), envId: frame.env_id };
    const schema = this.#options.validate ? this.#options.topics.get(topic) : undefined;
    if (!schema) return message;
    const result = await schema["~standard"].validate(frame.data);
    if (!result.issues) return { ...message, data: result.value };
    console.error(
      `realtime: a message of channel "${frame.channel}", topic "${topic}" is not what its schema takes`,
      result.issues,
    );
    return undefined;
  }

  #streamMessage(frame: Frame, streamId: string) {
    const known = this.#streams.get(streamId);
    if (frame.kind === "datastream-start" ? known : !known) return undefined; // begun before it was subscribed to
    const open = known ?? this.#open(streamId);
    if (frame.kind === "chunk") open.controller.enqueue(frame.data);
    if (frame.kind === "datastream-end") {
      open.controller.close();
      this.#streams.delete(streamId);
    }
    return { ...common(frame), kind: frame.kind, streamId, stream: open.stream };
  }

  #open(streamId: string): OpenStream {
    let controller: ReadableStreamDefaultController<unknown> | undefined;
    const stream = new ReadableStream<unknown>({
      start: (own) => void (controller = own),
      cancel: () => void this.#streams.delete(streamId),
    });
    if (!controller) throw new Error("a stream begins with its controller");
    const open = { stream, controller };
    this.#streams.set(streamId, open);
    return open;
  }
}

function runMessage(frame: Frame) {
  return { ...common(frame), kind: "run", createdAt: instantOf(frame), envId: frame.env_id };
}

function common({ channel, topic, data, run_id: runId, fn_id: fnId }: Frame) {
  return { channel, topic, data: data ?? undefined, runId, fnId };
}

function instantOf({ created_at: at }: Frame): Date {
  return at === undefined ? new Date() : new Date(at);
}
