import type { RequestPlatform } from "../sdk/platform.ts";
import { createHandler, type ServeOptions } from "./handler.ts";

/** What Workers hand to `fetch` as third argument; Pages has the same on its context. */
interface WaitsUntil {
  waitUntil?(promise: Promise<unknown>): void;
}

/** A Pages function's context. */
interface PagesContext extends WaitsUntil {
  request: Request;
  env?: unknown;
}

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
): (request: Request | PagesContext, env?: unknown, ctx?: WaitsUntil) => Promise<Response> {
  const handle = createHandler({ ...options, framework: "cloudflare" });
  return (request, env, ctx) =>
    "request" in request
      ? handle(request.request, platformOf(request.env, request))
      : handle(request, platformOf(env, ctx));
}

function platformOf(env: unknown, ctx: WaitsUntil | undefined): RequestPlatform {
  return { env, waitUntil: ctx?.waitUntil && ((promise) => ctx.waitUntil?.(promise)) };
}
