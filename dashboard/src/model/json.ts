/** JSON that may be huge, deep or hostile, cut into what a page can show at once. */
import type { Json } from "../api/json.ts";

/** Entries of one array or object that are shown before more are asked for. */
export const ENTRIES_AT_ONCE = 50;
/** Characters of a text that are shown before all are asked for. */
export const TEXT_CUT = 400;
/** A text is laid out in pieces of this length, of which the browser draws only those in sight. */
export const TEXT_PIECE = 4_000;
/** Nested values are folded from here on. */
const OPEN_DEPTH = 2;
/** An object or array with more than this is folded, unless it is the outermost. */
const OPEN_ENTRIES = 12;

export interface Entry {
  /** an index, or a name */
  label: string;
  value: Json;
}

export type Container = Json[] | { [name: string]: Json };

export function isContainer(value: Json): value is Container {
  return typeof value === "object" && value !== null;
}

export function entryCount(value: Container): number {
  return Array.isArray(value) ? value.length : Object.keys(value).length;
}

/** The first entries of a value; the rest are never looked at. */
export function entriesOf(value: Container, count: number): Entry[] {
  if (Array.isArray(value)) return value.slice(0, count).map((of, i) => ({ label: String(i), value: of }));
  return Object.keys(value)
    .slice(0, count)
    .map((name) => ({ label: name, value: value[name] ?? null }));
}

export function isOpenAtFirst(value: Container, depth: number): boolean {
  return depth === 0 || (depth < OPEN_DEPTH && entryCount(value) <= OPEN_ENTRIES);
}

/** What a folded value says of itself. */
export function foldedText(value: Container): string {
  const count = entryCount(value);
  if (Array.isArray(value)) return count === 0 ? "[]" : `[ ${count} ${count === 1 ? "item" : "items"} ]`;
  return count === 0 ? "{}" : `{ ${count} ${count === 1 ? "field" : "fields"} }`;
}

export function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  for (let from = 0; from < text.length; from += TEXT_PIECE) pieces.push(text.slice(from, from + TEXT_PIECE));
  return pieces;
}

/** As text, for the clipboard. @throws RangeError for what is nested too deep for this browser */
export function jsonText(value: Json): string {
  return JSON.stringify(value, null, 2);
}

/** JSON that people typed. @throws Error that says where it stops being JSON */
export function readJson(text: string): Json {
  if (text.trim() === "") throw new Error("There is nothing here: it must be JSON");
  return JSON.parse(text) as Json;
}
