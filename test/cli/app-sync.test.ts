import { createServer } from "node:http";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { syncApps } from "../../src/cli/app-sync.ts";

const url = "http://localhost:3000/api/inngest";

interface Answer {
  status: number;
  body: unknown;
}

function synced(
  functions: string[],
  { modified = false, app_id = "shop" as string | null, message = null as string | null } = {},
): Answer {
  return { status: 200, body: { data: { app_id, functions, modified, message } } };
}

function failed(error: string): Answer {
  return { status: 422, body: { error, code: "unreachable", status: 422, data: null } };
}

/** What is told of a platform that gives one answer after the other; it stops with the last. */
async function told(
  answers: Answer[],
  { isPolling = true, urls = [url], known = [] as { id: string | null; url: string | null }[] } = {},
): Promise<{ lines: string[]; asked: string[] }> {
  const stopping = new AbortController();
  const lines: string[] = [];
  const asked: string[] = [];
  const server = createServer((request, response) => {
    if (request.method === "GET") {
      response.writeHead(200).end(JSON.stringify({ data: known }));
      return;
    }
    void text(request).then((body) => {
      asked.push(`${request.method} ${request.url} ${body}`);
      const answer = answers[asked.length - 1];
      if (answer === undefined) {
        response.destroy();
        return stopping.abort();
      }
      response
        .writeHead(answer.status)
        .end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const platform = `http://127.0.0.1:${port}`;
  const log = (line: string) => lines.push(line);
  await syncApps({ platform, urls, isPolling, pollEveryMs: 1, signal: stopping.signal, log });
  return { lines, asked };
}

test("the platform is asked to sync each app by its URL", async () => {
  const { asked } = await told([synced(["shop-a"])], { isPolling: false });
  expect(asked).toEqual([`POST /v1/apps/sync {"url":"${url}"}`]);
});

test("an app is told of when it is found and when its functions change, not at every poll", async () => {
  const { lines } = await told([
    synced(["shop-a"], { modified: true }),
    synced(["shop-a"]),
    synced(["shop-a", "shop-b"], { modified: true }),
    synced(["shop-a", "shop-b"]),
    synced(["shop-a", "shop-b"], { modified: true }), // options of a function
  ]);
  expect(lines).toEqual([
    `inngest: found app "shop" at ${url}: 1 function: shop-a`,
    `inngest: app "shop" changed at ${url}: 2 functions: shop-a, shop-b`,
    `inngest: app "shop" changed at ${url}: 2 functions: shop-a, shop-b`,
  ]);
});

test("an app that was registered by an earlier start is found, too", async () => {
  expect((await told([synced(["shop-a"], { modified: false })])).lines).toHaveLength(1);
});

test("a failure is told once, another one again, and that the app is back", async () => {
  const { lines } = await told([
    failed("cannot be reached"),
    failed("cannot be reached"),
    failed("nothing is served"),
    synced(["shop-a"]),
    failed("cannot be reached"),
  ]);
  expect(lines).toEqual([
    "inngest: cannot be reached",
    "inngest: nothing is served",
    `inngest: found app "shop" at ${url}: 1 function: shop-a`,
    "inngest: cannot be reached",
  ]);
});

test("an app that registers itself elsewhere is told of once, with what to look at", async () => {
  const answer = synced([], { app_id: null, message: "no app here has this URL" });
  expect((await told([answer, answer])).lines).toEqual([`inngest: ${url}: no app here has this URL`]);
});

test("a Worker that is no platform is told of once", async () => {
  const answer = { status: 404, body: "404 Not Found" };
  expect((await told([answer, answer])).lines).toEqual([
    `inngest: ${url} cannot be registered: this Worker answered 404`,
  ]);
});

test("while the platform does not answer nothing is told: its supervisor does", async () => {
  expect((await told([])).lines).toEqual([]);
});

test("while polling, apps that registered themselves are asked as well; those inside the Worker and workers are not", async () => {
  const known = [
    { id: "shop", url },
    { id: "local", url: null },
    { id: "worker", url: "wss://connect" },
    { id: null, url: "http://localhost:9/never-synced" },
  ];
  const { asked, lines } = await told([synced(["shop-a"]), synced(["shop-a"])], { urls: [], known });
  expect(asked).toEqual(Array.from({ length: 3 }, () => `POST /v1/apps/sync {"url":"${url}"}`));
  expect(lines).toEqual([`inngest: found app "shop" at ${url}: 1 function: shop-a`]);
});

test("without polling nobody else is asked", async () => {
  const { asked } = await told([], { urls: [], isPolling: false, known: [{ id: "shop", url }] });
  expect(asked).toEqual([]);
});
