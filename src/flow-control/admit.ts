/**
 * The order of the rules, in this one place (features §3.1, design §6):
 *
 * before there is a run    batch, or rate limit (and idempotency), then debounce
 * before a run's code      pause, singleton, throttle, run-level concurrency
 * before each stretch      step-level concurrency
 *
 * Constraints of one rule are taken in the order scope (fn, env, account), then hash of the key. All runs take their gates
 * in this order, and while waiting hold only earlier ones, so no circle of waiting runs exists.
 */
import type { Admission, Gate, GatePolicy } from "../engine/lease.ts";
import type { EventValue } from "../protocol/event.ts";
import type {
  BatchPolicy,
  ConcurrencyLimit,
  DebouncePolicy,
  Overlap,
  RateLimitPolicy,
} from "../protocol/flow-control.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { matches } from "../engine/expression.ts";
import { keyOf, type Key } from "./key.ts";
import { lineRank } from "./priority.ts";

/** A rule that an event meets before there is a run, with the name of its key's object. */
export interface IntakeRule<Policy> {
  object: string;
  key: string | null;
  policy: Policy;
}

/** What an event must pass before it starts a run: a batch alone, or the others in this order. */
export interface Intake {
  batch?: IntakeRule<BatchPolicy>;
  rateLimit?: IntakeRule<RateLimitPolicy>;
  debounce?: IntakeRule<DebouncePolicy>;
}

/**
 * @param isTick the function's schedule has ticked: that is not batched (features §3.7)
 * @returns null when nothing stands between the event and its run
 */
export function intakeOf(fn: RegisteredFunction, event: EventValue, now: number, isTick = false): Intake | null {
  const { flow } = fn;
  if (!flow) return null;
  const { batch, rateLimit, debounce } = flow;
  if (batch && !isTick && isBatched(batch, event, now)) return { batch: intakeRule("batch", fn, batch, event, now) };
  const intake: Intake = {};
  if (rateLimit && !keyOf(rateLimit.key, event, now).isFalse)
    intake.rateLimit = intakeRule("rate-limit", fn, rateLimit, event, now);
  if (debounce) intake.debounce = intakeRule("debounce", fn, debounce, event, now);
  return intake.rateLimit || intake.debounce ? intake : null;
}

/** An `if` that fails is no reason to hold an event back (features §3.7). */
function isBatched(batch: BatchPolicy, event: EventValue, now: number): boolean {
  return batch.if === null || matches(batch.if, { event: { ...event }, now });
}

function intakeRule<Policy extends { key: string | null }>(
  rule: string,
  fn: RegisteredFunction,
  policy: Policy,
  event: EventValue,
  now: number,
): IntakeRule<Policy> {
  const key = keyOf(policy.key, event, now);
  return { object: `${rule}/${fn.id}/${key.hash}`, key: key.shown, policy };
}

/** The gate at which the runs wait that a function's pauses have held; as `gate` names it. */
export function pauseObject(fnId: string): string {
  return `pause/${fnId}/`;
}

/** Environment of the objects whose scope is the account: all environments share them. */
export const ACCOUNT_ENV = "~account";

/**
 * The gates of a run, its keys evaluated from its first event.
 *
 * @returns null when it needs none: it then takes no further hop
 */
export function admissionOf(
  fn: RegisteredFunction,
  env: string,
  event: EventValue,
  createdAt: number,
  overlap?: Overlap,
): Admission | null {
  const { flow = {}, paused } = fn;
  const gates: Gate[] = [];
  if (paused?.triggers === "hold")
    gates.push(gate(env, "pause", fn.id, null, "start", { rule: "pause", at: paused.at }));
  if (overlap) gates.push(overlapGate(env, fn.id, overlap));
  if (flow.singleton) {
    const key = keyOf(flow.singleton.key, event, createdAt);
    const { mode } = flow.singleton;
    // no value, or false: not a singleton (features §3.9)
    if (!key.isFalse && !key.isInvalid)
      gates.push(gate(env, "singleton", fn.id, key, "run", { rule: "singleton", mode }));
  }
  if (flow.throttle) {
    const { limit, periodMs, burst } = flow.throttle;
    const key = keyOf(flow.throttle.key, event, createdAt);
    gates.push(gate(env, "throttle", fn.id, key, "start", { rule: "throttle", limit, periodMs, burst }));
  }
  const limits = (flow.concurrency ?? []).map((one) => concurrencyGate(env, fn.id, one, event, createdAt));
  for (const unit of ["run", "step"] as const)
    gates.push(...eachOnce(limits.filter((one) => one.unit === unit).sort((a, b) => inOrder(a.object, b.object))));
  if (gates.length === 0) return null;
  return { gates, rank: lineRank(flow.priority, event, createdAt) };
}

/** Two limits may come to the same key: it is one gate, and the smaller limit holds. */
function eachOnce(sorted: ConcurrencyGate[]): ConcurrencyGate[] {
  const gates: ConcurrencyGate[] = [];
  for (const one of sorted) {
    const last = gates.at(-1);
    if (last?.object !== one.object) gates.push(one);
    else if (one.policy.limit < last.policy.limit) gates[gates.length - 1] = one;
  }
  return gates;
}

type ConcurrencyGate = Gate & { policy: Extract<GatePolicy, { rule: "concurrency" }> };

function concurrencyGate(
  env: string,
  fnId: string,
  one: ConcurrencyLimit,
  event: EventValue,
  now: number,
): ConcurrencyGate {
  const { limit, scope, mode, order } = one;
  // within a function two expressions are two limits; across functions it is the value that is shared (features §3.3)
  const key = keyOf(one.key, event, now, scope === "fn" ? (one.key ?? "") : "");
  const scopes = { fn: `0-fn/${fnId}`, env: "1-env", account: "2-account" }; // their names sort as they are taken
  return {
    env: scope === "account" ? ACCOUNT_ENV : env,
    object: `concurrency/${mode}/${scopes[scope]}/${key.hash}`,
    key: key.shown,
    unit: mode,
    policy: { rule: "concurrency", limit, order },
  };
}

function overlapGate(env: string, fnId: string, { scheduleId, policy }: Overlap): Gate {
  const key: Key = { hash: scheduleId, shown: `schedule ${scheduleId}`, isFalse: false, isInvalid: false };
  if (policy === "queue")
    return {
      ...gate(env, "concurrency", fnId, key, "run", { rule: "concurrency", limit: 1, order: "age" }),
      object: `concurrency/schedule/${fnId}/${scheduleId}`,
    };
  const mode = policy === "skip" ? "skip" : "cancel";
  return {
    ...gate(env, "singleton", fnId, key, "run", { rule: "singleton", mode }),
    object: `singleton/schedule/${fnId}/${scheduleId}`,
  };
}

function gate(
  env: string,
  rule: GatePolicy["rule"],
  fnId: string,
  key: Key | null,
  unit: Gate["unit"],
  policy: GatePolicy,
): Gate {
  return { env, object: `${rule}/${fnId}/${key?.hash ?? ""}`, key: key?.shown ?? null, unit, policy };
}

function inOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
