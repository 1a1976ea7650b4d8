/** A gateway with its runs, registry and logs in memory, and workers that a test plays frame by frame. */
import { acceptRecords } from "../../src/durable-objects/accept.ts";
import { ConnectObject, type SocketMemo, type WorkerSocket } from "../../src/durable-objects/connect-object.ts";
import { readEvents } from "../../src/protocol/event-request.ts";
import {
  ConnectMessage,
  GatewayConnectionReadyData,
  GatewayExecutorRequestData,
  GatewayMessageType,
  SDKResponse,
  SDKResponseStatus,
  SystemError,
  WorkerConnectRequestData,
  WorkerReplyAckData,
  WorkerRequestAckData,
  WorkerRequestExtendLeaseAckData,
  WorkerRequestExtendLeaseData,
} from "../../src/protocol/connect/connect.ts";
import { readResult } from "../../src/protocol/connect/read-result.ts";
import { runIdOf, ulidOf } from "../../src/protocol/ids.ts";
import { readSync } from "../../src/routes/apps.ts";
import type { RunView } from "../../src/routes/run-view.ts";
import { Activations } from "../../src/testing/host/activations.ts";
import { Driver } from "../../src/testing/host/driver.ts";
import { ENV, World } from "../../src/testing/host/world.ts";
import { Random } from "../../src/testing/random.ts";
import { ConnectFunctions } from "../../src/transports/connect.ts";

export const START = Date.UTC(2026, 0, 1);
const GATEWAY = "gateway";
const EMPTY = new Uint8Array();
const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** The config of a function as official workers register it. */
export const fnConfig = (app: string, id: string, more: object = {}) => ({
  id: `${app}-${id}`,
  name: id,
  triggers: [{ event: `${app}/${id}` }],
  steps: {
    step: {
      id: "step",
      name: "step",
      runtime: { type: "ws", url: `wss://connect?fnId=${app}-${id}&stepId=step` },
      retries: { attempts: 2 },
    },
  },
  ...more,
});

/** A request that a worker was sent. */
export type Request = GatewayExecutorRequestData & { body: any };

export interface Hello {
  apps?: { id: string; functions: object[]; version?: string }[];
  manual?: boolean;
  max?: number;
  connectionId?: string;
  token?: string;
  instanceId?: string;
}

/** One socket of a worker, seen from both of its ends. */
export class FakeSocket implements WorkerSocket {
  readonly frames: { kind: GatewayMessageType; payload: Uint8Array }[] = [];
  closed: { code: number; reason: string } | null = null;
  #memo: SocketMemo | null = null;
  readonly #stage: ConnectStage;

  constructor(stage: ConnectStage) {
    this.#stage = stage;
  }

