/** Writes tables between the markers of pages, so that nobody copies figures by hand. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pageColumns, readmeColumns } from "./counts.ts";
import { priceTable } from "./price.ts";
import { describe, remarks, shortTable, slowdownRange, tables } from "./report.ts";
import type { Results } from "./results.ts";

const root = join(import.meta.dirname, "..");

export function writePages(results: Results): void {
  for (const [path, text] of [
    ["README.md", [describe(results), shortTable(results), comparison(results), remarks(results)].join("\n\n")],
    ["bench/README.md", [describe(results), comparison(results), tables(results)].join("\n\n")],
  ] as const)
    write(path, "bench", text);
  writePrices();
  // the check of formats holds the pages of this folder
  spawnSync("npx", ["oxfmt", "--write", "bench/README.md"], { cwd: root, stdio: "ignore" });
}

/** Tables of prices by page. */
export function costPages(): Record<string, string> {
  return { "README.md": priceTable(readmeColumns), "docs/performance.md": priceTable(pageColumns) };
}

/** Nothing has to be measured for them: they are made of `counts.ts`. */
export function writePrices(): void {
  for (const [path, table] of Object.entries(costPages())) write(path, "price", table);
}

function write(path: string, name: string, text: string): void {
  const file = join(root, path);
  writeFileSync(file, between(readFileSync(file, "utf8"), name, text, path));
}

/** How this machine compares with that of the figures that are asked for. */
function comparison(results: Results): string {
  const range = slowdownRange(results);
  if (!range) return "";
  const [least, most] = range.map((ratio) => ratio.toPrecision(2));
  return `With nothing in it the runtime is ${least} to ${most} times as slow here as on the machine on which the figures that are asked for were chosen.`;
}

/**
 * A page with other text between two markers.
 *
 * @throws Error when they are not there
 */
export function between(page: string, name: string, text: string, path: string): string {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`${path} has no ${begin} … ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
}
