/**
 * The evaluator of expressions: CEL's operators and functions under the loose rules Inngest put on cel-go (features §4).
 *
 * `@marcbachmann/cel-js` parses, but its evaluator is strictly typed and refuses missing keys, so its syntax tree is
 * walked here. Nothing compiles to JavaScript.
 *
 * 1. A missing attribute is null, at any depth, and never an error.
 * 2. Integers are bigint inside, as parsed, so that `7 / 2` is 3; JSON numbers are doubles. Results leave as plain JSON.
 * 3. Only own properties exist: `__proto__` and `constructor` are keys like any other.
 * 4. Every evaluation spends from one budget: nodes visited, elements walked, characters read or made.
 */
import type { ASTNode, BinaryOperator } from "@marcbachmann/cel-js";
import { UnsignedInt } from "@marcbachmann/cel-js/evaluator";

/** Steps of one evaluation: some 10 000 elements under a simple macro; 10 ms as a rule, about 1 s at the very worst. */
const MAX_STEPS = 100_000;

/** Characters a string operation reads or makes for one step. */
const CHARS_PER_STEP = 100;

/** Longest pattern of `matches()`, in UTF-16 units; ours, far above patterns met in practice. */
const MAX_PATTERN_CHARS = 256;

/** Entries of one cache of compiled sources. */
const MAX_CACHED = 500;

type CallNode = Extract<ASTNode, { op: "call" | "rcall" }>;
type FieldNode = Extract<ASTNode, { op: "." | "[]" }>;

/** Looks up a name in sight: a variable or, within a macro, its element. */
type Names = (name: string) => unknown;

class BudgetError extends Error {}

/** One evaluation: its time and what is left of its budget. */
class Run {
  readonly #now: number | undefined;
  #stepsLeft = MAX_STEPS;

  constructor(now: number | undefined) {
    this.#now = now;
  }

