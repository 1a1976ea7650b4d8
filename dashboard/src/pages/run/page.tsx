import { getRouteApi, Link } from "@tanstack/react-router";
import { useLive } from "../../api/live.ts";
import { exportPath, readRun, type RunDetail } from "../../api/runs.ts";
import { timelineOf } from "../../model/timeline.ts";
import { durationText } from "../../model/time.ts";
import { waitingSentence } from "../../model/waiting.ts";
import { buttonClass } from "../../ui/button.tsx";
import { CopyableId } from "../../ui/copy-button.tsx";
import { Loading } from "../../ui/empty.tsx";
import { Facts, PageHead, Panel } from "../../ui/facts.tsx";
import { useNow } from "../../ui/now.ts";
import { Problem } from "../../ui/problem.tsx";
import { Status } from "../../ui/status.tsx";
import { Clock } from "../../ui/time.tsx";
import { RunActions } from "./actions.tsx";
import { RunLogs } from "./logs.tsx";
import { Outcome } from "./outcome.tsx";
import { RerunNote } from "./rerun-note.tsx";
import { StepPanel } from "./step-panel.tsx";
import { TimelineView } from "./timeline-view.tsx";
import { TriggerEvents } from "./trigger-events.tsx";

const route = getRouteApi("/runs/$runId");
/** Of so many the timeline moves on once a second. */
const MANY_STEPS = 1_000;

export function RunPage() {
  const { runId } = route.useParams();
  const { data, error } = useLive({
    key: ["run", runId],
    read: (sent) => readRun(runId, sent),
    everyMs: 1_000,
    follows: `run:${runId}`,
    isOver: ({ run }) => run.ended_at !== null,
  });
  if (data) return <Detail key={runId} detail={data} />;
  return error ? <Problem error={error} what="run" /> : <Loading what="the run" />;
}

function Detail({ detail }: { detail: RunDetail }) {
  const { run, trace } = detail;
  const { step: chosen } = route.useSearch();
  const navigate = route.useNavigate();
  const isOver = run.ended_at !== null;
  const now = useNow(run.steps.length > MANY_STEPS ? 1_000 : 250, !isOver);
  const step = run.steps.find(({ hash }) => hash === chosen);
  const choose = (hash: string | undefined) =>
    void navigate({ search: hash === undefined ? {} : { step: hash }, replace: true, resetScroll: false });
  return (
    <div className="mx-auto flex max-w-7xl flex-col gap-4 p-4">
      <PageHead
        title={
          <Link to="/functions/$slug" params={{ slug: run.function_slug }} className="hover:underline">
            <bdi>{run.function_slug}</bdi>
          </Link>
        }
      >
        <a href={exportPath(run.run_id)} download className={buttonClass()}>
          Export
        </a>
        <RunActions run={run} />
      </PageHead>
      <p className="flex flex-wrap items-baseline gap-x-3 gap-y-1">
        <Status of={run.status} />
        {isOver ? null : <span data-testid="why">{waitingSentence(run.waiting_for, now)}</span>}
        {run.cancel_reason === null ? null : <bdi className="text-soft">{run.cancel_reason}</bdi>}
        <RerunNote of={run.rerun_of} />
        {run.skip_reason === null ? null : <Skipped reason={run.skip_reason} by={run.skipped_by_run_id} />}
      </p>
      <RunFacts detail={detail} now={now} />
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <div className="flex min-w-0 flex-col gap-4">
          <Panel title="Timeline">
            <TimelineView timeline={timelineOf(detail, now)} now={now} chosen={chosen} onChoose={choose} />
          </Panel>
          <RunLogs run={run} now={now} onChoose={choose} />
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          {step ? (
            <StepPanel
              key={step.hash}
              runId={run.run_id}
              step={step}
              span={trace.children.find(({ stepId }) => stepId === step.hash)}
              childRunId={step.child_run_id ?? undefined}
              now={now}
              onClose={() => choose(undefined)}
            />
          ) : (
            <Outcome run={run} />
          )}
          <TriggerEvents ids={run.event_ids} />
        </div>
      </div>
    </div>
  );
}

function Skipped({ reason, by }: { reason: string; by: string | null }) {
  return (
    <span className="text-soft">
      by {reason}
      {by === null ? null : (
        <>
          , because of{" "}
          <Link to="/runs/$runId" params={{ runId: by }} search={{}} className="text-accent underline">
            another run
          </Link>
        </>
      )}
    </span>
  );
}

function RunFacts({ detail: { run }, now }: { detail: RunDetail; now: number }) {
  const queuedAt = Date.parse(run.queued_at);
  const startedAt = run.started_at === null ? null : Date.parse(run.started_at);
  const endedAt = run.ended_at === null ? null : Date.parse(run.ended_at);
  return (
    <Facts
      of={[
        ["Run", <CopyableId key="id" id={run.run_id} label="Copy the run's id" />],
        ...(run.parent_run_id === null
          ? []
          : [["Invoked by", <RunLink key="parent" id={run.parent_run_id} />] as const]),
        ["App", <bdi key="app">{run.app_id}</bdi>],
        ["Trigger", <bdi key="trigger">{run.cron === undefined ? run.event_name : `cron ${run.cron}`}</bdi>],
        ["Queued", <Clock key="queued" at={run.queued_at} now={now} />],
        ["In the queue", durationText((startedAt ?? endedAt ?? now) - queuedAt)],
        ["Running", startedAt === null ? "–" : durationText((endedAt ?? now) - startedAt)],
        ["Attempt", String(run.attempt + 1)],
        ["Ended", <Clock key="ended" at={run.ended_at} now={now} />],
      ]}
    />
  );
}

function RunLink({ id }: { id: string }) {
  return (
    <Link to="/runs/$runId" params={{ runId: id }} search={{}} className="text-accent font-mono text-xs underline">
      {id}
    </Link>
  );
}
