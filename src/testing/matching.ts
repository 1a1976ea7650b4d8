import { isObject } from "../protocol/json.ts";

/** How much of an object is compared: all of it, or what is expected only. */
export type Extent = "whole" | "subset";

/**
 * Whether a value is what a test expects. What comes out of a run has been JSON, so that is how both sides are compared:
 * a `Date` equals its ISO string, a field that is undefined one that is not there. Asymmetric matchers of any test runner
 * (`expect.any(String)`) may stand anywhere in what is expected.
 */
export function matches(actual: unknown, expected: unknown, extent: Extent = "whole"): boolean {
  if (isAsymmetric(expected)) return expected.asymmetricMatch(actual);
  const [a, b] = [asJson(actual), asJson(expected)];
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && b.every((value, index) => matches(a[index], value, extent));
  if (Array.isArray(a) || Array.isArray(b) || !isObject(a) || !isObject(b)) return Object.is(a, b);
  const keys = new Set(extent === "whole" ? [...definedKeys(a), ...definedKeys(b)] : definedKeys(b));
  return [...keys].every((key) => matches(a[key], b[key], extent));
}

/** The error that a test expects: its message or a part of it, a pattern of it, or fields such as `{ name, message }`. */
export type ExpectedError = string | RegExp | object;

/** Whether an error is what a test expects. */
export function matchesError(error: Error, expected: ExpectedError): boolean {
  if (typeof expected === "string") return error.message.includes(expected);
  if (expected instanceof RegExp) return expected.test(error.message);
  if (isAsymmetric(expected)) return expected.asymmetricMatch(error);
  if (expected instanceof Error) return error.name === expected.name && error.message === expected.message;
  return Object.entries(expected).every(([key, value]: [string, unknown]) => {
    const own: unknown = Reflect.get(error, key);
    return value instanceof RegExp && typeof own === "string" ? value.test(own) : matches(own, value, "subset");
  });
}

function isAsymmetric(value: unknown): value is { asymmetricMatch(actual: unknown): boolean } {
  return typeof value === "object" && value !== null && "asymmetricMatch" in value;
}

function asJson(value: unknown): unknown {
  if (!isObject(value) || typeof value.toJSON !== "function") return value;
  return Reflect.apply(value.toJSON, value, []);
}

function definedKeys(value: object): string[] {
  return Object.entries(value).flatMap(([key, one]) => (one === undefined ? [] : [key]));
}
