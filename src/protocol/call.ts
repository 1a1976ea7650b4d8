import * as z from "zod";
import type { EventValue } from "./event.ts";
import { isObject, type JsonValue } from "./json.ts";

/**
 * A settled step as the executor and the wire carry it (inngest-protocol §3.6). `null` is a finished sleep or a wait
 * that timed out; an event is a wait that matched; the rest is wrapped.
 */
export type Memo = JsonValue;

/** A memo and its place in the journal: memos settle in the order of their positions. */
export interface SettledMemo {
  memo: Memo;
  position: number;
}

const eventSchema = z.looseObject({ name: z.string() }) as unknown as z.ZodType<EventValue>; // the platform already validated it

/** Body of an execution call, server → app (inngest-protocol §3.1). */
export const callBodySchema = z.object({
  ctx: z.looseObject({
    run_id: z.string(),
    fn_id: z.string().default(""),
    attempt: z.number().int().default(0),
    max_attempts: z.number().int().optional(),
    disable_immediate_execution: z.boolean().default(false),
    use_api: z.boolean().default(false),
    qi_id: z.string().nullish(),
    generation_id: z.number().nullish(),
    request_id: z.string().nullish(),
    job_id: z.string().nullish(),
    stack: z.looseObject({ stack: z.array(z.string()).nullish(), current: z.number().default(0) }).nullish(),
  }),
  event: eventSchema,
  events: z.array(eventSchema).default([]),
  steps: z.custom<Record<string, Memo>>(isObject, "must be an object").default({}), // JSON, whatever is in it
  version: z.number().optional(),
});

export type CallBody = z.infer<typeof callBodySchema>;
