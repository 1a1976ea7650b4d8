import type * as z from "zod";

/** What is wrong with the fields of a body: the first field, its value, and what it may be. */
export function fieldProblem(error: z.ZodError, fields: object): string {
  const [issue] = error.issues;
  const field = issue?.path.join(".") ?? "";
  const value: unknown = field === "" ? undefined : Reflect.get(fields, field);
  const shown = value === undefined ? "" : `, not ${JSON.stringify(value).slice(0, 100)}`;
  return `${field || "body"}: ${issue?.message}${shown}`;
}
