import { describe, expect, it } from "vitest";
import { simulate } from "../../src/testing/simulate.ts";
import { shopSimulation } from "./shop.ts";

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
