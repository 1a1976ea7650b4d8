import { mkdtempSync, rmSync } from "node:fs";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Inngest, type RetryOptions } from "../../src/sdk/index.ts";
import { appListener, listen, register, type LoopbackServer } from "../helpers/app-server.ts";
import { endedRun, readRun, runsOf, send, until } from "../helpers/platform-api.ts";
import { spawnPlatform, type PlatformProcess } from "../helpers/platform-process.ts";

const twice: RetryOptions = { attempts: 2, backoff: "fixed", initialDelay: 20, jitter: false };
const worker = join(import.meta.dirname, "../fixtures/impatient-worker.ts"); // gives a call one second

let stateDir: string;
let platform: PlatformProcess;

beforeAll(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "inngest-bad-apps-"));
  platform = await spawnPlatform({ stateDir, worker });
});

afterAll(async () => {
  await platform?.killGroup();
  rmSync(stateDir, { recursive: true, force: true });
});

interface App extends LoopbackServer {
  /** sends the event that starts its function; returns the event's id */
  start(): Promise<string>;
  /** how often its step has run */
  readonly stepsRun: number;
  /** from now on it behaves */
  heal(): void;
  /** the same app as a listener, without its bad habits */
  readonly good: RequestListener;
}

let apps = 0;

/** An app of one function with one step. It registers as it must, then answers calls as `bad` does. */
async function startApp(bad: RequestListener | null, retries: RetryOptions = twice): Promise<App> {
  const client = new Inngest({ id: `bad${apps++}`, isDev: true, baseUrl: platform.url });
  const event = `${client.id}/go`;
  let stepsRun = 0;
  let isHealed = false;
  const fn = client.createFunction({ id: "f", retries }, { event }, async ({ event: { data }, step }) =>
    step.run("work", () => [++stepsRun, data.word]),
  );
  const good = appListener(client, [fn]);
  const server = await listen((request, response) => {
    const answer = isHealed || bad === null || request.method === "PUT" ? good : bad;
    answer(request, response);
  });
  onTestFinished(() => server.close().catch(() => {})); // a test may have closed it
  await register(server.url);
  return {
    ...server,
    good,
    heal: () => (isHealed = true),
    get stepsRun() {
      return stepsRun;
    },
    start: async () => (await send(platform.url, { name: event, data: { word: "kept" } }))[0]!,
  };
}

/** Reads the call, then answers: an answer in the middle of a request is another story. */
function answering(answer: RequestListener): RequestListener {
  return (request, response) => void text(request).then(() => answer(request, response));
}

const sdk = { "x-inngest-sdk": "js:v9.9.9", "x-inngest-req-version": "2", "content-type": "application/json" };

