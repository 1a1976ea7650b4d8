import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { RunRow } from "../api/runs.ts";
import { runDurationMs } from "../model/run-list.ts";
import { durationText } from "../model/time.ts";

const HEIGHT = 160;

/** When runs began and how long they took; those that failed in a colour of their own. */
export function DurationChart({ runs }: { runs: readonly RunRow[] }) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(null);
  const data = chartData(runs);
  const latest = useRef(data);
  latest.current = data;

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const plot = new uPlot(options(element), latest.current, element);
    chart.current = plot;
    const sizes = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      plot.destroy();
    };
  }, []);

  useEffect(() => chart.current?.setData(chartData(runs)), [runs]);
  return (
    <div ref={host} role="img" aria-label={`Durations of the last ${runs.length} runs; the newest are listed below`} />
  );
}

/** Seconds since the epoch, then a row for those that went well and one for those that did not. */
function chartData(runs: readonly RunRow[]): uPlot.AlignedData {
  const known = runs.toSorted((a, b) => Date.parse(a.queued_at) - Date.parse(b.queued_at));
  const secondsOf = (run: RunRow, isBad: boolean) =>
    (run.status === "Failed") === isBad ? (runDurationMs(run, Date.now()) ?? 0) / 1_000 : null;
  return [
    known.map(({ queued_at: queuedAt }) => Date.parse(queuedAt) / 1_000),
    known.map((run) => secondsOf(run, false)),
    known.map((run) => secondsOf(run, true)),
  ];
}

function options(element: HTMLElement): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => resolved(element, style.getPropertyValue(`--color-${name}`));
  const axis: uPlot.Axis = {
    stroke: colour("soft"),
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
  };
  const dots = (name: string, label: string): uPlot.Series => ({
    label,
    stroke: colour(name),
    paths: () => null,
    points: { show: true, size: 6, fill: colour(name) },
  });
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_, __, max) => [0, max * 1.1 || 1] } },
    axes: [axis, { ...axis, size: 64, values: (_, ticks) => ticks.map((s) => durationText(s * 1_000)) }],
    series: [{}, dots("good", "ended"), dots("bad", "failed")],
  };
}

/** A canvas knows no `light-dark()`: the browser says which of the two it is. */
function resolved(element: HTMLElement, value: string): string {
  const probe = document.createElement("span");
  probe.style.color = value;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
