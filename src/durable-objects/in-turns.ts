/** Each is a request to another object. */
const AT_ONCE = 50;

/** Works on a list, some of it at the same time. */
export async function inTurns<T, Result>(list: readonly T[], work: (one: T) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (let i = 0; i < list.length; i += AT_ONCE)
    results.push(...(await Promise.all(list.slice(i, i + AT_ONCE).map(work))));
  return results;
}
