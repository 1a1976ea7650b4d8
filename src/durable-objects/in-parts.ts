/**
 * Cuts a list into parts whose items together have at most so many bytes, in order. An item that is larger is a part of
 * its own.
 */
export function inParts<T>(items: readonly T[], bytesOf: (item: T) => number, maxBytes: number): T[][] {
  const parts: T[][] = [];
  let part: T[] = [];
  let sum = 0;
  for (const item of items) {
    const bytes = items.length === 1 ? 0 : bytesOf(item); // one needs no measuring
    if (part.length > 0 && sum + bytes > maxBytes) {
      parts.push(part);
      part = [];
      sum = 0;
    }
    part.push(item);
    sum += bytes;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}
