/** One run of a function under {@link InngestTestEngine}, on a platform of its own, up to a checkpoint or its end. */
import { stepHash } from "../protocol/ids.ts";
import type { StepOp } from "../protocol/step-op.ts";
import type { Context } from "../sdk/context.ts";
import { isNonRetriable, isStepError } from "../sdk/errors.ts";
import type { EventPayload, ReceivedEvent } from "../sdk/event.ts";
import type { FoundStep } from "../sdk/execute.ts";
import { foundOp } from "../sdk/found-op.ts";
import type { InngestFunction, Registration } from "../sdk/function.ts";
import type { HostedRun } from "../sdk/run-host.ts";
import type { AnyFunction } from "./app-functions.ts";
import { createTestPlatform } from "./platform.ts";
import type { TestRun } from "./run.ts";

/** A step as it is reported: an op of the wire, with its result as the handler gets it. */
export type ReportedStep = Omit<StepOp, "data" | "error"> & { data?: unknown; error?: unknown };

/** What a run can come to, by type. */
export interface Checkpoints {
  /** steps came up together, or one that is not code to run */
  "steps-found": { type: "steps-found"; steps: ReportedStep[] };
  "step-ran": { type: "step-ran"; step: ReportedStep };
  "function-resolved": { type: "function-resolved"; data: unknown };
  "function-rejected": { type: "function-rejected"; error: unknown; retriable: boolean };
}

export type Checkpoint = Checkpoints[keyof Checkpoints];

/** How a step came out, for the handler. */
export type StepOutcome = { kind: "data"; data: unknown } | { kind: "error"; error: unknown };

export interface TrialOptions {
  fn: AnyFunction;
  /** what it may invoke */
  others: readonly AnyFunction[];
  events: readonly [EventPayload, ...EventPayload[]];
  /** stands in for steps, by hash of the id */
  mocks: ReadonlyMap<string, () => unknown>;
  transformCtx: (context: Context) => Context;
  /** whether failed steps and handlers are tried again, as the function says */
  retries: boolean;
  /** reports single steps of code as found, too, before they run */
  reportsAll: boolean;
  /** hash of the step of which no sibling is to run */
  only?: string;
  patienceMs: number;
  /** whether the run is to stop here. `isMocked`: the step did not run its own code */
  until: (checkpoint: Checkpoint, isMocked: boolean) => boolean;
}

export interface TrialEnd {
  checkpoint: Checkpoint;
  /** as the handler was given it last; undefined when the run failed before */
  context: Context | undefined;
  /** by id, repeated ids as `id:1`; only what has settled */
  outcomes: Map<string, StepOutcome>;
  /** outcomes of the steps that ran their own code, by hash */
  ran: Map<string, StepOutcome>;
  /** ids of all steps that came up */
  stepIds: string[];
}

type Tool = (...args: unknown[]) => Promise<unknown>;

export class Trial {
  readonly #options: TrialOptions;
  readonly #events: readonly ReceivedEvent[];
  /** of the run under test: the functions that it invokes have runs of their own */
  #runId: string | undefined;
  #context: Context | undefined;
  /** by hash of the id */
  readonly #found = new Map<string, FoundStep>();
  /** what came up in this turn */
  #group: { steps: FoundStep[]; isDecided: Promise<void> } | undefined;
  readonly #outcomes = new Map<string, StepOutcome>();
  readonly #ran = new Map<string, StepOutcome>();
  /** what the code of steps threw last, by hash */
  readonly #thrown = new Map<string, unknown>();
  /** what the code of a step threw, by the error that its handler was given for it */
  readonly #originals = new WeakMap<object, unknown>();
  #handlerError: unknown;
  #end: Checkpoint | undefined;
  #fault: Error | undefined;
  readonly #stopped: Promise<void>;
  #stop: () => void = () => undefined;

