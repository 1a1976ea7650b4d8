/** Values of a config that a user has written: read one at a time, refused by their place, with what they may be. */
import { isObject } from "./json.ts";
import { durationMs, durationString, instantMs, type DurationInput } from "./time-string.ts";

/** Where a value stands in a config: `["concurrency", 0, "limit"]`. */
export type FieldPath = readonly (string | number)[];

/** A value that cannot be what it is; the message names it, and what it may be. */
export class FieldError extends TypeError {
  readonly path: FieldPath;
  readonly problem: string;

  constructor(path: FieldPath, problem: string, cause?: unknown) {
    super(`${fieldName(path)}: ${problem}`, { cause });
    this.name = "FieldError";
    this.path = path;
    this.problem = problem;
  }
}

/** `concurrency[0].limit` */
function fieldName(path: FieldPath): string {
  return path.map((key, index) => (typeof key === "number" ? `[${key}]` : index === 0 ? key : `.${key}`)).join("");
}

/** A value and where it stands. */
export class Field {
  readonly value: unknown;
  readonly path: FieldPath;

  constructor(value: unknown, path: FieldPath) {
    this.value = value;
    this.path = path;
  }

  get isAbsent(): boolean {
    const { value } = this;
    return value === undefined || value === null || value === "" || (this.isList && this.list().length === 0);
  }

  get isList(): boolean {
    return Array.isArray(this.value);
  }

  /** `timeout` of a cancellation may be an instant. */
  get isDate(): boolean {
    return typeof this.value === "string" && /^\d{4}-\d\d-\d\d/.test(this.value);
  }

  at(name: string): Field {
    const { value } = this;
    const own = isObject(value) ? value : {};
    const key = Object.hasOwn(own, name)
      ? name
      : Object.keys(own).find((one) => one.toLowerCase() === name.toLowerCase());
    return new Field(key === undefined ? undefined : own[key], [...this.path, name]);
  }

  with(changes: object): Field {
    return new Field({ ...(this.object().value as object), ...changes }, this.path);
  }

  refuse(problem: string, cause?: unknown): never {
    throw new FieldError(this.path, problem, cause);
  }

  object(): this {
    if (!isObject(this.value)) this.refuse(`${this.#shown} is not an object`);
    return this;
  }

  list(): Field[] {
    const { value } = this;
    if (!Array.isArray(value)) return this.refuse(`${this.#shown} is not a list`);
    return value.map((one: unknown, index) => new Field(one, [...this.path, index]));
  }

  /** A whole number within its bounds. */
  whole(min: number, max = Number.MAX_SAFE_INTEGER): number {
    const { value } = this;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) return value;
    const to = max === Number.MAX_SAFE_INTEGER ? "up" : `to ${max}`;
    return this.refuse(`${this.#shown} is not a whole number from ${min} ${to}`);
  }

  text(): string {
    const { value } = this;
    if (typeof value === "string" && value.trim() !== "") return value;
    return this.refuse(`${this.#shown} is not a text`);
  }

  optionalText(): string | null {
    return this.isAbsent ? null : this.text();
  }

  flag(): boolean {
    const { value } = this;
    if (this.isAbsent) return false;
    if (typeof value === "boolean") return value;
    return this.refuse(`${this.#shown} is not true or false`);
  }

  oneOf<T extends string>(words: readonly T[], otherwise?: T): T {
    if (this.isAbsent && otherwise !== undefined) return otherwise;
    const { value } = this;
    const word = typeof value === "string" ? words.find((one) => one === value.toLowerCase()) : undefined;
    return word ?? this.refuse(`${this.#shown} is not one of ${words.join(", ")}`);
  }

  /** Milliseconds. */
  duration(minMs: number, maxMs: number): number {
    let ms: number;
    try {
      ms = durationMs(this.value as DurationInput, fieldName(this.path)); // which refuses all else
    } catch (cause) {
      return this.refuse(`${this.#shown} is not a duration such as "30s", "5m" or "1h30m"`, cause);
    }
    if (ms < minMs || ms > maxMs)
      this.refuse(`${this.#shown} is not between ${durationString(minMs)} and ${durationString(maxMs)}`);
    return ms;
  }

  optionalDuration(minMs: number, maxMs: number): number | null {
    return this.isAbsent ? null : this.duration(minMs, maxMs);
  }

  /** Epoch ms. */
  instant(): number {
    try {
      return instantMs(String(this.value), fieldName(this.path));
    } catch (cause) {
      return this.refuse(`${this.#shown} is not a date`, cause);
    }
  }

  get #shown(): string {
    const { value } = this;
    const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value)); // NaN is null in JSON
    return text.length > 200 ? `${text.slice(0, 200)}…` : text;
  }
}
