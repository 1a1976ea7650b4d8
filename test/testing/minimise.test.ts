import { describe, expect, it } from "vitest";
import { minimised } from "../../src/testing/minimise.ts";
import { Random } from "../../src/testing/random.ts";

/** Parts that fail when all of some are among them. */
const failsWith =
  <Part>(...needed: Part[]) =>
  async (some: readonly Part[]) =>
    needed.every((part) => some.includes(part)) ? some : null;

describe("the smallest list that still fails", () => {
  it.each([
    ["one part", [4]],
    ["parts far from each other", [0, 31]],
    ["several", [3, 4, 17, 20]],
    ["none", []],
  ])("is found when it takes %s", async (_what, needed) => {
    const parts = Array.from({ length: 32 }, (_, index) => index);
    expect(await minimised(parts, failsWith(...needed))).toEqual(needed);
  });

  it("keeps the order of its parts, whichever they are", async () => {
    for (let seed = 1; seed <= 50; seed++) {
      const chance = new Random(seed);
      const parts = Array.from({ length: chance.below(20) + 1 }, (_, index) => index);
      const needed = parts.filter(() => chance.chance(0.3));
      expect(await minimised(parts, failsWith(...needed)), `seed ${seed}`).toEqual(needed);
    }
  });

  it("is null when not even all parts fail again", async () => {
    expect(await minimised([1, 2, 3], async () => null)).toBeNull();
  });

  it("may consist of parts that had to be changed", async () => {
    const failing = async (some: readonly { id: number; at: number }[]) =>
      some.some(({ id }) => id === 1) ? some.map((part) => ({ ...part, at: some.length })) : null;
    const parts = [0, 1, 2].map((id) => ({ id, at: 3 }));
    expect(await minimised(parts, failing)).toEqual([{ id: 1, at: 1 }]);
  });

  it("is looked for in a bounded number of tries", async () => {
    let tries = 0;
    const parts = Array.from({ length: 5_000 }, (_, index) => index);
    await minimised(parts, async (some) => (++tries, some.length >= 4_990 ? some : null));
    expect(tries).toBeLessThanOrEqual(201);
  });
});
