import type { JsonValue } from "../../protocol/json.ts";
import { textParts } from "./long-text.ts";
import type { Sql, SqlValue } from "./sql.ts";
import type { KeyItem, KeyPlace, KeyStore } from "./stores.ts";

interface ItemRow extends Record<string, SqlValue> {
  id: string;
  list: string;
  rank: number;
  parts: number;
  json: string;
}

const CREATE_TABLE = `CREATE TABLE item (
  id TEXT PRIMARY KEY,
  list TEXT NOT NULL,
  rank REAL NOT NULL,
  parts INTEGER NOT NULL, -- how many further rows, of the list 'part', hold the rest of json
  json TEXT NOT NULL
) WITHOUT ROWID`;

/** Serves all that asks for a list. */
const CREATE_INDEX = "CREATE INDEX item_list ON item (list, rank, id)";

/** The rule's state is an item of its own list. No item of a key has these ids. */
const STATE = "\u0001state";
const PART = "\u0001part";

/** What a flow-control key keeps, in one table. */
export class SqlKeyStore implements KeyStore {
  readonly #sql: Sql;
  #exists: boolean | undefined;
  /** length of lists that were asked for; dropped when a transaction fails */
  readonly #counts = new Map<string, number>();

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  transaction<T>(body: () => T): T {
    try {
      return this.#sql.transaction(body);
    } catch (error) {
      this.#exists = undefined;
      this.#counts.clear();
      throw error;
    }
  }

  state(): JsonValue {
    return this.item(STATE)?.value ?? null;
  }

  putState(state: JsonValue): void {
    this.put({ id: STATE, list: STATE, rank: 0, value: state });
  }

  item(id: string): KeyItem | undefined {
    const [row] = this.#rows("SELECT * FROM item WHERE id = ?", id);
    return row && this.#read(row);
  }

  put({ id, list, rank, value }: KeyItem): void {
    const [head = "", ...rest] = textParts(JSON.stringify(value));
    this.transaction(() => {
      this.#create();
      this.delete(id);
      this.#sql.exec("INSERT INTO item VALUES (?, ?, ?, ?, ?)", id, list, rank, rest.length, head);
      for (const [index, part] of rest.entries())
        this.#sql.exec("INSERT INTO item VALUES (?, ?, ?, 0, ?)", partId(id, index), PART, index, part);
      this.#count(list, 1);
    });
  }

  delete(id: string): void {
    const [row] = this.#rows("SELECT * FROM item WHERE id = ?", id);
    if (!row) return;
    this.transaction(() => {
      this.#sql.exec("DELETE FROM item WHERE id = ?", id);
      for (let index = 0; index < row.parts; index++)
        this.#sql.exec("DELETE FROM item WHERE id = ?", partId(id, index));
      this.#count(row.list, -1);
    });
  }

  list(list: string, limit: number, after?: KeyPlace): KeyItem[] {
    const rows = after
      ? this.#rows(
          "SELECT * FROM item WHERE list = ? AND (rank, id) > (?, ?) ORDER BY rank, id LIMIT ?",
          list,
          after.rank,
          after.id,
          limit,
        )
      : this.#rows("SELECT * FROM item WHERE list = ? ORDER BY rank, id LIMIT ?", list, limit);
    return rows.map((row) => this.#read(row));
  }

  count(list: string): number {
    const known = this.#counts.get(list);
    if (known !== undefined) return known;
    const [row] = this.#isThere()
      ? this.#sql.exec<{ items: number }>("SELECT count(*) AS items FROM item WHERE list = ?", list)
      : [];
    const count = row?.items ?? 0;
    this.#counts.set(list, count);
    return count;
  }

  before(list: string, { rank, id }: KeyPlace): number {
    if (!this.#isThere()) return 0;
    const [row] = this.#sql.exec<{ items: number }>(
      "SELECT count(*) AS items FROM item WHERE list = ? AND (rank, id) < (?, ?)",
      list,
      rank,
      id,
    );
    return row?.items ?? 0;
  }

  isEmpty(): boolean {
    return this.#rows("SELECT * FROM item WHERE list NOT IN (?, ?) LIMIT 1", STATE, PART).length === 0;
  }

  #read({ id, list, rank, parts, json }: ItemRow): KeyItem {
    let text = json;
    for (let index = 0; index < parts; index++)
      text += this.#rows("SELECT * FROM item WHERE id = ?", partId(id, index))[0]?.json ?? "";
    return { id, list, rank, value: JSON.parse(text) };
  }

  #count(list: string, change: number): void {
    const known = this.#counts.get(list);
    if (known !== undefined) this.#counts.set(list, known + change);
  }

  #create(): void {
    if (this.#isThere()) return;
    this.#sql.exec(CREATE_TABLE);
    this.#sql.exec(CREATE_INDEX);
    this.#exists = true;
  }

  #rows(query: string, ...bindings: SqlValue[]): ItemRow[] {
    return this.#isThere() ? this.#sql.exec<ItemRow>(query, ...bindings) : [];
  }

  #isThere(): boolean {
    this.#exists ??= this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'item'").length > 0;
    return this.#exists;
  }
}

function partId(id: string, index: number): string {
  return `${PART}/${id}/${index}`;
}
