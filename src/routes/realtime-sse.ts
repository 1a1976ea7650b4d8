import type { ChannelSocket } from "../durable-objects/objects.ts";
import { REALTIME_SSE_BUFFER_MAX_BYTES } from "../protocol/limits.ts";
import { PING_FRAME } from "../protocol/realtime.ts";

const encoder = new TextEncoder();

/**
 * The frames of a channel's socket as server-sent events, so that the channel knows one kind of subscriber, which it need
 * not stay awake for. Pings become comments, and bytes pass as they are: a durable endpoint has written events itself.
 */
export function eventStream(socket: ChannelSocket): ReadableStream<Uint8Array> {
  let isOver = false;
  const hangUp = (reason: string) => {
    if (!isOver) socket.close(1000, reason);
    isOver = true;
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const end = () => {
          if (!isOver) controller.close();
          isOver = true;
        };
        controller.enqueue(encoder.encode(":\n\n")); // headers leave with the first bytes
        socket.addEventListener("message", ({ data }) => {
          if (isOver) return;
          controller.enqueue(bytesOf(data));
          if ((controller.desiredSize ?? 0) >= 0) return;
          hangUp("it reads too slowly");
          controller.error(new Error(`more than ${REALTIME_SSE_BUFFER_MAX_BYTES} bytes were not read`));
        });
        socket.addEventListener("close", end);
        socket.addEventListener("error", end);
        socket.binaryType = "arraybuffer";
        socket.accept();
      },
      cancel: () => hangUp("the reader has left"),
    },
    { highWaterMark: REALTIME_SSE_BUFFER_MAX_BYTES, size: (bytes) => bytes.byteLength },
  );
}

function bytesOf(frame: unknown): Uint8Array {
  if (frame instanceof ArrayBuffer) return new Uint8Array(frame);
  return encoder.encode(frame === PING_FRAME ? ":\n\n" : `data: ${frame}\n\n`);
}
