import { setTimeout as delay } from "node:timers/promises";
import type { Mark } from "./functions.ts";

const POLL_EVERY_MS = 5;

/** Marks of one transport by scope, as they come in. */
export class Marks {
  readonly #byScope = new Map<string, Mark[]>();
  readonly #fetchNew: () => Promise<Mark[]>;

  /** @param fetchNew marks that {@link add} has not been told of */
  constructor(fetchNew: () => Promise<Mark[]> = async () => []) {
    this.#fetchNew = fetchNew;
  }

  add(mark: Mark): void {
    const known = this.#byScope.get(mark.scope);
    if (known) known.push(mark);
    else this.#byScope.set(mark.scope, [mark]);
  }

  /** The marks of a scope once there are `count`, or after `withinMs` those that there are. */
  async wait(scope: string, count: number, withinMs: number): Promise<Mark[]> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const found = this.#byScope.get(scope) ?? [];
      if (found.length >= count || performance.now() > deadline) {
        this.#byScope.delete(scope);
        return found;
      }
      await delay(POLL_EVERY_MS);
      for (const mark of await this.#fetchNew()) this.add(mark);
    }
  }
}
