/**
 * A run as a tree of spans, the way Inngest's tools show it (inngest-protocol §10.5): below the run one span for each
 * step, below a step that was tried again one for each attempt, and at the end the run's own result.
 */
import { entryDueAt, isEnded, type Entry, type FailedAttempt } from "../engine/run.ts";
import { realTime } from "../engine/run-clock.ts";
import { invokedEventId, invokedRunId } from "../engine/run-steps.ts";
import { uuidOf } from "../protocol/ids.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { Annotation } from "../protocol/metadata.ts";
import { spanIdOf } from "../protocol/trace-context.ts";
import { STEP_HASH_ATTRIBUTE, type AppSpan } from "../protocol/span.ts";
import type { WireError } from "../protocol/wire-error.ts";
import { resultOf, type RunView } from "./run-view.ts";

export type SpanStatus = "QUEUED" | "RUNNING" | "WAITING" | "COMPLETED" | "FAILED" | "CANCELLED" | "SKIPPED";

/** What has a result of its own, and how to ask for it: the run, a step, or a failed attempt of a step. */
export interface OutputPlace {
  stepId: string | null;
  /** null: the result */
  attempt: number | null;
}

export interface Span {
  id: string;
  parentId: string | null;
  name: string;
  status: SpanStatus;
  attempts: number;
  queuedAt: number;
  startedAt: number | null;
  endedAt: number | null;
  stepOp: string | null;
  stepType: string | null;
  stepId: string | null;
  stepInfo: StepInfo | null;
  output: OutputPlace | null;
  metadata: Annotation[];
  /** recorded by the app itself */
  own: AppSpan | null;
  children: Span[];
}

export type StepInfo =
  | {
      kind: "InvokeStepInfo";
      triggeringEventID: string;
      functionID: string;
      timeout: number;
      runID: string | null;
      timedOut: boolean | null;
    }
  | { kind: "SleepStepInfo"; sleepUntil: number }
  | {
      kind: "WaitForEventStepInfo";
      eventName: string;
      expression: string | null;
      timeout: number;
      foundEventID: string | null;
      timedOut: boolean | null;
    }
  | { kind: "WaitForSignalStepInfo"; signal: string; timeout: number; timedOut: boolean | null }
  | { kind: "RunStepInfo"; type: string };

const STEP_OPS = {
  run: "RUN",
  sleep: "SLEEP",
  wait: "WAIT_FOR_EVENT",
  signal: "WAIT_FOR_SIGNAL",
  invoke: "INVOKE",
} as const satisfies Record<Entry["kind"], string>;

/** What a step is labelled that has no label of its own. */
const OP_NAMES = new Map([
  ["StepRun", "RUN"],
  ["Step", "RUN"],
  ["StepError", "RUN"],
  ["StepFailed", "RUN"],
  ["StepPlanned", "RUN"],
  ["Sleep", "SLEEP"],
  ["WaitForEvent", "WAIT_FOR_EVENT"],
  ["WaitForSignal", "WAIT_FOR_SIGNAL"],
  ["InvokeFunction", "INVOKE"],
  ["Gateway", "GATEWAY"],
  ["AIGateway", "AI_GATEWAY"],
]);

/**
 * The root of a run's trace.
 *
 * @param own spans that the app has recorded: each below the one it names, else below its step, else below the run
 */
export function traceOf(view: RunView, own: readonly AppSpan[] = []): Span {
  const { run, entries, annotations = [] } = view;
  const { state } = run;
  const id = spanIdOf(run.id, "run");
  const endedAt = isEnded(state) ? state.endedAt : null;
  const status = runSpanStatus(view);
  const hasOutput = state.kind === "completed" || state.kind === "failed";
  const output = hasOutput ? { stepId: null, attempt: null } : null;
  const common = { queuedAt: run.createdAt, startedAt: run.startedAt ?? null, endedAt, stepInfo: null, stepId: null };
  const steps = entries.map((entry) => stepSpan(view, entry, id));
  const finalization: Span[] = hasOutput
    ? [
        {
          ...common,
          id: spanIdOf(run.id, "finalization"),
          parentId: id,
          name: "Finalization",
          status,
          attempts: run.attempt + 1,
          queuedAt: Math.max(run.startedAt ?? run.createdAt, ...steps.map((step) => step.endedAt ?? step.queuedAt)),
          startedAt: Math.max(run.startedAt ?? run.createdAt, ...steps.map((step) => step.endedAt ?? step.queuedAt)),
          stepOp: null,
          stepType: "FINALIZATION",
          output,
          metadata: [],
          own: null,
          children: [],
        },
      ]
    : [];
  const root: Span = {
    ...common,
    id,
    parentId: null,
    name: "Run",
    status,
    attempts: run.attempt + 1,
    stepOp: null,
    stepType: null,
    output,
    metadata: annotations.filter(({ target }) => target.step === null && target.span === null),
    own: null,
    children: [...steps, ...finalization],
  };
  addOwn(root, view, own);
  return root;
}

