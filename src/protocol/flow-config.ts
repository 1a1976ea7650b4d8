/**
 * Flow control as a function asks for it (inngest-protocol §2.4), read into its normal form.
 *
 * There is one reader: our client reads its options with it when a function is made, the platform what any client sends.
 * Names are compared without case, since Go sends some with a capital. Null, an empty text and an empty list ask for
 * nothing.
 */
import { Field, FieldError, type FieldPath } from "./config-field.ts";
import type {
  BatchPolicy,
  CancelTrigger,
  ConcurrencyLimit,
  DebouncePolicy,
  FlowControl,
  RateLimitPolicy,
  SingletonPolicy,
  ThrottlePolicy,
  TimeoutsPolicy,
} from "./flow-control.ts";
import { byteLength } from "./json.ts";
import {
  BATCH_SIZE_MAX,
  BATCH_TIMEOUT_MAX_MS,
  CANCEL_TRIGGERS_MAX,
  CONCURRENCY_LIMITS_MAX,
  DEBOUNCE_PERIOD_MAX_MS,
  FLOW_PERIOD_MIN_MS,
  IDEMPOTENCY_PERIOD_MS,
  RATE_LIMIT_PERIOD_MAX_MS,
  SLEEP_MAX_MS,
  THROTTLE_PERIOD_MAX_MS,
  TRIGGER_EVENT_NAME_MAX_BYTES,
} from "./limits.ts";

/** Options of a function's config that are flow control, as they are called on the wire. */
const FLOW_OPTIONS = [
  "concurrency",
  "throttle",
  "rateLimit",
  "debounce",
  "batchEvents",
  "priority",
  "idempotency",
  "singleton",
  "cancel",
  "timeouts",
] as const;

type FlowOption = (typeof FLOW_OPTIONS)[number];

/** Flow control on the wire; `mode`, `order`, `collect`, `cascade` and the mode `queue` are ours. */
export interface WireFlow {
  concurrency?: number | WireConcurrency | WireConcurrency[];
  throttle?: { limit: number; period: string; burst?: number; key?: string };
  rateLimit?: { limit: number; period: string; key?: string; mode?: "spaced" | "window" };
  debounce?: { period: string; timeout?: string; key?: string; collect?: boolean };
  batchEvents?: { maxSize: number; timeout: string; key?: string; if?: string };
  priority?: { run: string };
  idempotency?: string;
  singleton?: { mode: "skip" | "cancel" | "queue"; key?: string };
  cancel?: { event: string; if?: string; timeout?: string; cascade?: boolean }[];
  timeouts?: { start?: string; finish?: string };
}

export interface WireConcurrency {
  limit: number;
  key?: string;
  scope?: "fn" | "env" | "account";
  mode?: "step" | "run";
  order?: "age" | "fifo";
}

/**
 * The flow control that a function's config asks for.
 *
 * @returns undefined when it asks for none
 * @throws FieldError naming field, value and bound
 */
export function flowControlOf(config: object): FlowControl | undefined {
  const { flow, errors } = readFlowControl(config);
  if (errors[0]) throw errors[0];
  return flow;
}

/** As {@link flowControlOf}, with everything that is wrong. */
export function readFlowControl(config: object): { flow: FlowControl | undefined; errors: FieldError[] } {
  const errors: FieldError[] = [];
  const root = new Field(config, []);
  const option = <T>(name: FlowOption, read: (field: Field) => T | undefined): T | undefined => {
    const field = root.at(name);
    if (field.isAbsent) return undefined;
    try {
      return read(field);
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      errors.push(error);
      return undefined;
    }
  };
  const idempotency = option("idempotency", readIdempotency);
  const rateLimit = option("rateLimit", readRateLimit);
  const flow: FlowControl = {
    batch: option("batchEvents", readBatch),
    rateLimit: idempotency ?? rateLimit,
    debounce: option("debounce", readDebounce),
    singleton: option("singleton", readSingleton),
    throttle: option("throttle", readThrottle),
    concurrency: option("concurrency", readConcurrency),
    priority: option("priority", (field) => field.object().at("run").optionalText() ?? undefined),
    cancelOn: option("cancel", readCancel),
    timeouts: option("timeouts", readTimeouts),
  };
  if (idempotency && rateLimit)
    errors.push(
      new FieldError(
        ["rateLimit"],
        "cannot be combined with idempotency, which is a rate limit of one in 24 hours; leave one of them out",
      ),
    );
  if (errors.length === 0) errors.push(...combinationErrors(flow));
  const asked = Object.entries(flow).filter(([, policy]) => policy !== undefined);
  return { flow: asked.length === 0 ? undefined : Object.fromEntries(asked), errors };
}

