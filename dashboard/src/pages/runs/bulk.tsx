import { useQuery } from "@tanstack/react-query";
import { ENDED } from "../../api/bulk.ts";
import { listFunctions } from "../../api/functions.ts";
import { statusesIn, type RunsSearch } from "../../model/search.ts";
import { BulkButtons } from "../bulk/bulk-buttons.tsx";
import type { BulkScope } from "../bulk/bulk-dialog.tsx";

/** Of so many functions the runs may be meant together. */
const FUNCTIONS_MAX = 100;

/** Cancels or replays what the list shows, as far as its filters go: app, function, time and what is asked of the event. */
export function BulkOfList({ search }: { search: RunsSearch }) {
  const { data = [] } = useQuery({ queryKey: ["functions"], queryFn: ({ signal }) => listFunctions({ signal }) });
  return (
    <BulkButtons
      scope={scopeOf(
        search,
        data.map(({ slug }) => slug),
      )}
    />
  );
}

function scopeOf(search: RunsSearch, slugs: string[]): BulkScope | null {
  const { app, fn, range, if: condition = "" } = search;
  const chosen = statusesIn(search);
  // without what is asked of the output these would be more runs than the list has
  if (/\boutput\b/.test(condition)) return null;
  const rest = {
    range,
    condition,
    statuses: ENDED.filter((status) => chosen.includes(status)),
  };
  if (app !== undefined && fn !== undefined) return { whose: fn, appId: app, functionIds: [fn], ...rest };
  if (app !== undefined) return { whose: `the app ${app}`, appId: app, ...rest };
  if (slugs.length === 0 || slugs.length > FUNCTIONS_MAX) return null;
  return { whose: "all functions", functionIds: slugs, ...rest };
}
