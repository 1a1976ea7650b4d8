import type { TurnSource } from "../../sdk/run-host.ts";
import { isWorkerd, Turns as EventLoop } from "../../sdk/turns.ts";

// taken when this module is loaded: tests replace timers later on
const { setTimeout: startTimer } = globalThis;
const { setImmediate: startImmediate } = globalThis as { setImmediate?: (task: () => void) => unknown };
const startSoon: (task: () => void) => unknown = isWorkerd
  ? (task) => void new EventLoop().next().then(task) // where an immediate takes as long as a timer
  : (startImmediate ?? ((task) => startTimer(task, 0)));

/**
 * Turns asked of the event loop at once: immediates of one round run one after the other, each with all of its continuations,
 * and a round costs more than many of them.
 */
const TURNS_AT_ONCE = startImmediate && !isWorkerd ? 16 : 1;

/** Real time in ms, whatever a test makes of the clock. */
export const realNow: () => number = performance.now.bind(performance);

/** One round of the real event loop: what was ready when it began has run when it ends. */
export function realTurn(): Promise<void> {
  return new Promise((resolve) => startSoon(resolve));
}

/** A pause in real time, for code that waits for the outside world. */
export function realPause(ms: number): Promise<void> {
  return new Promise((resolve) => startTimer(resolve, ms));
}

/**
 * The turns of one simulated process: whatever goes on does so in a turn of its own, one after the other, and all that
 * its continuations do happens before the next. So the same choices give the same execution.
 */
export class Turns {
  readonly #choose: (count: number) => number;
  readonly #ready: (() => void)[] = [];
  #atEnd: (() => void)[] = [];
  /** turns that the event loop is going to give */
  #scheduled = 0;
  /** turns so far */
  count = 0;
  /** called between turns, before what was written in the last one takes effect */
  between: (() => void) | undefined;

  /** @param choose which of the tasks that are ready goes on, as an index. Default: the first that became ready */
  constructor(choose: (count: number) => number = () => 0) {
    this.#choose = choose;
  }

  /** Whether nothing is left to go on by itself. */
  get areOver(): boolean {
    return this.#ready.length === 0 && this.#atEnd.length === 0;
  }

  /** Resolves in a turn of its own. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#ready.push(resolve);
      this.#schedule();
    });
  }

  /** Calls back between this turn and the next. */
  atEnd(task: () => void): void {
    this.#atEnd.push(task);
    this.#schedule();
  }

  /** For the executors of runs. */
  source(): TurnSource {
    return { next: () => this.next(), close: () => undefined };
  }

  #schedule(): void {
    if (this.#scheduled > 0) return;
    this.#scheduled = TURNS_AT_ONCE;
    for (let turn = 0; turn < TURNS_AT_ONCE; turn++) startSoon(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled -= 1;
    if (this.areOver) return;
    this.between?.();
    const ended = this.#atEnd;
    this.#atEnd = [];
    for (const task of ended) task();
    if (this.#ready.length > 0) {
      this.count += 1;
      const [task] = this.#ready.splice(this.#ready.length > 1 ? this.#choose(this.#ready.length) : 0, 1);
      task?.();
    }
    if (!this.areOver) this.#schedule();
  }
}
