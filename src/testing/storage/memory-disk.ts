/**
 * What one object has stored, in memory: tables of rows by key. A disk outlives the instances of its object; each instance
 * reaches it through an access of its own, which can be watched and can fail.
 *
 * 1. A value is a text, a number or a flat row of them and is never changed in place, so nothing is shared by reference.
 * 2. Keys are ordered by their UTF-8 bytes, as SQLite orders texts.
 * 3. Every write belongs to a transaction, if only to one of its own. The outermost commits.
 */

/** A text, often JSON, or a flat row. */
export type DiskValue = string | number | Readonly<Record<string, string | number | null>>;

/** One change of a transaction. */
export interface DiskWrite {
  table: string;
  key: string;
  /** undefined: deleted */
  value: DiskValue | undefined;
  /** what was there, so that the change can be undone; undefined: nothing */
  before: DiskValue | undefined;
}

/** Hears of what an instance does with its disk, and may fail it by throwing. */
export interface DiskWatch {
  /** Before each read and write. Throws when the instance is dead. */
  access(): void;
  /** Before a transaction takes effect. When it throws, nothing of the transaction stays. */
  committing(writes: readonly DiskWrite[]): void;
  /** After it took effect. When it throws, everything stays, and the writer gets the error. */
  committed(writes: readonly DiskWrite[]): void;
}

interface Table {
  rows: Map<string, DiskValue>;
  /** keys in order, once somebody has asked for an order */
  order: string[] | null;
}

const NO_TABLE: Table = { rows: new Map(), order: [] };

export class MemoryDisk {
  readonly #tables = new Map<string, Table>();
  #changes = 0;

  /** How often anything has changed: while it has not, what was read holds. */
  get changes(): number {
    return this.#changes;
  }

  /** Whether nothing is stored. */
  get isEmpty(): boolean {
    for (const table of this.#tables.values()) if (table.rows.size > 0) return false;
    return true;
  }

  clear(): void {
    this.#changes += 1;
    this.#tables.clear();
  }

  get(table: string, key: string): DiskValue | undefined {
    return this.#table(table).rows.get(key);
  }

  count(table: string): number {
    return this.#table(table).rows.size;
  }

  values(table: string): Iterable<DiskValue> {
    return this.#table(table).rows.values();
  }

  /** Puts a value, or deletes it when it is undefined. */
  write(name: string, key: string, value: DiskValue | undefined): void {
    this.#changes += 1;
    const table = this.#table(name);
    if (value === undefined) {
      if (table.rows.delete(key)) table.order?.splice(firstFrom(table.order, key), 1);
      return;
    }
    if (table === NO_TABLE) {
      this.#tables.set(name, { rows: new Map([[key, value]]), order: null });
      return;
    }
    if (!table.rows.has(key)) table.order?.splice(firstFrom(table.order, key), 0, key);
    table.rows.set(key, value);
  }

  /** Keys in order. */
  keys(name: string): readonly string[] {
    const table = this.#table(name);
    table.order ??= [...table.rows.keys()].sort(byBytes);
    return table.order;
  }

  #table(name: string): Table {
    return this.#tables.get(name) ?? NO_TABLE;
  }
}

/** One instance's way to the disk of its object. */
export class DiskAccess {
  readonly #disk: MemoryDisk;
  readonly #watch: DiskWatch;
  /** changes of the transaction that is open, oldest first; null when none is */
  #changes: DiskWrite[] | null = null;

  constructor(disk: MemoryDisk, watch: DiskWatch) {
    this.#disk = disk;
    this.#watch = watch;
  }

  /** All that is written in `body`, or nothing when it throws. One inside another fails by itself, but commits with it. */
  transaction<T>(body: () => T): T {
    return this.#changes ? this.#nested(this.#changes, body) : this.#outermost(body);
  }

