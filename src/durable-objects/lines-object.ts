import type { Host } from "./host.ts";
import type { KnownLine, LinesObjectApi } from "./objects.ts";

/** The lines of one function. */
export class LinesObject implements LinesObjectApi {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  async opened(_line: KnownLine): Promise<void> {
    return this.#unbuilt();
  }

  async closed(_object: string): Promise<void> {
    return this.#unbuilt();
  }

  async list(): Promise<KnownLine[]> {
    return this.#unbuilt();
  }

  async alarm(): Promise<void> {
    this.#unbuilt();
  }

  #unbuilt(): never {
    throw new Error(`${this.#host.name}: not built yet`);
  }
}
