import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { localId, readFunction, type FunctionView } from "../../api/functions.ts";
import { useLive } from "../../api/live.ts";
import { Button, buttonClass } from "../../ui/button.tsx";
import { CopyableId } from "../../ui/copy-button.tsx";
import { Loading } from "../../ui/empty.tsx";
import { Facts, PageHead, Panel } from "../../ui/facts.tsx";
import { JsonView } from "../../ui/json-view.tsx";
import { Problem } from "../../ui/problem.tsx";
import { Clock } from "../../ui/time.tsx";
import { BulkButtons } from "../bulk/bulk-buttons.tsx";
import { LinesOfFunction } from "../lines/lines-of-function.tsx";
import { InvokeDialog } from "./invoke-dialog.tsx";
import { PauseButton } from "./pause-button.tsx";
import { Triggers } from "./triggers.tsx";

const route = getRouteApi("/functions/$slug");
const LatestRuns = lazy(() => import("./latest-runs.tsx"));
const MetricsPanel = lazy(() => import("./metrics-panel.tsx"));

export function FunctionPage() {
  const { slug } = route.useParams();
  const { data, error } = useLive({
    key: ["function", slug],
    read: (sent) => readFunction(slug, sent),
    everyMs: 5_000,
    follows: "apps",
  });
  if (data) return <Detail key={slug} fn={data} />;
  return error ? <Problem error={error} what="function" /> : <Loading what="the function" />;
}

function Detail({ fn }: { fn: FunctionView }) {
  const [isInvoking, setInvoking] = useState(false);
  const now = Date.now();
  return (
    <div className="mx-auto flex max-w-6xl flex-col gap-4 p-4">
      <PageHead title={<bdi>{fn.name}</bdi>}>
        <Link to="/runs" search={{ app: fn.app_id, fn: localId(fn.slug, fn.app_id) }} className={buttonClass()}>
          Its runs
        </Link>
        <BulkButtons scope={{ whose: fn.name, functionIds: [fn.slug] }} />
        <PauseButton fn={fn} />
        <Button acts look="strong" onClick={() => setInvoking(true)}>
          Invoke
        </Button>
      </PageHead>
      {fn.paused ? (
        <p role="status" className="border-warn text-warn rounded-md border px-3 py-2">
          Paused since <Clock at={fn.paused.since} now={now} />: what would start it{" "}
          {fn.paused.triggers === "hold" ? "waits until it goes on" : "is skipped"}.
        </p>
      ) : null}
      {fn.archived ? <p className="text-warn">Its app has it no more: nothing starts it, its runs go on.</p> : null}
      <Facts
        of={[
          ["Slug", <CopyableId key="slug" id={fn.slug} label="Copy the slug" />],
          ["App", <bdi key="app">{fn.app_id}</bdi>],
          ["Triggers", <Triggers key="triggers" fn={fn} />],
          ["Runs at", <bdi key="url">{fn.transport.url ?? fn.transport.kind}</bdi>],
          ["Version", String(fn.version)],
        ]}
      />
      <Suspense fallback={<Loading what="metrics" />}>
        <MetricsPanel fn={fn} />
      </Suspense>
      <Panel title="Latest runs">
        <Suspense fallback={<Loading what="runs" />}>
          <LatestRuns fn={fn} />
        </Suspense>
      </Panel>
      <Schedules fn={fn} now={now} />
      <div className="grid gap-4 md:grid-cols-2">
        <Panel title="Flow control">
          {fn.flow_control ? (
            <JsonView value={fn.flow_control} label="flow control" />
          ) : (
            <p className="text-soft">None: its runs begin as soon as they are queued.</p>
          )}
        </Panel>
        <Panel title="Retries">
          <JsonView value={fn.retry} label="retries" />
        </Panel>
      </div>
      {fn.flow_control || fn.paused ? (
        <Panel title="Lines">
          <LinesOfFunction slug={fn.slug} />
        </Panel>
      ) : null}
      <InvokeDialog fn={fn} isOpen={isInvoking} onClose={() => setInvoking(false)} />
    </div>
  );
}

function Schedules({ fn: { crons }, now }: { fn: FunctionView; now: number }) {
  if (crons.length === 0) return null;
  return (
    <Panel title="Schedules">
      <ul className="flex flex-col gap-1">
        {crons.map(({ cron, next_fire_at: next }) => (
          <li key={cron} className="flex flex-wrap gap-x-4">
            <code>{cron}</code>
            <span className="text-soft">
              next: <Clock at={next} now={now} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
