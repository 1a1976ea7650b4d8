/** One pass over a handler: its context, its tools and the middleware around it. The same for every transport. */
import type { SettledMemo } from "../protocol/call.ts";
import { ambient, bound, withAmbient, type Ambient } from "./ambient.ts";
import type { Inngest } from "./client.ts";
import { isStepError, restoreError } from "./errors.ts";
import { Execution, type FoundStep, type Outcome, type Reporter, type StepRequest } from "./execute.ts";
import type { Registration } from "./function.ts";
import { groupTools } from "./group.ts";
import { childLogger, flushLogger, gatedLogger } from "./logger.ts";
import type { Chain } from "./middleware/chain.ts";
import type { MemoizedSteps } from "./middleware/base.ts";
import { changedMemo, LazySteps, type Memos } from "./middleware/memoized-steps.ts";
import { StepHooks } from "./middleware/step-hooks.ts";
import type { RequestPlatform } from "./platform.ts";
import { dataResult, errorResult, runBody, type BodyResult } from "./step-body.ts";
import type { Ask } from "./step/options.ts";
import { stepTools } from "./step/index.ts";
import type { Context } from "./context.ts";
import type { ReceivedEvent } from "./event.ts";
import type { WorkerEnv } from "./worker-env.ts";

export interface RunContextOptions {
  registration: Registration;
  client: Inngest;
  runId: string;
  /** at least one */
  events: readonly ReceivedEvent[];
  attempt: number;
  maxAttempts: number;
  /** the very first pass over the handler */
  isFirst: boolean;
  /** settled steps at the beginning */
  memoCount: number;
  /** reads all of them; called only for middleware that looks at them */
  memos(): Memos;
  /** as the server names this call */
  requestId?: string;
  jobId?: string;
  /** what the runtime gave to the request, or to the Worker */
  platform?: RequestPlatform;
  /** of this request */
  chain?: Chain;
}

export class RunContext {
  readonly execution: Execution;
  readonly #options: RunContextOptions;
  readonly #reporter: Reporter;
  readonly #hooks: StepHooks | null;
  readonly #surroundings: Ambient;
  #context: Context;
  /** memoized steps as middleware changed them */
  #changed: MemoizedSteps | null = null;
  /** mode of steps started now, where AsyncLocalStorage does not tell */
  #mode: "race" | undefined;

