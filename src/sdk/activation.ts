/** Code of a run that executes, whatever holds its journal: the run's own object, or one that is told over RPC. */
import type { SettledMemo } from "../protocol/call.ts";
import { deferred } from "../protocol/deferred.ts";
import { type Journal, type LocalActivation, PAUSED } from "../protocol/journal.ts";
import { ACTIVATION_MAX_STEPS } from "../protocol/limits.ts";
import type { Inngest } from "./client.ts";
import type { ReceivedEvent } from "./event.ts";
import type { FoundStep, Reporter } from "./execute.ts";
import { foundOp, ownStep, ranOp } from "./found-op.ts";
import type { Registration } from "./function.ts";
import { Chain } from "./middleware/chain.ts";
import type { RequestPlatform } from "./platform.ts";
import { RunContext } from "./run-context.ts";
import type { RunHost } from "./run-host.ts";

/** What an activation is told of its run. */
export interface ActivatedRun {
  id: string;
  /** as accepted, plain JSON */
  events: ReceivedEvent[];
  /** of the handler, 0 for the first */
  attempt: number;
  /** whether its journal holds any step */
  hasSteps: boolean;
  /** tries of a step that has no policy of its own */
  maxAttempts: number;
}

export interface ActivationOptions {
  registration: Registration;
  client: Inngest;
  run: ActivatedRun;
  journal: Journal;
  platform: RequestPlatform;
  host: RunHost | undefined;
  /** the journal takes what is logged */
  logs: boolean;
}

/**
 * One activation: runs the handler, and each new step's code, committing every result before the handler goes on.
 * Steps found together run at the same time; in cautious mode one after the other.
 */
export class Activation implements LocalActivation, Reporter {
  readonly #journal: Journal;
  readonly #run: RunContext;
  readonly #platform: RequestPlatform;
  readonly #defaultAttempts: number;
  /** steps that the handler waits for */
  readonly #open = new Map<string, FoundStep>();
  readonly #queue: FoundStep[] = [];
  #running = 0;
  #executed = 0;
  #isIdle = false;
  #hasYielded = false;
  #isStopped = false;
  #hasWaited = false;
  #allDone = deferred();

