/** A worker of our own client: its numbered rules, and what inngest-protocol §7 asks of one, against a gateway played by hand. */
import { afterEach, beforeEach, describe, expect, it, test, vi } from "vitest";
import { type ConnectHandlerOptions, readOptions } from "../../src/connect/options.ts";
import { connect } from "../../src/connect/index.ts";
import { Worker } from "../../src/connect/worker.ts";
import { GatewayMessageType as Kind, SDKResponseStatus } from "../../src/protocol/connect/connect.ts";
import { deferred } from "../../src/protocol/deferred.ts";
import { Inngest, NonRetriableError, RetryAfterError } from "../../src/sdk/index.ts";
import { realTurn } from "../../src/testing/host/turns.ts";
import { FakeGateway } from "./fake-gateway.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const SECOND = 1000;

/** A body of a call, as the platform sends it. */
const body = (steps: object = {}) => ({
  ctx: { run_id: "RUN", fn_id: "fn", attempt: 0, stack: { stack: Object.keys(steps), current: 0 } },
  event: { name: "w/work", data: {} },
  events: [{ name: "w/work", data: {} }],
  steps,
});
const json = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));

function appOf(gateway: FakeGateway, options: object = {}, handler: (input: any) => unknown = () => "done") {
  const client = new Inngest({
    id: "w",
    isDev: true,
    logger: silent,
    baseUrl: "http://platform",
    fetch: gateway.fetch,
    ...options,
  });
  const work = client.createFunction({ id: "work", triggers: [{ event: "w/work" }], retries: 2 }, handler);
  return { client, functions: [work] };
}

function workerOf(
  gateway: FakeGateway,
  handler?: (input: any) => unknown,
  options: Partial<ConnectHandlerOptions> = {},
) {
  const apps = [appOf(gateway, {}, handler)];
  return new Worker(readOptions({ apps, handleShutdownSignals: [], ...options }), gateway.open);
}

/** All that follows at once. */
const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("[§7.2] connecting", () => {
  it("introduces the worker with its apps, and says that it is ready", async () => {
    const gateway = new FakeGateway();
    const worker = workerOf(gateway, undefined, { instanceId: "host-1", maxWorkerConcurrency: 7 });
    expect(worker.state).toBe("CONNECTING");
    await worker.start();
    const { hello } = gateway.last;
    expect(hello).toMatchObject({
      connectionId: "C1",
      instanceId: "host-1",
      authData: { sessionToken: "session", syncToken: "sync" },
      workerManualReadinessAck: true,
      maxWorkerConcurrency: 7,
      framework: "connect",
    });
    expect(json(hello.apps[0]!.functions)).toMatchObject([
      {
        id: "w-work",
        triggers: [{ event: "w/work" }],
        steps: {
          step: { runtime: { type: "ws", url: "wss://connect/?fnId=w-work&stepId=step" }, retries: { attempts: 2 } },
        },
      },
    ]);
    expect(gateway.last.kinds).toEqual([Kind.WORKER_CONNECT, Kind.WORKER_READY]);
    expect([worker.state, worker.connectionId]).toEqual(["ACTIVE", "C1"]);
  });

  it("tries again after 1, 2 and 5 seconds, avoiding the gateways that it did not reach", async () => {
    const gateway = new FakeGateway();
    gateway.startStatuses = [500, 429, 503];
    const worker = workerOf(gateway);
    const started = worker.start();
    for (const [pause, starts] of [
      [0, 1],
      [999, 1],
      [1, 2],
      [1_999, 2],
      [1, 3],
      [5_000, 4],
    ] as const) {
      await vi.advanceTimersByTimeAsync(pause);
      expect(gateway.starts).toHaveLength(starts);
    }
    await started;
    gateway.last.drop();
    await settle();
    expect(gateway.starts.at(-1)?.excluded).toEqual(["dotdo"]);
    expect(worker.state).toBe("ACTIVE");
  });

  it("uses the fallback key when the first is refused, and gives up when both are", async () => {
    const gateway = new FakeGateway();
    gateway.startStatuses = [401];
    const keys = {
      isDev: false,
      signingKey: `signkey-test-${"ab".repeat(16)}`,
      signingKeyFallback: `signkey-test-${"cd".repeat(16)}`,
    };
    const settings = () => readOptions({ apps: [appOf(gateway, keys)], handleShutdownSignals: [] });
    await new Worker(settings(), gateway.open).start();
    expect(new Set(gateway.starts.map(({ authorization }) => authorization)).size).toBe(2);
    gateway.startStatuses = Array.from({ length: 6 }, () => 401);
    const worker = new Worker(settings(), gateway.open);
    const refused = expect(worker.start()).rejects.toThrow("check INNGEST_SIGNING_KEY");
    while (worker.state !== "CLOSED") {
      await vi.advanceTimersByTimeAsync(100);
      await realTurn(); // keys are hashed outside of the thread
    }
    await refused;
    expect(worker.state).toBe("CLOSED");
    await worker.closed;
  });

  it("says why the gateway did not take its functions", async () => {
    const gateway = new FakeGateway();
    gateway.isWelcoming = false;
    const warn = vi.fn();
    const apps = [appOf(gateway, { internalLogger: { ...silent, warn } })];
    const worker = new Worker(readOptions({ apps, handleShutdownSignals: [] }), gateway.open);
    void worker.start();
    await settle();
    gateway.last.say(Kind.GATEWAY_HELLO);
    gateway.last.refuse('function "w-work" has a bad trigger');
    await settle();
    expect(warn).toHaveBeenCalledWith(expect.any(String), expect.stringContaining("has a bad trigger"));
  });

  it("gives a gateway ten seconds", async () => {
    const gateway = new FakeGateway();
    gateway.isWelcoming = false;
    void workerOf(gateway).start();
    await vi.advanceTimersByTimeAsync(10 * SECOND - 1);
    expect(gateway.last.closed).toBeNull();
    await vi.advanceTimersByTimeAsync(1);
    expect(gateway.last.closed).toEqual({ code: 4001 });
  });
});

