import type { Entry } from "../engine/run.ts";
import { stepHash } from "../protocol/ids.ts";
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
   */
  mock(result: unknown): void;
  /**
   * Makes the step throw `times` times; then its own code runs.
   *
   * @param times Default: always
   * @param error Default: an `Error` that says where it comes from
   */
  fail(times?: number, error?: unknown): void;
  /** The step's code starts and never ends, so that only a timeout of the handler's can go on. */
  hang(): void;
  /** The wait or invoke times out at once. */
  timeOut(): void;
  /** The wait gets this event as soon as it is there, whatever it would match. */
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
}

/** All that tests ask of steps. */
export class StepControls {
  readonly #rules: Rule[] = [];
  readonly #hanging = new Map<string, number>();
  readonly #now: () => number;
  /** finds open entries, for what is asked of a step that is there already */
  readonly #openEntries: () => Iterable<{ runId: string; entry: Entry }>;
  #pending: PendingAnswer[] = [];
  /** user ids of all steps that ever came up */
  readonly #seen = new Set<string>();

  constructor(now: () => number, openEntries: () => Iterable<{ runId: string; entry: Entry }>) {
    this.#now = now;
    this.#openEntries = openEntries;
  }

  /** @param runId only of this run. Default: of all */
  control(selector: StepSelector, runId?: string): StepControl {
    const { id, index } = typeof selector === "string" ? { id: selector, index: undefined } : selector;
    if (typeof id !== "string" || id === "")
      throw new TypeError(`step: ${JSON.stringify(selector)} names no step; give its id, or { id, index }`);
    const add = (behaviour: Behaviour) => {
      const rule: Rule = { id, index, runId, behaviour, uses: 0, perStep: new Map() };
      this.#rules.unshift(rule);
      for (const open of this.#openEntries()) if (covers(rule, open.runId, open.entry)) this.#opened(open, rule);
    };
    return {
      mock: (result) => add({ kind: "mock", result }),
      fail: (times = Number.POSITIVE_INFINITY, error = new Error(`step "${id}": failed as the test asked`)) =>
        add({ kind: "fail", times: atLeastOne(times, "fail"), error }),
      hang: () => add({ kind: "hang" }),
      timeOut: () => add({ kind: "timeOut" }),
      answer: (event = {}) => add({ kind: "answer", event }),
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

  /** The step as it is to be carried out. */
  adjust(run: HostedRun, step: FoundStep): FoundStep {
    this.#seen.add(step.userId);
    const rule = this.#rules.find(
      (one) => covers(one, run.runId, step) && ["mock", "fail", "hang", "timeOut"].includes(one.behaviour.kind),
    );
    if (!rule) return step;
    const { behaviour } = rule;
    if (behaviour.kind === "timeOut") {
      if (step.op !== "WaitForEvent" && step.op !== "InvokeFunction") return step;
      rule.uses += 1;
      return { ...step, opts: { ...step.opts, timeout: new Date(this.#now()).toISOString() } };
    }
    return { ...step, body: (own) => this.#standIn(rule, run, step, own) };
  }

  #standIn(rule: Rule, run: HostedRun, step: FoundStep, own: FoundStep): unknown {
    const { behaviour, perStep } = rule;
    const key = `${run.runId} ${step.id}`;
    const attempt = perStep.get(key) ?? 0;
    rule.uses += 1;
    perStep.set(key, attempt + 1);
    switch (behaviour.kind) {
      case "mock": {
        const { result } = behaviour;
        if (typeof result !== "function") return result;
        const told: MockedStep = { runId: run.runId, functionId: run.functionId, attempt, input: step.input ?? [] };
        return result(told);
      }
      case "fail":
        if (attempt < behaviour.times || !step.body) throw behaviour.error;
        return step.body(own);
      default:
        this.#hanging.set(run.runId, (this.#hanging.get(run.runId) ?? 0) + 1);
        return new Promise(() => undefined);
    }
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
    const isWait = entry.kind === "wait";
    if (behaviour.kind === "answer" && !isWait) return;
    if (behaviour.kind !== "answer" && behaviour.kind !== "timeOut") return;
    rule.uses += 1;
    const event = behaviour.kind === "answer" ? behaviour.event : {};
    const name = event.name ?? entry.wait?.events[0];
    this.#pending.push({ runId, stepId: entry.id, kind: behaviour.kind, event: { ...event, name } });
  }
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
