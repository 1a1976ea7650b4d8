import type { Entry } from "../engine/run.ts";
import { stepHash } from "../protocol/ids.ts";
import { isObject } from "../protocol/json.ts";
import type { FoundStep } from "../sdk/execute.ts";
import type { HostedRun } from "../sdk/run-host.ts";
import { suggestion } from "../sdk/suggestion.ts";
import type { Commit } from "./host/faults.ts";
import type { DiskWrite } from "./storage/memory-disk.ts";

/** Which steps are meant: all of an id, or one place of it in a loop. */
export type StepSelector =
  | string
  | { id: string; /** 0 for the first time that the id is used in a run */ index?: number };

/** What code that stands in for a step is told. */
export interface MockedStep {
  runId: string;
  functionId: string;
  /** of the step, 0 for the first */
  attempt: number;
  /** what `step.run` was given after its function */
  input: readonly unknown[];
}

/** What an awaited event carries when a test answers a wait. */
export interface AnswerEvent {
  /** Default: the name that the wait names first */
  name?: string;
  data?: Record<string, unknown>;
  user?: Record<string, unknown>;
}

/**
 * What happens to the steps of an id, in one run or in all. Whatever is asked last counts; what never came to anything is
 * listed by {@link StepControls.unused}.
 */
export interface StepControl {
  /**
   * Gives the step this result, or that of the function, without running its code. Sleeps, waits and invokes can be mocked
   * as well. A function that throws makes the step fail and be tried again as its own code would.
   *
   * @example
   * platform.step("charge").mock({ id: "ch_1" });
   * platform.step("charge").mock(({ attempt }) => ({ id: `ch_${attempt}` }));
   */
  mock(result: (step: MockedStep) => unknown): void;
  mock(result: unknown): void;
  /**
   * Makes the step throw `times` times; then it goes on as was asked before, or with its own code.
   *
   * @param times Default: always
   * @param error Default: an `Error` that says where it comes from
   */
  fail(times?: number, error?: unknown): void;
  /** The step's code starts and never ends, so that only its own timeout, or one of the handler's, can go on. */
  hang(): void;
  /** The wait or invoke times out at once. */
  timeOut(): void;
  /** The wait gets this event as soon as it is there, whatever it would match; or a signal with this data. */
  answer(event?: AnswerEvent): void;
  /**
   * The run's object dies right before the step's result is stored, so its code runs again, or right after.
   *
   * @param times Default 1
   */
  crash(when: "before" | "after", times?: number): void;
}

type Behaviour =
  | { kind: "mock"; result: unknown }
  | { kind: "fail"; times: number; error: unknown }
  | { kind: "hang" }
  | { kind: "timeOut" }
  | { kind: "answer"; event: AnswerEvent }
  | { kind: "crash"; when: "before" | "after"; times: number };

interface Rule {
  id: string;
  index: number | undefined;
  runId: string | undefined;
  behaviour: Behaviour;
  uses: number;
  /** times it was used, by run and step */
  perStep: Map<string, number>;
}

/** A wait that a test answers, or has time out. */
export interface PendingAnswer {
  runId: string;
  stepId: string;
  kind: "answer" | "timeOut";
  event: AnswerEvent;
  /** name of the signal that the step waits for, when it is no event */
  signal?: string;
}

/** All that tests ask of steps. */
export class StepControls {
  readonly #rules: Rule[] = [];
  readonly #hanging = new Map<string, number>();
  readonly #now: () => number;
  /** finds open entries, of one run or of all, for what is asked of a step that is there already */
  readonly #openEntries: (runId?: string) => Iterable<{ runId: string; entry: Entry }>;
  #pending: PendingAnswer[] = [];
  /** user ids of all steps that ever came up */
  readonly #seen = new Set<string>();

  constructor(now: () => number, openEntries: (runId?: string) => Iterable<{ runId: string; entry: Entry }>) {
    this.#now = now;
    this.#openEntries = openEntries;
  }

