/** One pass over a handler: its context, its tools and the middleware around it. The same for every transport. */
import type { SettledMemo } from "../protocol/call.ts";
import type { LogBatch } from "../protocol/logs.ts";
import { commonSessions, type Sessions } from "../protocol/sessions.ts";
import { ambient, bound, withAmbient, type Ambient } from "./ambient.ts";
import type { Inngest } from "./client.ts";
import { isStepError, NonRetriableError, restoreError } from "./errors.ts";
import { Execution, type FoundStep, type Outcome, type Reporter } from "./execute.ts";
import type { Registration } from "./function.ts";
import { groupTools, type StepScope, type VariantScope } from "./group.ts";
import { isNo } from "./environment.ts";
import { childLogger, flushLogger, gatedLogger } from "./logger.ts";
import { RunLogs } from "./run-logs.ts";
import type { EventSender } from "./sender.ts";
import { hostFetch, type HostedRun, type RunHost } from "./run-host.ts";
import type { Chain } from "./middleware/chain.ts";
import type { MemoizedSteps } from "./middleware/base.ts";
import { changedMemo, LazySteps, type Memos } from "./middleware/memoized-steps.ts";
import { StepHooks } from "./middleware/step-hooks.ts";
import type { RequestPlatform } from "./platform.ts";
import { dataResult, errorResult, runBody, type BodyResult } from "./step-body.ts";
import { runtimeTimer, TimedBodies, type Timer } from "./step-timeout.ts";
import type { Ask } from "./step/options.ts";
import { stepTools } from "./step/index.ts";
import { runTool } from "./step/run.ts";
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
  host?: RunHost;
  /** who is told of steps takes what they log, too */
  logs?: boolean;
}

export class RunContext {
  readonly execution: Execution;
  readonly #options: RunContextOptions;
  readonly #reporter: Reporter;
  readonly #hooks: StepHooks | null;
  readonly #logs: RunLogs | null;
  readonly #surroundings: Ambient;
  #context: Context;
  /** memoized steps as middleware changed them */
  #changed: MemoizedSteps | null = null;
  /** what holds for steps started now, where AsyncLocalStorage does not tell */
  #scope: StepScope = {};
  readonly #variants = new Set<VariantScope>();
  readonly #hostedRun: HostedRun;
  #bodies: TimedBodies | null = null;

