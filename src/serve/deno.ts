import { createHandler, type ServeOptions } from "./handler.ts";
import { isFetchRequest, isRecord, wrongArguments } from "./passed.ts";

export const frameworkName = "deno";

/**
 * Serves an app's functions from `Deno.serve` and from Fresh, whose handlers are given the request (1) or a context (2).
 * Variables are read with `--allow-env`.
 *
 * @throws TypeError when a function is not one or two share an id
 * @example
 * Deno.serve(serve({ client: inngest, functions: [syncUser] }));
 * @example
 * export const handler = serve({ client: inngest, functions: [syncUser] }); // Fresh: routes/api/inngest.ts
 */
export function serve(
  options: ServeOptions,
): (request: Request | { req: Request }, context?: unknown) => Promise<Response> {
  const handle = createHandler({ ...options, framework: frameworkName });
  return async (request) => {
    const inner = isRecord(request) && "req" in request ? request.req : request;
    if (!isFetchRequest(inner)) throw wrongArguments(frameworkName, "a Request, or Fresh's context", [request]);
    return handle(inner);
  };
}
