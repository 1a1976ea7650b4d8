/** What the log's SQLite has of its own; what every storage keeps to is in test/contract. */
import { describe, expect, test } from "vitest";
import { appendParts } from "../../../src/durable-objects/storage/append-parts.ts";
import { SqlLogStore } from "../../../src/durable-objects/storage/sql-log-store.ts";
import type { EventRecord } from "../../../src/protocol/event.ts";
import { request } from "../../contract/log-store.ts";
import { MemorySql } from "../../helpers/memory-sql.ts";
import { NOW } from "../../helpers/run-builder.ts";

function stored(requests: EventRecord[][]) {
  const sql = new MemorySql();
  const store = new SqlLogStore(sql);
  store.create();
  for (const [index, records] of requests.entries())
    store.append(appendParts(records), store.end().next, NOW + index, 0);
  return { sql, store };
}

describe("[G1] an append", () => {
  test("small events share a row, large ones do not", () => {
    expect(stored([request(1, Array(5000).fill("a"))]).sql.count("append")).toBeLessThan(5);
    expect(stored([request(1, Array(4).fill("a"), "x".repeat(150_000))]).sql.count("append")).toBe(2);
    expect(stored([request(1, Array(4).fill("a"), "x".repeat(400_000))]).sql.count("append")).toBe(4);
  });

  test("[design §9] an event of 3 MiB comes back unchanged", () => {
    const records = request(1, ["a", "b"], "😀".repeat(786_000));
    const { sql, store } = stored([records]);
    expect(sql.count("part")).toBeGreaterThan(2);
    expect(store.read(0, 2).map(({ record }) => record)).toEqual(records);
    expect(store.find(records[1]!.internalId)?.event.record).toEqual(records[1]);
  });

  test("is all or nothing", () => {
    const { sql, store } = stored([request(2, ["a"])]);
    expect(() =>
      store.append(appendParts([...request(1, ["b"], "x".repeat(500_000)), ...request(2, ["again"])]), 1, NOW, 0),
    ).toThrow("UNIQUE");
    expect([sql.count("append"), store.end().next]).toEqual([1, 1]);
  });
});

const OLDER_TABLES = [
  `CREATE TABLE append (first_id TEXT PRIMARY KEY, seq INTEGER NOT NULL, count INTEGER NOT NULL,
    received_at_ms INTEGER NOT NULL, acked_before INTEGER NOT NULL, names_json TEXT NOT NULL, parts INTEGER NOT NULL,
    events_json TEXT NOT NULL) WITHOUT ROWID`,
  `CREATE TABLE run (
    event_id TEXT, run_id TEXT, function_id TEXT NOT NULL, app_id TEXT NOT NULL, event_name TEXT NOT NULL,
    status TEXT NOT NULL, created_at_ms INTEGER NOT NULL, started_at_ms INTEGER, ended_at_ms INTEGER, due_at_ms INTEGER,
    PRIMARY KEY (event_id, run_id)
  ) WITHOUT ROWID`,
  "INSERT INTO run VALUES ('e', 'r', 'f', 'shop', 'a', 'Running', 1, 2, NULL, 9)",
];

test("an index that an older version has made is read as it is, and takes new rows", () => {
  const sql = new MemorySql();
  for (const statement of OLDER_TABLES) sql.exec(statement);
  const open = () => new SqlLogStore(sql);
  const old = {
    runId: "r",
    eventId: "e",
    functionId: "f",
    appId: "shop",
    eventName: "a",
    status: "Running" as const,
    createdAt: 1,
    startedAt: 2,
    endedAt: null,
    dueAt: 9,
  };
  const before = sql.exec("SELECT sql FROM sqlite_master");
  expect(open().runsOf("e")).toEqual([old]);
  expect(sql.exec("SELECT sql FROM sqlite_master")).toEqual(before); // looking changes nothing
  const waiting = { kind: "sleeping", until: 9 };
  open().putRun({ ...old, waiting });
  open().putRun({ ...old, runId: "s", batch: 2 });
  expect(open().runsOf("e")).toEqual([
    { ...old, waiting },
    { ...old, runId: "s", batch: 2 },
  ]);
});