  constructor(options: RunContextOptions, reporter: Reporter) {
    this.#options = options;
    this.#reporter = reporter;
    const { chain, registration, memoCount, runId, attempt } = options;
    this.#hostedRun = { runId, functionId: registration.id, attempt };
    this.execution = new Execution(
      {
        memo: (step) => this.#memo(step),
        edited: (step) => reporter.edited?.(step),
        found: (steps) => reporter.found(this.#hosted(steps)),
        idle: () => reporter.idle(),
        held: () => reporter.held?.(),
      },
      memoCount === 0 ? undefined : { memos: memoCount, onEnd: () => this.#replayed() },
      options.host?.turns?.(),
    );
    this.#hooks = chain
      ? new StepHooks({
          chain,
          execution: this.execution,
          fn: registration.fn,
          memo: (step) => this.#memo(step),
          now: () => this.#now(),
          context: () => this.#context,
          tools: (ask) => this.#tools(ask),
          surroundings: () => this.#surroundings,
        })
      : null;
    this.#logs = options.logs
      ? RunLogs.of(options.client, {
          run: this,
          now: () => this.#now(),
          isReplaying: () => this.execution.isReplaying,
          scope: () => this.#scope,
        })
      : null;
    this.#context = this.#makeContext();
    this.#surroundings = {
      run: this,
      runId,
      client: options.client,
      sessions: () => this.#sessions(),
      send: this.#sender(),
      step: this.#context.step,
      group: this.#context.group,
      hear: this.#logs?.hear,
    };
  }

  /** Runs the handler until it ends; `null` when it was stopped first. */
  start(): Promise<Outcome | null> {
    const { chain, registration, host } = this.#options;
    const handler = host?.handler
      ? () => host.handler?.(this.#hostedRun, this.#context, (context) => registration.handler(context))
      : () => registration.handler(this.#context);
    return this.execution.run(() =>
      withAmbient(this.#surroundings, chain ? () => this.#inside(chain, handler) : handler),
    );
  }

  /**
   * Runs the code of a step, inside its hooks.
   *
   * @param isLastAttempt asked only when it fails and somebody wants to know
   */
  runStep(found: FoundStep, isLastAttempt: () => boolean): Promise<BodyResult> {
    const step = this.#timed(found);
    this.#logs?.begin(found.id);
    if (this.#hooks) return this.#hooks.runBody(step, isLastAttempt);
    return runBody(
      () => step.body?.(step),
      `step "${step.userId}"`,
      () => this.#now(),
    );
  }

  /** What the code of a step has logged, which is over. */
  stepLogs({ id }: FoundStep): LogBatch | undefined {
    return this.#logs?.end(id);
  }

  /** What the code around steps has logged since this was asked last. */
  logsAround(): LogBatch | undefined {
    return this.#logs?.around();
  }

  /** What the handler's end comes to. */
  async end(outcome: Outcome): Promise<BodyResult> {
    const { chain, registration, runId, attempt, maxAttempts } = this.#options;
    const result =
      outcome.kind === "returned" ? dataResult(outcome.value, `run ${runId}`) : errorResult(outcome.error, this.#now());
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

  /** Ends the pass: nothing that its code still does counts. */
  stop(): void {
    this.execution.stop();
    this.#bodies?.abort();
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
    this.#options.host?.asked?.(this.#hostedRun, step);
    const settled = this.#reporter.memo(step);
    return settled && this.#changed ? changedMemo(this.#changed[step.id], settled) : settled;
  }

  #makeContext(): Context {
    const { client, events, runId, attempt, maxAttempts, platform } = this.#options;
    const [event] = events;
    if (!event) throw new Error(`run ${runId} has no event`);
    const ask: Ask = (request) => this.#hooks?.ask(request) ?? this.execution.step(request);
    const own = childLogger(client.logger, { runID: runId, eventName: event.name });
    const logger = gatedLogger(own, () => this.execution.isReplaying);
    return {
      event,
      events: [...events],
      step: this.#tools(ask),
      group: groupTools({
        runId,
        within: (scope, code) => this.#within(scope, code),
        selection: runTool(this.#placed(ask), "group.experiment", undefined), // a name, whatever the serializer
        warn: (message) => client.internalLogger.warn(message),
      }),
      runId,
      sessions: propagatesSessions(client) ? commonSessions(events) : undefined,
      attempt,
      maxAttempts,
      requestId: this.#options.requestId,
      jobId: this.#options.jobId,
      logger: this.#logs?.logger(logger) ?? logger,
      env: (platform?.env ?? {}) as WorkerEnv, // as the user's `wrangler types` declares it
      waitUntil: (promise) => this.#waitUntil(promise),
    };
  }

  #tools(ask: Ask): Context["step"] {
    const { client, runId, registration } = this.#options;
    return stepTools(this.#placed(ask), {
      client,
      runId,
      fn: registration.fn,
      sessions: () => this.#sessions(),
      send: this.#sender(),
      now: () => this.#now(),
      fetch: hostFetch(this.#options.host),
      hold: () => this.execution.hold(),
    });
  }

  /** A step with a timeout has its own code watched, or whatever the host has put in its place. */
  #timed(step: FoundStep): FoundStep {
    const { body, timeoutMs, userId } = step;
    if (!body || timeoutMs === undefined) return step;
    const { host } = this.#options;
    const timer: Timer = (ms, fire) => host?.timer?.(this.#hostedRun, ms, fire) ?? runtimeTimer(ms, fire);
    const bodies = (this.#bodies ??= new TimedBodies(timer));
    return { ...step, body: (own) => bodies.run(userId, timeoutMs, (signal) => body({ ...own, signal })) };
  }

  /** Steps keep what holds in their group, and their code the surroundings in which the handler called them. */
  #placed(ask: Ask): Ask {
    return (request) => {
      const { parallelMode, selecting, inside, variant } = this.#startStep();
      if (selecting !== undefined)
        throw new NonRetriableError(
          `${request.type} "${request.userId}": started in \`select\` of group.experiment "${selecting}"; start it in a variant, or before the experiment`,
        );
      if (inside !== undefined)
        throw new NonRetriableError(
          `${request.type} "${request.userId}": started inside the code of step "${inside}", where nothing would carry it out; start it before or after that step, or call plain code`,
        );
      const opts = { ...variant?.opts, ...(parallelMode && { parallelMode }), ...request.opts };
      const { body, userId } = request;
      const code =
        body &&
        ((step: FoundStep) =>
          this.#within({ inside: userId, execution: { id: step.id, lines: this.#logs?.of(step.id) } }, () =>
            body(step),
          ));
      return ask({ ...request, opts, body: code && bound(code) });
    };
  }

  /** The scope that a step is started in, which knows of it from now on. */
  #startStep(): StepScope {
    const found = ambient();
    if (found?.run === this) {
      const { scope = {} } = found;
      if (scope.variant) scope.variant.hasStep = true;
      return scope;
    }
    for (const variant of this.#variants) variant.hasStep = true; // it may be of any of them
    return this.#scope;
  }

  #within<R>(more: StepScope, code: () => R): R {
    const found = ambient();
    const outer = found?.run === this ? found : { ...this.#surroundings, scope: this.#scope };
    const before = this.#scope;
    this.#scope = { ...outer.scope, ...more };
    if (more.variant) this.#variants.add(more.variant);
    try {
      return withAmbient({ ...outer, scope: this.#scope }, code);
    } finally {
      this.#scope = before;
    }
  }

  #hosted(steps: FoundStep[]): FoundStep[] {
    const { host } = this.#options;
    return host?.step ? steps.map((step) => host.step?.(this.#hostedRun, step) ?? step) : steps;
  }

  #sender(): EventSender | undefined {
    const { host } = this.#options;
    const send = host?.send?.bind(host);
    return send && ((events, seed) => send(this.#hostedRun, events, seed));
  }

  #now(): number {
    return this.#options.host?.now?.() ?? Date.now();
  }

  /** What the events that the run sends inherit: as middleware and handler have left it. */
  #sessions(): Sessions | undefined {
    return propagatesSessions(this.#options.client) ? this.#context.sessions : undefined;
  }

  #waitUntil(promise: Promise<unknown>): void {
    const { platform, client, runId } = this.#options;
    if (platform?.waitUntil) return platform.waitUntil(promise);
    promise.catch((error: unknown) => client.internalLogger.error(`run ${runId}: a promise given to waitUntil`, error));
  }
}

/** Whether events sent inside a run inherit its sessions. */
function propagatesSessions(client: Inngest): boolean {
  return client.option("sessionPropagation") ?? !isNo(client.envVar("INNGEST_SESSION_PROPAGATION"));
}
