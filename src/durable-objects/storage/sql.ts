/** The little of SQLite that stores need, so that they run on any host (style §4). */
export interface Sql {
  /** Runs one statement and reads all its rows. Values are bound, never concatenated. */
  exec<Row extends Record<string, SqlValue> = Record<string, SqlValue>>(query: string, ...bindings: SqlValue[]): Row[];
  /** All of it or nothing. The callback must not await. */
  transaction<T>(body: () => T): T;
}

export type SqlValue = string | number | null | ArrayBuffer;
