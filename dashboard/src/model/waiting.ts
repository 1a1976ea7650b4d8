/** Why a run is not done, in one sentence: the words for `waiting_for` of `GET /v1/runs/:id`. */
import type { Json } from "../api/json.ts";
import type { Reason } from "../api/runs.ts";
import { clockText, durationText } from "./time.ts";

/** What holds everything else back comes first; the number is a reason's place. */
const ORDER = [
  "paused",
  "line",
  "retry",
  "retrying",
  "start",
  "signal",
  "waiting",
  "registering",
  "invoking",
  "sleeping",
];

/** The most telling reason; the others are counted. */
export function waitingSentence(reasons: readonly Reason[], now: number): string {
  const [first, ...rest] = reasons.toSorted((a, b) => placeOf(a) - placeOf(b));
  if (!first) return "It is about to go on.";
  const others = rest.filter(({ kind }) => kind !== "executing").length;
  const more = others === 0 ? "" : `; and ${others} more ${others === 1 ? "step is" : "steps are"} not done`;
  return `${clause(first, now)}${more}.`;
}

/** What a run in a list waits for, in few words. */
export function rowWaitText({ kind, until }: { kind: string; until: string | null }, now: number): string {
  const at = until === null ? null : clockText(Date.parse(until), now);
  const [what, link] = ROW_WORDS[kind] ?? ["waiting", "until"];
  return at === null ? what : `${what} ${link} ${at}`;
}

/** With the word that leads to its time. */
const ROW_WORDS: Record<string, [string, string]> = {
  sleeping: ["sleeping", "until"],
  waiting: ["waiting for an event", "until"],
  signal: ["waiting for a signal", "until"],
  invoking: ["waiting for another function", "until"],
  retry: ["trying again", "at"],
  retrying: ["trying again", "at"],
  start: ["beginning", "at"],
  line: ["in line", "until"],
  paused: ["paused", "until"],
};

function placeOf({ kind }: Reason): number {
  const place = ORDER.indexOf(kind);
  return place < 0 ? ORDER.length : place;
}

function clause(reason: Reason, now: number): string {
  const { kind, on, since, until, error } = reason;
  const step = `“${reason.step ?? "?"}”`;
  switch (kind) {
    case "paused":
      return `Somebody has paused it${lasting(since, now)}`;
    case "executing":
      return `Its code is running${lasting(since, now)}`;
    case "start":
      return `It begins${inTime(until, now)}`;
    case "retry":
      return `After an error${messageOf(error)} it is tried again${inTime(until, now)}`;
    case "endpoint":
      return "It waits for word from the app that runs it";
    case "line":
      return lineClause(reason, now);
    case "planned":
    case "running":
      return `The step ${step} is running`;
    case "retrying":
      return `The step ${step} failed${messageOf(error)} and is tried again${inTime(until, now)}`;
    case "sleeping":
      return `It sleeps in ${step}${left(until, now)}`;
    case "invoking":
      return `It waits in ${step} for the function “${text(field(on, "function"))}” to end${atMost(until, now)}`;
    case "signal":
      return `It waits in ${step} for the signal “${text(field(on, "signal"))}”${atMost(until, now)}`;
    case "waiting":
    case "registering":
      return `It waits in ${step} for the event ${eventsText(on)}${atMost(until, now)}`;
    default:
      return `It goes on${inTime(until, now)} (${kind})`;
  }
}

function eventsText(on: Json | undefined): string {
  const names = field(on, "events");
  const condition = field(on, "if");
  const named = Array.isArray(names) ? names.map((name) => `“${text(name)}”`).join(" or ") : "it asked for";
  return typeof condition === "string" && condition !== "" ? `${named} where ${condition}` : named;
}

function lineClause({ on, since, earliest_at: earliest }: Reason, now: number): string {
  const [key, place, held, limit] = ["key", "place", "held", "limit"].map((name) => field(on, name));
  const whose = typeof key === "string" && key !== "" ? ` of “${key}”` : "";
  const where = typeof place === "number" ? `number ${place} in` : "in";
  const full = typeof held === "number" && typeof limit === "number" ? `: ${held} of ${limit} are let in` : "";
  return `It is ${where} the ${text(field(on, "rule"))} line${whose}${full}${lasting(since, now)}${
    earliest === undefined ? "" : `; its turn comes${inTime(earliest, now)} at the earliest`
  }`;
}

function messageOf(error: Reason["error"]): string {
  const message = error?.message ?? error?.name ?? "";
  return message === "" ? "" : ` (${message.slice(0, 200)})`;
}

function inTime(at: string | undefined, now: number): string {
  if (at === undefined) return "";
  const ms = Date.parse(at) - now;
  return ms <= 0 ? " now" : ` in ${durationText(ms)}`;
}

function left(until: string | undefined, now: number): string {
  if (until === undefined) return "";
  const ms = Date.parse(until) - now;
  return ms <= 0 ? " and wakes now" : ` for another ${durationText(ms)}`;
}

function atMost(until: string | undefined, now: number): string {
  if (until === undefined) return "";
  const ms = Date.parse(until) - now;
  return ms <= 0 ? ", whose time is up now" : `, for ${durationText(ms)} at most`;
}

function lasting(since: string | undefined, now: number): string {
  return since === undefined ? "" : `, for ${durationText(now - Date.parse(since))} so far`;
}

function field(on: Json | undefined, name: string): Json | undefined {
  return typeof on === "object" && on !== null && !Array.isArray(on) ? on[name] : undefined;
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : value === undefined ? "?" : JSON.stringify(value);
}
