import type { HttpTransport, LocalTransport, RemoteJournal } from "../../durable-objects/transport.ts";
import type { LocalActivation } from "../../protocol/journal.ts";
import type { Life } from "./life.ts";

/** Which runs have code executing: while any has, time stands still. */
export class Activations {
  readonly #executing = new Map<string, Set<object>>();
  /** how many of a run's executions wait for the platform */
  readonly #waiting = new Map<string, number>();

  /** Ids of runs whose code executes. */
  runs(): string[] {
    return [...this.#executing].flatMap(([runId, code]) =>
      code.size > (this.#waiting.get(runId) ?? 0) ? [runId] : [],
    );
  }

  isExecuting(runId: string): boolean {
    return this.#executing.has(runId);
  }

  /** Counts an execution of a run's code, until the function returned is called. */
  begin(runId: string): () => void {
    const execution = {};
    const known = this.#executing.get(runId);
    if (known) known.add(execution);
    else this.#executing.set(runId, new Set([execution]));
    return () => {
      const left = this.#executing.get(runId);
      if (left?.delete(execution) && left.size === 0) this.#executing.delete(runId);
    };
  }

  /** What a run's code does from now on is waited for no more. */
  abandon(runId: string): void {
    this.#executing.delete(runId);
  }

  /** Does not count one execution of a run while its code waits for the platform, and so perhaps for virtual time. */
  async whileWaiting<T>(runId: string, work: Promise<T>): Promise<T> {
    const change = (by: 1 | -1) => this.#waiting.set(runId, (this.#waiting.get(runId) ?? 0) + by);
    change(1);
    try {
      return await work;
    } finally {
      change(-1);
    }
  }

  /** Functions whose activations are counted, and stop with the life of the run's object. */
  within(life: Life, functions: LocalTransport): LocalTransport {
    return {
      has: (run) => functions.has(run),
      activate: (run, events, attempt, journal) => {
        const tracked = new Tracked(() => this.begin(run.id));
        tracked.begin();
        const activation = functions.activate(run, events, attempt, tracked.journal(journal));
        life.onEnd(() => {
          activation.stop();
          tracked.rest();
        });
        return tracked.activation(activation);
      },
    };
  }

  /**
   * Calls that are counted until the app has answered.
   *
   * @param late resolves when the reply arrives
   */
  calls(functions: HttpTransport, late: () => Promise<void> | null): HttpTransport {
    const counted = async <T>(runId: string, work: () => Promise<T>): Promise<T> => {
      const end = this.begin(runId);
      try {
        return await work();
      } finally {
        end();
        await late();
      }
    };
    return {
      call: (request) => counted(request.run.id, () => functions.call(request)),
      gateway: (request, runId) => counted(runId, () => functions.gateway(request, runId)),
    };
  }
}

/** One activation, seen from both of its sides. */
class Tracked {
  readonly #start: () => () => void;
  #end: (() => void) | null = null;

  constructor(start: () => () => void) {
    this.#start = start;
  }

  begin(): void {
    this.#end ??= this.#start();
  }

  rest(): void {
    this.#end?.();
    this.#end = null;
  }

  /** Whatever it reports it is executing, until it says that it waits, or that it has ended. */
  journal(journal: RemoteJournal): RemoteJournal {
    return {
      cautious: journal.cautious,
      memo: (stepId) => journal.memo(stepId),
      edited: () => journal.edited?.(),
      memoCount: () => journal.memoCount(),
      memos: () => journal.memos(),
      attempt: (stepId) => journal.attempt(stepId),
      isRunnable: (stepId) => journal.isRunnable(stepId),
      mark: (step) => journal.mark(step),
      durable: () => journal.durable(),
      report: (op, retryAt) => {
        this.begin();
        return journal.report(op, retryAt);
      },
      logged: (logs) => journal.logged(logs),
      returned: (data) => {
        this.rest();
        journal.returned(data);
      },
      threw: (error, final, retryAt) => {
        this.rest();
        journal.threw(error, final, retryAt);
      },
      idle: () => {
        this.rest();
        journal.idle();
      },
      yield: () => {
        this.rest();
        journal.yield();
      },
      room: () => journal.room(),
      needRoom: (bodies) => journal.needRoom(bodies),
      page: (after) => journal.page(after),
      openSteps: () => journal.openSteps(),
      left: () => {
        this.rest();
        journal.left();
      },
    };
  }

  activation(activation: LocalActivation): LocalActivation {
    return {
      settle: (stepId, settled) => {
        this.begin();
        activation.settle(stepId, settled);
      },
      retry: (stepId) => {
        this.begin();
        activation.retry(stepId);
      },
      resume: () => {
        this.begin();
        activation.resume();
      },
      stop: () => {
        activation.stop();
        this.rest();
      },
      bodiesOver: () => activation.bodiesOver(),
    };
  }
}
