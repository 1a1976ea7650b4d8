import { iso } from "./iso.ts";
import type { Span } from "./run-trace.ts";

/** A span of a run's trace with those below it, in the words of v1. What it was given and came to is in its step. */
export interface TraceView {
  id: string;
  name: string;
  status: Span["status"];
  step_op: string | null;
  step_hash: string | null;
  attempts: number;
  queued_at: string;
  started_at: string | null;
  ended_at: string | null;
  children: TraceView[];
}

export function traceView(span: Span): TraceView {
  return {
    id: span.id,
    name: span.name,
    status: span.status,
    step_op: span.stepOp,
    step_hash: span.stepId,
    attempts: span.attempts,
    queued_at: iso(span.queuedAt),
    started_at: iso(span.startedAt),
    ended_at: iso(span.endedAt),
    children: span.children.map(traceView),
  };
}
