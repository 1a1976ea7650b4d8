import { createHandler, type ServeOptions } from "./handler.ts";
import { withMethods } from "./methods.ts";
import { isFetchRequest, isRecord, member, waitUntilOf, wrongArguments } from "./passed.ts";

export const frameworkName = "sveltekit";

type SvelteKitHandler = (event: { request: Request; platform?: unknown }) => Promise<Response>;

/**
 * Serves an app's functions from an endpoint of SvelteKit. On Cloudflare, variables and `waitUntil` are taken from
 * `platform`.
 *
 * @throws TypeError when a function is not one or two share an id
 * @example
 * export const { GET, POST, PUT } = serve({ client: inngest, functions: [syncUser] }); // src/routes/api/inngest/+server.ts
 */
export function serve(
  options: ServeOptions,
): SvelteKitHandler & { GET: SvelteKitHandler; POST: SvelteKitHandler; PUT: SvelteKitHandler } {
  const handle = createHandler({ ...options, framework: frameworkName });
  return withMethods(async (event) => {
    if (!isRecord(event) || !isFetchRequest(event.request))
      throw wrongArguments(frameworkName, "SvelteKit's event", [event]);
    const { request, platform } = event;
    const waitUntil = waitUntilOf(member(platform, "ctx"), member(platform, "context")); // its name until 2025
    return handle(request, { env: member(platform, "env"), waitUntil });
  });
}
