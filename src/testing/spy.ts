/**
 * Spies in the form that Vitest and Jest know: `_isMockFunction`, `mock.calls` and their kin. Matchers such as
 * `toHaveBeenCalledWith` take them, and neither framework need be there.
 */

// oxlint-disable-next-line typescript/no-explicit-any -- any function may be spied upon
type AnyProcedure = (this: any, ...args: any[]) => any;

/** How one call of a spy came out. */
export type SpyResult<TReturn = unknown> =
  | { type: "return"; value: TReturn }
  | { type: "throw"; value: unknown }
  | { type: "incomplete"; value: undefined };

/** How the promise that one call returned came out. */
export type SpySettledResult =
  | { type: "fulfilled"; value: unknown }
  | { type: "rejected"; value: unknown }
  | { type: "incomplete"; value: undefined };

/** What a spy has seen, a call an index. */
export interface SpyState<T extends AnyProcedure = AnyProcedure> {
  calls: Parameters<T>[];
  results: SpyResult<ReturnType<T>>[];
  settledResults: SpySettledResult[];
  /** `this` of the calls */
  contexts: unknown[];
  instances: unknown[];
  /** places among the calls of all spies */
  invocationCallOrder: number[];
  readonly lastCall: Parameters<T> | undefined;
}

/** A function that remembers how it was called, with the methods of Jest's mocks. */
export interface Spy<T extends AnyProcedure = AnyProcedure> {
  (...args: Parameters<T>): ReturnType<T>;
  readonly _isMockFunction: true;
  readonly mock: SpyState<T>;
  getMockName(): string;
  mockName(name: string): this;
  /** Forgets the calls. */
  mockClear(): this;
  /** Forgets the calls, and what was asked of the spy: it calls the original again. */
  mockReset(): this;
  /** As {@link mockReset}. */
  mockRestore(): this;
  getMockImplementation(): ((...args: Parameters<T>) => ReturnType<T>) | undefined;
  mockImplementation(code: (...args: Parameters<T>) => ReturnType<T>): this;
  mockImplementationOnce(code: (...args: Parameters<T>) => ReturnType<T>): this;
  mockReturnThis(): this;
  mockReturnValue(value: ReturnType<T>): this;
  mockReturnValueOnce(value: ReturnType<T>): this;
  mockResolvedValue(value: Awaited<ReturnType<T>>): this;
  mockResolvedValueOnce(value: Awaited<ReturnType<T>>): this;
  mockRejectedValue(error: unknown): this;
  mockRejectedValueOnce(error: unknown): this;
}

/** An object whose functions, at any depth, are spies. */
export type Spied<T> = T extends AnyProcedure ? Spy<T> : T extends object ? { [K in keyof T]: Spied<T[K]> } : T;

let callsOfAll = 0;

/** A spy that calls `original`. */
export function spyOn<T extends AnyProcedure>(original: T, name = "spy"): Spy<T> {
  const seen = emptyState<T>();
  let shownName = name;
  let standIn: AnyProcedure | undefined;
  let once: AnyProcedure[] = [];

  function spy(this: unknown, ...args: Parameters<T>): ReturnType<T> {
    const index = seen.calls.push(args) - 1;
    const { results, settledResults } = seen; // those of before a mockClear
    seen.contexts.push(this);
    seen.instances.push(this);
    seen.invocationCallOrder.push(++callsOfAll);
    results[index] = { type: "incomplete", value: undefined };
    settledResults[index] = { type: "incomplete", value: undefined };
    try {
      const value: ReturnType<T> = (once.shift() ?? standIn ?? original).apply(this, args);
      results[index] = { type: "return", value };
      Promise.resolve(value).then(
        (settled: unknown) => (settledResults[index] = { type: "fulfilled", value: settled }),
        (error: unknown) => (settledResults[index] = { type: "rejected", value: error }),
      );
      return value;
    } catch (error) {
      results[index] = { type: "throw", value: error };
      throw error;
    }
  }

  const always = (code: AnyProcedure) => {
    standIn = code;
    return made;
  };
  const next = (code: AnyProcedure) => {
    once.push(code);
    return made;
  };
  const clear = () => {
    Object.assign(seen, emptyState<T>());
    return made;
  };
  const reset = () => {
    standIn = undefined;
    once = [];
    return clear();
  };
  const state = Object.defineProperty(seen, "lastCall", { get: () => seen.calls.at(-1), enumerable: true });
  const made = Object.assign(spy, {
    _isMockFunction: true as const,
    mock: state,
    getMockName: () => shownName,
    mockName: (other: string) => {
      shownName = other;
      return made;
    },
    mockClear: clear,
    mockReset: reset,
    mockRestore: reset,
    getMockImplementation: () => once[0] ?? standIn ?? original,
    mockImplementation: always,
    mockImplementationOnce: next,
    mockReturnThis: () =>
      always(function (this: unknown) {
        return this;
      }),
    mockReturnValue: (value: unknown) => always(() => value),
    mockReturnValueOnce: (value: unknown) => next(() => value),
    mockResolvedValue: (value: unknown) => always(async () => value),
    mockResolvedValueOnce: (value: unknown) => next(async () => value),
    mockRejectedValue: (error: unknown) => always(() => Promise.reject(error)),
    mockRejectedValueOnce: (error: unknown) => next(() => Promise.reject(error)),
  }) as unknown as Spy<T>; // typed by what it spies upon
  return made;
}

/** The value with spies for functions, at any depth of plain objects; the value itself stays as it is. */
export function spied<T>(value: T, name = ""): Spied<T> {
  if (typeof value === "function") return spyOn(value as never, name) as Spied<T>;
  if (typeof value !== "object" || value === null) return value as Spied<T>;
  const parts = Object.entries(value).map(([key, part]) => [key, spied(part, name === "" ? key : `${name}.${key}`)]);
  return Object.fromEntries(parts) as Spied<T>;
}

function emptyState<T extends AnyProcedure>(): Omit<SpyState<T>, "lastCall"> & { lastCall?: undefined } {
  return { calls: [], results: [], settledResults: [], contexts: [], instances: [], invocationCallOrder: [] };
}
