import * as z from "zod";
import { readFlowControl } from "./flow-config.ts";
import type { FlowControl, Pause } from "./flow-control.ts";
import { byteLength } from "./json.ts";
import { RETRIES_MAX, TRIGGER_EVENT_NAME_MAX_BYTES, TRIGGERS_PER_FUNCTION_MAX } from "./limits.ts";
import { INNGEST_RETRY_POLICY, type RetryPolicy } from "./retry-policy.ts";

const eventNameSchema = z
  .string()
  .min(1, "a trigger's event name must not be empty")
  .refine(
    (name) => byteLength(name) <= TRIGGER_EVENT_NAME_MAX_BYTES,
    `a trigger's event name is at most ${TRIGGER_EVENT_NAME_MAX_BYTES} bytes`,
  );

const triggerSchema = z.looseObject({
  event: eventNameSchema.optional(),
  expression: z.string().nullish(),
  cron: z.string().optional(),
  jitter: z.string().nullish(),
});

export const retryPolicySchema = z.object({
  maxAttempts: z
    .number()
    .int()
    .min(1)
    .max(RETRIES_MAX + 1),
  backoff: z.enum(["exponential", "linear", "fixed", "inngest"]),
  initialDelayMs: z.number().min(0),
  maxDelayMs: z.number().min(0),
  jitter: z.boolean(),
});

const stepConfigSchema = z.looseObject({
  runtime: z.looseObject({ url: z.string(), type: z.string().optional() }),
  retries: z.looseObject({ attempts: z.number().int().min(0).max(RETRIES_MAX) }).nullish(),
});

/** Go writes an empty list, and a text that is not set, as null. */
function orDefault<Schema extends z.ZodType>(schema: Schema, value: z.infer<Schema>) {
  return schema.nullish().transform((given) => given ?? value);
}

/** A function as an app registers it (inngest-protocol §2.4). Unknown fields pass. */
export const functionConfigSchema = z
  .looseObject({
    id: z.string().min(1, "id: a function id must not be empty"),
    name: orDefault(z.string(), ""),
    triggers: orDefault(z.array(triggerSchema).max(TRIGGERS_PER_FUNCTION_MAX), []),
    steps: z.record(z.string(), stepConfigSchema),
    /** ours: the whole policy; official clients send only the number of retries, in `steps` */
    retryPolicy: retryPolicySchema.optional(),
  })
  .superRefine((config, context) => {
    for (const { path, problem } of readFlowControl(config).errors)
      context.addIssue({ code: "custom", path: [...path], message: `function "${config.id}": ${problem}` });
  });

export type FunctionConfig = z.infer<typeof functionConfigSchema>;

export interface EventTrigger {
  event: string;
  /** CEL over `event`; null when every event of the name starts the function */
  expression: string | null;
}

/** A schedule that starts a function. */
export interface CronTrigger {
  /** five fields, or six that begin with seconds, after an optional `TZ=Area/City`; or `every` and a duration */
  cron: string;
  /** how much later than its time a start may be, spread by the function's id: a duration; null for not at all */
  jitter: string | null;
}

/** Where a function's code lives and how it is reached (design §4). */
export type FunctionTransport =
  | { kind: "local" }
  | { kind: "http"; url: string }
  /** an endpoint that is called by its own users; where it is, and with what, is in its run's event */
  | { kind: "endpoint" }
  /** workers of its app dial in */
  | { kind: "connect" }
  /** an entrypoint of another Worker, by the name of the platform's binding to it */
  | { kind: "binding"; binding: string };

/** A function as the platform keeps it, whoever registered it. */
export interface RegisteredFunction {
  /** `<app>-<function>`, unique in the environment */
  id: string;
  name: string;
  appId: string;
  version: number;
  triggers: EventTrigger[];
  crons: CronTrigger[];
  retry: RetryPolicy;
  transport: FunctionTransport;
  /** absent for a function that asks for none: it takes no further hop */
  flow?: FlowControl;
  /** set by the registry, not by the app */
  paused?: Pause;
}

/** Body of `POST /fn/register` and of an in-band sync; keys compared without case (inngest-protocol §2.2, trap 2). */
export const registerBodySchema = z.preprocess(
  lowerFirstLevelKeys,
  z.looseObject({
    url: z.string(),
    appname: z.string().min(1, "App ID required"),
    sdk: orDefault(z.string(), ""),
    framework: orDefault(z.string(), ""),
    appversion: z.string().nullish(),
    functions: orDefault(z.array(functionConfigSchema), []),
  }),
);

export type RegisterBody = z.infer<typeof registerBodySchema>;

function lowerFirstLevelKeys(body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).map(([key, value]) => [key.toLowerCase(), value]));
}

/** The policy that a registered config asks for; `attempts` on the wire counts retries, not tries. */
export function retryPolicyOf(config: FunctionConfig): RetryPolicy {
  if (config.retryPolicy) return config.retryPolicy;
  const retries = Object.values(config.steps)[0]?.retries?.attempts;
  return retries === undefined ? INNGEST_RETRY_POLICY : { ...INNGEST_RETRY_POLICY, maxAttempts: retries + 1 };
}