/** Spans around a whole call, which official SDKs record: what is in them belongs to their step or the run. */
const WRAPPERS = new Set(["inngest.execution"]);
const NS_PER_MS = 1_000_000n;

function addOwn(root: Span, { annotations = [] }: RunView, own: readonly AppSpan[]): void {
  const wrappers = new Map(own.flatMap((span) => (WRAPPERS.has(span.name) ? [[span.spanId, span]] : [])));
  const unique = new Map(own.map((span) => [span.spanId, span]));
  const spans = [...unique.values()].filter((span) => !wrappers.has(span.spanId));
  const nodes = new Map(spans.map((span) => [span.spanId, ownSpan(span, annotations)]));
  const steps = new Map(root.children.map((step) => [step.stepId, step]));
  for (const span of spans) {
    const node = nodes.get(span.spanId);
    if (!node) continue;
    const above = nodes.get(span.parentSpanId ?? "");
    const wrapper = wrappers.get(span.parentSpanId ?? "");
    const hash = (wrapper ?? span).attributes[STEP_HASH_ATTRIBUTE] ?? span.attributes[STEP_HASH_ATTRIBUTE];
    const parent = above ?? (typeof hash === "string" ? steps.get(hash) : undefined) ?? root;
    if (isBelow(nodes, span, node)) continue; // a circle of spans that name each other
    node.parentId = parent.id;
    parent.children.push(node);
  }
}

/** Whether the spans above one lead back to it. */
function isBelow(nodes: ReadonlyMap<string, Span>, span: AppSpan, node: Span): boolean {
  const seen = new Set<string>();
  for (let id = span.parentSpanId; id !== null;) {
    if (seen.has(id)) return true;
    seen.add(id);
    const above: Span | undefined = nodes.get(id);
    if (above === node) return true;
    id = above?.own?.parentSpanId ?? null;
  }
  return false;
}

function ownSpan(own: AppSpan, annotations: readonly Annotation[]): Span {
  const [startedAt, endedAt] = [own.startNs, own.endNs].map((ns) => Number(BigInt(ns) / NS_PER_MS));
  return {
    id: own.spanId,
    parentId: own.parentSpanId,
    name: own.name,
    status: own.status.code === 2 ? "FAILED" : "COMPLETED", // as OpenTelemetry numbers them
    attempts: 1,
    queuedAt: startedAt ?? 0,
    startedAt: startedAt ?? null,
    endedAt: endedAt ?? null,
    stepOp: null,
    stepType: null,
    stepId: null,
    stepInfo: null,
    output: null,
    metadata: annotations.filter(({ target }) => target.span === own.spanId),
    own,
    children: [],
  };
}

export function runSpanStatus({ run }: Pick<RunView, "run">): SpanStatus {
  switch (run.state.kind) {
    case "completed":
      return "COMPLETED";
    case "failed":
      return "FAILED";
    case "cancelled":
      return "CANCELLED";
    case "skipped":
      return "SKIPPED";
    default:
      return run.startedAt === undefined ? "QUEUED" : "RUNNING";
  }
}

function stepSpan(view: RunView, entry: Entry, parentId: string): Span {
  const { run, annotations = [] } = view;
  const id = spanIdOf(run.id, entry.id);
  const { status } = entry;
  const endedAt = status.kind === "settled" ? status.at : isEnded(run.state) ? run.state.endedAt : null;
  const isOver = status.kind === "settled";
  const span: Span = {
    id,
    parentId,
    name: entry.name ?? entry.userId,
    status: stepStatus(view, entry),
    attempts: isOver ? Math.max(entry.failures.length, 1) : entry.attempt + 1,
    queuedAt: entry.createdAt,
    startedAt: entry.startedAt ?? entry.createdAt,
    endedAt,
    stepOp: isAi(entry) ? "AI_GATEWAY" : STEP_OPS[entry.kind],
    stepType: OP_NAMES.get(entry.type) ?? entry.type,
    stepId: entry.id,
    stepInfo: stepInfo(view, entry),
    output: isOver && entry.kind !== "sleep" ? { stepId: entry.id, attempt: null } : null,
    metadata: [
      ...annotations.filter(
        ({ target }) => target.step === entry.id && target.attempt === null && target.span === null,
      ),
      ...byHand(entry),
    ],
    own: null,
    children: [],
  };
  if (isOver && span.status === "COMPLETED") span.attempts = entry.failures.length + 1;
  if (entry.failures.length > 0) span.children = attemptSpans(view, entry, span);
  return span;
}

