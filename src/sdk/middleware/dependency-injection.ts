import { BaseMiddleware, type ClassAdding, type TransformFunctionInputArgs } from "./base.ts";

/**
 * Adds properties to the context of every handler.
 *
 * @example
 * const inngest = new Inngest({ id: "my-app", middleware: [dependencyInjectionMiddleware({ db })] });
 * inngest.createFunction({ id: "list" }, { event: "list" }, ({ db, step }) => step.run("read", () => db.list()));
 */
export function dependencyInjectionMiddleware<TContext extends object>(context: TContext): ClassAdding<TContext> {
  return class extends BaseMiddleware {
    readonly id = "dependency-injection";

    override transformFunctionInput(args: TransformFunctionInputArgs): TransformFunctionInputArgs & { ctx: TContext } {
      return { ...args, ctx: { ...args.ctx, ...context } };
    }
  };
}
