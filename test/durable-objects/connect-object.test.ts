/** The gateway of workers that dial in: its numbered rules and those of inngest-protocol §7, with workers played by hand. */
import { describe, expect, it, test } from "vitest";
import { ConnectMessage, GatewayMessageType as Kind, SDKResponseStatus } from "../../src/protocol/connect/connect.ts";
import {
  CONNECT_ACK_MS,
  CONNECT_HELLO_MS,
  CONNECT_LEASE_GRACE_MS,
  CONNECT_LEASE_MS,
  CONNECT_NO_ROOM_MS,
  CONNECT_NO_WORKER_MS,
  CONNECT_SILENCE_MAX_MS,
  REPLY_MAX_BYTES,
} from "../../src/protocol/limits.ts";
import { ConnectStage, type FakeSocket, failed, fnConfig, type Hello, returned } from "../helpers/connect-stage.ts";

const LEASE_OVER_MS = CONNECT_LEASE_MS + CONNECT_LEASE_GRACE_MS;
const SECOND = 1000;
const planned = (...steps: string[]) => ({
  status: SDKResponseStatus.NOT_COMPLETED,
  body: steps.map((id) => ({ op: "StepPlanned", id, displayName: id, name: id })),
});
const ran = (id: string, data: unknown) => ({
  status: SDKResponseStatus.NOT_COMPLETED,
  body: [{ op: "StepRun", id, displayName: id, name: id, data }],
});

/** Keeps workers alive while time passes, and what they execute leased. */
async function liveOn(stage: ConnectStage, ms: number, ...workers: FakeSocket[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10 * SECOND) {
    await stage.advance(Math.min(10 * SECOND, ms - passed));
    for (const worker of workers) if (!worker.closed) await worker.heartbeat();
  }
}

describe("[§7.2] a worker connects", () => {
  it("is greeted first, registers its apps, and is told in whole seconds how often to be heard", async () => {
    const stage = new ConnectStage();
    const worker = await stage.open();
    expect(worker.kinds).toEqual([Kind.GATEWAY_HELLO]);
    await worker.hello({ apps: [{ id: "w", version: "v7", functions: [fnConfig("w", "work")] }] });
    expect(worker.kinds).toEqual([Kind.GATEWAY_HELLO, Kind.GATEWAY_CONNECTION_READY]);
    expect(worker.ready).toEqual({ heartbeatInterval: "10s", extendLeaseInterval: "30s", statusInterval: "0s" });
    expect(await stage.connections()).toMatchObject([
      { instanceId: "host-1", phase: "ready", apps: [{ id: "w", version: "v7", functions: 1 }], inFlight: 0 },
    ]);
    await worker.heartbeat();
    expect(worker.kinds.at(-1)).toBe(Kind.GATEWAY_HEARTBEAT);
  });

  it("gets no call before it says that it is ready, if it wants to say so", async () => {
    const stage = new ConnectStage();
    const worker = await stage.worker({ manual: true });
    await stage.start();
    expect(worker.requests).toEqual([]);
    await worker.say(Kind.WORKER_READY);
    expect(worker.requests).toHaveLength(1);
  });

  const refused: [string, Hello, string][] = [
    ["a token that is not ours", { token: "x" }, "connect_authentication_failed"],
    ["a token of another environment", { token: "other C1", connectionId: "C1" }, "connect_authentication_failed"],
    ["the token of another connection", { token: "main C2", connectionId: "C1" }, "connect_authentication_failed"],
    ["no app", { apps: [] }, "connect_worker_hello_invalid_payload"],
    ["no instance id", { instanceId: "" }, "connect_worker_hello_invalid_payload"],
    [
      "the same app twice",
      { apps: [0, 1].map(() => ({ id: "w", functions: [] })) },
      "connect_worker_hello_invalid_payload",
    ],
    [
      "eleven apps",
      { apps: Array.from({ length: 11 }, (_, i) => ({ id: `w${i}`, functions: [] })) },
      "connect_too_many_apps_per_connection",
    ],
  ];
  test.each(refused)("with %s it is turned away", async (_what, hello, reason) => {
    const stage = new ConnectStage();
    const worker = await stage.worker(hello);
    expect(worker.closed).toEqual({ code: 1008, reason });
    expect(await stage.connections()).toEqual([]);
  });

  it("is turned away after 5 s of silence, with another first message, and with one that is none", async () => {
    const stage = new ConnectStage();
    const [silent, hasty, garbled, empty] = [
      await stage.open(),
      await stage.open(),
      await stage.open(),
      await stage.open(),
    ];
    await hasty.say(Kind.WORKER_READY);
    await garbled.sayBytes(new Uint8Array([255, 255, 255]));
    await empty.say(Kind.WORKER_CONNECT, new Uint8Array([255]));
    await stage.advance(CONNECT_HELLO_MS - 1);
    expect(silent.closed).toBeNull();
    await stage.advance(1);
    expect([silent, hasty, garbled, empty].map(({ closed }) => closed?.reason)).toEqual([
      "connect_worker_hello_timeout",
      "connect_worker_hello_invalid_msg",
      "connect_worker_hello_invalid_msg",
      "connect_worker_hello_invalid_payload",
    ]);
  });

  it("is told why its functions cannot be registered, and nothing of the app is", async () => {
    const stage = new ConnectStage();
    const bad = await stage.worker({ apps: [{ id: "w", functions: [fnConfig("w", "work"), fnConfig("other", "x")] }] });
    expect(bad.closed).toEqual({ code: 1008, reason: "connect_sync_failed" });
    expect(bad.syncFailure?.message).toContain('"other-x" is not a function of app "w"');
    await stage.worker({ apps: [{ id: "a", functions: [fnConfig("a", "b-c")] }] });
    const taken = await stage.worker({ apps: [{ id: "a-b", functions: [fnConfig("a-b", "c")] }] });
    expect(taken.syncFailure?.message).toContain('function "a-b-c" belongs to app "a" already');
  });

  it("cannot take over a connection that is there", async () => {
    const stage = new ConnectStage();
    await stage.worker({ connectionId: "C1" });
    const second = await stage.worker({ connectionId: "C1" });
    expect(second.closed?.reason).toBe("connect_authentication_failed");
  });
});

