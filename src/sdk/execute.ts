/**
 * Replay: runs a handler against memoized steps and hands over what is new. One executor serves every transport; how a
 * new step is carried out and reported is the reporter's business (design §4).
 *
 * Rules:
 * 1. Memoized steps settle one at a time in journal order, and what each continuation starts is drained before the
 *    next settles: `Promise.race` and `Promise.all` give the same answer on every replay.
 * 2. New steps are handed over only when no memo is left to settle, together with all that was found in that turn.
 * 3. The executor knows no runtime, clock or storage.
 * 4. While a hook of a middleware is under way nothing settles and nothing is reported: with hooks that wait, steps are
 *    found together, and settle in the same order, as without.
 */
import type { Memo, SettledMemo } from "../protocol/call.ts";
import { stepHash } from "../protocol/ids.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { RetryPolicy } from "../protocol/retry-policy.ts";
import type { WireError } from "../protocol/wire-error.ts";
import { errorFromWire } from "./errors.ts";
import type { TurnSource } from "./run-host.ts";
import type { StepGateway } from "./step/gateway.ts";
import { Turns } from "./turns.ts";

/** A step that the handler asked for, before anything is known about it. */
export interface StepRequest {
  userId: string;
  name?: string;
  /** label of the tool, such as `step.run` */
  type: string;
  op: "StepRun" | "Sleep" | "WaitForEvent" | "WaitForSignal" | "InvokeFunction" | "Gateway" | "AIGateway";
  /** what the wire carries in `name`: a sleep's duration, a wait's event */
  target?: string;
  opts?: Record<string, JsonValue>;
  /** what the tool was given beside id and function, for middleware that changes it */
  input?: unknown[];
  /** the request with another input */
  withInput?: (input: unknown[]) => StepRequest;
  /** code of the step, when it has any */
  body?: (step: FoundStep) => unknown;
  /** the request that the step is */
  gateway?: StepGateway;
  retry?: RetryPolicy;
  /** how long the code may take */
  timeoutMs?: number;
}

/** A step without a memo. */
export interface FoundStep extends StepRequest {
  /** hash of the id (inngest-protocol §3.5) */
  id: string;
  /** how often this id was used before in the run */
  index: number;
  /** how many steps were placed before in this pass */
  order: number;
  /** while the code of one with a timeout runs */
  signal?: AbortSignal;
}

export interface Reporter {
  /** the stored result of a step, read when the handler reaches it */
  memo(step: FoundStep): SettledMemo | undefined;
  /** the arguments of a step without a memo, when somebody has written others than the handler gives */
  edited?(step: FoundStep): unknown[] | undefined;
  /** steps found in one turn, none of which has a memo */
  found(steps: FoundStep[]): void;
  /** nothing is left to settle and nothing new was found: the handler waits for open steps, or for something of its own */
  idle(): void;
  /** a hook waits for something of its own; until it has ended nothing else is reported */
  held?(): void;
}

/** The part of an execution that repeats what the journal holds. */
export interface Replay {
  /** memos at the beginning */
  memos: number;
  /** all of them have settled, or a step without a memo was found, or the handler has ended */
  onEnd(): void | Promise<void>;
}

export type Outcome = { kind: "returned"; value: unknown } | { kind: "threw"; error: unknown };

interface Waiting {
  step: FoundStep;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

export class Execution {
  readonly #reporter: Reporter;
  readonly #turns: TurnSource;
  readonly #repeats = new Map<string, number>();
  #placed = 0;
  readonly #waiting = new Map<string, Waiting>();
  #settling: { id: string; settled: SettledMemo }[] = [];
  #found: FoundStep[] = [];
  #wake: (() => void) | null = null;
  #outcome: Outcome | null = null;
  #stopped = false;
  /** no step was open beside the one that has settled last: whatever settles next was asked for after it */
  #isAlone: boolean;
  #held = 0;
  #released: (() => void) | null = null;
  #replay: Replay | null;
  #memosLeft: number;

  constructor(reporter: Reporter, replay?: Replay, turns: TurnSource = new Turns()) {
    this.#reporter = reporter;
    this.#turns = turns;
    this.#isAlone = (replay?.memos ?? 0) === 0;
    this.#replay = replay ?? null;
    this.#memosLeft = replay?.memos ?? 0;
  }

  /** Whether what runs has run before, as far as the journal goes. */
  get isReplaying(): boolean {
    return this.#replay !== null;
  }

  /** The promise that a step tool returns. Called by the handler through the tools, at any time. */
  step(request: StepRequest): Promise<unknown> {
    const step = this.place(request);
    return this.ask(step, this.#reporter.memo(step));
  }

  /** Gives a step its place among those of the same id. */
  place(request: StepRequest): FoundStep {
    const index = this.#repeats.get(request.userId) ?? 0;
    this.#repeats.set(request.userId, index + 1);
    return { ...request, index, id: stepHash(request.userId, index), order: this.#placed++ };
  }

  /** The result of a placed step. */
  ask(step: FoundStep, settled: SettledMemo | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) return; // the run goes on elsewhere: what this handler still asks for never settles
      this.#waiting.set(step.id, { step, resolve, reject });
      if (settled) this.#settling.push({ id: step.id, settled });
      else this.#found.push(withEdited(step, this.#reporter.edited?.(step)));
      this.#signal();
    });
  }