/** Tells that somebody has ended a step. */
function byHand({ id, byHand: isByHand, status }: Entry): Annotation[] {
  if (!isByHand || status.kind !== "settled") return [];
  const target = { step: id, attempt: null, span: null };
  return [{ target, kind: "inngest.by_hand", values: { by_hand: true }, updatedAt: status.at }];
}

/** A request of a model that the platform makes. */
function isAi({ type }: Entry): boolean {
  return type === "AIGateway" || type.startsWith("step.ai.infer");
}

/** A step that was tried once and came to a result is shown as one span. */
function attemptSpans({ run, annotations = [] }: RunView, entry: Entry, span: Span): Span[] {
  let startedAt = span.startedAt ?? span.queuedAt;
  const child = (attempt: number, of: Pick<Span, "status" | "endedAt" | "output">): Span => ({
    ...span,
    ...of,
    id: spanIdOf(run.id, `${entry.id}.${attempt}`),
    parentId: span.id,
    name: `Attempt ${attempt}`,
    attempts: attempt + 1,
    queuedAt: startedAt,
    startedAt,
    stepInfo: null,
    metadata: annotations.filter(({ target }) => target.step === entry.id && target.attempt === attempt),
    children: [],
  });
  const failed = entry.failures.map(({ attempt, endedAt }: FailedAttempt) => {
    const one = child(attempt, { status: "FAILED", endedAt, output: { stepId: entry.id, attempt } });
    startedAt = endedAt;
    return one;
  });
  if (span.status === "FAILED") return failed;
  const { status, endedAt, output } = span;
  return [...failed, child(span.attempts - 1, { status, endedAt, output })];
}

function stepStatus({ run }: RunView, { kind, status }: Entry): SpanStatus {
  if (status.kind === "settled") return resultOf(kind, status.memo).error ? "FAILED" : "COMPLETED";
  if (isEnded(run.state)) return "CANCELLED"; // the run has gone on without it
  switch (status.kind) {
    case "planned":
      return "QUEUED";
    case "running":
    case "retrying":
      return "RUNNING";
    default:
      return "WAITING";
  }
}

function stepInfo({ run }: RunView, entry: Entry): StepInfo | null {
  const { kind, status } = entry;
  const dueAt = entryDueAt(entry);
  const timeout = dueAt === null ? (status.kind === "settled" ? status.at : run.createdAt) : realTime(run, dueAt);
  const memo: JsonValue | undefined = status.kind === "settled" ? status.memo : undefined;
  const timedOut = memo === undefined ? null : memo === null;
  switch (kind) {
    case "sleep":
      return { kind: "SleepStepInfo", sleepUntil: timeout };
    case "wait":
      return {
        kind: "WaitForEventStepInfo",
        eventName: entry.wait?.events.join(", ") ?? "",
        expression: entry.wait?.expression ?? null,
        timeout,
        foundEventID: entry.byHand ? null : idOf(memo), // one that was written by hand is in no log
        timedOut,
      };
    case "signal":
      return { kind: "WaitForSignalStepInfo", signal: entry.signal?.name ?? "", timeout, timedOut };
    case "invoke": {
      const error = memo === undefined ? null : resultOf(kind, memo).error;
      return {
        kind: "InvokeStepInfo",
        triggeringEventID: invokedEventId(run.id, entry),
        functionID: uuidOf(entry.invoke?.functionId ?? ""),
        timeout,
        runID: invokedRunId(run.id, entry) ?? null,
        timedOut: memo === undefined ? null : error?.name === "InngestInvokeTimeoutError",
      };
    }
    default:
      return { kind: "RunStepInfo", type: OP_NAMES.get(entry.type) ?? entry.type };
  }
}

function idOf(memo: JsonValue | undefined): string | null {
  if (typeof memo !== "object" || memo === null || Array.isArray(memo)) return null;
  return typeof memo.id === "string" ? memo.id : null;
}

/** What was given to a step, or to the run, and what came of it. */
export function outputAt(
  { run, entries }: RunView,
  { stepId, attempt }: OutputPlace,
): { input: JsonValue | null; data: JsonValue; error: WireError | null } | null {
  if (stepId === null) {
    const { state } = run;
    if (state.kind === "completed") return { input: null, data: state.output, error: null };
    return state.kind === "failed" ? { input: null, data: null, error: state.error } : null;
  }
  const entry = entries.find(({ id }) => id === stepId);
  if (!entry) return null;
  const input = entry.input ?? null;
  if (attempt !== null) {
    const failure = entry.failures.find((one) => one.attempt === attempt);
    return failure ? { input, data: null, error: failure.error } : null;
  }
  if (entry.status.kind !== "settled") return null;
  const { output, error } = resultOf(entry.kind, entry.status.memo);
  return { input, data: output, error };
}