describe("a call", () => {
  it("carries what it would over HTTP, and its reply completes the run; then nothing of it is kept", async () => {
    const stage = new ConnectStage();
    const worker = await stage.worker();
    const runId = await stage.start();
    const [request] = worker.requests;
    expect(request).toMatchObject({ runId, appName: "w", functionSlug: "w-work", stepId: "step" });
    expect(request!.body).toMatchObject({ ctx: { run_id: runId, attempt: 0 }, event: { name: "w/work" }, steps: {} });
    expect(JSON.parse(new TextDecoder().decode(request!.userTraceCtx))).toMatchObject({
      traceparent: expect.stringMatching(/^00-/),
      tracestate: expect.any(String),
    });
    await worker.ack(request!);
    await worker.reply(request!, returned({ done: true }));
    expect(worker.replyAcks).toEqual([request!.requestId]);
    expect(await stage.state(runId)).toMatchObject({ kind: "completed", output: { done: true } });
    expect(await stage.holds(runId)).toBe(false);
  });

  it("goes on step by step: parallel steps are calls of their own, which workers share", async () => {
    const stage = new ConnectStage();
    const workers = [await stage.worker(), await stage.worker()];
    const runId = await stage.start();
    const first = workers.find(({ requests }) => requests.length === 1)!;
    await first.ack(first.requests[0]!);
    await first.reply(first.requests[0]!, planned("a".repeat(40), "b".repeat(40)));
    const targets = workers.flatMap((worker) =>
      worker.requests.filter(({ stepId }) => stepId !== "step").map((one) => ({ worker, one })),
    );
    expect(targets.map(({ one }) => one.stepId)).toEqual(expect.arrayContaining(["a".repeat(40), "b".repeat(40)]));
    expect(new Set(targets.map(({ worker }) => worker)).size).toBe(2); // the one with the least to do
    for (const { worker, one } of targets) await worker.reply(one, ran(one.stepId!, one.stepId![0]));
    const last = workers
      .flatMap((worker) => worker.requests.map((one) => ({ worker, one })))
      .find(({ one }) => one.stepId === "step" && one.body.ctx.stack.current === 2)!;
    expect(last.one.body.steps).toEqual({
      ["a".repeat(40)]: { data: "a" },
      ["b".repeat(40)]: { data: "b" },
    });
    await last.worker.reply(last.one, returned("ab"));
    expect(await stage.state(runId)).toMatchObject({ kind: "completed", output: "ab" });
  });

  it("that fails is tried again; the answer says whether, and when", async () => {
    const stage = new ConnectStage();
    const worker = await stage.worker();
    const runId = await stage.start();
    await worker.reply(worker.requests[0]!, failed("not now", { retryAfter: "60" }));
    await liveOn(stage, 59 * SECOND, worker);
    expect(worker.requests).toHaveLength(1);
    await stage.advance(1 * SECOND);
    expect(worker.requests[1]?.body.ctx.attempt).toBe(1);
    // TypeScript reports an error that is not to be retried as done
    await worker.reply(worker.requests[1]!, { body: { name: "NonRetriableError", message: "never" }, noRetry: true });
    expect(await stage.state(runId)).toMatchObject({ kind: "failed", error: { message: "never" } });
  });

  it("is answered once: a result that comes again is acknowledged, and changes nothing", async () => {
    const stage = new ConnectStage();
    const worker = await stage.worker();
    const runId = await stage.start();
    const [request] = worker.requests;
    await worker.reply(request!, returned(1));
    await worker.reply(request!, returned(2));
    await stage.flush(request!, returned(3));
    expect(worker.replyAcks).toEqual([request!.requestId, request!.requestId]);
    expect(await stage.state(runId)).toMatchObject({ kind: "completed", output: 1 });
  });

  it("[G4] the result of an attempt that was given up comes too late", async () => {
    const stage = new ConnectStage();
    const worker = await stage.worker();
    const runId = await stage.start();
    const [first] = worker.requests;
    await worker.reply(first!, failed("once", { retryAfter: "1" }));
    await stage.advance(1 * SECOND);
    await worker.reply(first!, returned("late"));
    expect(await stage.state(runId)).toMatchObject({ kind: "executing" });
    await worker.reply(worker.requests[1]!, returned("in time"));
    expect(await stage.state(runId)).toMatchObject({ kind: "completed", output: "in time" });
  });

  it("[G11] is not answered by a worker of another app, nor is its lease extended by one", async () => {
    const stage = new ConnectStage();
    const worker = await stage.worker();
    const other = await stage.worker({ apps: [{ id: "v", functions: [fnConfig("v", "work")] }] });
    const runId = await stage.start();
    const [request] = worker.requests;
    await other.extend(request!);
    expect(other.extensions[0]?.newLeaseId).toBeUndefined();
    await other.reply(request!, returned("forged"));
    expect(await stage.state(runId)).toMatchObject({ kind: "executing" });
    expect(await stage.holds(runId)).toBe(true);
    await worker.reply(request!, returned("own"));
    expect(await stage.state(runId)).toMatchObject({ kind: "completed", output: "own" });
  });

  it("answered by more than a reply may have is an error that says so", async () => {
    const stage = new ConnectStage();
    const worker = await stage.worker();
    const runId = await stage.start();
    await worker.reply(worker.requests[0]!, returned("x".repeat(REPLY_MAX_BYTES)));
    expect((await stage.run(runId)).run.lastError).toMatchObject({ code: "output_too_large" });
  });
});

