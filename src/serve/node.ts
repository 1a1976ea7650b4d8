import { createHandler, type ServeOptions } from "./handler.ts";
import { answerNode, isNodeRequest, isNodeResponse, type NodeRequest, type NodeResponse } from "./node-request.ts";
import { isRecord, wrongArguments } from "./passed.ts";

export const frameworkName = "nodejs";

const DEFAULT_PATH = "/api/inngest";

/**
 * Serves an app's functions from a server of `node:http`, `node:https` or `node:http2`, whatever the path. Its listener
 * may also stand in a router of one's own.
 *
 * @throws TypeError when a function is not one or two share an id
 * @example
 * http.createServer(serve({ client: inngest, functions: [syncUser] })).listen(3000);
 */
export function serve(options: ServeOptions): (request: NodeRequest, response: NodeResponse) => void {
  const handle = createHandler({ ...options, framework: frameworkName });
  return (request, response) => {
    if (!isNodeRequest(request) || !isNodeResponse(response))
      throw wrongArguments(frameworkName, "Node's (request, response)", [request, response]);
    void answerNode(handle, request, response, frameworkName);
  };
}

/** The part of `http.Server` that starting and ending one takes. */
export interface NodeServer {
  readonly listening: boolean;
  listen(port?: number, hostname?: string, listening?: () => void): this;
  listen(port?: number, listening?: () => void): this;
  close(closed?: (error?: Error) => void): this;
  closeAllConnections(): void;
  address(): { address: string; family: string; port: number } | string | null;
  on(event: string, listener: (...values: never[]) => void): this;
  once(event: string, listener: (...values: never[]) => void): this;
}

/**
 * A server of its own for the functions, at `servePath` (default `/api/inngest`); other paths are 404.
 *
 * Node's `http` is asked of the process rather than imported, so that this module loads anywhere: Node 20.16, 22.3 or
 * newer, Bun and Deno have it.
 *
 * @example
 * createServer({ client: inngest, functions: [syncUser] }).listen(3000);
 */
export function createServer(options: ServeOptions): NodeServer {
  const listener = serve(options);
  const server = nodeHttp().createServer((request, response) => {
    const path = options.servePath ?? options.client.envVar("INNGEST_SERVE_PATH") ?? DEFAULT_PATH;
    if (`/${request.url?.split("?")[0]}`.replace(/\/+/g, "/") === `/${path}`.replace(/\/+/g, "/"))
      return listener(request, response);
    response.statusCode = 404;
    response.end();
  });
  return server.on("clientError", (_: unknown, socket: { end(text: string): void }) =>
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
  );
}

interface NodeHttp {
  createServer(listener: (request: NodeRequest, response: NodeResponse) => void): NodeServer;
}

function nodeHttp(): NodeHttp {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): NodeHttp | undefined } };
  const http = process?.getBuiltinModule?.("node:http");
  if (!isRecord(http))
    throw new Error(
      "createServer: needs node:http of Node 20.16, 22.3 or newer; use serve() with a server of your own",
    );
  return http;
}

/** Text of a request's body, by its `data` events alone, as servers that replay a body they have read give it again. */
export function readRequestBody(request: {
  // oxlint-disable-next-line typescript/no-explicit-any -- as Node declares it: a request of `node:http` is one
  on(event: string, listener: (...values: any[]) => void): unknown;
}): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  return new Promise((resolve, reject) => {
    request.on("data", (chunk: Uint8Array | string) => {
      text += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
    });
    request.on("end", () => resolve(text + decoder.decode()));
    request.on("error", reject);
  });
}
