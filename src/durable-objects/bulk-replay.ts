import type { RegisteredFunction } from "../protocol/function-config.ts";
import { isReplayOf, replayedRunId } from "../protocol/ids.ts";
import { isMeant, type Deed, type Outcome } from "./bulk-deed.ts";
import type { Window } from "./bulk-passes.ts";
import type { Host } from "./host.ts";
import type { BulkRequest, FoundRun } from "./objects.ts";

/**
 * Starts runs once more, with the same events and the code of today. The new run's id follows from the replay and the old
 * run, so however often it is asked to start, there is one; and what a replay has started it does not replay itself.
 */
export class BulkReplay implements Deed {
  /** each carries the events of its run: a batch may have some megabytes */
  readonly atOnce = 10;
  readonly #host: Host;
  readonly #request: BulkRequest;
  readonly #functions = new Map<string, Promise<RegisteredFunction | null>>();

  constructor(host: Host, request: BulkRequest) {
    this.#host = host;
    this.#request = request;
  }

  async toFound({ runId }: FoundRun, window: Window): Promise<Outcome> {
    return this.toAny(runId, window);
  }

  async toAny(runId: string, window: Window): Promise<Outcome> {
    const { env, objects } = this.#host;
    const { id } = this.#request;
    const none: Outcome = { runId, kind: null, createdAt: null };
    if (isReplayOf(id, runId)) return none;
    const summary = await objects.run(env, runId).summary();
    if (!summary || !isMeant(summary, this.#request, window)) return none;
    const { run, events } = summary;
    const outcome = (kind: "done" | "vain"): Outcome => ({ runId, kind, createdAt: run.createdAt });
    const fn = await this.#function(run.functionId);
    if (!fn) return outcome("vain"); // its app has it no more
    const now = this.#host.now();
    const again = replayedRunId(run.eventIds[0] ?? runId, id, runId);
    const { kind } = await objects.run(env, again).start({
      env,
      runId: again,
      fn,
      events: events.map((record) => ({ record, receivedAt: now })),
      dueAt: now,
    });
    return outcome(kind === "too-old" ? "vain" : "done");
  }

  #function(id: string): Promise<RegisteredFunction | null> {
    const known = this.#functions.get(id);
    if (known) return known;
    const asked = this.#host.objects.registry(this.#host.env).function(id);
    this.#functions.set(id, asked);
    return asked;
  }
}
