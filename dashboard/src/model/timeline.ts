/** A run as bars over time: the run's own, then one for each step, and below a step one for each attempt. */
import type { RunDetail, Span, Step } from "../api/runs.ts";

export type BarKind = "run" | "step" | "sleep" | "wait" | "invoke" | "attempt" | "end" | "span";
export type BarStatus = "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled" | "skipped";

export interface Bar {
  id: string;
  label: string;
  kind: BarKind;
  status: BarStatus;
  depth: number;
  /** waiting for its turn, from here to `startedAt` */
  queuedAt: number;
  /** null: it has not begun */
  startedAt: number | null;
  /** null: it goes on */
  endedAt: number | null;
  /** when a sleep or wait ends by itself */
  dueAt: number | null;
  /** of the step that it belongs to */
  stepHash: string | null;
  attempts: number;
  /** the run that it has invoked */
  childRunId: string | null;
  /** how many steps began with it, itself included: they run side by side */
  parallel: number;
}

export interface Timeline {
  from: number;
  to: number;
  bars: Bar[];
}

const STATUSES: Record<string, BarStatus> = {
  QUEUED: "queued",
  RUNNING: "running",
  WAITING: "waiting",
  COMPLETED: "completed",
  FAILED: "failed",
  CANCELLED: "cancelled",
  SKIPPED: "skipped",
};

const KINDS: Record<Step["kind"], BarKind> = {
  run: "step",
  sleep: "sleep",
  wait: "wait",
  signal: "wait",
  invoke: "invoke",
};

/** Nothing is narrower than this: a run of no time at all would have no axis. */
const SPAN_MIN_MS = 10;

export function timelineOf({ run, row, trace, children }: RunDetail, now: number): Timeline {
  const steps = new Map(run.steps.map((step) => [step.hash, step]));
  // steps that take no time may begin in the same millisecond one after the other
  const lasting = run.steps.filter((step) => step.ended_at === null || step.ended_at > step.created_at);
  const together = Map.groupBy(lasting, (step) => step.created_at);
  const bars: Bar[] = [
    {
      ...timesOf(trace),
      id: trace.id,
      label: "Run",
      kind: "run",
      status: statusOf(trace),
      depth: 0,
      queuedAt: Date.parse(row.queuedAt),
      dueAt: null,
      stepHash: null,
      attempts: run.attempt + 1,
      childRunId: null,
      parallel: 1,
    },
  ];
  for (const span of trace.children) add(span, 1, null);
  const times = bars.flatMap(({ queuedAt, startedAt, endedAt }) => [queuedAt, startedAt ?? queuedAt, endedAt ?? now]);
  const from = Math.min(...times);
  return { from, to: Math.max(from + SPAN_MIN_MS, ...times), bars };

  function add(span: Span, depth: number, above: Step | null): void {
    const step = above === null && span.stepId !== undefined ? (steps.get(span.stepId) ?? null) : null;
    const of = step ?? above;
    bars.push({
      ...timesOf(span),
      id: span.id,
      label: labelOf(span, step, above),
      kind: kindOf(span, step, above),
      status: statusOf(span),
      depth,
      queuedAt: Date.parse(span.queuedAt),
      dueAt: step?.until == null ? null : Date.parse(step.until),
      stepHash: of?.hash ?? null,
      attempts: step ? attemptsOf(step) : 1,
      childRunId: step ? (children[step.hash] ?? null) : null,
      parallel: step && lasting.includes(step) ? (together.get(step.created_at)?.length ?? 1) : 1,
    });
    for (const child of span.children) add(child, depth + 1, of);
  }
}

/** Tries so far: those that failed, and the one that did not. */
export function attemptsOf({ failures, status }: Step): number {
  return failures.length + (status === "failed" ? 0 : 1);
}

function kindOf(span: Span, step: Step | null, above: Step | null): BarKind {
  if (step) return KINDS[step.kind];
  if (above && span.stepId === above.hash) return "attempt";
  return span.name === "Finalization" && span.stepId === undefined ? "end" : "span";
}

/** Attempts are counted from 0 on the wire, and from 1 by people. */
function labelOf(span: Span, step: Step | null, above: Step | null): string {
  const [, attempt] = above ? (/^Attempt (\d+)$/.exec(span.name) ?? []) : [];
  return attempt === undefined ? (step?.name ?? span.name) : `Attempt ${Number(attempt) + 1}`;
}

function timesOf(span: Span): Pick<Bar, "startedAt" | "endedAt"> {
  return { startedAt: instant(span.startedAt), endedAt: instant(span.endedAt) };
}

function instant(text: string | undefined): number | null {
  return text === undefined ? null : Date.parse(text);
}

function statusOf({ status }: Span): BarStatus {
  return STATUSES[status] ?? "running";
}

export interface Extent {
  /** of the whole, in percent */
  left: number;
  width: number;
}

/** Where a stretch of time lies on the axis; nothing is thinner than can be seen. */
export function extentOf({ from, to }: Timeline, start: number, end: number): Extent {
  const share = (at: number) => ((Math.min(Math.max(at, from), to) - from) / (to - from)) * 100;
  const left = Math.min(share(start), 99.5);
  return { left, width: Math.max(share(end) - left, 0.5) };
}

/** Round instants on the axis, at most `count` of them, as milliseconds since its beginning. */
export function ticksOf({ from, to }: Timeline, count: number): number[] {
  const span = to - from;
  const steps = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5,
  ].concat([72e5, 216e5, 432e5, 864e5, 1728e5, 6048e5, 2592e6, 7776e6, 31536e6]);
  const step = steps.find((ms) => span / ms <= count) ?? span;
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, i) => i * step);
}
