/**
 * A run as bars over time: the run's own, then one for each step, and below a step one for each attempt. Steps that go on side
 * by side are below one bar of their own.
 */
import type { RunDetail, Span, Step } from "../api/runs.ts";

export type BarKind = "run" | "step" | "sleep" | "wait" | "invoke" | "attempt" | "end" | "span" | "group";
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
  /** of a group: how many steps it has */
  steps: number;
  /** id of the group that it is in, however deep */
  group: string | null;
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

export function timelineOf({ run, trace }: RunDetail, now: number): Timeline {
  const steps = new Map(run.steps.map((step) => [step.hash, step]));
  // steps that take no time may begin in the same millisecond one after the other
  const lasting = run.steps.filter((step) => step.ended_at === null || step.ended_at > step.created_at);
  const together = Map.groupBy(lasting, (step) => step.created_at);
  const groupOf = new Map<string, string>();
  for (const [at, group] of together) if (group.length > 1) for (const { hash } of group) groupOf.set(hash, at);
  const nested = Map.groupBy(trace.children, ({ id, stepId }) => groupOf.get(stepId ?? "") ?? id);
  const bars: Bar[] = [
    {
      ...timesOf(trace),
      id: trace.id,
      label: "Run",
      kind: "run",
      status: statusOf(trace),
      depth: 0,
      queuedAt: Date.parse(run.queued_at),
      dueAt: null,
      stepHash: null,
      attempts: run.attempt + 1,
      childRunId: null,
      steps: 1,
      group: null,
    },
  ];
  for (const [name, spans] of nested) {
    if (spans.length > 1) bars.push(groupBar(name, spans));
    const group = spans.length > 1 ? name : null;
    for (const span of spans) add(span, group === null ? 1 : 2, null, group);
  }
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const { queuedAt, startedAt, endedAt } of bars) {
    from = Math.min(from, queuedAt, startedAt ?? queuedAt);
    to = Math.max(to, queuedAt, startedAt ?? queuedAt, endedAt ?? now);
  }
  return { from, to: Math.max(from + SPAN_MIN_MS, to), bars };

  function add(span: Span, depth: number, above: Step | null, group: string | null): void {
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
      childRunId: step?.child_run_id ?? null,
      steps: 1,
      group,
    });
    for (const child of span.children) add(child, depth + 1, of, group);
  }
}

/** From when the first of its steps was planned until the last has ended. */
function groupBar(id: string, spans: readonly Span[]): Bar {
  const starts = spans.flatMap(({ startedAt }) => (startedAt === undefined ? [] : [Date.parse(startedAt)]));
  const ends = spans.map(({ endedAt }) => instant(endedAt));
  const isOver = ends.every((at) => at !== null);
  const has = (status: BarStatus) => spans.some((span) => statusOf(span) === status);
  return {
    id,
    label: `${spans.length} side by side`,
    kind: "group",
    status: (["running", "waiting", "queued", "failed", "cancelled"] as const).find(has) ?? "completed",
    depth: 1,
    queuedAt: smallest(spans.map(({ queuedAt }) => Date.parse(queuedAt))),
    startedAt: starts.length === 0 ? null : smallest(starts),
    endedAt: isOver ? ends.reduce((last, at) => Math.max(last, at), 0) : null,
    dueAt: null,
    stepHash: null,
    attempts: 1,
    childRunId: null,
    steps: spans.length,
    group: null,
  };
}

/** There may be thousands, more than one call takes. */
function smallest(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
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

/** What is unfolded, and goes on within a stretch of time. */
export function barsWithin({ bars }: Timeline, { from, to }: Stretch, folded: ReadonlySet<string>, now: number): Bar[] {
  return bars.filter(
    ({ group, queuedAt, endedAt, kind }) =>
      !(group !== null && folded.has(group)) && (kind === "run" || (queuedAt <= to && (endedAt ?? now) >= from)),
  );
}

/** A part of the axis. */
export interface Stretch {
  from: number;
  to: number;
}

/** Half or twice of what is in sight, around its middle, within the whole. */
export function zoomed({ from, to }: Stretch, factor: number, whole: Stretch): Stretch {
  const middle = (from + to) / 2;
  const half = Math.min(Math.max(((to - from) / 2) * factor, SPAN_MIN_MS / 2), (whole.to - whole.from) / 2);
  return moved({ from: middle - half, to: middle + half }, 0, whole);
}

/** Moved by a share of itself, within the whole. */
export function moved({ from, to }: Stretch, share: number, whole: Stretch): Stretch {
  const span = to - from;
  const start = Math.min(Math.max(from + share * span, whole.from), whole.to - span);
  return { from: start, to: start + span };
}

export interface Extent {
  /** of the whole, in percent */
  left: number;
  width: number;
}

/** Where a stretch of time lies on the axis; nothing is thinner than can be seen. */
export function extentOf({ from, to }: Stretch, start: number, end: number): Extent {
  const share = (at: number) => ((Math.min(Math.max(at, from), to) - from) / (to - from)) * 100;
  const left = Math.min(share(start), 99.5);
  return { left, width: Math.max(share(end) - left, 0.5) };
}

/** Round instants on a part of the axis, about `count` of them, as milliseconds since the beginning of the whole. */
export function ticksOf({ from, to }: Stretch, count: number, origin = from): number[] {
  const span = to - from;
  const steps = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5,
  ].concat([72e5, 216e5, 432e5, 864e5, 1728e5, 6048e5, 2592e6, 7776e6, 31536e6]);
  const step = steps.find((ms) => span / ms <= count) ?? span;
  const first = Math.ceil((from - origin) / step) * step;
  return Array.from({ length: Math.floor((to - origin - first) / step) + 1 }, (_, i) => first + i * step);
}
