/**
 * `npm run bench`: measures fresh local platforms and prints Markdown tables.
 *
 * --quick      fewer passes and no long histories, in under two minutes
 * --only=WORD  only measures whose name contains it; several words with commas
 * --readme     writes the tables into README.md and bench/README.md
 * --prices     measures nothing: writes the prices of counts.ts into README.md and docs/performance.md
 * --from=FILE  measures nothing: takes the results of an earlier run
 * --out=FILE   where the raw numbers go; default bench/results/latest.json, with --only part.json
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { machine } from "./machine.ts";
import { type Measure, measures } from "./measures.ts";
import { writePages, writePrices } from "./pages.ts";
import { isNoisy, repeat } from "./passes.ts";
import { describe, tables } from "./report.ts";
import { addPass, readResults, type Results, writeResults } from "./results.ts";
import { endAll, openStage, type Stage } from "./stage.ts";

/** Nothing new is begun after so long; the floors at the end are measured all the same. */
const FULL_WITHIN_S = 22 * 60;
const QUICK_WITHIN_S = 100;

const { values: asked } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    readme: { type: "boolean", default: false },
    prices: { type: "boolean", default: false },
    from: { type: "string" },
    out: { type: "string" },
  },
});

const inResults = (name: string) => join(import.meta.dirname, "results", name);

async function main(): Promise<void> {
  if (asked.prices) return writePrices();
  const results = asked.from === undefined ? await measureAll() : readResults(resolve(asked.from));
  console.log(`${describe(results)}\n\n${tables(results)}`);
  if (asked.readme) writePages(results);
  if (results.failures.length > 0) process.exitCode = 1;
}

async function measureAll(): Promise<Results> {
  const words = asked.only.split(",").map((word) => word.trim());
  const selected = measures(asked.quick).filter(({ name }) => words.some((word) => name.includes(word)));
  const outFile = resolve(asked.out ?? inResults(asked.only === "" ? "latest.json" : "part.json"));
  const withinMs = 1000 * (asked.quick ? QUICK_WITHIN_S : FULL_WITHIN_S);
  const startedAt = performance.now();
  const results: Results = {
    at: new Date().toISOString(),
    seconds: 0,
    command: ["npm run bench", ...(asked.quick ? ["-- --quick"] : [])].join(" "),
    machine: machine(),
    passes: 0,
    setAside: 0,
    failures: [],
    leftOut: [],
    series: [],
  };
  let stage: { kind: Measure["stage"]; it: Stage } | undefined;
  const leave = async () => {
    await stage?.it.close();
    stage = undefined;
  };
  for (const measure of selected) {
    if (performance.now() - startedAt > withinMs && measure.stage !== "floor") {
      results.leftOut.push(measure.name);
      continue;
    }
    tell(`${Math.round((performance.now() - startedAt) / 1000)} s: ${measure.name}`);
    try {
      if (measure.isFresh || stage?.kind !== measure.stage) await leave();
      stage ??= { kind: measure.stage, it: await openStage(measure.stage) };
      const { counted, setAside } = await repeat(measure, stage.it, asked.quick ? 0 : 1);
      for (const pass of counted) addPass(results.series, pass);
      results.passes += counted.length;
      results.setAside += setAside;
      if (counted.some(isNoisy)) tell("  others used the machine meanwhile");
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      tell(`  failed: ${message}\n${stage?.it.lastWords() ?? ""}`);
      results.failures.push({ measure: measure.name, message });
      await leave(); // in whatever state it is
    }
    if (measure.isFresh) await leave();
    results.seconds = Math.round((performance.now() - startedAt) / 1000);
    writeResults(outFile, results); // also of a run that somebody ends
  }
  await leave();
  return results;
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => void endAll().finally(() => process.exit(1)));
try {
  await main();
} finally {
  await endAll();
}
