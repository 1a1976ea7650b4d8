/** Rules of what a run is told for people: how updates change it, and how much there may be (inngest-protocol §9.8). */
import { byteLength, type JsonObject, type JsonValue } from "../protocol/json.ts";
import { METADATA_PER_RUN_MAX_BYTES, METADATA_PER_SPAN_MAX_BYTES } from "../protocol/limits.ts";
import type { Annotation, MetadataTarget, MetadataUpdate } from "../protocol/metadata.ts";

/** Updates of one target. */
export interface Annotating {
  target: MetadataTarget;
  updates: MetadataUpdate[];
}

export type Annotated = { kind: "annotated"; changed: Annotation[] } | { kind: "too-large"; message: string };

/** What all that is stored becomes: everything that was asked, or nothing. */
export function annotate(stored: readonly Annotation[], { target, updates }: Annotating, now: number): Annotated {
  const all = new Map(stored.map((one) => [annotationId(one), one]));
  const changed = new Map<string, Annotation>();
  for (const update of updates) {
    const id = annotationId({ target, kind: update.kind });
    const values = changedValues(all.get(id)?.values ?? {}, update);
    const annotation = { target, kind: update.kind, values, updatedAt: now };
    all.set(id, annotation);
    changed.set(id, annotation);
  }
  const sizeOf = (those: Iterable<Annotation>) =>
    [...those].reduce((sum, { kind, values }) => sum + byteLength(kind) + byteLength(JSON.stringify(values)), 0);
  const own = sizeOf([...all.values()].filter((one) => targetId(one.target) === targetId(target)));
  if (own > METADATA_PER_SPAN_MAX_BYTES)
    return tooLarge(target.step === null ? "run" : "step", own, METADATA_PER_SPAN_MAX_BYTES);
  const total = sizeOf(all.values());
  if (total > METADATA_PER_RUN_MAX_BYTES) return tooLarge("run and its steps", total, METADATA_PER_RUN_MAX_BYTES);
  return { kind: "annotated", changed: [...changed.values()] };
}

/** Names what is stored of a kind about a target. */
export function annotationId({ target, kind }: Pick<Annotation, "target" | "kind">): string {
  return `${kind}/${targetId(target)}`;
}

function targetId({ step, attempt, span }: MetadataTarget): string {
  return JSON.stringify([step, attempt, span]);
}

function changedValues(before: JsonObject, { op, values }: MetadataUpdate): JsonObject {
  switch (op) {
    case "set":
      return values;
    case "delete":
      return Object.fromEntries(Object.entries(before).filter(([key]) => !Object.hasOwn(values, key)));
    case "add":
      return {
        ...before,
        ...Object.fromEntries(Object.entries(values).map(([key, by]) => [key, sum(before[key], by)])),
      };
    default:
      return { ...before, ...values };
  }
}

function sum(before: JsonValue | undefined, by: JsonValue): JsonValue {
  return typeof before === "number" && typeof by === "number" ? before + by : by;
}

function tooLarge(what: string, bytes: number, bound: number): Annotated {
  return { kind: "too-large", message: `metadata of this ${what} would be ${bytes} bytes; the bound is ${bound}` };
}
