import { gatesOf, leaseIdOf, leaseSeqOf, type Admission, type Lease, type Refusal } from "../engine/lease.ts";
import { isEnded } from "../engine/run.ts";
import { deferred } from "../protocol/deferred.ts";
import type { Host } from "./host.ts";
import { NotStored, type RunDecisions } from "./run-decisions.ts";
import type { RunRecord } from "./run-record.ts";

/** A place in a line that is left before costs nothing: no row, no change of the alarm, no word in the index. */
const LINE_LASTS_MS = 1_000;

/** What leases are asked for with. */
export interface RunLeasesParts {
  host: Host;
  record: RunRecord;
  decisions: RunDecisions;
  /** Whether no code of this run is on the stack any more, here or in its app. */
  isCodeOver(): boolean;
}

/** The leases of a run, and the keys that it has them of. What is written down is asked for until there is an answer. */
export class RunLeases {
  readonly #parts: RunLeasesParts;
  /** places that may not last, and how to leave each */
  readonly #inLine = new Map<Lease, () => void>();

  constructor(parts: RunLeasesParts) {
    this.#parts = parts;
  }

  /** Gives back what is over, then asks for what is wanted; once each. */
  async perform(): Promise<void> {
    const { record } = this.#parts;
    const { admission } = record.current();
    if (!admission) return;
    for (const [lease, leave] of this.#inLine) if (!this.#stands(lease)) leave();
    await Promise.all(record.leases().map((lease) => this.#perform(lease, admission)));
  }

  async #perform(lease: Lease, admission: Admission): Promise<void> {
    if (lease.status === "releasing" && !this.#isCodeLeft()) await this.#release(lease, admission);
    if (lease.status === "asking" && !this.#parts.record.isInLine(lease)) await this.#ask(lease, admission);
  }

  /** Whether the run waits in a line, and nobody needs to know yet. */
  get areBrieflyInLine(): boolean {
    const { record } = this.#parts;
    return record.current().state.kind === "queued" && record.leases().some((lease) => record.isInLine(lease));
  }

  /** Whether leases are kept that are to be given back: the run has ended, and its code, which cannot be stopped, has not (G7). */
  get areStillUsed(): boolean {
    return this.#parts.record.leases().length > 0 && this.#isCodeLeft();
  }

  #isCodeLeft(): boolean {
    return isEnded(this.#parts.record.current().state) && !this.#parts.isCodeOver();
  }

  async #release(lease: Lease, admission: Admission): Promise<void> {
    const { host, record } = this.#parts;
    const id = leaseIdOf(record.current().id, lease.seq);
    const passed = gatesOf(lease, admission).slice(0, lease.passed + 1);
    await Promise.all(passed.map((gate) => host.objects.leases(gate.env, gate.object).release(id)));
    record.forgetLease(lease.seq);
  }

  async #ask(lease: Lease, admission: Admission): Promise<void> {
    const { host, record, decisions } = this.#parts;
    const gate = gatesOf(lease, admission)[lease.passed];
    if (!gate) throw new Error(`run ${host.name}: lease ${lease.seq} has no gate left to pass`);
    const { id, env, functionId, functionVersion } = record.current();
    const leaseId = leaseIdOf(id, lease.seq);
    const { rank } = admission;
    const reply = await host.objects
      .leases(gate.env, gate.object)
      .admit({ leaseId, env, runId: id, functionId, functionVersion, policy: gate.policy, key: gate.key, rank });
    if (reply.kind === "refused") this.refused(leaseId, gate.object, reply.refusal);
    else if (reply.kind === "admitted") decisions.decide({ kind: "admitted", seq: lease.seq, object: gate.object });
    else {
      record.noteInLine(lease);
      void this.#lineUp(lease, gate.object);
    }
  }

  /** Stores a place that lasts. When this object dies before, its alarm asks for the lease once more. */
  async #lineUp(lease: Lease, object: string): Promise<void> {
    const { host, decisions } = this.#parts;
    const left = deferred();
    this.#inLine.set(lease, left.resolve);
    await host.wait(LINE_LASTS_MS, left.promise);
    this.#inLine.delete(lease);
    try {
      if (this.#stands(lease)) decisions.decide({ kind: "lined", seq: lease.seq, object });
    } catch (error) {
      if (!(error instanceof NotStored)) decisions.abandon(error);
    }
  }

  /** Whether a lease is still in the line that it was in. */
  #stands({ seq, passed }: Lease): boolean {
    const { record } = this.#parts;
    return record.leases().some((lease) => lease.seq === seq && lease.passed === passed && record.isInLine(lease));
  }

  /** A key has let a lease in that stood in its line. */
  admitted(leaseId: string, object: string): "taken" | "declined" {
    const found = this.#find(leaseId, object);
    if (!found || found.lease.status === "releasing") return "declined";
    const { lease, index } = found;
    if (lease.status !== "held" && index === lease.passed)
      this.#parts.decisions.decide({ kind: "admitted", seq: lease.seq, object });
    return "taken";
  }

  refused(leaseId: string, object: string, refusal: Refusal): void {
    const found = this.#find(leaseId, object);
    if (!found || found.index !== found.lease.passed) return;
    const open = this.#parts.record.stored.openEntries();
    this.#parts.decisions.decide({ kind: "refused", seq: found.lease.seq, refusal, open });
  }

  /**
   * Those that are written down: also what is to be given back is held until it is. A run that has ended, and whose code is
   * over, holds nothing, whatever is still written.
   */
  holding(leaseIds: string[]): string[] {
    const run = this.#parts.record.load();
    if (!run || (isEnded(run.state) && this.#parts.isCodeOver())) return [];
    const written = new Set(this.#parts.record.leases().map((lease) => lease.seq));
    return leaseIds.filter((id) => written.has(leaseSeqOf(id)));
  }

  /** A lease, and where on its way a gate is. */
  #find(leaseId: string, object: string): { lease: Lease; index: number } | undefined {
    const run = this.#parts.record.load();
    const lease = this.#parts.record.leases().find(({ seq }) => seq === leaseSeqOf(leaseId));
    if (!run?.admission || !lease) return undefined;
    const index = gatesOf(lease, run.admission).findIndex((gate) => gate.object === object);
    return index < 0 ? undefined : { lease, index };
  }
}
