import type { Inngest } from "../client.ts";
import { isNonRetriable, isRetryAfter, NonRetriableError, RetryAfterError } from "../errors.ts";
import type { InngestFunction } from "../function.ts";
import type { Logger } from "../context.ts";
import type { BaseMiddleware, Class } from "./base.ts";
import { adaptLegacy, isLegacy, type LegacyMiddleware } from "./legacy.ts";

/** What the option `middleware` takes: classes, and the objects of version 3. */
export type MiddlewareOption = Class | LegacyMiddleware;

/**
 * The option `middleware`, as classes.
 *
 * @param what names the owner in errors, such as `new Inngest`
 * @throws TypeError for an element that is neither
 */
export function readMiddleware(list: unknown, what: string): readonly Class[] {
  if (list === undefined) return [];
  if (!Array.isArray(list)) throw new TypeError(`${what}: middleware: ${typeof list} is not a list of middleware`);
  return list.map((one: unknown, index) => {
    if (isLegacy(one)) return adaptLegacy(one);
    if (typeof one === "function") return one as Class; // its instances are checked by what they do
    throw new TypeError(
      `${what}: middleware[${index}]: ${one === null ? "null" : typeof one} is neither a class that extends Middleware.BaseMiddleware nor an InngestMiddleware`,
    );
  });
}

/** Tells each class that it was added. */
export function registerMiddleware(classes: readonly Class[], client: Inngest, fn: InngestFunction | null): void {
  for (const one of classes) one.onRegister?.({ client, fn });
}

/** Hooks whose result takes the place of their argument. */
type Transform = "transformFunctionInput" | "transformStepInput" | "transformSendEvent";
type Wrap = "wrapRequest" | "wrapFunctionHandler" | "wrapStepHandler" | "wrapSendEvent";
type Observe =
  | "onMemoizationEnd"
  | "onRunStart"
  | "onRunComplete"
  | "onRunError"
  | "onStepStart"
  | "onStepComplete"
  | "onStepError";

export type Hook = Transform | Wrap | Observe | "wrapStep";

type Args<H extends Hook> = Parameters<NonNullable<BaseMiddleware[H]>>[0];

/** The middleware of one request or one send: instances of its own, client's first, then the function's. */
export class Chain {
  readonly #instances: BaseMiddleware[] = [];
  readonly #logger: Logger;
  /** of a constructor: told to whoever uses the chain first, so that a run fails by it and not its object */
  #failure: Error | null = null;

  private constructor(client: Inngest, classes: readonly Class[]) {
    this.#logger = client.internalLogger;
    for (const One of classes) {
      try {
        this.#instances.push(new One({ client }));
      } catch (error) {
        this.#failure ??= namedError(error, One.name, "constructor");
      }
    }
  }

  /** @returns undefined when there is no middleware, which costs nothing further */
  static open(client: Inngest, own: readonly Class[] = []): Chain | undefined {
    const classes = [...client.middleware, ...own];
    return classes.length === 0 ? undefined : new Chain(client, classes);
  }

  /** Instances that have a hook, outermost first. */
  having(hook: Hook): BaseMiddleware[] {
    return this.#instances.filter((one) => typeof one[hook] === "function");
  }

  has(hook: Hook): boolean {
    return this.#instances.some((one) => typeof one[hook] === "function");
  }

  /**
   * Each builds on the result of the one before.
   *
   * @throws what a hook throws, with the middleware and the hook named in its message
   */
  async transform<H extends Transform>(hook: H, args: Args<H>): Promise<Args<H>> {
    if (this.#failure) throw this.#failure;
    let result = args;
    for (const one of this.having(hook)) {
      try {
        const transform = one[hook] as (args: Args<H>) => Args<H> | Promise<Args<H>>;
        result = await transform.call(one, result);
      } catch (error) {
        throw namedError(error, one.id, hook);
      }
      if (typeof result !== "object" || result === null)
        throw new TypeError(`middleware "${one.id}": ${hook}: returned ${String(result)}; return the argument`);
    }
    return result;
  }

  /** Runs `innermost` inside the hooks, the first outermost. What they throw is the result: they may change errors. */
  wrap<H extends Wrap, R>(hook: H, args: Omit<Args<H>, "next">, innermost: () => Promise<R>): Promise<R> {
    return this.having(hook).reduceRight<() => Promise<R>>((next, one) => {
      const wrap = one[hook] as unknown as (args: object) => Promise<R>;
      return async () => wrap.call(one, { ...args, next });
    }, innermost)();
  }

  /** Tells all; an observer that throws is logged, and nothing else. */
  async observe<H extends Observe>(hook: H, args: Args<H>): Promise<void> {
    for (const one of this.having(hook)) {
      try {
        const observe = one[hook] as (args: Args<H>) => void | Promise<void>;
        await observe.call(one, args);
      } catch (error) {
        this.#logger.error(`middleware "${one.id}": ${hook} failed`, error);
      }
    }
  }
}

/** The error, saying whose it is; whether and when to try again is kept. */
function namedError(error: unknown, id: string, hook: Hook | "constructor"): Error {
  const why = error instanceof Error ? error.message : String(error);
  const message = `middleware "${id}": ${hook}: ${why}`;
  if (isNonRetriable(error)) return new NonRetriableError(message, { cause: error });
  if (isRetryAfter(error)) return new RetryAfterError(message, error.retryAfter, { cause: error });
  const named = new Error(message, { cause: error });
  if (error instanceof Error) {
    named.name = error.name;
    if ("code" in error) Object.assign(named, { code: error.code });
  }
  return named;
}
