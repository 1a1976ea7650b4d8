/**
 * Expressions: the dialect of CEL in triggers, waits, cancellations and flow-control keys (features §4).
 *
 * Here they are compiled, and waits are prepared for EventDO's index; `cel.ts` evaluates.
 */
import { Environment, ParseError, type ASTNode } from "@marcbachmann/cel-js";
import { expressionsOf } from "../protocol/flow-config.ts";
import type { FlowControl } from "../protocol/flow-control.ts";
import type { EventTrigger } from "../protocol/function-config.ts";
import { cached, evaluate, isKnownCall, isRecord, macroOf, member, patternOf } from "./cel.ts";
import { groupBy } from "../protocol/group-by.ts";

/** Longest source, in UTF-16 units (8 KiB of ASCII); ours, Inngest states none. */
const MAX_SOURCE_CHARS = 8 * 1024;

/** Largest and deepest syntax tree; they bound every recursion over it. Ours; the CEL spec asks for a depth of 12. */
const PARSE_LIMITS = { maxAstNodes: 1_000, maxDepth: 100 };

/** Longest string that becomes an index key; a wait for a longer one is scanned for. */
const MAX_TERM_CHARS = 512;

/** An event as expressions see it, plain JSON (features §4: `name, data, user, id, ts, v, meta`). */
export interface EventValue {
  readonly name?: unknown;
  readonly data?: unknown;
  readonly user?: unknown;
  readonly id?: unknown;
  readonly ts?: unknown;
  readonly v?: unknown;
  readonly meta?: unknown;
}

/** What an expression may refer to. */
export interface ExpressionVars {
  readonly event: EventValue;
  /** The incoming event of a wait or a cancellation. */
  readonly async?: EventValue;
  /** Time of the evaluation, epoch ms; without it `now()`, `now_plus()` and `now_minus()` are errors. */
  readonly now?: number;
}

export interface Expression {
  readonly source: string;
  /**
   * The value as plain JSON: integers as numbers, times as ISO strings, a missing attribute as null.
   *
   * @throws {ExpressionError} when an operation does not apply to its operands, or it takes too many steps
   */
  evaluate(vars: ExpressionVars): unknown;
}

/** An expression that does not compile or, from `evaluate`, has no value for the given events. */
export class ExpressionError extends Error {
  readonly code = "expression_invalid";
  readonly source: string;
  readonly #problem: string;

  constructor(problem: string, source: string, cause?: unknown, where = "") {
    super(`${where}Expression \`${source.length > 200 ? `${source.slice(0, 200)}…` : source}\` ${problem}`, { cause });
    this.name = "ExpressionError";
    this.source = source;
    this.#problem = problem;
  }

