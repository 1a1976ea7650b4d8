/** What can be claimed of runs: {@link ./assert.ts} throws when a claim does not hold, {@link ./vitest.ts} makes it a matcher. */
import type { EventValue } from "../protocol/event.ts";
import { isObject } from "../protocol/json.ts";
import { suggestion } from "../sdk/suggestion.ts";
import { matches, matchesError, type ExpectedError } from "./matching.ts";
import type { RunTarget, TestRun, TestStep } from "./run.ts";
import { shown } from "./timeline.ts";

/** What a run can be waiting for. */
export type WaitTarget = Extract<RunTarget, "sleep" | "wait" | "invoke" | `${"sleep" | "wait" | "invoke"}:${string}`>;

/** How a step is expected to have run. */
export interface ExpectedStep {
  /** how often its code has run: every attempt counts, and every step of this id in a loop. Default: at least once */
  times?: number;
  /** what one of the steps of this id has resulted in */
  output?: unknown;
}

/** The event that is expected. */
export interface ExpectedEvent {
  name: string;
  /** the fields that are compared, at any depth; others may be there */
  data?: object;
  user?: object;
}

/** A run, or a whole platform: what has sent events. */
export interface EventOrigin {
  readonly events: EventValue[];
  timeline(): string;
}

/** Whether a claim holds, in words. */
export interface Check {
  holds: boolean;
  /** of whom, such as `run of "app-order"` */
  subject: string;
  /** completes "to …" and "not to …" */
  claim: string;
  /** completes "but …", for a claim that does not hold */
  but: string;
  /** both there when values were compared */
  values?: { expected: unknown; actual: unknown };
  timeline: string;
}

/** A message that tells of a claim, what is so instead, and the whole story. */
export function messageOf({ holds, subject, claim, but, timeline }: Check): string {
  return holds
    ? `expected ${subject} not to ${claim}\n\n${timeline}`
    : `expected ${subject} to ${claim}, but ${but}\n\n${timeline}`;
}

/** @param output Default: any */
export function checkCompleted(run: TestRun, output?: unknown): Check {
  const base = about(run);
  const hasCompleted = run.status === "Completed";
  if (output === undefined) return { ...base, holds: hasCompleted, claim: "have completed", but: stateOf(run) };
  return {
    ...base,
    holds: hasCompleted && matches(run.output, output),
    claim: "have completed with that output",
    but: stateOf(run),
    ...(hasCompleted && { values: { expected: output, actual: run.output as unknown } }),
  };
}

/** @param error Default: any */
export function checkFailed(run: TestRun, error?: ExpectedError): Check {
  const base = about(run);
  const found = run.error;
  if (error === undefined) return { ...base, holds: found !== undefined, claim: "have failed", but: stateOf(run) };
  return {
    ...base,
    holds: found !== undefined && matchesError(found, error),
    claim: `have failed with ${errorText(error)}`,
    but: stateOf(run),
    ...(found && { values: errorValues(found, error) }),
  };
}

export function checkCancelled(run: TestRun): Check {
  const base = about(run);
  return { ...base, holds: run.status === "Cancelled", claim: "have been cancelled", but: stateOf(run) };
}

export function checkStepRan(run: TestRun, id: string, expected: ExpectedStep = {}): Check {
  const base = about(run);
  if (typeof id !== "string") throw new TypeError(`${shown(id)} is not a step's id`);
  const known = run.steps;
  const steps = known.filter((step) => step.id === id);
  const times = steps.reduce((sum, step) => sum + step.attempts, 0);
  const outputs = steps.filter((step) => step.status === "completed").map((step) => step.output);
  const ranOften = expected.times === undefined ? times > 0 : times === expected.times;
  const claim = [
    `have run step ${JSON.stringify(id)}`,
    ...(expected.times === undefined ? [] : [timesText(expected.times)]),
    ...("output" in expected ? ["with that output"] : []),
  ].join(" ");
  if (!ranOften || !("output" in expected))
    return { ...base, holds: ranOften, claim, but: times === 0 ? neverCame(id, known) : `it ran ${timesText(times)}` };
  const { output } = expected;
  return {
    ...base,
    holds: outputs.some((one) => matches(one, output)),
    claim,
    but:
      outputs.length === 0
        ? `the step ${steps.map((step) => (step.status === "failed" ? "failed" : `is ${step.status}`)).join(", ")}`
        : `its output was ${outputs.map(shown).join(", then ")}`,
    ...(outputs.length > 0 && { values: { expected: output, actual: outputs.at(-1) } }),
  };
}

