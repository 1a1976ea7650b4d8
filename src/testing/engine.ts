import { internalEvents } from "../protocol/event.ts";
import { stepHash, ulidOf } from "../protocol/ids.ts";
import { durationMs, type DurationInput } from "../protocol/time-string.ts";
import type { Context } from "../sdk/context.ts";
import type { EventPayload } from "../sdk/event.ts";
import type { InngestFunction } from "../sdk/function.ts";
import type { Jsonify } from "../sdk/jsonify.ts";
import { suggestion } from "../sdk/suggestion.ts";
import type { AnyFunction } from "./app-functions.ts";
import { Trial, type Checkpoint, type Checkpoints, type ReportedStep, type TrialEnd } from "./engine-trial.ts";
import { spied, type Spied } from "./spy.ts";

/** How long code may execute in real time: tests have a time limit of their own, and theirs is the one to meet. */
const PATIENCE = "1m";

/** What runs can come to. */
export type CheckpointKey = keyof Checkpoints;

/** A part of a value, at any depth; matchers such as `expect.stringContaining` may stand for values. */
export type Subset<T> = unknown extends T ? unknown : { [K in keyof T]?: T[K] extends object ? Subset<T[K]> : T[K] };

/** A step with other code than its own. */
export interface EngineMock {
  id: string;
  /** `id` is the hash of an id. Default false */
  idIsHashed?: boolean;
  /** called once, when the step is reached. What it returns is the step's result; when it throws the step fails */
  handler: () => unknown;
}

/** What can be given to an engine, and to a single execution. */
export interface EngineInlineOptions {
  /** Default: one `inngest/function.invoked`. More than one are a batch; their names need not be among the triggers */
  events?: [Partial<EventPayload>, ...Partial<EventPayload>[]];
  /** steps of any kind that do not run their own code */
  steps?: EngineMock[];
  /** changes what the handler is given. Default: {@link mockCtx} */
  transformCtx?: (context: Context) => Context;
  /** taken for the sake of tests that are there: nothing here reads arguments of a request */
  reqArgs?: unknown[];
  /** what single executions go on to: the id of a step, or its hash */
  targetStepId?: string;
  /** single steps are reported as found before they run, as parallel ones always are */
  disableImmediateExecution?: boolean;
  /** Ours: functions that the one under test may invoke. Their own steps are not mocked */
  functions?: readonly AnyFunction[];
  /** Ours: failed steps and handlers are tried again, as the function says, in virtual time. Default false */
  retries?: boolean;
  /** Ours: how long code may execute in real time until the engine gives up. Default 1 min */
  patience?: DurationInput;
}

export interface EngineOptions<TOutput = unknown> extends EngineInlineOptions {
  /** the function under test */
  function: InngestFunction<TOutput, never> | InngestFunction<TOutput, object>;
}

/** Options of one execution. */
export interface EngineExecuteOptions<T extends CheckpointKey = CheckpointKey> extends EngineInlineOptions {
  /** what the checkpoint must be like, for executions that wait for one */
  subset?: Subset<Checkpoints[T]>;
}

/** What a handler is given, with spies for the tools at `step`. */
export type EngineContext = Omit<Context, "step"> & { step: Spied<Context["step"]> };

/** Promises of the results of steps, by id; a repeated id is `id:1`, `id:2`, …; a step that has not ended is not there. */
export type EngineState = Record<string, Promise<unknown>>;

/** How a run came out. */
export interface EngineOutput<TOutput = unknown> {
  /** what the function returned, as it is stored; absent when it failed */
  result?: Jsonify<Awaited<TOutput>>;
  /** why it failed: what was thrown */
  error?: unknown;
  /** what the handler was given */
  ctx: EngineContext;
  state: EngineState;
}

/** How a step came out, as its handler sees it. */
export interface EngineStepOutput extends Omit<EngineOutput, "result"> {
  /** absent for a sleep, wait or invoke that is not mocked: it has not ended */
  result?: unknown;
  /** the step as it is reported: `op`, `name`, `opts`, … */
  step: ReportedStep;
}

/** Where an execution has stopped. */
export interface EngineExecution<T extends CheckpointKey = CheckpointKey> {
  result: Checkpoints[T];
  ctx: EngineContext;
  state: EngineState;
  /** the same run, to go on with */
  run: InngestTestRun;
}

