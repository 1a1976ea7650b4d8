/**
 * Middleware around the steps of one run.
 *
 * 1. Hooks of a run's steps begin in the order in which the handler calls the steps, and steps take their places in that
 *    order, however long hooks take.
 * 2. While hook code is under way the execution is held (rule 4 of `execute.ts`). It is not while the hook waits for its
 *    own step, or for steps that it makes itself.
 * 3. A step made inside a middleware's `wrapStep` goes through all middleware but that one.
 */
import type { SettledMemo } from "../../protocol/call.ts";
import { stepHash } from "../../protocol/ids.ts";
import { ambient, withAmbient, type Ambient } from "../ambient.ts";
import type { Execution, FoundStep, StepRequest } from "../execute.ts";
import type { InngestFunction } from "../function.ts";
import { restoreError } from "../errors.ts";
import { runBody, type BodyResult } from "../step-body.ts";
import { readStepOptions, type Ask } from "../step/options.ts";
import type { Context } from "../context.ts";
import type { StepTools } from "../step/tools.ts";
import type { BaseMiddleware, StepInfo } from "./base.ts";
import type { Chain } from "./chain.ts";

export interface StepHooksOptions {
  chain: Chain;
  execution: Execution;
  fn: InngestFunction;
  memo(step: FoundStep): SettledMemo | undefined;
  /** the handler's context, as middleware has made it */
  context(): Context;
  /** epoch ms */
  now(): number;
  /** step tools that ask in another way */
  tools(ask: Ask): StepTools;
  surroundings(): Ambient;
}

export class StepHooks {
  readonly #options: StepHooksOptions;
  readonly #wrapping: readonly BaseMiddleware[];
  readonly #transforms: boolean;
  readonly #infos = new WeakMap<FoundStep, StepInfo>();
  readonly #previews = new Map<string, number>();
  #placed: Promise<void> = Promise.resolve();

  constructor(options: StepHooksOptions) {
    this.#options = options;
    this.#wrapping = options.chain.having("wrapStep");
    this.#transforms = options.chain.has("transformStepInput");
  }

