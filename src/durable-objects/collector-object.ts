import type { Host } from "./host.ts";
import type { CollectorObjectApi } from "./objects.ts";

/** A key of debounce or batch. */
export class CollectorObject implements CollectorObjectApi {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  async collect(): Promise<void> {
    return this.#unbuilt();
  }

  async alarm(): Promise<void> {
    this.#unbuilt();
  }

  #unbuilt(): never {
    throw new Error(`${this.#host.name}: not built yet`);
  }
}