/**
 * Runs one function in a test, as `InngestTestEngine` of Inngest's `@inngest/test` does, so that tests written for that
 * run as they are. Beneath is a {@link createTestPlatform | platform in memory}: results are stored as in production, sleeps
 * take no time, waits that nothing answers time out, and events go nowhere outside. `Date` and `Math.random()` stay as the
 * test has them.
 *
 * As there, a step or handler that throws is not tried again unless `retries` is set; triggers and `onFailure` start
 * nothing; the handler of a mock is called once by an engine and its clones, however often they execute. Unlike there a
 * handler may catch the failure of a step and go on, an error is the very one that was thrown, and an invoke of a
 * function that is neither mocked nor given makes the execution reject.
 *
 * For retries, several functions, events and time in one test, use the platform itself.
 *
 * @throws TypeError when `function` is none
 * @example
 * const t = new InngestTestEngine({ function: greet, events: [{ name: "user/created", data: { name: "Ada" } }] });
 * const { result, ctx } = await t.execute({ steps: [{ id: "load", handler: () => ({ title: "Dr." }) }] });
 * expect(result).toBe("Hello Dr. Ada");
 * expect(ctx.step.run).toHaveBeenCalledWith("load", expect.any(Function));
 */
export class InngestTestEngine<TOutput = unknown> {
  protected options: EngineOptions<TOutput>;
  /** results of mocks, by mock; shared by clones */
  #mocked = new WeakMap<EngineMock, Promise<unknown>>();

  constructor(options: EngineOptions<TOutput>) {
    const fn: unknown = options?.function;
    if (typeof fn !== "object" || fn === null || typeof Reflect.get(fn, "registrations") !== "function")
      throw new TypeError(
        `InngestTestEngine: function is ${fn === undefined ? "undefined; do two modules import each other?" : "not made by createFunction"}`,
      );
    this.options = options;
  }

  /** An engine with these options in place of its own, where they are given. */
  clone(inlineOptions?: EngineInlineOptions): InngestTestEngine<TOutput> {
    const clone = new InngestTestEngine<TOutput>({ ...this.options, ...inlineOptions });
    clone.#mocked = this.#mocked;
    return clone;
  }

  /** Runs the function to its end. */
  async execute(inlineOptions?: EngineExecuteOptions): Promise<EngineOutput<TOutput>> {
    const options = { ...this.options, ...inlineOptions };
    const end = await this.#trial(options, () => false);
    const { ctx, state } = shown(end);
    const { checkpoint } = end;
    if (checkpoint.type === "function-resolved")
      return { ctx, state, result: checkpoint.data as EngineOutput<TOutput>["result"] }; // what the function returns
    if (checkpoint.type === "function-rejected") return { ctx, state, error: checkpoint.error };
    throw new Error(`execute: stopped at "${checkpoint.type}", where nothing was to stop it`);
  }

  /**
   * Runs the function until a step has its result, and no further: neither the handler nor steps beside it go on. A sleep,
   * wait or invoke that is not mocked is returned as soon as it is found.
   *
   * @param stepId a repeated id is `id:1`, `id:2`, …
   * @throws Error when the step never comes up, with the ids of those that did
   */
  async executeStep(stepId: string, inlineOptions?: EngineExecuteOptions): Promise<EngineStepOutput> {
    const options = { ...this.options, ...inlineOptions };
    const id = stepHash(stepId, 0);
    const isIt = (checkpoint: Checkpoint) =>
      checkpoint.type === "step-ran"
        ? checkpoint.step.id === id
        : checkpoint.type === "steps-found" &&
          checkpoint.steps.some((step) => step.id === id && step.op !== "StepPlanned");
    const end = await this.#trial(options, isIt, id);
    const { checkpoint } = end;
    const output = shown(end);
    if (checkpoint.type === "step-ran") {
      const { step } = checkpoint;
      return { ...output, step, ...("error" in step ? { error: step.error } : { result: step.data }) };
    }
    const step = checkpoint.type === "steps-found" && checkpoint.steps.find((one) => one.id === id);
    if (step) return { ...output, step };
    const cause = checkpoint.type === "function-rejected" ? checkpoint.error : undefined;
    throw new Error(
      `executeStep: no step ${JSON.stringify(stepId)} came up${suggestion(stepId, end.stepIds)}; ${howItEnded(end)}`,
      { cause },
    );
  }

  /** Runs the function until it comes to a checkpoint. @see InngestTestRun.waitFor */
  protected async executeAndWaitFor<T extends CheckpointKey>(
    checkpoint: T,
    inlineOptions?: EngineExecuteOptions<T>,
  ): Promise<EngineExecution<T>> {
    const { run } = await this.individualExecution(inlineOptions);
    return run.waitFor(checkpoint, inlineOptions?.subset);
  }