  /** A hook begins; rule 4 holds until the function returned is called. */
  hold(): () => void {
    this.#held += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#held -= 1;
      if (this.#held > 0) return;
      this.#released?.();
      this.#signal();
    };
  }

  /** Gives an open step its result. */
  settle(id: string, settled: SettledMemo): void {
    if (!this.#waiting.has(id)) return; // the handler has not reached it yet: it will find the memo
    this.#settling.push({ id, settled });
    this.#signal();
  }

  /** Reports once more that it is idle, if it still is. */
  lookAgain(): void {
    this.#signal();
  }

  /** Ends the execution without an outcome; the handler's promises stay open and are collected with it. */
  stop(): void {
    this.#stopped = true;
    this.#released?.();
    this.#signal();
  }

  /** Runs the handler until it ends; `null` when it was stopped first. */
  async run(handler: () => unknown): Promise<Outcome | null> {
    void this.#start(handler);
    try {
      return await this.#pump();
    } finally {
      this.#stopped = true;
      this.#turns.close();
    }
  }

  async #start(handler: () => unknown): Promise<void> {
    try {
      this.#outcome = { kind: "returned", value: await handler() };
    } catch (error) {
      this.#outcome = { kind: "threw", error };
    }
    this.#released?.();
    this.#signal();
  }

  async #pump(): Promise<Outcome | null> {
    for (;;) {
      await this.#turns.next(this.#isAlone);
      this.#isAlone = true;
      if (this.#stopped) return null;
      if (this.#outcome) {
        if (this.#replay) await this.#endReplay();
        return this.#outcome;
      }
      if (this.#held > 0) await this.#release();
      else if (this.#isReplayOver()) await this.#endReplay();
      else if (this.#settling.length > 0) this.#settleNext();
      else if (this.#found.length > 0) this.#reporter.found(this.#found.splice(0).sort((a, b) => a.order - b.order));
      else await this.#quiet();
    }
  }

  /** The last memo is about to settle, or what comes next is no memo. */
  #isReplayOver(): boolean {
    if (this.#replay === null) return false;
    return this.#settling.length > 0 ? this.#memosLeft <= 1 : this.#found.length > 0;
  }

  #settleNext(): void {
    let first = 0;
    for (let i = 1; i < this.#settling.length; i++)
      if (positionAt(this.#settling, i) < positionAt(this.#settling, first)) first = i;
    const [next] = this.#settling.splice(first, 1);
    const waiting = next && this.#waiting.get(next.id);
    if (!next || !waiting) return;
    this.#memosLeft -= 1;
    this.#waiting.delete(next.id);
    this.#isAlone = this.#waiting.size === 0;
    const result = readMemo(next.settled.memo, waiting.step);
    if ("error" in result) waiting.reject(errorFromWire(result.error, waiting.step.userId));
    else waiting.resolve(result.value);
  }

  async #endReplay(): Promise<void> {
    const replay = this.#replay;
    this.#replay = null;
    await replay?.onEnd();
  }

  async #release(): Promise<void> {
    const released = new Promise<void>((resolve) => (this.#released = resolve));
    this.#reporter.held?.();
    await released;
    this.#released = null;
  }

  async #quiet(): Promise<void> {
    const signalled = new Promise<void>((resolve) => (this.#wake = resolve));
    this.#reporter.idle();
    await signalled;
  }

  #signal(): void {
    this.#wake?.();
    this.#wake = null;
  }
}

function positionAt(settling: { settled: SettledMemo }[], index: number): number {
  return settling[index]?.settled.position ?? Number.POSITIVE_INFINITY;
}

/** A step as it is with other arguments. */
function withEdited(step: FoundStep, edited: unknown[] | undefined): FoundStep {
  const { withInput, id, index, order } = step;
  return withInput && edited ? { ...withInput(edited), id, index, order } : step;
}

/** What a memo means to the step that asked (inngest-protocol §3.6): wrapped, or the value itself. */
function readMemo(memo: Memo, step: FoundStep): { value: unknown } | { error: WireError } {
  if (step.op === "Sleep" && memo === null) return { value: undefined };
  if (typeof memo === "object" && memo !== null && !Array.isArray(memo)) {
    const keys = Object.keys(memo).filter((key) => key !== "type");
    if (keys.length === 1 && keys[0] === "error") return { error: memo.error as unknown as WireError };
    if (keys.length === 1 && keys[0] === "data") return { value: memo.data };
  }
  return { value: memo };
}
