/** Markdown tables of what was measured: median of the passes [smallest – largest]. */
import { type Floor, type FloorId, floors } from "./floors.ts";
import { NOISY_FROM } from "./passes.ts";
import type { Results, Series } from "./results.ts";
import { type By, type FloorPart, isRate, type Row, type RowId, rows } from "./rows.ts";
import type { TargetName } from "./stage.ts";
import { median, sum } from "./statistics.ts";

const UNKNOWN = "–";
/** A figure of which some passes were noisy. */
const NOISY = "~";

const OF_CLIENTS: RowId[] = ["clientStep", "clientBurst"];
const TRANSPORTS: TargetName[] = ["embedded", "binding", "http", "v4", "v3", "python", "workflows"];
const SHOWN: Partial<Record<By, string>> = {
  http: "our SDK over HTTP",
  v4: "`inngest` v4, checkpointing",
  v3: "`inngest` v3, a request per step",
  python: "Python, a request per step",
  workflows: "Cloudflare Workflows, local",
  any: "any",
};

/** Everything, for the console and for bench/README.md. */
export function tables(results: Results): string {
  return [fullTable(results), floorTable(results), clientTable(results), remarks(results)].filter(Boolean).join("\n\n");
}

/** Machine, versions, date, command. */
export function describe({ at, seconds, command, machine }: Results): string {
  const { cores, cpu, memoryGb, os, versions } = machine;
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const time = `${at.slice(0, 10)}, \`${command}\` in ${Math.round(seconds / 6) / 10} min`;
  return `${cores} × ${cpu}, ${memoryGb} GB, ${os}; ${named.join(", ")}; ${time}`;
}

/** A line per row and transport, with what is asked for, the floor of this machine, and how far from it. */
function fullTable({ series }: Results): string {
  const lines = Object.entries(rows as Record<string, Row>).flatMap(([id, row]) => {
    if (OF_CLIENTS.includes(id as RowId)) return [];
    const found = series.filter((one) => one.id === id && !one.by.startsWith("sdk "));
    return found.map((one, i) => {
      const floor = floorOf(one, series);
      return [
        i === 0 ? row.says : "",
        SHOWN[one.by] ?? one.by,
        figure(one, row),
        askedOf(row, one.by),
        floor === null ? "" : `${short(floor)}${unitOf(row)}`,
        floor === null ? "" : `${short(valueOf(one) / floor)}×`,
      ];
    });
  });
  if (lines.length === 0) return "";
  return markdown(
    ["measure", "functions", "median [range]", "asked for, on the other machine", "floor here", "÷ floor"],
    lines,
  );
}

/** A line per row, a column per transport: the table of the README. */
export function shortTable({ series }: Results): string {
  const columns = TRANSPORTS.filter((by) => series.some((one) => one.by === by));
  const lines = Object.entries(rows as Record<string, Row>).flatMap(([id, row]) => {
    if (OF_CLIENTS.includes(id as RowId)) return [];
    const found = series.filter((one) => one.id === id && !one.by.startsWith("sdk "));
    if (found.length === 0) return [];
    const any = found.find((one) => one.by === "any");
    const cells = columns.map((by, i) => {
      const shown = any ? i === 0 && any : found.find((one) => one.by === by);
      return shown ? figure(shown, row) : "";
    });
    return [[row.says, ...cells, row.inngest ?? ""]];
  });
  const heads = columns.map((by) => SHOWN[by] ?? by);
  return markdown(
    ["same work: median [range]", ...heads, "Inngest's dev server, default (fastest tick), elsewhere"],
    lines,
  );
}

/** What the machine takes, beside the machine on which the figures that are asked for were chosen. */
export function floorTable({ series }: Results): string {
  const lines = Object.entries(floors as Record<string, Floor>).flatMap(([id, floor]) => {
    const found = series.find((one) => one.id === id);
    if (!found) return [];
    const there = floor.there === undefined ? "" : `${short(floor.there)}${unitOf(floor)}`;
    const ratio = slowdown(floor, valueOf(found));
    return [[floor.says, figure(found, floor), there, ratio === null ? "" : `${short(ratio)}×`]];
  });
  if (lines.length === 0) return "";
  return markdown(["floor: the runtime with nothing in it", "here: median [range]", "there", "slower by"], lines);
}

