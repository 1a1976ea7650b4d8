import { serveEvents } from "./h3.ts";
import type { ServeOptions } from "./handler.ts";

export const frameworkName = "nitro";

/**
 * Serves an app's functions from Nitro.
 *
 * @throws TypeError when a function is not one or two share an id
 * @example
 * export default eventHandler(serve({ client: inngest, functions: [syncUser] })); // routes/api/inngest.ts
 */
export function serve(options: ServeOptions): ReturnType<typeof serveEvents> {
  return serveEvents(options, frameworkName);
}
