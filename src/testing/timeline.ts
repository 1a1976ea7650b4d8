/** A run's story in words: what happened when, and what it waits for. */
import { isEnded, type Entry, type Run } from "../engine/run.ts";
import { durationString } from "../protocol/time-string.ts";

const SHOWN_CHARS = 120;

/** One line of a run's story. */
export interface TimelineLine {
  /** epoch ms */
  at: number;
  text: string;
}

/** What happened to a run, in the order in which it happened. */
export function timeline(run: Run, entries: readonly Entry[]): TimelineLine[] {
  const lines: TimelineLine[] = [{ at: run.createdAt, text: `started by ${JSON.stringify(run.eventName)}` }];
  for (const entry of entries) lines.push(...entryLines(entry));
  if (run.lastError)
    lines.push({ at: run.createdAt, text: `an attempt of the function failed: ${shownError(run.lastError)}` });
  const { state } = run;
  if (state.kind === "completed") lines.push({ at: state.endedAt, text: `completed with ${shown(state.output)}` });
  if (state.kind === "failed") lines.push({ at: state.endedAt, text: `failed with ${shownError(state.error)}` });
  if (state.kind === "cancelled") lines.push({ at: state.endedAt, text: `cancelled: ${state.reason}` });
  // lines of one instant keep their order
  return lines.map((line, index) => ({ ...line, index })).sort((a, b) => a.at - b.at || a.index - b.index);
}

function entryLines(entry: Entry): TimelineLine[] {
  const { status, failures, kind, userId, createdAt } = entry;
  const name = `${kind === "run" ? "step" : kind} "${userId}"`;
  const lines = failures.map(({ attempt, endedAt, error }) => ({
    at: endedAt,
    text: `${name} attempt ${attempt + 1} failed: ${shownError(error)}`,
  }));
  if (kind !== "run") lines.push({ at: createdAt, text: `${name} began${target(entry)}` });
  if (status.kind !== "settled") return lines;
  const isError = typeof status.memo === "object" && status.memo !== null && "error" in status.memo;
  const tries = failures.length > 0 && !isError ? ` at attempt ${entry.attempt + 1}` : "";
  lines.push({ at: status.at, text: `${name} ${settled(entry)}${tries}` });
  return lines;
}

function target({ wait, invoke }: Entry): string {
  if (wait)
    return ` for ${wait.events.map((name) => JSON.stringify(name)).join(" or ")}${wait.expression === null ? "" : `, if ${wait.expression}`}`;
  return invoke ? ` of "${invoke.functionId}"` : "";
}

function settled({ kind, status }: Entry): string {
  if (status.kind !== "settled") return "";
  const { memo } = status;
  if (memo === null) return kind === "wait" ? "timed out" : "is over";
  if (typeof memo === "object" && !Array.isArray(memo)) {
    if ("error" in memo && memo.error !== undefined) return `failed for good: ${shownError(memo.error)}`;
    if ("data" in memo && Object.keys(memo).length === 1) return `completed with ${shown(memo.data)}`;
  }
  return `was answered by ${shown(memo)}`;
}

/** What a run waits for, one reason a line; nothing for one that has ended. */
export function waitsFor(run: Run, entries: readonly Entry[], start: number): string[] {
  const { state } = run;
  if (isEnded(state)) return [];
  const reasons = entries.flatMap((entry) => {
    const { status, kind, userId } = entry;
    const name = `${kind === "run" ? "step" : kind} "${userId}"`;
    switch (status.kind) {
      case "settled":
        return [];
      case "retrying":
        return status.at === null ? [] : [`the next attempt of ${name} ${when(status.at, start)}`];
      case "planned":
      case "running":
        return [`${name}, which is executing`];
      default:
        return [`${name}${target(entry)}, until ${when(status.until, start)}`];
    }
  });
  if (state.kind === "scheduled")
    reasons.push(`its ${state.reason === "start" ? "start" : "next attempt"} ${when(state.at, start)}`);
  if (state.kind === "executing" && reasons.length === 0) reasons.push("its code, which is executing");
  return reasons;
}

/** An instant as the time since another. */
export function when(at: number, start: number): string {
  const passed = at - start;
  return passed < 0 ? `-${durationString(-passed)}` : `+${passed === 0 ? "0s" : durationString(passed)}`;
}

/** The whole story, for a message. */
export function story(run: Run, entries: readonly Entry[], start: number): string {
  const head = `run ${run.id} of "${run.functionId}", ${run.state.kind}`;
  const lines = timeline(run, entries).map(({ at, text }) => `  ${when(at, start).padEnd(10)} ${text}`);
  const waits = waitsFor(run, entries, start).map((reason) => `  waits for  ${reason}`);
  return [head, ...lines, ...waits].join("\n");
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
}

function shownError(error: unknown): string {
  const { name = "Error", message = "" } = (typeof error === "object" && error !== null ? error : {}) as {
    name?: string;
    message?: string;
  };
  return `${name}: ${message}`.slice(0, SHOWN_CHARS * 2);
}
