/** Runs that are looked for by what their events and outputs say, and how many a list has. */
import { matchesRun } from "../engine/run-search.ts";
import type { ListedRun, Objects, RunListFilter, RunSearch } from "../durable-objects/objects.ts";
import { listRuns, writeCursor, type RunList } from "./run-list.ts";

/** Runs that one page asks for their outputs. */
const ASKED_MAX = 200;
const ASKED_AT_ONCE = 20;
/** Rows that are read at once while few of them are as the search wants them. */
const PAGE = 50;
const COUNT_MAX = 10_000;
/** Index rows, and logs, that a count looks at. */
const COUNT_ROWS_MAX = 50_000;
const COUNT_LOGS_MAX = 200;

/**
 * A page of the runs that a search finds: logs tell by their events, runs are asked for outputs and for events that no log
 * keeps any more. A page may be short, or empty, when much had to be looked through: the cursor goes on.
 *
 * @throws ApiError 400 for a cursor that is none
 */
export async function searchRuns(
  objects: Objects,
  env: string,
  filter: RunListFilter & { search: RunSearch },
  cursor: string | null,
): Promise<RunList> {
  const runs: ListedRun[] = [];
  const limit = Math.max(filter.limit, PAGE);
  let asked = 0;
  for (let from = cursor; ;) {
    const page = await listRuns(objects, env, { ...filter, limit }, from);
    for (let i = 0; i < page.runs.length; i += ASKED_AT_ONCE) {
      const some = page.runs.slice(i, i + ASKED_AT_ONCE);
      const areMatches = await Promise.all(some.map((row) => isMatch(objects, env, row, filter.search)));
      for (const [n, row] of some.entries()) {
        if (areMatches[n]) runs.push(row);
        if (runs.length >= filter.limit) return { runs, cursor: cursorAfter(page, i + n) };
      }
      asked += some.filter(({ isUnsure }) => isUnsure).length;
      if (asked >= ASKED_MAX) return { runs, cursor: cursorAfter(page, i + some.length - 1) };
    }
    if (page.cursor === null || page.runs.length < limit) return { runs, cursor: page.cursor };
    from = page.cursor;
  }
}

async function isMatch(objects: Objects, env: string, row: ListedRun, search: RunSearch): Promise<boolean> {
  if (!row.isUnsure) return true;
  const summary = await objects.run(env, row.runId).summary();
  return summary !== null && matchesRun(summary, search);
}

function cursorAfter({ runs, cursor }: RunList, index: number): string | null {
  const row = runs[index];
  return row === undefined || index === runs.length - 1 ? cursor : writeCursor(row);
}

/** How many runs a list has; `isExact` false: these at least. */
export async function countRuns(
  objects: Objects,
  env: string,
  filter: RunListFilter,
): Promise<{ total: number; isExact: boolean }> {
  const logs = await objects.registry(env).logs();
  const days = [...new Set(logs.map((log) => log.slice(0, 10)))].sort().reverse();
  let [total, rows, read] = [0, 0, 0];
  for (const day of days) {
    if (total >= COUNT_MAX || rows >= COUNT_ROWS_MAX || read >= COUNT_LOGS_MAX)
      return { total: Math.min(total, COUNT_MAX), isExact: false };
    const shards = logs.filter((log) => log.startsWith(day));
    const counts = await Promise.all(shards.map((log) => objects.log(env, log).countRuns(filter)));
    for (const { count, looked } of counts) [total, rows] = [total + count, rows + looked];
    read += shards.length;
    if (total > COUNT_MAX || counts.some(({ isWhole }) => !isWhole))
      return { total: Math.min(total, COUNT_MAX), isExact: false };
  }
  return { total, isExact: true };
}
