import { describe, expect, it } from "vitest";
import { pause } from "../../src/flow-control/pause.ts";

describe("pause", () => {
  it.each([
    ["no pause is over: waits", 100, null, "wait"],
    ["its own pause is over: goes on", 100, 100, "admit"],
    ["a later one is over, so is its own", 100, 200, "admit"],
    ["only an earlier one is over: waits", 200, 100, "wait"],
  ])("%s", (_, at, openedUntil, kind) => {
    expect(pause({ at }, openedUntil).kind).toBe(kind);
  });
});
