import type { Activations } from "./activations.ts";
import { realNow, realPause, realTurn } from "./turns.ts";
import type { Timer } from "./virtual-clock.ts";
import type { World } from "./world.ts";

export interface DriverOptions {
  world: World;
  activations: Activations;
  /** whether all that a run's code waits for is a step that hangs as it was told to */
  isHanging: (runId: string) => boolean;
  /** whether code of a run is going to be stopped by a timeout in virtual time */
  hasTimeout: (runId: string) => boolean;
  /** whether a run has ended, so that nobody waits for what its code still does */
  hasEnded: (runId: string) => boolean;
  /** how long code may execute in real time, in ms */
  patienceMs: number;
  /** whether a timer has to do with the progress of a run, rather than with upkeep such as schedules */
  isWork: (timer: Timer) => boolean;
  /** called at rest, before time moves: whether there was something to do */
  atRest?: () => boolean;
}

/** Why the driver gave up. */
export type Stuck =
  /** nothing is left that could happen */
  | { kind: "idle" }
  /** code of these runs has been executing for too long in real time */
  | { kind: "executing"; runs: string[]; patienceMs: number }
  /** the next thing happens after the limit */
  | { kind: "limit"; at: number }
  /** so many instants were visited without coming to an end */
  | { kind: "endless"; instants: number };

const INSTANTS_MAX = 100_000;
/** How often the same timer may fire at one instant. */
const REPEATS_MAX = 1_000;
/** Turns of the event loop without a pause, while code waits for the outside world. */
const EAGER_TURNS = 200;

/** Lets things happen, and time move on when nothing can happen without. */
export class Driver {
  readonly #options: DriverOptions;
  /** runs whose code has used up the patience, and is left to its timeout */
  readonly #slow = new Set<string>();

  constructor(options: DriverOptions) {
    this.#options = options;
  }

  /** Until all is at rest at this instant; null, or why it does not come to rest. */
  async settle(): Promise<Stuck | null> {
    const { world, patienceMs } = this.#options;
    let since = realNow();
    let seen = -1;
    const fired = new Map<string, number>();
    for (let turns = 0; ; turns++) {
      if (turns < EAGER_TURNS) await realTurn();
      else await realPause(1);
      if (world.turns.count !== seen) {
        seen = world.turns.count;
        since = realNow();
        turns = 0;
      }
      if (!world.turns.areOver) continue;
      const runs = this.#executing();
      if (runs.length > 0) {
        if (turns === EAGER_TURNS) this.#abandonEnded(runs);
        if (realNow() - since <= patienceMs) continue;
        if (!runs.every((runId) => this.#options.hasTimeout(runId))) return { kind: "executing", runs, patienceMs };
        for (const runId of runs) this.#slow.add(runId);
      }
      const timer = world.messages === 0 ? world.clock.next()?.key : undefined;
      if (world.startDue()) {
        turns = 0;
        const repeats = (fired.get(timer ?? "") ?? 0) + 1;
        if (timer !== undefined) fired.set(timer, repeats);
        if (repeats > REPEATS_MAX) return { kind: "endless", instants: 1 };
      } else if (this.#options.atRest?.() !== true) return null;
    }
  }

  /** Goes on, at rest and from instant to instant, until something is so; null then, or why it never is. */
  async until(
    isSo: () => boolean,
    limit = Number.POSITIVE_INFINITY,
    instantsMax = INSTANTS_MAX,
  ): Promise<Stuck | null> {
    const { world, isWork } = this.#options;
    for (let instants = 0; instants < instantsMax; instants++) {
      const stuck = await this.settle();
      if (isSo()) return null;
      if (stuck) return stuck;
      if (!world.clock.next(isWork)) return { kind: "idle" };
      // on the way there everything else happens too: time passes for schedules as well
      const timer = world.clock.next();
      if (!timer) return { kind: "idle" };
      if (timer.at > limit) return { kind: "limit", at: limit };
      world.clock.moveTo(Math.max(timer.at, world.clock.now));
      world.clock.fire(timer);
    }
    return { kind: "endless", instants: instantsMax };
  }

  /** Everything that happens up to an instant, schedules included. */
  async advanceTo(instant: number): Promise<Stuck | null> {
    const { world } = this.#options;
    for (;;) {
      const stuck = await this.settle();
      if (stuck) return stuck;
      const timer = world.clock.next();
      if (!timer || timer.at > instant) break;
      world.clock.moveTo(Math.max(timer.at, world.clock.now));
    }
    world.clock.moveTo(instant);
    return this.settle();
  }

  /** Code of runs that have ended may never settle, such as a call that was cancelled. */
  #abandonEnded(runs: string[]): void {
    const { activations, hasEnded } = this.#options;
    for (const runId of runs) if (hasEnded(runId)) activations.abandon(runId);
  }

  #executing(): string[] {
    const { activations, isHanging, hasTimeout } = this.#options;
    for (const runId of this.#slow) if (!hasTimeout(runId)) this.#slow.delete(runId);
    return activations.runs().filter((runId) => !isHanging(runId) && !this.#slow.has(runId));
  }
}
