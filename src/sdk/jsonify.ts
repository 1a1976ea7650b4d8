import type { JsonValue } from "../protocol/json.ts";

/**
 * What a value is after a trip through JSON: a step's result is stored as JSON, so this is what the handler gets, on
 * the first pass as on every replay. Dates become strings, `undefined` and `void` become `null`, properties that JSON
 * cannot carry disappear, `toJSON` is obeyed.
 *
 * @example
 * type Stored = Jsonify<{ at: Date; note?: string; run(): void }> // { at: string; note?: string }
 */
export type Jsonify<T> = 0 extends 1 & T
  ? T // any stays any
  : [T] extends [never]
    ? never
    : unknown extends T
      ? T
      : T extends JsonValue
        ? T // as it is already; also ends the recursion of recursive JSON types
        : T extends undefined | void | symbol | ((...args: never) => unknown)
          ? null
          : T extends { toJSON(...args: never): infer Json }
            ? Jsonify<Json>
            : T extends bigint
              ? never // JSON.stringify throws
              : T extends readonly unknown[]
                ? { [Index in keyof T]: Jsonify<T[Index]> }
                : T extends ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
                  ? Record<string, never> // JSON sees none of their entries
                  : T extends object
                    ? JsonifyObject<T>
                    : null;

type Dropped = undefined | symbol | ((...args: never) => unknown);

/** Keys whose every value JSON leaves out. */
type DroppedKey<T, Key extends keyof T> = Key extends symbol
  ? true
  : 0 extends 1 & T[Key]
    ? false
    : [T[Key]] extends [Dropped]
      ? true
      : false;

/** Keys that may be missing afterwards: optional before, or sometimes a value that JSON leaves out. */
type OptionalKey<T, Key extends keyof T> = 0 extends 1 & T[Key]
  ? false
  : unknown extends T[Key]
    ? false
    : [Extract<T[Key], Dropped>] extends [never]
      ? false
      : true;

type JsonifyObject<T extends object> = Flat<
  {
    [
      Key in keyof T as DroppedKey<T, Key> extends true ? never : OptionalKey<T, Key> extends true ? never : Key
    ]: Jsonify<T[Key]>;
  } & {
    [
      Key in keyof T as DroppedKey<T, Key> extends true ? never : OptionalKey<T, Key> extends true ? Key : never
    ]?: Jsonify<Exclude<T[Key], Dropped>>;
  }
>;

type Flat<T> = { [Key in keyof T]: T[Key] };