  /** The same error, told with the place where the expression stands. */
  at(where: string): ExpressionError {
    return new ExpressionError(this.#problem, this.source, this.cause, where);
  }
}

/** @throws {ExpressionError} on a syntax error, an unknown variable or function, too long or too deep a source */
export function compile(source: string): Expression {
  return compiled(source);
}

/**
 * Refuses a function one of whose expressions does not compile: an `if` of its triggers, a key, a priority.
 *
 * @throws {ExpressionError} naming function and field
 */
export function checkExpressions(functionId: string, triggers: readonly EventTrigger[], flow?: FlowControl): void {
  const named = triggers.map(({ event, expression }) => ({
    field: `triggers: event "${event}": if`,
    source: expression ?? "",
  }));
  for (const { field, source } of [...named, ...(flow ? expressionsOf(flow) : [])]) {
    try {
      if (source !== "") compile(source);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      throw error.at(`function "${functionId}": ${field}: `);
    }
  }
}

/**
 * Whether the expression is true of the events. Another result than a bool and an evaluation error are no match
 * (features §4).
 *
 * @throws {ExpressionError} when the source does not compile
 */
export function matches(source: string, vars: ExpressionVars): boolean {
  const expression = compiled(source);
  try {
    return expression.evaluate(vars) === true;
  } catch {
    return false;
  }
}

// --- compiling ---------------------------------------------------------------------------------------------------

interface CompiledExpression extends Expression {
  readonly ast: ASTNode;
}

const expressions = new Map<string, CompiledExpression>();

const environment = new Environment({
  unlistedVariablesAreDyn: true,
  homogeneousAggregateLiterals: false,
  limits: PARSE_LIMITS,
});

const searches = new Map<string, CompiledSearch>();

/** CEL over a run's `event` and `output`, by which runs are looked for. */
interface CompiledSearch {
  readonly ast: ASTNode;
  readonly usesOutput: boolean;
  /** those of the conditions that all have to hold which need no output */
  readonly ofEvent: readonly ASTNode[];
}

/** @throws {ExpressionError} as {@link compile} */
export function compileSearch(source: string): Pick<CompiledSearch, "usesOutput"> {
  return compiledSearch(source);
}

/**
 * Whether a run is as a search wants it. `output` undefined: it is not known yet, and null says that it is needed.
 *
 * @throws {ExpressionError} when the source does not compile
 */
export function searchMatches(
  source: string,
  { event, output, now }: { event: EventValue; output: unknown; now: number },
): boolean | null {
  const { ast, usesOutput, ofEvent } = compiledSearch(source);
  const names = (name: string): unknown => (name === "event" ? event : name === "output" ? output : null);
  const valueOf = (node: ASTNode): unknown => {
    try {
      return evaluate(node, names, now);
    } catch {
      return false;
    }
  };
  if (usesOutput && output === undefined) return ofEvent.every((node) => Boolean(valueOf(node))) ? null : false;
  return valueOf(ast) === true;
}

function compiledSearch(source: string): CompiledSearch {
  return cached(searches, source, () => {
    const ast = parse(source);
    check(ast, ["event", "output"], "event and output");
    const conditions = conjunctsOf(ast);
    const ofEvent = conditions.filter((condition) => !refersTo(condition, "output"));
    return { ast, usesOutput: ofEvent.length < conditions.length, ofEvent };
  });
}

function compiled(source: string): CompiledExpression {
  return cached(expressions, source, () => {
    const ast = parse(source);
    check(ast, ["event", "async", "vars"]);
    return { source, ast, evaluate: (vars) => evaluateFor(ast, vars) };
  });
}

function parse(source: string): ASTNode {
  if (source.length > MAX_SOURCE_CHARS)
    throw new ExpressionError(`is longer than ${MAX_SOURCE_CHARS} characters`, source);
  try {
    return environment.parse(source).ast;
  } catch (cause) {
    const problem =
      cause instanceof ParseError
        ? `does not parse at character ${(cause.range?.start ?? 0) + 1}: ${cause.summary}`
        : "is nested too deeply"; // a stack overflow: the parser recurses on `!` and `-` before it counts them
    throw new ExpressionError(problem, source, cause);
  }
}

/** Names, literals and patterns are checked once, so that a slip fails a registration instead of never matching. */
function check(node: ASTNode, names: readonly string[], variables = "event and async"): void {
  const refuse = (problem: string): never => {
    throw new ExpressionError(`${problem} at character ${node.start + 1}`, node.input);
  };
  const macro = macroOf(node);
  if (macro !== null) {
    check(macro.list, names, variables);
    for (const body of macro.bodies) check(body, [...names, macro.variable], variables);
    return;
  }
  if (node.op === "id" && !names.includes(node.args))
    refuse(`has the unknown variable "${node.args}" (it may use ${variables})`);
  if (node.op === "value" && node.args instanceof Uint8Array) refuse("has a bytes literal, which is not supported,");
  if ((node.op === "call" || node.op === "rcall") && !isKnownCall(node))
    refuse(`calls "${node.args[0]}", which does not exist or takes other arguments,`);
  if (node.op === "rcall" && node.args[0] === "matches") checkPattern(node.args[2][0], refuse);
  for (const child of childrenOf(node)) check(child, names, variables);
}

function checkPattern(node: ASTNode | undefined, refuse: (problem: string) => never): void {
  if (node?.op !== "value" || typeof node.args !== "string") return; // computed: refused when evaluated
  try {
    patternOf(node.args);
  } catch (cause) {
    refuse(`has an unusable pattern, ${messageOf(cause)},`);
  }
}

function childrenOf(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case "value":
    case "id":
      return [];
    case "!_":
    case "-_":
      return [node.args];
    case ".":
    case ".?":
      return [node.args[0]];
    case "call":
      return node.args[1];
    case "rcall":
      return [node.args[1], ...node.args[2]];
    case "map":
      return node.args.flat();
    default:
      return node.args;
  }
}

