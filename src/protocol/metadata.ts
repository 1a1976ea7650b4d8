import * as z from "zod";
import { byteLength, type JsonObject } from "./json.ts";
import { METADATA_KIND_MAX_BYTES } from "./limits.ts";

/** What a run, or one of its steps, is told of for people (inngest-protocol §9.8). */
export type MetadataUpdate = z.infer<typeof metadataUpdateSchema>;

/** What is told of: the run when all are null. */
export interface MetadataTarget {
  /** hash of a step's id */
  step: string | null;
  attempt: number | null;
  /** of a span that the app itself has recorded */
  span: string | null;
}

export const SCORE_KIND = "inngest.score";
export const EXPERIMENT_KIND = "inngest.experiment";

const OWN_KINDS = ["inngest.ai", SCORE_KIND, EXPERIMENT_KIND, "inngest.warnings", "inngest.sandbox"];

function isKind(kind: string): boolean {
  const isUsers = kind.startsWith("userland.") && kind.length > "userland.".length;
  return (OWN_KINDS.includes(kind) || isUsers) && byteLength(kind) <= METADATA_KIND_MAX_BYTES;
}

export const metadataUpdateSchema = z
  .object({
    kind: z.string().refine(isKind, `must be ${OWN_KINDS.join(", ")} or userland.<name>`),
    op: z.enum(["merge", "set", "delete", "add"], "must be merge, set, delete or add").default("merge"),
    values: z.record(z.string(), z.json(), "must be an object").default({}),
    /** of what a step op carries: where it belongs */
    scope: z.string().optional(),
  })
  .refine(({ op, values }) => op !== "add" || Object.values(values).every((value) => typeof value === "number"), {
    path: ["values"],
    message: "must be numbers, which `add` adds up",
  });

/** Updates that a step op carries; what cannot be is left out. */
export function readMetadata(value: unknown): MetadataUpdate[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.flatMap((update) => metadataUpdateSchema.safeParse(update).data ?? []);
}

/** Values of a kind, as they are stored. */
export interface Annotation {
  target: MetadataTarget;
  kind: string;
  values: JsonObject;
  /** epoch ms */
  updatedAt: number;
}
