import { createHandler, type ServeOptions } from "./handler.ts";
import { isFetchRequest, isRecord, member, waitUntilOf, wrongArguments } from "./passed.ts";

export const frameworkName = "remix";

/**
 * Serves an app's functions from a resource route of Remix, or of React Router 7 and newer. On Cloudflare, variables and
 * `waitUntil` are taken from the load context: `context.cloudflare`, or `context.env`.
 *
 * @throws TypeError when a function is not one or two share an id
 * @example
 * const handler = serve({ client: inngest, functions: [syncUser] }); // app/routes/api.inngest.ts
 * export { handler as action, handler as loader };
 */
export function serve(options: ServeOptions): (args: { request: Request; context?: unknown }) => Promise<Response> {
  const handle = createHandler({ ...options, framework: frameworkName });
  return async (args) => {
    if (!isRecord(args) || !isFetchRequest(args.request))
      throw wrongArguments(frameworkName, "the arguments of a loader or action, { request }", [args]);
    const { request, context } = args;
    const env = member(context, "cloudflare", "env") ?? member(context, "env");
    return handle(request, { env, waitUntil: waitUntilOf(member(context, "cloudflare", "ctx"), context) });
  };
}
