/** How often smaller parts are tried at most. */
const TRIES_MAX = 200;

/**
 * A smallest list of parts that still fails, found by leaving out ever smaller groups of them (delta debugging, Zeller 2002),
 * in so many tries, and as long as `isInTime`; null when not even all of them fail again.
 *
 * @param failing the parts, perhaps changed, when they still fail; null when they do not
 */
export async function minimised<Part>(
  parts: readonly Part[],
  failing: (some: readonly Part[]) => Promise<readonly Part[] | null>,
  isInTime: () => boolean = () => true,
): Promise<readonly Part[] | null> {
  let left = await failing(parts);
  if (left === null) return null;
  let tries = 0;
  for (let size = Math.ceil(left.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < left.length && tries < TRIES_MAX && isInTime(); tries++) {
      const rest: readonly Part[] | null = await failing(left.filter((_, i) => i < start || i >= start + size));
      if (rest === null) start += size;
      else left = rest;
    }
  }
  return left;
}
