/**
 * Runs that a run defers to its own end (inngest-protocol §9.7): an app reports them beside its steps, they count as none,
 * and what cannot be kept is noted with the run, which goes on.
 */
import { internalEvents, type EventRecord } from "../protocol/event.ts";
import { derivedUlid, uuidOf } from "../protocol/ids.ts";
import { byteLength, isObject, type JsonObject, type JsonValue } from "../protocol/json.ts";
import { DEFER_META_MAX_BYTES, DEFERS_INPUT_MAX_BYTES, DEFERS_PER_RUN_MAX } from "../protocol/limits.ts";
import { resolveMeta } from "../protocol/sessions.ts";
import type { StepOp } from "../protocol/step-op.ts";
import type { Draft } from "./decision.ts";
import type { Run } from "./run.ts";

/** One deferred run: what is started once this run has ended. */
export interface Defer {
  /** hash of its id, as of a step */
  id: string;
  functionId: string;
  input: JsonObject;
  meta?: JsonObject;
}

/** What a run's header knows of a deferred run: its input is stored apart. */
export interface DeferNote {
  id: string;
  bytes: number;
  isAborted?: true;
}

export type DeferOp =
  | { kind: "defer"; defer: Defer }
  | { kind: "abort-defer"; target: string }
  /** one that cannot be, and why */
  | { kind: "bad-defer"; problem: string };

export function isDeferOp(op: { kind: string }): op is DeferOp {
  return op.kind === "defer" || op.kind === "abort-defer" || op.kind === "bad-defer";
}

/** Reads `DeferAdd` and `DeferAbort`. */
export function readDeferOp(op: StepOp): DeferOp {
  const opts = op.opts ?? {};
  if (op.op === "DeferAbort")
    return typeof opts.target_hashed_id === "string"
      ? { kind: "abort-defer", target: opts.target_hashed_id }
      : { kind: "bad-defer", problem: "an abort names no deferred run" };
  const name = `defer "${(op.userland?.id ?? op.displayName ?? op.id).slice(0, 100)}"`;
  const { fn_slug: functionId, input = {}, meta } = opts;
  if (typeof functionId !== "string" || functionId === "") return bad(name, "it names no function");
  if (!isJsonObject(input)) return bad(name, "its data is not an object");
  const defer: Defer = { id: op.id, functionId, input };
  if (meta === undefined || meta === null) return { kind: "defer", defer };
  if (!isJsonObject(meta)) return bad(name, "its meta is not an object");
  const size = byteLength(JSON.stringify(meta));
  if (size > DEFER_META_MAX_BYTES) return bad(name, `its meta of ${size} bytes is over ${DEFER_META_MAX_BYTES}`);
  try {
    return { kind: "defer", defer: { ...defer, meta: resolveMeta(meta, "meta") } };
  } catch (error) {
    return bad(name, error instanceof Error ? error.message : String(error));
  }
}

/** Takes what an app defers or aborts. What it has told before changes nothing. */
export function takeDefer(draft: Draft, op: DeferOp): void {
  const { run } = draft;
  if (op.kind === "bad-defer") return draft.warn(`${op.problem}; nothing was deferred`);
  const known = run.defers ?? [];
  if (op.kind === "abort-defer") {
    run.defers = known.map((note) => (note.id === op.target ? { ...note, isAborted: true } : note));
    draft.saveRun = true;
    return;
  }
  const { defer } = op;
  if (known.some(({ id }) => id === defer.id)) return;
  const bytes = byteLength(JSON.stringify(defer.input));
  const total = known.reduce((sum, note) => sum + note.bytes, bytes);
  const what = `a deferred run of "${defer.functionId}"`;
  if (known.length >= DEFERS_PER_RUN_MAX)
    return draft.warn(`${what} is one more than ${DEFERS_PER_RUN_MAX}; it was not deferred`);
  if (total > DEFERS_INPUT_MAX_BYTES)
    return draft.warn(`${what} makes ${total} bytes of data, over ${DEFERS_INPUT_MAX_BYTES}; it was not deferred`);
  run.defers = [...known, { id: defer.id, bytes }];
  draft.extras.push({ list: "defer", id: defer.id, value: defer as unknown as JsonValue });
  draft.saveRun = true;
}

/** One as {@link takeDefer} stored it. */
export function readDefer(value: JsonValue): Defer {
  return value as unknown as Defer;
}

/** What calls tell an app of what it has deferred, so that it does not again. */
export function deferEcho({ defers = [] }: Pick<Run, "defers">): Record<string, { abortable: boolean }> {
  return Object.fromEntries(defers.map(({ id, isAborted }) => [id, { abortable: !isAborted }]));
}

/** Ids of what an ended run still has to start. */
export function deferredBy({ defers = [] }: Pick<Run, "defers">): string[] {
  return defers.flatMap(({ id, isAborted }) => (isAborted ? [] : [id]));
}

/** The event that starts a deferred run; the same however often it is made. */
export function deferRecord(run: Run, { id, functionId, input, meta }: Defer, at: number): EventRecord {
  const internalId = derivedUlid(at, `defer\0${run.id}\0${id}`);
  const origin = {
    fn_slug: functionId,
    parent_app_id: uuidOf(run.appId),
    parent_fn_id: uuidOf(run.functionId),
    parent_fn_slug: run.functionId,
    parent_run_id: run.id,
  };
  return {
    internalId,
    event: {
      id: internalId,
      name: internalEvents.deferred,
      data: { ...input, _inngest: origin },
      user: {},
      ts: at,
      ...(meta === undefined ? {} : { meta }),
    },
  };
}

function bad(name: string, why: string): DeferOp {
  return { kind: "bad-defer", problem: `${name}: ${why}` };
}

function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return isObject(value);
}
