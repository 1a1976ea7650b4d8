import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface SeenRequest {
  method: string | undefined;
  path: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface ApiServer {
  url: string;
  seen: SeenRequest[];
  close(): void;
}

/**
 * A platform's API on the loopback: records requests and answers what `answer` says, JSON unless it is a text.
 *
 * @param isOurs says with every answer that it is this package's, as clients ask first
 */
export async function apiServer(
  answer: (request: SeenRequest) => [status: number, body: unknown],
  isOurs = true,
): Promise<ApiServer> {
  const seen: SeenRequest[] = [];
  const server = createServer(async (request, response) => {
    const { method, url: path, headers } = request;
    const one = { method, path, headers, body: await text(request) };
    if (isOurs) response.setHeader("x-dotdo-inngest", "1");
    if (path === "/dev") return void response.end("{}");
    seen.push(one);
    const [status, body] = answer(one);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, seen, close: () => server.close() };
}
