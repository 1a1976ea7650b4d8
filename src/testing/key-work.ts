import { Collection } from "../durable-objects/collection.ts";
import { HELD, LINE, NOTICES, waitingOf } from "../durable-objects/lease-book.ts";
import type { KeyItem, KeyStore } from "../durable-objects/storage/stores.ts";

const HOLDERS_MAX = 1_000;

/**
 * Whether time brings on something at a flow-control key. What it only remembers, and the looks it takes at those who hold it,
 * is upkeep.
 *
 * @param isHeld whether the run of a lease still has it: one that was lost is given back by such a look alone
 */
export function keyHasWork(name: string, store: KeyStore, isHeld: (holder: KeyItem) => boolean): boolean {
  switch (name.slice(0, name.indexOf("/"))) {
    case "rate-limit":
    case "lines":
      return false;
    case "debounce":
    case "batch":
      return new Collection(store).isAtWork;
    case "cancellation":
    case "replay":
      return true;
    default: {
      if (store.count(NOTICES) > 0) return true;
      if (store.count(LINE) === 0) return false;
      if (store.list(LINE, 1).some((head) => waitingOf(head).reserved)) return true; // it is given up if its run does not come
      return name.startsWith("throttle/") || store.list(HELD, HOLDERS_MAX).some((holder) => !isHeld(holder));
    }
  }
}
