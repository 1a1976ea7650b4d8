/** A run's story in words: what happened when, and what it waits for. */
import { gatesOf, type Admission, type Lease, type Refusal } from "../engine/lease.ts";
import { realTime } from "../engine/run-clock.ts";
import { entryDueAt, isEnded, type Entry, type Run } from "../engine/run.ts";
import { invokedRunId } from "../engine/run-steps.ts";
import { isObject } from "../protocol/json.ts";

const SHOWN_CHARS = 120;
/** of what has no time that is known */
const NO_TIME = "";
const WAITS = "waits for";

/** A run as its story needs it. */
interface Told {
  run: Run;
  entries: readonly Entry[];
  leases?: readonly Lease[];
}

/** One line of a run's story. */
export interface TimelineLine {
  /** epoch ms, real time; null when it is known only before and after what it happened */
  at: number | null;
  text: string;
}

/** A line, and where it belongs among others of its instant. */
interface Placed {
  at: number;
  /** of the commit that it tells of, or the like */
  order: number;
  line: TimelineLine;
}

/** What happened to a run, in the order in which it happened. */
export function timeline(run: Run, entries: readonly Entry[]): TimelineLine[] {
  const places = [
    place(run.createdAt, -1, `started by ${JSON.stringify(run.eventName)}`),
    ...entries.flatMap((entry) => entryPlaces(run, entry)),
    ...handlerFailure(run, entries),
    ...end(run),
  ];
  return places.toSorted((a, b) => a.at - b.at || a.order - b.order).map(({ line }) => line);
}

/** What a run waits for, one reason a line; nothing for one that has ended. */
export function waitsFor({ run, entries, leases }: Told, start: number): string[] {
  const { state } = run;
  if (isEnded(state)) return [];
  const at = (instant: number) => when(realTime(run, instant), start);
  const reasons = inOrder(entries).flatMap((entry) => {
    const { status } = entry;
    switch (status.kind) {
      case "settled":
        return [];
      case "retrying":
        return status.at === null ? [] : [`attempt ${entry.attempt + 1} of ${nameOf(entry)}, at ${at(status.at)}`];
      case "planned":
      case "running":
        return [`${nameOf(entry)}, which is executing`];
      default:
        return [`${nameOf(entry)}${aim(run, entry)}, until ${at(status.until)}`];
    }
  });
  if (state.kind === "scheduled") {
    const tried = inOrder(entries).filter(isTriedWithRun);
    const again = tried.map((entry) => `attempt ${entry.attempt + 1} of ${nameOf(entry)}, at ${at(state.at)}`);
    reasons.push(...(again.length > 0 ? again : [`${SCHEDULED[state.reason](run)}, at ${at(state.at)}`]));
  }
  if (run.admission) reasons.push(...lines(run.admission, leases ?? []));
  if (state.kind === "executing" && reasons.length === 0) reasons.push("its code, which is executing");
  return reasons;
}

/** The whole story, for a message. Instants are counted from `start`. */
export function story({ run, entries, leases }: Told, start: number): string {
  const told = timeline(run, entries).map(({ at, text }) => [at === null ? NO_TIME : when(at, start), text] as const);
  const waits = waitsFor({ run, entries, leases }, start).map((reason) => [WAITS, reason] as const);
  const lines = [...told, ...waits];
  const width = Math.max(...lines.map(([label]) => label.length));
  const invoked = run.invokers ? `, invoked by run ${run.invokers.map(({ runId }) => runId).join(", ")}` : "";
  const head = `run ${run.id} of "${run.functionId}"${invoked}: ${stateOf(run)}`;
  return [head, ...lines.map(([label, text]) => `  ${label.padEnd(width)}  ${text}`)].join("\n");
}

/** An instant as the time since another, such as `+30d 1.1s`. */
export function when(at: number, start: number): string {
  const passed = at - start;
  return `${passed < 0 ? "-" : "+"}${length(Math.abs(passed))}`;
}

/** When a step has to be looked at, in real time; null when it waits for no time. */
export function dueAt(run: Run, entry: Entry): number | null {
  const due = isTriedWithRun(entry) && run.state.kind === "scheduled" ? run.state.at : entryDueAt(entry);
  return due === null ? null : realTime(run, due);
}

const SCHEDULED = {
  start: () => "its start",
  yield: () => "its next turn",
  endpoint: () => "its endpoint, which executes",
  retry: (run: Run) => `attempt ${run.attempt + 1} of the handler`,
};

function length(ms: number): string {
  const seconds = (ms % 60_000) / 1000;
  const parts = [
    [Math.floor(ms / 86_400_000), "d"],
    [Math.floor(ms / 3_600_000) % 24, "h"],
    [Math.floor(ms / 60_000) % 60, "m"],
    [seconds, "s"],
  ] as const;
  const text = parts.flatMap(([count, unit]) => (count === 0 ? [] : [`${count}${unit}`])).join(" ");
  return text === "" ? "0s" : text;
}

function stateOf({ state, startedAt, createdAt }: Run): string {
  const since = (endedAt: number) => `after ${length(endedAt - createdAt)}`;
  switch (state.kind) {
    case "completed":
      return `completed ${since(state.endedAt)}`;
    case "failed":
      return `failed ${since(state.endedAt)}`;
    case "cancelled":
      return `cancelled ${since(state.endedAt)}`;
    case "skipped":
      return "skipped";
    default:
      return startedAt === undefined ? "not started yet" : "under way";
  }
}

