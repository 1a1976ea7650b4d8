import { getRouteApi } from "@tanstack/react-router";
import { useEffect } from "react";
import { useLive } from "../../api/live.ts";
import { ApiError } from "../../api/request.ts";
import { countRuns, type RunTotal } from "../../api/runs.ts";
import { readRunsSearch, type RunsSearch } from "../../model/search.ts";
import { clockText, rangeStart } from "../../model/time.ts";
import { Empty, Loading } from "../../ui/empty.tsx";
import { PageHead } from "../../ui/facts.tsx";
import { Problem } from "../../ui/problem.tsx";
import { FirstSteps } from "../first-steps.tsx";
import { BulkOfList } from "./bulk.tsx";
import { RunFilters } from "./filters.tsx";
import { SearchBox } from "./search-box.tsx";
import { RunsTable } from "./table.tsx";
import { useRuns, type Runs } from "./use-runs.ts";

const route = getRouteApi("/runs");

export function RunsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const runs = useRuns(search);
  const change = (next: RunsSearch) => void navigate({ search: readRunsSearch({ ...next }), replace: true });
  const refusal = runs.error instanceof ApiError && runs.error.code === "expression_invalid" ? runs.error : null;
  return (
    <div className="flex h-full flex-col">
      <div className="flex flex-col gap-3 p-4">
        <PageHead title="Runs">
          <RunFilters search={search} onChange={change} />
          <BulkOfList search={search} />
        </PageHead>
        <SearchBox
          value={search.if ?? ""}
          refusal={refusal && refusal.message.replace(/^if: /, "")}
          onChange={(source) => change({ ...search, if: source })}
        />
        <Tally runs={runs} search={search} />
      </div>
      {refusal ? null : <List runs={runs} isFiltered={Object.keys(search).length > 0} />}
    </div>
  );
}

/** How many there are: all of a list, or what a search has found as far as it has come. */
function Tally({ runs, search: { range, if: source, ...filter } }: { runs: Runs; search: RunsSearch }) {
  const { data } = useLive({
    key: ["runs", "total", filter.status, filter.app, filter.fn, range],
    read: (sent) => countRuns({ ...filter, from: range && rangeStart(range, Date.now()) }, sent),
    everyMs: 10_000,
    isEnabled: source === undefined,
    isKept: true,
  });
  if (source === undefined)
    return (
      <p role="status" aria-label="Number of runs" className="text-soft text-xs">
        {data ? countText(data) : "\u00a0"}
      </p>
    );
  const { rows, lookedUntil, isOfBefore } = runs;
  return (
    <p role="status" aria-label="Number of runs" className="text-soft text-xs">
      {isOfBefore ? "Searching …" : `${countText({ total: rows.length, isExact: true })} found`}
      {lookedUntil === null ? "" : `, searched back to ${clockText(Date.parse(lookedUntil), Date.now())} so far`}
    </p>
  );
}

function countText({ total, isExact }: RunTotal): string {
  const number = total.toLocaleString();
  return isExact ? `${number} ${total === 1 ? "run" : "runs"}` : `more than ${number} runs`;
}

function List({ runs, isFiltered }: { runs: Runs; isFiltered: boolean }) {
  if (runs.error) return <Problem error={runs.error} what="list of runs" />;
  if (runs.rows.length > 0) return <RunsTable {...runs} />;
  if (runs.hasMore) return <LookFurther runs={runs} />;
  if (runs.isReading) return <Loading what="runs" />;
  if (isFiltered)
    return (
      <Empty title="No run matches">
        <p>Take a filter away, or choose a longer time.</p>
      </Empty>
    );
  return <FirstSteps />;
}

/** The platform looks through so many runs for one answer: there may be some further back. */
function LookFurther({ runs: { readMore, isReading } }: { runs: Runs }) {
  useEffect(() => {
    if (!isReading) readMore();
  }, [isReading, readMore]);
  return <Loading what="older runs" />;
}
