import type { BoundCall, BoundEntrypoint, BoundJournal } from "../protocol/binding.ts";
import { BoundFunctions, type EntrypointContext, type EntrypointOptions, type FunctionsEntrypoint } from "./binding.ts";
import { createHandler, type ServeOptions } from "./handler.ts";
import { isFetchRequest, member, waitUntilOf, wrongArguments } from "./passed.ts";

export type { EntrypointOptions, FunctionsEntrypoint } from "./binding.ts";

export const frameworkName = "cloudflare";

/** What Workers hand to `fetch` as third argument; Pages has the same on its context. */
interface WaitsUntil {
  waitUntil?(promise: Promise<unknown>): void;
}

/** A Pages function's context. */
interface PagesContext extends WaitsUntil {
  request: Request;
  env?: unknown;
}

/** What a Pages function is given. */
export type PagesHandlerArgs = [context: PagesContext];
/** What `fetch` of a Worker is given. */
export type WorkersHandlerArgs = [request: Request, env?: unknown, ctx?: WaitsUntil];

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
  const handle = createHandler({ ...options, framework: frameworkName });
  return async (passed, env, ctx) => {
    const pages = member(passed, "request");
    if (isFetchRequest(pages)) return handle(pages, { env: member(passed, "env"), waitUntil: waitUntilOf(passed) });
    if (!isFetchRequest(passed))
      throw wrongArguments(frameworkName, "a Worker's (request, env, ctx) or a Pages context", [passed]);
    return handle(passed, { env, waitUntil: waitUntilOf(ctx) });
  };
}

/**
 * The class of an entrypoint through which a platform in another Worker of the account runs an app's functions, without
 * HTTP: it has a service binding to this Worker, and names it in `createWorker({ bindings })`.
 *
 * @throws TypeError when a function is not one or two share an id
 * @example
 * export class Functions extends functionsEntrypoint({ client: inngest, functions: [syncUser] }) {}
 */
export function functionsEntrypoint(options: EntrypointOptions): FunctionsEntrypoint {
  const functions = new BoundFunctions(options);
  // outside of Workers, where a test may import the module; there it is `src/cloudflare.ts`
  return class implements BoundEntrypoint {
    readonly #ctx: EntrypointContext;
    readonly #env: unknown;

    constructor(ctx: EntrypointContext, env: unknown) {
      this.#ctx = ctx;
      this.#env = env;
    }

    async describe() {
      return functions.describe();
    }

    async execute(call: BoundCall, journal: BoundJournal) {
      return functions.execute(call, journal, {
        env: this.#env,
        waitUntil: (promise) => this.#ctx.waitUntil(promise),
      });
    }
  };
}
