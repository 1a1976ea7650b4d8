import { ADMIT, WAIT, type Verdict } from "./verdict.ts";

/**
 * A run waits while the pause lasts in which it was created. Runs of a later pause are told from it by its beginning, so that
 * letting go those of one never lets go those of the next.
 *
 * @param openedUntil pauses that began up to here are over; null for none
 */
export function pause({ at }: { at: number }, openedUntil: number | null): Verdict {
  return openedUntil !== null && at <= openedUntil ? ADMIT : WAIT;
}
