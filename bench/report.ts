import { median } from "./statistics.ts";

/** One measure over one transport; a sample per repeat. */
export interface Series {
  measure: string;
  /** `any`: no function is involved */
  transport: "local" | "http" | "any";
  unit: "ms" | "/s" | "×" | "";
  samples: number[];
}

/** A Markdown table: median over the repeats, and from the smallest to the largest. */
export function table(series: readonly Series[]): string {
  const measures = [...new Set(series.map((one) => one.measure))];
  const cell = (measure: string, transport: string) => {
    const found = series.find((one) => one.measure === measure && one.transport === transport);
    return found ? summary(found) : "–";
  };
  const rows = measures.map((measure) => {
    const [left, right] = series.some((one) => one.measure === measure && one.transport === "any")
      ? [cell(measure, "any"), ""]
      : [cell(measure, "local"), cell(measure, "http")];
    return `| ${measure} | ${left} | ${right} |`;
  });
  return ["| measure: median (range) | local | http |", "|---|---|---|", ...rows].join("\n");
}

function summary({ samples, unit }: Series): string {
  const space = unit === "ms" ? " " : "";
  return `${short(median(samples))}${space}${unit} (${short(Math.min(...samples))}–${short(Math.max(...samples))})`;
}

/** Three digits. */
function short(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}