/** What an app does with every call, and what its run says about it. */
const misbehaviours: [what: string, app: RequestListener, code: string, message: RegExp][] = [
  [
    "answers 200 with a page of HTML",
    answering((_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<h1>Welcome</h1>")),
    "not_sdk",
    /answered 200 \(text\/html\), but not as an Inngest SDK: is the app served there\? "<h1>Welcome<\/h1>"/,
  ],
  [
    "answers 404",
    answering((_, response) => response.writeHead(404, { "content-type": "text/plain" }).end("no such page")),
    "not_sdk",
    /answered 404 \(text\/plain\): "no such page"/,
  ],
  [
    "answers 502, as a proxy without its app",
    answering((_, response) => response.writeHead(502).end()),
    "not_sdk",
    /answered 502 \(no content type\): ""/,
  ],
  [
    "answers an SDK's 206 that is not JSON",
    answering((_, response) => response.writeHead(206, sdk).end('[{"op":"StepRun"')),
    "invalid_reply",
    /reply is not JSON: "\[\{\\"op\\":\\"StepRun\\""/,
  ],
  [
    "reports an opcode that nobody knows",
    answering((_, response) =>
      response.writeHead(206, sdk).end(JSON.stringify([{ op: "Teleport", id: "a".repeat(40) }])),
    ),
    "invalid_reply",
    /op: "Teleport" is not an opcode this platform knows/,
  ],
  [
    "promises a body, sends half of it and closes",
    answering((_, response) => {
      response.writeHead(206, { ...sdk, "content-length": "100" });
      response.write('[{"op":"StepRun","id":', () => response.destroy());
    }),
    "unreachable",
    /the app answered 206 and broke off after \d+ bytes: .+/,
  ],
  [
    "streams half of a body and closes",
    answering((_, response) => {
      response.writeHead(206, sdk);
      response.write('[{"op":"StepRun","id":', () => response.destroy());
    }),
    "unreachable",
    /the app answered 206 and broke off after \d+ bytes: .+/,
  ],
  [
    "closes at once",
    (request) => request.socket.destroy(),
    "unreachable",
    /the app at http:\/\/127\.0\.0\.1:\d+ could not be reached: .+/,
  ],
  ["hangs", () => {}, "unreachable", /did not answer within 1 s, the bound of one call; split the step/],
  [
    "hangs in the middle of its answer",
    answering((_, response) => response.writeHead(206, sdk).write("[")),
    "unreachable",
    /did not answer within 1 s, the bound of one call; split the step/,
  ],
  [
    "answers with 9 MiB",
    answering((_, response) => response.writeHead(200, sdk).end(JSON.stringify("x".repeat(9 * 1024 * 1024)))),
    "output_too_large",
    /reply is over the bound of 8388608 bytes/,
  ],
  [
    "redirects in a circle",
    answering((request, response) => response.writeHead(307, { location: request.url }).end()),
    "unreachable",
    /redirected more than 20 times, last to http:\/\/127\.0\.0\.1:\d+\/api\/inngest\?/,
  ],
];

describe("an app that misbehaves is called again as its policy says, then its run fails and says what came", () => {
  test.each(misbehaviours)("%s", async (what, bad, code, message) => {
    let calls = 0;
    const app = await startApp((request, response) => {
      calls += 1;
      bad(request, response);
    });
    const run = await endedRun(platform.url, await app.start());
    expect(run).toMatchObject({ status: "Failed", error: { code }, last_error: { code } });
    expect(run.error!.message).toMatch(message);
    expect(run.last_error!.message).toMatch(message);
    expect(run.output).toEqual(run.error);
    expect(calls).toBe(what.startsWith("redirects") ? 2 * 21 : 2);
    expect(app.stepsRun).toBe(0);
  });

  test("refuses connections", async () => {
    const app = await startApp(null);
    await app.close();
    const run = await endedRun(platform.url, await app.start());
    expect(run).toMatchObject({ status: "Failed", error: { code: "unreachable" } });
    expect(run.error!.message).toContain(`the app at ${app.url} could not be reached: `);
  });
});

describe("an app that comes to its senses", () => {
  test("its run says what is wrong while it waits for the next attempt, and completes", async () => {
    const bad = answering((_, response) => response.writeHead(503).end("starting"));
    const app = await startApp(bad, { attempts: 3, backoff: "fixed", initialDelay: 1_500, jitter: false });
    const eventId = await app.start();
    const waiting = await until("the first attempt has failed", 5_000, async () => {
      const [run] = await runsOf(platform.url, eventId);
      const details = run && (await readRun(platform.url, run.run_id));
      return details?.last_error ? details : undefined;
    });
    app.heal();
    expect(waiting.status).toBe("Running");
    expect(waiting.last_error!.message).toContain('answered 503 (no content type): "starting"');
    expect(waiting.waiting_for).toMatchObject([{ kind: "retry", until: expect.any(String) }]);
    expect(await endedRun(platform.url, eventId)).toMatchObject({ status: "Completed", output: [1, "kept"] });
  });

  test("it vanishes in the midst of a run and comes back at the same address: no finished step runs again", async () => {
    const client = new Inngest({ id: "vanishing", isDev: true, baseUrl: platform.url });
    const steps: string[] = [];
    const fn = client.createFunction(
      { id: "f", retries: { attempts: 20, backoff: "fixed", initialDelay: 100 } },
      { event: "vanishing/go" },
      async ({ step }) => {
        await step.run("first", () => void steps.push("first"));
        await step.sleep("nap", 500);
        await step.run("second", () => void steps.push("second"));
        return "back";
      },
    );
    const listener = appListener(client, [fn]);
    const before = await listen(listener);
    await register(before.url);
    const [eventId] = await send(platform.url, { name: "vanishing/go" });
    await until("the run sleeps", 5_000, async () => {
      const [run] = await runsOf(platform.url, eventId!);
      return run && (await readRun(platform.url, run.run_id)).waiting_for.some((reason) => reason.kind === "sleeping");
    });
    await before.close();
    await until("a call has failed", 5_000, async () => {
      const [run] = await runsOf(platform.url, eventId!);
      return (await readRun(platform.url, run!.run_id)).last_error?.message.includes("could not be reached");
    });
    const after = await listen(listener, before.port);
    onTestFinished(() => after.close());
    expect(await endedRun(platform.url, eventId!)).toMatchObject({ status: "Completed", output: "back" });
    expect(steps).toEqual(["first", "second"]);
  });
});

test.each([301, 302, 303, 307, 308])("[§3.1] a redirect with %i keeps method, body and query", async (status) => {
  let location = "";
  const front = await startApp(answering((_, response) => response.writeHead(status, { location }).end()));
  const back = await listen((request, response) => front.good(request, response));
  onTestFinished(() => back.close());
  location = `${back.url}/api/inngest`;
  const run = await endedRun(platform.url, await front.start());
  expect(run).toMatchObject({ status: "Completed", output: [1, "kept"] }); // `fnId` is in the query, the word in the body
});

test.each<[string, (text: string) => Buffer]>([
  ["gzip", gzipSync],
  ["br", brotliCompressSync],
])("[§3.1] a reply may be compressed: %s", async (encoding, compress) => {
  const reply = [{ op: "RunComplete", id: "complete", data: "x".repeat(10_000) }];
  const app = await startApp(
    answering((_, response) =>
      response.writeHead(206, { ...sdk, "content-encoding": encoding }).end(compress(JSON.stringify(reply))),
    ),
  );
  const run = await endedRun(platform.url, await app.start());
  expect(run).toMatchObject({ status: "Completed", output: "x".repeat(10_000) });
});

test("after all of them the platform serves a good app as before", async () => {
  const app = await startApp(null);
  expect(await endedRun(platform.url, await app.start())).toMatchObject({ status: "Completed", output: [1, "kept"] });
  const ofRuns = /^run \S+ of "\S+" failed \(GET \S+\): .*\n/gm;
  expect(platform.output.stderr).toMatch(ofRuns);
  expect(platform.output.stderr.replaceAll(ofRuns, "")).toBe("");
});