  constructor({ registration, client, run, journal, platform, host, logs }: ActivationOptions) {
    this.#journal = journal;
    this.#platform = platform;
    this.#defaultAttempts = run.maxAttempts;
    this.#run = new RunContext(
      {
        registration,
        client,
        runId: run.id,
        events: run.events,
        attempt: run.attempt,
        maxAttempts: registration.retry.maxAttempts,
        isFirst: !run.hasSteps && run.attempt === 0,
        memoCount: run.hasSteps ? journal.memoCount() : 0,
        memos: () => journal.memos(),
        platform,
        host,
        logs,
        chain: Chain.open(client, registration.fn.middleware),
      },
      this,
    );
    void this.#begin();
  }

  settle(stepId: string, settled: SettledMemo): void {
    this.#open.delete(stepId);
    this.#isIdle = false;
    this.#run.execution.settle(stepId, settled);
  }

  resume(): void {
    this.#executed = 0;
    this.#hasYielded = false;
    this.#next();
    this.lookAgain(); // a step that does not end at once is a wait
  }

  /** Reports once more that every branch waits, if it is so. */
  lookAgain(): void {
    this.#run.execution.lookAgain();
  }

  retry(stepId: string): void {
    const step = this.#open.get(stepId);
    if (step) this.#enqueue(step);
  }

  stop(): void {
    this.#isStopped = true;
    this.#run.stop();
  }

  bodiesOver(): Promise<void> | null {
    return this.#running > 0 ? this.#allDone.promise : null;
  }

  memo(step: FoundStep): SettledMemo | undefined {
    if (this.#isStopped) return undefined;
    return this.#journal.memo(step.id);
  }

  edited({ id }: FoundStep): unknown[] | undefined {
    const edited = this.#journal.edited?.();
    return edited?.stepId === id ? edited.input : undefined;
  }

  found(steps: FoundStep[]): void {
    this.#isIdle = false;
    for (const step of steps.map(ownStep)) {
      this.#open.set(step.id, step);
      if (step.body) {
        if (this.#journal.isRunnable(step.id)) this.#enqueue(step);
        continue;
      }
      this.#log();
      if (this.#isPaused) this.#enqueue(step);
      else this.#tell(step);
    }
  }

  /** Nothing begins any more; what was asked for is asked for again when the run goes on. */
  get #isPaused(): boolean {
    return this.#journal.room() === PAUSED;
  }

  /** A step that has no code. */
  #tell(step: FoundStep): void {
    const settled = this.#journal.report(foundOp(step), undefined);
    if (settled) this.settle(step.id, settled);
  }

  idle(): void {
    this.#isIdle = true;
    // whatever the code waits for may be a resource that stays open; after a yield it waits for us
    if (!this.#hasYielded) this.#hasWaited = true;
    this.#restIfBlocked();
  }

  /** A hook waits, as handlers do: for a resource, perhaps. */
  held(): void {
    this.#hasWaited = true;
  }

  async #begin(): Promise<void> {
    const outcome = await this.#run.start();
    if (!outcome || this.#isStopped) return;
    const result = await this.#run.end(outcome);
    this.#flush();
    if (this.#isStopped) return;
    this.#log();
    if (result.kind === "data" || result.final) this.#run.stop(); // steps that it did not wait for are told
    if (result.kind === "data") return this.#journal.returned(result.data);
    // another attempt must not run a step that still runs in this one
    if (!result.final && this.#running > 0) await this.#allDone.promise;
    this.#journal.threw(result.error, result.final, result.retryAt);
  }

  /** What the code around steps has logged goes with what is told next. */
  #log(): void {
    const logs = this.#run.logsAround();
    if (logs) this.#journal.logged(logs);
  }

  #flush(): void {
    const flushed = this.#run.flush();
    if (flushed) this.#platform.waitUntil?.(flushed);
  }

  #enqueue(step: FoundStep): void {
    this.#queue.push(step);
    this.#next();
  }

  #next(): void {
    while (this.#queue.length > 0 && !this.#isStopped && (!this.#journal.cautious || this.#running === 0)) {
      if (this.#executed >= ACTIVATION_MAX_STEPS || this.#isPaused) {
        if (this.#running > 0 || this.#hasYielded) return;
        this.#hasYielded = true;
        this.#log();
        return this.#journal.yield();
      }
      if (this.#running >= this.#journal.room()) break;
      const step = this.#queue.shift();
      if (step?.body) void this.#runStep(step);
      else if (step) this.#tell(step); // found while the run was paused
    }
    if (!this.#isStopped) this.#journal.needRoom(this.#running + this.#queue.length);
  }

  async #runStep(step: FoundStep): Promise<void> {
    this.#running += 1;
    this.#executed += 1;
    if (this.#journal.cautious) await this.#journal.mark({ id: step.id, userId: step.userId, type: step.type });
    else if (this.#hasWaited) await this.#journal.durable();
    if (this.#isStopped) return this.#bodyOver(); // the run has moved on while the disk was waited for: this body is not its any more
    const result = await this.#run.runStep(step, () => this.#isLastAttempt(step));
    const logs = this.#run.stepLogs(step);
    this.#bodyOver();
    if (this.#isStopped) return;
    this.#log();
    const settled = this.#journal.report(
      ranOp(step, result, false, logs),
      result.kind === "error" ? result.retryAt : undefined,
    );
    if (settled) this.settle(step.id, settled);
    this.#next();
    this.#restIfBlocked();
  }

  #bodyOver(): void {
    this.#running -= 1;
    if (this.#running > 0) return;
    this.#allDone.resolve();
    this.#allDone = deferred();
  }

  #isLastAttempt(step: FoundStep): boolean {
    return this.#journal.attempt(step.id) + 1 >= (step.retry?.maxAttempts ?? this.#defaultAttempts);
  }

  /** The activation rests when the handler waits and all it waits for are open steps. */
  #restIfBlocked(): void {
    if (this.#isIdle && this.#running === 0 && this.#queue.length === 0 && this.#open.size > 0 && !this.#isStopped) {
      this.#flush();
      this.#log();
      this.#journal.idle();
    }
  }
}
