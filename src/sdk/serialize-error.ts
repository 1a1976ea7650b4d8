import type { JsonValue } from "../protocol/json.ts";
import { ERROR_CAUSES_MAX, ERROR_TEXT_MAX_CHARS } from "../protocol/limits.ts";
import type { WireError } from "../protocol/wire-error.ts";

/**
 * Any thrown value as plain JSON: what the platform stores, shows and hands back to handlers. Never throws, whatever is
 * given, and its result is bounded: message and stack 8,192 characters each, five causes deep.
 *
 * An error keeps name, message, stack, `code` and causes. A string becomes the message; an object without a message is
 * shown as JSON, with `"[circular]"` where it contains itself.
 *
 * @example
 * serializeError(new TypeError("no")) // { name: "TypeError", message: "no", stack: "TypeError: no\n    at …" }
 * serializeError("no")                // { name: "Error", message: "no" }
 */
export function serializeError(thrown: unknown): WireError {
  try {
    return wireError(thrown, 0);
  } catch {
    return { name: "Error", message: "a value that cannot be read was thrown" };
  }
}

function wireError(thrown: unknown, depth: number): WireError {
  if (!isErrorLike(thrown)) return { name: "Error", message: messageOf(thrown) };
  const name = read(thrown, "name");
  const stack = read(thrown, "stack");
  const code = read(thrown, "code");
  const cause = read(thrown, "cause");
  const error: WireError = {
    name: typeof name === "string" && name !== "" ? clip(name) : "Error",
    message: clip(String(read(thrown, "message"))),
  };
  if (typeof stack === "string" && stack !== "") error.stack = clip(stack);
  if (typeof code === "string" || typeof code === "number") error.code = clip(String(code));
  if (cause !== undefined && cause !== null && depth < ERROR_CAUSES_MAX) error.cause = causeOf(cause, depth + 1);
  return error;
}

function causeOf(cause: unknown, depth: number): JsonValue {
  if (isErrorLike(cause)) return JSON.parse(JSON.stringify(wireError(cause, depth))); // drops absent fields
  const json = jsonText(cause);
  return json !== undefined && json.length <= ERROR_TEXT_MAX_CHARS ? JSON.parse(json) : messageOf(cause);
}

/** Errors of any realm, and plain objects that carry a message. */
function isErrorLike(value: unknown): value is object {
  return typeof value === "object" && value !== null && typeof read(value, "message") === "string";
}

function read(object: object, key: string): unknown {
  try {
    return Reflect.get(object, key);
  } catch {
    return undefined; // a getter that throws
  }
}

function messageOf(thrown: unknown): string {
  if (typeof thrown === "string") return clip(thrown);
  if (thrown === undefined || thrown === null) return `${thrown} was thrown`;
  if (typeof thrown === "function") return `a function was thrown: ${clip(thrown.name || "anonymous")}`;
  if (typeof thrown !== "object") return String(thrown);
  const json = jsonText(thrown);
  // "{}" says nothing about a Response, a Map or any other object that keeps its state inside
  return json === undefined || json === "{}" ? Object.prototype.toString.call(thrown) : clip(json);
}

/** JSON of anything that JSON can half express, or undefined. */
function jsonText(value: unknown): string | undefined {
  const path: unknown[] = []; // from the root to the object whose property is being written
  function replace(this: unknown, _key: string, inner: unknown): unknown {
    if (typeof inner === "bigint") return `${inner}n`;
    if (typeof inner !== "object" || inner === null) return inner;
    while (path.length > 0 && path.at(-1) !== this) path.pop();
    if (path.includes(inner)) return "[circular]";
    path.push(inner);
    return inner;
  }
  try {
    return JSON.stringify(value, replace);
  } catch {
    return undefined;
  }
}

function clip(text: string): string {
  if (text.length <= ERROR_TEXT_MAX_CHARS) return text.toWellFormed();
  const rest = text.length - ERROR_TEXT_MAX_CHARS;
  return `${text.slice(0, ERROR_TEXT_MAX_CHARS).toWellFormed()}… (${rest} more characters)`;
}
