/** Requests that a real platform makes for steps of apps on the loopback: ours, and Inngest's own client unmodified. */
import { mkdtempSync, rmSync } from "node:fs";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { getRequestListener } from "@hono/node-server";
import { Inngest as InngestV4, fetch as fetchV4, openai as openaiV4 } from "inngest-v4";
import { serve as serveV4 } from "inngest-v4/edge";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { fetch as durableFetch, Inngest, openai } from "../../src/sdk/index.ts";
import { appListener, listen, register, type LoopbackServer } from "../helpers/app-server.ts";
import { endedRun, runsOf, send, until } from "../helpers/platform-api.ts";
import { spawnPlatform, type PlatformProcess } from "../helpers/platform-process.ts";

const worker = join(import.meta.dirname, "../fixtures/dev-worker.ts");
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const KEY = "sk-loopback";

let stateDir: string;
let platform: PlatformProcess;

beforeAll(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "inngest-gateways-"));
  platform = await spawnPlatform({ stateDir, worker });
});

afterAll(async () => {
  await platform?.killGroup();
  rmSync(stateDir, { recursive: true, force: true });
});

/** A provider that answers chats and everything else, and remembers what it was asked. */
async function startProvider(answer?: RequestListener) {
  const asked: { method: string; url: string; headers: Record<string, unknown>; body: string }[] = [];
  const server = await listen((request, response) => {
    void text(request).then((body) => {
      asked.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
      if (answer) return answer(request, response);
      if (request.url === "/moved") response.writeHead(307, { location: "/things" }).end();
      else if (request.url?.endsWith("/chat/completions"))
        response.end(JSON.stringify({ choices: [{ message: { role: "assistant", content: "hello" } }] }));
      else response.writeHead(201, { "x-thing": "1" }).end(`${request.method} ${body}`);
    });
  });
  onTestFinished(() => server.close().catch(() => {}));
  return { asked, url: server.url };
}

async function startApp(id: string, listener: (client: { id: string; baseUrl: string }) => RequestListener) {
  const server: LoopbackServer = await listen(listener({ id, baseUrl: platform.url }));
  onTestFinished(() => server.close().catch(() => {}));
  await register(server.url);
}

const body = { messages: [{ role: "user" as const, content: "hi" }] };

/** The same function in each client. */
const APPS: [string, (provider: string) => (client: { id: string; baseUrl: string }) => RequestListener][] = [
  [
    "ours",
    (provider) => (given) => {
      const client = new Inngest({ ...given, isDev: true, logger: silent });
      const fn = client.createFunction({ id: "f" }, { event: `${given.id}/go` }, async ({ step }) => {
        const [made, answer] = await Promise.all([
          durableFetch(`${provider}/moved`, { method: "POST", body: "thing", headers: { authorization: KEY } }),
          step.ai.infer("ask", { model: openai({ model: "m", apiKey: KEY, baseUrl: provider }), body }),
        ]);
        return [made.status, made.headers.get("x-thing"), await made.text(), answer.choices[0]?.message.content];
      });
      return appListener(client, [fn]);
    },
  ],
  [
    "inngest 4.24",
    (provider) => (given) => {
      const client = new InngestV4({ ...given, isDev: true, logger: silent });
      const fn = client.createFunction({ id: "f", triggers: [{ event: `${given.id}/go` }] }, async ({ step }) => {
        const [made, answer] = await Promise.all([
          fetchV4(`${provider}/moved`, { method: "POST", body: "thing", headers: { authorization: KEY } }),
          step.ai.infer("ask", { model: openaiV4({ model: "m", apiKey: KEY, baseUrl: provider }), body }),
        ]);
        return [made.status, made.headers.get("x-thing"), await made.text(), answer.choices[0]?.message.content];
      });
      return getRequestListener(serveV4({ client, functions: [fn] }) as (request: Request) => Promise<Response>);
    },
  ],
];

describe.each(APPS)("%s", (name, listenerOf) => {
  const id = `gw-${name.replace(/[^a-z0-9]+/g, "-")}`;

  test("[§9.4 §9.5] leaves its requests to the platform, and gets what was answered", async () => {
    const provider = await startProvider();
    await startApp(id, listenerOf(provider.url));
    const [event] = await send(platform.url, { name: `${id}/go`, data: {} });
    const run = await endedRun(platform.url, event!);
    expect(run).toMatchObject({ status: "Completed", output: [201, "1", "POST thing", "hello"] });
    expect(JSON.stringify(run)).not.toContain(KEY);
    const asked = provider.asked.map(({ method, url }) => `${method} ${url}`).sort();
    expect(asked).toEqual(["POST /chat/completions", "POST /moved", "POST /things"]);
    for (const { url, headers } of provider.asked)
      expect(headers.authorization, url).toBe(url === "/chat/completions" ? `Bearer ${KEY}` : KEY);
    expect(provider.asked.find(({ url }) => url === "/chat/completions")?.body).toBe(
      JSON.stringify({ ...body, model: "m" }),
    );
  });
});

test("[G3] a platform that is killed while it waits for an answer asks again when it is back, and the app is not called for it", async () => {
  let times = 0;
  const provider = await startProvider((_request, response) => {
    times += 1;
    if (times > 1) response.end("second"); // the first gets no answer
  });
  let passes = 0;
  await startApp("gw-killed", (given) => {
    const client = new Inngest({ ...given, isDev: true, logger: silent });
    const fn = client.createFunction({ id: "f" }, { event: "gw-killed/go" }, async ({ step }) => {
      passes += 1;
      return (await step.fetch("ask", provider.url)).text();
    });
    return appListener(client, [fn]);
  });
  const [event] = await send(platform.url, { name: "gw-killed/go", data: {} });
  await until("the request is made", 10_000, async () => times === 1);
  const before = passes;
  await platform.killGroup();
  platform = await spawnPlatform({ stateDir, worker, port: platform.port });
  const run = await endedRun(platform.url, event!, 60_000); // the watchdog looks after 20 s
  expect(run).toMatchObject({ status: "Completed", output: "second" });
  expect(times).toBe(2);
  expect(passes).toBe(before + 1); // to go on with the answer
  expect((await runsOf(platform.url, event!)).length).toBe(1);
});
