import { describe, expect, test } from "vitest";
import { pageColumns, readmeColumns } from "../../bench/counts.ts";
import { between, costPages } from "../../bench/pages.ts";
import { type Counts, priceOf, PRICES } from "../../bench/price.ts";
import { readPage } from "../docs/helpers/markdown.ts";

const nothing: Counts = {
  rows: 0,
  objectRequests: 0,
  workerRequests: 0,
  queueMessages: 0,
  cpuMs: 0,
  awakeSeconds: 0,
};

test.each([
  ["a row", { rows: 1 }, 1],
  ["a request to an object", { objectRequests: 1 }, 0.15],
  ["an HTTP request or a batch of the queue", { workerRequests: 1 }, 0.3],
  ["a message, which is written, read and deleted", { queueMessages: 1 }, 1.2],
  ["a millisecond of CPU", { cpuMs: 1 }, 0.02],
  ["a second of an object of 128 MB", { awakeSeconds: 1 }, 1.6],
] as [string, Partial<Counts>, number][])("%s costs its list price a million times", (_, counts, usd) => {
  expect(priceOf({ ...nothing, ...counts }).total).toBeCloseTo(usd, 10);
});

test("the price of a run is the sum of its parts", () => {
  const run: Counts = {
    rows: 14,
    objectRequests: 6,
    workerRequests: 2,
    queueMessages: 1,
    cpuMs: 10,
    awakeSeconds: 0.06,
  };
  const { total, ...parts } = priceOf(run);
  expect(parts).toEqual({
    rows: 14,
    objectRequests: expect.closeTo(0.9),
    workerRequests: expect.closeTo(0.6),
    queue: expect.closeTo(1.2),
    cpu: expect.closeTo(0.2),
    awake: expect.closeTo(0.096),
  });
  expect(total).toBeCloseTo(16.996, 10);
});

describe("the pages' prices", () => {
  test.each(Object.entries(costPages()))("%s has the table that the counts make", (path, table) => {
    const page = readPage(path);
    expect(page, `${path} is stale: npm run bench -- --prices`).toBe(between(page, "price", table, path));
  });

  test("the arithmetic that is shown adds up, line by line", () => {
    for (const [path, columns] of [
      ["README.md", readmeColumns],
      ["docs/performance.md", pageColumns],
    ] as const) {
      const [, table = ""] = readPage(path).split("<!-- price:begin -->");
      const lines = (table.split("<!-- price:end -->")[0] ?? "").trim().split("\n");
      const cells = lines.map((line) => line.split("|").slice(2, -1));
      const sums = Object.keys(columns).map((_, i) =>
        cells.slice(2, -1).reduce((total, row) => total + usdOf(row[i] ?? ""), 0),
      );
      const shown = (cells.at(-1) ?? []).map(usdOf);
      expect(shown.length, path).toBe(Object.keys(columns).length);
      for (const [i, usd] of shown.entries()) expect(Math.abs(usd - (sums[i] ?? 0)), path).toBeLessThan(0.04); // rounded parts
    }
  });
});

test("the page names every price that the arithmetic has", () => {
  const page = readPage("docs/performance.md");
  for (const usd of Object.values(PRICES)) expect(page).toContain(`$${usd.toFixed(2)}`);
});

test("text between markers is replaced, and a page without them is refused", () => {
  const page = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb\n";
  expect(between(page, "x", "new", "P.md")).toBe("a\n<!-- x:begin -->\n\nnew\n\n<!-- x:end -->\nb\n");
  expect(() => between("a", "x", "new", "P.md")).toThrow("P.md has no <!-- x:begin --> … <!-- x:end -->");
});

/** The last amount of a cell: `14 → $14.00` or `**$17.00**`. */
function usdOf(cell: string): number {
  return Number(/\$([\d.]+)\D*$/.exec(cell)?.[1]);
}
