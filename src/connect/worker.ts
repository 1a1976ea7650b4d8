/**
 * A worker: keeps one connection to the platform, executes the calls that come over it, and brings their results
 * (inngest-protocol §7).
 *
 * 1. While a call executes its lease is extended, over whichever connection stands.
 * 2. A result counts as brought when it is acknowledged; until then it is kept, and goes over HTTP if its connection is gone.
 * 3. A gateway that goes is replaced before it is left.
 * 4. Closing takes no more calls, and waits for those that execute.
 */
import {
  type ConnectMessage,
  GatewayExecutorRequestData,
  GatewayMessageType,
  SDKResponse,
  WorkerReplyAckData,
  WorkerRequestAckData,
  WorkerRequestExtendLeaseAckData,
  WorkerRequestExtendLeaseData,
} from "../protocol/connect/connect.ts";
import { type Deferred, deferred } from "../protocol/deferred.ts";
import { version } from "../sdk/version.ts";
import type { ServedApp } from "../serve/app.ts";
import { answerCall, appsOf, configsOf, frameworkName } from "./calls.ts";
import { AuthenticationError, type Link, openLink, type LinkOptions } from "./link.ts";
import { hostName, onSignals, systemAttributes } from "./machine.ts";
import type { ConnectSettings } from "./options.ts";
import { Outbox } from "./outbox.ts";
import type { OpenSocket } from "./socket.ts";
import { ConnectionState, type ConnectDebugState, type InFlightRequest, type WorkerConnection } from "./state.ts";

/** Pauses before a connection is tried again; the last stays (inngest/inngest-js, components/connect/util). */
const BACKOFF_MS = [1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000];
/** Refused keys may be right a moment later, while a platform's are changed; this often they are not. */
const REFUSALS_MAX = 3;
const FLUSH_AGAIN_MS = 5_000;
const FLUSHES_AT_END = 5;

/** A call that executes. */
interface Executing {
  info: InFlightRequest;
  /** null when another worker has it by now: its result is nobody's */
  leaseId: string | null;
  extending: ReturnType<typeof setInterval>;
}

export class Worker implements WorkerConnection {
  readonly #settings: ConnectSettings;
  readonly #openSocket: OpenSocket;
  readonly #apps: Map<string, ServedApp>;
  readonly #outbox: Outbox;
  readonly #closed = deferred();
  readonly #first = deferred();
  readonly #executing = new Map<string, Executing>();
  readonly #excluded = new Set<string>();
  #state: ConnectionState = ConnectionState.CONNECTING;
  #link: Link | null = null;
  #draining: Link | null = null;
  #wake: Deferred<void> = deferred();
  #isClosing = false;
  #flushing: Promise<void> | null = null;
  #lastMessageAt: number | undefined;
  #stopListening: () => void = () => {};

  /** @throws TypeError when a function is not one, or two share an id */
  constructor(settings: ConnectSettings, openSocket: OpenSocket) {
    this.#settings = settings;
    this.#openSocket = openSocket;
    this.#apps = appsOf(settings);
    this.#outbox = new Outbox(settings.client);
  }

  /** Resolves when it is connected for the first time. @throws AuthenticationError when its keys are refused */
  async start(): Promise<void> {
    this.#stopListening = onSignals(this.#settings.shutdownSignals, () => void this.close());
    void this.#keepConnected()
      .then(
        () => this.#first.reject(new Error("connect: the worker was closed before it was connected")),
        (error: unknown) => this.#first.reject(error),
      )
      .finally(() => {
        this.#state = ConnectionState.CLOSED;
        this.#stopListening();
        this.#closed.resolve();
      });
    await this.#first.promise;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get connectionId(): string {
    if (!this.#link) throw new Error(`the worker is not connected: it is ${this.#state}`);
    return this.#link.id;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  async close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#stopListening();
      this.#state = ConnectionState.CLOSING;
      this.#link?.send(GatewayMessageType.WORKER_PAUSE);
      this.#look();
    }
    await this.#closed.promise;
  }

