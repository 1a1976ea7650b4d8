/** The key of a flow-control rule: evaluated once, from the first event, and frozen. */
import canonicalize from "canonicalize";
import { compile } from "../engine/expression.ts";
import type { EventValue } from "../protocol/event.ts";
import { textHash } from "../protocol/ids.ts";

/** What is shown of a key; all of it counts. */
const SHOWN_CHARS = 256;
/** All events whose key has no value share one (features §3.6). */
export const INVALID_KEY = "<invalid>";

export interface Key {
  /** names the key's object, whatever the key's size */
  hash: string;
  /** for people; null for a rule without a key */
  shown: string | null;
  /** the value is `false`: some rules do not apply to such events (features §3.5, §3.9) */
  isFalse: boolean;
  /** the expression had no value */
  isInvalid: boolean;
}

/**
 * The key of an event. A value that is not a text is taken as canonical JSON; one that cannot be computed is
 * {@link INVALID_KEY}: a slip in an expression must not let everything through.
 *
 * @param expression CEL over `event`; null for one key for all
 * @param salt tells apart keys that may have the same value, such as two expressions of one function
 */
export function keyOf(expression: string | null, event: EventValue, now: number, salt = ""): Key {
  if (expression === null) return { hash: textHash(salt), shown: null, isFalse: false, isInvalid: false };
  const { value, text } = valueOf(expression, event, now) ?? { value: undefined, text: INVALID_KEY };
  return {
    hash: textHash(`${salt}\0${text}`),
    shown: text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text,
    isFalse: value === false,
    isInvalid: value === undefined,
  };
}

/** @returns null where the expression has no value, or one that is no JSON text, such as half of a character in a list */
function valueOf(expression: string, event: EventValue, now: number): { value: unknown; text: string } | null {
  try {
    const value = compile(expression).evaluate({ event: { ...event }, now }) ?? null;
    return { value, text: typeof value === "string" ? value : (canonicalize(value) ?? "null") };
  } catch {
    return null;
  }
}
