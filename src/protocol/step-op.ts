import * as z from "zod";
import { STEP_ID_MAX_BYTES } from "./limits.ts";
import { byteLength, isObject, type JsonValue } from "./json.ts";
import type { WireError } from "./wire-error.ts";

/** Ops that this platform understands (inngest-protocol §3.4). */
const OPCODES = [
  "None",
  "Step",
  "StepRun",
  "StepError",
  "StepFailed",
  "StepPlanned",
  "Sleep",
  "WaitForEvent",
  "WaitForSignal",
  "InvokeFunction",
  "Gateway",
  "AIGateway",
  "RunComplete",
  "SyncRunComplete",
  "DiscoveryRequest",
  "DeferAdd",
  "DeferAbort",
] as const;

export type Opcode = (typeof OPCODES)[number];

/** Ops that are about no step. */
const STEPLESS: ReadonlySet<Opcode> = new Set(["None", "RunComplete", "SyncRunComplete", "DiscoveryRequest"]);

/** Ops that a call may tell of while it goes on: what has run, and what rides along (inngest-protocol §6.1). */
export const CHECKPOINT_OPS: ReadonlySet<string> = new Set([
  "None",
  "Step",
  "StepRun",
  "StepFailed",
  "StepPlanned",
  "DeferAdd",
  "DeferAbort",
]);

const byLowerCase = new Map(OPCODES.map((op) => [op.toLowerCase(), op]));

const opcodeSchema = z.string().transform((op, context): Opcode => {
  const known = byLowerCase.get(op.toLowerCase());
  if (known === undefined) {
    context.addIssue(`op: ${JSON.stringify(op)} is not an opcode this platform knows`);
    return z.NEVER;
  }
  return known;
});

/** What came out of a text of JSON is JSON: to look through all of it costs more than all else about a step. */
const jsonSchema = z.custom<JsonValue>();

export const wireErrorSchema: z.ZodType<WireError> = z
  .object({
    name: z.string().catch("Error"),
    message: z.string().catch(""),
    stack: z.string().optional().catch(undefined),
    code: z.string().optional().catch(undefined),
    noRetry: z.boolean().optional().catch(undefined),
  })
  .catchall(jsonSchema)
  .catch({ name: "Error", message: "the app reported an error without a name or message" });

const idSchema = z
  .string()
  .min(1, "id: a step id must not be empty")
  .refine((id) => byteLength(id) <= STEP_ID_MAX_BYTES, `id: a step id is at most ${STEP_ID_MAX_BYTES} bytes`);

/** One step op as a client reports it, in a text of JSON. Unknown fields pass; an unknown opcode is refused by name. */
export const stepOpSchema = z
  .object({
    op: opcodeSchema,
    id: z.string().max(STEP_ID_MAX_BYTES).default(""),
    name: z.string().nullish(),
    displayName: z.string().nullish(),
    opts: z.custom<Record<string, JsonValue>>(isObject, "opts: must be an object").nullish(),
    data: jsonSchema.optional(),
    error: wireErrorSchema.nullish(), // null in Go's ops without one
    metadata: z.unknown().optional(), // for people: it must not cost the app its step
    logs: z.unknown().optional(), // ours, as `metadata`; of a `None` those of the code around steps
    userland: z.object({ id: idSchema, index: z.number().nullish() }).nullish(),
  })
  .refine(({ op, id }) => id !== "" || STEPLESS.has(op), {
    path: ["id"],
    message: "id: an op about a step must have an id",
  });

export type StepOp = z.infer<typeof stepOpSchema>;

/** Body of a 206 reply: an array of ops; a single object is tolerated (inngest-protocol §3.3, §6.3). */
export const stepOpsSchema = z.preprocess((body) => (Array.isArray(body) ? body : [body]), z.array(stepOpSchema));