  getDebugState(): ConnectDebugState {
    return {
      state: this.#state,
      activeConnectionId: this.#link?.id,
      drainingConnectionId: this.#draining?.id,
      lastHeartbeatSentAt: this.#link?.heartbeatSentAt,
      lastHeartbeatReceivedAt: this.#link?.heartbeatReceivedAt,
      lastMessageReceivedAt: this.#lastMessageAt,
      shutdownRequested: this.#isClosing,
      inFlightRequestCount: this.#executing.size,
      inFlightRequests: [...this.#executing.values()].map(({ info }) => ({ ...info })),
    };
  }

  // ---- the connection -------------------------------------------------------------------------------------------------

  async #keepConnected(): Promise<void> {
    let failures = 0;
    let refusals = 0;
    while (!this.#isOver) {
      if (this.#link) {
        await this.#wake.promise;
        this.#wake = deferred();
        continue;
      }
      try {
        this.#use(await openLink(this.#linkOptions()));
        failures = refusals = 0;
      } catch (error) {
        refusals = error instanceof AuthenticationError ? refusals + 1 : 0;
        if (refusals >= REFUSALS_MAX) throw error;
        this.#log(`connect: ${this.#isClosing ? "still to bring results" : "not connected"}; tried again`, error);
        await this.#pause(BACKOFF_MS[Math.min(failures++, BACKOFF_MS.length - 1)] ?? 0);
      }
    }
    await this.#leave();
  }

