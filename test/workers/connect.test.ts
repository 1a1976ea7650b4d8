/** Workers that dial in, through the front door: our own client against the gateway's Durable Object and its sockets. */
import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { readOptions } from "../../src/connect/options.ts";
import type { OpenSocket, WebSocketLike } from "../../src/connect/socket.ts";
import { Worker } from "../../src/connect/worker.ts";
import { deferred } from "../../src/protocol/deferred.ts";
import { Inngest } from "../../src/sdk/index.ts";
import { json, outputOf, post, request, send, until, worker as platform } from "./helpers/front-door.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const ORIGIN = "http://localhost";
const open: Worker[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

/** A socket to the Worker under test. */
const openSocket: OpenSocket = async (url, protocol) => {
  const headers = { upgrade: "websocket", "sec-websocket-protocol": protocol };
  const response = await platform.fetch(url.replace(/^ws/, "http"), { headers });
  const socket = response.webSocket;
  if (response.status !== 101 || !socket) throw new Error(`${response.status}: ${await response.text()}`);
  expect(response.headers.get("sec-websocket-protocol")).toBe(protocol);
  socket.binaryType = "arraybuffer";
  const like: WebSocketLike = {
    binaryType: "arraybuffer",
    get readyState() {
      return socket.readyState;
    },
    send: (data) => socket.send(data),
    close: (code, reason) => socket.close(code, reason),
    onclose: null,
    onerror: null,
    set onmessage(listener: WebSocketLike["onmessage"]) {
      socket.addEventListener("message", (event) => listener?.(event));
      if (listener) socket.accept();
    },
  };
  socket.addEventListener("close", (event) => like.onclose?.(event));
  socket.addEventListener("error", (event) => like.onerror?.(event));
  return like;
};

type Handler = (input: any) => unknown;

/** A worker of an app with one function, `work`. */
async function connected(
  id: string,
  handler: Handler,
  options: { env?: string; max?: number; signingKey?: string } = {},
): Promise<Worker> {
  const client = new Inngest({
    id,
    isDev: options.signingKey === undefined,
    signingKey: options.signingKey,
    logger: silent,
    baseUrl: ORIGIN,
    env: options.env,
    fetch: (input, init) => platform.fetch(String(input), init),
  });
  const work = client.createFunction({ id: "work", triggers: [{ event: `${id}/work` }], retries: 1 }, handler);
  const settings = readOptions({
    apps: [{ client, functions: [work] }],
    handleShutdownSignals: [],
    instanceId: id,
    maxWorkerConcurrency: options.max,
  });
  const one = new Worker(settings, openSocket);
  open.push(one);
  await one.start();
  return one;
}

const appId = () => `w${crypto.randomUUID().slice(0, 8)}`;
const gatewayOf = (environment = "main") =>
  (Reflect.get(env, "ConnectDO") as DurableObjectNamespace).getByName(`${environment}/gateway`);
const listed = async (id: string) =>
  (await json("/v1/connections")).body.data.filter((one: any) => one.instance_id === id);

describe("a worker that dials in", () => {
  it("executes functions, step by step", async () => {
    const id = appId();
    await connected(id, async ({ step, event }) => {
      const a = await step.run("a", () => event.data.n);
      const [b, c] = await Promise.all([step.run("b", () => a + 1), step.run("c", () => a + 2)]);
      await step.sleep("nap", "10ms");
      return a + b + c;
    });
    expect(await listed(id)).toMatchObject([
      { status: "ready", apps: [{ id, functions: 1 }], max_worker_concurrency: null, in_flight: 0 },
    ]);
    expect(await outputOf(await send({ name: `${id}/work`, data: { n: 5 } }))).toBe(18);
    const { body } = await json(`/v1/apps/${id}`);
    expect(body.data).toMatchObject({ id, url: null, framework: "connect" });
  });

  it("[G10] to a platform in production shows its key when it starts, and at the socket what it was given for it", async () => {
    const signingKey = "signkey-test-12345678";
    const variables: Record<string, string> = { INNGEST_DEV: "", INNGEST_SIGNING_KEY: signingKey };
    const before = Object.keys(variables).map((name) => [name, Reflect.get(env, name)] as const);
    for (const [name, value] of Object.entries(variables)) Reflect.set(env, name, value);
    try {
      const id = appId();
      await connected(id, () => "done", { signingKey });
      const { body } = await json("/v1/connections", { headers: { authorization: `Bearer ${signingKey}` } });
      expect(body.data).toMatchObject([{ instance_id: id, status: "ready" }]);
      for (const path of ["start", "flush"])
        expect((await json(`/v0/connect/${path}`, { method: "POST" })).status).toBe(401);
    } finally {
      for (const [name, value] of before) Reflect.set(env, name, value);
    }
  });

  it("[G2] whose gateway sleeps in the midst of a call brings its result, and is sent what comes next", async () => {
    const id = appId();
    const gate = deferred<string>();
    const begun = deferred();
    let bodies = 0;
    await connected(id, async ({ step }) => {
      const value = await step.run("held", () => {
        bodies += 1;
        begun.resolve();
        return gate.promise;
      });
      return step.run("after", () => `${value}!`);
    });
    const event = await send({ name: `${id}/work` });
    await begun.promise;
    await evictDurableObject(gatewayOf());
    gate.resolve("slept");
    expect(await outputOf(event)).toBe("slept!");
    expect(bodies).toBe(1);
  });

  it("[G2] whose gateway dies in the midst of a call connects again, and brings its result", async () => {
    const id = appId();
    const gate = deferred<string>();
    const begun = deferred();
    let bodies = 0;
    const one = await connected(id, async ({ step }) =>
      step.run("held", () => {
        bodies += 1;
        begun.resolve();
        return gate.promise;
      }),
    );
    const event = await send({ name: `${id}/work` });
    await begun.promise;
    const before = one.connectionId;
    await abortAllDurableObjects();
    await until(async () => one.state === "ACTIVE" && one.connectionId !== before, "another connection");
    gate.resolve("survived");
    expect(await outputOf(event)).toBe("survived");
    expect(bodies).toBe(1);
  });

  it("is asked to go, and comes back while its call goes on", async () => {
    const id = appId();
    const gate = deferred<string>();
    const begun = deferred();
    const one = await connected(id, () => {
      begun.resolve();
      return gate.promise;
    });
    const event = await send({ name: `${id}/work` });
    await begun.promise;
    const before = one.connectionId;
    const answer = await request(`/v1/connections/${before}`, { method: "DELETE" });
    expect(answer.status).toBe(200);
    await until(async () => one.state === "ACTIVE" && one.connectionId !== before, "another connection");
    await until(async () => (await listed(id)).length === 1, "the old one to go");
    gate.resolve("moved");
    expect(await outputOf(event)).toBe("moved");
    expect((await request("/v1/connections/none", { method: "DELETE" })).status).toBe(404);
  });

  it("executes no more at the same time than it takes", async () => {
    const id = appId();
    let now = 0;
    let most = 0;
    await connected(
      id,
      async () => {
        most = Math.max(most, ++now);
        await scheduler.wait(5);
        now -= 1;
        return most;
      },
      { max: 2 },
    );
    const events = await Promise.all(Array.from({ length: 8 }, () => send({ name: `${id}/work` })));
    for (const event of events) await outputOf(event);
    expect(most).toBe(2);
  });

  it("of a branch is of that environment alone", async () => {
    const id = appId();
    await connected(id, () => "branch", { env: "feature/connect" });
    expect(await listed(id)).toEqual([]);
    const { body } = await json("/v1/connections", { headers: { "x-inngest-env": "feature/connect" } });
    expect(body.data).toMatchObject([{ instance_id: id }]);
  });

  it("leaves large values whole", async () => {
    const id = appId();
    await connected(id, async ({ step }) => {
      const text: string = await step.run("large", () => "ü".repeat(1_500_000));
      return text.length;
    });
    expect(await outputOf(await send({ name: `${id}/work` }))).toBe(1_500_000);
  });

  it("that goes leaves nothing behind: no connection, no call", async () => {
    const id = appId();
    const one = await connected(id, () => "done");
    expect(await outputOf(await send({ name: `${id}/work` }))).toBe("done");
    await one.close();
    await until(async () => (await listed(id)).length === 0, "its connection to go");
    const calls = await runInDurableObject(gatewayOf(), (_, { storage }) =>
      storage.sql.exec("SELECT id FROM item WHERE list = 'call'").toArray(),
    );
    expect(calls).toEqual([]);
  });
});

describe("[§7.1] the API of workers", () => {
  it("tells those that come without a WebSocket what is here", async () => {
    const { status, body } = await json("/v0/connect");
    expect([status, body.error]).toEqual([426, expect.stringContaining("v0.connect.inngest.com")]);
  });

  it("refuses a result that is none", async () => {
    const { status, body } = await post("/v0/connect/flush", "nonsense");
    expect([status, body.error]).toEqual([400, expect.stringContaining("SDKResponse")]);
  });

  it("a function of a worker cannot be registered over HTTP", async () => {
    const answer = await post("/fn/register", {
      url: "wss://connect",
      deployType: "connect",
      appName: "x",
      functions: [{ id: "x-f", triggers: [], steps: { step: { runtime: { url: "wss://connect?fnId=x-f" } } } }],
    });
    expect(answer.body.error).toContain("is not an http URL");
  });
});
