import { describe, expect, test } from "vitest";
import { objectsWithin, roomFor, type Begun } from "../../src/durable-objects/object-room.ts";

const NOW = 1_700_000_000_000;

describe("with few file descriptors", () => {
  test.each([
    [100, 10],
    [256, 35],
    [512, 120],
    [1_024, 291],
    [4_096, 1_315],
  ])("of %i files %i objects may be in memory", (files, objects) => {
    expect(objectsWithin(files)).toBe(objects);
  });

  test("as many begin as have room, and the rest once those before have left", () => {
    let begun: Begun[] = [];
    const take = (wanted: number, at: number) => {
      const room = roomFor(wanted, begun, 120, NOW + at);
      begun = room.begun;
      return room.count;
    };
    expect([take(50, 0), take(50, 1_000), take(50, 2_000), take(50, 2_001)]).toEqual([50, 50, 20, 0]);
    expect([take(50, 11_999), take(50, 12_000), take(50, 12_001)]).toEqual([0, 50, 0]);
    expect([take(500, 60_000), take(1, 60_000)]).toEqual([120, 0]);
  });

  test("never are more in memory than may be, whatever comes", () => {
    let begun: Begun[] = [];
    const all: Begun[] = [];
    for (let at = 0; at < 120_000; at += 700) {
      const room = roomFor((at * 7) % 83, begun, 120, NOW + at);
      begun = room.begun;
      all.push({ at, count: room.count });
      const lately = all.filter((one) => one.at > at - 12_000);
      expect(lately.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(120);
    }
    expect(all.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(9 * 120); // nobody waits for ever
  });

  test("a clock that was set back holds nobody up", () => {
    const { begun } = roomFor(120, [], 120, NOW + 3_600_000);
    expect(roomFor(50, begun, 120, NOW).count).toBe(50);
  });
});
