/** A WebSocket as every runtime has it, as far as a worker uses it. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: unknown) => void) | null;
}

/** Opens a socket. */
export type OpenSocket = (url: string, protocol: string) => Promise<WebSocketLike>;

type WebSocketClass = new (url: string, protocol: string) => WebSocketLike;

/** `readyState` of a socket that takes messages. */
export const SOCKET_OPEN = 1;

/**
 * The runtime's own WebSocket: Node has one since version 22, before it takes the package `ws`.
 *
 * @throws Error when there is neither
 */
export const openSocket: OpenSocket = async (url, protocol) => {
  const own = (globalThis as unknown as { WebSocket?: WebSocketClass }).WebSocket;
  const Socket = own ?? (await fromPackage());
  const socket = new Socket(url, protocol);
  socket.binaryType = "arraybuffer";
  return socket;
};

async function fromPackage(): Promise<WebSocketClass> {
  const name = "ws"; // not for bundlers: only old Node needs it
  try {
    const { WebSocket } = (await import(name)) as { WebSocket: WebSocketClass };
    return WebSocket;
  } catch (error) {
    throw new Error("connect: this runtime has no WebSocket: use Node 22 or newer, or install the package ws", {
      cause: error,
    });
  }
}