/** @throws TypeError for what a run cannot wait for */
export function checkWaitingFor(run: TestRun, target: WaitTarget): Check {
  const base = about(run);
  const [, kind, id] = /^(sleep|wait|invoke)(?::(.+))?$/s.exec(target) ?? [];
  if (kind === undefined)
    throw new TypeError(
      `${JSON.stringify(target)} is nothing that a run waits for; there are "sleep", "wait" and "invoke", and with an id "sleep:<id>", "wait:<id>" and "invoke:<id>"`,
    );
  const reasons = run.waitsFor;
  return {
    ...base,
    holds: run.has(target),
    claim: `be waiting for ${kind}${id === undefined ? "" : ` ${JSON.stringify(id)}`}`,
    but: reasons.length > 0 ? `it waits for ${reasons.join("; ")}` : stateOf(run),
  };
}

/** @param times Default: at least once */
export function checkSent(origin: EventOrigin, expected: ExpectedEvent, times?: number): Check {
  if (!isObject(origin) || !Array.isArray(origin.events) || typeof origin.timeline !== "function")
    throw new TypeError(`${given(origin)} is neither a run nor a test platform`);
  if (!isObject(expected) || typeof expected.name !== "string")
    throw new TypeError(`${given(expected)} is no event; give { name, data }`);
  const { name, data, user } = expected;
  const events = origin.events;
  const named = events.filter((event) => event.name === name);
  const sent = named.filter(
    (event) => matches(event.data, data ?? {}, "subset") && matches(event.user ?? {}, user ?? {}, "subset"),
  );
  const fields = data === undefined && user === undefined ? "" : " with those fields";
  return {
    holds: times === undefined ? sent.length > 0 : sent.length === times,
    subject: "functionId" in origin ? `run of ${JSON.stringify(origin.functionId)}` : "the platform",
    claim: `have sent ${JSON.stringify(name)}${fields}${times === undefined ? "" : ` ${timesText(times)}`}`,
    but:
      sent.length > 0
        ? `it was sent ${timesText(sent.length)}`
        : named.length > 0
          ? `the data was ${named.map((event) => shown(event.data)).join(", then ")}`
          : events.length > 0
            ? `what was sent is ${namesOf(events)}${suggestion(name, [...new Set(events.map((event) => event.name))])}`
            : "nothing was sent",
    ...(sent.length === 0 && named.length > 0 && { values: { expected: data, actual: named.at(-1)?.data } }),
    timeline: origin.timeline(),
  };
}

/** @throws TypeError for what is no run */
function about(run: TestRun): Pick<Check, "subject" | "timeline"> {
  if (!isObject(run) || typeof run.functionId !== "string" || typeof run.timeline !== "function")
    throw new TypeError(`${given(run)} is no run; give the \`run\` that send or invoke of a test platform resolve to`);
  return { subject: `run of ${JSON.stringify(run.functionId)}`, timeline: run.timeline() };
}

function given(value: unknown): string {
  if (value instanceof Promise) return "a promise (is an `await` missing?)";
  return isObject(value) ? `an object with ${Object.keys(value).join(", ") || "nothing in it"}` : shown(value);
}

function stateOf(run: TestRun): string {
  switch (run.status) {
    case "Completed":
      return `it completed with ${shown(run.output)}`;
    case "Failed":
      return `it failed with ${run.error?.name}: ${run.error?.message}`;
    case "Cancelled":
      return "it was cancelled";
    default:
      return `it has not ended: it waits for ${run.waitsFor.join("; ") || "its code"}`;
  }
}

function neverCame(id: string, steps: readonly TestStep[]): string {
  const ids = [...new Set(steps.map((step) => step.id))];
  if (ids.length === 0) return "the run has come to no step";
  return `there ${ids.length === 1 ? "is" : "are"} only ${ids.map((one) => JSON.stringify(one)).join(", ")}${suggestion(id, ids)}`;
}

function namesOf(events: readonly EventValue[]): string {
  return [...new Set(events.map((event) => JSON.stringify(event.name)))].join(", ");
}

function timesText(times: number): string {
  return times === 1 ? "once" : `${times} times`;
}

function errorText(error: ExpectedError): string {
  if (typeof error === "string") return JSON.stringify(error);
  if (error instanceof RegExp) return String(error);
  return error instanceof Error ? `${error.name}: ${error.message}` : "those fields of its error";
}

/** What a diff shows of an error: the fields that were asked for. */
function errorValues(actual: Error, expected: ExpectedError): Check["values"] {
  if (typeof expected === "string" || expected instanceof RegExp)
    return { expected: String(expected), actual: actual.message };
  const wanted = expected instanceof Error ? { name: expected.name, message: expected.message } : expected;
  const keys = Object.keys(wanted);
  return {
    expected: wanted,
    actual: Object.fromEntries(keys.map((key) => [key, Reflect.get(actual, key) as unknown])),
  };
}