/** What excludes each other (features §3.17). A batch is not counted by a rate limit, as with Inngest: no error. */
function combinationErrors(flow: FlowControl): FieldError[] {
  const errors: FieldError[] = [];
  const exclude = (field: FieldPath, because: string, others: Record<string, unknown>): void => {
    for (const [other, policy] of Object.entries(others))
      if (policy !== undefined) errors.push(new FieldError(field, `cannot be combined with ${other}: ${because}`));
  };
  const { batch, debounce, singleton, priority, cancelOn, concurrency = [] } = flow;
  if (batch)
    exclude(["batchEvents"], "it is about one event, and a batch has many", {
      debounce,
      singleton,
      priority,
      cancelOn,
    });
  if (concurrency.some(({ order }) => order === "fifo"))
    exclude(["concurrency"], 'with order "fifo" every event starts its run in the order in which it was sent', {
      batchEvents: batch,
      debounce,
      singleton,
      priority,
    });
  return errors;
}

function readConcurrency(field: Field): ConcurrencyLimit[] | undefined {
  if (typeof field.value === "number") {
    const limit = field.whole(0);
    return limit === 0 ? undefined : [{ limit, key: null, scope: "fn", mode: "step", order: "age" }];
  }
  const given = field.isList ? field.list() : concurrencyForms(field);
  if (given.length > CONCURRENCY_LIMITS_MAX)
    field.refuse(`${given.length} limits; a function has at most ${CONCURRENCY_LIMITS_MAX}`);
  const limits = given.map(readLimit).filter((limit) => limit !== null);
  return limits.length === 0 ? undefined : limits;
}

/** One limit, or `{ fn, step }`: those of whole runs and those of executing steps. */
function concurrencyForms(field: Field): Field[] {
  const [ofRuns, ofSteps] = [field.object().at("fn"), field.at("step")];
  if (ofRuns.isAbsent && ofSteps.isAbsent) return [field];
  const runs = ofRuns.isAbsent ? [] : ofRuns.list().map((one) => one.with({ mode: "run" }));
  return [...runs, ...(ofSteps.isAbsent ? [] : ofSteps.list())];
}

/** @returns null for one without a limit: 0 and none mean that there is none (features §3.3) */
function readLimit(field: Field): ConcurrencyLimit | null {
  field.object();
  const given = field.at("limit");
  const limit = given.isAbsent ? 0 : given.whole(0);
  const key = field.at("key").optionalText();
  const scope = field.at("scope").oneOf(["fn", "env", "account"], "fn");
  const mode = field.at("mode").oneOf(["step", "run"], "step");
  const order = field.at("order").oneOf(["age", "fifo"], "age");
  if (scope !== "fn" && key === null)
    field.at("key").refuse(`a limit of scope "${scope}" needs one, which names what its functions share`);
  if (order === "fifo" && (mode !== "run" || scope !== "fn"))
    field.at("order").refuse(`"fifo" needs mode "run" and scope "fn", not mode "${mode}" and scope "${scope}"`);
  return limit === 0 ? null : { limit, key, scope, mode, order };
}

function readThrottle(field: Field): ThrottlePolicy {
  field.object();
  const burst = field.at("burst");
  return {
    limit: field.at("limit").whole(1),
    periodMs: field.at("period").duration(FLOW_PERIOD_MIN_MS, THROTTLE_PERIOD_MAX_MS),
    burst: burst.isAbsent ? 0 : burst.whole(0),
    key: field.at("key").optionalText(),
  };
}

function readRateLimit(field: Field): RateLimitPolicy {
  field.object();
  return {
    limit: field.at("limit").whole(1),
    periodMs: field.at("period").duration(FLOW_PERIOD_MIN_MS, RATE_LIMIT_PERIOD_MAX_MS),
    key: field.at("key").optionalText(),
    mode: field.at("mode").oneOf(["spaced", "window"], "spaced"),
  };
}