  /** @param runId only of this run. Default: of all */
  control(selector: StepSelector, runId?: string): StepControl {
    const { id, index } = readSelector(selector);
    const add = (behaviour: Behaviour) => {
      const rule: Rule = { id, index, runId, behaviour, uses: 0, perStep: new Map() };
      this.#rules.unshift(rule);
      for (const open of this.#openEntries()) if (covers(rule, open.runId, open.entry)) this.#opened(open, rule);
    };
    return {
      mock: (result: unknown) => add({ kind: "mock", result }),
      fail: (times = Number.POSITIVE_INFINITY, error = new Error(`step "${id}": failed as the test asked`)) =>
        add({ kind: "fail", times: atLeastOne(times, "fail"), error }),
      hang: () => add({ kind: "hang" }),
      timeOut: () => add({ kind: "timeOut" }),
      answer: (event = {}) => add({ kind: "answer", event: readAnswer(event, id) }),
      crash: (when, times = 1) => {
        if (when !== "before" && when !== "after")
          throw new TypeError(`step("${id}").crash: ${JSON.stringify(when)} is neither "before" nor "after"`);
        add({ kind: "crash", when, times: atLeastOne(times, "crash") });
      },
    };
  }

  /** What was asked of steps that never came up, in words. */
  unused(): string[] {
    return this.#rules
      .filter((rule) => rule.uses === 0)
      .map(({ id, index, runId, behaviour }) => {
        const place = index === undefined ? "" : `, index ${index}`;
        const seen = this.#seen.has(id) ? "" : suggestion(id, [...this.#seen]);
        return `step "${id}"${place}${runId === undefined ? "" : ` of run ${runId}`}: ${behaviour.kind}${seen}`;
      })
      .reverse();
  }

  isHanging(runId: string): boolean {
    return (this.#hanging.get(runId) ?? 0) > 0;
  }

  /** A run that has left memory, or ended, hangs no more. */
  forget(runId: string): void {
    this.#hanging.delete(runId);
  }

  #hangsNoMore(runId: string): void {
    const hanging = (this.#hanging.get(runId) ?? 0) - 1;
    if (hanging > 0) this.#hanging.set(runId, hanging);
    else this.#hanging.delete(runId);
  }

  /** The step as it is to be carried out. */
  adjust(run: HostedRun, step: FoundStep): FoundStep {
    this.#seen.add(step.userId);
    const rule = this.#standsIn(run, step);
    if (!rule) return step;
    if (rule.behaviour.kind === "timeOut") {
      rule.uses += 1;
      return { ...step, opts: { ...step.opts, timeout: new Date(this.#now()).toISOString() } };
    }
    return { ...step, body: (own) => this.#standIn(rule, run, step, own) };
  }

  /** The latest rule that replaces the step, among those from an index on. */
  #standsIn(run: HostedRun, step: FoundStep, from = 0): Rule | undefined {
    const canTimeOut = step.op === "WaitForEvent" || step.op === "WaitForSignal" || step.op === "InvokeFunction";
    return this.#rules.find(
      (one, index) =>
        index >= from &&
        covers(one, run.runId, step) &&
        (["mock", "fail", "hang"].includes(one.behaviour.kind) || (one.behaviour.kind === "timeOut" && canTimeOut)),
    );
  }

  #standIn(rule: Rule, run: HostedRun, step: FoundStep, own: FoundStep): unknown {
    const { behaviour, perStep } = rule;
    const key = `${run.runId} ${step.id}`;
    const times = perStep.get(key) ?? 0;
    if (behaviour.kind === "fail" && times >= behaviour.times) {
      const earlier = this.#standsIn(run, step, this.#rules.indexOf(rule) + 1);
      if (earlier) return this.#standIn(earlier, run, step, own);
      if (step.body) return step.body(own);
    }
    rule.uses += 1;
    perStep.set(key, times + 1);
    switch (behaviour.kind) {
      case "mock": {
        const { result } = behaviour;
        if (typeof result !== "function") return result;
        const { runId, functionId } = run;
        const told: MockedStep = { runId, functionId, attempt: this.#attemptOf(runId, step), input: step.input ?? [] };
        return result(told);
      }
      case "fail":
        throw behaviour.error;
      default:
        this.#hanging.set(run.runId, (this.#hanging.get(run.runId) ?? 0) + 1);
        own.signal?.addEventListener("abort", () => this.#hangsNoMore(run.runId));
        return new Promise(() => undefined);
    }
  }

  /** The step's own count, whatever code it had in earlier attempts. */
  #attemptOf(runId: string, step: FoundStep): number {
    for (const { entry } of this.#openEntries(runId)) if (entry.id === step.id) return entry.attempt;
    return 0;
  }

  /** Writes of a run that have taken effect: waits that are to be answered may be among them. */
  committed(runId: string, writes: readonly DiskWrite[]): void {
    if (!this.#rules.some((rule) => rule.behaviour.kind === "answer")) return;
    for (const entry of entriesIn(writes)) {
      const rule = this.#rules.find((one) => one.behaviour.kind === "answer" && covers(one, runId, entry));
      if (rule && entry.status.kind === "registering") this.#opened({ runId, entry }, rule);
    }
  }

  /** Whether a run's object dies at a commit. */
  crash({ kind, name, writes }: Commit): "crash-before" | "crash-after" | null {
    if (kind !== "run" || !this.#rules.some((rule) => rule.behaviour.kind === "crash")) return null;
    for (const entry of entriesIn(writes)) {
      if (entry.status.kind !== "settled") continue;
      for (const rule of this.#rules) {
        const { behaviour } = rule;
        if (behaviour.kind !== "crash" || !covers(rule, name, entry)) continue;
        const key = `${name} ${entry.id}`;
        const times = rule.perStep.get(key) ?? 0;
        if (times >= behaviour.times) continue;
        rule.perStep.set(key, times + 1);
        rule.uses += 1;
        return behaviour.when === "before" ? "crash-before" : "crash-after";
      }
    }
    return null;
  }

  /** Answers that have become due since the last call. */
  takePending(): PendingAnswer[] {
    const pending = this.#pending;
    this.#pending = [];
    return pending;
  }

  #opened({ runId, entry }: { runId: string; entry: Entry }, rule: Rule): void {
    const { behaviour } = rule;
    const isWait = entry.kind === "wait" || entry.kind === "signal";
    if (behaviour.kind === "answer" && !isWait) return;
    if (behaviour.kind !== "answer" && behaviour.kind !== "timeOut") return;
    rule.uses += 1;
    const event = behaviour.kind === "answer" ? behaviour.event : {};
    const name = event.name ?? entry.wait?.events[0];
    const signal = entry.signal?.name;
    this.#pending.push({ runId, stepId: entry.id, kind: behaviour.kind, event: { ...event, name }, signal });
  }
}

function readSelector(selector: StepSelector): { id: string; index: number | undefined } {
  const { id, index } = typeof selector === "object" && selector !== null ? selector : { id: selector };
  if (typeof id !== "string" || id === "")
    throw new TypeError(`step: ${JSON.stringify(selector)} names no step; give its id, or { id, index }`);
  if (index !== undefined && !(Number.isSafeInteger(index) && index >= 0))
    throw new RangeError(`step ${JSON.stringify(id)}: index: ${index} is not a whole number from 0`);
  return { id, index };
}

function readAnswer(event: AnswerEvent, id: string): AnswerEvent {
  const where = `step(${JSON.stringify(id)}).answer`;
  if (!isObject(event)) throw new TypeError(`${where}: ${JSON.stringify(event)} is no event; give { name, data }`);
  for (const field of ["data", "user"] as const)
    if (event[field] !== undefined && !isObject(event[field]))
      throw new TypeError(`${where}: ${field}: ${JSON.stringify(event[field])} is not an object`);
  if (event.name !== undefined && (typeof event.name !== "string" || event.name === ""))
    throw new TypeError(`${where}: name: ${JSON.stringify(event.name)} is not an event's name`);
  return event;
}

function covers(rule: Rule, runId: string, step: { userId: string; /** hash of id and place */ id: string }): boolean {
  if (rule.id !== step.userId || (rule.runId !== undefined && rule.runId !== runId)) return false;
  return rule.index === undefined || step.id === stepHash(rule.id, rule.index);
}

function entriesIn(writes: readonly DiskWrite[]): Entry[] {
  return writes.flatMap(({ table, value }) =>
    table === "step" && value !== undefined ? [JSON.parse(String(value)) as Entry] : [],
  );
}

function atLeastOne(times: number, what: string): number {
  if (times >= 1) return times;
  throw new RangeError(`${what}: times: ${times} is not at least 1`);
}
