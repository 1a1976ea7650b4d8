import type { TurnSource } from "./run-host.ts";

/** workerd alone has this class. */
export const isWorkerd = "IdentityTransformStream" in globalThis;

/** Continuations that a brief turn in workerd lets run one after the other: each costs some 50 ns. */
const BRIEF_HOPS = 256;

/**
 * Turns of the event loop: after `next()` every continuation that was ready has run, however long the chain. A message
 * channel takes 0.003 ms where a timer takes a millisecond; runtimes without one get the timer.
 *
 * workerd delivers a channel's messages between two continuations, which is no turn. A body that is read comes with the next
 * one, and is the cheapest of what does; but an object then also commits what it has written. So where a turn may be brief
 * it is so many continuations long instead, and many steps share a commit.
 */
export class Turns implements TurnSource {
  readonly #channel = isWorkerd || typeof MessageChannel === "undefined" ? null : new MessageChannel();
  #resolve: (() => void) | null = null;

  constructor() {
    if (this.#channel) this.#channel.port1.onmessage = () => this.#resolve?.();
  }

  next(mayBeBrief = false): Promise<unknown> {
    if (isWorkerd) return mayBeBrief ? briefly() : new Response("turn").text();
    return new Promise<void>((resolve) => {
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

async function briefly(): Promise<void> {
  for (let hop = 0; hop < BRIEF_HOPS; hop++) await Promise.resolve();
}