function readIdempotency(field: Field): RateLimitPolicy {
  return { limit: 1, periodMs: IDEMPOTENCY_PERIOD_MS, key: field.text(), mode: "spaced" };
}

function readDebounce(field: Field): DebouncePolicy {
  field.object();
  return {
    periodMs: field.at("period").duration(FLOW_PERIOD_MIN_MS, DEBOUNCE_PERIOD_MAX_MS),
    timeoutMs: field.at("timeout").optionalDuration(FLOW_PERIOD_MIN_MS, SLEEP_MAX_MS),
    key: field.at("key").optionalText(),
    collect: field.at("collect").flag(),
  };
}

/** @returns undefined for batches of one, which are none */
function readBatch(field: Field): BatchPolicy | undefined {
  field.object();
  const batch: BatchPolicy = {
    maxSize: field.at("maxSize").whole(1, BATCH_SIZE_MAX),
    timeoutMs: field.at("timeout").duration(FLOW_PERIOD_MIN_MS, BATCH_TIMEOUT_MAX_MS),
    key: field.at("key").optionalText(),
    if: field.at("if").optionalText(),
  };
  return batch.maxSize === 1 ? undefined : batch;
}

function readSingleton(field: Field): SingletonPolicy {
  field.object();
  return {
    mode: field.at("mode").oneOf(["skip", "cancel", "queue"]),
    key: field.at("key").optionalText(),
  };
}

function readCancel(field: Field): CancelTrigger[] | undefined {
  const given = field.list();
  if (given.length > CANCEL_TRIGGERS_MAX)
    field.refuse(`${given.length} of them; a function has at most ${CANCEL_TRIGGERS_MAX}`);
  return given.map((one) => {
    one.object();
    const event = one.at("event");
    const name = event.text();
    if (byteLength(name) > TRIGGER_EVENT_NAME_MAX_BYTES)
      event.refuse(`${byteLength(name)} bytes; an event name here has at most ${TRIGGER_EVENT_NAME_MAX_BYTES}`);
    const condition = one.at("if").optionalText();
    const match = one.at("match").optionalText();
    if (condition !== null && match !== null) one.refuse("give `match` or `if`, not both");
    const trigger: CancelTrigger = {
      event: name,
      expression: match === null ? condition : `event.${match} == async.${match}`,
      timeoutMs: null,
      cascade: one.at("cascade").flag(),
    };
    const timeout = one.at("timeout");
    if (timeout.isDate) trigger.until = timeout.instant();
    else trigger.timeoutMs = timeout.optionalDuration(1, SLEEP_MAX_MS);
    return trigger;
  });
}

function readTimeouts(field: Field): TimeoutsPolicy | undefined {
  field.object();
  const startMs = field.at("start").optionalDuration(1, SLEEP_MAX_MS);
  const finishMs = field.at("finish").optionalDuration(1, SLEEP_MAX_MS);
  return startMs === null && finishMs === null ? undefined : { startMs, finishMs };
}

/** The expressions of a function's flow control, and what to call them. */
export function expressionsOf(flow: FlowControl): { field: string; source: string }[] {
  const { batch, rateLimit, debounce, singleton, throttle, concurrency = [], priority, cancelOn = [] } = flow;
  const isIdempotency = rateLimit?.limit === 1 && rateLimit.periodMs === IDEMPOTENCY_PERIOD_MS;
  const named: [string, string | null | undefined][] = [
    ["batchEvents.key", batch?.key],
    ["batchEvents.if", batch?.if],
    [isIdempotency ? "idempotency" : "rateLimit.key", rateLimit?.key],
    ["debounce.key", debounce?.key],
    ["singleton.key", singleton?.key],
    ["throttle.key", throttle?.key],
    ...concurrency.map(({ key }): [string, string | null] => ["concurrency.key", key]),
    ["priority.run", priority],
    ...cancelOn.map(({ event, expression }): [string, string | null] => [`cancelOn: event "${event}": if`, expression]),
  ];
  return named.flatMap(([field, source]) => (source === null || source === undefined ? [] : [{ field, source }]));
}