describe("a call for which there is no worker", () => {
  it("waits without using up attempts, and goes to the first that comes", async () => {
    const stage = new ConnectStage();
    const gone = await stage.worker();
    await gone.leave();
    const runId = await stage.start();
    await stage.advance(CONNECT_NO_WORKER_MS - 1);
    expect(await stage.holds(runId)).toBe(true);
    const worker = await stage.worker();
    expect(worker.requests.map(({ body }) => body.ctx.attempt)).toEqual([0]);
    await worker.reply(worker.requests[0]!, returned(1));
    expect(await stage.state(runId)).toMatchObject({ kind: "completed" });
  });

  it("for 5 minutes is a failed attempt, and the next waits again", async () => {
    const stage = new ConnectStage();
    await (await stage.worker()).leave();
    const runId = await stage.start();
    await stage.advance(CONNECT_NO_WORKER_MS);
    expect((await stage.run(runId)).run.lastError).toMatchObject({
      code: "connect_no_healthy_connection",
      message: expect.stringContaining('serves "w-work"'),
    });
    await stage.advance(60 * SECOND); // the pause between two attempts
    const worker = await stage.worker();
    expect(worker.requests.map(({ body }) => body.ctx.attempt)).toEqual([1]);
  });

  it("goes to no worker that serves the app but not the function", async () => {
    const stage = new ConnectStage();
    const old = await stage.worker();
    const all = await stage.worker({ apps: [{ id: "w", functions: [fnConfig("w", "work"), fnConfig("w", "new")] }] });
    await stage.start("w/new");
    await stage.start("w/new");
    expect([all.requests.length, old.requests.length]).toEqual([2, 0]);
  });

  it("that has room waits in line: never more at once than the worker takes, the oldest first", async () => {
    const stage = new ConnectStage();
    const worker = await stage.worker({ max: 1 });
    const runs = [await stage.start(), await stage.start(), await stage.start()];
    for (const [i, runId] of runs.entries()) {
      expect(worker.requests.map((request) => request.runId)).toEqual(runs.slice(0, i + 1));
      expect(await stage.connections()).toMatchObject([{ maxConcurrency: 1, inFlight: 1 }]);
      await worker.ack(worker.requests[i]!);
      await liveOn(stage, 100 * SECOND, worker);
      await worker.reply(worker.requests[i]!, returned(i));
      expect(await stage.state(runId)).toMatchObject({ kind: "completed", output: i });
    }
  });

  it("keeps its place in the line when the worker that it was about to get goes", async () => {
    const stage = new ConnectStage();
    await (await stage.worker()).leave();
    const first = await stage.start();
    await stage.advance(1);
    const second = await stage.start();
    const brief = await stage.worker({ max: 1 });
    expect(brief.requests.map(({ runId }) => runId)).toEqual([first]);
    await brief.leave();
    const worker = await stage.worker({ max: 1 });
    expect(worker.requests.map(({ runId }) => runId)).toEqual([first]);
    await worker.reply(worker.requests[0]!, returned(1));
    expect(worker.requests.map(({ runId }) => runId)).toEqual([first, second]);
  });

  it("that has room for an hour is a failed attempt", async () => {
    const stage = new ConnectStage();
    const worker = await stage.worker({ max: 1 });
    await stage.start();
    await worker.ack(worker.requests[0]!);
    const waiting = await stage.start();
    for (let passed = 0; passed < CONNECT_NO_ROOM_MS; passed += 30 * SECOND) {
      await stage.advance(30 * SECOND);
      await worker.extend(worker.requests[0]!);
    }
    expect((await stage.run(waiting)).run.lastError).toMatchObject({ code: "connect_all_workers_at_capacity" });
    expect(worker.requests).toHaveLength(1);
  });

  it("and whose run is cancelled goes to none", async () => {
    const stage = new ConnectStage();
    await (await stage.worker()).leave();
    const runId = await stage.start();
    await stage.cancel(runId);
    const worker = await stage.worker();
    expect([worker.requests.length, await stage.holds(runId)]).toEqual([0, false]);
  });
});

