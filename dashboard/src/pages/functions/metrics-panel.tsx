import { useState } from "react";
import type { FunctionView } from "../../api/functions.ts";
import { useLive } from "../../api/live.ts";
import { readMetrics, type Metrics } from "../../api/metrics.ts";
import { clockText, durationText } from "../../model/time.ts";
import { Loading } from "../../ui/empty.tsx";
import { Panel } from "../../ui/facts.tsx";
import { TimeChart } from "../../ui/time-chart.tsx";

/** How far back, how long each point is, and how often it is read again. */
const WINDOWS = {
  hour: { title: "Last hour", ms: 3_600_000, bucket: "1m", everyMs: 5_000 },
  day: { title: "Last day", ms: 86_400_000, bucket: "20m", everyMs: 15_000 },
  week: { title: "Last week", ms: 7 * 86_400_000, bucket: "2h", everyMs: 30_000 },
} as const;
type Window = keyof typeof WINDOWS;

/** What a function has done lately: what began and ended, how long it took, who waits. */
export default function MetricsPanel({ fn }: { fn: FunctionView }) {
  const [window, setWindow] = useState<Window>("hour");
  const { ms, bucket, everyMs } = WINDOWS[window];
  const { data, error } = useLive({
    key: ["metrics", fn.slug, window],
    read: (sent) => readMetrics(fn.slug, new Date(Date.now() - ms).toISOString(), bucket, sent),
    everyMs,
    isKept: true,
  });
  return (
    <Panel
      title="Over time"
      actions={
        <select
          aria-label="Time of the charts"
          value={window}
          onChange={(event) => setWindow(event.target.value as Window)}
          className="field"
        >
          {Object.entries(WINDOWS).map(([name, { title }]) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      }
    >
      {data ? (
        <Charts metrics={data} />
      ) : error ? (
        <p className="text-bad">{error.message}</p>
      ) : (
        <Loading what="metrics" />
      )}
    </Panel>
  );
}

function Charts({ metrics }: { metrics: Metrics }) {
  const { buckets, backlog, is_cut: isCut, events_from: eventsFrom } = metrics;
  const at = buckets.map((bucket) => Date.parse(bucket.at));
  const started = buckets.map((bucket) => bucket.started);
  const ended = buckets.map((bucket) => Object.values(bucket.ended).reduce((sum, count) => sum + count, 0));
  const failed = buckets.map((bucket) => bucket.ended.FAILED ?? 0);
  const slowest = Math.max(...buckets.map((bucket) => bucket.p95_ms ?? 0));
  const totals = `${sum(started)} started, ${sum(ended)} ended, ${sum(failed)} failed`;
  return (
    <>
      <p>
        {totals}; now {backlog.queued} wait to begin and {backlog.running} are under way.
      </p>
      <div className="grid gap-4 md:grid-cols-3">
        <TimeChart
          label={`Runs: ${totals}`}
          at={at}
          lines={[
            { name: "started", colour: "busy", values: started },
            { name: "ended", colour: "good", values: ended },
            { name: "failed", colour: "bad", values: failed },
          ]}
          text={wholeText}
        />
        <TimeChart
          label={slowest === 0 ? "Durations: none has ended" : `Durations: 95 % took ${durationText(slowest)} at most`}
          at={at}
          lines={[
            { name: "half took at most", colour: "calm", values: buckets.map((bucket) => seconds(bucket.p50_ms)) },
            { name: "95 % took at most", colour: "warn", values: buckets.map((bucket) => seconds(bucket.p95_ms)) },
          ]}
          text={(value) => durationText(value * 1_000)}
        />
        <TimeChart
          label={`Backlog: ${backlog.queued} now`}
          at={at}
          lines={[{ name: "wait to begin", colour: "accent", values: buckets.map((bucket) => bucket.backlog) }]}
          text={wholeText}
        />
      </div>
      {isCut ? (
        <p className="text-soft text-xs">
          There were too many runs to look at all: those whose events came before{" "}
          {clockText(Date.parse(eventsFrom), Date.now())} are not counted.
        </p>
      ) : null}
    </>
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1_000;
}

/** Half a run is none. */
function wholeText(value: number): string {
  return Number.isInteger(value) ? String(value) : "";
}
