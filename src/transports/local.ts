import type { SettledMemo } from "../protocol/call.ts";
import { deferred } from "../protocol/deferred.ts";
import type { EventRecord } from "../protocol/event.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { ACTIVATION_MAX_STEPS } from "../protocol/limits.ts";
import type { Run } from "../engine/run.ts";
import type { Journal, LocalActivation, LocalTransport } from "../durable-objects/transport.ts";
import type { Inngest } from "../sdk/client.ts";
import type { FoundStep, Reporter } from "../sdk/execute.ts";
import { foundOp, ownStep, ranOp } from "../sdk/found-op.ts";
import type { InngestFunction, Registration } from "../sdk/function.ts";
import { Chain } from "../sdk/middleware/chain.ts";
import type { RequestPlatform } from "../sdk/platform.ts";
import type { RunHost } from "../sdk/run-host.ts";
import { registrationsOf } from "../sdk/registrations.ts";
import { RunContext } from "../sdk/run-context.ts";
import type { ReceivedEvent } from "../sdk/event.ts";

/** Functions of this very Worker: their code runs inside the run's object, a step costs one commit (design §4). */
export class LocalFunctions implements LocalTransport {
  readonly #client: Inngest | undefined;
  readonly #registrations: ReadonlyMap<string, Registration>;
  readonly #platform: RequestPlatform;
  readonly #host: RunHost | undefined;

  /** @param platform what handlers find as `env` and `waitUntil` */
  constructor(
    client: Inngest | undefined,
    functions: readonly InngestFunction[],
    platform: RequestPlatform = {},
    host?: RunHost,
  ) {
    this.#client = client;
    this.#platform = platform;
    this.#host = host;
    this.#registrations = client ? registrationsOf(client, functions, "createWorker") : new Map();
  }

  has(functionId: string): boolean {
    return this.#registrations.has(functionId);
  }

  /** What the registry is told of them. */
  registered(): RegisteredFunction[] {
    const client = this.#client;
    if (!client) return [];
    return [...this.#registrations.values()].map(({ id, name, triggers, crons, retry, flow }) => ({
      id,
      name,
      appId: client.id,
      version: 0,
      triggers,
      crons,
      retry,
      transport: { kind: "local" },
      ...(flow && { flow }),
    }));
  }

  activate(run: Run, events: EventRecord[], attempt: number, journal: Journal): LocalActivation {
    const registration = this.#registrations.get(run.functionId);
    const client = this.#client;
    if (!registration || !client) throw new Error(`function "${run.functionId}" is not part of this Worker`);
    const [platform, host] = [this.#platform, this.#host];
    return new Activation({ registration, client, run, events, attempt, journal, platform, host });
  }
}

interface ActivationOptions {
  registration: Registration;
  client: Inngest;
  run: Run;
  events: EventRecord[];
  attempt: number;
  journal: Journal;
  platform: RequestPlatform;
  host: RunHost | undefined;
}

/**
 * One activation: runs the handler, and each new step's code, committing every result before the handler goes on.
 * Steps found together run at the same time; in cautious mode one after the other.
 */
class Activation implements LocalActivation, Reporter {
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

  constructor({ registration, client, run, events, attempt, journal, platform, host }: ActivationOptions) {
    this.#journal = journal;
    this.#platform = platform;
    this.#defaultAttempts = run.retry.maxAttempts;
    this.#run = new RunContext(
      {
        registration,
        client,
        runId: run.id,
        events: events.map((record) => record.event as ReceivedEvent), // as accepted, plain JSON
        attempt,
        maxAttempts: registration.retry.maxAttempts,
        isFirst: run.steps === 0 && attempt === 0,
        memoCount: run.steps === 0 ? 0 : journal.memoCount(),
        memos: () => journal.memos(),
        platform,
        host,
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
    this.#run.execution.lookAgain(); // a step that does not end at once is a wait
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

  found(steps: FoundStep[]): void {
    this.#isIdle = false;
    for (const step of steps.map(ownStep)) {
      this.#open.set(step.id, step);
      if (step.body) {
        if (this.#journal.isRunnable(step.id)) this.#enqueue(step);
        continue;
      }
      const settled = this.#journal.report(foundOp(step), undefined);
      if (settled) this.settle(step.id, settled);
    }
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
    if (result.kind === "data" || result.final) this.#run.stop(); // steps that it did not wait for are told
    if (result.kind === "data") return this.#journal.returned(result.data);
    // another attempt must not run a step that still runs in this one
    if (!result.final && this.#running > 0) await this.#allDone.promise;
    this.#journal.threw(result.error, result.final, result.retryAt);
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
      if (this.#executed >= ACTIVATION_MAX_STEPS) {
        if (this.#running > 0 || this.#hasYielded) return;
        this.#hasYielded = true;
        return this.#journal.yield();
      }
      if (this.#running >= this.#journal.room()) break;
      const step = this.#queue.shift();
      if (step) void this.#runStep(step);
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
    this.#bodyOver();
    if (this.#isStopped) return;
    const settled = this.#journal.report(
      ranOp(step, result, false),
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
      this.#journal.idle();
    }
  }
}
