import { createServer, type RequestListener } from "node:http";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { discoverApps } from "../../src/cli/app-discovery.ts";
import { freePort } from "../helpers/platform-process.ts";

/** A server on a port of this machine. */
async function listening(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

const signal = new AbortController().signal;

/** An app at one path, as every SDK answers; anything else is 404. */
function app(path: string): RequestListener {
  return (request, response) => {
    if (request.url === path) response.writeHead(200, { "x-inngest-sdk": "js:v4.24.0" }).end("{}");
    else response.writeHead(404).end();
  };
}

test("an app is found at each of the usual paths; a server that is none, and a port without one, are passed over", async () => {
  const ports = [
    await listening(app("/api/inngest")),
    await listening(app("/.netlify/functions/inngest")),
    await listening((_, response) => response.end("hello")),
    await freePort(),
  ];
  expect(await discoverApps({ known: [], ports, signal })).toEqual([
    `http://localhost:${ports[0]}/api/inngest`,
    `http://localhost:${ports[1]}/.netlify/functions/inngest`,
  ]);
});

test("one that is known is not looked for, by whatever name of this machine", async () => {
  const asked: string[] = [];
  const port = await listening((request, response) => {
    asked.push(request.url ?? "");
    app("/api/inngest")(request, response);
  });
  const known = [`http://127.0.0.1:${port}/api/inngest`];
  expect(await discoverApps({ known, ports: [port], signal })).toEqual([]);
  expect(asked).toEqual([]);
});

test("nobody asks the platform itself", async () => {
  const port = await listening(app("/api/inngest"));
  expect(await discoverApps({ known: [], ports: [port], exceptPort: port, signal })).toEqual([]);
});