/** How much slower this machine is than the other, as a range over the floors that both have. */
export function slowdownRange({ series }: Results): [number, number] | null {
  const ratios = Object.entries(floors as Record<string, Floor>).flatMap(([id, floor]) => {
    const found = series.find((one) => one.id === id);
    return (found && slowdown(floor, valueOf(found))) ?? [];
  });
  return ratios.length === 0 ? null : [Math.min(...ratios), Math.max(...ratios)];
}

function slowdown({ unit, there }: Floor, here: number): number | null {
  if (there === undefined) return null;
  return unit === "/s" ? there / here : here / there;
}

function clientTable({ series }: Results): string {
  const found = series.filter(({ id }) => OF_CLIENTS.includes(id as RowId));
  const lines = [...new Set(found.map(({ by }) => by))].map((by) => [
    by.slice("client ".length),
    ...OF_CLIENTS.map((id) => {
      const one = found.find((other) => other.id === id && other.by === by);
      return one ? figure(one, rows[id]) : UNKNOWN;
    }),
  ]);
  return lines.length === 0 ? "" : markdown(["client over HTTP", ...OF_CLIENTS.map((id) => rows[id].says)], lines);
}

/** What a reader must know of how these figures came about. */
export function remarks({ series, passes, setAside, failures, leftOut }: Results): string {
  const isCount = ({ id }: Series) => (rows as Record<string, Row>)[id]?.isCount === true;
  const noisy = series.filter((one) => one.noisy > 0 && !isCount(one)).length;
  const others = `others used more than ${NOISY_FROM * 100} % of a core`;
  return [
    noisy > 0
      ? `${NOISY} During some of the passes ${others}; they count, since there were not enough quiet ones: ${noisy} of ${series.length} figures.`
      : `No figure has a pass during which ${others}.`,
    `${passes} passes counted, ${setAside} set aside.`,
    ...failures.map(({ measure, message }) => `Failed: ${measure}: ${message.split("\n")[0]}.`),
    ...(leftOut.length > 0 ? [`Left out, for lack of time: ${leftOut.join("; ")}.`] : []),
  ].join(" ");
}

/** The sum of a row's floors over one transport; null when one of them was not measured. */
function floorOf({ id, by }: Series, series: Series[]): number | null {
  const parts: FloorPart[] | undefined = (rows as Record<string, Row>)[id]?.floor?.[by];
  if (!parts) return null;
  const values = parts.map((part) => {
    const [times, one] = typeof part === "string" ? [1, part] : part;
    const found = series.find((other) =>
      one === "sdk" ? other.id === id && other.by === `sdk ${by}` : other.id === (one satisfies FloorId),
    );
    return found ? times * valueOf(found) : Number.NaN;
  });
  const total = sum(values);
  return Number.isNaN(total) ? null : total;
}

function askedOf(row: Row, by: By): string {
  const asked = row.asked?.[by];
  return asked === undefined ? "" : `${isRate(row) ? "≥" : "≤"} ${short(asked)}${unitOf(row)}`;
}

function valueOf({ id, samples }: Series): number {
  const fold = (rows as Record<string, Row>)[id]?.fold;
  if (fold === "sum") return sum(samples);
  return fold === "max" ? Math.max(...samples) : median(samples);
}

function figure(one: Series, row: Pick<Row, "unit" | "fold" | "isCount">): string {
  const value = `${one.noisy > 0 && !row.isCount ? NOISY : ""}${short(valueOf(one))}${unitOf(row)}`;
  if (row.fold || one.samples.length < 2) return value;
  return `${value} [${short(Math.min(...one.samples))}–${short(Math.max(...one.samples))}]`;
}

function unitOf({ unit }: Pick<Row, "unit">): string {
  return unit === "" || unit === "/s" || unit === "×" ? unit : ` ${unit}`;
}

/** Three digits. */
function short(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}

function markdown(head: string[], lines: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...lines.map(line)].join("\n");
}
