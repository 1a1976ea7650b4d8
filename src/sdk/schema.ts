import type { StandardSchemaV1 } from "@standard-schema/spec";
import { EventValidationError } from "./errors.ts";

export type { StandardSchemaV1 } from "@standard-schema/spec";

/** A schema of an event's data, by any library that speaks Standard Schema (zod, valibot, arktype, …). */
export type DataSchema<TInput extends object = object, TOutput extends object = TInput> = StandardSchemaV1<
  TInput,
  TOutput
>;

/** Names the type of an event's data without checking anything at run time. */
export function staticSchema<TData extends object>(): StandardSchemaV1<TData, TData> {
  return { "~standard": { version: 1, vendor: "dotdo-inngest", validate: (value) => ({ value: value as TData }) } };
}

/**
 * What a schema makes of a value: transforms applied. A promise only when the schema is asynchronous.
 *
 * @param what names the value in errors, such as `event "user/created": data`
 * @throws EventValidationError naming path and value
 */
export function applySchema<T>(schema: StandardSchemaV1<unknown, T>, value: unknown, what: string): T | Promise<T> {
  const result = schema["~standard"].validate(value);
  return result instanceof Promise
    ? result.then((settled) => unwrap(settled, value, what))
    : unwrap(result, value, what);
}

const ISSUES_SHOWN = 5;

function unwrap<T>(result: StandardSchemaV1.Result<T>, value: unknown, what: string): T {
  if (!result.issues) return result.value;
  const issues = result.issues.map(({ path = [], message }) => {
    const keys = path.map((segment) => (typeof segment === "object" ? segment.key : segment));
    const found = keys.reduce<unknown>((at, key) => (isObject(at) ? Reflect.get(at, key) : undefined), value);
    return { path: keys.map(String), message, value: found };
  });
  const shown = issues
    .slice(0, ISSUES_SHOWN)
    .map(
      (issue) =>
        `${[what, ...issue.path].join(".")}: ${issue.message}${issue.value === undefined ? "" : `; it is ${shortJson(issue.value)}`}`,
    );
  const more = issues.length > ISSUES_SHOWN ? [`and ${issues.length - ISSUES_SHOWN} more`] : [];
  throw new EventValidationError([...shown, ...more].join("; "), issues);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function shortJson(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch {
    text = String(value);
  }
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
