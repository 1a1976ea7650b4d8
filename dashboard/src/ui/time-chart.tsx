import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

const HEIGHT = 140;

export interface ChartLine {
  name: string;
  /** of the theme: `good`, `bad` … */
  colour: string;
  values: readonly (number | null)[];
}

interface Props {
  /** what is to be seen, in words */
  label: string;
  /** epoch ms */
  at: readonly number[];
  lines: readonly ChartLine[];
  /** a value on the axis */
  text: (value: number) => string;
}

/** Lines over time. */
export function TimeChart({ label, at, lines, text }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(null);
  const latest = useRef({ at, lines, text });
  latest.current = { at, lines, text };
  const names = lines.map(({ name, colour }) => `${name} ${colour}`).join();

  useEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    const plot = new uPlot(optionsOf(element, latest.current), dataOf(latest.current), element);
    chart.current = plot;
    const sizes = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      plot.destroy();
    };
  }, [names]);

  useEffect(() => chart.current?.setData(dataOf({ at, lines })), [at, lines]);
  return (
    <figure className="flex min-w-0 flex-col gap-1">
      <figcaption className="text-soft flex flex-wrap gap-x-3 text-xs">
        {lines.map(({ name, colour }) => (
          <span key={name} className="flex items-center gap-1">
            <span className="h-0.5 w-3" style={{ background: `var(--color-${colour})` }} />
            {name}
          </span>
        ))}
      </figcaption>
      <div ref={host} role="img" aria-label={label} />
    </figure>
  );
}

function dataOf({ at, lines }: Pick<Props, "at" | "lines">): uPlot.AlignedData {
  return [at.map((ms) => ms / 1_000), ...lines.map(({ values }) => [...values])];
}

function optionsOf(element: HTMLElement, { lines, text }: Pick<Props, "lines" | "text">): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: colourOf(element, "soft"),
    grid: { stroke: colourOf(element, "line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_, __, max) => [0, max * 1.1 || 1] } },
    axes: [axis, { ...axis, size: 64, values: (_, ticks) => ticks.map(text) }],
    series: [
      {},
      ...lines.map(({ name, colour }) => ({
        label: name,
        stroke: colourOf(element, colour),
        width: 1.5,
        spanGaps: false,
        points: { size: 4 },
      })),
    ],
  };
}

/** A canvas knows no `light-dark()`: the browser says which of the two it is. */
function colourOf(element: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--color-${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
