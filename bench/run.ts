/**
 * `npm run bench`: measures a fresh local platform and prints a Markdown table.
 *
 * --quick      fewer repeats, under a minute
 * --only=WORD  only measures whose name contains it
 * --out=FILE   where the raw numbers go; default bench/results/latest.json
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { machine, type Machine } from "./machine.ts";
import { measures, type Measure } from "./measures.ts";
import { tables, type Series } from "./report.ts";
import { openStage, type Stage } from "./stage.ts";

interface Results {
  at: string;
  quick: boolean;
  machine: Machine;
  series: Series[];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      out: { type: "string" },
    },
  });
  const outFile = resolve(values.out ?? join(import.meta.dirname, "results/latest.json"));
  const selected = measures(values.quick).filter(({ name }) => name.includes(values.only));
  const stage = await openStage();
  try {
    const series: Series[] = [];
    for (const measure of selected) series.push(...(await repeat(measure, stage)));
    const results: Results = { at: new Date().toISOString(), quick: values.quick, machine: machine(), series };
    console.log(`${describe(results)}\n\n${tables(series)}`);
    mkdirSync(dirname(outFile), { recursive: true });
    writeFileSync(outFile, `${JSON.stringify(results, null, 1)}\n`);
  } finally {
    await stage.close();
  }
}

/** The first pass warms up and is not counted. */
async function repeat({ name, repeats, measure }: Measure, stage: Stage): Promise<Series[]> {
  const series = new Map<string, Series>();
  for (let pass = 0; pass <= repeats; pass++) {
    process.stderr.write(`${name}: ${pass === 0 ? "warm-up" : `${pass} of ${repeats}`}\n`);
    for (const { value, ...what } of await measure(stage)) {
      if (pass === 0) continue;
      const key = `${what.measure} ${what.transport}`;
      const known = series.get(key) ?? { ...what, samples: [] };
      known.samples.push(value);
      series.set(key, known);
    }
  }
  return [...series.values()];
}

function describe({ at, quick, machine: { cpu, cores, memoryGb, os, node, workerd } }: Results): string {
  const where = `${cores} × ${cpu}, ${memoryGb} GB, ${os}; Node ${node}, workerd ${workerd}`;
  return `${where}; ${at.slice(0, 10)}${quick ? "; --quick" : ""}`;
}

await main();
