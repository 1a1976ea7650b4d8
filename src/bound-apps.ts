/** Apps in other Workers of the account, which the platform has service bindings to: where they are, and what they are. */
import type { Objects } from "./durable-objects/objects.ts";
import { MAIN_ENV } from "./environment.ts";
import { BINDING_VERSION, type BoundEntrypoint } from "./protocol/binding.ts";
import { readSync, takenMessage } from "./routes/apps.ts";

/** So long after an app could not be asked, requests do not ask again; the minute's sweep does. */
const ASK_AGAIN_MS = 5_000;

/**
 * The entrypoint that a binding leads to.
 *
 * @throws Error saying what to add to wrangler.toml
 */
export function boundEntrypoint(env: object, binding: string): BoundEntrypoint {
  const found: unknown = Reflect.get(env, binding);
  if (found === undefined || found === null)
    throw new Error(
      `the Worker has no service binding ${binding}; add to its wrangler.toml: ${wranglerLines(binding)}, with the name of the app's Worker and of the class that it exports`,
    );
  return found as BoundEntrypoint; // whatever it is, its stub has every method
}

function wranglerLines(binding: string): string {
  return `[[services]] binding = ${JSON.stringify(binding)}, service = "…", entrypoint = "…"`;
}

export interface BoundAppsParts {
  /** names of service bindings */
  bindings: readonly string[];
  env: object;
  objects: Objects;
  now(): number;
}

/** Registers the functions of bound apps: once per isolate, and again when the sweep asks, since they are deployed alone. */
export class BoundApps {
  readonly #parts: BoundAppsParts;
  #asked: Promise<void> | null = null;
  #askAgainAt = 0;

  constructor(parts: BoundAppsParts) {
    this.#parts = parts;
  }

  /** An app that cannot be asked stays as it is known; it does not keep others from being served. */
  async ensureRegistered(): Promise<void> {
    if (this.#parts.bindings.length === 0) return;
    if (this.#askAgainAt > 0 && this.#parts.now() >= this.#askAgainAt) this.#asked = null;
    await (this.#asked ??= this.register());
  }

  async register(): Promise<void> {
    const asked = await Promise.all(this.#parts.bindings.map((binding) => this.#register(binding)));
    this.#askAgainAt = asked.every((isDone) => isDone) ? 0 : this.#parts.now() + ASK_AGAIN_MS;
  }

  async #register(binding: string): Promise<boolean> {
    const { env, objects } = this.#parts;
    try {
      const app = await boundEntrypoint(env, binding)
        .describe()
        .catch((error: unknown) => {
          throw new Error(`it does not answer (${messageOf(error)}); ${entrypointHint(binding)}`, { cause: error });
        });
      if (app.version !== BINDING_VERSION)
        throw new Error(
          `it speaks version ${JSON.stringify(app.version)} of the contract and the platform version ${BINDING_VERSION}; deploy both with the same version of @dotdo/inngest`,
        );
      const outcome = await objects.registry(MAIN_ENV).sync(readSync(app.registration, { binding }));
      if (outcome.kind === "taken") throw new Error(takenMessage(outcome));
      return true;
    } catch (error) {
      console.error(`the app behind the binding ${binding} is not registered: ${messageOf(error)}`);
      return false;
    }
  }
}

/** What is wrong when a binding is there and the app is not. */
function entrypointHint(binding: string): string {
  return `does its Worker export a class made by functionsEntrypoint, and does the binding name it? ${wranglerLines(binding)}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
