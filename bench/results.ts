/** What one run of the benchmark has found, as it is kept. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { FloorId } from "./floors.ts";
import type { Machine } from "./machine.ts";
import { isNoisy, type Pass } from "./passes.ts";
import type { By, RowId } from "./rows.ts";

/** One row over one transport; a sample per pass. */
export interface Series {
  id: RowId | FloorId;
  by: By;
  samples: number[];
  /** how many of the samples are of passes during which others used the machine too */
  noisy: number;
}

export interface Results {
  at: string;
  seconds: number;
  command: string;
  machine: Machine;
  passes: number;
  /** made while others used the machine, and not counted */
  setAside: number;
  failures: { measure: string; message: string }[];
  /** measures for which there was no time */
  leftOut: string[];
  series: Series[];
}

export function addPass(series: Series[], pass: Pass): void {
  for (const { id, by, value } of pass.values) {
    let known = series.find((one) => one.id === id && one.by === by);
    if (!known) series.push((known = { id, by, samples: [], noisy: 0 }));
    known.samples.push(value);
    if (isNoisy(pass)) known.noisy += 1;
  }
}

export function writeResults(file: string, results: Results): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
}

/** @throws Error with the remedy when there are none */
export function readResults(file: string): Results {
  if (!existsSync(file)) throw new Error(`There are no results in ${file}; measure first: npm run bench`);
  return JSON.parse(readFileSync(file, "utf8")) as Results;
}
