import { envVarsOf } from "./env-vars.ts";
import { createHandler, type ServeOptions } from "./handler.ts";

/**
 * Serves an app's functions from a Worker, from a Pages function, or from any server that speaks `fetch`.
 *
 * @throws TypeError when a function is not one or two share an id
 * @example
 * export default { fetch: serve({ client: inngest, functions: [syncUser] }) };
 * @example
 * export const onRequest = serve({ client: inngest, functions: [syncUser] }); // Pages: functions/api/inngest.ts
 */
export function serve(
  options: ServeOptions,
): (request: Request | { request: Request; env?: unknown }, env?: unknown, ctx?: unknown) => Promise<Response> {
  const handle = createHandler({ ...options, framework: "cloudflare" });
  return (request, env) =>
    "request" in request ? handle(request.request, envVarsOf(request.env)) : handle(request, envVarsOf(env));
}
