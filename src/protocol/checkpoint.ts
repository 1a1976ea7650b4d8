import * as z from "zod";
import { STEPS_PER_RUN_MAX } from "./limits.ts";
import { stepOpSchema } from "./step-op.ts";

/** Body of a checkpoint. What else clients send is for people (inngest-protocol §6.1). */
export const checkpointSchema = z.object({
  run_id: z.string({ error: "must be the id of the run, as in the path" }),
  fn_id: z.string({ error: "must be `ctx.fn_id` of the call" }),
  qi_id: z.string({ error: "must be `ctx.qi_id` of the call" }),
  generation_id: z.number({ error: "must be the number of x-inngest-generation-id" }).int().nullish(),
  steps: z
    .array(stepOpSchema, { error: "must be a list of step ops" })
    .max(STEPS_PER_RUN_MAX, `a run has at most ${STEPS_PER_RUN_MAX} steps`),
});

export const CHECKPOINT_EXAMPLE = '{"run_id":"…","fn_id":"…","qi_id":"…","steps":[{"op":"StepRun","id":"…","data":1}]}';
