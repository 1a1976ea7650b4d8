/** `Sql` over `node:sqlite` in memory: the statements of the stores, without a Durable Object. */
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { Sql, SqlValue } from "../../src/durable-objects/storage/sql.ts";
import { SQL_VALUE_MAX_BYTES } from "../../src/protocol/limits.ts";

export class MemorySql implements Sql {
  readonly #database = new DatabaseSync(":memory:");
  #depth = 0;

  exec<Row extends Record<string, SqlValue> = Record<string, SqlValue>>(query: string, ...bindings: SqlValue[]): Row[] {
    for (const value of bindings)
      if (typeof value === "string" && Buffer.byteLength(value) > 2_000_000)
        throw new Error(
          `a value of ${Buffer.byteLength(value)} bytes: production refuses more than 2 MB (${SQL_VALUE_MAX_BYTES} is our bound)`,
        );
    const given: SQLInputValue[] = bindings.map((value) =>
      value instanceof ArrayBuffer ? new Uint8Array(value) : value,
    );
    return this.#database.prepare(query).all(...given) as Row[]; // columns are what the caller's query names
  }

  transaction<T>(body: () => T): T {
    const point = `nested${this.#depth++}`;
    this.#database.exec(`SAVEPOINT ${point}`);
    try {
      const result = body();
      this.#database.exec(`RELEASE ${point}`);
      return result;
    } catch (error) {
      this.#database.exec(`ROLLBACK TO ${point}; RELEASE ${point}`);
      throw error;
    } finally {
      this.#depth -= 1;
    }
  }

  /** Names of everything that was created. */
  objects(): string[] {
    return this.exec<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name",
    ).map((row) => row.name);
  }

  count(table: string): number {
    return this.exec<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)[0]?.n ?? 0;
  }
}