  constructor(options: TrialOptions) {
    this.#options = options;
    const { serializer } = options.fn.owner;
    this.#events = options.events.map((event) => {
      const data = event.data ?? {};
      return JSON.parse(JSON.stringify({ ...event, data: serializer?.encode(data) ?? data }));
    });
    this.#stopped = new Promise((resolve) => (this.#stop = resolve));
  }

  /** @throws Error when the run invokes a function that is neither mocked nor there, or comes to no end */
  async run(): Promise<TrialEnd> {
    const { fn, others, patienceMs } = this.#options;
    const platform = createTestPlatform({
      functions: [this.#underTest(fn), ...others.filter((other) => other !== fn).map((other) => this.#invoked(other))],
      start: Date.now(),
      seed: crypto.getRandomValues(new Uint32Array(1))[0],
      virtualGlobals: false, // the test may have its own
      detectNondeterminism: false,
      patience: patienceMs,
      host: { step: (run, step) => this.#step(run, step) },
    });
    const [event] = this.#events;
    const run = await platform.invoke(fn.id(), { data: event?.data, user: event?.user });
    await run.waitFor("end");
    if (this.#fault) throw this.#fault;
    return {
      checkpoint: this.#end ?? this.#outcome(run),
      context: this.#context,
      outcomes: this.#outcomes,
      ran: this.#ran,
      stepIds: [...this.#found.values()].map(({ userId, index }) => keyOf(userId, index)),
    };
  }

  // ---- functions ----------------------------------------------------------------------------------------------------

  #underTest(fn: AnyFunction): AnyFunction {
    return this.#registeredAs(fn, (own) => ({
      ...own,
      handler: async (context) => {
        this.#runId ??= context.runId;
        if (context.runId !== this.#runId) return own.handler(context); // it has invoked itself
        const [event = context.event] = this.#events;
        this.#context = context;
        try {
          return await own.handler({ ...context, event, events: [...this.#events] }, (given) =>
            this.#handle(fn, given),
          );
        } catch (error) {
          this.#handlerError = error;
          throw error;
        }
      },
    }));
  }

  #invoked(fn: AnyFunction): AnyFunction {
    return this.#registeredAs(fn, (own) => own);
  }

  /** The function, started by nothing but an invoke, without its failure handler, and tried once. */
  #registeredAs(fn: AnyFunction, change: (own: Registration) => Registration): AnyFunction {
    const registrations: InngestFunction["registrations"] = (appId) =>
      fn
        .registrations(appId)
        .slice(0, 1)
        .map((own) => {
          const retry = this.#options.retries ? own.retry : { ...own.retry, maxAttempts: 1 };
          return change({ ...own, triggers: [], crons: [], retry });
        });
    return Object.create(fn, { registrations: { value: registrations } });
  }

  // ---- the handler --------------------------------------------------------------------------------------------------

  #handle(fn: AnyFunction, given: Context): unknown {
    if (this.#isStopped) return undefined;
    const repeats = new Map<string, number>();
    // in place: `step` as an export is the same object
    Object.assign(given.step, this.#watched(given.step, repeats));
    const context = this.#options.transformCtx(given);
    this.#context = context;
    return Promise.race([this.#stopped, fn.handler(context as never)]); // typed by its triggers
  }

  #watched(tools: object, repeats: Map<string, number>): object {
    return Object.fromEntries(
      Object.entries(tools).map(([name, tool]: [string, unknown]) => [
        name,
        typeof tool === "function"
          ? this.#watchedTool(tool as Tool, repeats) // all that `step` has are
          : typeof tool === "object" && tool !== null
            ? this.#watched(tool, repeats)
            : tool,
      ]),
    );
  }

  #watchedTool(tool: Tool, repeats: Map<string, number>): Tool {
    return (...args) => {
      const [given] = args;
      const userId: unknown = typeof given === "object" && given !== null ? Reflect.get(given, "id") : given;
      if (typeof userId !== "string") return tool(...args); // it says what is wrong
      const index = repeats.get(userId) ?? 0;
      repeats.set(userId, index + 1);
      const watched = this.#watch(userId, index, tool(...args));
      watched.catch(() => undefined); // the handler need not wait for it
      return watched;
    };
  }

  async #watch(userId: string, index: number, result: Promise<unknown>): Promise<unknown> {
    const outcome = await result.then(
      (data): StepOutcome => ({ kind: "data", data }),
      (error: unknown): StepOutcome => ({ kind: "error", error }),
    );
    this.#settled(userId, index, outcome);
    if (this.#isStopped) return never();
    if (outcome.kind === "error") throw outcome.error;
    return outcome.data;
  }

  #settled(userId: string, index: number, outcome: StepOutcome): void {
    if (this.#isStopped) return;
    const id = stepHash(userId, index);
    const step = this.#found.get(id);
    const isMocked = this.#options.mocks.has(id);
    if (outcome.kind === "error" && isStepError(outcome.error) && this.#thrown.has(id))
      this.#originals.set(outcome.error, this.#thrown.get(id));
    const shown: StepOutcome =
      outcome.kind === "data" ? outcome : { kind: "error", error: this.#originalOf(outcome.error) };
    this.#outcomes.set(keyOf(userId, index), shown);
    if (!step || (!step.body && !isMocked)) return;
    if (!isMocked) this.#ran.set(id, shown);
    const op = { ...foundOp(step), op: shown.kind === "data" ? "StepRun" : "StepFailed" } as const;
    const result = shown.kind === "data" ? { data: shown.data } : { error: shown.error };
    this.#reach({ type: "step-ran", step: { ...op, ...result } }, isMocked);
  }

  // ---- steps --------------------------------------------------------------------------------------------------------

  #step({ runId }: HostedRun, step: FoundStep): FoundStep {
    const { mocks, retries, only } = this.#options;
    const tried = retries || !step.retry ? step : { ...step, retry: { ...step.retry, maxAttempts: 1 } };
    if (runId !== this.#runId) return tried;
    const group = (this.#group ??= this.#openGroup());
    if (!this.#found.has(step.id)) group.steps.push(step); // a run that has rested comes by again
    this.#found.set(step.id, step);
    const code = mocks.get(step.id) ?? step.body;
    if (!code) return tried;
    return {
      ...tried,
      body: async (own) => {
        await group.isDecided;
        const isHeld = step.id !== only && group.steps.some(({ id }) => id === only);
        if (this.#isStopped || isHeld) return never();
        try {
          return await code(own);
        } catch (error) {
          this.#thrown.set(step.id, error);
          throw error;
        }
      },
    };
  }

  #openGroup(): { steps: FoundStep[]; isDecided: Promise<void> } {
    const steps: FoundStep[] = [];
    const isDecided = Promise.resolve().then(() => {
      this.#group = undefined;
      this.#decide(steps.filter(({ id }) => !this.#options.mocks.has(id)));
    });
    return { steps, isDecided };
  }

  /** What comes of steps that were found together. */
  #decide(steps: FoundStep[]): void {
    const [first, second] = steps;
    if (!first) return;
    if (second || !first.body || this.#options.reportsAll)
      this.#reach({ type: "steps-found", steps: steps.map(foundOp) }, false);
    if (this.#isStopped) return;
    const lost = steps.find((step) => step.op === "InvokeFunction" && !this.#isUnderTest(step));
    if (lost)
      this.#endWith(
        new Error(
          `step.invoke "${lost.userId}": function ${JSON.stringify(lost.opts?.function_id)} is not under test; mock the step, as { id: ${JSON.stringify(lost.userId)}, handler: () => … } in \`steps\`, or give the engine the function in \`functions\``,
        ),
      );
  }

  #isUnderTest({ opts }: FoundStep): boolean {
    const { fn, others } = this.#options;
    return [fn, ...others].some((one) => one.id() === opts?.function_id);
  }

  // ---- the end ------------------------------------------------------------------------------------------------------

  get #isStopped(): boolean {
    return this.#end !== undefined || this.#fault !== undefined;
  }

  #reach(checkpoint: Checkpoint, isMocked: boolean): void {
    if (this.#isStopped || !this.#options.until(checkpoint, isMocked)) return;
    this.#end = checkpoint;
    this.#stop();
  }

  #endWith(fault: Error): void {
    this.#fault = fault;
    this.#stop();
  }

  #outcome(run: TestRun): Checkpoint {
    const { error } = run;
    if (!error) {
      const { serializer } = this.#options.fn.owner;
      const { output } = run;
      return { type: "function-resolved", data: serializer ? serializer.decode(output) : output };
    }
    // the very error, unless middleware has made another of it
    const thrown = this.#handlerError;
    const isSame = thrown instanceof Error && thrown.message === error.message;
    const shown = isSame ? this.#originalOf(thrown) : error;
    return { type: "function-rejected", error: shown, retriable: !isNonRetriable(shown) };
  }

  #originalOf(error: unknown): unknown {
    return typeof error === "object" && error !== null && this.#originals.has(error)
      ? this.#originals.get(error)
      : error;
  }
}

/** A step's id as users tell it from others of the same id. */
function keyOf(userId: string, index: number): string {
  return index === 0 ? userId : `${userId}:${index}`;
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
