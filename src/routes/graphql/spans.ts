/** Spans of a run's trace as the schema has them, and the names of their outputs. */
import { base64urlnopad } from "@scure/base";
import * as z from "zod";
import { isUlid, uuidOf } from "../../protocol/ids.ts";
import type { Annotation } from "../../protocol/metadata.ts";
import type { AppSpan } from "../../protocol/span.ts";
import { traceIdOf } from "../../protocol/trace-context.ts";
import { ApiError } from "../api-error.ts";
import type { OutputPlace, Span, StepInfo } from "../run-trace.ts";
import type { RunView } from "../run-view.ts";
import { iso } from "../iso.ts";

export interface SpanNode {
  spanID: string;
  childrenSpans: SpanNode[];
  [field: string]: unknown;
}

/** `RunTraceSpan`; `run` makes the node of its run. */
export function spanNode(view: RunView, span: Span, run: () => object): SpanNode {
  const { id, appId, functionId } = view.run;
  const { startedAt, endedAt, stepInfo } = span;
  return {
    appID: uuidOf(appId),
    functionID: uuidOf(functionId),
    runID: id,
    run,
    spanID: span.id,
    traceID: traceIdOf(id),
    name: span.name,
    status: span.status,
    attempts: span.attempts,
    duration: startedAt === null || endedAt === null ? null : Math.max(endedAt - startedAt, 0),
    outputID: span.output && writeOutputId(id, span.output),
    queuedAt: iso(span.queuedAt),
    startedAt: iso(startedAt),
    endedAt: iso(endedAt),
    childrenSpans: span.children.map((child) => spanNode(view, child, run)),
    stepOp: span.stepOp,
    stepID: span.stepId,
    stepType: span.stepType,
    stepInfo: stepInfo && infoNode(stepInfo),
    isRoot: span.parentId === null,
    parentSpanID: span.parentId,
    isUserland: span.own !== null,
    userlandSpan: span.own && userlandNode(span.own),
    metadata: span.metadata.map(metadataNode),
  };
}

const KINDS = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];

function userlandNode({ name, kind, scope, attributes }: AppSpan) {
  return {
    spanName: name,
    spanKind: KINDS[kind] ?? "UNSPECIFIED",
    serviceName: attributes["service.name"] ?? null,
    scopeName: scope,
    scopeVersion: null,
    spanAttrs: JSON.stringify(attributes),
    resourceAttrs: null,
  };
}

function infoNode({ kind, ...info }: StepInfo) {
  const times = Object.entries(info).map(([name, value]) =>
    name === "timeout" || name === "sleepUntil" ? [name, iso(Number(value))] : [name, value],
  );
  return { __typename: kind, ...Object.fromEntries(times) };
}

function metadataNode({ target, kind, values, updatedAt }: Annotation) {
  const { step, attempt, span } = target;
  const scope = span !== null ? "extended_trace" : attempt !== null ? "step_attempt" : step !== null ? "step" : "run";
  return { scope, kind, values, updatedAt: iso(updatedAt) };
}

const outputIdSchema = z.tuple([z.string().refine(isUlid), z.string().nullable(), z.number().int().nullable()]);

function writeOutputId(runId: string, { stepId, attempt }: OutputPlace): string {
  return base64urlnopad.encode(new TextEncoder().encode(JSON.stringify([runId, stepId, attempt])));
}

/** @throws ApiError 400 for what is no id of an output */
export function readOutputId(text: string): OutputPlace & { runId: string } {
  try {
    const [runId, stepId, attempt] = outputIdSchema.parse(
      JSON.parse(new TextDecoder().decode(base64urlnopad.decode(text))),
    );
    return { runId, stepId, attempt };
  } catch {
    throw new ApiError(400, "invalid_request", `outputID: ${JSON.stringify(text.slice(0, 60))} is not one of a trace`);
  }
}
