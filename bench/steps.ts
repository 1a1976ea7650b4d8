/** Inside one run: what a step, a branch and an invoked function cost. Milliseconds. */
import { runOne, stretch } from "./run-one.ts";
import { sum } from "./statistics.ts";
import type { Target } from "./stage.ts";

/**
 * Time per sequential step, first to last: total of all runs over their number of steps. The clock has whole
 * milliseconds, so a single short run says nothing; the total of many does.
 */
export async function perStep(target: Target, steps: number, runs: number): Promise<number> {
  const totals: number[] = [];
  for (let i = 0; i < runs; i++) totals.push(stretch(await runOne(target, "steps", { n: steps })));
  return sum(totals) / (runs * (steps - 1));
}

/** All branches of one `Promise.all`, from the step before to the step after. */
export async function parallelSteps(target: Target, branches: number): Promise<number> {
  return stretch(await runOne(target, "parallel", { n: branches }));
}

/** Time per level of functions that invoke one another; each level runs a step of its own before it invokes. */
export async function perInvoke(target: Target, levels: number): Promise<number> {
  return stretch(await runOne(target, "nested", { n: levels })) / levels;
}
