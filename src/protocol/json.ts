/** Any value that JSON carries. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };

/** Whether a value is an object of named members: neither null nor a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Whether a value that was read from a text is nested no deeper than so. Only a text of more than twice as many characters can
 * hold one that is, so most are not looked at.
 */
export function isNestedWithin(value: unknown, depth: number, text: string): boolean {
  return text.length <= 2 * depth || isFlatter(value, depth);
}

function isFlatter(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth === 0) return false;
  for (const inner of Object.values(value)) if (!isFlatter(inner, depth - 1)) return false;
  return true;
}

/** What a text of JSON says; undefined when it is none. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const encoder = new TextEncoder();

/** Size of a text in UTF-8 bytes. */
export function byteLength(text: string): number {
  // a UTF-16 unit is at most three UTF-8 bytes: most texts need no encoding to be known as small
  return text.length * 3 < 1024 ? utf8Length(text) : encoder.encode(text).byteLength;
}

/** Whether a text has no more UTF-8 bytes than so. */
export function fitsBytes(text: string, maxBytes: number): boolean {
  return text.length * 3 <= maxBytes || byteLength(text) <= maxBytes;
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit >= 0xd800 && unit < 0xdc00 && i + 1 < text.length) {
      bytes += 4;
      i++;
    } else bytes += 3;
  }
  return bytes;
}
