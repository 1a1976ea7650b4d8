/** The storages that every store is tested on, and what a suite needs of one. */
import { sqlStores } from "../../src/durable-objects/storage/sql-stores.ts";
import type { Stores } from "../../src/durable-objects/storage/stores.ts";
import { DiskAccess, MemoryDisk, type DiskWatch } from "../../src/testing/storage/memory-disk.ts";
import { memoryStores } from "../../src/testing/storage/memory-stores.ts";
import { MemorySql } from "../helpers/memory-sql.ts";

/** The storage of one object. */
export interface Storage {
  stores: Stores;
  /** Whether nothing was ever created in it. */
  isUntouched(): boolean;
  /** All that is written in `body`, or nothing when it throws. */
  transaction<T>(body: () => T): T;
}

/** Opens the storage of a new object. */
export type Open = () => Storage;

/** One kind of store in use: what the two storages are compared by. */
export interface Use<Store> {
  open(stores: Stores): Store;
  /** The first thing an object does with its store. */
  begin(store: Store): void;
  /** The store's own transaction, when it has one. */
  transaction?(store: Store, body: () => void): void;
  /** What is done next, by chance; the same for every store it is applied to. */
  next(random: Random): (store: Store) => unknown;
  /** All that can be read. */
  read(store: Store): unknown;
}

export function openSql(): Storage {
  const sql = new MemorySql();
  return {
    stores: sqlStores(sql),
    isUntouched: () => sql.objects().length === 0,
    transaction: (body) => sql.transaction(body),
  };
}

export const UNWATCHED: DiskWatch = { access() {}, committing() {}, committed() {} };

export function openMemory(watch: Partial<DiskWatch> = {}): Storage & { disk: MemoryDisk } {
  const disk = new MemoryDisk();
  // looked up at each call, so that a test can change its mind
  const access = new DiskAccess(disk, {
    access: () => watch.access?.(),
    committing: (writes) => watch.committing?.(writes),
    committed: (writes) => watch.committed?.(writes),
  });
  return {
    disk,
    stores: memoryStores(access),
    isUntouched: () => disk.isEmpty,
    transaction: (body) => access.transaction(body),
  };
}

/** Choices that are the same for the same seed. */
export class Random {
  readonly #next: () => number;

  constructor(next: () => number) {
    this.#next = next;
  }

  /** A whole number from 0 on, below `end`. */
  below(end: number): number {
    return Math.floor(this.#next() * end);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** A list of `least` to `most` things. */
  list<T>(least: number, most: number, make: (index: number) => T): T[] {
    return Array.from({ length: least + this.below(most - least + 1) }, (_, index) => make(index));
  }
}

/** Texts whose order by UTF-16 units is another than by UTF-8 bytes, and that need quoting. */
export const NAMES = ["a", "a/b", "é", "ﬀ", "😀", "Z", 'q"\\', "line\nend", "a\u0001", "*"] as const;