  send(frame: Uint8Array): void {
    if (!this.closed) this.frames.push(ConnectMessage.decode(frame));
  }
  close(code: number, reason: string): void {
    this.closed ??= { code, reason };
  }
  memo(): SocketMemo | null {
    return this.closed ? null : structuredClone(this.#memo);
  }
  keep(memo: SocketMemo): void {
    this.#memo = structuredClone(memo);
  }

  /** The worker says something; all that follows at once happens. */
  async say(kind: GatewayMessageType, payload: Uint8Array = EMPTY): Promise<void> {
    await this.sayBytes(ConnectMessage.encode({ kind, payload }).finish());
  }
  async sayBytes(bytes: Uint8Array): Promise<void> {
    void this.#stage.gateway().received(this, bytes);
    await this.#stage.settle();
  }

  async hello(given: Hello): Promise<void> {
    const apps = given.apps ?? [{ id: "w", functions: [fnConfig("w", "work")] }];
    const connectionId =
      given.connectionId ?? ulidOf({ timeMs: this.#stage.now, entropy: this.#stage.random.bytes(10) });
    await this.say(
      GatewayMessageType.WORKER_CONNECT,
      WorkerConnectRequestData.encode({
        connectionId,
        instanceId: given.instanceId ?? "host-1",
        authData: { sessionToken: given.token ?? `main ${connectionId}`, syncToken: "" },
        capabilities: EMPTY,
        apps: apps.map(({ id, functions, version }) => ({
          appName: id,
          appVersion: version,
          functions: text(functions),
          featureObservations: EMPTY,
        })),
        workerManualReadinessAck: given.manual ?? false,
        systemAttributes: undefined,
        environment: undefined,
        framework: "connect",
        platform: undefined,
        sdkVersion: "v4.24.0",
        sdkLanguage: "typescript",
        startedAt: undefined,
        maxWorkerConcurrency: given.max,
      }).finish(),
    );
  }

  /** Requests that it was sent, oldest first. */
  get requests(): Request[] {
    return this.#payloads(GatewayMessageType.GATEWAY_EXECUTOR_REQUEST).map((payload) => {
      const request = GatewayExecutorRequestData.decode(payload);
      return { ...request, body: JSON.parse(new TextDecoder().decode(request.requestPayload)) };
    });
  }
  get kinds(): GatewayMessageType[] {
    return this.frames.map(({ kind }) => kind);
  }
  get ready(): GatewayConnectionReadyData | undefined {
    return this.#payloads(GatewayMessageType.GATEWAY_CONNECTION_READY).map((one) =>
      GatewayConnectionReadyData.decode(one),
    )[0];
  }
  get syncFailure(): SystemError | undefined {
    return this.#payloads(GatewayMessageType.SYNC_FAILED).map((one) => SystemError.decode(one))[0];
  }
  /** Ids of requests whose results were acknowledged. */
  get replyAcks(): string[] {
    return this.#payloads(GatewayMessageType.WORKER_REPLY_ACK).map((one) => WorkerReplyAckData.decode(one).requestId);
  }
  get extensions(): WorkerRequestExtendLeaseAckData[] {
    return this.#payloads(GatewayMessageType.WORKER_REQUEST_EXTEND_LEASE_ACK).map((one) =>
      WorkerRequestExtendLeaseAckData.decode(one),
    );
  }
  #payloads(kind: GatewayMessageType): Uint8Array[] {
    return this.frames.filter((frame) => frame.kind === kind).map(({ payload }) => payload);
  }

  async ack(request: Request): Promise<void> {
    const acked = WorkerRequestAckData.encode({ ...request, stepId: request.stepId }).finish();
    await this.say(GatewayMessageType.WORKER_REQUEST_ACK, acked);
  }
  async extend(request: Request, leaseId = request.leaseId): Promise<void> {
    const asked = WorkerRequestExtendLeaseData.encode({ ...request, leaseId }).finish();
    await this.say(GatewayMessageType.WORKER_REQUEST_EXTEND_LEASE, asked);
  }
  async reply(request: Request, answer: Answer): Promise<void> {
    await this.say(GatewayMessageType.WORKER_REPLY, SDKResponse.encode(response(request, answer)).finish());
  }
  heartbeat(): Promise<void> {
    return this.say(GatewayMessageType.WORKER_HEARTBEAT);
  }
  /** The worker closes it, or the network does. */
  async leave(): Promise<void> {
    void this.#stage.gateway().closed(this);
    this.closed ??= { code: 1000, reason: "left" };
    await this.#stage.settle();
  }
}

export interface Answer {
  status?: SDKResponseStatus;
  body: unknown;
  noRetry?: boolean;
  retryAfter?: string;
}

export const returned = (value: unknown): Answer => ({ body: value });
export const failed = (message: string, more: Partial<Answer> = {}): Answer => ({
  status: SDKResponseStatus.ERROR,
  body: { name: "Error", message },
  ...more,
});

export function response(request: Request, { status, body, noRetry, retryAfter }: Answer): SDKResponse {
  const { requestId, accountId, envId, appId, runId } = request;
  return {
    requestId,
    accountId,
    envId,
    appId,
    status: status ?? SDKResponseStatus.DONE,
    body: text(body),
    noRetry: noRetry ?? false,
    retryAfter,
    sdkVersion: "inngest-js:v4.24.0",
    requestVersion: 2,
    systemTraceCtx: EMPTY,
    userTraceCtx: EMPTY,
    runId,
  };
}

export class ConnectStage {
  readonly random = new Random(7);
  readonly world: World;
  readonly #driver: Driver;
  readonly #sockets: FakeSocket[] = [];
  #gateway: ConnectObject | undefined;

