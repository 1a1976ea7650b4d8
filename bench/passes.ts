/** Repeats a measure, and looks meanwhile at what else the machine does. */
import { setTimeout as delay } from "node:timers/promises";
import { syncClock } from "./clock.ts";
import type { Measure, Value } from "./measures.ts";
import type { Stage } from "./stage.ts";
import { cpuTimes, othersShare } from "./usage.ts";

/** From this share of a core on, used by others, a pass is noisy. */
export const NOISY_FROM = 0.4;
const PASS_WITHIN_MS = 240_000;
/** After so long no pass is made up for: the whole must come to its end. */
const SPARE_WITHIN_MS = 45_000;

export interface Pass {
  values: Value[];
  /** share of a core that others used; null where nobody can tell */
  others: number | null;
}

/**
 * The passes that count. A noisy one is set aside and made up for, as often as there is a spare; when there are not enough
 * quiet ones, noisy ones count too, and say so.
 *
 * @throws what the measure throws, or Error when a pass takes too long
 */
export async function repeat(
  measure: Measure,
  stage: Stage,
  spare: number,
): Promise<{ counted: Pass[]; setAside: number }> {
  const { passes, isWarmedUp } = measure;
  if (isWarmedUp) await onePass(measure, stage);
  const made: Pass[] = [];
  const startedAt = performance.now();
  const isShort = () => performance.now() - startedAt < SPARE_WITHIN_MS;
  const quiet = () => made.filter((pass) => !isNoisy(pass));
  while (made.length < passes || (quiet().length < passes && made.length < passes + spare && isShort()))
    made.push(await onePass(measure, stage));
  const counted = [...quiet(), ...made.filter(isNoisy)].slice(0, passes);
  return { counted, setAside: made.length - counted.length };
}

export function isNoisy({ others }: Pass): boolean {
  return others !== null && others > NOISY_FROM;
}

async function onePass({ measure }: Measure, stage: Stage): Promise<Pass> {
  syncClock();
  const before = cpuTimes();
  const late = new AbortController();
  const tooLate = delay(PASS_WITHIN_MS, undefined, { signal: late.signal }).then(() => {
    throw new Error(`one pass took more than ${PASS_WITHIN_MS / 1000} s`);
  });
  try {
    const values = await Promise.race([measure(stage), tooLate]);
    const after = cpuTimes();
    return { values, others: before && after && othersShare(before, after) };
  } finally {
    late.abort();
    tooLate.catch(() => {}); // nobody waits for it any more
  }
}
