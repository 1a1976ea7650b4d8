import { DatabaseSync } from "node:sqlite";
import type { Sql } from "../../src/durable-objects/storage/sql.ts";

/** The stores' SQL over Node's SQLite, in memory. */
export function memorySql(): Sql {
  const database = new DatabaseSync(":memory:");
  return {
    exec: (query, ...bindings) => database.prepare(query).all(...(bindings as never[])) as never,
    transaction: (body) => {
      database.exec("SAVEPOINT t");
      try {
        const result = body();
        database.exec("RELEASE t");
        return result;
      } catch (error) {
        database.exec("ROLLBACK TO t; RELEASE t");
        throw error;
      }
    },
  };
}
