declare global {
  // merges with what `wrangler types` writes, and with @cloudflare/workers-types
  namespace Cloudflare {
    // oxlint-disable-next-line typescript/no-empty-object-type -- filled in by the user's own declaration
    interface Env {}
  }
}

/** Bindings and variables of the Worker, as `wrangler types` declares them. */
export type WorkerEnv = Cloudflare.Env;
