import { CALL_BODY_MAX_BYTES } from "../protocol/limits.ts";
import type { MemoText, RunStore } from "./storage/stores.ts";

/** What is kept in memory of one run's results, in characters; those of a run with more are read again for each call. */
const KEPT_MAX_CHARS = 512 * 1024;

/** The results of a run's steps, in the order in which they settled. */
export interface Memos {
  list: readonly MemoText[];
  /** they are more than a call may carry: only which they are is told, and their texts are empty */
  areApart: boolean;
}

/**
 * The results of a run's steps, which each of its calls carries. A settled step never changes, so of those that are known only
 * what came after them is read.
 */
export class KnownMemos {
  #store: Pick<RunStore, "memosAfter"> | null = null;
  #list: MemoText[] = [];
  #hasTexts = true;
  #chars = 0;

  of(store: Pick<RunStore, "memosAfter">): Memos {
    if (store !== this.#store) this.#begin(store); // what the one before it has told may not have been stored
    const fresh = store.memosAfter(this.#list.at(-1)?.position ?? -1);
    for (const { text } of fresh) this.#chars += text.length;
    this.#hasTexts &&= this.#chars <= KEPT_MAX_CHARS;
    if (fresh.length > 0) this.#list = [...this.#list, ...fresh];
    if (this.#hasTexts) return { list: this.#list, areApart: false };
    if (fresh.length > 0) this.#list = this.#list.map((memo) => ({ ...memo, text: "" }));
    // a character is at least a byte
    if (this.#chars > CALL_BODY_MAX_BYTES) return { list: this.#list, areApart: true };
    return { list: store.memosAfter(-1), areApart: false };
  }

  #begin(store: Pick<RunStore, "memosAfter">): void {
    this.#store = store;
    this.#list = [];
    this.#hasTexts = true;
    this.#chars = 0;
  }
}
