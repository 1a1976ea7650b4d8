/**
 * What examples find as `vitest` and as `node:test` while they are loaded: their tests are kept for the test that loads them,
 * which runs them by itself. The types they are checked with are the real ones.
 */
export { expect, vi } from "vitest";

/** A test of an example. */
export interface CollectedTest {
  name: string;
  body: () => unknown;
}

let collected: CollectedTest[] = [];

/** The tests since the last call. */
export function takeCollected(): CollectedTest[] {
  const taken = collected;
  collected = [];
  return taken;
}

export function test(name: string, ...args: unknown[]): void {
  const body = args.find((arg) => typeof arg === "function") as (() => unknown) | undefined;
  if (!body) throw new TypeError(`test "${name}" has no function`);
  collected.push({ name, body });
}

export const it = test;
export default test;