describe("a worker that stops", () => {
  it("before it has acknowledged a call leaves it to another at once", async () => {
    const stage = new ConnectStage();
    const dying = await stage.worker();
    const runId = await stage.start();
    const worker = await stage.worker();
    await dying.leave();
    expect(worker.requests.map((request) => [request.runId, request.body.ctx.attempt])).toEqual([[runId, 0]]);
  });

  it("with a call is waited for until its lease is over, and 5 s; that is a failed attempt", async () => {
    const stage = new ConnectStage();
    const dying = await stage.worker();
    const runId = await stage.start();
    const [request] = dying.requests;
    await dying.ack(request!);
    await dying.leave();
    const worker = await stage.worker();
    await liveOn(stage, LEASE_OVER_MS - 1, worker);
    expect(await stage.state(runId)).toMatchObject({ kind: "executing" });
    await stage.advance(1);
    expect((await stage.run(runId)).run.lastError).toMatchObject({ code: "connect_worker_stopped_responding" });
    await stage.flush(request!, returned("late")); // it was not dead after all
    while (worker.requests.length === 0) await liveOn(stage, SECOND, worker); // the pause between two attempts
    expect(worker.requests.map(({ body }) => body.ctx.attempt)).toEqual([1]);
    await worker.reply(worker.requests[0]!, returned("anew"));
    expect(await stage.state(runId)).toMatchObject({ kind: "completed", output: "anew" });
  });

  it("answering at all, though its socket is open, has failed after 10 s", async () => {
    const stage = new ConnectStage();
    await stage.worker();
    const runId = await stage.start();
    await stage.advance(CONNECT_ACK_MS);
    expect((await stage.run(runId)).run.lastError).toMatchObject({ code: "connect_worker_stopped_responding" });
  });

  it("being heard is closed after 45 s", async () => {
    const stage = new ConnectStage();
    const worker = await stage.worker();
    await stage.advance(20 * SECOND);
    await worker.heartbeat();
    await stage.advance(CONNECT_SILENCE_MAX_MS - 1);
    expect(worker.closed).toBeNull();
    await stage.advance(1);
    expect(worker.closed).toEqual({ code: 1008, reason: "connect_worker_silent" });
    expect(await stage.connections()).toEqual([]);
  });

  it("and goes on extending keeps its call for as long as it takes", async () => {
    const stage = new ConnectStage();
    const worker = await stage.worker();
    const runId = await stage.start();
    const [request] = worker.requests;
    await worker.ack(request!);
    for (let minutes = 0; minutes < 45; minutes += 0.5) {
      await stage.advance(30 * SECOND);
      await worker.extend(request!);
    }
    expect(worker.extensions.every(({ newLeaseId }) => newLeaseId === request!.leaseId)).toBe(true);
    await worker.reply(request!, returned("long"));
    expect(await stage.state(runId)).toMatchObject({ kind: "completed", output: "long" });
  });

  it("is told that its lease is lost when another has its call", async () => {
    const stage = new ConnectStage();
    const first = await stage.worker();
    await stage.start();
    const [request] = first.requests;
    await first.leave();
    const second = await stage.worker();
    await second.ack(second.requests[0]!);
    const again = await stage.worker();
    await again.extend(request!);
    expect(again.extensions[0]).toMatchObject({ requestId: request!.requestId, newLeaseId: undefined });
  });
});