  /** What the tools ask. */
  ask(request: StepRequest, within: Nested | undefined = nestedIn(this.#options.surroundings())): Promise<unknown> {
    if (!this.#transforms && this.#wrapping.length === 0) return this.#options.execution.step(request);
    return this.#ask(request, within);
  }

  /** Runs a step's code inside the hooks. */
  async runBody(step: FoundStep, isLastAttempt: () => boolean): Promise<BodyResult> {
    const { chain, fn, context, now } = this.#options;
    const about = { ctx: context(), fn, stepInfo: { ...this.#infoOf(step), memoized: false } };
    await chain.observe("onStepStart", about);
    let thrown: unknown;
    let output: unknown;
    const code = async () => {
      try {
        return (output = await chain.wrap("wrapStepHandler", about, async () => step.body?.(step)));
      } catch (error) {
        thrown = error;
        throw error;
      }
    };
    const result = await runBody(code, `step "${step.userId}"`, now);
    if (result.kind === "data") await chain.observe("onStepComplete", { ...about, output });
    else {
      const error = thrown instanceof Error ? thrown : restoreError(result.error);
      await chain.observe("onStepError", { ...about, error, isFinalAttempt: result.final || isLastAttempt() });
    }
    return result;
  }

  async #ask(request: StepRequest, within: Nested | undefined): Promise<unknown> {
    const busy = new Busy(this.#options.execution);
    within?.busy.pause();
    try {
      const { step, settled } = await this.#place(request);
      return await this.#wrapped(step, settled, within?.inside ?? [], busy);
    } finally {
      within?.busy.resume();
      busy.end();
    }
  }

  async #place(request: StepRequest): Promise<{ step: FoundStep; settled: SettledMemo | undefined }> {
    const { execution, memo } = this.#options;
    if (!this.#transforms) {
      const step = execution.place(request);
      return { step, settled: memo(step) };
    }
    const before = this.#placed;
    let release = () => {};
    this.#placed = new Promise<void>((resolve) => (release = resolve));
    const changed = await this.#transform(request).catch((error: unknown) => ({ error }));
    await before;
    const step = execution.place("error" in changed ? request : changed);
    release();
    const settled = memo(step);
    if (!("error" in changed)) return { step, settled };
    // code that has not run yet fails and is tried again; what has no code to run fails where it is called
    if (!step.body || settled) throw changed.error;
    step.body = () => {
      throw changed.error;
    };
    return { step, settled };
  }

  async #transform(request: StepRequest): Promise<StepRequest> {
    const { chain, fn, memo } = this.#options;
    const { userId, name } = request;
    const index = this.#previews.get(userId) ?? 0;
    this.#previews.set(userId, index + 1);
    const hashedId = stepHash(userId, index);
    const memoized = memo({ ...request, index, id: hashedId, order: 0 }) !== undefined;
    const input = [...(inputOf(request) ?? [])];
    const { stepOptions, input: changed } = await chain.transform("transformStepInput", {
      fn,
      stepInfo: { hashedId, memoized, stepType: typeOf(request) },
      stepOptions: name === undefined ? { id: userId } : { id: userId, name },
      input: [...input],
    });
    const { userId: newId } = readStepOptions(stepOptions, `${request.type} of a middleware`);
    const isSame = changed.length === input.length && changed.every((value, at) => value === input[at]);
    return { ...(isSame ? request : withInput(request, changed)), userId: newId, name: stepOptions.name };
  }

  #wrapped(
    step: FoundStep,
    settled: SettledMemo | undefined,
    inside: readonly BaseMiddleware[],
    busy: Busy,
  ): Promise<unknown> {
    const { execution, fn } = this.#options;
    const stepInfo: StepInfo = { ...this.#infoOf(step), memoized: settled !== undefined };
    let asked: Promise<unknown> | undefined;
    const innermost = async () => {
      busy.pause();
      try {
        return await (asked ??= execution.ask(step, settled));
      } finally {
        busy.resume();
      }
    };
    return this.#wrapping
      .filter((one) => !inside.includes(one))
      .reduceRight<() => Promise<unknown>>((next, one) => {
        const nested: Nested = { inside: [...inside, one], busy };
        return async () =>
          withAmbient({ ...this.#options.surroundings(), nested }, async () =>
            one.wrapStep?.({ next, stepInfo, ctx: this.#contextIn(nested), fn }),
          );
      }, innermost)();
  }

  /** The context for a hook, whose step tools know where they are used, also without AsyncLocalStorage. */
  #contextIn(nested: Nested): Context {
    const { tools, context } = this.#options;
    const ask: Ask = (request) => this.ask(request, nested);
    return Object.defineProperty({ ...context() }, "step", { get: () => tools(ask), enumerable: true });
  }

  #infoOf(step: FoundStep): StepInfo {
    let info = this.#infos.get(step);
    if (!info) {
      const { userId, name } = step;
      info = {
        hashedId: step.id,
        input: inputOf(step),
        memoized: false,
        options: name === undefined ? { id: userId } : { id: userId, name },
        stepType: typeOf(step),
      };
      this.#infos.set(step, info);
    }
    return info;
  }
}

/** Being inside `wrapStep` of some middleware, around one step. */
interface Nested {
  inside: readonly BaseMiddleware[];
  busy: Busy;
}

function nestedIn(surroundings: Ambient): Nested | undefined {
  const found = ambient();
  return found?.run === surroundings.run ? (found.nested as Nested | undefined) : undefined; // only this module sets it
}

/** Hook code around one step: holds the execution, but not while it waits for steps. */
class Busy {
  readonly #execution: Execution;
  #steps = 0;
  #hasEnded = false;
  #release: () => void;

  constructor(execution: Execution) {
    this.#execution = execution;
    this.#release = execution.hold();
  }

  pause(): void {
    this.#steps += 1;
    this.#release();
  }

  resume(): void {
    this.#steps -= 1;
    if (this.#steps === 0 && !this.#hasEnded) this.#release = this.#execution.hold();
  }

  end(): void {
    this.#hasEnded = true;
    this.#release();
  }
}

/** `step.run` is `run` to middleware. */
function typeOf({ type }: StepRequest): string {
  return type === "step.sleepUntil" ? "sleep" : type.replace(/^step\./, "");
}

/** Its input is what the wire carries as options. */
function hasOptions({ op }: StepRequest): boolean {
  return op === "WaitForEvent" || op === "WaitForSignal" || op === "InvokeFunction";
}

function inputOf(request: StepRequest): unknown[] | undefined {
  return hasOptions(request) ? [request.opts] : request.input;
}

function withInput(request: StepRequest, input: unknown[]): StepRequest {
  if (!hasOptions(request)) return request.withInput?.(input) ?? request;
  const [opts] = input;
  if (typeof opts !== "object" || opts === null)
    throw new TypeError(`${request.type} "${request.userId}": input[0]: ${String(opts)} is not an object of options`);
  return { ...request, opts: opts as StepRequest["opts"] };
}
