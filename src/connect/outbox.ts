import { SDKResponse } from "../protocol/connect/connect.ts";
import { callApi } from "../sdk/api.ts";
import type { Inngest } from "../sdk/client.ts";

/** A result that was sent and is not acknowledged within this is brought another way. */
const ACKNOWLEDGED_WITHIN_MS = 5_000;
const FLUSH_TIMEOUT_MS = 10_000;

interface Sent {
  response: SDKResponse;
  /** null once it counts as lost */
  timer: ReturnType<typeof setTimeout> | null;
}

/** Results that the platform has not acknowledged. What was lost with a connection goes over HTTP. */
export class Outbox {
  readonly #client: Inngest;
  readonly #results = new Map<string, Sent>();
  #flushing: Promise<void> | null = null;

  constructor(client: Inngest) {
    this.#client = client;
  }

  /** A result that is not acknowledged yet. */
  result(requestId: string): SDKResponse | undefined {
    return this.#results.get(requestId)?.response;
  }

  /** Whether anything is to be brought over HTTP. */
  get hasLost(): boolean {
    for (const { timer } of this.#results.values()) if (timer === null) return true;
    return false;
  }

  /** A result was sent over a connection. @param lost called when nobody has acknowledged it in time */
  sent(response: SDKResponse, lost: () => void): void {
    this.acknowledged(response.requestId); // it may have been sent before
    const timer = setTimeout(() => {
      this.lost(response);
      lost();
    }, ACKNOWLEDGED_WITHIN_MS);
    this.#results.set(response.requestId, { response, timer });
  }

  /** A result that no connection could take. */
  lost(response: SDKResponse): void {
    this.acknowledged(response.requestId);
    this.#results.set(response.requestId, { response, timer: null });
  }

  /** The connection that it was sent over is gone: what it took may never have arrived. */
  loseAll(): void {
    for (const { response, timer } of this.#results.values()) if (timer !== null) this.lost(response);
  }

  acknowledged(requestId: string): void {
    const sent = this.#results.get(requestId);
    if (sent?.timer != null) clearTimeout(sent.timer);
    this.#results.delete(requestId);
  }

  /** Brings what is lost, once each; what cannot be brought now stays. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  async #flush(): Promise<void> {
    for (const { response, timer } of this.#results.values()) {
      if (timer !== null) continue;
      try {
        const answer = await callApi(this.#client, "v0/connect/flush", {
          method: "POST",
          body: SDKResponse.encode(response).finish().slice(),
          headers: { "content-type": "application/protobuf" },
          timeoutMs: FLUSH_TIMEOUT_MS,
        });
        const said = await answer.text();
        if (!answer.ok) throw new Error(`the platform answered ${answer.status}: ${said.slice(0, 300)}`);
        this.acknowledged(response.requestId);
      } catch (error) {
        this.#client.internalLogger.warn(`connect: the result of call ${response.requestId} was not brought`, error);
      }
    }
  }
}