function place(at: number, order: number, text: string): Placed {
  return { at, order, line: { at, text } };
}

function end({ state }: Run): Placed[] {
  const last = Number.POSITIVE_INFINITY;
  if (state.kind === "completed") return [place(state.endedAt, last, `completed with ${shown(state.output)}`)];
  if (state.kind === "failed") return [place(state.endedAt, last, `failed with ${shownError(state.error)}`)];
  if (state.kind === "cancelled") return [place(state.endedAt, last, `cancelled: ${state.reason}`)];
  if (state.kind === "skipped") return [place(state.endedAt, last, `skipped: ${refusalOf(state.refusal)}`)];
  return [];
}

function refusalOf({ rule, byRunId }: Refusal): string {
  return byRunId === null ? rule : `${rule}, because of run ${byRunId}`;
}

/** The keys in whose lines a run stands. */
function lines(admission: Admission, leases: readonly Lease[]): string[] {
  const waiting = leases.filter(({ status }) => status === "asking" || status === "waiting");
  const gates = waiting.flatMap((lease) => gatesOf(lease, admission)[lease.passed] ?? []);
  const reasons = gates.map(({ policy, key }) => `its turn: ${policy.rule}${key === null ? "" : ` of ${shown(key)}`}`);
  return [...new Set(reasons)];
}

/** Why the handler, not a step of it, failed last. When is not stored, only after which commit. */
function handlerFailure(run: Run, entries: readonly Entry[]): Placed[] {
  const { lastError, attemptAt, state } = run;
  if (!lastError || state.kind === "failed") return [];
  const before = entries.flatMap(({ position, status }) =>
    position <= attemptAt && status.kind === "settled" ? [status.at] : [],
  );
  const at = Math.max(run.startedAt ?? run.createdAt, ...before);
  return [{ at, order: attemptAt + 0.5, line: { at: null, text: `the handler failed: ${shownError(lastError)}` } }];
}

function entryPlaces(run: Run, entry: Entry): Placed[] {
  const { status, failures, kind, createdAt, opened, position } = entry;
  const name = nameOf(entry);
  const failed = failures.map(({ attempt, endedAt, error }) =>
    place(endedAt, opened, `${name} failed, attempt ${attempt + 1}: ${shownError(error)}`),
  );
  const began = kind === "run" ? [] : [place(createdAt, opened, `${name}${aim(run, entry)}`)];
  return [
    ...began,
    ...failed,
    ...(status.kind === "settled" ? settled(entry, name, status.memo, status.at, position) : []),
  ];
}

function settled(entry: Entry, name: string, memo: unknown, at: number, order: number): Placed[] {
  const { kind, failures, attempt } = entry;
  if (memo === null)
    return [place(at, order, `${name} ${kind === "wait" || kind === "signal" ? "timed out" : "is over"}`)];
  if (isObject(memo) && memo.error !== undefined) {
    // the last of its attempts tells why already
    const why = failures.length > 0 ? ` after ${count(failures.length, "attempt")}` : `: ${shownError(memo.error)}`;
    return [place(at, order, `${name} failed for good${why}`)];
  }
  if (kind === "wait" && isObject(memo)) {
    const event = isObject(memo.data) && typeof memo.name !== "string" ? memo.data : memo;
    return [place(at, order, `${name} got ${JSON.stringify(event.name)} ${shown(event.data)}`)];
  }
  const data = isObject(memo) && "data" in memo ? memo.data : memo;
  if (kind === "signal" && isObject(data)) return [place(at, order, `${name} got ${shown(data.data)}`)];
  const tries = failures.length > 0 ? `, attempt ${attempt + 1}` : "";
  return [place(at, order, `${name} completed with ${shown(data)}${tries}`)];
}

/** Steps with code of their own that are not called steps. */
const CODE: Record<string, string> = {
  "step.sendEvent": "sendEvent",
  "step.sendSignal": "sendSignal",
  "step.realtime.publish": "publish",
};

function nameOf({ kind, type, userId }: Entry): string {
  const word = kind === "run" ? (CODE[type] ?? "step") : kind === "signal" ? "wait" : kind;
  return `${word} ${JSON.stringify(userId)}`;
}

/** What a step is about. */
function aim(run: Run, entry: Entry): string {
  const { wait, signal, invoke } = entry;
  if (signal) return ` for the signal ${JSON.stringify(signal.name)}`;
  if (wait) {
    const names = wait.events.map((name) => JSON.stringify(name)).join(" or ");
    return ` for ${names}${wait.expression === null ? "" : `, if ${wait.expression}`}`;
  }
  return invoke ? ` of "${invoke.functionId}", run ${invokedRunId(run.id, entry)}` : "";
}

/** Whether a step's next attempt is one of the handler: over HTTP the call that failed is made again. */
function isTriedWithRun({ status }: Entry): boolean {
  return status.kind === "retrying" && status.at === null;
}

function inOrder(entries: readonly Entry[]): Entry[] {
  return entries.toSorted((a, b) => a.opened - b.opened);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** A value as JSON, cut short. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
}

function shownError(error: unknown): string {
  const { name = "Error", message = "" } = isObject(error) ? (error as { name?: string; message?: string }) : {};
  const text = `${name}: ${message}`;
  return text.length > 2 * SHOWN_CHARS ? `${text.slice(0, 2 * SHOWN_CHARS)}…` : text;
}