  readonly spend = (steps: number): void => {
    this.#stepsLeft -= steps;
    if (this.#stepsLeft < 0) throw new BudgetError(`it takes more than ${MAX_STEPS} steps`);
  };

  spendChars(chars: number): void {
    this.spend(Math.ceil(chars / CHARS_PER_STEP));
  }

  get now(): number {
    if (this.#now === undefined) throw new Error("it needs the current time, which is not known here");
    return this.#now;
  }
}

/** The value of a syntax tree as plain JSON. Throws a plain Error that says why there is none. */
export function evaluate(ast: ASTNode, names: Names, now: number | undefined): unknown {
  const run = new Run(now);
  return plain(run, walk(ast, names, run));
}

function walk(node: ASTNode, names: Names, run: Run): unknown {
  run.spend(1);
  const value = (child: ASTNode): unknown => walk(child, names, run);
  switch (node.op) {
    case "value":
      return node.args instanceof UnsignedInt ? node.args.value : node.args;
    case "id":
      return names(node.args) ?? null;
    case ".":
    case "[]":
      return select(node, value) ?? null;
    case "list":
      return node.args.map(value);
    case "map":
      return Object.fromEntries(node.args.map(([key, item]) => [text(run, value(key)), value(item)]));
    case "?:":
      return value(node.args[0]) ? value(node.args[1]) : value(node.args[2]);
    case "&&":
    case "||":
      return decide(node.args, value, node.op === "||");
    case "!_":
      return !value(node.args);
    case "-_":
      return OPERATORS["-"](0n, value(node.args), run);
    case "call":
    case "rcall":
      return call(node, names, run);
    case ".?":
    case "[?]":
      throw new Error("optional access is not supported"); // unreachable: the parser leaves it disabled
    default:
      return OPERATORS[node.op](value(node.args[0]), value(node.args[1]), run);
  }
}

/**
 * `||` (decisive: true) and `&&` (decisive: false) over any operands. The result is a bool (features §4), anything
 * truthy counts as true, and an operand that decides hides another's error (CEL spec, "Logical Operators").
 */
function decide<T>(operands: readonly T[], test: (operand: T) => unknown, decisive: boolean): boolean {
  let failure: { error: unknown } | null = null;
  for (const operand of operands) {
    try {
      if (Boolean(test(operand)) === decisive) return decisive;
    } catch (error) {
      if (error instanceof BudgetError) throw error;
      failure ??= { error };
    }
  }
  if (failure !== null) throw failure.error;
  return !decisive;
}

const select = (node: FieldNode, value: (child: ASTNode) => unknown): unknown =>
  member(value(node.args[0]), node.op === "." ? node.args[1] : value(node.args[1]));

/** An own key of an object or an element of a list; undefined when there is none. */
export function member(owner: unknown, key: unknown): unknown {
  if (Array.isArray(owner)) return isNumber(key) ? owner[Number(key)] : undefined;
  if (!isRecord(owner) || key === null || typeof key === "object") return undefined;
  const name = String(key);
  return Object.hasOwn(owner, name) ? owner[name] : undefined;
}

// --- calls and macros --------------------------------------------------------------------------------------------

type Body = (element: unknown) => unknown;

/** By name and number of bodies. In `map(x, p, t)` elements that fail `p` are left out. */
const MACROS: Readonly<Record<string, Macro["apply"]>> = {
  "all/1": (elements, test) => decide(elements, test, false),
  "exists/1": (elements, test) => decide(elements, test, true),
  "exists_one/1": (elements, test) => elements.filter(test).length === 1,
  "filter/1": (elements, test) => elements.filter(test),
  "map/1": (elements, transform) => elements.map(transform),
  "map/2": (elements, test, transform) => elements.filter(test).map(transform),
};

/** `list.macro(variable, body…)`. */
interface Macro {
  readonly list: ASTNode;
  readonly variable: string;
  readonly bodies: readonly [ASTNode, ...ASTNode[]];
  readonly apply: (elements: readonly unknown[], first: Body, last: Body) => unknown;
}

export function macroOf(node: ASTNode): Macro | null {
  if (node.op !== "rcall") return null;
  const [name, list, [variable, first, ...rest]] = node.args;
  const apply = MACROS[`${name}/${rest.length + 1}`];
  if (apply === undefined || variable?.op !== "id" || first === undefined) return null;
  return { list, variable: variable.args, bodies: [first, ...rest], apply };
}

/** Whether a call that is no macro names a function and gives it as many arguments as it takes. */
export function isKnownCall(node: CallNode): boolean {
  return fieldOfHas(node) !== null || Object.hasOwn(FUNCTIONS, signatureOf(node));
}

/** `has()` asks for presence rather than a value: the field, when the call is one. */
function fieldOfHas(node: CallNode): FieldNode | null {
  if (node.op !== "call" || node.args[0] !== "has" || node.args[1].length !== 1) return null;
  const [field] = node.args[1];
  return field?.op === "." || field?.op === "[]" ? field : null;
}

const signatureOf = (node: CallNode): string =>
  node.op === "call" ? `${node.args[0]}/${node.args[1].length}` : `.${node.args[0]}/${node.args[2].length}`;

function call(node: CallNode, names: Names, run: Run): unknown {
  const value = (child: ASTNode): unknown => walk(child, names, run);
  const field = fieldOfHas(node);
  if (field !== null) return select(field, value) !== undefined;
  const macro = macroOf(node);
  if (macro !== null) {
    const bodyOf =
      (body: ASTNode): Body =>
      (element) =>
        walk(body, (name) => (name === macro.variable ? element : names(name)), run);
    const [first, last = first] = macro.bodies;
    return macro.apply(elementsOf(value(macro.list), run), bodyOf(first), bodyOf(last));
  }
  const [a, b] = (node.op === "call" ? node.args[1] : [node.args[1], ...node.args[2]]).map(value);
  return FUNCTIONS[signatureOf(node)]?.(run, a, b);
}

/** What a macro walks: a list, the keys of an object (CEL spec, "Macros"), nothing of null. */
function elementsOf(value: unknown, run: Run): readonly unknown[] {
  const elements = Array.isArray(value) ? value : isRecord(value) ? Object.keys(value) : null;
  if (elements === null && value !== null) throw new Error(`it expects a list, not ${kindOf(value)}`);
  run.spend(elements?.length ?? 0);
  return elements ?? [];
}

// --- operators ---------------------------------------------------------------------------------------------------

const OPERATORS: Readonly<Record<BinaryOperator, (a: unknown, b: unknown, run: Run) => unknown>> = {
  "==": equal,
  "!=": (a, b, run) => !equal(a, b, run),
  "<": (a, b, run) => order(a, b, run) < 0,
  "<=": (a, b, run) => order(a, b, run) <= 0,
  ">": (a, b, run) => order(a, b, run) > 0,
  ">=": (a, b, run) => order(a, b, run) >= 0,
  in: (a, b, run) => (Array.isArray(b) ? b.some((element) => equal(a, element, run)) : member(b, a) !== undefined),
  "+": add,
  "-": (a, b) => arithmetic("-", a, b),
  "*": (a, b) => arithmetic("*", a, b),
  "/": (a, b) => arithmetic("/", a, b),
  "%": (a, b) => arithmetic("%", a, b),
};

/** Equality over all types: values of different types differ, and int and double compare by value. */
function equal(a: unknown, b: unknown, run: Run): boolean {
  run.spend(1);
  if (typeof a === "string" && typeof b === "string") run.spendChars(Math.min(a.length, b.length));
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((element, index) => equal(element, b[index], run));
  if (isRecord(a) && isRecord(b)) {
    const [keys, others] = [Object.keys(a), Object.keys(b)];
    run.spend(keys.length + others.length);
    return keys.length === others.length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key], run));
  }
  // oxlint-disable-next-line eqeqeq -- 1n == 1
  return kindOf(a) === kindOf(b) && scalarOf(a) == scalarOf(b);
}

