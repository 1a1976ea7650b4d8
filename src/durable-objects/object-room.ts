/**
 * How many objects a runtime with few file descriptors may begin at once. Locally every object that is in memory holds files
 * open, and one that cannot open its own fails: a burst then begins in parts, each once the objects of the one before it
 * have had the time to leave. A Worker on Cloudflare has no such bound.
 */

/** What counts: the database and its log, and what locks them. */
const FILES_PER_OBJECT = 3;
/** Sockets, what the runtime itself has open, and the objects that are always in use. */
const OTHER_FILES = 150;
/** An object leaves memory ten seconds after its last request (cloudflare-facts §4); a run's last follows upon its start. */
const LEAVES_AFTER_MS = 12_000;
/** With a limit below any use the platform is slow, and not at a stand. */
const FEWEST = 10;

/** Objects that began together. */
export interface Begun {
  at: number;
  count: number;
}

/** How many objects may be in memory at the same time. */
export function objectsWithin(openFiles: number): number {
  return Math.max(FEWEST, Math.floor((openFiles - OTHER_FILES) / FILES_PER_OBJECT));
}

/**
 * How many of the objects that are wanted may begin now: none while too many are in memory.
 *
 * @param begun what began before, oldest first
 * @returns that, and what is to be passed in next time
 */
export function roomFor(
  wanted: number,
  begun: readonly Begun[],
  most: number,
  now: number,
): { count: number; begun: Begun[] } {
  const inMemory = begun.filter(({ at }) => at + LEAVES_AFTER_MS > now && at <= now);
  const free = most - inMemory.reduce((sum, { count }) => sum + count, 0);
  const count = Math.max(0, Math.min(wanted, free));
  return { count, begun: count > 0 ? [...inMemory, { at: now, count }] : inMemory };
}
