import { createHandler, type ServeOptions } from "./handler.ts";
import { withMethods } from "./methods.ts";
import { isFetchRequest, isRecord, member, waitUntilOf, wrongArguments } from "./passed.ts";

export const frameworkName = "astro";

type AstroHandler = (context: { request: Request; locals?: unknown }) => Promise<Response>;

/**
 * Serves an app's functions from an endpoint of Astro. On Cloudflare, variables and `waitUntil` are taken from `locals`,
 * under their names before and since Astro 6.
 *
 * Astro refuses a PUT without a content type as cross-site (`security.checkOrigin`); the platform's have one, `curl` needs
 * `-H content-type:application/json -d {}`.
 *
 * @throws TypeError when a function is not one or two share an id
 * @example
 * export const prerender = false;
 * export const { GET, POST, PUT } = serve({ client: inngest, functions: [syncUser] }); // src/pages/api/inngest.ts
 */
export function serve(
  options: ServeOptions,
): AstroHandler & { GET: AstroHandler; POST: AstroHandler; PUT: AstroHandler } {
  const handle = createHandler({ ...options, framework: frameworkName });
  return withMethods(async (context) => {
    if (!isRecord(context) || !isFetchRequest(context.request))
      throw wrongArguments(frameworkName, "Astro's { request, locals }", [context]);
    const { request, locals } = context;
    const waitUntil = waitUntilOf(member(locals, "cfContext"), member(locals, "runtime", "ctx"));
    return handle(request, { env: member(locals, "runtime", "env"), waitUntil });
  });
}
