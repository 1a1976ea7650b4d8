import { SQL_VALUE_MAX_BYTES } from "../../protocol/limits.ts";

/** UTF-16 units of one part: each is at most three bytes, so a part always fits a value. */
const PART_UNITS = Math.floor(SQL_VALUE_MAX_BYTES / 3);

/**
 * Cuts a text into parts that fit a SQLite value. Never between the halves of a surrogate pair: a lone half does not
 * survive UTF-8.
 */
export function textParts(text: string, units: number = PART_UNITS): string[] {
  if (text.length <= units) return [text];
  const parts: string[] = [];
  for (let start = 0; start < text.length;) {
    let end = Math.min(start + units, text.length);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end -= 1;
    parts.push(text.slice(start, end));
    start = end;
  }
  return parts;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
