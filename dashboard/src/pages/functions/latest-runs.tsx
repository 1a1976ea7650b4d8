import { Link } from "@tanstack/react-router";
import { localId, type FunctionView } from "../../api/functions.ts";
import { useLive } from "../../api/live.ts";
import { listRuns } from "../../api/runs.ts";
import { isOver, runDurationMs } from "../../model/run-list.ts";
import { DurationChart } from "../../ui/duration-chart.tsx";
import { Status } from "../../ui/status.tsx";
import { Clock, Duration } from "../../ui/time.tsx";

const READ = 100;
const SHOWN = 5;

/** How the last runs of a function went: their durations as dots, and the newest by name. */
export default function LatestRuns({ fn }: { fn: FunctionView }) {
  const { data } = useLive({
    key: ["latest-runs", fn.slug],
    read: (sent) => listRuns({ app: fn.app_id, fn: localId(fn.slug, fn.app_id) }, null, READ, sent),
    everyMs: 3_000,
    follows: "runs",
    isEnabled: !fn.archived,
  });
  const now = Date.now();
  if (!data) return null;
  if (data.runs.length === 0)
    return <p className="text-soft">It has not run yet. Invoke it, or send an event that starts it.</p>;
  const ended = data.runs.filter(isOver);
  return (
    <>
      {ended.length > 1 ? <DurationChart runs={ended} /> : null}
      <ul className="flex flex-col gap-1">
        {data.runs.slice(0, SHOWN).map((run) => (
          <li key={run.run_id} className="grid grid-cols-[7rem_1fr_auto] gap-3">
            <Status of={run.status} />
            <Link
              to="/runs/$runId"
              params={{ runId: run.run_id }}
              search={{}}
              className="text-accent truncate font-mono text-xs leading-5 underline"
            >
              {run.run_id}
            </Link>
            <span className="flex gap-3">
              <Clock at={run.queued_at} now={now} />
              <Duration ms={runDurationMs(run, now)} />
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
