/**
 * The gateway of an environment: sockets of workers, and calls of runs on their way to them (inngest-protocol §7). Knows no
 * runtime, only {@link Host} and {@link WorkerSocket}.
 *
 * 1. A call is stored from the moment it is taken on until its run has heard a result, or why none comes; so a run need not
 *    stay in memory, and asks `holds` before it gives a call up.
 * 2. One worker at a time has a call, by a lease that it extends. Results count by the call's name, whoever brings them:
 *    the first one that the run takes. What comes later, or twice, changes nothing there (G4).
 * 3. A worker is heard only about apps that its connection serves (G11); the run itself checks.
 * 4. A call that no worker has acknowledged goes to another when its worker is gone. One that was is waited for until its
 *    lease is over: the worker may be back before.
 * 5. What is kept in memory alone is how long leases and sockets are good for. A gateway that wakes begins them anew.
 */
import { readCallRef } from "../protocol/call-ref.ts";
import {
  ConnectMessage,
  GatewayConnectionReadyData,
  GatewayExecutorRequestData,
  GatewayMessageType,
  SDKResponse,
  SystemError,
  WorkerConnectRequestData,
  WorkerReplyAckData,
  WorkerRequestAckData,
  WorkerRequestExtendLeaseAckData,
  WorkerRequestExtendLeaseData,
} from "../protocol/connect/connect.ts";
import { readResult } from "../protocol/connect/read-result.ts";
import type { WorkerResult } from "../protocol/connect/result.ts";
import { derivedUlid, uuidOf } from "../protocol/ids.ts";
import {
  CONNECT_HEARTBEAT_MS,
  CONNECT_HELLO_MS,
  CONNECT_LEASE_EXTEND_MS,
  CONNECT_LEASE_MS,
  CONNECT_SILENCE_MAX_MS,
} from "../protocol/limits.ts";
import { ConnectBook, type GatewayCall } from "./connect-book.ts";
import {
  choose,
  isServed,
  leasedUntil,
  refusedHello,
  servesApp,
  waitsUntil,
  type CloseReason,
  type Connection,
} from "./connect-rules.ts";
import type { Host } from "./host.ts";
import type { AppSync, ConnectionView, GatewayObjectApi, WorkerCall } from "./objects.ts";
import type { WorkerMessage } from "./transport.ts";

/** What a socket remembers while its object sleeps. */
export interface SocketMemo {
  openedAt: number;
  /** when its worker was heard last */
  seenAt: number;
  /** null until the worker has said who it is */
  connectionId: string | null;
}

/** A socket of a worker, as the runtime has it. */
export interface WorkerSocket {
  send(frame: Uint8Array): void;
  close(code: number, reason: CloseReason): void;
  memo(): SocketMemo | null;
  keep(memo: SocketMemo): void;
}

/** What a gateway asks of the Worker around it. */
export interface GatewayParts {
  /** all that are open */
  sockets(): WorkerSocket[];
  /** Whose session a token is; null for one that is not ours, or too old. */
  session(token: string): Promise<{ connectionId: string; env: string } | null>;
  /**
   * What a worker registers of one app.
   *
   * @throws Error naming function and field
   */
  readSync(body: unknown): AppSync;
}

/** What a worker is told of failures that are its own to mend. */
class Refused extends Error {
  readonly reason: CloseReason;

  constructor(reason: CloseReason, message: string = reason) {
    super(message);
    this.reason = reason;
  }
}

const RETRY_MS = 5_000;
const TELL_TRIES = 3;
const TELL_AGAIN_MS = 500;
/** Calls that are fetched from their runs at the same time. */
const FETCHED_AT_ONCE = 20;
/** A worker that was asked to go, has nothing left to do and stays is closed after this. */
const DRAINED_MS = 30_000;
const NOTE_SEEN_EVERY_MS = 5_000;
const EMPTY = new Uint8Array();
const encoder = new TextEncoder();
const POLICY_VIOLATION = 1008;
const INTERNAL_ERROR = 1011;
const GOING_AWAY = 1001;

