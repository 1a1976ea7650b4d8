/**
 * What a rule says of the one who stands first: every rule is a function of its policy, of what it knows, and of a time.
 * `until` is when to ask again, null when time alone changes nothing.
 */
export type Verdict = { kind: "admit" } | { kind: "wait"; until: number | null };

export const ADMIT: Verdict = { kind: "admit" };
export const WAIT: Verdict = { kind: "wait", until: null };
