/** Requests that are on their way, by what they are about. One that never comes back does not count for ever. */
export class Underway {
  readonly #lostAfterMs: number;
  readonly #begun = new Map<string, number>();

  constructor(lostAfterMs: number) {
    this.#lostAfterMs = lostAfterMs;
  }

  has(id: string, now: number): boolean {
    const at = this.#begun.get(id);
    return at !== undefined && at + this.#lostAfterMs > now;
  }

  /** Whether it was begun, and is not expected to come back any more. */
  isLost(id: string, now: number): boolean {
    return this.#begun.has(id) && !this.has(id, now);
  }

  count(now: number): number {
    let count = 0;
    for (const id of this.#begun.keys()) if (this.has(id, now)) count += 1;
    return count;
  }

  forget(id: string): void {
    this.#begun.delete(id);
  }

  /** @returns how to say that it is over */
  begin(id: string, now: number): () => void {
    this.#begun.set(id, now);
    return () => {
      if (this.#begun.get(id) === now) this.#begun.delete(id);
    };
  }
}
