/** A gateway that a test plays, from the side of a worker: the API that it starts at, and sockets. */
import {
  ConnectMessage,
  FlushResponse,
  GatewayConnectionReadyData,
  GatewayExecutorRequestData,
  GatewayMessageType as Kind,
  SDKResponse,
  StartRequest,
  StartResponse,
  SystemError,
  WorkerConnectRequestData,
  WorkerReplyAckData,
  WorkerRequestExtendLeaseAckData,
  WorkerRequestExtendLeaseData,
} from "../../src/protocol/connect/connect.ts";
import type { OpenSocket, WebSocketLike } from "../../src/connect/socket.ts";

const EMPTY = new Uint8Array();

export class FakeSocket implements WebSocketLike {
  binaryType = "";
  readyState = 1;
  /** called when somebody listens for the first time */
  listened: (() => void) | null = null;
  #onmessage: WebSocketLike["onmessage"] = null;
  onclose: WebSocketLike["onclose"] = null;
  onerror: WebSocketLike["onerror"] = null;
  /** whether heartbeats are answered */
  isAnswering = true;
  readonly url: string;
  readonly said: ConnectMessage[] = [];
  /** how the worker closed it */
  closed: { code?: number } | null = null;

  constructor(url: string) {
    this.url = url;
  }
  get onmessage(): WebSocketLike["onmessage"] {
    return this.#onmessage;
  }
  set onmessage(listener: WebSocketLike["onmessage"]) {
    this.#onmessage = listener;
    const { listened } = this;
    this.listened = null;
    if (listened) queueMicrotask(listened);
  }
  send(data: Uint8Array): void {
    const message = ConnectMessage.decode(data);
    this.said.push(message);
    if (message.kind === Kind.WORKER_HEARTBEAT && this.isAnswering) this.say(Kind.GATEWAY_HEARTBEAT);
  }
  close(code?: number): void {
    this.readyState = 3;
    this.closed ??= { code };
  }

  /** The gateway says something. */
  say(kind: Kind, payload: Uint8Array = EMPTY): void {
    const bytes = ConnectMessage.encode({ kind, payload }).finish().slice();
    this.onmessage?.({ data: bytes.buffer });
  }
  /** The connection ends without the worker's doing. */
  drop(code = 1006, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
  ready(intervals: Partial<GatewayConnectionReadyData> = {}): void {
    const all = { heartbeatInterval: "10s", extendLeaseInterval: "30s", statusInterval: "0s", ...intervals };
    this.say(Kind.GATEWAY_CONNECTION_READY, GatewayConnectionReadyData.encode(all).finish());
  }
  refuse(message: string): void {
    this.say(Kind.SYNC_FAILED, SystemError.encode({ code: "connect_sync_failed", message, data: undefined }).finish());
    this.drop(1008, "connect_sync_failed");
  }
  call(body: object, more: Partial<GatewayExecutorRequestData> = {}): GatewayExecutorRequestData {
    const request: GatewayExecutorRequestData = {
      requestId: "R1",
      accountId: "account",
      envId: "env",
      appId: "app-uuid",
      appName: "w",
      functionId: "fn-uuid",
      functionSlug: "w-work",
      stepId: "step",
      requestPayload: new TextEncoder().encode(JSON.stringify(body)),
      systemTraceCtx: new Uint8Array([1]),
      userTraceCtx: new TextEncoder().encode("{}"),
      runId: "RUN",
      leaseId: "L1",
      jobId: "J1",
      ...more,
    };
    this.say(Kind.GATEWAY_EXECUTOR_REQUEST, GatewayExecutorRequestData.encode(request).finish());
    return request;
  }
  acknowledge(requestId: string): void {
    this.say(Kind.WORKER_REPLY_ACK, WorkerReplyAckData.encode({ requestId }).finish());
  }
  lease(requestId: string, newLeaseId: string | undefined): void {
    const answer = { requestId, accountId: "", envId: "", appId: "", functionSlug: "", newLeaseId };
    this.say(Kind.WORKER_REQUEST_EXTEND_LEASE_ACK, WorkerRequestExtendLeaseAckData.encode(answer).finish());
  }

  get kinds(): Kind[] {
    return this.said.map(({ kind }) => kind);
  }
  get hello(): WorkerConnectRequestData {
    return WorkerConnectRequestData.decode(this.#of(Kind.WORKER_CONNECT)[0]!);
  }
  get replies(): SDKResponse[] {
    return this.#of(Kind.WORKER_REPLY).map((payload) => SDKResponse.decode(payload));
  }
  get extensions(): WorkerRequestExtendLeaseData[] {
    return this.#of(Kind.WORKER_REQUEST_EXTEND_LEASE).map((payload) => WorkerRequestExtendLeaseData.decode(payload));
  }
  count(kind: Kind): number {
    return this.#of(kind).length;
  }
  #of(kind: Kind): Uint8Array[] {
    return this.said.filter((message) => message.kind === kind).map(({ payload }) => payload);
  }
}

export class FakeGateway {
  readonly sockets: FakeSocket[] = [];
  readonly starts: { authorization: string | null; env: string | null; excluded: string[] }[] = [];
  /** results that came over HTTP */
  readonly flushed: SDKResponse[] = [];
  /** answers to the next starts; 200 when none is left */
  startStatuses: number[] = [];
  flushStatus = 200;
  group = "dotdo";
  /** whether sockets are welcomed as soon as they are open */
  isWelcoming = true;

  readonly fetch: typeof fetch = async (input, init) => {
    const url = new URL(String(input));
    const sent = new Uint8Array(await new Response(init?.body).arrayBuffer());
    const headers = new Headers(init?.headers);
    if (url.pathname === "/v0/connect/flush") {
      if (this.flushStatus !== 200) return new Response("no", { status: this.flushStatus });
      const reply = SDKResponse.decode(sent);
      this.flushed.push(reply);
      return new Response(FlushResponse.encode({ requestId: reply.requestId }).finish().slice());
    }
    if (url.pathname !== "/v0/connect/start") return new Response("?", { status: 404 });
    const excluded = StartRequest.decode(sent).excludeGateways;
    this.starts.push({ authorization: headers.get("authorization"), env: headers.get("x-inngest-env"), excluded });
    const status = this.startStatuses.shift() ?? 200;
    if (status !== 200) return new Response("not now", { status });
    const response = {
      connectionId: `C${this.starts.length}`,
      gatewayEndpoint: "ws://gateway/v0/connect",
      gatewayGroup: this.group,
      sessionToken: "session",
      syncToken: "sync",
    };
    return new Response(StartResponse.encode(response).finish().slice());
  };

  readonly open: OpenSocket = async (url, protocol) => {
    const socket = new FakeSocket(url);
    this.sockets.push(socket);
    if (protocol !== "v0.connect.inngest.com") throw new Error(`unknown subprotocol ${protocol}`);
    if (this.isWelcoming)
      socket.listened = () => {
        socket.say(Kind.GATEWAY_HELLO);
        if (socket.kinds.includes(Kind.WORKER_CONNECT)) socket.ready();
      };
    return socket;
  };

  get last(): FakeSocket {
    return this.sockets.at(-1)!;
  }
}
