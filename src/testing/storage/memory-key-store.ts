import type { KeyItem, KeyPlace, KeyStore } from "../../durable-objects/storage/stores.ts";
import type { JsonValue } from "../../protocol/json.ts";
import { byBytes, numberKey, type DiskAccess } from "./memory-disk.ts";

const STATE = "state";

/**
 * What a flow-control key keeps, in memory. Tables: `item` (by id), `place` (ids in the order of their lists), `count` (by
 * list), `state`.
 */
export class MemoryKeyStore implements KeyStore {
  readonly #disk: DiskAccess;

  constructor(disk: DiskAccess) {
    this.#disk = disk;
  }

  transaction<T>(body: () => T): T {
    return this.#disk.transaction(body);
  }

  state(): JsonValue {
    const text = this.#disk.text("state", STATE);
    return text === undefined ? null : JSON.parse(text);
  }

  putState(state: JsonValue): void {
    this.#disk.put("state", STATE, JSON.stringify(state));
  }

  item(id: string): KeyItem | undefined {
    const text = this.#disk.text("item", id);
    return text === undefined ? undefined : JSON.parse(text);
  }

  put(item: KeyItem): void {
    const { id, list, rank, value } = item;
    this.#disk.transaction(() => {
      this.delete(id);
      this.#disk.put("item", id, JSON.stringify({ id, list, rank, value }));
      this.#disk.put("place", placeKey(list, item), id);
      this.#count(list, 1);
    });
  }

  delete(id: string): void {
    const known = this.item(id);
    if (!known) return;
    this.#disk.transaction(() => {
      this.#disk.delete("item", id);
      this.#disk.delete("place", placeKey(known.list, known));
      this.#count(known.list, -1);
    });
  }

  list(list: string, limit: number, after?: KeyPlace): KeyItem[] {
    const items: KeyItem[] = [];
    const start = after ? `${placeKey(list, after)}\0` : listKey(list);
    for (const [key, id] of this.#disk.from("place", start)) {
      if (items.length >= limit || !key.startsWith(listKey(list))) break;
      const item = this.item(String(id));
      if (item) items.push(item);
    }
    return items;
  }

  count(list: string): number {
    return Number(this.#disk.get("count", list) ?? 0);
  }

  before(list: string, place: KeyPlace): number {
    let count = 0;
    for (const [key] of this.#disk.from("place", listKey(list))) {
      if (byBytes(key, placeKey(list, place)) >= 0 || !key.startsWith(listKey(list))) break;
      count += 1;
    }
    return count;
  }

  isEmpty(): boolean {
    return this.#disk.count("item") === 0;
  }

  #count(list: string, change: number): void {
    const count = this.count(list) + change;
    if (count === 0) this.#disk.delete("count", list);
    else this.#disk.put("count", list, count);
  }
}

function listKey(list: string): string {
  return `${list}\0`;
}

function placeKey(list: string, { rank, id }: KeyPlace): string {
  return `${listKey(list)}${numberKey(rank)}\0${id}`;
}
