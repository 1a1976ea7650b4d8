import type { Host } from "./host.ts";
import type { AdmitReply, AdmitRequest, LeaseObjectApi, LineView, PlaceView } from "./objects.ts";

/** A key of concurrency, throttle, singleton or pause. */
export class LeaseObject implements LeaseObjectApi {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  async admit(_request: AdmitRequest): Promise<AdmitReply> {
    return this.#unbuilt();
  }

  async release(_leaseId: string): Promise<void> {
    return this.#unbuilt();
  }

  async line(): Promise<LineView | null> {
    return this.#unbuilt();
  }

  async place(_leaseId: string): Promise<PlaceView | null> {
    return this.#unbuilt();
  }

  async open(_until: number): Promise<void> {
    return this.#unbuilt();
  }

  async alarm(): Promise<void> {
    this.#unbuilt();
  }

  #unbuilt(): never {
    throw new Error(`${this.#host.name}: not built yet`);
  }
}
