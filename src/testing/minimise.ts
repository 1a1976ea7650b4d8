/** How often a smaller part is tried at most. */
const TRIES_MAX = 200;

/**
 * A smallest list of parts that still fails, found by leaving out ever smaller groups of them (delta debugging, Zeller 2002),
 * in so many tries; null when not even all of them fail again.
 *
 * @param fails whether a list of parts, in their order, still fails
 */
export async function minimised<Part>(
  parts: readonly Part[],
  fails: (some: readonly Part[]) => Promise<boolean>,
): Promise<readonly Part[] | null> {
  let tries = 0;
  const stillFails = async (some: readonly Part[]) => tries++ < TRIES_MAX && (await fails(some));
  let left = parts;
  for (let size = Math.ceil(left.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < left.length;) {
      const rest = left.toSpliced(start, size);
      if (await stillFails(rest)) left = rest;
      else start += size;
    }
  }
  // last of all the result itself, so that what is told is of it
  return (await fails(left)) ? left : null;
}
