import { createHandler, type ServeOptions } from "./handler.ts";
import { handleNode, isNodeRequest, sendResponse, type NodeRequest, type NodeResponse } from "./node-request.ts";
import { isRecord, wrongArguments } from "./passed.ts";

export const frameworkName = "koa";

/** As much of Koa's context as is used. `host` and `protocol` are the proxy's when the app trusts it (`app.proxy`). */
interface KoaContext {
  req: NodeRequest;
  res: NodeResponse;
  request: { body?: unknown };
  originalUrl: string;
  protocol: string;
  host: string;
  status: number;
  body: unknown;
  respond?: boolean;
  set(name: string, value: string): void;
}

/**
 * Serves an app's functions from Koa 2 and 3, with or without a body parser.
 *
 * @throws TypeError when a function is not one or two share an id
 * @example
 * const handler = serve({ client: inngest, functions: [syncUser] });
 * app.use((ctx, next) => (ctx.path === "/api/inngest" ? handler(ctx) : next()));
 */
export function serve(options: ServeOptions): (context: KoaContext) => Promise<void> {
  const handle = createHandler({ ...options, framework: frameworkName });
  return async (context) => {
    if (!isRecord(context) || !isNodeRequest(context.req) || typeof context.set !== "function")
      throw wrongArguments(frameworkName, "Koa's context", [context]);
    const response = await handleNode(handle, context.req, frameworkName, {
      origin: `${context.protocol}://${context.host || "localhost"}`,
      path: context.originalUrl,
      body: context.request.body,
    });
    if (response.status === 201) {
      context.respond = false; // Koa 2 knows no web streams
      return sendResponse(response, context.res);
    }
    context.status = response.status;
    response.headers.forEach((value, name) => context.set(name, value));
    context.body = await response.text();
  };
}
