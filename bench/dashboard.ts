/** The dashboard's list of runs in a browser, with as many runs as it may be asked to show. */
import { chromium, type Page } from "playwright-core";
import { findBrowser } from "../test/browser/find-browser.mjs";
import type { Stage } from "./stage.ts";
import { quantile } from "./statistics.ts";

const RUNS_PER_REQUEST = 40_000;
/** What one scrolls through: all of it would take as long as 1,000 answers. */
const SCROLLED = { rows: 10_000, ms: 60_000 };
const FRAMES = 200;
const FILTERS = 8;

export interface ScrolledList {
  /** from the address to the first rows, ms */
  open: number;
  /** rows that are read while one scrolls on, per second */
  rate: number;
  /** between two frames while one scrolls back through them, p99, ms */
  frame: number;
  /** from the choice of a filter to its first rows, p50, ms */
  filter: number;
  /** elements of the page at the end */
  elements: number;
}

/** @throws Error where there is no Chromium */
export async function scrollRuns({ client, url }: Stage, runs: number): Promise<ScrolledList> {
  const executablePath = findBrowser();
  if (executablePath === undefined) throw new Error("it needs Chromium: apt-get install chromium");
  for (let from = 0; from < runs; from += RUNS_PER_REQUEST)
    await client.get(`/bench/runs/${from}/${Math.min(RUNS_PER_REQUEST, runs - from)}`);
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    const open = await timed(async () => {
      await page.goto(`${url}/inngest/runs`);
      await firstRow(page);
    });
    const rate = await page.evaluate(scrollOn, SCROLLED);
    const frames = await page.evaluate(scrollThrough, FRAMES);
    const elements = await page.evaluate(() => document.querySelectorAll("*").length);
    const filters: number[] = [];
    for (let i = 0; i < FILTERS; i++) filters.push(await changeFilter(page, i % 2 === 0 ? "embedded" : ""));
    return { open, rate, frame: quantile(frames, 0.99), filter: quantile(filters, 0.5), elements };
  } finally {
    await browser.close();
  }
}

async function firstRow(page: Page): Promise<void> {
  await page.locator('[role="table"] a').first().waitFor();
}

async function changeFilter(page: Page, app: string): Promise<number> {
  const answered = page.waitForResponse((answer) => /\/v\d\/runs\?/.test(answer.url()));
  return timed(async () => {
    await page.getByLabel("App", { exact: true }).selectOption(app);
    await answered;
    await firstRow(page);
  });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

// ---- in the page ----------------------------------------------------------------------------------------------------

/** Scrolls on as rows come, to so many of them or for so long; rows per second. */
async function scrollOn({ rows, ms }: { rows: number; ms: number }): Promise<number> {
  const list = document.querySelector('[role="table"]');
  if (!list) throw new Error("there is no list");
  const seen = () => Number([...list.querySelectorAll('[role="row"]')].at(-1)?.getAttribute("aria-rowindex")) - 1;
  const startedAt = performance.now();
  while (seen() < rows && performance.now() - startedAt < ms) {
    list.scrollTop = list.scrollHeight;
    await new Promise(requestAnimationFrame);
  }
  return (1000 * seen()) / (performance.now() - startedAt);
}

/** Milliseconds between frames on the way from the end to the beginning. */
async function scrollThrough(frames: number): Promise<number[]> {
  const list = document.querySelector('[role="table"]');
  if (!list) throw new Error("there is no list");
  const step = list.scrollHeight / frames;
  const taken: number[] = [];
  let before = performance.now();
  for (let i = 0; i < frames; i++) {
    list.scrollTop -= step;
    await new Promise(requestAnimationFrame);
    taken.push(performance.now() - before);
    before = performance.now();
  }
  return taken;
}
