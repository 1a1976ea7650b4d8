import { isStepError } from "../sdk/errors.ts";
import {
  BaseMiddleware,
  type ClassAdding,
  type OnRunErrorArgs,
  type OnStepCompleteArgs,
  type OnStepErrorArgs,
  type TransformFunctionInputArgs,
  type WrapFunctionHandlerArgs,
  type WrapStepArgs,
} from "../sdk/middleware/base.ts";
import type { Context } from "../sdk/context.ts";

type Tags = Record<string, string>;

interface Breadcrumb {
  category: string;
  message: string;
  level: "info" | "error";
  data: Record<string, unknown>;
}

/** The part of a Sentry scope that is used. */
export interface SentryScope {
  setTags(tags: Tags): unknown;
  setTransactionName(name: string): unknown;
  addBreadcrumb(breadcrumb: Breadcrumb): unknown;
}

/** The part of a Sentry SDK that is used: `import * as Sentry from "@sentry/cloudflare"`, or another of its SDKs. */
export interface SentryLike {
  withIsolationScope<T>(callback: (scope: SentryScope) => T): T;
  withIsolationScope<T>(scope: unknown, callback: () => T): T;
  captureException(error: unknown, hint?: { tags?: Tags }): unknown;
  flush(timeoutMs?: number): PromiseLike<boolean>;
}

export interface SentryOptions {
  /** report each attempt that fails. Default: only the last of a step or a run, when it has failed for good */
  captureEveryAttempt?: boolean;
  /** leave sending to Sentry. Default: what was captured is flushed, and the runtime stays up for it */
  disableAutomaticFlush?: boolean;
}

const FLUSH_TIMEOUT_MS = 2000;

/**
 * Reports failing steps and runs to Sentry, each in a scope of its own with tags for app, function, run, event, step and
 * attempt; handlers find Sentry as `sentry` in their context. Sentry must have been initialized: on Workers by
 * `withSentry` around the Worker and, for embedded functions, `instrumentDurableObjectWithSentry` around StepDO.
 *
 * @example
 * import * as Sentry from "@sentry/cloudflare";
 * const inngest = new Inngest({ id: "my-app", middleware: [sentryMiddleware(Sentry)] });
 */
export function sentryMiddleware<TSentry extends SentryLike>(
  sentry: TSentry,
  options: SentryOptions = {},
): ClassAdding<{ sentry: TSentry }> {
  if (typeof sentry?.captureException !== "function")
    throw new TypeError(
      'sentryMiddleware: sentry: not a Sentry SDK; pass what `import * as Sentry from "@sentry/cloudflare"` gives',
    );
  const { captureEveryAttempt = false, disableAutomaticFlush = false } = options;

  return class SentryMiddleware extends BaseMiddleware {
    readonly id = "sentry";
    #scope: SentryScope | undefined;
    #tags: Tags = {};
    /** errors of steps, which were reported when the step failed */
    readonly #known = new WeakSet<object>();

    override transformFunctionInput(
      args: TransformFunctionInputArgs,
    ): TransformFunctionInputArgs & { ctx: { sentry: TSentry } } {
      const { ctx, fn } = args;
      this.#tags = {
        "inngest.client.id": this.client.id,
        "inngest.function.id": fn.id(this.client.id),
        "inngest.function.name": fn.name,
        "inngest.run.id": ctx.runId,
        "inngest.event.id": ctx.event.id,
        "inngest.event.name": ctx.event.name,
        "inngest.attempt": String(ctx.attempt),
      };
      return { ...args, ctx: { ...ctx, sentry } };
    }

    override async wrapFunctionHandler({ next, fn }: WrapFunctionHandlerArgs): Promise<unknown> {
      return sentry.withIsolationScope((scope) => {
        this.#scope = scope;
        scope.setTags(this.#tags);
        scope.setTransactionName(`inngest:${fn.name}`);
        return next();
      });
    }

    override async wrapStep({ next, stepInfo }: WrapStepArgs): Promise<unknown> {
      try {
        return await next();
      } catch (error) {
        const ranHere = stepInfo.stepType !== "invoke" && Reflect.get(Object(error), "code") !== "step_lost";
        if (isStepError(error) && ranHere) this.#known.add(error);
        throw error;
      }
    }

    override onStepComplete({ stepInfo }: OnStepCompleteArgs): void {
      this.#leaveBreadcrumb(stepInfo, "info");
    }

    override onStepError({ ctx, error, isFinalAttempt, stepInfo }: OnStepErrorArgs): void {
      this.#leaveBreadcrumb(stepInfo, "error");
      if (!isFinalAttempt && !captureEveryAttempt) return;
      this.#capture(ctx, error, { "inngest.step.id": stepInfo.options.id, "inngest.step.type": stepInfo.stepType });
    }

    override onRunError({ ctx, error, isFinalAttempt }: OnRunErrorArgs): void {
      if (this.#known.has(error) || (!isFinalAttempt && !captureEveryAttempt)) return;
      this.#capture(ctx, error, {});
    }

    #leaveBreadcrumb({ options, stepType }: OnStepErrorArgs["stepInfo"], level: Breadcrumb["level"]): void {
      const message = options.name ?? options.id;
      this.#scope?.addBreadcrumb({ category: "inngest.step", message, level, data: { type: stepType } });
    }

    #capture(ctx: Context, error: Error, more: Tags): void {
      const tags = { ...this.#tags, ...more };
      // of the run's own scope, where the handler may have set more; there is none when the input could not be made
      const capture = () => sentry.captureException(error, { tags });
      if (this.#scope) sentry.withIsolationScope(this.#scope, capture);
      else capture();
      if (!disableAutomaticFlush) ctx.waitUntil(Promise.resolve(sentry.flush(FLUSH_TIMEOUT_MS)));
    }
  };
}
