/** What lets a run's code execute: gates, in one order, and the leases that the run has of them (design §6). */
import type { Call } from "./decision.ts";

/** What a gate holds its runs to; read by `flow-control/`, which also names the rules. */
export type GatePolicy =
  | { rule: "pause" }
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

/** Names of a run's leases: that of the whole run, of an activation and its further branches, of an HTTP call. */
export const START_SLOT = "start";

/**
 * A lease that a run asks for or has. It is stored by itself, and is what has to be done about it (G6): one that is
 * `asking` is asked for until there is an answer, one that is `releasing` is given back until that is acknowledged.
 */
export interface Lease {
  slot: string;
  /** with the run's id it names the lease; never used twice in a run */
  seq: number;
  /** index of the gate it is at; all before it on its way hold it */
  at: number;
  status: "asking" | "waiting" | "held" | "releasing";
  since: number;
  /** http: the call that goes out once the lease is held */
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

export function leaseId(runId: string, seq: number): string {
  return `${runId}.${seq}`;
}
