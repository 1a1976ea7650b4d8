/**
 * The run that code is part of, found without being handed down: `step` and `group` as exports. AsyncLocalStorage is
 * taken where the runtime has it, never imported, and nothing else needs it.
 */
import type { LogLineLevel } from "../protocol/logs.ts";
import type { GroupTools, StepScope } from "./group.ts";
import type { EventSender } from "./sender.ts";
import type { StepTools } from "./step/tools.ts";

/** What code inside a run finds. */
export interface Ambient {
  /** of the run: equal for all code of one pass */
  readonly run: object;
  readonly runId: string;
  /** whose function it is */
  readonly client: object;
  /** what the events that it sends inherit */
  sessions(): Record<string, string> | undefined;
  /** delivers them, when the run's host does */
  readonly send?: EventSender;
  readonly step: StepTools;
  readonly group: GroupTools;
  /** set inside a group's callback */
  readonly scope?: StepScope;
  /** set inside a middleware's `wrapStep` */
  readonly nested?: unknown;
  /** takes what is written to the console, when that is wanted */
  hear?(level: LogLineLevel, args: readonly unknown[]): void;
}

interface Storage {
  run<R>(store: Ambient, callback: () => R): R;
  getStore(): Ambient | undefined;
}

interface StorageClass {
  new (): Storage;
  snapshot?(): <R>(callback: () => R) => R;
}

let storageClass: StorageClass | null | undefined;
let storage: Storage | null | undefined;

function findClass(): StorageClass | null {
  const runtime = globalThis as {
    AsyncLocalStorage?: StorageClass;
    process?: { getBuiltinModule?(name: string): { AsyncLocalStorage?: StorageClass } | undefined };
  };
  try {
    return (
      runtime.process?.getBuiltinModule?.("node:async_hooks")?.AsyncLocalStorage ?? runtime.AsyncLocalStorage ?? null
    );
  } catch {
    return null; // not permitted here
  }
}

function store(): Storage | null {
  if (storageClass === undefined) storageClass = findClass();
  if (storage === undefined) storage = storageClass && new storageClass();
  return storage;
}

/** What surrounds the code that asks; undefined outside a run, and where there is no AsyncLocalStorage. */
export function ambient(): Ambient | undefined {
  return store()?.getStore();
}

/** Whether surroundings can be found at all. */
export function hasAmbient(): boolean {
  return store() !== null;
}

/** Runs code inside surroundings, as far as the runtime can tell. */
export function withAmbient<R>(surroundings: Ambient, code: () => R): R {
  const found = store();
  return found ? found.run(surroundings, code) : code();
}

/** The function, to be called later in the surroundings of now: those of the run, and the user's own. */
export function bound<A extends unknown[], R>(code: (...args: A) => R): (...args: A) => R {
  store();
  const restore = storageClass?.snapshot?.();
  return restore ? (...args) => restore(() => code(...args)) : code;
}

/** @throws Error that says what to do */
function current(what: string): Ambient {
  const found = ambient();
  if (found) return found;
  throw new Error(
    hasAmbient()
      ? `${what}: used outside a run; call it from a function's handler, or from code that the handler calls`
      : `${what}: this runtime has no AsyncLocalStorage; use the handler's own \`${what.split(".")[0]}\`, or on Workers the flag nodejs_compat`,
  );
}

/** Properties that the language itself asks any object for. */
const NOT_TOOLS = new Set(["then", "toJSON", "constructor", "prototype"]);

function ambientTools<T extends object>(kind: "step" | "group"): T {
  return new Proxy({} as T, {
    get(_target, name) {
      if (typeof name === "symbol" || NOT_TOOLS.has(name)) return undefined;
      return Reflect.get(current(`${kind}.${name}`)[kind], name);
    },
  });
}

/**
 * The step tools of the run that the calling code is part of. Needs AsyncLocalStorage: Node, Bun, Deno, and Workers
 * with `nodejs_compat`.
 *
 * @throws Error when used outside a run
 * @example
 * import { step } from "@dotdo/inngest";
 * const chargeOnce = (orderId: string) => step.run("charge", () => charge(orderId));
 */
export const step: StepTools = ambientTools("step");

/**
 * The group tools of the run that the calling code is part of; as {@link step}.
 *
 * @throws Error when used outside a run
 */
export const group: GroupTools = ambientTools("group");
