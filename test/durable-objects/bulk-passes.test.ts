import { describe, expect, test } from "vitest";
import {
  beginsAt,
  firstPass,
  nextLog,
  nextPass,
  PASSES,
  windowOf,
  type Pass,
  type Progress,
} from "../../src/durable-objects/bulk-passes.ts";
import type { BulkRequest } from "../../src/durable-objects/objects.ts";
import { NOW } from "../helpers/run-builder.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

const request = (more: Partial<BulkRequest> = {}): BulkRequest => ({
  id: "01ARZ3NDEKTSV4RRFFQ69G5FAV",
  kind: "cancellation",
  appId: "shop",
  functionIds: ["shop-a"],
  statuses: null,
  createdFrom: 0,
  createdBefore: NOW,
  if: null,
  cause: "api",
  createdAt: NOW,
  ...more,
});
const windows = (of: BulkRequest) => PASSES.filter((pass) => windowOf(pass, of) !== null);

test.each([
  ["cancellation", ["fresh", "indexed", "late", "again"]],
  ["replay", ["indexed", "again"]],
] as const)("passes of a %s follow each other, each once", (kind, passes) => {
  const seen: Pass[] = [];
  for (let progress: Progress | null = firstPass(kind); progress; progress = nextPass(kind, progress.pass))
    seen.push(progress.pass);
  expect(seen).toEqual(passes);
});

describe("a window", () => {
  test.each<[string, number, Pass[]]>([
    ["that ends now may hold runs that nobody has told of", 0, ["fresh", "indexed", "late"]],
    ["that ended half a minute ago: all have ended, or their watchdogs have told", 30 * SECOND, ["fresh", "indexed"]],
    ["that ended minutes ago is in the index", 2 * MINUTE, ["indexed"]],
  ])("%s", (_, ago, passes) => {
    expect(windows(request({ createdBefore: NOW - ago }))).toEqual(passes);
  });

  test("what is late is looked for once the last watchdog has come, among what is young enough", () => {
    expect(PASSES.map((pass) => beginsAt(pass, request()) - NOW)).toEqual([0, 0, 30 * SECOND, 0]);
    expect(windowOf("late", request())).toEqual({ createdFrom: NOW - 30 * SECOND, createdBefore: NOW });
    expect(windowOf("late", request({ createdFrom: NOW - SECOND }))?.createdFrom).toBe(NOW - SECOND);
    expect(beginsAt("late", request({ createdBefore: NOW - DAY }))).toBe(NOW);
  });
});

describe("logs", () => {
  const day = (days: number, shard = 0) => `${new Date(NOW + days * DAY).toISOString().slice(0, 10)}.${shard}`;

  test("come one after the other, the newest first, whatever has come and gone meanwhile", () => {
    const logs = [day(-1, 2), day(0, 1), day(-1, 3), day(0, 0)];
    const window = { createdFrom: NOW - DAY, createdBefore: NOW };
    const read: string[] = [];
    for (let log = nextLog(logs, null, window); log !== null; log = nextLog(logs, log, window)) read.push(log);
    expect(read).toEqual(logs.toSorted().toReversed());
    expect(nextLog(logs, day(-1, 3), window)).toBe(day(-1, 2));
    expect(nextLog([], null, window)).toBe(null);
  });

  test("are left out in which no event of the window's runs can be", () => {
    const window = { createdFrom: NOW - DAY, createdBefore: NOW + 1 };
    // ids may be a day ahead; an event may be collected for a week, and be routed another week later
    expect([2, 1, 0, -16].map((days) => nextLog([day(days)], null, window) !== null)).toEqual([
      false,
      true,
      true,
      true,
    ]);
    expect(nextLog([day(-18)], null, window)).toBe(null);
    expect(nextLog([day(-18)], null, { createdFrom: 0, createdBefore: NOW })).toBe(day(-18));
  });
});
