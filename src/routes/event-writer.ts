import { deferred } from "../protocol/deferred.ts";
import { STREAM_BEAT_MS } from "../protocol/limits.ts";

/** A server-sent event. */
export interface Frame {
  event: string;
  data: unknown;
}

const BUFFER_BYTES = 64 * 1024;
/** A browser waits so long before it connects anew. */
const RETRY_MS = 2_000;

const encoder = new TextEncoder();

/**
 * Server-sent events for one reader. Whoever writes waits for room first, so a reader that is slow is told less often, and
 * nothing piles up for it; one that has gone ends the stream.
 */
export class EventWriter {
  readonly body: ReadableStream<Uint8Array>;
  readonly #over = deferred();
  readonly #ended: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #pulled = deferred();
  #isOver = false;

  /** @param onEnd once, however it ends */
  constructor(onEnd: () => void) {
    this.#ended = onEnd;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          this.#enqueue(`retry: ${RETRY_MS}\n\n`); // headers leave with the first bytes
        },
        pull: () => {
          this.#pulled.resolve();
          this.#pulled = deferred();
        },
        cancel: () => this.#finish(),
      },
      { highWaterMark: BUFFER_BYTES, size: (bytes) => bytes.byteLength },
    );
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** @param id where a reader that has got all of these goes on */
  write(frames: readonly Frame[], id: string): void {
    const last = frames.length - 1;
    for (const [i, { event, data }] of frames.entries())
      this.#enqueue(`event: ${event}\ndata: ${JSON.stringify(data)}\n${i === last ? `id: ${id}\n` : ""}\n`);
  }

  /** Resolves when the reader has taken what was written, or has gone. */
  async room(): Promise<void> {
    while (!this.#isOver && (this.#controller?.desiredSize ?? 0) <= 0)
      await Promise.race([this.#pulled.promise, this.#over.promise]);
  }

  /** Comments, so that nobody between here and the reader takes it for dead, until it has ended or the time has come. */
  async beat(pause: (ms: number) => Promise<void>, onBeat: () => boolean): Promise<void> {
    while (!this.#isOver) {
      await Promise.race([pause(STREAM_BEAT_MS), this.#over.promise]);
      if (this.#isOver) return;
      if (!onBeat()) return this.end();
      this.#enqueue(":\n\n");
    }
  }

  end(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#controller?.close();
  }

  #enqueue(text: string): void {
    if (!this.#isOver) this.#controller?.enqueue(encoder.encode(text));
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#over.resolve();
    this.#ended();
  }
}