  /** Runs the function to its first checkpoint, or the one at which `targetStepId` has run. */
  protected async individualExecution(inlineOptions?: EngineInlineOptions): Promise<EngineExecution> {
    const options = { ...this.options, ...inlineOptions };
    const { targetStepId } = options;
    if (targetStepId === undefined)
      return this.#output(options, await this.#trial(options, (_, isMocked) => !isMocked));
    const ids = [targetStepId, stepHash(targetStepId, 0)];
    const hasRun = (checkpoint: Checkpoint) => checkpoint.type === "step-ran" && ids.includes(checkpoint.step.id);
    return this.#output(options, await this.#trial(options, hasRun));
  }

  /** Runs the function until it comes to a checkpoint that is like `subset`: what {@link InngestTestRun.waitFor} does. */
  async runTo<T extends CheckpointKey>(
    type: T,
    subset: Subset<Checkpoints[T]> | undefined,
  ): Promise<EngineExecution<T>> {
    const wanted = subset === undefined ? undefined : hashedIds(subset);
    const isWanted = (checkpoint: Checkpoint, isMocked: boolean) =>
      checkpoint.type === type && (wanted === undefined ? !isMocked : isPart(wanted, checkpoint));
    const end = await this.#trial(this.options, isWanted);
    const output = this.#output(this.options, end);
    if (isWanted(end.checkpoint, false)) return output as EngineExecution<T>; // just compared
    const cause = end.checkpoint.type === "function-rejected" ? end.checkpoint.error : undefined;
    const what = subset === undefined ? "" : ` with ${JSON.stringify(subset)}`;
    const error = new Error(
      `waitFor(${JSON.stringify(type)}): the run has not come to one${what}; ${howItEnded(end)}`,
      {
        cause,
      },
    );
    throw Object.assign(error, output); // Inngest's own engine rejects with the output itself
  }

  #trial(
    options: EngineOptions<TOutput>,
    until: (checkpoint: Checkpoint, isMocked: boolean) => boolean,
    only?: string,
  ): Promise<TrialEnd> {
    const fn = options.function as AnyFunction; // whatever its output
    const { events, steps = [], functions = [], transformCtx = mockCtx, retries = false } = options;
    const [event, ...more] = events ?? [{}];
    const { serializer } = fn.owner;
    const mocks = steps.map((mock): [string, () => unknown] => {
      const call = async () => {
        const value = await this.#call(mock);
        return value === undefined || !serializer ? value : serializer.encode(value);
      };
      return [mock.idIsHashed ? mock.id : stepHash(mock.id, 0), call];
    });
    return new Trial({
      fn,
      others: functions,
      events: [{ ...createMockEvent(), ...event }, ...more.map((one) => ({ ...createMockEvent(), ...one }))],
      mocks: new Map(mocks),
      transformCtx,
      retries,
      reportsAll: options.disableImmediateExecution === true,
      only,
      patienceMs: durationMs(options.patience ?? PATIENCE, "InngestTestEngine: patience"),
      until,
    }).run();
  }

  /** The mock's result; its handler is called by the first that asks. */
  #call(mock: EngineMock): Promise<unknown> {
    const known = this.#mocked.get(mock);
    if (known) return known;
    const result = (async () => mock.handler())();
    result.catch(() => undefined); // told to whom it concerns
    this.#mocked.set(mock, result);
    return result;
  }

  /** What has run so far does not run again when the run goes on. */
  #output(options: EngineOptions<TOutput>, end: TrialEnd): EngineExecution {
    const ran = [...end.ran].map(([id, outcome]): EngineMock => ({
      id,
      idIsHashed: true,
      handler: () => {
        if (outcome.kind === "error") throw outcome.error;
        return outcome.data;
      },
    }));
    const testEngine = this.clone({ ...options, steps: [...(options.steps ?? []), ...ran], targetStepId: undefined });
    return { result: end.checkpoint, ...shown(end), run: new InngestTestRun({ testEngine }) };
  }
}

/** Types under their names in Inngest's `@inngest/test`. */
export declare namespace InngestTestEngine {
  type Options = EngineOptions;
  type InlineOptions = EngineInlineOptions;
  type MockedStep = EngineMock;
  type MockContext = EngineContext;
  type MockState = EngineState;
  type DeepMock<T> = Spied<T>;
  type ExecuteOptions<T extends CheckpointKey = CheckpointKey> = EngineExecuteOptions<T>;
  type ExecuteStepOptions = EngineExecuteOptions<"steps-found">;
  type ExecutionOutput<T extends CheckpointKey = CheckpointKey> = EngineExecution<T>;
}

