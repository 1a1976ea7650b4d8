import { durationString } from "../protocol/time-string.ts";

/** Calls back after so many milliseconds, unless the function returned is called first. */
export type Timer = (ms: number, fire: () => void) => () => void;

/** What the code of a step with a `timeout` is given after its inputs. */
export interface StepSignal {
  /** aborted when the step has taken too long, and when the run no longer waits for it: it was cancelled, or has ended */
  signal: AbortSignal;
}

/** A step took longer than its `timeout` allows. That attempt has failed; another may follow, as for any error. */
export class StepTimeoutError extends Error {
  override readonly name = "StepTimeoutError";
  readonly code = "step_timeout";

  constructor(stepId: string, timeoutMs: number) {
    super(`step "${stepId}" took longer than its timeout, ${durationString(timeoutMs)}`);
  }
}

/** What timers of runtimes can wait for at most; a longer wait is several. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export const runtimeTimer: Timer = (ms, fire) => {
  let left = ms;
  let pending: ReturnType<typeof setTimeout>;
  const arm = (): void => {
    const wait = Math.min(left, TIMER_MAX_MS);
    left -= wait;
    pending = setTimeout(left > 0 ? arm : fire, wait);
  };
  arm();
  return () => clearTimeout(pending);
};

/** Code of steps that may take so long and no longer. */
export class TimedBodies {
  readonly #timer: Timer;
  readonly #running = new Set<AbortController>();

  constructor(timer: Timer) {
    this.#timer = timer;
  }

  /**
   * Runs a step's code. What it still does when its time is over is not waited for.
   *
   * @throws StepTimeoutError when it takes too long
   */
  async run(stepId: string, timeoutMs: number, code: (signal: AbortSignal) => unknown): Promise<unknown> {
    const body = new AbortController();
    this.#running.add(body);
    let clear = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      clear = this.#timer(timeoutMs, () => {
        const error = new StepTimeoutError(stepId, timeoutMs);
        reject(error); // before the code can answer the signal: this is why the step fails
        body.abort(error);
      });
    });
    body.signal.addEventListener("abort", clear);
    try {
      return await Promise.race([late, (async () => code(body.signal))()]);
    } finally {
      clear();
      this.#running.delete(body);
    }
  }

  /** Nobody waits for any of them any more. */
  abort(): void {
    for (const body of this.#running) body.abort();
  }
}
