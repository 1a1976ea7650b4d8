import { isEnded } from "../engine/run.ts";
import { isMeant, type Deed, type Outcome } from "./bulk-deed.ts";
import type { Window } from "./bulk-passes.ts";
import type { Host } from "./host.ts";
import type { BulkRequest, FoundRun } from "./objects.ts";

/** Cancels runs. One that it had cancelled in a page that was not counted says so in its reason. */
export class BulkCancel implements Deed {
  readonly atOnce = 50;
  readonly #host: Host;
  readonly #request: BulkRequest;

  constructor(host: Host, request: BulkRequest) {
    this.#host = host;
    this.#request = request;
  }

  async toFound(found: FoundRun, window: Window): Promise<Outcome> {
    const { runId, createdAt } = found;
    if (found.matches === null) return this.toAny(runId, window);
    if (!found.isEnded) return this.#cancel(runId, createdAt);
    return found.status === "Cancelled" ? this.#ended(runId, createdAt) : { runId, kind: "vain", createdAt };
  }

  async toAny(runId: string, window: Window): Promise<Outcome> {
    const summary = await this.#run(runId).summary();
    const createdAt = summary?.run.createdAt ?? null;
    if (!summary || !isMeant(summary, this.#request, window)) return { runId, kind: null, createdAt };
    return isEnded(summary.run.state) ? this.#ended(runId, createdAt) : this.#cancel(runId, createdAt);
  }

  async #cancel(runId: string, createdAt: number | null): Promise<Outcome> {
    const { kind } = await this.#run(runId).cancel(reasonOf(this.#request));
    if (kind === "unknown") return { runId, kind: null, createdAt };
    return kind === "cancelled" ? { runId, kind: "done", createdAt } : this.#ended(runId, createdAt);
  }

  /** A run that has ended: by this cancellation, in a page that was not counted, or by itself. */
  async #ended(runId: string, createdAt: number | null): Promise<Outcome> {
    const summary = await this.#run(runId).summary();
    const state = summary?.run.state;
    const isOurs = state?.kind === "cancelled" && state.reason === reasonOf(this.#request);
    return { runId, kind: isOurs ? "done" : "vain", createdAt };
  }

  #run(runId: string) {
    return this.#host.objects.run(this.#host.env, runId);
  }
}

/** Also tells its own cancellations from those of others. */
function reasonOf({ id, cause }: BulkRequest): string {
  return cause === "pause"
    ? `its function was paused (bulk cancellation ${id})`
    : `bulk cancellation ${id} (GET /v1/cancellations/${id})`;
}