  constructor() {
    const unused = () => Promise.reject(new Error("no app is called over HTTP here"));
    this.world = new World({
      start: START,
      random: () => this.random.next(),
      transports: () => ({
        local: {
          has: () => false,
          activate: () => {
            throw new Error("nothing runs here");
          },
        },
        http: { call: unused, gateway: unused },
        connect: new ConnectFunctions(),
      }),
      gateway: (host) =>
        (this.#gateway = new ConnectObject(host, {
          sockets: () => this.#sockets.filter(({ closed }) => closed === null),
          session: async (token) => {
            const [env = "", connectionId = ""] = token.split(" ");
            return env === "" ? null : { env, connectionId };
          },
          readSync: (body) => readSync(body, "connect"),
        })),
    });
    this.#driver = new Driver({
      world: this.world,
      activations: new Activations(),
      isHanging: () => false,
      hasTimeout: () => false,
      hasEnded: () => false,
      patienceMs: 5_000,
      isWork: () => true,
    });
  }

  get now(): number {
    return this.world.clock.now;
  }

  /** The gateway, awake. */
  gateway(): ConnectObject {
    if (!this.world.isAwake(GATEWAY, GATEWAY)) {
      this.#gateway = undefined;
      void this.world.objects().gateway(ENV).holds("nobody");
    }
    while (!this.#gateway) throw new Error("the gateway is not awake: settle first");
    return this.#gateway;
  }

  async settle(): Promise<void> {
    const stuck = await this.#driver.settle();
    if (stuck) throw new Error(`not at rest: ${JSON.stringify(stuck)}`);
  }
  async advance(ms: number): Promise<void> {
    const stuck = await this.#driver.advanceTo(this.now + ms);
    if (stuck) throw new Error(`not at rest: ${JSON.stringify(stuck)}`);
  }

  async wake(): Promise<void> {
    await Promise.all([this.world.objects().gateway(ENV).holds("nobody"), this.settle()]);
  }

  /** The gateway loses its memory and keeps its sockets, as when it sleeps. */
  async hibernate(): Promise<void> {
    this.world.reset(GATEWAY, GATEWAY);
    await this.wake();
  }
  /** The gateway's process dies, and its sockets with it. */
  async crash(): Promise<void> {
    for (const socket of this.#sockets) socket.closed ??= { code: 1006, reason: "" };
    this.world.resetAll();
    await this.wake();
  }

  /** A socket that was accepted. */
  async open(): Promise<FakeSocket> {
    await this.wake();
    const socket = new FakeSocket(this);
    this.#sockets.push(socket);
    void this.gateway().opened(socket);
    await this.settle();
    return socket;
  }
  /** A worker that has said who it is. */
  async worker(hello: Hello = {}): Promise<FakeSocket> {
    const socket = await this.open();
    await socket.hello(hello);
    return socket;
  }

  /** Starts a run of a function, and lets all happen that follows at once; its id. */
  async start(name = "w/work", functionId = name.replace("/", "-")): Promise<string> {
    const seed = { timeMs: this.now, entropy: this.random.bytes(10) };
    const records = readEvents(JSON.stringify({ name, data: {} }), seed, this.now);
    await Promise.all([this.world.invoke((objects) => acceptRecords(objects, ENV, records, this.now)), this.settle()]);
    return runIdOf(records[0]!.internalId, functionId);
  }

  async #ask<T>(question: Promise<T>): Promise<T> {
    const [answer] = await Promise.all([question, this.settle()]);
    return answer;
  }

  async run(runId: string): Promise<RunView> {
    const run = this.world.objects().run(ENV, runId);
    const summary = await this.#ask(run.summary());
    return { ...summary!, ...(await this.#ask(run.journal(0))) };
  }
  async state(runId: string) {
    return (await this.run(runId)).run.state;
  }
  async cancel(runId: string): Promise<void> {
    await this.#ask(this.world.objects().run(ENV, runId).cancel("asked"));
  }
  async flush(request: Request, answer: Answer): Promise<void> {
    const result = readResult(response(request, answer));
    await this.#ask(this.world.objects().gateway(ENV).flush(request.requestId, result));
  }
  async holds(runId: string): Promise<boolean> {
    return this.#ask(this.world.objects().gateway(ENV).holds(runId));
  }
  connections() {
    return this.#ask(this.world.objects().gateway(ENV).connections());
  }
  drain(id: string) {
    return this.#ask(this.world.objects().gateway(ENV).drain(id));
  }
}