/** Negative, zero or positive; NaN, for which every comparison is false, when the types have no common order. */
function order(a: unknown, b: unknown, run: Run): number {
  const left = a ?? ZERO[kindOf(b)]; // null orders as the other side's zero value (features §4)
  const right = b ?? ZERO[kindOf(a)];
  if (typeof left === "string" && typeof right === "string") run.spendChars(Math.min(left.length, right.length));
  const [x, y] = [scalarOf(left), scalarOf(right)];
  if (kindOf(left) !== kindOf(right) || x === null || y === null) return NaN;
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Sums and joins lists; anything else concatenates as strings, and null adds nothing (features §4). */
function add(a: unknown, b: unknown, run: Run): unknown {
  if (a === null) return b;
  if (b === null) return a;
  if (isNumber(a) && isNumber(b)) return arithmetic("+", a, b);
  if (Array.isArray(a) && Array.isArray(b)) {
    run.spend(a.length + b.length);
    return [...a, ...b];
  }
  return text(run, text(run, a) + text(run, b));
}

type Arithmetic = "+" | "-" | "*" | "/" | "%";

const INTEGERS: Readonly<Record<Arithmetic, (a: bigint, b: bigint) => bigint>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
};

const DOUBLES: Readonly<Record<Arithmetic, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
};

function arithmetic(operator: Arithmetic, a: unknown, b: unknown): number | bigint {
  if (typeof a === "bigint" && typeof b === "bigint") return int64(INTEGERS[operator](a, b));
  if (isNumber(a) && isNumber(b)) return finite(DOUBLES[operator](Number(a), Number(b)));
  throw new Error(`"${operator}" does not apply to ${kindOf(a)} and ${kindOf(b)}`);
}

// --- functions ---------------------------------------------------------------------------------------------------

/** By name and number of arguments; a leading dot marks a method, whose receiver is the first argument. */
const FUNCTIONS: Readonly<Record<string, (run: Run, a: unknown, b: unknown) => unknown>> = {
  "size/1": size,
  ".size/0": size,
  ".contains/1": (run, a, b) => onString(run, a, (string) => contains(run, string, read(run, b))),
  ".startsWith/1": (run, a, b) => onString(run, a, (string) => string.startsWith(read(run, b))),
  ".endsWith/1": (run, a, b) => onString(run, a, (string) => string.endsWith(read(run, b))),
  ".matches/1": (run, a, b) => onString(run, a, (string) => hasMatch(run, string, patternOf(read(run, b)))),
  "lowercase/1": (run, a) => read(run, a).toLowerCase(),
  "uppercase/1": (run, a) => read(run, a).toUpperCase(),
  "b64decode/1": (run, a) => new TextDecoder().decode(Uint8Array.from(atob(read(run, a)), (c) => c.charCodeAt(0))),
  "json_parse/1": (run, a) => JSON.parse(read(run, a)),
  "string/1": text,
  "double/1": (run, a) => finite(isNumber(a) ? Number(a) : Number(read(run, a).trim() || NaN)),
  "int/1": (_run, a) => integer(a),
  "uint/1": (_run, a) => unsigned(integer(a)),
  "date/1": (_run, a) => date(a),
  "now/0": (run) => timestamp(run.now),
  "now_plus/1": (run, a) => timestamp(run.now + durationMs(read(run, a))),
  "now_minus/1": (run, a) => timestamp(run.now - durationMs(read(run, a))),
};

