/** Middleware of version 3: an object with life cycles, carried out by one class in the form of today. */
import type { Inngest } from "../client.ts";
import { restoreError } from "../errors.ts";
import type { InngestFunction } from "../function.ts";
import { serializeError } from "../serialize-error.ts";
import type { Context } from "../context.ts";
import type { EventPayload } from "../event.ts";
import {
  BaseMiddleware,
  type Class,
  type MemoizedSteps,
  type OnRunCompleteArgs,
  type TransformFunctionInputArgs,
  type TransformSendEventArgs,
  type WrapFunctionHandlerArgs,
  type WrapRequestArgs,
  type WrapSendEventArgs,
  type WrapStepArgs,
  type WrapStepHandlerArgs,
} from "./base.ts";

type MaybePromise<T> = T | Promise<T>;
type Blank = () => MaybePromise<void>;

/** A step as version 3 shows it: no id, its result or its error. */
interface LegacyStep {
  data?: unknown;
  error?: unknown;
}

interface RunArgs {
  readonly ctx: Context & Record<string, unknown>;
  readonly steps: readonly Readonly<LegacyStep>[];
  readonly fn: InngestFunction;
  readonly reqArgs: readonly unknown[];
}

interface Result {
  data?: unknown;
  error?: unknown;
}

interface RunHooks {
  transformInput?(args: RunArgs): MaybePromise<{ ctx?: object; steps?: readonly LegacyStep[] } | undefined | void>;
  beforeMemoization?: Blank;
  afterMemoization?: Blank;
  beforeExecution?: Blank;
  afterExecution?: Blank;
  transformOutput?(args: {
    result: Readonly<Result>;
    step?: Readonly<{ name?: string; displayName?: string; op: string; opts: { type: string } }>;
  }): MaybePromise<{ result?: Result } | undefined | void>;
  finished?(args: { result: Readonly<Result> }): MaybePromise<void>;
  beforeResponse?: Blank;
}

interface SendHooks {
  transformInput?(args: {
    payloads: readonly EventPayload[];
  }): MaybePromise<{ payloads?: EventPayload[] } | undefined | void>;
  transformOutput?(args: { result: { ids: string[] } }): MaybePromise<{ result?: object } | undefined | void>;
}

interface Registered {
  onFunctionRun?(
    args: Readonly<Omit<RunArgs, "ctx"> & { ctx: Pick<Context, "event" | "runId"> }>,
  ): MaybePromise<RunHooks>;
  onSendEvent?(): MaybePromise<SendHooks>;
}

/** Options of {@link InngestMiddleware}. */
export interface MiddlewareOptions {
  /** names the middleware in errors and logs */
  name: string;
  /** called once for each client and function that the middleware is added to */
  init: (args: { client: Inngest; fn?: InngestFunction }) => MaybePromise<Registered>;
}

/** What makes an object middleware of version 3, whichever package made it. */
export interface LegacyMiddleware {
  readonly name: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- made for another package's client
  readonly init: (args: any) => any;
}

/**
 * Middleware in the form of version 3 of Inngest's SDK, for code that was written for it; new code extends
 * `Middleware.BaseMiddleware`.
 *
 * @example
 * new InngestMiddleware({ name: "db", init: () => ({ onFunctionRun: () => ({ transformInput: () => ({ ctx: { db } }) }) }) });
 */
export class InngestMiddleware<TOptions extends MiddlewareOptions = MiddlewareOptions> implements LegacyMiddleware {
  readonly name: TOptions["name"];
  readonly init: TOptions["init"];

  constructor({ name, init }: TOptions) {
    this.name = name;
    this.init = init;
  }

  get [Symbol.toStringTag](): "Inngest.Middleware" {
    return "Inngest.Middleware";
  }
}

export function isLegacy(value: unknown): value is LegacyMiddleware {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "init") === "function";
}

/** The class that carries out one such object, for the client or function it is added to. */
export function adaptLegacy(legacy: LegacyMiddleware): Class {
  let registered: Promise<Registered> | undefined;
  return class extends Adapter {
    readonly id = legacy.name;

    static override onRegister({ client, fn }: { client: Inngest; fn: InngestFunction | null }): void {
      registered = Promise.resolve(legacy.init({ client, ...(fn && { fn }) }));
      registered.catch(() => undefined); // told to whoever uses it
    }

    protected override async registered(): Promise<Registered> {
      registered ??= Promise.resolve(legacy.init({ client: this.client }));
      return (await registered) ?? {};
    }
  };
}

/** Life cycles of version 3 in terms of the hooks of today. */
abstract class Adapter extends BaseMiddleware {
  #run: RunHooks = {};
  #args: TransformFunctionInputArgs | null = null;
  #reqArgs: readonly unknown[] = [];
  #hasRequest = false;
  /** `transformInput` changes steps, so it must also see those that settle later in this pass */
  #changesSteps = false;
  #hasExecuted = false;
  #send: Promise<SendHooks> | null = null;

  protected abstract registered(): Promise<Registered>;

  override async wrapRequest({ next, requestArgs }: WrapRequestArgs) {
    this.#hasRequest = true;
    this.#reqArgs = requestArgs;
    const response = await next();
    await this.#run.beforeResponse?.();
    return response;
  }

