/**
 * Strict order: runs of a key begin in the order of the log in which their events stand, also when the Queue shuffles,
 * repeats or delays. Events of such functions are appended to one log a day; whoever routes an event takes its run's place
 * in the key's line before the run is started; and the first in line is let in once all before it in its log were routed.
 */
import type { GatePolicy } from "../engine/lease.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { triggerNames } from "../engine/route.ts";

/** Where an event stands. */
export interface LogPlace {
  log: string;
  seq: number;
}

const DAY_MS = 86_400_000;
/** More than a log has events. */
const DAY_PLACES = 2 ** 32;

/** Rank in a line: by the day of the log, then by place. */
export function fifoRank({ log, seq }: LogPlace): number {
  return (Date.parse(log.slice(0, 10)) / DAY_MS) * DAY_PLACES + seq;
}

/** Rank of a run whose event stands in no such log: behind all that have a place by now. */
export function fifoRankAfter(last: number): number {
  return last + 0.5;
}

export function isFifo(policy: GatePolicy): boolean {
  return policy.rule === "concurrency" && policy.order === "fifo";
}

export function isFifoFunction({ flow }: RegisteredFunction): boolean {
  return flow?.concurrency?.some(({ order }) => order === "fifo") ?? false;
}

/** Trigger names, some with wildcards, of functions whose events have to stay in order. */
export function orderedNames(functions: Iterable<RegisteredFunction>): string[] {
  const names = [...functions].filter(isFifoFunction).flatMap(({ triggers }) => triggers.map(({ event }) => event));
  return [...new Set(names)].sort();
}

export function isOrdered(eventName: string, names: ReadonlySet<string>): boolean {
  return names.size > 0 && triggerNames(eventName).some((name) => names.has(name));
}
