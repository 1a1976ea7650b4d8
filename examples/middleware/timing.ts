/** A middleware of one's own: how long each step takes, and a step that every function begins with. */
import { Inngest, Middleware } from "@dotdo/inngest";
import { serve } from "@dotdo/inngest/edge";

export const timings: string[] = [];

class Timing extends Middleware.BaseMiddleware {
  readonly id = "timing";

  override async wrapFunctionHandler({ next, ctx }: Middleware.WrapFunctionHandlerArgs) {
    await ctx.step.run("warm-up", () => "ready");
    return next();
  }

  override async wrapStepHandler({ next, stepInfo }: Middleware.WrapStepHandlerArgs) {
    const from = performance.now();
    try {
      return await next();
    } finally {
      timings.push(`${stepInfo.options.id}: ${Math.round(performance.now() - from)} ms`);
    }
  }
}

export const inngest = new Inngest({ id: "timed", isDev: true, middleware: [Timing] });

export const add = inngest.createFunction({ id: "add" }, { event: "numbers/given" }, ({ event, step }) =>
  step.run("add", () => event.data.a + event.data.b),
);

export default { fetch: serve({ client: inngest, functions: [add] }) };