describe("a worker that comes and goes", () => {
  it("keeps its call over another connection, and brings the result there", async () => {
    const stage = new ConnectStage();
    const before = await stage.worker();
    const runId = await stage.start();
    const [request] = before.requests;
    await before.ack(request!);
    await before.leave();
    const after = await stage.worker();
    await after.extend(request!);
    expect(after.extensions[0]?.newLeaseId).toBe(request!.leaseId);
    await liveOn(stage, LEASE_OVER_MS - 10 * SECOND, after);
    await after.reply(request!, returned("brought"));
    expect(after.requests).toEqual([]);
    expect(await stage.state(runId)).toMatchObject({ kind: "completed", output: "brought" });
  });

  it("and pauses gets no more calls; what it never saw goes to another", async () => {
    const stage = new ConnectStage();
    const leaving = await stage.worker();
    const seen = await stage.start();
    await leaving.ack(leaving.requests[0]!);
    const unseen = await stage.start();
    await leaving.say(Kind.WORKER_PAUSE);
    const other = await stage.worker();
    expect(other.requests.map(({ runId }) => runId)).toEqual([unseen]);
    await leaving.reply(leaving.requests[0]!, returned("finished"));
    expect(await stage.state(seen)).toMatchObject({ kind: "completed", output: "finished" });
  });

  it("is asked to go, finishes what it has, and is closed if it stays", async () => {
    const stage = new ConnectStage();
    const worker = await stage.worker({ connectionId: "C1" });
    const runId = await stage.start();
    await worker.ack(worker.requests[0]!);
    expect(await stage.drain("C1")).toEqual({ kind: "draining" });
    expect(await stage.drain("C9")).toEqual({ kind: "unknown" });
    expect(worker.kinds.at(-1)).toBe(Kind.GATEWAY_CLOSING);
    await stage.start();
    expect(worker.requests).toHaveLength(1);
    await liveOn(stage, 60 * SECOND, worker);
    expect(worker.closed).toBeNull();
    await worker.reply(worker.requests[0]!, returned(1));
    expect(await stage.state(runId)).toMatchObject({ kind: "completed" });
    await liveOn(stage, 40 * SECOND, worker);
    expect(worker.closed).toEqual({ code: 1001, reason: "connect_gateway_closing" });
  });
});

