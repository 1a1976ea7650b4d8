/** Why a run is not done, in one sentence: the words for `waiting_for` of `GET /v1/runs/:id`. */
import { durationText } from "./times.ts";

export interface Reason {
  kind: string;
  step?: string;
  on?: unknown;
  since?: string;
  earliest_at?: string;
  until?: string;
  error?: { name?: string; message?: string };
}

/** What holds everything else back comes first. */
const ORDER = ["line", "paused", "retry", "retrying", "start", "signal", "waiting", "invoking", "sleeping"];

/** The most telling reason; the others are counted. */
export function waitingSentence(reasons: readonly Reason[], now: number): string | null {
  const [first, ...rest] = reasons.toSorted((a, b) => placeOf(a) - placeOf(b));
  if (!first) return null;
  const others = rest.filter(({ kind }) => kind !== "executing").length;
  return `${clause(first, now)}${others === 0 ? "" : `; and ${others} more`}`;
}

function placeOf({ kind }: Reason): number {
  const place = ORDER.indexOf(kind);
  return place < 0 ? ORDER.length : place;
}

function clause({ kind, step = "?", on, until, earliest_at: earliest, error }: Reason, now: number): string {
  const left = leftText(until, now);
  const of = (name: string) => (typeof on === "object" && on !== null ? (Reflect.get(on, name) as unknown) : undefined);
  switch (kind) {
    case "executing":
      return "its code is running";
    case "start":
      return `it begins${left && ` in ${left}`}`;
    case "retry":
      return `tried again${left && ` in ${left}`}${errorText(error)}`;
    case "retrying":
      return `step "${step}" is tried again${left && ` in ${left}`}${errorText(error)}`;
    case "planned":
    case "running":
      return `step "${step}" is running`;
    case "sleeping":
      return `sleeps in "${step}"${left && ` for another ${left}`}`;
    case "waiting":
    case "registering": {
      const events = of("events");
      const names = Array.isArray(events) ? events.join(" or ") : "an event";
      return `waits in "${step}" for ${names}${left && `, ${left} at most`}`;
    }
    case "signal":
      return `waits in "${step}" for the signal "${String(of("signal"))}"${left && `, ${left} at most`}`;
    case "invoking":
      return `waits in "${step}" for ${String(of("function"))} to end`;
    case "line": {
      const place = of("place");
      const key = of("key");
      const turn = leftText(earliest, now);
      return `stands in the ${String(of("rule"))} line${typeof key === "string" && key !== "" ? ` of "${key}"` : ""}${
        typeof place === "number" ? ` at place ${place}` : ""
      }${turn && `, its turn comes in ${turn} at the earliest`}`;
    }
    default:
      return `${kind}${left && `, for another ${left}`}`;
  }
}

function leftText(at: string | undefined, now: number): string {
  return at === undefined ? "" : durationText(Date.parse(at) - now);
}

function errorText(error: Reason["error"]): string {
  const message = error?.message ?? error?.name;
  return message ? ` after "${message.slice(0, 200)}"` : "";
}
