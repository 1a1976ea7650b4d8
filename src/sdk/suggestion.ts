import { editDistance } from "../protocol/edit-distance.ts";

const DISTANCE_MAX = 2;

/** ` (did you mean "retries"?)` for a word that is nearly one of the known ones, else nothing. */
export function suggestion(word: string, known: readonly string[]): string {
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= DISTANCE_MAX && distance < candidate.length / 2 && distance < (best?.distance ?? Infinity))
      best = { candidate, distance };
  }
  return best ? ` (did you mean ${JSON.stringify(best.candidate)}?)` : "";
}
