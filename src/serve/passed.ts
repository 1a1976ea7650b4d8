/**
 * What frameworks pass to a handler, told apart by shape: some bring a Request class of their own, and a handler that is
 * mounted on the wrong framework is to say so.
 */

/** Whether a value is a request of the fetch API. */
export function isFetchRequest(value: unknown): value is Request {
  return (
    isRecord(value) &&
    typeof value.url === "string" &&
    isRecord(value.headers) &&
    typeof value.headers.get === "function"
  );
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/**
 * A member of a member, and so on; `undefined` where there is none. Platforms hang what they hand over deep in objects,
 * and some throw when an old name is read (Astro 6).
 */
export function member(value: unknown, ...path: string[]): unknown {
  try {
    return path.reduce<unknown>((inner, name) => (isRecord(inner) ? inner[name] : undefined), value);
  } catch {
    return undefined;
  }
}

/** `waitUntil` of the first object that has it. It is called on its object, which runtimes insist on. */
export function waitUntilOf(...owners: unknown[]): ((promise: Promise<unknown>) => void) | undefined {
  for (const owner of owners) {
    if (!isRecord(owner)) continue;
    const waitUntil = member(owner, "waitUntil");
    if (typeof waitUntil === "function") return (promise) => void Reflect.apply(waitUntil, owner, [promise]);
  }
  return undefined;
}

/**
 * @param expected what the framework would have passed
 * @param got what was passed
 */
export function wrongArguments(framework: string, expected: string, got: readonly unknown[]): TypeError {
  const shown = got.map(describe).join(", ") || "nothing";
  return new TypeError(
    `serve (${framework}): expected ${expected}, got ${shown}; is the handler mounted on another framework?`,
  );
}

function describe(value: unknown): string {
  if (!isRecord(value)) return typeof value === "function" ? "a function" : String(value).slice(0, 50);
  if (isFetchRequest(value)) return "a fetch Request";
  const name = typeof value.constructor === "function" ? value.constructor.name : "";
  if (name !== "" && name !== "Object") return `an instance of ${name}`;
  return `an object with the keys ${Object.keys(value).slice(0, 8).join(", ") || "(none)"}`;
}
