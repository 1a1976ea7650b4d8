import { createHandler, type ServeOptions } from "./handler.ts";
import { withMethods } from "./methods.ts";
import { answerNode, isNodeRequest, isNodeResponse } from "./node-request.ts";
import { isFetchRequest, wrongArguments } from "./passed.ts";

export const frameworkName = "nextjs";

/**
 * As Next.js wants its handlers typed, whatever the version: what follows the request is a response (pages router), route
 * parameters (app router), or nothing. The pages router ignores what is returned.
 */
export type RequestHandler = (request: Request, ...rest: unknown[]) => Promise<Response>;

/**
 * Serves an app's functions from Next.js 12 and newer, on Node and on the edge: the app router takes the three methods,
 * the pages router the handler itself.
 *
 * @throws TypeError when a function is not one or two share an id
 * @example
 * export const { GET, POST, PUT } = serve({ client: inngest, functions: [syncUser] }); // app/api/inngest/route.ts
 * @example
 * export default serve({ client: inngest, functions: [syncUser] }); // pages/api/inngest.ts
 */
export function serve(
  options: ServeOptions,
): RequestHandler & { GET: RequestHandler; POST: RequestHandler; PUT: RequestHandler } {
  const handle = createHandler({ ...options, framework: frameworkName });
  return withMethods<RequestHandler>(async (request: unknown, ...rest: unknown[]) => {
    if (isFetchRequest(request)) return handle(withOwnHost(request));
    const [response] = rest;
    if (!isNodeRequest(request) || !isNodeResponse(response))
      throw wrongArguments(frameworkName, "a Request, or the pages router's (req, res)", [request, ...rest]);
    await answerNode(handle, request, response, frameworkName);
    return undefined as never; // it has been sent
  });
}

/** Next.js puts a host of its own into some URLs ("localhost" for a container's name); the header has the real one. */
function withOwnHost(request: Request): Request {
  const host = request.headers.get("host");
  const url = new URL(request.url);
  if (host === null || host === url.host) return request;
  try {
    return new Request(`${url.protocol}//${host}${url.pathname}${url.search}`, request);
  } catch {
    return request; // not a host name
  }
}