export class ConnectObject implements Omit<GatewayObjectApi, "fetch"> {
  readonly #host: Host;
  readonly #parts: GatewayParts;
  #book: ConnectBook | null = null;
  readonly #sockets = new Map<string, WorkerSocket>();
  /** when a call is given up, unless something is heard */
  readonly #deadlines = new Map<string, number>();
  readonly #acknowledged = new Set<string>();
  /** calls about which their run is being asked or told */
  readonly #underway = new Set<string>();
  /** sockets whose worker is being registered */
  readonly #greeting = new Set<WorkerSocket>();
  readonly #drainedAt = new Map<string, number>();
  /** undefined until it was asked for */
  #alarmAt: number | null | undefined;
  #retryAt: number | null = null;

  constructor(host: Host, parts: GatewayParts) {
    this.#host = host;
    this.#parts = parts;
  }

  // ---- runs -----------------------------------------------------------------------------------------------------------

  async dispatch(call: WorkerCall, message: WorkerMessage): Promise<void> {
    const book = await this.#ready();
    if (book.calls.has(call.requestId)) return;
    const now = this.#host.now();
    const waiting: GatewayCall = { ...call, since: now, connectionId: null, leaseId: null };
    const connection = this.#choose(call.functionId);
    if (connection) this.#give(waiting, connection, message);
    else {
      this.#write((one) => one.putCall(waiting));
      this.#armBy(this.#deadlineOf(waiting));
    }
  }

  async holds(runId: string): Promise<boolean> {
    const book = await this.#ready();
    this.#armBy(this.#host.now() + CONNECT_LEASE_MS); // should it ever not be
    return book.callsOf(runId) > 0;
  }

  async flush(requestId: string, result: WorkerResult): Promise<void> {
    await this.#ready();
    await this.#tell(requestId, result, null);
    this.#goOn();
  }

  async connections(): Promise<ConnectionView[]> {
    const book = await this.#ready();
    return [...book.connections.values()].map(({ apps, ...connection }) => ({
      ...connection,
      apps: apps.map(({ id, version, functions }) => ({ id, version, functions: functions.length })),
      inFlight: book.inFlight(connection.id),
      seenAt: this.#sockets.get(connection.id)?.memo()?.seenAt ?? connection.connectedAt,
    }));
  }

