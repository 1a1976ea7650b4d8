import type { GatePolicy } from "../engine/lease.ts";

/** What each function holds its runs to at a key, as its latest version that has come here says. */
export type KeyPolicies = Record<string, { version: number; policy: GatePolicy }>;

/** What is asked, and by which version of which function. */
export interface PolicyBearer {
  functionId: string;
  functionVersion: number;
  policy: GatePolicy;
}

/**
 * A key's policies after a run has asked: a changed limit takes effect with the first run of the changed function, for the
 * older runs too.
 *
 * @returns the same object when nothing changes
 */
export function withPolicy(policies: KeyPolicies, { functionId, functionVersion, policy }: PolicyBearer): KeyPolicies {
  const known = policies[functionId];
  if (known && known.version >= functionVersion) return policies;
  return { ...policies, [functionId]: { version: functionVersion, policy } };
}
