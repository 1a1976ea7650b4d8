import { DurableObject } from "cloudflare:workers";
import type { WorkerResult } from "../protocol/connect/result.ts";
import { CONNECT_SUBPROTOCOL } from "../protocol/connect/subprotocol.ts";
import { ConnectObject, type SocketMemo, type WorkerSocket } from "./connect-object.ts";
import { installedParts } from "./installed.ts";
import type { GatewayObjectApi, WorkerCall } from "./objects.ts";
import type { WorkerMessage } from "./transport.ts";
import { workerdHost } from "./workerd-host.ts";

/** The gateway of an environment: sockets of workers, which hibernate, and the calls that they have. */
export class ConnectDO extends DurableObject implements GatewayObjectApi {
  readonly #gateway: ConnectObject;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#gateway = new ConnectObject(workerdHost(ctx), {
      sockets: () => ctx.getWebSockets().map(workerSocket),
      session: (token) => installedParts().connect.session(token),
      readSync: (body) => installedParts().connect.readSync(body),
    });
  }

  /** Accepts a worker's socket, which does not come by RPC; who it is it says in its first message. */
  override async fetch(): Promise<Response> {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    await this.#gateway.opened(workerSocket(server));
    return new Response(null, {
      status: 101,
      webSocket: client,
      headers: { "sec-websocket-protocol": CONNECT_SUBPROTOCOL },
    });
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer) {
    const bytes = typeof message === "string" ? new TextEncoder().encode(message) : new Uint8Array(message);
    await this.#gateway.received(workerSocket(socket), bytes);
  }

  override async webSocketClose(socket: WebSocket, code: number) {
    await this.#gateway.closed(workerSocket(socket));
    socket.close(isSendable(code) ? code : NORMAL); // answers the worker's close frame
  }

  override async webSocketError(socket: WebSocket) {
    await this.#gateway.closed(workerSocket(socket));
  }

  dispatch(call: WorkerCall, message: WorkerMessage) {
    return this.#gateway.dispatch(call, message);
  }

  holds(runId: string) {
    return this.#gateway.holds(runId);
  }

  flush(requestId: string, result: WorkerResult) {
    return this.#gateway.flush(requestId, result);
  }

  connections() {
    return this.#gateway.connections();
  }

  drain(connectionId: string) {
    return this.#gateway.drain(connectionId);
  }

  override alarm() {
    return this.#gateway.alarm();
  }
}

const NORMAL = 1000;

/** Some codes stand for there being no close frame, and may not be sent in one. */
function isSendable(code: number): boolean {
  return code === NORMAL || (code >= 3000 && code < 5000);
}

/** One for each socket, so that it can be compared. */
const known = new WeakMap<WebSocket, WorkerSocket>();

function workerSocket(socket: WebSocket): WorkerSocket {
  const before = known.get(socket);
  if (before) return before;
  const one: WorkerSocket = {
    send: (frame) => {
      // one that is closing is told nothing more; its calls are taken back when it has closed
      if (socket.readyState === WebSocket.OPEN) socket.send(frame);
    },
    close: (code, reason) => socket.close(code, reason),
    memo: () => socket.deserializeAttachment() as SocketMemo | null, // as it was kept
    keep: (memo) => socket.serializeAttachment(memo),
  };
  known.set(socket, one);
  return one;
}