  async drain(connectionId: string): Promise<{ kind: "draining" | "unknown" }> {
    const connection = (await this.#ready()).connections.get(connectionId);
    if (!connection) return { kind: "unknown" };
    this.#change(connection, "draining");
    this.#send(connectionId, GatewayMessageType.GATEWAY_CLOSING);
    this.#arm();
    return { kind: "draining" };
  }

  // ---- sockets --------------------------------------------------------------------------------------------------------

  /** A socket was accepted: its worker has a few seconds to say who it is. */
  async opened(socket: WorkerSocket): Promise<void> {
    await this.#ready();
    const now = this.#host.now();
    const memo = { openedAt: now, seenAt: now, connectionId: null };
    socket.keep(memo);
    send(socket, GatewayMessageType.GATEWAY_HELLO);
    this.#armBy(goodUntil(memo));
  }

  async received(socket: WorkerSocket, bytes: Uint8Array): Promise<void> {
    await this.#ready();
    const memo = socket.memo();
    if (!memo) return;
    const now = this.#host.now();
    if (now - memo.seenAt >= NOTE_SEEN_EVERY_MS) socket.keep({ ...memo, seenAt: now });
    if (memo.connectionId === null) await this.#greet(socket, bytes);
    else {
      const connection = this.#load().connections.get(memo.connectionId);
      // what is told of a connection that was given up
      if (!connection) return socket.close(POLICY_VIOLATION, "connect_worker_silent");
      await this.#hear(connection, socket, bytes);
    }
  }

  async closed(socket: WorkerSocket): Promise<void> {
    const id = socket.memo()?.connectionId;
    await this.#ready();
    if (id != null && this.#sockets.get(id) === socket) this.#gone(id);
    this.#goOn();
    this.#arm();
  }

  async #greet(socket: WorkerSocket, bytes: Uint8Array): Promise<void> {
    if (this.#greeting.has(socket)) return;
    this.#greeting.add(socket);
    try {
      const hello = readHello(bytes);
      const connection = await this.#register(hello);
      const memo = socket.memo();
      if (!memo) return; // closed meanwhile
      const known = { ...memo, connectionId: connection.id };
      socket.keep(known);
      this.#armBy(goodUntil(known));
      this.#sockets.set(connection.id, socket);
      this.#write((book) => book.putConnection(connection));
      const intervals = {
        heartbeatInterval: `${CONNECT_HEARTBEAT_MS / 1000}s`,
        extendLeaseInterval: `${CONNECT_LEASE_EXTEND_MS / 1000}s`,
        statusInterval: "0s",
      };
      const ready = GatewayConnectionReadyData.encode(intervals).finish();
      send(socket, GatewayMessageType.GATEWAY_CONNECTION_READY, ready);
      if (connection.phase === "ready") this.#goOn();
    } catch (error) {
      this.#turnAway(socket, error);
    } finally {
      this.#greeting.delete(socket);
    }
  }

  #turnAway(socket: WorkerSocket, error: unknown): void {
    if (!(error instanceof Refused)) {
      this.#host.report(`a worker of environment "${this.#host.env}" could not be connected`, error);
      return socket.close(INTERNAL_ERROR, "connect_internal_error");
    }
    if (error.reason === "connect_sync_failed") {
      this.#host.report(`a worker of environment "${this.#host.env}" was not connected:`, error.message);
      const failure = SystemError.encode({ code: error.reason, message: error.message, data: undefined }).finish();
      send(socket, GatewayMessageType.SYNC_FAILED, failure);
    }
    socket.close(POLICY_VIOLATION, error.reason);
  }

  /** @throws Refused */
  async #register(hello: WorkerConnectRequestData): Promise<Connection> {
    const refusal = refusedHello(hello);
    if (refusal) throw new Refused(refusal);
    const session = await this.#parts.session(hello.authData?.sessionToken ?? "");
    const isOurs = session?.env === this.#host.env && session.connectionId === hello.connectionId;
    if (!isOurs || this.#sockets.has(hello.connectionId)) throw new Refused("connect_authentication_failed");
    const apps = [];
    for (const app of hello.apps) {
      const sync = this.#readSync(hello, app);
      const outcome = await this.#host.objects.registry(this.#host.env).sync(sync);
      if (outcome.kind === "taken")
        throw new Refused(
          "connect_sync_failed",
          `function "${outcome.functionId}" belongs to app "${outcome.appId}" already; choose another id`,
        );
      apps.push({ id: sync.appId, version: sync.appVersion ?? null, functions: sync.functions.map((fn) => fn.id) });
    }
    const { maxWorkerConcurrency } = hello;
    return {
      id: hello.connectionId,
      instanceId: hello.instanceId,
      phase: hello.workerManualReadinessAck ? "connected" : "ready",
      apps,
      maxConcurrency: maxWorkerConcurrency === undefined || maxWorkerConcurrency <= 0 ? null : maxWorkerConcurrency,
      sdk: `${hello.sdkLanguage}:${hello.sdkVersion}`,
      platform: hello.platform ?? null,
      connectedAt: this.#host.now(),
    };
  }

  /** @throws Refused */
  #readSync(hello: WorkerConnectRequestData, app: WorkerConnectRequestData["apps"][number]): AppSync {
    try {
      return this.#parts.readSync({
        url: "wss://connect",
        appName: app.appName,
        appVersion: app.appVersion,
        sdk: `${hello.sdkLanguage}:${hello.sdkVersion}`,
        framework: hello.framework || "connect",
        functions: JSON.parse(new TextDecoder().decode(app.functions)),
      });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Refused("connect_sync_failed", `app "${app.appName}" cannot be registered: ${why}`);
    }
  }

  async #hear(connection: Connection, socket: WorkerSocket, bytes: Uint8Array): Promise<void> {
    const message = decoded(() => ConnectMessage.decode(bytes));
    switch (message?.kind) {
      case GatewayMessageType.WORKER_HEARTBEAT:
        return send(socket, GatewayMessageType.GATEWAY_HEARTBEAT);
      case GatewayMessageType.WORKER_READY:
        if (connection.phase === "connected") this.#change(connection, "ready");
        return this.#goOn();
      case GatewayMessageType.WORKER_PAUSE:
        this.#change(connection, "paused");
        // what it had received before it has acknowledged before
        this.#takeBack(connection.id);
        this.#arm();
        return this.#goOn();
      case GatewayMessageType.WORKER_REQUEST_ACK:
        return this.#acknowledge(connection, message.payload);
      case GatewayMessageType.WORKER_REQUEST_EXTEND_LEASE:
        return this.#extend(connection, socket, message.payload);
      case GatewayMessageType.WORKER_REPLY:
        return this.#replied(connection, socket, message.payload);
      default:
        return; // status is not asked for, and what is not known is not for us
    }
  }

  #acknowledge(connection: Connection, payload: Uint8Array): void {
    const ack = decoded(() => WorkerRequestAckData.decode(payload));
    const call = ack && this.#load().calls.get(ack.requestId);
    if (call?.connectionId !== connection.id) return;
    this.#acknowledged.add(call.requestId);
    this.#deadlines.set(call.requestId, leasedUntil(this.#host.now(), true));
  }

  #extend(connection: Connection, socket: WorkerSocket, payload: Uint8Array): void {
    const asked = decoded(() => WorkerRequestExtendLeaseData.decode(payload));
    if (!asked) return;
    const { requestId, accountId, envId, appId, functionSlug, leaseId } = asked;
    const call = this.#load().calls.get(requestId);
    const isHeld = call !== undefined && call.leaseId === leaseId && servesApp(connection, call.appId);
    if (isHeld) {
      // the worker has come back on another connection
      if (call.connectionId !== connection.id)
        this.#write((book) => book.putCall({ ...call, connectionId: connection.id }));
      this.#acknowledged.add(requestId);
      this.#deadlines.set(requestId, leasedUntil(this.#host.now(), true));
    }
    const answer = { requestId, accountId, envId, appId, functionSlug, newLeaseId: isHeld ? leaseId : undefined };
    const encoded = WorkerRequestExtendLeaseAckData.encode(answer).finish();
    send(socket, GatewayMessageType.WORKER_REQUEST_EXTEND_LEASE_ACK, encoded);
  }

  async #replied(connection: Connection, socket: WorkerSocket, payload: Uint8Array): Promise<void> {
    const reply = decoded(() => SDKResponse.decode(payload));
    if (!reply) return;
    const apps = connection.apps.map((app) => app.id);
    try {
      await this.#tell(reply.requestId, readResult(reply), apps);
    } catch (error) {
      // not acknowledged: the worker keeps it, and brings it again
      return this.#host.report(`the result of call ${reply.requestId} could not be handed to its run`, error);
    }
    const ack = WorkerReplyAckData.encode({ requestId: reply.requestId }).finish();
    send(socket, GatewayMessageType.WORKER_REPLY_ACK, ack);
    if (connection.phase === "draining") this.#arm(); // it may have nothing left to do
    this.#goOn();
  }

  // ---- calls ----------------------------------------------------------------------------------------------------------

  /**
   * Hands a result to the run, which knows whether it is still wanted; then the call is over. It is kept when a worker of
   * another app has answered.
   *
   * @throws Error when the run cannot be reached
   */
  async #tell(requestId: string, result: WorkerResult, apps: string[] | null): Promise<void> {
    const named = readCallRef(requestId);
    if (!named) return;
    this.#underway.add(requestId);
    try {
      for (let tries = 1; ; tries++) {
        try {
          const { kind } = await this.#host.objects.run(this.#host.env, named.runId).answered(requestId, result, apps);
          if (kind !== "refused") this.#over(requestId);
          return;
        } catch (error) {
          if (tries >= TELL_TRIES) throw error;
          await this.#host.wait(TELL_AGAIN_MS, new Promise(() => undefined));
        }
      }
    } finally {
      this.#underway.delete(requestId);
    }
  }

  #over(requestId: string): void {
    this.#write((book) => book.dropCall(requestId));
    this.#deadlines.delete(requestId);
    this.#acknowledged.delete(requestId);
  }

  #choose(functionId: string): Connection | null {
    const book = this.#load();
    const inFlight = ({ id }: Connection) => book.inFlight(id);
    return choose(book.connections.values(), functionId, inFlight, this.#host.random());
  }

  /** A worker gets a call: stored first, then sent. */
  #give(call: GatewayCall, connection: Connection, { body, jobId, trace }: WorkerMessage): void {
    const now = this.#host.now();
    const given = this.#lend(call, connection, now);
    const { requestId, runId, appId, functionId, stepId, leaseId } = given;
    const request = GatewayExecutorRequestData.encode({
      requestId,
      accountId: uuidOf("account"),
      envId: uuidOf(this.#host.env),
      appId: uuidOf(appId),
      appName: appId,
      functionId: uuidOf(functionId),
      functionSlug: functionId,
      stepId: stepId ?? "step",
      requestPayload: encoder.encode(body),
      systemTraceCtx: EMPTY,
      userTraceCtx: encoder.encode(JSON.stringify(trace)),
      runId,
      leaseId,
      jobId,
    }).finish();
    this.#send(connection.id, GatewayMessageType.GATEWAY_EXECUTOR_REQUEST, request);
  }

  #lend(call: GatewayCall, connection: Connection, now: number): GatewayCall & { leaseId: string } {
    const leaseId = derivedUlid(now, `${call.requestId}\0${connection.id}\0${this.#host.random()}`);
    const lent = { ...call, connectionId: connection.id, leaseId };
    this.#write((book) => book.putCall(lent));
    this.#acknowledged.delete(call.requestId);
    const until = leasedUntil(now, false);
    this.#deadlines.set(call.requestId, until);
    this.#armBy(until);
    return lent;
  }

  /** Gives calls that wait to workers that have room, the oldest first; their runs say what is to be sent. */
  #goOn(): void {
    const withoutRoom = new Set<string>();
    for (const call of this.#load().waiting()) {
      if (this.#underway.size >= FETCHED_AT_ONCE) return;
      if (withoutRoom.has(call.functionId) || this.#underway.has(call.requestId)) continue;
      const connection = this.#choose(call.functionId);
      if (connection) void this.#fetchAndGive(call, connection);
      else withoutRoom.add(call.functionId);
    }
  }

  async #fetchAndGive(call: GatewayCall, connection: Connection): Promise<void> {
    const { requestId, runId } = call;
    this.#underway.add(requestId);
    // its place at the worker is taken while its run is asked
    this.#load().reserve({ ...call, connectionId: connection.id });
    try {
      const message = await this.#host.objects.run(this.#host.env, runId).workerMessage(requestId);
      const known = this.#load().calls.get(requestId);
      if (message === null) this.#over(requestId);
      else if (known) {
        if (this.#sockets.has(connection.id) && this.#load().connections.get(connection.id)?.phase === "ready")
          this.#give(known, connection, message);
        else this.#wait(known);
      }
    } catch (error) {
      this.#host.report(`run ${runId} could not be asked for call ${requestId}; it is asked again`, error);
      const known = this.#load().calls.get(requestId);
      if (known) this.#wait(known);
      this.#retryAt = this.#host.now() + RETRY_MS;
    } finally {
      this.#underway.delete(requestId);
    }
    if (this.#retryAt === null) this.#goOn();
    else this.#armBy(this.#retryAt);
  }

  /** A call waits for a worker again, and goes on waiting for as long as it would have. */
  #wait(call: GatewayCall): void {
    this.#write((book) => book.putCall({ ...call, connectionId: null }));
    this.#acknowledged.delete(call.requestId);
    this.#deadlines.delete(call.requestId);
  }

  /** Calls that a worker never acknowledged go to another. */
  #takeBack(connectionId: string): void {
    for (const call of this.#load().calls.values())
      if (
        call.connectionId === connectionId &&
        !this.#acknowledged.has(call.requestId) &&
        !this.#underway.has(call.requestId)
      )
        this.#wait(call);
  }

  // ---- connections ----------------------------------------------------------------------------------------------------

  #change(connection: Connection, phase: Connection["phase"]): void {
    if (connection.phase !== phase) this.#write((book) => book.putConnection({ ...connection, phase }));
  }

  #gone(connectionId: string): void {
    this.#sockets.delete(connectionId);
    this.#drainedAt.delete(connectionId);
    this.#write((book) => book.dropConnection(connectionId));
    this.#takeBack(connectionId);
  }

  #send(connectionId: string, kind: GatewayMessageType, payload?: Uint8Array): void {
    const socket = this.#sockets.get(connectionId);
    if (socket) send(socket, kind, payload);
  }

  // ---- time -----------------------------------------------------------------------------------------------------------

  async alarm(): Promise<void> {
    this.#alarmAt = null;
    this.#retryAt = null;
    try {
      this.#load();
      this.#closeSilent();
      await this.#giveUp();
      this.#goOn();
    } catch (error) {
      this.#host.report(`the gateway of environment "${this.#host.env}": its alarm failed and will be repeated`, error);
      this.#retryAt = this.#host.now() + RETRY_MS;
    }
    this.#arm();
  }

  #closeSilent(): void {
    const now = this.#host.now();
    for (const socket of this.#parts.sockets()) {
      const memo = socket.memo();
      if (!memo || now < goodUntil(memo)) continue;
      const { connectionId } = memo;
      if (connectionId === null) socket.close(POLICY_VIOLATION, "connect_worker_hello_timeout");
      else {
        socket.close(POLICY_VIOLATION, "connect_worker_silent");
        if (this.#sockets.get(connectionId) === socket) this.#gone(connectionId);
      }
    }
    for (const [id, at] of this.#drained(now))
      if (at <= now) this.#sockets.get(id)?.close(GOING_AWAY, "connect_gateway_closing");
  }

  /** Workers that were asked to go and have nothing to do any more, and when they are closed. */
  #drained(now: number): Map<string, number> {
    const book = this.#load();
    for (const { id, phase } of book.connections.values()) {
      if (phase !== "draining" || book.inFlight(id) > 0) this.#drainedAt.delete(id);
      else if (!this.#drainedAt.has(id)) this.#drainedAt.set(id, now + DRAINED_MS);
    }
    return this.#drainedAt;
  }

  /** Tells runs of calls that nobody has answered in time. */
  async #giveUp(): Promise<void> {
    const now = this.#host.now();
    const book = this.#load();
    const overdue = [...book.calls.values()].filter(
      (call) => !this.#underway.has(call.requestId) && this.#deadlineOf(call) <= now,
    );
    for (const call of overdue) {
      try {
        await this.#tell(call.requestId, this.#failureOf(call), null);
      } catch (error) {
        this.#host.report(`run ${call.runId} could not be told that call ${call.requestId} has failed`, error);
        this.#deadlines.set(call.requestId, this.#host.now() + RETRY_MS);
      }
    }
  }

  #deadlineOf({ requestId, functionId, connectionId, since }: GatewayCall): number {
    const book = this.#load();
    // workers come and go: how long it waits depends on whether there are any
    if (connectionId === null) return waitsUntil(since, isServed(book.connections.values(), functionId));
    const known = this.#deadlines.get(requestId);
    if (known !== undefined) return known;
    // this gateway has just woken: the worker may have had it for long
    const until = leasedUntil(this.#host.now(), true);
    this.#deadlines.set(requestId, until);
    return until;
  }

  #failureOf({ appId, functionId, connectionId }: GatewayCall): Extract<WorkerResult, { kind: "failed" }> {
    if (connectionId !== null)
      return {
        kind: "failed",
        code: "connect_worker_stopped_responding",
        message: `the worker that had the call of "${functionId}" was heard no more: its process died, was cut off, or is too busy to answer`,
      };
    if (isServed(this.#load().connections.values(), functionId))
      return {
        kind: "failed",
        code: "connect_all_workers_at_capacity",
        message: `no worker of app "${appId}" had room for a call of "${functionId}": start more, or raise maxWorkerConcurrency`,
      };
    return {
      kind: "failed",
      code: "connect_no_healthy_connection",
      message: `no worker is connected that serves "${functionId}": start one of app "${appId}", and see GET /v1/connections`,
    };
  }

  /** Looks at everything for the first thing that must happen by itself. An alarm that comes earlier stays. */
  #arm(): void {
    const now = this.#host.now();
    let next = this.#retryAt ?? Number.POSITIVE_INFINITY;
    for (const socket of this.#parts.sockets()) {
      const memo = socket.memo();
      if (memo) next = Math.min(next, goodUntil(memo));
    }
    for (const at of this.#drained(now).values()) next = Math.min(next, at);
    for (const call of this.#load().calls.values()) next = Math.min(next, this.#deadlineOf(call));
    if (Number.isFinite(next)) this.#armBy(next);
  }

  /** The alarm goes off by an instant at the latest. What it finds it looks at as a whole. */
  #armBy(at: number): void {
    if (this.#alarmAt != null && this.#alarmAt <= at) return;
    this.#alarmAt = Math.max(at, this.#host.now() + 1);
    this.#host.setAlarm(this.#alarmAt);
  }

  /** From here on what is stored, and the alarm that looks after it, take effect together. */
  async #ready(): Promise<ConnectBook> {
    if (this.#alarmAt === undefined) {
      const at = await this.#host.alarm();
      if (this.#alarmAt === undefined) {
        this.#alarmAt = at;
        this.#arm();
      }
    }
    return this.#load();
  }

  // ---- what is stored -------------------------------------------------------------------------------------------------

  #load(): ConnectBook {
    if (this.#book) return this.#book;
    const book = (this.#book = new ConnectBook(this.#host.stores.key()));
    for (const socket of this.#parts.sockets()) {
      const id = socket.memo()?.connectionId;
      if (id != null && book.connections.has(id)) this.#sockets.set(id, socket);
    }
    // a crash has closed sockets without a word; what their workers have is waited for, they may come back with it
    for (const id of book.connections.keys()) if (!this.#sockets.has(id)) book.dropConnection(id);
    return book;
  }

  /** @throws Error when nothing was stored: what is in memory is read again */
  #write(body: (book: ConnectBook) => void): void {
    const book = this.#load();
    try {
      book.write(() => body(book));
    } catch (error) {
      this.#book = null;
      throw error;
    }
  }
}

/** Until when a socket may be silent. */
function goodUntil({ openedAt, seenAt, connectionId }: SocketMemo): number {
  return connectionId === null ? openedAt + CONNECT_HELLO_MS : seenAt + CONNECT_SILENCE_MAX_MS;
}

function send(socket: WorkerSocket, kind: GatewayMessageType, payload: Uint8Array = EMPTY): void {
  socket.send(ConnectMessage.encode({ kind, payload }).finish());
}

/** @throws Refused */
function readHello(bytes: Uint8Array): WorkerConnectRequestData {
  const message = decoded(() => ConnectMessage.decode(bytes));
  if (message?.kind !== GatewayMessageType.WORKER_CONNECT) throw new Refused("connect_worker_hello_invalid_msg");
  const hello = decoded(() => WorkerConnectRequestData.decode(message.payload));
  if (!hello) throw new Refused("connect_worker_hello_invalid_payload");
  return hello;
}

function decoded<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null; // bytes that are no message
  }
}
