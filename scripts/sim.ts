/**
 * `npm run sim`: simulates the engine for many seeds, over both transports, and stops at the first that fails.
 *
 *   npm run sim -- [--seeds 10000] [--from 1] [--transport local|http]
 */
import { parseArgs } from "node:util";
import { simulate, SimulationError } from "../src/testing/simulate.ts";
import { invariants, makeWitness, shop, workload } from "../test/simulation/shop.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "10000" },
    from: { type: "string", default: "1" },
    transport: { type: "string" },
  },
});
const [count, from] = [values.seeds, values.from].map(Number) as [number, number];
if (!(count >= 1) || !(from >= 0)) {
  console.error(`--seeds ${values.seeds} --from ${values.from}: expected whole numbers`);
  process.exit(2);
}
const SHARE = 100;
const startedAt = performance.now();
const totals = { simulations: 0, runs: 0, faults: 0, turns: 0 };
try {
  for (let seed = from; seed < from + count; seed += SHARE) {
    for (const transport of ["local", "http"] as const) {
      if (values.transport !== undefined && values.transport !== transport) continue;
      // every other share of seeds goes over the other transport
      if (values.transport === undefined && (Math.floor(seed / SHARE) % 2 === 0) !== (transport === "local")) continue;
      const seeds = Array.from({ length: Math.min(SHARE, from + count - seed) }, (_, index) => seed + index);
      const report = await simulate({ world: makeWitness, functions: shop, workload, invariants, seeds, transport });
      for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += report[key];
    }
    if (totals.simulations % 1_000 === 0) console.log(`${totals.simulations} simulations`);
  }
} catch (error) {
  if (!(error instanceof SimulationError)) throw error;
  console.error(error.message);
  process.exit(1);
}
const seconds = (performance.now() - startedAt) / 1000;
console.log(
  `${totals.simulations} simulations held: ${totals.runs} runs, ${totals.faults} faults, ${totals.turns} turns, ${seconds.toFixed(1)} s`,
);
