/** What the minute's sweep looks at: nothing of it grows with the runs that sleep. */
import { expect, test } from "vitest";
import type { Host } from "../../src/durable-objects/host.ts";
import { LogObject } from "../../src/durable-objects/log-object.ts";
import { RETENTION_DEFAULT } from "../../src/durable-objects/retention.ts";
import type { Objects, RunIndexRow } from "../../src/durable-objects/objects.ts";
import { sqlStores } from "../../src/durable-objects/storage/sql-stores.ts";
import type { Sql } from "../../src/durable-objects/storage/sql.ts";
import { MemorySql } from "../helpers/memory-sql.ts";

const DAY_MS = 86_400_000;
const NOW = Date.parse("2026-03-10T12:00:00Z");

/** A log of that day with runs that sleep for a year, and the statements that it executes. */
async function sleepingLog(day: string, runs: number) {
  const memory = new MemorySql();
  const statements = new Set<string>();
  const sql: Sql = {
    exec: (query, ...bindings) => {
      statements.add(query);
      return memory.exec(query, ...bindings);
    },
    transaction: (body) => memory.transaction(body),
  };
  const poked: string[] = [];
  const objects = {
    run: (_env: string, runId: string) => ({ poke: async () => void poked.push(runId) }),
  } as unknown as Objects; // all that a sweep of this log asks
  const host: Host = {
    env: "main",
    name: `${day}/0`,
    stores: sqlStores(sql),
    objects,
    now: () => NOW,
    random: () => 0,
    setAlarm: () => undefined,
    alarm: async () => null,
    wait: async () => undefined,
    sync: async () => undefined,
    wipe: async () => undefined,
    report: (message, error) => expect.fail(`${message} ${String(error)}`),
  };
  const log = new LogObject(host, () => RETENTION_DEFAULT);
  for (let n = 0; n < runs; n++) await log.index(rowOf(n, NOW + 365 * DAY_MS));
  return { log, memory, statements, poked };
}

function rowOf(n: number, dueAt: number): RunIndexRow {
  const id = String(n).padStart(26, "0");
  const [functionId, appId] = ["shop-order", "shop"];
  const times = { createdAt: NOW, startedAt: NOW, endedAt: null, dueAt };
  return { runId: id, eventId: id, functionId, appId, eventName: "order", status: "Running", ...times };
}

test("a sweep among runs that sleep reads none of them: overdue ones are found by their index", async () => {
  const { log, memory, statements, poked } = await sleepingLog("2026-03-10", 500);
  await log.index(rowOf(500, NOW - 10 * 60_000));
  statements.clear();
  await log.sweep();
  expect(poked).toEqual([rowOf(500, 0).runId]);
  const plans = [...statements].flatMap((statement) =>
    memory
      .exec<{ detail: string }>(
        `EXPLAIN QUERY PLAN ${statement}`,
        ...Array((statement.match(/\?/g) ?? []).length).fill(0),
      )
      .map(({ detail }) => detail),
  );
  expect(plans.filter((detail) => detail.includes("run"))).toEqual(["SEARCH run USING INDEX run_due (due_at_ms<?)"]);
});
