import type { TurnSource } from "./run-host.ts";

/**
 * Turns of the event loop: after `next()` every continuation that was ready has run. A message channel takes 0.003 ms
 * where a timer takes a millisecond; runtimes without one get the timer.
 */
export class Turns implements TurnSource {
  readonly #channel = typeof MessageChannel === "undefined" ? null : new MessageChannel();
  #resolve: (() => void) | null = null;

  constructor() {
    if (this.#channel) this.#channel.port1.onmessage = () => this.#resolve?.();
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      if (this.#channel) this.#channel.port2.postMessage(null);
      else setTimeout(resolve, 0);
    });
  }

  /** Lets the process end: an open channel would keep Node alive. */
  close(): void {
    this.#channel?.port1.close();
  }
}