/** Code points, elements or keys; zero of null (inngest/inngest, pkg/expressions/unknown.go). */
function size(run: Run, value: unknown): bigint {
  if (Array.isArray(value)) return BigInt(value.length);
  if (typeof value !== "string") return BigInt(elementsOf(value, run).length);
  let codePoints = 0n;
  for (const _ of read(run, value)) codePoints++;
  return codePoints;
}

/** A test of a string is false of null, like any call on a missing attribute (unknown.go). */
function onString(run: Run, value: unknown, test: (string: string) => boolean): boolean {
  return value !== null && test(read(run, value));
}

/** Paid at the worst case, string × part, which V8 reaches on repetitive strings: 80 compare in the time of one made. */
function contains(run: Run, string: string, part: string): boolean {
  run.spendChars((string.length * part.length) / 80);
  return string.includes(part);
}

/** Paid at the worst case too. */
function hasMatch(run: Run, string: string, { regex, cost }: Pattern): boolean {
  run.spendChars(cost(string.length) / 100);
  return regex.test(string);
}

function integer(value: unknown): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return int64(BigInt(Math.trunc(finite(value))));
  if (typeof value === "string" && /^[+-]?\d{1,19}$/.test(value)) return int64(BigInt(value));
  if (value instanceof Date) return BigInt(Math.floor(+value / 1000)); // CEL: seconds since the epoch
  throw new Error(`int() does not apply to ${kindOf(value)}`);
}

function unsigned(value: bigint): bigint {
  if (value < 0n) throw new Error("uint() does not apply to a negative number");
  return value;
}

/** ISO 8601, in UTC when it names no zone, or epoch s, ms or ns by magnitude (inngest/inngest, pkg/dateutil). */
function date(value: unknown): Date {
  if (value instanceof Date) return value;
  if (typeof value === "string" && /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d)?)?$/.test(value))
    return timestamp(Date.parse(/T[\d:.]+$/.test(value) ? `${value}Z` : value));
  const epoch = isNumber(value) ? Number(value) : 0;
  if (epoch < 946_684_800) throw new Error(`date() does not apply to ${kindOf(value)} of that form`); // before 2000
  return timestamp(epoch < 9_999_999_999 ? epoch * 1e3 : epoch < 9_999_999_999_999 ? epoch : epoch / 1e6);
}

function timestamp(epochMs: number): Date {
  const at = new Date(epochMs);
  if (Number.isNaN(+at)) throw new Error("a date is out of range");
  return at;
}

const UNIT_MS = new Map(Object.entries({ w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }));

/** `1h30m`, with days and weeks too (github.com/xhit/go-str2duration, which Inngest uses), but nothing below a ms. */
function durationMs(duration: string): number {
  const parts = duration.match(/\d+(\.\d+)?(w|d|h|ms|m|s)/g) ?? [];
  if (parts.length === 0 || parts.join("") !== duration) throw new Error(`"${duration.slice(0, 20)}" is no duration`);
  return parts.reduce((sum, part) => sum + Number.parseFloat(part) * (UNIT_MS.get(part.replace(/[\d.]+/, "")) ?? 0), 0);
}

// --- values ------------------------------------------------------------------------------------------------------

type Kind = "null" | "bool" | "number" | "string" | "timestamp" | "list" | "map";

const ZERO: Readonly<Partial<Record<Kind, unknown>>> = { bool: false, number: 0, string: "" };

function kindOf(value: unknown): Kind {
  if (value === null || value === undefined) return "null";
  if (typeof value === "boolean") return "bool";
  if (isNumber(value)) return "number";
  if (typeof value === "string") return "string";
  if (value instanceof Date) return "timestamp";
  return Array.isArray(value) ? "list" : "map";
}

/** What a value compares by; null for null, lists and maps. */
function scalarOf(value: unknown): number | bigint | string | null {
  if (isNumber(value) || typeof value === "string") return value;
  return typeof value === "boolean" || value instanceof Date ? Number(value) : null;
}

const isNumber = (value: unknown): value is number | bigint => typeof value === "number" || typeof value === "bigint";

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && kindOf(value) === "map";

/** A string argument, its reading paid for; null reads as empty. */
function read(run: Run, value: unknown): string {
  if (value !== null && typeof value !== "string")
    throw new Error(`a string function does not apply to ${kindOf(value)}`);
  run.spendChars(value?.length ?? 0);
  return value ?? "";
}