describe("a call", () => {
  it("is acknowledged at once, and answered with what the function returns", async () => {
    const gateway = new FakeGateway();
    await workerOf(gateway).start();
    const request = gateway.last.call(body());
    expect(gateway.last.kinds.at(-1)).toBe(Kind.WORKER_REQUEST_ACK);
    await settle();
    const [reply] = gateway.last.replies;
    expect(reply).toMatchObject({
      requestId: "R1",
      accountId: "account",
      envId: "env",
      appId: "app-uuid",
      runId: "RUN",
      status: SDKResponseStatus.DONE,
      noRetry: false,
      requestVersion: 2,
    });
    expect([json(reply!.body), reply!.systemTraceCtx]).toEqual(["done", request.systemTraceCtx]);
  });

  it("is answered with the steps that it has reached", async () => {
    const gateway = new FakeGateway();
    await workerOf(gateway, async ({ step }) => [await step.run("a", () => 1), await step.sleep("b", "1h")]).start();
    gateway.last.call(body());
    await settle();
    expect(gateway.last.replies[0]?.status).toBe(SDKResponseStatus.NOT_COMPLETED);
    expect(json(gateway.last.replies[0]!.body)).toMatchObject([{ op: "StepRun", data: 1 }]);
  });

  const failures: [string, () => never, object, object][] = [
    [
      "an error",
      () => {
        throw new Error("oops");
      },
      { status: SDKResponseStatus.ERROR, noRetry: false },
      { message: "oops" },
    ],
    [
      "one that is not to be tried again",
      () => {
        throw new NonRetriableError("never");
      },
      { status: SDKResponseStatus.DONE, noRetry: true },
      { message: "never" },
    ],
    [
      "one with a time",
      () => {
        throw new RetryAfterError("later", 60_000);
      },
      { noRetry: false, retryAfter: expect.any(String) },
      { message: "later" },
    ],
  ];
  test.each(failures)("that ends in %s says so", async (_what, handler, expected, error) => {
    const gateway = new FakeGateway();
    await workerOf(gateway, handler).start();
    gateway.last.call(body());
    await settle();
    expect(gateway.last.replies[0]).toMatchObject(expected);
    expect(json(gateway.last.replies[0]!.body)).toMatchObject(error);
  });

  it("of a function or an app that is not here, or that is no call, does no harm", async () => {
    const gateway = new FakeGateway();
    await workerOf(gateway).start();
    gateway.last.call(body(), { appName: "other" });
    await settle();
    expect(gateway.last.count(Kind.WORKER_REQUEST_ACK)).toBe(0); // another worker gets it
    gateway.last.call(body(), { functionSlug: "w-gone" });
    gateway.last.call([], { requestId: "R2" });
    gateway.last.say(Kind.GATEWAY_EXECUTOR_REQUEST);
    await settle();
    expect(gateway.last.replies.map(({ requestId, status }) => [requestId, status])).toEqual(
      expect.arrayContaining([["R1", SDKResponseStatus.ERROR]]),
    );
    expect(json(gateway.last.replies[0]!.body).code).toBe("function_not_found");
  });

  it("is leased for as long as it executes, over the connection that stands, and no longer", async () => {
    const gateway = new FakeGateway();
    const gate = deferred<string>();
    await workerOf(gateway, () => gate.promise).start();
    const [first] = gateway.sockets;
    first!.call(body());
    await vi.advanceTimersByTimeAsync(30 * SECOND);
    expect(first!.extensions).toMatchObject([{ requestId: "R1", leaseId: "L1", runId: "RUN" }]);
    first!.lease("R1", "L2");
    first!.drop();
    await vi.advanceTimersByTimeAsync(30 * SECOND);
    expect(gateway.last.extensions.map(({ leaseId }) => leaseId)).toEqual(["L2"]);
    gate.resolve("late");
    await settle();
    expect(json(gateway.last.replies[0]!.body)).toBe("late");
    gateway.last.acknowledge("R1");
    await vi.advanceTimersByTimeAsync(60 * SECOND);
    expect(gateway.last.extensions).toHaveLength(1);
  });

  it("that comes again over another connection is not executed again", async () => {
    const gateway = new FakeGateway();
    const gate = deferred<string>();
    const handler = vi.fn(() => gate.promise);
    await workerOf(gateway, handler).start();
    gateway.last.call(body());
    await settle();
    gateway.last.drop(); // before the gateway has got its word that it was taken
    await settle();
    gateway.last.call(body(), { leaseId: "L2" });
    await vi.advanceTimersByTimeAsync(30 * SECOND);
    expect(gateway.last.count(Kind.WORKER_REQUEST_ACK)).toBe(1);
    expect(gateway.last.extensions.map(({ leaseId }) => leaseId)).toEqual(["L2"]);
    gate.resolve("once");
    await settle();
    gateway.last.call(body(), { leaseId: "L3" }); // its result is not acknowledged yet
    await settle();
    expect(gateway.last.replies.map((reply) => json(reply.body))).toEqual(["once", "once"]);
    expect(handler).toHaveBeenCalledTimes(1);
    gateway.last.acknowledge("R1");
    await vi.advanceTimersByTimeAsync(10 * SECOND);
    expect(gateway.flushed).toEqual([]);
  });

  it("whose lease is lost is answered no more", async () => {
    const gateway = new FakeGateway();
    const gate = deferred<string>();
    const worker = workerOf(gateway, () => gate.promise);
    await worker.start();
    gateway.last.call(body());
    gateway.last.lease("R1", undefined);
    gate.resolve("nobody's");
    await settle();
    expect([gateway.last.replies, gateway.flushed]).toEqual([[], []]);
  });
});

