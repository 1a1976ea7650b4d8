import type { Context } from "hono";
import type { RequestPlatform } from "../sdk/platform.ts";
import { createHandler, type ServeOptions } from "./handler.ts";
import { isFetchRequest, member, wrongArguments } from "./passed.ts";

export const frameworkName = "hono";

/**
 * Serves an app's functions from a Hono app, on any runtime. Variables are read from the Worker's bindings, else from
 * the process.
 *
 * @throws TypeError when a function is not one or two share an id
 * @example
 * app.all("/api/inngest", serve({ client: inngest, functions: [syncUser] }));
 */
export function serve(options: ServeOptions): (context: Context) => Promise<Response> {
  const handle = createHandler({ ...options, framework: frameworkName });
  return async (context) => {
    if (!isFetchRequest(member(context, "req", "raw")))
      throw wrongArguments(frameworkName, "Hono's context", [context]);
    return handle(context.req.raw, { env: context.env, waitUntil: waitUntilOf(context) });
  };
}

/** Hono throws when asked for the execution context of a runtime that has none. */
function waitUntilOf(context: Context): RequestPlatform["waitUntil"] {
  try {
    const { executionCtx } = context;
    return (promise) => executionCtx.waitUntil(promise);
  } catch {
    return undefined;
  }
}
