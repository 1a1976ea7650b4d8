import {
  ConnectMessage,
  GatewayConnectionReadyData,
  GatewayMessageType,
  StartRequest,
  StartResponse,
  SystemError,
  type WorkerConnectRequestData,
  WorkerConnectRequestData as ConnectRequest,
} from "../protocol/connect/connect.ts";
import { CONNECT_SUBPROTOCOL } from "../protocol/connect/subprotocol.ts";
import { deferred } from "../protocol/deferred.ts";
import { durationMs } from "../protocol/time-string.ts";
import { callApi } from "../sdk/api.ts";
import type { Inngest } from "../sdk/client.ts";
import { type OpenSocket, SOCKET_OPEN, type WebSocketLike } from "./socket.ts";

const START_TIMEOUT_MS = 10_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const DEFAULT_HEARTBEAT_MS = 10_000;
const DEFAULT_EXTEND_MS = 30_000;
/** A gateway that leaves so many heartbeats unanswered is gone. */
const HEARTBEATS_UNANSWERED_MAX = 2;
const UNEXPECTED = 4001;
const EMPTY = new Uint8Array();
/** How our own platform calls itself: it follows races of steps as they are. */
const OUR_GATEWAYS = "dotdo";

/** The platform has refused the worker's keys. */
export class AuthenticationError extends Error {
  override name = "AuthenticationError";
}

export interface LinkOptions {
  client: Inngest;
  openSocket: OpenSocket;
  gatewayUrl?: string;
  rewriteGatewayEndpoint?: (endpoint: string) => string;
  /** groups of gateways that were not reached */
  excludeGateways: ReadonlySet<string>;
  /** what the worker says of itself, but for its session */
  /** @param isOurs the other side is this package's platform, and understands what is ours */
  introduction: (isOurs: boolean) => Omit<WorkerConnectRequestData, "connectionId" | "authData">;
}

/** What happens on a link once it stands. */
export interface LinkEvents {
  message(message: ConnectMessage): void;
  /** it is over, and was not closed by us */
  lost(why: string): void;
}

/** One connection to a gateway, over which worker and platform know each other. */
export class Link {
  readonly id: string;
  readonly group: string;
  readonly extendLeaseMs: number;
  /** epoch ms of the last ones */
  heartbeatSentAt: number | undefined;
  heartbeatReceivedAt: number | undefined;
  readonly #socket: WebSocketLike;
  readonly #heartbeatMs: number;
  #beating: ReturnType<typeof setInterval> | null = null;
  #unanswered = 0;
  #isOver = false;

  constructor(start: StartResponse, ready: GatewayConnectionReadyData, socket: WebSocketLike) {
    this.id = start.connectionId;
    this.group = start.gatewayGroup;
    this.#heartbeatMs = intervalMs(ready.heartbeatInterval, DEFAULT_HEARTBEAT_MS);
    this.extendLeaseMs = intervalMs(ready.extendLeaseInterval, DEFAULT_EXTEND_MS);
    this.#socket = socket;
  }

  get isOpen(): boolean {
    return !this.#isOver && this.#socket.readyState === SOCKET_OPEN;
  }

  /** Whether the other side is this package's platform. */
  get isOurs(): boolean {
    return this.group === OUR_GATEWAYS;
  }

  /** Listens from now on, and is heard at the gateway's pace. */
  listen(events: LinkEvents): void {
    const lost = (why: string) => {
      if (this.#isOver) return;
      this.close();
      events.lost(why);
    };
    this.#socket.onmessage = ({ data }) => {
      const message = readMessage(data);
      if (message?.kind === GatewayMessageType.GATEWAY_HEARTBEAT) {
        this.#unanswered = 0;
        this.heartbeatReceivedAt = Date.now();
      } else if (message) events.message(message);
    };
    this.#socket.onclose = ({ code, reason }) => lost(`closed: ${code} ${reason}`);
    this.#socket.onerror = () => lost("the connection broke");
    this.#beating = setInterval(() => {
      if (this.#unanswered >= HEARTBEATS_UNANSWERED_MAX) return lost("the gateway does not answer");
      this.#unanswered += 1;
      if (this.send(GatewayMessageType.WORKER_HEARTBEAT)) this.heartbeatSentAt = Date.now();
    }, this.#heartbeatMs);
  }

  /** False when nothing can be sent any more. */
  send(kind: GatewayMessageType, payload: Uint8Array = EMPTY): boolean {
    if (!this.isOpen) return false;
    this.#socket.send(frame(kind, payload));
    return true;
  }