  /** Closing, and nothing executes any more. */
  get #isOver(): boolean {
    return this.#isClosing && this.#executing.size === 0;
  }

  #use(link: Link): void {
    this.#link = link;
    this.#excluded.delete(link.group);
    link.listen({
      message: (message) => this.#received(message, link),
      lost: (why) => this.#lost(link, why),
    });
    this.#draining?.close(); // only now: what it was sent is answered over the new one
    this.#draining = null;
    if (this.#isClosing) link.send(GatewayMessageType.WORKER_PAUSE);
    else {
      this.#state = ConnectionState.ACTIVE;
      link.send(GatewayMessageType.WORKER_READY);
    }
    this.#first.resolve();
    this.#flush();
  }

  #lost(link: Link, why: string): void {
    this.#log(`connect: connection ${link.id} is lost (${why})`);
    this.#excluded.add(link.group);
    if (this.#draining === link) this.#draining = null;
    if (this.#link === link) this.#replace();
  }

  /** There is no connection to use, and another is made. */
  #replace(): void {
    this.#link = null;
    if (!this.#isClosing) this.#state = ConnectionState.RECONNECTING;
    this.#outbox.loseAll();
    this.#look();
  }

  #look(): void {
    this.#wake.resolve();
  }

  /** Ends early when something is to be looked at. */
  async #pause(ms: number): Promise<void> {
    const over = deferred();
    const timer = setTimeout(over.resolve, ms);
    await Promise.race([over.promise, this.#wake.promise]);
    clearTimeout(timer);
    this.#wake = deferred();
  }

  async #leave(): Promise<void> {
    this.#link?.close();
    this.#draining?.close();
    this.#link = this.#draining = null;
    this.#outbox.loseAll();
    for (let tries = 0; this.#outbox.hasLost && tries < FLUSHES_AT_END; tries++) {
      if (tries > 0) await new Promise((resolve) => setTimeout(resolve, BACKOFF_MS[tries - 1]));
      await this.#outbox.flush();
    }
    this.#state = ConnectionState.CLOSED;
  }

  #linkOptions(): LinkOptions {
    const { client, gatewayUrl, rewriteGatewayEndpoint, instanceId, maxWorkerConcurrency } = this.#settings;
    return {
      client,
      gatewayUrl,
      rewriteGatewayEndpoint,
      openSocket: this.#openSocket,
      excludeGateways: this.#excluded,
      introduction: (isOurs) => ({
        instanceId: instanceId ?? hostName(),
        capabilities: new TextEncoder().encode(JSON.stringify({ trust_probe: "v1", connect: "v1" })),
        apps: [...this.#apps.values()].map((app) => ({
          appName: app.client.id,
          appVersion: app.client.appVersion,
          functions: configsOf(app, isOurs),
          featureObservations: new Uint8Array(),
        })),
        workerManualReadinessAck: true,
        systemAttributes: systemAttributes(),
        environment: client.env,
        framework: frameworkName,
        platform: undefined,
        sdkVersion: `v${version}`,
        sdkLanguage: "dotdo-js",
        startedAt: { seconds: Math.floor(Date.now() / 1000), nanos: 0 },
        maxWorkerConcurrency,
      }),
    };
  }

  // ---- calls ----------------------------------------------------------------------------------------------------------

  #received({ kind, payload }: ConnectMessage, link: Link): void {
    this.#lastMessageAt = Date.now();
    switch (kind) {
      case GatewayMessageType.GATEWAY_EXECUTOR_REQUEST:
        return this.#take(GatewayExecutorRequestData.decode(payload), link);
      case GatewayMessageType.WORKER_REPLY_ACK:
        return this.#outbox.acknowledged(WorkerReplyAckData.decode(payload).requestId);
      case GatewayMessageType.WORKER_REQUEST_EXTEND_LEASE_ACK:
        return this.#extended(WorkerRequestExtendLeaseAckData.decode(payload));
      case GatewayMessageType.GATEWAY_CLOSING:
        if (this.#link !== link) return;
        this.#draining = link;
        return this.#replace();
      default:
        return; // what a later gateway may say
    }
  }

  /** A call is acknowledged at once, or not taken at all: then another worker gets it. */
  #take(request: GatewayExecutorRequestData, link: Link): void {
    const app = this.#apps.get(request.appName);
    if (this.#isClosing || !app) return;
    link.send(GatewayMessageType.WORKER_REQUEST_ACK, WorkerRequestAckData.encode(request).finish());
    if (this.#isKnown(request)) return;
    const now = Date.now();
    const { requestId, runId, stepId, appId, envId, functionSlug, accountId, leaseId } = request;
    const info = { requestId, runId, stepId, appId, envId, functionSlug, accountId };
    const executing: Executing = {
      info: { ...info, leaseAcquiredAt: now, leaseLastExtendedAt: now },
      leaseId,
      extending: setInterval(() => this.#extend(request, executing), link.extendLeaseMs),
    };
    this.#executing.set(requestId, executing);
    void this.#execute(app, request, executing, link.isOurs);
  }

  /** A call that comes again was acknowledged over a connection that broke: it executes, or its result is here. */
  #isKnown({ requestId, leaseId }: GatewayExecutorRequestData): boolean {
    const executing = this.#executing.get(requestId);
    if (executing) executing.leaseId = leaseId;
    const result = this.#outbox.result(requestId);
    if (result) this.#bring(result);
    return executing !== undefined || result !== undefined;
  }

  #extend(request: GatewayExecutorRequestData, { leaseId, info }: Executing): void {
    if (leaseId === null) return;
    const asked = WorkerRequestExtendLeaseData.encode({ ...request, leaseId }).finish();
    if (this.#link?.send(GatewayMessageType.WORKER_REQUEST_EXTEND_LEASE, asked)) info.leaseLastExtendedAt = Date.now();
  }

  #extended({ requestId, newLeaseId }: WorkerRequestExtendLeaseAckData): void {
    const executing = this.#executing.get(requestId);
    if (!executing) return;
    executing.leaseId = newLeaseId ?? null;
    if (newLeaseId === undefined)
      this.#log(
        `connect: another worker has call ${requestId} of "${executing.info.functionSlug}"; its result is dropped`,
      );
  }

  async #execute(
    app: ServedApp,
    request: GatewayExecutorRequestData,
    executing: Executing,
    isOurs: boolean,
  ): Promise<void> {
    const response = await answerCall(app, request, isOurs);
    clearInterval(executing.extending);
    this.#executing.delete(request.requestId);
    if (executing.leaseId !== null) this.#bring(response);
    if (this.#isClosing) this.#look();
  }

  #bring(response: SDKResponse): void {
    const isSent = this.#link?.send(GatewayMessageType.WORKER_REPLY, SDKResponse.encode(response).finish());
    if (isSent) return this.#outbox.sent(response, () => this.#flush());
    this.#outbox.lost(response);
  }

  /** Only while there is a platform to bring them to. */
  #flush(): void {
    if (!this.#link || !this.#outbox.hasLost || this.#flushing) return;
    this.#flushing = this.#outbox.flush().finally(() => {
      this.#flushing = null;
      if (this.#outbox.hasLost) setTimeout(() => this.#flush(), FLUSH_AGAIN_MS);
    });
  }

  #log(message: string, error?: unknown): void {
    const why = error instanceof Error ? [error.message] : [];
    this.#settings.client.internalLogger.warn(message, ...why);
  }
}
