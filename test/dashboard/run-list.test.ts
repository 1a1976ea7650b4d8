import { expect, test } from "vitest";
import type { RunPage, RunRow } from "../../dashboard/src/api/runs.ts";
import { mergeRuns, runDurationMs } from "../../dashboard/src/model/run-list.ts";

function row(place: number, status: RunRow["status"] = "Completed"): RunRow {
  const id = String(place).padStart(3, "0");
  return {
    run_id: id,
    function_slug: "f",
    app_id: "a",
    event_id: id,
    event_name: "e",
    status,
    queued_at: new Date(place * 1_000).toISOString(),
    started_at: null,
    ended_at: null,
    waiting_for: null,
  };
}

const page = (places: number[], cursor: string | null = "more"): RunPage => ({
  runs: places.map((at) => row(at)),
  cursor,
  lookedUntil: null,
});
const ids = (rows: RunRow[]) => rows.map(({ run_id: id }) => Number(id));

test("new runs come before the pages, once", () => {
  const { rows, isTorn } = mergeRuns(page([9, 8, 7]), [page([8, 7, 6]), page([5, 4], null)]);
  expect(ids(rows)).toEqual([9, 8, 7, 6, 5, 4]);
  expect(isTorn).toBe(false);
});

test("within the head it is as the head says: a run that does not match any more is gone", () => {
  expect(ids(mergeRuns(page([9, 7]), [page([8, 7, 6])]).rows)).toEqual([9, 7, 6]);
  expect(ids(mergeRuns(page([9], null), [page([8, 7, 6])]).rows)).toEqual([9]);
  expect(mergeRuns({ ...page([]), runs: [row(8, "Failed")] }, [page([8, 7])]).rows[0]?.status).toBe("Failed");
});

test("when more has begun between two looks than a head holds, the pages are to be read again", () => {
  expect(mergeRuns(page([99, 98]), [page([8, 7])]).isTorn).toBe(true);
  expect(mergeRuns(page([99, 98]), []).isTorn).toBe(false);
  expect(mergeRuns(undefined, [page([8, 7])])).toMatchObject({ isTorn: false });
});

test("a search's head that has found nothing so far says nothing of what the pages have", () => {
  expect(ids(mergeRuns(page([]), [page([6, 2])]).rows)).toEqual([6, 2]);
  expect(ids(mergeRuns(page([], null), [page([6, 2])]).rows)).toEqual([]);
});

test("a run takes as long as it ran, or has run so far; nothing before it begins", () => {
  const startedAt = new Date(1_000).toISOString();
  expect(runDurationMs(row(1), 5_000)).toBe(null);
  expect(runDurationMs({ ...row(1), started_at: startedAt }, 5_000)).toBe(4_000);
  expect(runDurationMs({ ...row(1), started_at: startedAt, ended_at: new Date(1_500).toISOString() }, 5_000)).toBe(500);
});
