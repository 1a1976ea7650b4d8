import type { ServeOptions } from "./handler.ts";
import { serveGateway } from "./lambda.ts";

export const frameworkName = "redwoodjs";

/** What RedwoodJS sends. */
export type RedwoodResponse = Awaited<ReturnType<ReturnType<typeof serve>>>;

/**
 * Serves an app's functions from a function of RedwoodJS, which looks like one of AWS Lambda. Cannot stream.
 *
 * @throws TypeError when a function is not one, two share an id, or `streaming` is true
 * @example
 * export const handler = serve({ client: inngest, functions: [syncUser], servePath: "/api/inngest" });
 */
export function serve(options: ServeOptions): ReturnType<typeof serveGateway> {
  return serveGateway(options, frameworkName);
}