describe("a result", () => {
  it("that nobody acknowledges within 5 s goes over HTTP, once", async () => {
    const gateway = new FakeGateway();
    await workerOf(gateway).start();
    gateway.last.call(body());
    await vi.advanceTimersByTimeAsync(5 * SECOND - 1);
    expect(gateway.flushed).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(gateway.flushed.map(({ requestId }) => requestId)).toEqual(["R1"]);
    await vi.advanceTimersByTimeAsync(60 * SECOND);
    expect(gateway.flushed).toHaveLength(1);
  });

  it("that the platform does not take is brought again until it does", async () => {
    const gateway = new FakeGateway();
    gateway.flushStatus = 500;
    await workerOf(gateway).start();
    gateway.last.call(body());
    await vi.advanceTimersByTimeAsync(30 * SECOND);
    expect(gateway.flushed).toEqual([]);
    gateway.flushStatus = 200;
    await vi.advanceTimersByTimeAsync(5 * SECOND);
    expect(gateway.flushed.map(({ requestId }) => requestId)).toEqual(["R1"]);
  });

  it("that was acknowledged goes nowhere else", async () => {
    const gateway = new FakeGateway();
    await workerOf(gateway).start();
    gateway.last.call(body());
    await settle();
    gateway.last.acknowledge("R1");
    await vi.advanceTimersByTimeAsync(10 * SECOND);
    gateway.last.drop();
    await vi.advanceTimersByTimeAsync(10 * SECOND);
    expect(gateway.flushed).toEqual([]);
  });

  it("that comes while there is no connection is brought with the next", async () => {
    const gateway = new FakeGateway();
    const gate = deferred<string>();
    await workerOf(gateway, () => gate.promise).start();
    gateway.last.call(body());
    gateway.startStatuses = [500];
    gateway.last.drop();
    await settle();
    gate.resolve("kept");
    await settle();
    expect(gateway.flushed).toEqual([]);
    await vi.advanceTimersByTimeAsync(1 * SECOND);
    expect(gateway.flushed.map((reply) => json(reply.body))).toEqual(["kept"]);
  });

  it("that was sent over a connection which broke then is brought again", async () => {
    const gateway = new FakeGateway();
    await workerOf(gateway).start();
    gateway.last.call(body());
    await settle();
    gateway.last.drop();
    await settle();
    expect(gateway.flushed.map(({ requestId }) => requestId)).toEqual(["R1"]);
  });
});

