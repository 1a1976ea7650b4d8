/**
 * The text of what was given to a logger: a line for people, whatever it is made of. Nothing in it throws, and no more is looked
 * at than a line may hold.
 */
import { ERROR_CAUSES_MAX, LOG_LINE_MAX_BYTES } from "../protocol/limits.ts";

/** Objects in objects that are shown. */
const DEPTH_MAX = 6;

/** A message first, whose `%s`, `%d` and the like take what follows, as those of the console do. */
export function logText(args: readonly unknown[]): string {
  const out = new Line();
  const [first, ...rest] = messageFirst(args);
  const left = typeof first === "string" && rest.length > 0 ? formatted(out, first, rest) : [first, ...rest];
  for (const value of args.length === 0 ? [] : left) {
    if (out.isBegun) out.add(" ");
    show(out, value, []);
  }
  return out.text;
}

/** Pino's loggers take fields first. */
function messageFirst(args: readonly unknown[]): readonly unknown[] {
  const [first, second, ...rest] = args;
  const isPino = typeof first === "object" && first !== null && !Array.isArray(first) && typeof second === "string";
  return isPino ? [second, ...rest, first] : args;
}

/** The line as far as it fits, and a little more, by which it is known to be cut. */
class Line {
  text = "";

  get isFull(): boolean {
    return this.text.length > LOG_LINE_MAX_BYTES;
  }

  get isBegun(): boolean {
    return this.text !== "";
  }

  add(part: string): void {
    if (!this.isFull) this.text += short(part);
  }
}

function short(text: string): string {
  return text.length > LOG_LINE_MAX_BYTES ? text.slice(0, LOG_LINE_MAX_BYTES + 1) : text;
}

/** @returns the values that no place was for */
function formatted(out: Line, format: string, values: readonly unknown[]): readonly unknown[] {
  let next = 0;
  let from = 0;
  const text = short(format);
  for (const { 0: place, index } of text.matchAll(/%[sdifjoOc%]/g)) {
    if (place !== "%%" && next >= values.length) break;
    out.add(text.slice(from, index));
    from = index + place.length;
    if (place === "%%") out.add("%");
    else put(out, place, values[next++]);
  }
  out.add(text.slice(from));
  return values.slice(next);
}

function put(out: Line, place: string, value: unknown): void {
  if (place === "%c") return; // a style
  const isNumeric = place === "%d" || place === "%i" || place === "%f";
  if (!isNumeric || typeof value === "bigint") return show(out, value, []);
  const number = typeof value === "object" || typeof value === "symbol" ? Number.NaN : Number(value);
  out.add(String(place === "%i" ? Math.trunc(number) : number));
}

/** @param inside what it is part of, the outermost first */
function show(out: Line, value: unknown, inside: readonly object[]): void {
  if (out.isFull) return;
  if (typeof value === "string") return out.add(inside.length === 0 ? value : JSON.stringify(short(value)));
  if (typeof value === "bigint") return out.add(`${value}n`);
  if (typeof value !== "object" && typeof value !== "function") return out.add(String(value));
  if (value === null) return out.add("null");
  try {
    showObject(out, value, inside);
  } catch {
    out.add("[cannot be shown]"); // a getter, a proxy or its own toJSON has thrown
  }
}

function showObject(out: Line, value: object, inside: readonly object[]): void {
  if (typeof value === "function") return out.add(`[function ${value.name}]`);
  if (inside.includes(value)) return out.add("[circular]");
  if (value instanceof Error) return showError(out, value, [...inside, value]);
  if (inside.length >= DEPTH_MAX) return out.add(Array.isArray(value) ? "[…]" : "{…}");
  const within = [...inside, value];
  if (value instanceof Map)
    return members(out, "Map {", "}", value, ([key, one]) => member(out, key, " => ", () => one, within));
  if (value instanceof Set) return members(out, "Set {", "}", value, (one) => show(out, one, within));
  if (ArrayBuffer.isView(value)) return out.add(`[${value.constructor.name} of ${value.byteLength} bytes]`);
  if (Array.isArray(value)) return members(out, "[", "]", value, (one) => show(out, one, within));
  if ("toJSON" in value && typeof value.toJSON === "function") return show(out, value.toJSON(), within);
  members(out, `${nameOf(value)}{`, "}", keysOf(value), (key) =>
    member(out, key, ":", () => Reflect.get(value, key), within),
  );
}

function member(out: Line, key: unknown, between: string, read: () => unknown, within: readonly object[]): void {
  show(out, key, within);
  out.add(between);
  let value: unknown;
  try {
    value = read();
  } catch {
    return out.add("[cannot be shown]");
  }
  show(out, value, within);
}

function members<T>(out: Line, open: string, close: string, all: Iterable<T>, one: (member: T) => void): void {
  out.add(open);
  let isFirst = true;
  for (const each of all) {
    if (out.isFull) return;
    if (!isFirst) out.add(",");
    isFirst = false;
    one(each);
  }
  out.add(close);
}

function* keysOf(value: object): Iterable<string> {
  for (const key in value) if (Object.hasOwn(value, key)) yield key;
}

/** Of a class, to be told from plain objects. */
function nameOf(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return "";
  const { name } = value.constructor;
  return typeof name === "string" && name !== "" && name !== "Object" ? `${name} ` : "";
}

/** With its stack, and what it was caused by. */
function showError(out: Line, error: Error, within: readonly object[]): void {
  const { name, message, stack, cause } = error;
  out.add(typeof stack === "string" && stack !== "" ? stack : `${String(name)}: ${String(message)}`);
  if (cause === undefined || within.length > ERROR_CAUSES_MAX) return;
  out.add("\ncaused by: ");
  show(out, cause, within);
}
