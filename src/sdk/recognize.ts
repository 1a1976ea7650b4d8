import { durationMs, type DurationInput } from "../protocol/time-string.ts";
import { queryKeys } from "./constants.ts";
import type { Inngest } from "./client.ts";
import type { InngestFunction } from "./function.ts";
import type { InngestMiddleware } from "./middleware/legacy.ts";

/** Whether a value is a client, of this or of another copy of the package. */
export function isInngest(value: unknown): value is Inngest {
  return has(value, "createFunction") && has(value, "send");
}

/** Whether a value is a function made by `createFunction`. */
export function isInngestFunction(value: unknown): value is InngestFunction {
  return has(value, "registrations") && has(value, "handler");
}

/** Whether a value is middleware in the object form of version 3, of this or of another copy of the package. */
export function isInngestMiddleware(value: unknown): value is InngestMiddleware {
  return has(value, "init") && typeof Reflect.get(value as object, "name") === "string";
}

/** Whether a request is a call of the platform to an app. */
export function isInngestRequest(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const url: unknown = Reflect.get(value, "url");
  if (typeof url !== "string") return false;
  const query = new URLSearchParams(url.split("?")[1]);
  return query.has(queryKeys.FnId) && query.has(queryKeys.StepId);
}

/** A text as an id: lower case letters, digits and single dashes. */
export function slugify(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
}

/**
 * Milliseconds of a duration.
 *
 * @throws TimeError naming the value
 */
export function durationToMs(duration: DurationInput, options: { name?: string } = {}): number {
  return durationMs(duration, options.name ?? "duration");
}

function has(value: unknown, method: string): boolean {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, method) === "function";
}