/** A value as `+` and `string()` write it; null as nothing. */
function text(run: Run, value: unknown): string {
  const json = typeof value === "bigint" ? value : plain(run, value);
  const made = json === null ? "" : typeof json === "object" ? JSON.stringify(json) : String(json);
  run.spendChars(made.length);
  return made;
}

/** As JSON knows it: integers as numbers, times as ISO strings. */
function plain(run: Run, value: unknown): unknown {
  run.spend(1);
  if (typeof value === "string") run.spendChars(value.length);
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((item) => plain(run, item));
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(run, item)]));
  return value ?? null;
}

function int64(value: bigint): bigint {
  if (BigInt.asIntN(64, value) !== value) throw new Error("an integer overflows 64 bits");
  return value;
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new Error("a number is not finite");
  return value;
}

// --- matches() ---------------------------------------------------------------------------------------------------

interface Pattern {
  readonly regex: RegExp;
  /** Worst number of characters compared on a subject of this length. */
  readonly cost: (subjectChars: number) => number;
}

const patterns = new Map<string, Pattern>();

/**
 * A pattern of `matches()`, in JavaScript's syntax with flag `u`, and `i` after a leading `(?i)`.
 *
 * Inngest runs RE2, which never backtracks; RegExp does. So what RE2 does not have (backreferences, lookaround) is
 * refused, and so is repeating a group that itself repeats or has alternatives, which can take exponential time. What is
 * left is polynomial, and tested only on a subject short enough for its worst case to fit the budget: for a usual e-mail
 * pattern some 600 characters. Throws a plain Error about a pattern it refuses.
 */
export function patternOf(source: string): Pattern {
  return cached(patterns, source, parsePattern);
}

function parsePattern(source: string): Pattern {
  if (source.length > MAX_PATTERN_CHARS) throw new Error(`the pattern is longer than ${MAX_PATTERN_CHARS} characters`);
  const flag = source.startsWith("(?i)") ? "i" : "";
  const body = flag === "" ? source : source.slice("(?i)".length);
  const regex = new RegExp(body, `u${flag}`);

  // Only the structure: a class, an escape or a literal is "x", and laziness changes no worst case.
  const shape = body.replace(/\\.|\[(?:\\.|[^\]\\])*\]|[^()|*+?{}\d,:^]/gsu, "x").replace(/([*+?}])\?/g, "$1");
  if (/\(\?(?!:)/.test(shape) || /\\[1-9k]/.test(body.replaceAll("\\\\", "")) || /\{\d*\d{4}/.test(shape))
    throw new Error("the pattern has a backreference, lookaround, group name or a repetition of 1000 or more");
  let tries = 2 ** (shape.match(/(?<!\()\?/g) ?? []).length;
  let rest = shape;
  while (rest.includes("("))
    rest = rest.replace(/\((?:\?:)?([^()]*)\)([*+{]?)/g, (_group, inner: string, repeat: string) => {
      const isPlain = !/[|*+?{!]/.test(inner);
      if (!isPlain && repeat !== "") throw new Error("the pattern repeats a group that repeats or has alternatives");
      tries *= inner.split("|").length;
      return `${isPlain ? "x" : "!"}${repeat}`;
    });
  tries *= rest.split("|").length;

  const isAnchored = /^\^[^|]*$/.test(shape); // otherwise a match may begin anywhere, as if after one more loop
  const loops = (shape.match(/[*+]|\{\d+,/g) ?? []).length + (isAnchored ? 0 : 1);
  const counts = (shape.match(/(?<=\{)\d+/g) ?? []).map(Number);
  const comparedChars = body.length * Math.max(1, ...counts); // on one way through the pattern, beyond the loops
  const cost = (chars: number): number => {
    let ways = tries; // times the ways to share the subject among the loops: chars + loops over loops
    for (let loop = 1; loop <= loops; loop++) ways *= (chars + loop) / loop;
    return ways * comparedChars;
  };
  return { regex, cost };
}

/** The value made for a key, kept until many others have been made since. */
export function cached<V>(cache: Map<string, V>, key: string, make: (key: string) => V): V {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = make(key);
  const [oldest] = cache.keys();
  if (oldest !== undefined && cache.size >= MAX_CACHED) cache.delete(oldest);
  cache.set(key, made);
  return made;
}
