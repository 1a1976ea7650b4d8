/** A key's object on the in-memory host, and runs that a test plays: they ask, hold and give back as real ones do. */
import type { AdmitReply, AdmitRequest, LeaseObjectApi } from "../../src/durable-objects/objects.ts";
import type { GatePolicy, Refusal } from "../../src/engine/lease.ts";
import type { FaultSource } from "../../src/testing/host/faults.ts";
import { realTurn } from "../../src/testing/host/turns.ts";
import { ENV, World } from "../../src/testing/host/world.ts";
import { derivedUlid } from "../../src/protocol/ids.ts";
import { seededRandom } from "./random.ts";
import { NOW } from "./run-builder.ts";

const QUIET_TURNS = 4;
const ASK_AGAIN_MS = 700;

export type LeaseStatus = "asking" | "waiting" | "held" | "releasing" | "over" | "refused";

/** A run with one lease. What it knows survives everything, as a run's storage does. */
export class PlayedRun {
  readonly runId: string;
  readonly leaseId: string;
  status: LeaseStatus = "asking";
  refusal: Refusal | null = null;
  cancelReason: string | null = null;
  /** what it was told or asked, in order */
  readonly heard: string[] = [];
  /** called when its lease becomes held */
  onHeld: () => void = () => undefined;
  onCancel: () => void = () => undefined;
  /** what it does with any request before it looks at it */
  answers: () => unknown = () => undefined;

  constructor(runId: string) {
    this.runId = runId;
    this.leaseId = `${runId}.1`;
  }

  get isEnded(): boolean {
    return this.status === "over" || this.status === "refused" || this.status === "releasing";
  }

  take(reply: AdmitReply): void {
    if (this.status !== "asking" && this.status !== "waiting") return;
    if (reply.kind === "refused") [this.status, this.refusal] = ["refused", reply.refusal];
    else if (reply.kind === "waiting") this.status = "waiting";
    else {
      this.status = "held";
      this.onHeld();
    }
  }

  async admitted(): Promise<{ kind: "taken" | "declined" }> {
    this.heard.push("admitted");
    await this.answers();
    this.take({ kind: "admitted" });
    return { kind: this.status === "held" ? "taken" : "declined" };
  }

  async refused(_leaseId: string, _object: string, refusal: Refusal): Promise<void> {
    this.heard.push("refused");
    await this.answers();
    this.take({ kind: "refused", refusal });
  }

  async holding(leaseIds: string[]): Promise<string[]> {
    this.heard.push("holding");
    await this.answers();
    return leaseIds.filter((id) => id === this.leaseId && this.status !== "over" && this.status !== "refused");
  }

  async cancel(reason: string): Promise<{ kind: "cancelled" | "ended" }> {
    this.heard.push("cancel");
    await this.answers();
    if (this.isEnded) return { kind: "ended" };
    this.cancelReason = reason;
    this.onCancel();
    return { kind: "cancelled" };
  }
}

export interface LeaseWorldOptions {
  object: string;
  faults?: FaultSource;
  seed?: number;
  /** whether chance decides what goes on next; else what became ready first */
  shuffles?: boolean;
}

/** A lease on the key's disk. */
export interface StoredLease {
  id: string;
  list: string;
  rank: number;
  value: { refusal?: Refusal | null };
}

export class LeaseWorld {
  readonly world: World;
  readonly object: string;
  readonly runs = new Map<string, PlayedRun>();
  /** whom the key has let in, by what it has stored */
  readonly letIn: { leaseId: string; at: number; held: number; line: StoredLease[] }[] = [];
  readonly #seen = new Set<string>();

  constructor({ object, faults, seed = 1, shuffles = false }: LeaseWorldOptions) {
    this.object = object;
    const random = seededRandom(seed);
    this.world = new World({
      start: NOW,
      random,
      faults,
      choose: shuffles ? (count) => Math.floor(random() * count) : undefined,
      transports: () => {
        throw new Error("runs are played");
      },
      played: (kind, name) => (kind === "run" ? this.run(name) : undefined),
      committed: (kind, name) => {
        if (kind === "key" && name === object) this.#look();
      },
    });
  }