describe("a connection", () => {
  it("is kept by heartbeats, and replaced after two that were not answered", async () => {
    const gateway = new FakeGateway();
    const worker = workerOf(gateway);
    await worker.start();
    await vi.advanceTimersByTimeAsync(50 * SECOND);
    expect([gateway.sockets.length, gateway.last.count(Kind.WORKER_HEARTBEAT)]).toEqual([1, 5]);
    expect(worker.getDebugState()).toMatchObject({
      lastHeartbeatSentAt: Date.now(),
      lastHeartbeatReceivedAt: Date.now(),
    });
    gateway.last.isAnswering = false;
    await vi.advanceTimersByTimeAsync(30 * SECOND - 1);
    expect(gateway.sockets).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(gateway.sockets).toHaveLength(2);
    expect([gateway.sockets[0]!.closed, worker.state]).toEqual([{ code: undefined }, "ACTIVE"]);
  });

  it("whose gateway goes is left only when another stands; what it was sent is answered there", async () => {
    const gateway = new FakeGateway();
    const gate = deferred<string>();
    const worker = workerOf(gateway, () => gate.promise);
    await worker.start();
    const [old] = gateway.sockets;
    old!.call(body());
    gateway.isWelcoming = false;
    old!.say(Kind.GATEWAY_CLOSING);
    await settle();
    expect([worker.state, old!.closed]).toEqual(["RECONNECTING", null]);
    gateway.last.say(Kind.GATEWAY_HELLO);
    gateway.last.ready();
    await settle();
    expect([worker.state, old!.closed]).toEqual(["ACTIVE", { code: undefined }]);
    gate.resolve("moved");
    await settle();
    expect(gateway.last.replies.map((reply) => json(reply.body))).toEqual(["moved"]);
  });

  it("goes where a proxy is", async () => {
    const gateway = new FakeGateway();
    await workerOf(gateway, undefined, { gatewayUrl: "ws://proxy:8100" }).start();
    expect(gateway.last.url).toBe("ws://proxy:8100");
    await workerOf(gateway, undefined, { rewriteGatewayEndpoint: (endpoint) => `${endpoint}?via=proxy` }).start();
    expect(gateway.last.url).toBe("ws://gateway/v0/connect?via=proxy");
  });
});

