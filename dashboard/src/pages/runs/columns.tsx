import { Link } from "@tanstack/react-router";
import { createColumnHelper, tableFeatures } from "@tanstack/react-table";
import type { RunRow } from "../../api/runs.ts";
import { isOver, runDurationMs } from "../../model/run-list.ts";
import { rowWaitText } from "../../model/waiting.ts";
import { useNow } from "../../ui/now.ts";
import { Status } from "../../ui/status.tsx";
import { Clock, Duration } from "../../ui/time.tsx";

export const features = tableFeatures({});
const helper = createColumnHelper<typeof features, RunRow>();

export const columns = helper.columns([
  helper.accessor("status", { header: "Status", cell: ({ row }) => <Status of={row.original.status} /> }),
  helper.accessor("function_slug", {
    id: "function",
    header: "Function",
    // the link covers the whole row, which is its positioned ancestor
    cell: ({ row }) => (
      <>
        <Link
          to="/runs/$runId"
          params={{ runId: row.original.run_id }}
          search={{}}
          className="block truncate font-medium after:absolute after:inset-0"
        >
          <bdi>{row.original.function_slug}</bdi>
        </Link>
        <Waits run={row.original} />
      </>
    ),
  }),
  helper.accessor(triggerText, {
    id: "trigger",
    header: "Trigger",
    cell: ({ getValue }) => <bdi className="text-soft block truncate">{getValue()}</bdi>,
  }),
  helper.accessor("queued_at", { header: "Queued", cell: ({ row }) => <At of={row.original.queued_at} /> }),
  helper.accessor("started_at", { header: "Started", cell: ({ row }) => <At of={row.original.started_at} /> }),
  helper.display({ id: "duration", header: "Duration", cell: ({ row }) => <Taken run={row.original} /> }),
]);

function triggerText({ event_name: eventName, cron, batch_size: size }: RunRow): string {
  if (cron !== undefined) return `cron ${cron}`;
  if (eventName === "inngest/scheduled.timer") return "cron";
  if (size !== undefined) return `${size} × ${eventName}`;
  return eventName === "inngest/function.invoked" ? "invoked" : eventName;
}

/** What keeps a run, in a line below its name. */
function Waits({ run }: { run: RunRow }) {
  if (run.waiting_for === null) return null;
  return <span className="text-soft block truncate text-xs">{rowWaitText(run.waiting_for, Date.now())}</span>;
}

function At({ of }: { of: string | null }) {
  return <Clock at={of} now={Date.now()} />;
}

/** Goes on while the run does. */
function Taken({ run }: { run: RunRow }) {
  const now = useNow(1_000, !isOver(run));
  return <Duration ms={runDurationMs(run, now)} />;
}
