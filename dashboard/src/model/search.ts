/** What of a page is in its address: so that it can be sent to somebody, and Back goes back. */
import { WIRE_STATUSES, type WireStatus } from "../api/runs.ts";
import { isRange, type Range } from "./time.ts";

type Raw = Record<string, unknown>;

export interface RunsSearch {
  /** separated by commas */
  status?: string;
  app?: string;
  fn?: string;
  range?: Range;
  /** CEL over event and output */
  if?: string;
}

/** An address is typed by people, too: what makes no sense is left out. */
export function readRunsSearch(raw: Raw): RunsSearch {
  const status = textOf(raw.status)
    ?.split(",")
    .filter((one) => isStatus(one))
    .join(",");
  const app = textOf(raw.app);
  return clean({
    status: status === "" ? undefined : status,
    app,
    fn: app === undefined ? undefined : textOf(raw.fn),
    range: isRange(raw.range) ? raw.range : undefined,
    if: textOf(raw.if),
  });
}

export function statusesIn({ status }: RunsSearch): WireStatus[] {
  return (status ?? "").split(",").filter(isStatus);
}

export interface RunSearch {
  /** hash of the step whose panel is open */
  step?: string;
}

export function readRunSearch(raw: Raw): RunSearch {
  return clean({ step: textOf(raw.step) });
}

export interface EventsSearch {
  name?: string;
  range?: Range;
  /** the platform's own events, too */
  internal?: boolean;
}

export function readEventsSearch(raw: Raw): EventsSearch {
  return clean({
    name: textOf(raw.name),
    range: isRange(raw.range) ? raw.range : undefined,
    internal: raw.internal === true ? true : undefined,
  });
}

export interface FunctionsSearch {
  q?: string;
}

export function readFunctionsSearch(raw: Raw): FunctionsSearch {
  return clean({ q: textOf(raw.q) });
}

function isStatus(text: string): text is WireStatus {
  return WIRE_STATUSES.some((status) => status === text);
}

/** The router reads numbers and booleans where it can; a name may look like one. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

function clean<T extends object>(search: T): T {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as T;
}
