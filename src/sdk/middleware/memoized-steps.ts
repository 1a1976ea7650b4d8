import type { SettledMemo } from "../../protocol/call.ts";
import type { JsonValue } from "../../protocol/json.ts";
import type { WireError } from "../../protocol/wire-error.ts";
import type { MemoizedStep, MemoizedSteps } from "./base.ts";

/** Settled steps by their hashes. */
export type Memos = Iterable<readonly [id: string, memo: SettledMemo]>;

/**
 * Memoized steps for middleware, read when something of them is looked at: a run's journal may be large, and most
 * middleware only hands the object on.
 */
export class LazySteps {
  readonly steps: MemoizedSteps;
  readonly #read: () => Memos;
  #loaded: MemoizedSteps | null = null;

  constructor(read: () => Memos) {
    this.#read = read;
    const target: MemoizedSteps = {};
    const loaded = () => (this.#loaded ??= this.#load(target));
    this.steps = new Proxy(target, {
      get: (_, key) => Reflect.get(loaded(), key),
      set: (_, key, value) => Reflect.set(loaded(), key, value),
      has: (_, key) => Reflect.has(loaded(), key),
      deleteProperty: (_, key) => Reflect.deleteProperty(loaded(), key),
      defineProperty: (_, key, property) => Reflect.defineProperty(loaded(), key, property),
      ownKeys: () => Reflect.ownKeys(loaded()),
      getOwnPropertyDescriptor: (_, key) => Reflect.getOwnPropertyDescriptor(loaded(), key),
    });
  }

  /** What middleware handed back, or null when nothing in it can differ from the journal. */
  changes(result: MemoizedSteps): MemoizedSteps | null {
    return result === this.steps && this.#loaded === null ? null : result;
  }

  #load(target: MemoizedSteps): MemoizedSteps {
    for (const [id, { memo }] of this.#read()) target[id] = toStep(memo);
    return target;
  }
}

/** A memo as middleware left it: a step that it took away keeps the journal's, because it never runs again. */
export function changedMemo(step: MemoizedStep | undefined, settled: SettledMemo): SettledMemo {
  if (step === undefined || step.type === "input") return settled;
  if (step.type === "error") return { ...settled, memo: { error: step.error as unknown as JsonValue } };
  const data = step.data ?? null;
  if (data === null && settled.memo === null) return settled; // a sleep, or a wait that timed out
  return { ...settled, memo: { data: data as JsonValue } }; // read back as it is, JSON or not
}

/** inngest-protocol §3.6: wrapped, or the value itself. */
function toStep(memo: SettledMemo["memo"]): MemoizedStep {
  if (typeof memo === "object" && memo !== null && !Array.isArray(memo)) {
    const keys = Object.keys(memo).filter((key) => key !== "type");
    if (keys.length === 1 && keys[0] === "error") return { type: "error", error: memo.error as unknown as WireError };
    if (keys.length === 1 && keys[0] === "data") return { type: "data", data: memo.data };
  }
  return { type: "data", data: memo };
}
