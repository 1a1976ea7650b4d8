import { CALL_BODY_LARGEST_BYTES } from "../protocol/limits.ts";
import { createHandler, type ServeOptions } from "./handler.ts";
import { handleNode, isNodeRequest, nodeOrigin, type NodeRequest } from "./node-request.ts";
import { isRecord, wrongArguments } from "./passed.ts";

export const frameworkName = "fastify";

interface FastifyRequest {
  raw: NodeRequest;
  body?: unknown;
  protocol?: string;
  /** with its port, and the proxy's word for it under `trustProxy` */
  host?: string;
  /** the path from before `rewriteUrl` */
  originalUrl?: string;
}

interface FastifyReply {
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  send(body: unknown): unknown;
}

type FastifyHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/**
 * Serves an app's functions from a route of Fastify 5 (4.26 or newer, when nothing is streamed). {@link fastifyPlugin}
 * makes the route and its body limit too; the default limit is 1 MiB, and calls may carry more.
 *
 * @throws TypeError when a function is not one or two share an id
 * @example
 * app.route({ method: ["GET", "POST", "PUT"], url: "/api/inngest", handler: serve({ client: inngest, functions }) });
 */
export function serve(options: ServeOptions): FastifyHandler {
  const handle = createHandler({ ...options, framework: frameworkName });
  return async (request, reply) => {
    if (!isRecord(request) || !isNodeRequest(request.raw) || !isRecord(reply) || typeof reply.send !== "function")
      throw wrongArguments(frameworkName, "Fastify's (request, reply)", [request, reply]);
    const { raw, protocol, host, originalUrl, body } = request;
    const origin = protocol && host ? `${protocol}://${host}` : nodeOrigin(raw);
    const response = await handleNode(handle, raw, frameworkName, { origin, path: originalUrl, body });
    reply.code(response.status);
    response.headers.forEach((value, name) => reply.header(name, value));
    return reply.send(response.status === 201 ? response.body : await response.text());
  };
}

interface FastifyInstance {
  route(options: {
    method: ("GET" | "POST" | "PUT")[];
    url: string;
    bodyLimit: number;
    handler: FastifyHandler;
  }): unknown;
}

/** Options of {@link fastifyPlugin}; those of `serve` beside client and functions are in `options`. */
export interface InngestPluginOptions extends Pick<ServeOptions, "client" | "functions"> {
  options?: Omit<ServeOptions, "client" | "functions">;
}

/**
 * Serves an app's functions at `options.servePath`, by default `/api/inngest`.
 *
 * @example
 * app.register(fastifyPlugin, { client: inngest, functions: [syncUser] });
 */
export function fastifyPlugin(
  fastify: FastifyInstance,
  { client, functions, options }: InngestPluginOptions,
  done: (error?: Error) => void,
): void {
  try {
    const handler = serve({ client, functions, ...options });
    const url = options?.servePath ?? "/api/inngest";
    fastify.route({ method: ["GET", "POST", "PUT"], url, bodyLimit: CALL_BODY_LARGEST_BYTES, handler });
    done();
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)));
  }
}

export default fastifyPlugin;
