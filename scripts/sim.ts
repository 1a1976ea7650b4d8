/**
 * `npm run sim`: simulates the engine for many seeds and stops at the first for which something does not hold. Odd seeds go
 * over the transport `local`, even ones over `http`, unless one is named; of four seeds two play the shop, every kind of step,
 * and two the yard, every rule of flow control, unless one is named.
 *
 *   npm run sim -- [--seeds 10000] [--from 1] [--transport local|http] [--place shop|yard]
 */
import { parseArgs } from "node:util";
import { simulate, SimulationError, type SimulationReport } from "../src/testing/simulate.ts";
import { shopSimulation } from "../test/simulation/shop.ts";
import { yardSimulation } from "../test/simulation/yard.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "10000" },
    from: { type: "string", default: "1" },
    transport: { type: "string" },
    place: { type: "string" },
  },
});
const count = wholeNumber("seeds", values.seeds, 1);
const from = wholeNumber("from", values.from, 0);
const { transport, place } = values;
if (place !== undefined && place !== "shop" && place !== "yard") fail(`--place ${place}: expected shop or yard`);
if (transport !== undefined && transport !== "local" && transport !== "http")
  fail(`--transport ${transport}: expected local or http`);

const TOLD_EVERY = 1_000;
const startedAt = performance.now();
const total: SimulationReport = { simulations: 0, runs: 0, faults: 0, turns: 0 };
for (let seed = from; seed < from + count; seed++) {
  const over = transport ?? (seed % 2 === 1 ? "local" : "http");
  try {
    const report = await play(seed, over);
    total.simulations += report.simulations;
    total.runs += report.runs;
    total.faults += report.faults;
    total.turns += report.turns;
  } catch (error) {
    if (!(error instanceof SimulationError)) throw error;
    fail(`${placeOf(seed)}, over ${over}: ${error.message}`);
  }
  if (total.simulations % TOLD_EVERY === 0) console.log(`${total.simulations} simulations held`);
}
const seconds = (performance.now() - startedAt) / 1000;
console.log(
  `${total.simulations} simulations held: ${total.runs} runs, ${total.faults} faults, ${total.turns} turns, ${seconds.toFixed(1)} s`,
);

function placeOf(seed: number): string {
  return place ?? (seed % 4 < 2 ? "shop" : "yard");
}

function play(seed: number, over: "local" | "http"): Promise<SimulationReport> {
  const how = { seeds: [seed], transport: over };
  return placeOf(seed) === "shop" ? simulate({ ...shopSimulation, ...how }) : simulate({ ...yardSimulation, ...how });
}

function wholeNumber(name: string, text: string, least: number): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= least) return number;
  return fail(`--${name} ${text}: expected a whole number from ${least} on`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