  override async transformFunctionInput(args: TransformFunctionInputArgs): Promise<TransformFunctionInputArgs> {
    const { ctx, fn } = args;
    const reqArgs = this.#reqArgs;
    const { onFunctionRun } = await this.registered();
    const seen = lazySteps(args);
    this.#args = args;
    this.#run =
      (await onFunctionRun?.({
        ctx: { event: ctx.event, runId: ctx.runId },
        fn,
        reqArgs,
        get steps() {
          return seen.list();
        },
      })) ?? {};
    const changed = await this.#run.transformInput?.({
      ctx: ctx as RunArgs["ctx"],
      fn,
      reqArgs,
      get steps() {
        return seen.list();
      },
    });
    await this.#run.beforeMemoization?.();
    this.#changesSteps = changed?.steps !== undefined;
    return {
      ...args,
      ctx: { ...ctx, ...changed?.ctx },
      steps: changed?.steps ? seen.changed(changed.steps) : args.steps,
    };
  }

  override async onMemoizationEnd(): Promise<void> {
    await this.#run.afterMemoization?.();
    await this.#run.beforeExecution?.();
  }

  override async wrapStep({ next, stepInfo }: WrapStepArgs): Promise<unknown> {
    const { transformInput } = this.#run;
    if (stepInfo.memoized || !this.#changesSteps || !transformInput || !this.#args) return next();
    const { ctx, fn } = this.#args;
    const [changed] =
      (
        await transformInput({
          ctx: ctx as RunArgs["ctx"],
          fn,
          reqArgs: this.#reqArgs,
          steps: [{ data: await next() }],
        })
      )?.steps ?? [];
    return changed?.data;
  }

  override async wrapStepHandler({ next, stepInfo }: WrapStepHandlerArgs): Promise<unknown> {
    const { id, name } = stepInfo.options;
    const step = { name: id, displayName: name ?? id, op: "StepRun", opts: { type: `step.${stepInfo.stepType}` } };
    return this.#output(next, step);
  }

  override async wrapFunctionHandler({ next }: WrapFunctionHandlerArgs): Promise<unknown> {
    return this.#output(next);
  }

  override async onRunComplete({ output }: Pick<OnRunCompleteArgs, "output">): Promise<void> {
    await this.#run.finished?.({ result: { data: output } });
    if (!this.#hasRequest) await this.#run.beforeResponse?.();
  }

  override async onRunError({ error }: { error: Error }): Promise<void> {
    await this.#run.finished?.({ result: { error } });
    if (!this.#hasRequest) await this.#run.beforeResponse?.();
  }

  override async transformSendEvent(args: TransformSendEventArgs): Promise<TransformSendEventArgs> {
    const changed = await (await this.#sending()).transformInput?.({ payloads: args.events });
    return changed?.payloads ? { ...args, events: changed.payloads } : args;
  }

  override async wrapSendEvent({ next }: WrapSendEventArgs): Promise<{ ids: string[] }> {
    const result = await next();
    const changed = await (await this.#sending()).transformOutput?.({ result });
    return { ...result, ...changed?.result };
  }

  #sending(): Promise<SendHooks> {
    this.#send ??= this.registered().then(async ({ onSendEvent }) => (await onSendEvent?.()) ?? {});
    return this.#send;
  }

  async #output(
    code: () => Promise<unknown>,
    step?: Parameters<NonNullable<RunHooks["transformOutput"]>>[0]["step"],
  ): Promise<unknown> {
    const result: Result = {};
    try {
      result.data = await code();
    } catch (error) {
      result.error = error;
    }
    if (!this.#hasExecuted) await this.#run.afterExecution?.();
    this.#hasExecuted = true;
    const failed = "error" in result;
    const changed = await this.#run.transformOutput?.(step ? { result, step } : { result });
    const final = { ...result, ...changed?.result };
    if (!failed) return final.data;
    // an error that was changed to plain data, as serializers do, is one again
    throw final.error === result.error || final.error instanceof Error
      ? final.error
      : restoreError(final.error ?? serializeError(result.error));
  }
}

/** Memoized steps as the list of version 3, read when it is looked at. */
function lazySteps(args: TransformFunctionInputArgs): {
  list(): LegacyStep[];
  changed(list: readonly LegacyStep[]): MemoizedSteps;
} {
  let ids: string[] = [];
  let list: LegacyStep[] | null = null;
  return {
    list() {
      if (list) return list;
      ids = Object.keys(args.steps);
      list = Object.values(args.steps).map((step) =>
        step.type === "data" ? { data: step.data } : step.type === "error" ? { error: step.error } : {},
      );
      return list;
    },
    changed(changed) {
      if (!list) return args.steps; // nothing was looked at, so nothing can have been changed
      const steps = { ...args.steps };
      for (const [index, id] of ids.entries()) {
        const one = changed[index];
        if (one && "data" in one && steps[id]?.type === "data") steps[id] = { type: "data", data: one.data };
      }
      return steps;
    },
  };
}

/** Types under their names in Inngest's SDK. */
export declare namespace InngestMiddleware {
  /** Middleware, whatever its options. */
  type Any = InngestMiddleware;
  /** What all middleware of 3.x has, of any copy of the package. */
  interface Like {
    readonly [Symbol.toStringTag]: "Inngest.Middleware";
  }
  type Stack = [Like, ...Like[]];
}
