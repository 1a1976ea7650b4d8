/** `@dotdo/inngest/cloudflare` inside of Workers: what needs the runtime's own classes, and all that does not. */
import { WorkerEntrypoint } from "cloudflare:workers";
import type { BoundCall, BoundEntrypoint, BoundJournal } from "./protocol/binding.ts";
import { BoundFunctions, type EntrypointOptions, type FunctionsEntrypoint } from "./serve/binding.ts";

export {
  frameworkName,
  serve,
  type EntrypointOptions,
  type FunctionsEntrypoint,
  type PagesHandlerArgs,
  type WorkersHandlerArgs,
} from "./serve/cloudflare.ts";

/** As in `serve/cloudflare.ts`, which has its documentation. */
export function functionsEntrypoint(options: EntrypointOptions): FunctionsEntrypoint {
  const functions = new BoundFunctions(options);
  return class extends WorkerEntrypoint implements BoundEntrypoint {
    async describe() {
      return functions.describe();
    }

    async execute(call: BoundCall, journal: BoundJournal) {
      return functions.execute(call, journal, {
        env: this.env,
        waitUntil: (promise) => this.ctx.waitUntil(promise),
      });
    }
  } as unknown as FunctionsEntrypoint; // the runtime alone makes instances of it
}
