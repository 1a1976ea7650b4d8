/** What lets a run's code execute: gates, in one order, and the leases that the run has of them (design §6). */
import type { Call } from "./decision.ts";

/** What a gate holds its runs to; read by `flow-control/`, which also names the rules. */
export type GatePolicy =
  /** `at`: when the pause began, which tells it from those that are over */
  | { rule: "pause"; at: number }
  | { rule: "singleton"; mode: "skip" | "cancel" | "queue" }
  | { rule: "throttle"; limit: number; periodMs: number; burst: number }
  | { rule: "concurrency"; limit: number; order: "age" | "fifo" };

/**
 * A flow-control key that lets a run in: one ConcurrencyDO. A run's gates are frozen when it is created and stand in one
 * total order, so that runs which wait for each other's leases never form a circle.
 */
export interface Gate {
  /** environment of the object */
  env: string;
  /** its name: rule, scope and hash of the key */
  object: string;
  /** what its key came to, shortened, for people; null without a key */
  key: string | null;
  /** passed once before the code starts; held until the run ends; or held by each stretch of executing code */
  unit: "start" | "run" | "step";
  policy: GatePolicy;
}

/** How a run gets into execution: its gates in order, and its rank in their lines. */
export interface Admission {
  gates: Gate[];
  /** the smaller comes first, in epoch ms */
  rank: number;
}

/** What a lease is for: to start and to be under way at all; an activation, and its further branches; an HTTP call, by its step. */
export const START_SLOT = "start";
export const ACTIVATION_SLOT = "activation";
export const BRANCH_SLOT = "branch";
export const DISCOVERY_SLOT = "discovery";

/**
 * A lease that a run asks for or has. It is stored by itself, and is what has to be done about it (G6): one that is
 * `asking` is asked for until there is an answer, one that is `releasing` is given back until that is acknowledged.
 */
export interface Lease {
  slot: string;
  /** with the run's id it names the lease; never used twice in a run */
  seq: number;
  /** how many gates of its way it has passed; the next is the one it is at */
  passed: number;
  status: "asking" | "waiting" | "held" | "releasing";
  since: number;
  /** http: the call that goes out once the lease is held; of the start's, the first one */
  call?: Call;
}

/** Why a run is not let in at all. */
export interface Refusal {
  rule: GatePolicy["rule"];
  /** how the run ends */
  as: "skipped" | "cancelled";
  /** the run that stands in its way */
  byRunId: string | null;
}

export function leaseIdOf(runId: string, seq: number): string {
  return `${runId}.${seq}`;
}

/** The number in a lease's id. */
export function leaseSeqOf(leaseId: string): number {
  return Number(leaseId.slice(leaseId.lastIndexOf(".") + 1));
}

/** Gates from this index on are passed by each stretch of executing code. */
export function firstStepGate(gates: readonly Gate[]): number {
  const index = gates.findIndex((gate) => gate.unit === "step");
  return index < 0 ? gates.length : index;
}

/** The gates on a lease's way, in order. */
export function gatesOf({ slot }: Pick<Lease, "slot">, { gates }: Admission): Gate[] {
  const first = firstStepGate(gates);
  return slot === START_SLOT ? gates.slice(0, first) : gates.slice(first);
}
