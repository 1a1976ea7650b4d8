import { describe, expect, test } from "vitest";
import { lineRank } from "../../src/flow-control/priority.ts";

const CREATED = Date.UTC(2026, 0, 1);
const event = {
  id: "01JG",
  name: "a",
  ts: 5,
  user: {},
  data: { plan: "pro", p: 30, half: 0.5, text: "30", huge: 1e12 },
};

describe("[§3.8] a run stands in its lines as if it were so many seconds older", () => {
  test.each<[string | undefined, number]>([
    [undefined, 0],
    ["120", 120],
    ["-60", -60],
    ["event.data.p", 30],
    ["event.data.plan == 'pro' ? 300 : 0", 300],
    ["event.data.missing", 0],
    ["event.data.text", 0], // a text is no number
    ["event.data.half", 0], // nor is half a second a whole one
    ["event.data.plan == 'pro'", 0],
    ["event.data.plan - 1", 0], // it fails
    ["event.data.", 0], // it does not even compile: an older version took it
    ["event.data.huge", 43_200], // out of bounds: as the bound
    ["-999999", -43_200],
  ])("%s: by %d s", (expression, seconds) => {
    expect(lineRank(expression, event, CREATED)).toBe(CREATED - seconds * 1000);
  });

  test("who is younger by less than the head start goes first", () => {
    const older = lineRank(undefined, event, CREATED);
    expect(lineRank("60", event, CREATED + 59_999)).toBeLessThan(older);
    expect(lineRank("60", event, CREATED + 60_001)).toBeGreaterThan(older);
  });
});
