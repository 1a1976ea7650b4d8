import type { Context } from "../context.ts";
import type { InngestMiddleware } from "./legacy.ts";

/** What the middleware of a list adds to the context of handlers. */
export type MiddlewareContext<TMiddleware> = TMiddleware extends readonly [infer TFirst, ...infer TRest]
  ? Added<TFirst> & MiddlewareContext<TRest>
  : unknown;

/** The list in the options of a client or a function. */
export type MiddlewareOf<TOptions> = TOptions extends { readonly middleware: infer TMiddleware } ? TMiddleware : [];

type Added<TMiddleware> = TMiddleware extends new (...args: never[]) => {
  transformFunctionInput(...args: never[]): infer TInput;
}
  ? ContextIn<Awaited<TInput>>
  : TMiddleware extends InngestMiddleware<infer TOptions>
    ? TOptions["init"] extends (...args: never[]) => infer TRegistered
      ? Awaited<TRegistered> extends { onFunctionRun(...args: never[]): infer THooks }
        ? Awaited<THooks> extends { transformInput(...args: never[]): infer TChanged }
          ? ContextIn<Awaited<TChanged>>
          : unknown
        : unknown
      : unknown
    : unknown;

type ContextIn<TInput> = TInput extends { ctx: infer TContext } ? Omit<TContext, keyof Context> : unknown;
