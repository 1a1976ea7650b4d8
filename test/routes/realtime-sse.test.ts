import { describe, expect, it } from "vitest";
import type { ChannelSocket } from "../../src/durable-objects/objects.ts";
import { REALTIME_SSE_BUFFER_MAX_BYTES } from "../../src/protocol/limits.ts";
import { eventStream } from "../../src/routes/realtime-sse.ts";

class Socket implements ChannelSocket {
  binaryType = "blob";
  isAccepted = false;
  closed: string | undefined;
  readonly #listeners: { type: string; listener: (event: { data: unknown }) => void }[] = [];

  accept() {
    this.isAccepted = true;
  }
  addEventListener(type: string, listener: (event: { data: unknown }) => void) {
    this.#listeners.push({ type, listener });
  }
  close(_code: number, reason: string) {
    this.closed = reason;
  }
  tell(type: string, data?: unknown) {
    for (const one of this.#listeners) if (one.type === type) one.listener({ data });
  }
}

const text = (bytes?: Uint8Array) => new TextDecoder().decode(bytes);

describe("server-sent events of a channel's socket", () => {
  it("frames become events, pings comments, and bytes pass as they are", async () => {
    const socket = new Socket();
    const stream = eventStream(socket);
    expect([socket.isAccepted, socket.binaryType]).toEqual([true, "arraybuffer"]);
    socket.tell("message", '{"kind":"data"}');
    socket.tell("message", '{"kind":"ping"}');
    socket.tell("message", new TextEncoder().encode("event: x\ndata: 1\n\n").buffer);
    socket.tell("close");
    socket.tell("message", "after the end");
    const parts: string[] = [];
    for await (const bytes of stream as unknown as AsyncIterable<Uint8Array>) parts.push(text(bytes));
    expect(parts).toEqual([":\n\n", 'data: {"kind":"data"}\n\n', ":\n\n", "event: x\ndata: 1\n\n"]);
  });

  it("a reader that is too far behind is disconnected, and no memory is kept for it", async () => {
    const socket = new Socket();
    const stream = eventStream(socket);
    const frame = "x".repeat(512 * 1024);
    for (let sent = 0; sent < REALTIME_SSE_BUFFER_MAX_BYTES; sent += frame.length) socket.tell("message", frame);
    expect(socket.closed).toBe("it reads too slowly");
    socket.tell("message", frame);
    socket.tell("close");
    await expect(stream.getReader().read()).rejects.toThrow(`more than ${REALTIME_SSE_BUFFER_MAX_BYTES} bytes`);
  });

  it("one that reads may be sent any amount", async () => {
    const socket = new Socket();
    const reader = eventStream(socket).getReader();
    await reader.read();
    for (let n = 0; n < 40; n++) {
      socket.tell("message", "x".repeat(512 * 1024));
      await reader.read();
    }
    expect(socket.closed).toBeUndefined();
  });

  it("a reader that leaves hangs up, unless the channel has", async () => {
    const [left, ended] = [new Socket(), new Socket()];
    await eventStream(left).cancel();
    expect(left.closed).toBe("the reader has left");
    const stream = eventStream(ended);
    ended.tell("error");
    await stream.cancel();
    expect(ended.closed).toBeUndefined(); // it has ended by itself
  });
});