  close(): void {
    this.#isOver = true;
    if (this.#beating !== null) clearInterval(this.#beating);
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.onerror = () => {};
    this.#socket.close();
  }
}

/**
 * Asks the platform where to connect, connects, and introduces the worker (inngest-protocol §7.1, §7.2).
 *
 * @throws AuthenticationError when it refuses the keys, and Error saying what went wrong otherwise; it may be tried again
 */
export async function openLink(options: LinkOptions): Promise<Link> {
  const start = await startSession(options);
  const { rewriteGatewayEndpoint: rewrite = (endpoint: string) => endpoint } = options;
  const endpoint = options.gatewayUrl ?? rewrite(start.gatewayEndpoint);
  const socket = await options.openSocket(endpoint, CONNECT_SUBPROTOCOL);
  return new Link(start, await shakeHands(socket, start, options), socket);
}

async function startSession({ client, excludeGateways }: LinkOptions): Promise<StartResponse> {
  const response = await callApi(client, "v0/connect/start", {
    method: "POST",
    body: StartRequest.encode({ excludeGateways: [...excludeGateways] })
      .finish()
      .slice(),
    headers: { "content-type": "application/protobuf" },
    timeoutMs: START_TIMEOUT_MS,
  });
  if (response.ok) return StartResponse.decode(new Uint8Array(await response.arrayBuffer()));
  const said = (await response.text()).slice(0, 300);
  const message = `${client.apiBaseUrl}v0/connect/start answered ${response.status}: ${said}`;
  if (response.status === 401 || response.status === 403)
    throw new AuthenticationError(`${message}; check INNGEST_SIGNING_KEY`);
  throw new Error(message);
}

function shakeHands(
  socket: WebSocketLike,
  start: StartResponse,
  { introduction }: LinkOptions,
): Promise<GatewayConnectionReadyData> {
  const { promise, resolve, reject } = deferred<GatewayConnectionReadyData>();
  const introduced = introduction(start.gatewayGroup === OUR_GATEWAYS);
  let isGreeted = false;
  const fail = (why: string) => {
    reject(new Error(`the gateway did not take this worker (connection ${start.connectionId}): ${why}`));
    socket.close(UNEXPECTED, "UNEXPECTED");
  };
  const timer = setTimeout(() => fail(`nothing within ${HANDSHAKE_TIMEOUT_MS / 1000} s`), HANDSHAKE_TIMEOUT_MS);
  let refusal: string | undefined;
  socket.onerror = () => fail(refusal ?? "it cannot be reached");
  socket.onclose = ({ code, reason }) => fail(refusal ?? `closed: ${code} ${reason}`);
  socket.onmessage = ({ data }) => {
    const message = readMessage(data);
    switch (message?.kind) {
      case GatewayMessageType.GATEWAY_HELLO: {
        if (isGreeted) return;
        isGreeted = true;
        const { connectionId, sessionToken, syncToken } = start;
        const authData = { sessionToken, syncToken };
        const hello = ConnectRequest.encode({ ...introduced, connectionId, authData });
        return socket.send(frame(GatewayMessageType.WORKER_CONNECT, hello.finish()));
      }
      case GatewayMessageType.GATEWAY_CONNECTION_READY:
        return resolve(GatewayConnectionReadyData.decode(message.payload));
      case GatewayMessageType.SYNC_FAILED:
        refusal = SystemError.decode(message.payload).message; // the close that follows names only the kind
        return;
      case GatewayMessageType.GATEWAY_CLOSING:
        return fail("it is closing");
      default:
        return;
    }
  };
  return promise.finally(() => {
    clearTimeout(timer);
    socket.onerror = () => {};
    socket.onclose = socket.onmessage = null;
  });
}

function frame(kind: GatewayMessageType, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return ConnectMessage.encode({ kind, payload }).finish().slice();
}

function readMessage(data: unknown): ConnectMessage | undefined {
  try {
    if (data instanceof ArrayBuffer) return ConnectMessage.decode(new Uint8Array(data));
    if (data instanceof Uint8Array) return ConnectMessage.decode(data);
  } catch {
    // no message of the protocol
  }
  return undefined;
}

/** A gateway's interval, such as "10s". */
function intervalMs(text: string, otherwise: number): number {
  try {
    return durationMs(text, "interval") || otherwise;
  } catch {
    return otherwise; // one that cannot be read
  }
}
