import { Link } from "@tanstack/react-router";
import { createColumnHelper, tableFeatures } from "@tanstack/react-table";
import type { RunRow } from "../../api/runs.ts";
import { isOver, runDurationMs } from "../../model/run-list.ts";
import { useNow } from "../../ui/now.ts";
import { Status } from "../../ui/status.tsx";
import { Clock, Duration } from "../../ui/time.tsx";

export const features = tableFeatures({});
const helper = createColumnHelper<typeof features, RunRow>();

export const columns = helper.columns([
  helper.accessor("status", { header: "Status", cell: ({ row }) => <Status of={row.original.status} /> }),
  helper.accessor((row) => row.function.name, {
    id: "function",
    header: "Function",
    // the link covers the whole row, which is its positioned ancestor
    cell: ({ row }) => (
      <Link
        to="/runs/$runId"
        params={{ runId: row.original.id }}
        search={{}}
        className="block truncate font-medium after:absolute after:inset-0"
      >
        <bdi>{row.original.function.name}</bdi>
      </Link>
    ),
  }),
  helper.accessor(triggerText, {
    id: "trigger",
    header: "Trigger",
    cell: ({ getValue }) => <bdi className="text-soft block truncate">{getValue()}</bdi>,
  }),
  helper.accessor("queuedAt", { header: "Queued", cell: ({ row }) => <At of={row.original.queuedAt} /> }),
  helper.accessor("startedAt", { header: "Started", cell: ({ row }) => <At of={row.original.startedAt} /> }),
  helper.display({ id: "duration", header: "Duration", cell: ({ row }) => <Taken run={row.original} /> }),
]);

function triggerText({ trigger }: RunRow): string {
  const { eventName = "", cronSchedule } = trigger;
  if (cronSchedule !== undefined) return `cron ${cronSchedule}`;
  if (eventName === "inngest/scheduled.timer") return "cron";
  return eventName === "inngest/function.invoked" ? "invoked" : eventName;
}

function At({ of }: { of: string | undefined }) {
  return <Clock at={of} now={Date.now()} />;
}

/** Goes on while the run does. */
function Taken({ run }: { run: RunRow }) {
  const now = useNow(1_000, !isOver(run));
  return <Duration ms={runDurationMs(run, now)} />;
}
