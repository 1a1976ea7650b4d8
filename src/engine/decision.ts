/** What a decision about a run is made of, and the draft in which the rules write it down. */
import type { NamedCall } from "../protocol/call-ref.ts";
import type { Lease } from "./lease.ts";
import type { Annotating } from "./metadata.ts";
import type { Effect, Entry, EntryStatus, Executing, Extra, Run } from "./run.ts";

/** Time and chance, handed in so that a decision can be repeated exactly. */
export interface Moment {
  /** real time: the run's own is `runTime` of it */
  now: number;
  /** in [0, 1) */
  random: number;
}

/** One request to the code of a run over HTTP: of the discovery calls only the latest is outstanding. */
export type Call = NamedCall;

export interface Decision {
  run: Run;
  /** the header must be stored; false when only the journal grew */
  saveRun: boolean;
  entries: Entry[];
  effects: Effect[];
  /** entries that were settled, in order */
  settled: Entry[];
  /** http: calls to make now */
  calls: Call[];
  /** local: start an activation, or wake the one that is suspended */
  activate: boolean;
  /** leases that have changed, to be stored */
  leases: Lease[];
  /** local: one more step body may run beside the others */
  hasMoreRoom: boolean;
  /** what is stored beside the journal */
  extras: Extra[];
  /** what people are told of the run and its steps */
  annotations: Annotating[];
  /** what its app asked and did not get, in words */
  notes: string[];
  /** the input came from something that is over; nothing was changed */
  stale: boolean;
}

/** Notes that a run keeps. */
const WARNINGS_MAX = 20;

export class Draft implements Decision {
  run: Run;
  saveRun = false;
  entries: Entry[] = [];
  effects: Effect[] = [];
  settled: Entry[] = [];
  calls: Call[] = [];
  activate = false;
  hasMoreRoom = false;
  extras: Extra[] = [];
  annotations: Annotating[] = [];
  notes: string[] = [];
  stale = false;
  /** a discovery was asked for by this very decision: it tells the handler of everything in it */
  isDiscoveryNew = false;
  readonly moment: Moment;
  readonly #before: readonly Lease[];
  readonly #leases = new Map<number, Lease>();

  /** @param leases all that the run has or asks for */
  constructor(run: Run, moment: Moment, leases: readonly Lease[] = []) {
    this.run = { ...run, state: { ...run.state }, http: run.http && { ...run.http } };
    this.moment = moment;
    this.#before = leases;
  }

  get leases(): Lease[] {
    return [...this.#leases.values()];
  }

  putLease(lease: Lease): void {
    this.#leases.set(lease.seq, lease);
  }

  allLeases(): Lease[] {
    const before = this.#before.filter(({ seq }) => !this.#leases.has(seq));
    return this.#leases.size === 0 ? before : [...before, ...this.#leases.values()].sort((a, b) => a.seq - b.seq);
  }

  lease(seq: number): Lease | undefined {
    return this.#leases.get(seq) ?? this.#before.find((lease) => lease.seq === seq);
  }

  /** What a slot has or waits for; what it has given back is not among them. */
  leasesFor(slot: string): Lease[] {
    if (this.#before.length === 0 && this.#leases.size === 0) return [];
    return this.allLeases().filter((lease) => lease.slot === slot && lease.status !== "releasing");
  }

  leaseFor(slot: string): Lease | undefined {
    return this.leasesFor(slot)[0];
  }

  get now(): number {
    return this.moment.now;
  }

  /** The header with its state changed; the header is stored. */
  move(state: Run["state"]): void {
    this.run.state = state;
    this.saveRun = true;
  }

  /** Stores an entry as the journal's next commit. */
  write(entry: Entry, status: EntryStatus): Entry {
    this.run.position += 1;
    const written = { ...entry, status, position: this.run.position };
    const same = this.entries.findIndex((other) => other.id === entry.id);
    if (same >= 0) this.entries.splice(same, 1, written);
    else this.entries.push(written);
    return written;
  }

  /** Notes with the run what its app asked and does not get. */
  warn(note: string): void {
    this.notes.push(note);
    const { warnings = [] } = this.run;
    if (warnings.length >= WARNINGS_MAX || warnings.includes(note)) return;
    this.run.warnings = [...warnings, note];
    this.saveRun = true;
  }

  /** Also while what is to execute waits for its leases. */
  executing(): Executing | null {
    const { state } = this.run;
    return state.kind === "executing" || state.kind === "queued" ? state : null;
  }
}

export function execute(draft: Draft): Executing {
  const { run } = draft;
  if (run.state.kind === "executing" || run.state.kind === "queued") return run.state;
  const state: Executing = {
    kind: "executing",
    since: draft.now,
    from: run.position,
    discovery: !run.http,
    again: false,
    targeted: 0,
    // a step that is called before the discovery that failed comes again does not replace it
    retryAt: run.http && run.state.kind === "scheduled" ? run.state.at : null,
  };
  draft.move(state);
  return state;
}

/** Attempt of the handler that runs or comes next: back to 0 once the journal has moved on (inngest-protocol §4). */
export function attemptOf(run: Run): number {
  return run.position > run.attemptAt ? 0 : run.attempt;
}
