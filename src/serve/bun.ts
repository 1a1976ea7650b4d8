import { serveRequests } from "./edge.ts";
import type { ServeOptions } from "./handler.ts";

export const frameworkName = "bun";

/**
 * Serves an app's functions from `Bun.serve`.
 *
 * @throws TypeError when a function is not one or two share an id
 * @example
 * Bun.serve({ routes: { "/api/inngest": serve({ client: inngest, functions: [syncUser] }) } });
 */
export function serve(options: ServeOptions): (request: Request) => Promise<Response> {
  return serveRequests(options, frameworkName);
}
