/**
 * A copy of plain data, as what crosses from object to object is: several times as fast as `structuredClone`, which serves
 * for everything else.
 */
export function plainCopy<T>(value: T): T {
  return copy(value) as T; // the same shape
}

function copy(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copy);
  if (Object.getPrototypeOf(value) !== Object.prototype) return structuredClone(value);
  const copied: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    if (key === "__proto__") return structuredClone(value); // setting it would not make a property
    copied[key] = copy((value as Record<string, unknown>)[key]);
  }
  return copied;
}
