/** What is measured: a fresh platform in a process of its own, and an app over HTTP in this one. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Inngest } from "../src/sdk/index.ts";
import { createHandler, type ServeHandler } from "../src/serve/handler.ts";
import { spawnPlatform } from "../test/helpers/platform-process.ts";
import { Client } from "./client.ts";
import { benchFunctions, type Mark } from "./functions.ts";
import { type ClientApp, startClients } from "./interop.ts";
import { Marks } from "./marks.ts";

const CONNECTIONS = 20;

/** The functions of one transport. */
export interface Target {
  readonly name: "local" | "http";
  readonly client: Client;
  readonly marks: Marks;
}

export interface Stage {
  readonly targets: Target[];
  readonly client: Client;
  /** the official clients' apps and ours, started when they are first asked for */
  clients(): Promise<ClientApp[]>;
  close(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const stateDir = mkdtempSync(join(tmpdir(), "inngest-bench-"));
  const platform = await spawnPlatform({ stateDir, worker: join(import.meta.dirname, "worker.ts") });
  const client = new Client(platform.url, CONNECTIONS);
  const app = await serveApp(platform.url);
  const local = new Marks(() => client.get<Mark[]>("/bench/marks"));
  let clients: Promise<ClientApp[]> | undefined;
  const dispose = () => rmSync(stateDir, { recursive: true, force: true });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void platform.killGroup().finally(() => (dispose(), process.exit(1))));
  }
  return {
    client,
    targets: [
      { name: "local", client, marks: local },
      { name: "http", client, marks: app.marks },
    ],
    clients: () => (clients ??= startClients(platform.url)),
    async close() {
      client.close();
      for (const one of (await clients) ?? []) await one.stop();
      await platform.stop();
      app.close();
      dispose();
    },
  };
}

/** The same functions behind node:http, registered with the platform. */
async function serveApp(platformUrl: string): Promise<{ marks: Marks; close(): void }> {
  const marks = new Marks();
  const client = new Inngest({ id: "http", isDev: true, baseUrl: platformUrl });
  const handle = createHandler({
    client,
    functions: benchFunctions(client, (mark) => marks.add(mark)),
    framework: "bench",
  });
  const server = createServer((incoming, outgoing) => {
    void answer(handle, incoming).then(async (response) => {
      outgoing.writeHead(response.status, Object.fromEntries(response.headers));
      outgoing.end(Buffer.from(await response.arrayBuffer()));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/inngest`;
  const synced = await fetch(url, { method: "PUT" });
  if (!synced.ok) throw new Error(`The app did not sync: ${await synced.text()}`);
  return {
    marks,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(handle: ServeHandler, incoming: IncomingMessage): Promise<Response> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const body = chunks.length > 0 ? Buffer.concat(chunks) : undefined;
  const headers = Object.entries(incoming.headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return handle(
    new Request(`http://${incoming.headers.host}${incoming.url}`, { method: incoming.method, headers, body }),
  );
}