  /** All that the key has stored. */
  stored(): StoredLease[] {
    return [...(this.world.disk("key", this.object)?.values("item") ?? [])].map((row) => JSON.parse(String(row)));
  }

  #look(): void {
    const stored = this.stored();
    const line = stored.filter(({ list }) => list === "line");
    const held = stored.filter(({ list }) => list === "held").length;
    for (const { id, list, value } of stored) {
      if (list !== "held" && (list !== "decided" || value.refusal !== null)) continue;
      if (!this.#seen.has(id)) this.letIn.push({ leaseId: id, at: this.now, held, line });
      this.#seen.add(id);
    }
  }

  get key(): LeaseObjectApi {
    return this.world.objects().leases(ENV, this.object);
  }

  get now(): number {
    return this.world.clock.now;
  }

  /** When its alarm is set to, from now on; null when it is not. */
  get alarmIn(): number | null {
    const at = this.world.clock.at(`key ${this.object}`);
    return at === null ? null : at - this.now;
  }

  run(runId: string): PlayedRun {
    const run = this.runs.get(runId) ?? new PlayedRun(runId);
    this.runs.set(runId, run);
    return run;
  }

  /** A run of this age in ms, the greater the younger. */
  runOf(age: number): PlayedRun {
    return this.run(derivedUlid(NOW + age, "run"));
  }

  /** What a call comes to once all is at rest at this instant. */
  async call<T>(work: (key: LeaseObjectApi) => Promise<T>): Promise<T> {
    const result = work(this.key);
    await this.rest();
    return result;
  }

  /** Asks once; the reply, as the run takes it. */
  async ask(run: PlayedRun, policy: GatePolicy, more: Partial<AdmitRequest> = {}): Promise<AdmitReply["kind"]> {
    const reply = await this.call((key) => key.admit(this.request(run, policy, more)));
    run.take(reply);
    return reply.kind;
  }

  /** All ask at the same instant, in this order. */
  async askAll(runs: PlayedRun[], policy: GatePolicy, rank?: (run: PlayedRun) => number): Promise<void> {
    const { key } = this;
    const asks = runs.map((run) => key.admit(this.request(run, policy, rank && { rank: rank(run) })));
    await this.rest();
    for (const [index, ask] of asks.entries()) runs[index]?.take(await ask);
  }

  async release(run: PlayedRun): Promise<void> {
    run.status = "over";
    await this.call((key) => key.release(run.leaseId));
  }

  request(run: PlayedRun, policy: GatePolicy, more: Partial<AdmitRequest> = {}): AdmitRequest {
    const { leaseId, runId } = run;
    return { leaseId, env: ENV, runId, functionId: "shop-ship", functionVersion: 1, policy, rank: NOW, ...more };
  }

  /** Asks until there is an answer. */
  async persist(ask: (key: LeaseObjectApi) => Promise<void>): Promise<void> {
    for (;;)
      try {
        return await ask(this.key);
      } catch {
        await this.world.later(ASK_AGAIN_MS);
      }
  }

  /** Until nothing more happens at this instant. */
  async rest(): Promise<void> {
    let seen = this.world.turns.count;
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      await realTurn();
      if (!this.world.turns.areOver || this.world.turns.count !== seen || this.world.startDue()) quiet = 0;
      seen = this.world.turns.count;
    }
  }

  /** Lets so much time pass. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    do await this.rest();
    while (this.moveOn(end));
    this.world.clock.moveTo(Math.max(end, this.now));
    await this.rest();
  }

  /** Goes on until something is so. */
  async until(isSo: () => boolean, what: string): Promise<void> {
    for (let instants = 0; instants < 20_000; instants++) {
      await this.rest();
      if (isSo()) return;
      if (!this.moveOn()) throw new Error(`nothing is left to happen, before ${what}`);
    }
    throw new Error(`too much happens before ${what}`);
  }

  moveOn(end = Number.POSITIVE_INFINITY): boolean {
    const { clock } = this.world;
    const timer = clock.next();
    if (!timer || timer.at > end) return false;
    clock.moveTo(Math.max(timer.at, clock.now));
    clock.fire(timer);
    return true;
  }
}
