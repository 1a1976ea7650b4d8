import type { Host } from "./host.ts";
import type { RateLimitObjectApi } from "./objects.ts";

/** A key of a rate limit. */
export class RateLimitObject implements RateLimitObjectApi {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  async take(): Promise<boolean[]> {
    return this.#unbuilt();
  }

  async alarm(): Promise<void> {
    this.#unbuilt();
  }

  #unbuilt(): never {
    throw new Error(`${this.#host.name}: not built yet`);
  }
}
