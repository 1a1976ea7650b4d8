import type { EventRecord } from "../protocol/event.ts";
import type { Signal } from "../protocol/signal.ts";
import { durationMs } from "../protocol/time-string.ts";
import type { AnyFunction } from "./app-functions.ts";
import { NondeterminismError } from "./determinism.ts";
import { Guarantees } from "./guarantees.ts";
import { ENV } from "./host/world.ts";
import { createTestPlatform, type TestPlatform } from "./platform.ts";
import { Random } from "./random.ts";
import type { TestRun } from "./run.ts";
import type { Action, SimulateOptions, SimulationView } from "./simulate-options.ts";
import { FAULT_KINDS, SimulatedFaults, type FaultKind, type InjectedFault } from "./simulation-faults.ts";

const FAULTS_MAX = 5;
/** Every so many seeds one without faults: then everything must be on time as well. */
const CALM_EVERY = 5;
/** How often a simulation has faults of a kind. */
const KIND_RATE = 0.6;
/** How often an action comes while what is before it is still under way. */
const BUSY_RATE = 0.7;
/** Turns that one action may be behind another. */
const TURNS_BETWEEN_MAX = 60;
/** Instants that one simulation visits at most after its workload. */
const INSTANTS_MAX = 10_000;

/** An action and its place in the whole workload, which decides when it happens. */
export interface PlacedAction {
  action: Action;
  index: number;
}

/** What one simulation is made of. */
export interface Play {
  seed: number;
  actions: readonly PlacedAction[];
  /** exactly these faults; null to draw them */
  plan: readonly InjectedFault[] | null;
  /** tasks go on in the order in which they became ready */
  isOrdered: boolean;
}

/** What does not hold. */
export interface Failure {
  invariant: string;
  message: string;
  /** turn of the simulation at which it was noticed */
  turn: number;
  faults: string[];
  story: string;
}

export interface Outcome {
  failure: Failure | null;
  injected: readonly InjectedFault[];
  runs: number;
  turns: number;
}

/** One simulation: a platform, what goes wrong on it, and what is watched. */
export class Simulation<World> {
  readonly #options: SimulateOptions<World>;
  readonly #play: Play;
  readonly #world: World;
  readonly #faults: SimulatedFaults;
  readonly #platform: TestPlatform;
  readonly #guarantees: Guarantees;
  readonly #accepted: { record: EventRecord; at: number }[] = [];
  /** requests of clients without an answer so far, and errors that were the answer */
  #waiting = 0;
  readonly #refused: unknown[] = [];

