import type { MemoText, RunStore } from "./storage/stores.ts";

/** What is kept in memory of one run's results, in characters; a run with more reads them again for each call. */
const KEPT_MAX_CHARS = 512 * 1024;

/**
 * The results of a run's steps, which each of its calls carries. A settled step never changes, so of those that are known only
 * what came after them is read.
 */
export class KnownMemos {
  #store: Pick<RunStore, "memosAfter"> | null = null;
  #memos: MemoText[] = [];
  #chars = 0;

  /** All of them, in the order in which they settled. */
  of(store: Pick<RunStore, "memosAfter">): readonly MemoText[] {
    if (store !== this.#store) this.#forget(store); // what the one before it has told may not have been stored
    const fresh = store.memosAfter(this.#memos.at(-1)?.position ?? -1);
    for (const { text } of fresh) this.#chars += text.length;
    const all = fresh.length === 0 ? this.#memos : [...this.#memos, ...fresh];
    if (this.#chars <= KEPT_MAX_CHARS) this.#memos = all;
    else this.#forget(store);
    return all;
  }

  #forget(store: Pick<RunStore, "memosAfter">): void {
    this.#store = store;
    this.#memos = [];
    this.#chars = 0;
  }
}
