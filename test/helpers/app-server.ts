/** Servers on the loopback: apps of this process that the platform calls, good and bad. */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Inngest, InngestFunction } from "../../src/sdk/index.ts";
import { createHandler } from "../../src/serve/handler.ts";

export interface LoopbackServer {
  readonly url: string;
  readonly port: number;
  /** Ends it with all its connections. */
  close(): Promise<void>;
}

/** @param port default: a free one */
export async function listen(listener: RequestListener, port = 0): Promise<LoopbackServer> {
  const server = createServer({ keepAliveTimeout: 60_000 }, listener).listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A listener that serves functions, as an app's own server would. */
export function appListener(client: Inngest, functions: InngestFunction[]): RequestListener {
  const handler = createHandler({ client, functions, framework: "test" });
  return getRequestListener((request) => handler(request));
}

/** Lets the app tell its platform about its functions. */
export async function register(appUrl: string): Promise<void> {
  const response = await fetch(`${appUrl}/api/inngest`, { method: "PUT" });
  const answer = await response.text();
  if (!response.ok) throw new Error(`PUT ${appUrl} answered ${response.status}: ${answer}`);
}
