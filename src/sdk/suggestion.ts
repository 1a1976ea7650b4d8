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

/** Insertions, deletions and replacements that lead from one word to the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
