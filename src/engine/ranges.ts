/** Which part of a dense sequence has been acknowledged: everything below a watermark, and ranges above it. */
export class Acknowledged {
  #watermark: number;
  /** start → end of acknowledged ranges above the watermark */
  readonly #above = new Map<number, number>();

  constructor(watermark: number) {
    this.#watermark = watermark;
  }

  /** Everything below has been acknowledged. */
  get watermark(): number {
    return this.#watermark;
  }

  /** Adds a range; one that was added before changes nothing. */
  add(from: number, to: number): void {
    if (to > this.#watermark) this.#above.set(from, Math.max(to, this.#above.get(from) ?? 0));
    for (let changed = true; changed;) {
      changed = false;
      for (const [start, end] of this.#above) {
        if (start > this.#watermark) continue;
        this.#watermark = Math.max(this.#watermark, end);
        this.#above.delete(start);
        changed = true;
      }
    }
  }

  /** Whether all of a range has been acknowledged. */
  has(from: number, to: number): boolean {
    let reached = Math.max(from, this.#watermark);
    for (let before = -1; reached < to && before !== reached;) {
      before = reached;
      for (const [start, end] of this.#above) if (start <= reached) reached = Math.max(reached, end);
    }
    return reached >= to;
  }
}
