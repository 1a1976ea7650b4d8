import { median } from "./statistics.ts";

/** One measure over one transport; a sample per repeat. */
export interface Series {
  measure: string;
  /** `any`: no function is involved; `client …`: served by that client's app, in a process of its own */
  transport: "local" | "http" | "any" | `client ${string}`;
  unit: "ms" | "/s" | "×" | "";
  samples: number[];
}

/** Markdown tables: median over the repeats, and from the smallest to the largest. */
export function tables(series: readonly Series[]): string {
  const isOfClient = ({ transport }: Series) => transport.startsWith(CLIENT);
  const [own, ofClients] = [series.filter((one) => !isOfClient(one)), series.filter(isOfClient)];
  return [own.length > 0 ? table(own) : "", ofClients.length > 0 ? clientTable(ofClients) : ""]
    .filter(Boolean)
    .join("\n\n");
}

const CLIENT = "client ";

/** A row per client, a column per measure. */
function clientTable(series: readonly Series[]): string {
  const measures = [...new Set(series.map((one) => one.measure))];
  const rows = [...new Set(series.map((one) => one.transport))].map((transport) => {
    const cells = measures.map((measure) => {
      const found = series.find((one) => one.measure === measure && one.transport === transport);
      return found ? summary(found) : "–";
    });
    return `| ${[transport.slice(CLIENT.length), ...cells].join(" | ")} |`;
  });
  const head = `| client over HTTP: median (range) | ${measures.join(" | ")} |`;
  return [head, `|${"---|".repeat(measures.length + 1)}`, ...rows].join("\n");
}

function table(series: readonly Series[]): string {
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
