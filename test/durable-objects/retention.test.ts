import { describe, expect, test } from "vitest";
import { keptMs, readRetention, RETENTION_DEFAULT, shortestMs } from "../../src/durable-objects/retention.ts";

const DAY = 86_400_000;

describe("how long runs are kept", () => {
  test.each<[string, Parameters<typeof readRetention>[0], string | undefined, object]>([
    ["by default", undefined, undefined, RETENTION_DEFAULT],
    ["an empty variable is none", undefined, " ", RETENTION_DEFAULT],
    ["one duration for all", "90d", undefined, { defaultMs: 90 * DAY, byStatus: {} }],
    ["the option wins over the variable", 8 * DAY, "90d", { defaultMs: 8 * DAY, byStatus: {} }],
    [
      "by status",
      { default: "14d", completed: "7d", failed: 90 * DAY },
      undefined,
      { defaultMs: 14 * DAY, byStatus: { Completed: 7 * DAY, Failed: 90 * DAY } },
    ],
    [
      "by status, in the variable",
      undefined,
      "14d, COMPLETED=7d,Failed = 90d, skipped=1w",
      { defaultMs: 14 * DAY, byStatus: { Completed: 7 * DAY, Failed: 90 * DAY, Skipped: 7 * DAY } },
    ],
    ["only of one status", undefined, "CANCELLED=10d", { defaultMs: 30 * DAY, byStatus: { Cancelled: 10 * DAY } }],
  ])("%s", (_, option, text, retention) => {
    expect(readRetention(option, text)).toEqual(retention);
  });

  test("a status without its own has the default; the shortest is told", () => {
    const retention = readRetention({ default: "14d", completed: "7d" }, undefined);
    expect([keptMs(retention, "Completed"), keptMs(retention, "Failed")]).toEqual([7 * DAY, 14 * DAY]);
    expect([shortestMs(retention), shortestMs(RETENTION_DEFAULT)]).toEqual([7 * DAY, 30 * DAY]);
  });

  test.each<[string, Parameters<typeof readRetention>[0], string | undefined, string]>([
    ["too short", "6d", undefined, 'createWorker: retention: "6d" is under the bound of 7 days'],
    ["too short for a status", { failed: "1h" }, undefined, 'retention: failed: "1h" is under the bound of 7 days'],
    [
      "of no status",
      { running: "9d" } as object,
      undefined,
      '"running" is no way for a run to end; there are completed',
    ],
    ["no duration", undefined, "COMPLETED=soon", 'INNGEST_RETENTION: COMPLETED: cannot read "soon" as a duration'],
    ["too short in the variable", undefined, "1d", 'INNGEST_RETENTION: "1d" is under the bound'],
  ])("[G9] %s is refused", (_, option, text, error) => {
    expect(() => readRetention(option, text)).toThrow(error);
  });
});
