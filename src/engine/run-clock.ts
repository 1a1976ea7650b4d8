/**
 * A run's own clock (design §7). What is still to come in a run (the deadlines of its state and of its entries) is in the
 * run's time, which `advance` moves ahead of everybody else's. What has happened, and all that leaves the run (alarms,
 * subscriptions, events, index, API), is told in real time. These two functions are the only way across.
 */
import type { Run } from "./run.ts";

type Clocked = Pick<Run, "offsetMs">;

/** A real instant in the run's time. */
export function runTime(run: Clocked, at: number): number {
  return at + (run.offsetMs ?? 0);
}

/** When an instant of the run's time really comes, as its clock stands now. */
export function realTime(run: Clocked, at: number): number {
  return at - (run.offsetMs ?? 0);
}