describe("[design §4] what is in memory alone may be lost", () => {
  it("a gateway that slept knows its sockets, and hands over what they bring", async () => {
    const stage = new ConnectStage();
    const worker = await stage.worker();
    const runId = await stage.start();
    await worker.ack(worker.requests[0]!);
    await stage.hibernate();
    await worker.reply(worker.requests[0]!, returned("after sleep"));
    expect(worker.replyAcks).toHaveLength(1);
    expect(await stage.state(runId)).toMatchObject({ kind: "completed", output: "after sleep" });
  });

  it("a gateway that died takes the result from the worker's next connection", async () => {
    const stage = new ConnectStage();
    const worker = await stage.worker();
    const runId = await stage.start();
    const [request] = worker.requests;
    await worker.ack(request!);
    await stage.crash();
    expect(await stage.connections()).toEqual([]);
    const again = await stage.worker();
    expect(again.requests).toEqual([]); // its worker may have it still
    await again.reply(request!, returned("survived"));
    expect(await stage.state(runId)).toMatchObject({ kind: "completed", output: "survived" });
  });

  it("a gateway that died gives a call up when nobody comes back with it", async () => {
    const stage = new ConnectStage();
    const worker = await stage.worker();
    const runId = await stage.start();
    await worker.ack(worker.requests[0]!);
    await stage.crash();
    await stage.advance(LEASE_OVER_MS - 1);
    expect((await stage.run(runId)).run.lastError).toBeUndefined();
    await stage.advance(1);
    expect((await stage.run(runId)).run.lastError).toMatchObject({ code: "connect_worker_stopped_responding" });
  });

  it("calls that waited when the gateway died go to the first worker after", async () => {
    const stage = new ConnectStage();
    await (await stage.worker()).leave();
    const runId = await stage.start();
    await stage.crash();
    const worker = await stage.worker();
    expect(worker.requests.map((request) => request.runId)).toEqual([runId]);
  });

  it("a run that left memory is not declared lost while the gateway has its call, however long", async () => {
    const stage = new ConnectStage();
    const worker = await stage.worker();
    const runId = await stage.start();
    const [request] = worker.requests;
    await worker.ack(request!);
    for (let minutes = 0; minutes < 10; minutes += 0.5) {
      if (minutes % 2 === 0) stage.world.reset("run", runId);
      await stage.advance(30 * SECOND);
      await worker.extend(request!);
    }
    expect((await stage.run(runId)).run).toMatchObject({ epoch: 0, losses: 0 });
    stage.world.reset("run", runId);
    await worker.reply(request!, returned("remembered"));
    expect(await stage.state(runId)).toMatchObject({ kind: "completed", output: "remembered" });
  });

  it("a run that died before the gateway had its call makes it again", async () => {
    const stage = new ConnectStage();
    const worker = await stage.worker();
    stage.world.storage = (kind, _name, what) => {
      if (kind === "gateway" && what === "commit") throw new Error("the disk is gone");
    };
    const runId = await stage.start();
    expect(worker.requests).toEqual([]);
    stage.world.storage = () => undefined;
    await liveOn(stage, 60 * SECOND, worker);
    expect(worker.requests.map((request) => request.runId)).toEqual([runId]);
  });
});

test("a frame is what the official client makes of it", () => {
  const bytes = ConnectMessage.encode({ kind: Kind.WORKER_REPLY, payload: new Uint8Array([1, 2]) }).finish();
  expect([...bytes]).toEqual([8, 6, 18, 2, 1, 2]);
});
