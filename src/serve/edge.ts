import { createHandler, type ServeOptions } from "./handler.ts";
import { isFetchRequest, waitUntilOf, wrongArguments } from "./passed.ts";

export const frameworkName = "edge";

/** What {@link serve} makes. */
export type EdgeHandler = (request: Request, context?: unknown) => Promise<Response>;

/**
 * Serves an app's functions wherever a server is a function from `Request` to `Response`: Vercel's and Netlify's edge,
 * service workers, tests.
 *
 * @returns the handler; a second argument with `waitUntil` is used, whatever else is in it
 * @throws TypeError when a function is not one or two share an id
 * @example
 * export default serve({ client: inngest, functions: [syncUser] });
 */
export function serve(options: ServeOptions): EdgeHandler {
  return serveRequests(options, frameworkName);
}

/** Also the handler of runtimes that differ by name only. */
export function serveRequests(
  options: ServeOptions,
  framework: string,
): (request: Request, context?: unknown) => Promise<Response> {
  const handle = createHandler({ ...options, framework });
  return async (request, context) => {
    if (!isFetchRequest(request)) throw wrongArguments(framework, "a Request", [request]);
    return handle(request, { waitUntil: waitUntilOf(context) });
  };
}
