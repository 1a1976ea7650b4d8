/** Apps in other Workers of the account, which the platform has service bindings to: where they are, and what they are. */
import type { Objects } from "./durable-objects/objects.ts";
import { MAIN_ENV } from "./environment.ts";
import { BINDING_VERSION, bindingUrl, type BoundApp, type BoundEntrypoint } from "./protocol/binding.ts";
import { readSync, takenMessage } from "./routes/apps.ts";

/** So long after an app could not be asked, requests do not ask again; the minute's sweep does. */
const ASK_AGAIN_MS = 5_000;
/** Requests of an isolate wait for its apps at first: one that hangs must not keep them for long. */
const ANSWER_WITHIN_MS = 3_000;

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

  /** An app that cannot be asked stays as it is known, says why in `GET /v1/apps`, and keeps no other from being served. */
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
    const registry = this.#parts.objects.registry(MAIN_ENV);
    const failure = await this.#sync(binding).catch((error: unknown) => messageOf(error));
    if (failure === null) return true;
    const message = `the app behind the binding ${binding} is not registered: ${failure}`;
    console.error(message);
    await registry.syncFailed(bindingUrl(binding), { code: "unreachable", message });
    return false;
  }

  /** @returns why it is not registered */
  async #sync(binding: string): Promise<string | null> {
    const { env, objects } = this.#parts;
    const entrypoint = boundEntrypoint(env, binding);
    let app: BoundApp;
    try {
      app = await withinTime(entrypoint.describe(), ANSWER_WITHIN_MS);
    } catch (error) {
      return `it does not say what it is (${messageOf(error)}); does its Worker export a class made by functionsEntrypoint, and does the binding name it? ${wranglerLines(binding)}`;
    }
    if (app.version !== BINDING_VERSION)
      return `it speaks version ${JSON.stringify(app.version)} of the contract and the platform version ${BINDING_VERSION}; deploy both with the same version of @dotdo/inngest`;
    const outcome = await objects.registry(MAIN_ENV).sync(readSync(app.registration, { binding }));
    return outcome.kind === "taken" ? takenMessage(outcome) : null;
  }
}

async function withinTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    if (timer !== undefined) clearTimeout(timer);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