  #nested<T>(changes: DiskWrite[], body: () => T): T {
    const start = changes.length;
    try {
      return body();
    } catch (error) {
      this.#undo(changes.splice(start));
      throw error;
    }
  }

  #outermost<T>(body: () => T): T {
    const changes: DiskWrite[] = [];
    this.#changes = changes;
    let result: T;
    try {
      result = body();
      if (changes.length > 0) this.#watch.committing(changes);
    } catch (error) {
      this.#undo(changes);
      throw error;
    } finally {
      this.#changes = null;
    }
    if (changes.length > 0) this.#watch.committed(changes);
    return result;
  }

  #undo(changes: DiskWrite[]): void {
    for (const { table, key, before } of changes.toReversed()) this.#disk.write(table, key, before);
  }

  get(table: string, key: string): DiskValue | undefined {
    this.#watch.access();
    return this.#disk.get(table, key);
  }

  /** A value that its store knows to be a text. */
  text(table: string, key: string): string | undefined {
    const value = this.get(table, key);
    return value === undefined ? undefined : String(value);
  }

  put(table: string, key: string, value: DiskValue): void {
    this.#write(table, key, value);
  }

  delete(table: string, key: string): void {
    this.#write(table, key, undefined);
  }

  deleteAll(table: string): void {
    this.transaction(() => {
      for (const key of this.#disk.keys(table).toReversed()) this.delete(table, key);
    });
  }

  #write(table: string, key: string, value: DiskValue | undefined): void {
    this.#watch.access();
    const before = this.#disk.get(table, key);
    if (value === undefined && before === undefined) return;
    const write = (changes: DiskWrite[]) => {
      changes.push({ table, key, value, before });
      this.#disk.write(table, key, value);
    };
    if (this.#changes) write(this.#changes);
    else this.#outermost(() => this.#changes && write(this.#changes));
  }

  count(table: string): number {
    this.#watch.access();
    return this.#disk.count(table);
  }

  /** All values of a table, in no order. */
  values(table: string): DiskValue[] {
    this.#watch.access();
    return [...this.#disk.values(table)];
  }

  /** Rows from a key on, in order. What comes after a key comes from `key + "\0"` on. */
  from(table: string, key = ""): IterableIterator<[key: string, value: DiskValue]> {
    this.#watch.access();
    return this.#ascending(table, key);
  }

  *#ascending(table: string, key: string): Generator<[string, DiskValue]> {
    const keys = this.#disk.keys(table);
    for (let i = firstFrom(keys, key); i < keys.length; i++) yield* this.#row(table, keys[i]);
  }

  /** Rows below a key, the greatest first; of the whole table without one. */
  below(table: string, key?: string): IterableIterator<[key: string, value: DiskValue]> {
    this.#watch.access();
    return this.#descending(table, key);
  }

  *#descending(table: string, key: string | undefined): Generator<[string, DiskValue]> {
    const keys = this.#disk.keys(table);
    const end = key === undefined ? keys.length : firstFrom(keys, key);
    for (let i = end - 1; i >= 0; i--) yield* this.#row(table, keys[i]);
  }

  *#row(table: string, key: string | undefined): Generator<[string, DiskValue]> {
    const value = key === undefined ? undefined : this.#disk.get(table, key);
    if (key !== undefined && value !== undefined) yield [key, value];
  }
}

/** Index of the first key that is not before a given one. */
function firstFrom(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  const last = keys.at(-1);
  if (last !== undefined && byBytes(last, key) < 0) return high; // most keys are put in order
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (byBytes(keys[middle] ?? "", key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Order of two texts by their UTF-8 bytes: that of their code points, which UTF-16 has otherwise from U+E000 on. */
export function byBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [left, right] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Halves of surrogate pairs come after all other units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** A number as text in the order of numbers. */
export function numberKey(number: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, number + 0); // no -0
  const bits = view.getBigUint64(0);
  const ordered = number < 0 ? ~bits & 0xffff_ffff_ffff_ffffn : bits | 0x8000_0000_0000_0000n;
  return ordered.toString(16).padStart(16, "0");
}