  constructor(options: SimulateOptions<World>, play: Play) {
    const { functions, transport, start, faultsMax = FAULTS_MAX } = options;
    const { seed, plan, isOrdered } = play;
    this.#options = options;
    this.#play = play;
    const chance = new Random(seed);
    chance.fork(); // the workload's
    const order = chance.fork();
    const kinds = drawnKinds(options.faults ?? FAULT_KINDS, chance.fork());
    this.#faults = new SimulatedFaults({
      kinds,
      chance: chance.fork(),
      most: plan === null && seed % CALM_EVERY === 0 ? 0 : faultsMax,
      plan: plan && new Map(plan.map(({ point, fault }) => [point, fault])),
      turn: () => this.#platform.world.turns.count,
    });
    this.#world = options.world?.() as World; // undefined when none is asked for
    this.#platform = createTestPlatform({
      functions: typeof functions === "function" ? functions(this.#world) : functions,
      seed,
      start,
      transport,
      host: { step: (run, step) => this.#guarantees.step(run, step) },
      simulation: {
        faults: this.#faults,
        choose: (count) => (isOrdered || !kinds.has("reorder") ? 0 : order.below(count)),
        reply: () => this.#faults.reply(),
        committed: (kind, name, writes) => this.#guarantees.committed(kind, name, writes),
        ended: (kind, name) => kind === "run" && this.#guarantees.died(name),
        accepted: (records, at) => void this.#accepted.push(...records.map((record) => ({ record, at }))),
      },
    });
    this.#guarantees = new Guarantees({
      world: this.#platform.world,
      functions: this.#platform.parts.functions.syncs().flatMap((sync) => sync.functions),
      accepted: () => this.#accepted,
      isRemote: transport === "http",
      isCalm: () => this.#faults.injected.length === 0,
    });
  }

  /** Plays it to its end, and looks whether all holds. */
  async play(): Promise<Outcome> {
    const failure =
      (await this.#run()) ??
      this.#checkGuarantees() ??
      (await this.#checkInvariants()) ??
      (await this.#checkDeterminism());
    const { world } = this.#platform;
    return {
      failure,
      injected: this.#faults.injected,
      runs: world.names("run").length,
      turns: world.turns.count,
    };
  }

  async #run(): Promise<Failure | null> {
    const { driver } = this.#platform.parts;
    try {
      await this.#register();
      for (const placed of this.#play.actions) await this.#act(placed);
      const stuck = await driver.until(() => false, Number.POSITIVE_INFINITY, INSTANTS_MAX);
      if (stuck?.kind === "executing")
        return this.#failure("ends", `code of runs ${stuck.runs.join(", ")} executes without end`);
      if (stuck?.kind !== "idle")
        return this.#failure("ends", `after ${INSTANTS_MAX} instants there is still something to do`);
      if (this.#waiting > 0) return this.#failure("G1", `${this.#waiting} requests of clients got no answer`);
      if (this.#refused.length > 0) throw this.#refused[0];
      return null;
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return this.#failure("runs without an error of the platform's own", why);
    }
  }

  /** Time must be able to pass meanwhile: its call may be late. */
  async #register(): Promise<void> {
    const { driver, client } = this.#platform.parts;
    let isRegistered = false;
    const registered = client.register().then(() => (isRegistered = true));
    await driver.until(() => isRegistered);
    await registered;
  }

  /** Whether others are still under way, and how far, is the action's own chance: it stays when others are left out. */
  async #act({ action, index }: PlacedAction): Promise<void> {
    const { driver, world } = this.#platform.parts;
    const own = new Random(this.#play.seed * 1_009 + index);
    const isBusy = this.#faults.has("reorder") && own.chance(BUSY_RATE);
    if (!isBusy || "advance" in action) await driver.settle();
    const leapMs = this.#faults.leap();
    if (leapMs > 0) world.clock.moveTo(world.clock.now + leapMs);
    if ("advance" in action) {
      await driver.advanceTo(world.clock.now + durationMs(action.advance, "advance"));
      return;
    }
    this.#waiting += 1;
    void this.#request(action, isBusy ? own.below(TURNS_BETWEEN_MAX) : 0)
      .catch((error: unknown) => this.#refused.push(error))
      .finally(() => (this.#waiting -= 1));
  }

  /** What a client does, so many turns from now. */
  async #request(action: Exclude<Action, { advance: unknown }>, turns: number): Promise<void> {
    const { world, client } = this.#platform.parts;
    for (let turn = 0; turn < turns; turn++) await world.turns.next();
    if ("send" in action) await client.send(action.send);
    else if ("signal" in action) await this.#signal({ name: action.signal, data: action.data ?? null });
    else if ("invoke" in action) await client.start(idOf(action.invoke), { data: action.data });
    else {
      const newest = this.#platform.runs(idOf(action.cancel)).findLast((run) => !run.hasEnded);
      if (newest) await client.ask((objects) => objects.run(ENV, newest.id).cancel("cancelled by the workload"));
    }
  }

  async #signal(signal: Signal): Promise<void> {
    const { runId } = await this.#platform.parts.client.signal(null, signal);
    if (runId !== null) this.#guarantees.signalled(runId, signal);
  }

  #checkGuarantees(): Failure | null {
    this.#guarantees.atRest();
    const [violation] = this.#guarantees.violations;
    return violation ? this.#failure(violation.promise, violation.message, violation.runId) : null;
  }

  /** Last, since handlers are entered again for it. */
  async #checkDeterminism(): Promise<Failure | null> {
    try {
      await this.#platform.parts.judge();
      return null;
    } catch (error) {
      if (!(error instanceof NondeterminismError)) throw error;
      return this.#failure("functions repeat themselves", error.message, error.runId);
    }
  }

  async #checkInvariants(): Promise<Failure | null> {
    for (const [name, check] of Object.entries(this.#options.invariants ?? {})) {
      try {
        await check(this.#view());
      } catch (error) {
        return this.#failure(name, error instanceof Error ? error.message : String(error));
      }
    }
    return null;
  }

  #view(): SimulationView<World> {
    const platform = this.#platform;
    return {
      world: this.#world,
      platform,
      faults: this.#told(),
      runs: (fn) => platform.runs(fn),
      run: (fn) => theOne(platform, fn),
    };
  }

  #failure(invariant: string, message: string, runId?: string): Failure {
    const platform = this.#platform;
    const story = runId === undefined ? platform.timeline() : platform.parts.run(runId).timeline();
    return { invariant, message, turn: platform.world.turns.count, faults: this.#told(), story };
  }

  #told(): string[] {
    return this.#faults.injected.map(({ text, turn }) => `step ${turn}: ${text}`);
  }
}

/** Most of the kinds of faults: with fewer of them there is more of each. */
function drawnKinds(kinds: readonly FaultKind[], chance: Random): ReadonlySet<FaultKind> {
  const drawn = kinds.filter(() => chance.chance(KIND_RATE));
  return new Set(drawn.length > 0 ? drawn : kinds);
}

function theOne(platform: TestPlatform, fn: AnyFunction | string): TestRun {
  const [run, ...more] = platform.runs(fn);
  if (!run || more.length > 0)
    throw new Error(`function "${idOf(fn)}" has ${run ? more.length + 1 : "no"} runs, and one was asked for`);
  return run;
}

export function idOf(fn: AnyFunction | string): string {
  return typeof fn === "string" ? fn : fn.id();
}
