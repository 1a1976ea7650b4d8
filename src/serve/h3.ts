import { createHandler, type ServeOptions } from "./handler.ts";
import { handleNode, isNodeRequest } from "./node-request.ts";
import { isFetchRequest, member, waitUntilOf, wrongArguments } from "./passed.ts";

export const frameworkName = "h3";

/** An event of h3: version 2 has a fetch request, version 1 Node's, or on other runtimes a likeness of it. */
type H3Event = { req: unknown } | { node: unknown };

/**
 * Serves an app's functions from h3 1.8 and newer, and 2.
 *
 * @throws TypeError when a function is not one or two share an id
 * @example
 * app.use("/api/inngest", eventHandler(serve({ client: inngest, functions: [syncUser] })));
 */
export function serve(options: ServeOptions): (event: H3Event) => Promise<Response> {
  return serveEvents(options, frameworkName);
}

/** Also the handler of frameworks upon h3. */
export function serveEvents(options: ServeOptions, framework: string): (event: H3Event) => Promise<Response> {
  const handle = createHandler({ ...options, framework });
  return async (event) => {
    const request = member(event, "req");
    if (isFetchRequest(request)) return handle(request, platformOf(event, request));
    const incoming = member(event, "node", "req");
    if (!isNodeRequest(incoming)) throw wrongArguments(framework, "an event of h3", [event]);
    const body = member(event, "_requestBody") ?? incoming.body; // Nitro leaves it there where there is no Node
    return handleNode((inner) => handle(inner, platformOf(event, request)), incoming, framework, { body });
  };
}

/** Where h3's hosts put them: srvx (h3 2) upon the request, Nitro upon the context. */
function platformOf(event: unknown, request: unknown) {
  const context = member(event, "context");
  const env =
    member(request, "runtime", "cloudflare", "env") ??
    member(context, "cloudflare", "env") ??
    member(context, "_platform", "cloudflare", "env");
  return { env, waitUntil: waitUntilOf(event, request, context, member(context, "cloudflare", "context")) };
}