describe("closing", () => {
  it("takes no more calls, waits for those that execute, and brings their results", async () => {
    const gateway = new FakeGateway();
    const gate = deferred<string>();
    const worker = workerOf(gateway, () => gate.promise);
    await worker.start();
    gateway.last.call(body());
    const closed = worker.close();
    expect([worker.state, gateway.last.kinds.at(-1)]).toEqual(["CLOSING", Kind.WORKER_PAUSE]);
    gateway.last.call(body(), { requestId: "R2" });
    await settle();
    expect([gateway.last.count(Kind.WORKER_REQUEST_ACK), gateway.last.closed]).toEqual([1, null]);
    expect(worker.getDebugState()).toMatchObject({
      shutdownRequested: true,
      inFlightRequests: [{ requestId: "R1", functionSlug: "w-work", runId: "RUN" }],
    });
    gate.resolve("finished");
    await closed;
    expect(json(gateway.last.replies[0]!.body)).toBe("finished");
    // sent, and not acknowledged before the connection was closed
    expect(gateway.flushed.map(({ requestId }) => requestId)).toEqual(["R1"]);
    expect([worker.state, gateway.last.closed]).toEqual(["CLOSED", { code: undefined }]);
    await worker.closed;
    await worker.close();
  });

  it("happens at signals of the process, which it then leaves alone", async () => {
    const gateway = new FakeGateway();
    const before = process.listenerCount("SIGUSR2");
    const worker = workerOf(gateway, undefined, { handleShutdownSignals: ["SIGUSR2"] });
    await worker.start();
    expect(process.listenerCount("SIGUSR2")).toBe(before + 1);
    process.emit("SIGUSR2");
    await worker.closed;
    expect([worker.state, process.listenerCount("SIGUSR2")]).toEqual(["CLOSED", before]);
  });

  it("ends the attempts to connect", async () => {
    const gateway = new FakeGateway();
    gateway.startStatuses = [500, 500, 500];
    const worker = workerOf(gateway);
    const started = expect(worker.start()).rejects.toThrow("closed before it was connected");
    await vi.advanceTimersByTimeAsync(500);
    await worker.close();
    await started;
    expect(() => worker.connectionId).toThrow("not connected: it is CLOSED");
  });
});

describe("[G9] options", () => {
  const gateway = new FakeGateway();
  const app = () => appOf(gateway);
  const bad: [string, any, string][] = [
    ["none", undefined, "expected options"],
    ["no app", { apps: [] }, "apps: no app is given"],
    ["an unknown one", { apps: [app()], maxWorkerConcurency: 3 }, 'did you mean "maxWorkerConcurrency"?'],
    ["an app twice", { apps: [app(), app()] }, 'two apps have the id "w"'],
    ["no client", { apps: [{ functions: [] }] }, "apps[0]: client: not made by new Inngest()"],
    ["no room", { apps: [app()], maxWorkerConcurrency: 0 }, "maxWorkerConcurrency: 0 is not a whole number above 0"],
    ["an http gateway", { apps: [app()], gatewayUrl: "http://x" }, 'gatewayUrl: "http://x" is not a URL of ws or wss'],
    [
      "two environments",
      { apps: [app(), { ...appOf(gateway, { id: "v", env: "branch" }) }] },
      'they must be of one environment; "v" is of "branch"',
    ],
    ["no signing key", { apps: [appOf(gateway, { isDev: false })] }, "has no signing key"],
  ];
  test.each(bad)("%s is refused", async (_what, options, message) => {
    await expect(connect(options)).rejects.toThrow(message);
  });

  test("variables stand in for them", () => {
    const { client, functions } = app();
    client.setEnvVars({
      INNGEST_CONNECT_MAX_WORKER_CONCURRENCY: "5",
      INNGEST_CONNECT_GATEWAY_URL: "wss://proxy.example.com",
    });
    expect(readOptions({ apps: [{ client, functions }] })).toMatchObject({
      maxWorkerConcurrency: 5,
      gatewayUrl: "wss://proxy.example.com",
      shutdownSignals: ["SIGINT", "SIGTERM"],
    });
    client.setEnvVars({ INNGEST_CONNECT_MAX_WORKER_CONCURRENCY: "many" });
    expect(() => readOptions({ apps: [{ client, functions }] })).toThrow("INNGEST_CONNECT_MAX_WORKER_CONCURRENCY");
  });

  test("an app serves all functions of its client unless it names them", () => {
    const { client } = app();
    const worker = new Worker(readOptions({ apps: [{ client }], handleShutdownSignals: [] }), gateway.open);
    expect(worker.state).toBe("CONNECTING");
  });
});
