import { getRouteApi } from "@tanstack/react-router";
import { readRunsSearch, type RunsSearch } from "../../model/search.ts";
import { Empty, Loading } from "../../ui/empty.tsx";
import { PageHead } from "../../ui/facts.tsx";
import { Problem } from "../../ui/problem.tsx";
import { FirstSteps } from "../first-steps.tsx";
import { RunFilters } from "./filters.tsx";
import { RunsTable } from "./table.tsx";
import { useRuns } from "./use-runs.ts";

const route = getRouteApi("/runs");

export function RunsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const runs = useRuns(search);
  const change = (next: RunsSearch) => void navigate({ search: readRunsSearch({ ...next }), replace: true });
  return (
    <div className="flex h-full flex-col">
      <div className="flex flex-col gap-3 p-4">
        <PageHead title="Runs">
          <RunFilters search={search} onChange={change} />
        </PageHead>
      </div>
      <List runs={runs} isFiltered={Object.keys(search).length > 0} />
    </div>
  );
}

function List({ runs, isFiltered }: { runs: ReturnType<typeof useRuns>; isFiltered: boolean }) {
  if (runs.error) return <Problem error={runs.error} what="list of runs" />;
  if (runs.rows.length > 0) return <RunsTable {...runs} />;
  if (runs.isReading) return <Loading what="runs" />;
  if (isFiltered)
    return (
      <Empty title="No run matches">
        <p>Take a filter away, or choose a longer time.</p>
      </Empty>
    );
  return <FirstSteps />;
}
