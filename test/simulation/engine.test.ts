import { describe, expect, it } from "vitest";
import { simulate } from "../../src/testing/simulate.ts";
import { shopSimulation } from "./shop.ts";
import { yardSimulation } from "./yard.ts";

const seeds = (from: number) => Array.from({ length: 100 }, (_, index) => from + 2 * index);

describe("[G1 G2 G3 G4 G5 G6] in 200 simulations with crashes, losses, repeats, delays and leaps of the clock", () => {
  it("hold for functions in the Worker", async () => {
    const report = await simulate({ ...shopSimulation, seeds: seeds(1), transport: "local" });
    expect(report.simulations).toBe(100);
    expect(report.runs).toBeGreaterThan(1_000);
    expect(report.faults).toBeGreaterThan(250);
  }, 300_000);

  it("hold for functions behind HTTP", async () => {
    const report = await simulate({ ...shopSimulation, seeds: seeds(2), transport: "http" });
    expect(report.simulations).toBe(100);
    expect(report.runs).toBeGreaterThan(1_000);
    expect(report.faults).toBeGreaterThan(250);
  }, 300_000);
});

describe("[G7] in 100 simulations of every rule of flow control, with the same faults", () => {
  it.each([
    ["in the Worker", "local", 1],
    ["behind HTTP", "http", 2],
  ] as const)(
    "no limit is exceeded, nothing is let in twice or forgotten: functions %s",
    async (_, transport, from) => {
      const report = await simulate({ ...yardSimulation, seeds: seeds(from).slice(0, 50), transport });
      expect(report.simulations).toBe(50);
      expect(report.runs).toBeGreaterThan(1_000);
      expect(report.faults).toBeGreaterThan(125);
    },
    300_000,
  );
});