function evaluateFor(ast: ASTNode, vars: ExpressionVars): unknown {
  const names = (name: string): unknown => (name === "event" ? vars.event : name === "async" ? vars.async : null);
  try {
    return evaluate(ast, names, vars.now);
  } catch (cause) {
    throw new ExpressionError(`has no value here: ${messageOf(cause)}`, ast.input, cause);
  }
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

// --- waits -------------------------------------------------------------------------------------------------------

/** One equality an incoming event must satisfy; keys of `path` are joined by ".", in them "~" is "~0" and "." is "~1". */
export interface WaitTerm {
  readonly path: string;
  readonly value: string | number | boolean;
}

/** A wait for an event, as EventDO stores it. */
export interface PreparedWait {
  /** Evaluated again on every candidate; null matches any event. */
  readonly source: string | null;
  /** What the expression needs of the run's event. */
  readonly event: EventValue;
  /** Each is necessary, so looking up any one finds every match; with none the wait must be scanned for. */
  readonly terms: readonly WaitTerm[];
}

/**
 * A wait or cancellation prepared for the index, from its expression and the run's first event (features §2.3, §3.10).
 *
 * @throws {ExpressionError} when the source does not compile
 */
export function prepareWait(source: string | null, event: EventValue): PreparedWait {
  if (source === null) return { source, event: {}, terms: [] };
  const { ast } = compiled(source);
  const needed = pick(event, pathsIn(ast, "event"));
  const terms = conjunctsOf(ast).flatMap((conjunct) => termsIn(conjunct, event));
  return { source, event: isRecord(needed) ? needed : {}, terms };
}

/** Whether the incoming event is the one waited for; `now` as in {@link ExpressionVars}. */
export function waitMatches(wait: PreparedWait, incoming: EventValue, now?: number): boolean {
  return wait.source === null || matches(wait.source, { event: wait.event, async: incoming, now });
}

/** The key a term is indexed under: 1 and 1.0 share one, 1 and "1" do not. */
export function termKey(path: string, value: WaitTerm["value"]): string {
  return JSON.stringify([path, value]);
}

/** The keys under which waits for this event may be indexed, given the paths in use. */
export function termsOf(incoming: EventValue, paths: Iterable<string>): string[] {
  return [...paths].flatMap((path) => {
    const value = keysOf(path).reduce<unknown>((owner, key) => member(owner, key), incoming);
    return isTermValue(value) ? [termKey(path, value)] : [];
  });
}

/**
 * Inngest's `match: "data.orderId"` as an expression.
 *
 * @throws {ExpressionError} when the path is not keys below an event, such as `data.id` or `data["order-id"]`
 */
export function matchExpression(path: string): string {
  const source = `event.${path} == async.${path}`;
  const { ast } = compiled(source);
  const [left, right] = ast.op === "==" ? ast.args.map(pathOf) : [];
  if (left?.root !== "event" || right?.root !== "async" || pathText(left.keys) !== pathText(right.keys))
    throw new ExpressionError('is no match on one path, such as data.orderId or data["order-id"]', source);
  return source;
}

const isTermValue = (value: unknown): value is WaitTerm["value"] =>
  typeof value === "boolean" ||
  (typeof value === "number" && Number.isFinite(value)) ||
  (typeof value === "string" && value.length <= MAX_TERM_CHARS);

/** `~1` and `~0` as in JSON Pointer (RFC 6901), but between keys a dot. */
const pathText = (keys: readonly string[]): string =>
  keys.map((key) => key.replaceAll("~", "~0").replaceAll(".", "~1")).join(".");

const keysOf = (path: string): string[] =>
  path.split(".").map((key) => key.replaceAll("~1", ".").replaceAll("~0", "~"));

function conjunctsOf(node: ASTNode): ASTNode[] {
  return node.op === "&&" ? node.args.flatMap(conjunctsOf) : [node];
}

/** The term of `async.<path> == <value>`, either way round, when the value needs no incoming event. */
function termsIn(conjunct: ASTNode, event: EventValue): WaitTerm[] {
  if (conjunct.op !== "==") return [];
  const [left, right] = conjunct.args;
  const [path, known] = pathOf(left)?.root === "async" ? [pathOf(left), right] : [pathOf(right), left];
  if (path?.root !== "async" || path.keys.length === 0 || refersTo(known, "async")) return [];
  try {
    const value = evaluateFor(known, { event });
    return isTermValue(value) ? [{ path: pathText(path.keys), value }] : [];
  } catch {
    return []; // it has no value, or needs the current time
  }
}

function refersTo(node: ASTNode, variable: string): boolean {
  return (node.op === "id" && node.args === variable) || childrenOf(node).some((child) => refersTo(child, variable));
}

interface Path {
  readonly root: string;
  readonly keys: readonly string[];
}

/** `root.key["key"]…`, or null for anything whose keys are not all written out. */
function pathOf(node: ASTNode): Path | null {
  if (node.op === "id") return { root: node.args, keys: [] };
  if (node.op !== "." && node.op !== "[]") return null;
  const [owner, last] = node.args;
  const key = typeof last === "string" ? last : last.op === "value" ? last.args : null;
  const path = pathOf(owner);
  return path === null || typeof key !== "string" ? null : { root: path.root, keys: [...path.keys, key] };
}

/** The keys of every path below a variable; an empty one where the whole variable is used. */
function pathsIn(node: ASTNode, variable: string): (readonly string[])[] {
  const path = pathOf(node);
  if (path !== null) return path.root === variable ? [path.keys] : [];
  return childrenOf(node).flatMap((child) => pathsIn(child, variable));
}

/** The value with only what lies on the paths; what a path does not reach is null either way. */
function pick(value: unknown, paths: readonly (readonly string[])[]): unknown {
  if (paths.some((keys) => keys.length === 0)) return value;
  if (!isRecord(value)) return null;
  const restOf = groupBy(paths, ([key = ""]) => key);
  return Object.fromEntries(
    [...restOf]
      .filter(([key]) => Object.hasOwn(value, key))
      .map(([key, through]) => [
        key,
        pick(
          value[key],
          through.map((keys) => keys.slice(1)),
        ),
      ]),
  );
}

// --- why not ------------------------------------------------------------------------------------------------------

/** A condition that does not hold, as it is written, and what it was asked about. */
export interface FalsePart {
  readonly source: string;
  /** by the path as it is written; at most {@link VALUES_MAX} */
  readonly values: Readonly<Record<string, unknown>>;
  /** why it has no value */
  readonly error?: string;
}

const VALUES_MAX = 5;

/**
 * Those of the conditions that all have to hold which do not; none when the expression is true of the event.
 *
 * @throws {ExpressionError} when the source does not compile
 */
export function whyNot(source: string, vars: ExpressionVars): FalsePart[] {
  return conjunctsOf(compiled(source).ast).flatMap((node): FalsePart[] => {
    const part = node.input.slice(node.start, node.end);
    const values: Record<string, unknown> = {};
    for (const path of pathNodesIn(node).slice(0, VALUES_MAX)) {
      try {
        values[path.input.slice(path.start, path.end)] = evaluateFor(path, vars);
      } catch {
        // no value to show: the part's own error tells
      }
    }
    try {
      return evaluateFor(node, vars) === true ? [] : [{ source: part, values }];
    } catch (error) {
      return [{ source: part, values, error: messageOf(error) }];
    }
  });
}

/** The longest paths below a variable. */
function pathNodesIn(node: ASTNode): readonly ASTNode[] {
  const path = pathOf(node);
  if (path !== null) return path.keys.length > 0 && path.root === "event" ? [node] : [];
  return childrenOf(node).flatMap(pathNodesIn);
}