/** A run that goes on from checkpoint to checkpoint: what has run stays as it is, and the handler replays up to there. */
export class InngestTestRun {
  options: { testEngine: InngestTestEngine };

  constructor(options: InngestTestRun.Options) {
    this.options = options as { testEngine: InngestTestEngine }; // whatever its function returns
  }

  /**
   * Goes on to a checkpoint.
   *
   * @param subset what the checkpoint must be like; ids of steps are those of the handler. With it, steps that ran before or
   * are mocked count as well. Default: the next of its type
   * @throws Error when the run ends without; it has `result`, `ctx`, `state` and `run` of that end
   * @example
   * const { result } = await run.waitFor("step-ran", { step: { id: "charge" } });
   */
  waitFor<T extends CheckpointKey>(checkpoint: T, subset?: Subset<Checkpoints[T]>): Promise<EngineExecution<T>> {
    return this.options.testEngine.runTo(checkpoint, subset);
  }
}

/** Types under their names in Inngest's `@inngest/test`. */
export declare namespace InngestTestRun {
  interface Options {
    testEngine: Pick<InngestTestEngine, "runTo">;
  }
  type CheckpointKey = keyof Checkpoints;
  type Checkpoint<T extends CheckpointKey> = Checkpoints[T];
  type RunOutput = EngineOutput;
  type RunStepOutput = EngineStepOutput;
}

/**
 * The context with spies for the tools at `step`, so that a test can tell how they were called. What engines do unless
 * `transformCtx` is given.
 *
 * @example
 * new InngestTestEngine({ function: greet, transformCtx: (ctx) => ({ ...mockCtx(ctx), event: someEvent }) });
 */
export function mockCtx<T extends { step: object }>(context: T): T {
  return { ...context, step: spied(context.step) };
}

/** An event as engines make one where none is given. */
export function createMockEvent(): Required<Pick<EventPayload, "id" | "name" | "data" | "ts">> {
  const ts = Date.now();
  const id = ulidOf({ timeMs: ts, entropy: crypto.getRandomValues(new Uint8Array(10)) });
  return { id, name: internalEvents.invoked, data: {}, ts };
}

function shown({ context, outcomes }: TrialEnd): { ctx: EngineContext; state: EngineState } {
  const state: EngineState = {};
  for (const [id, outcome] of outcomes) {
    state[id] = outcome.kind === "data" ? Promise.resolve(outcome.data) : Promise.reject(outcome.error);
    state[id].catch(() => undefined); // for tests that do not ask
  }
  return { ctx: context as unknown as EngineContext, state }; // as the default `transformCtx` makes it
}

function howItEnded({ checkpoint, stepIds }: TrialEnd): string {
  const steps =
    stepIds.length === 0 ? "no step came up" : `there were ${stepIds.map((id) => JSON.stringify(id)).join(", ")}`;
  if (checkpoint.type !== "function-rejected") return `the function has returned, and ${steps}`;
  return `the function has failed with ${String(checkpoint.error)}, and ${steps}`;
}

/** The subset with the ids of steps as checkpoints carry them. */
function hashedIds(subset: object): object {
  const { step, steps } = subset as { step?: unknown; steps?: unknown };
  const hashed = (one: unknown) => {
    const id: unknown = typeof one === "object" && one !== null ? Reflect.get(one, "id") : undefined;
    return typeof id === "string" ? { ...(one as object), id: stepHash(id, 0) } : one;
  };
  return {
    ...subset,
    ...(step !== undefined && { step: hashed(step) }),
    ...(Array.isArray(steps) && { steps: steps.map(hashed) }),
  };
}

/** Whether all that a subset names is so. Of a list, each item is to be among those of the other. */
function isPart(part: unknown, whole: unknown): boolean {
  if (typeof part !== "object" || part === null) return Object.is(part, whole);
  if ("asymmetricMatch" in part && typeof part.asymmetricMatch === "function")
    return part.asymmetricMatch(whole) === true;
  if (typeof whole !== "object" || whole === null) return false;
  if (Array.isArray(part))
    return Array.isArray(whole) && part.every((item) => whole.some((other) => isPart(item, other)));
  return Object.entries(part).every(([key, value]) => isPart(value, Reflect.get(whole, key)));
}