  constructor(options: RunContextOptions, reporter: Reporter) {
    this.#options = options;
    this.#reporter = reporter;
    const { chain, registration, memoCount } = options;
    this.execution = new Execution(
      {
        memo: (step) => this.#memo(step),
        found: (steps) => reporter.found(steps),
        idle: () => reporter.idle(),
        held: () => reporter.held?.(),
      },
      memoCount === 0 ? undefined : { memos: memoCount, onEnd: () => this.#replayed() },
    );
    this.#hooks = chain
      ? new StepHooks({
          chain,
          execution: this.execution,
          fn: registration.fn,
          memo: (step) => this.#memo(step),
          context: () => this.#context,
          tools: (ask) => this.#tools(ask),
          surroundings: () => this.#surroundings,
        })
      : null;
    this.#context = this.#makeContext();
    this.#surroundings = { run: this, step: this.#context.step, group: this.#context.group };
  }

  /** Runs the handler until it ends; `null` when it was stopped first. */
  start(): Promise<Outcome | null> {
    const { chain, registration } = this.#options;
    const handler = () => registration.handler(this.#context);
    return this.execution.run(() =>
      withAmbient(this.#surroundings, chain ? () => this.#inside(chain, handler) : handler),
    );
  }

  /**
   * Runs the code of a step, inside its hooks.
   *
   * @param isLastAttempt asked only when it fails and somebody wants to know
   */
  runStep(step: FoundStep, isLastAttempt: () => boolean): Promise<BodyResult> {
    if (this.#hooks) return this.#hooks.runBody(step, isLastAttempt);
    return runBody(() => step.body?.(step), `step "${step.userId}"`);
  }

  /** What the handler's end comes to. */
  async end(outcome: Outcome): Promise<BodyResult> {
    const { chain, registration, runId, attempt, maxAttempts } = this.#options;
    const result = outcome.kind === "returned" ? dataResult(outcome.value, `run ${runId}`) : errorResult(outcome.error);
    // a failed step that nobody caught: another attempt of the handler would meet the same memo
    if (result.kind === "error" && outcome.kind === "threw" && isStepError(outcome.error)) result.final = true;
    if (chain) {
      const about = { ctx: this.#context, fn: registration.fn };
      if (result.kind === "data")
        await chain.observe("onRunComplete", {
          ...about,
          output: outcome.kind === "returned" ? outcome.value : undefined,
        });
      else {
        const thrown = outcome.kind === "threw" ? outcome.error : undefined;
        const error = thrown instanceof Error ? thrown : restoreError(result.error);
        const isFinalAttempt = result.final || attempt + 1 >= maxAttempts;
        await chain.observe("onRunError", { ...about, error, isFinalAttempt });
      }
    }
    return result;
  }

  /** Lets go what the logger still holds, before the process may end. Never rejects: a run does not fail by its logger. */
  flush(): Promise<unknown> | undefined {
    const { client, runId } = this.#options;
    return flushLogger(client.logger)?.catch((error: unknown) =>
      client.internalLogger.error(`run ${runId}: the logger's flush failed`, error),
    );
  }

  async #inside(chain: Chain, handler: () => unknown): Promise<unknown> {
    const { registration, memos, memoCount, isFirst } = this.#options;
    const { fn } = registration;
    const lazy = new LazySteps(memos);
    const input = await chain.transform("transformFunctionInput", { ctx: this.#context, fn, steps: lazy.steps });
    this.#context = input.ctx;
    this.#changed = lazy.changes(input.steps);
    const about = { ctx: this.#context, fn };
    if (memoCount === 0) await chain.observe("onMemoizationEnd", about);
    if (isFirst) await chain.observe("onRunStart", about);
    return chain.wrap("wrapFunctionHandler", about, async () => handler());
  }

  #replayed(): Promise<void> | undefined {
    const { chain, registration } = this.#options;
    return chain?.observe("onMemoizationEnd", { ctx: this.#context, fn: registration.fn });
  }

  #memo(step: FoundStep): SettledMemo | undefined {
    const settled = this.#reporter.memo(step);
    return settled && this.#changed ? changedMemo(this.#changed[step.id], settled) : settled;
  }

  #makeContext(): Context {
    const { client, events, runId, attempt, maxAttempts, platform } = this.#options;
    const [event] = events;
    if (!event) throw new Error(`run ${runId} has no event`);
    const logger = childLogger(client.logger, { runID: runId, eventName: event.name });
    return {
      event,
      events: [...events],
      step: this.#tools((request) => this.#hooks?.ask(request) ?? this.execution.step(request)),
      group: groupTools((mode, code) => this.#inMode(mode, code)),
      runId,
      attempt,
      maxAttempts,
      requestId: this.#options.requestId,
      jobId: this.#options.jobId,
      logger: gatedLogger(logger, () => this.execution.isReplaying),
      env: (platform?.env ?? {}) as WorkerEnv, // as the user's `wrangler types` declares it
      waitUntil: (promise) => this.#waitUntil(promise),
    };
  }

  /** Steps keep the mode of their group, and their code the surroundings in which the handler called them. */
  #tools(ask: Ask): Context["step"] {
    const { client, runId, registration } = this.#options;
    const inPlace = (request: StepRequest) => {
      const mode = this.#currentMode();
      const opts = mode === undefined ? request.opts : { parallelMode: mode, ...request.opts };
      return ask({ ...request, opts, body: request.body && bound(request.body) });
    };
    return stepTools(inPlace, { client, runId, fn: registration.fn });
  }

  #currentMode(): "race" | undefined {
    const found = ambient();
    return this.#mode ?? (found?.run === this ? found.parallelMode : undefined);
  }

  #inMode<R>(mode: "race", code: () => R): R {
    const before = this.#mode;
    this.#mode = mode;
    try {
      return withAmbient({ ...this.#surroundings, parallelMode: mode }, code);
    } finally {
      this.#mode = before;
    }
  }

  #waitUntil(promise: Promise<unknown>): void {
    const { platform, client, runId } = this.#options;
    if (platform?.waitUntil) return platform.waitUntil(promise);
    promise.catch((error: unknown) => client.internalLogger.error(`run ${runId}: a promise given to waitUntil`, error));
  }
}
