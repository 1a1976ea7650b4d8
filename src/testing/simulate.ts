import type { EventRecord } from "../protocol/event.ts";
import { durationMs, type DurationInput, type InstantInput } from "../protocol/time-string.ts";
import type { EventPayload } from "../sdk/event.ts";
import { suggestion } from "../sdk/suggestion.ts";
import type { AnyFunction, TestTransport } from "./app-functions.ts";
import { Guarantees } from "./guarantees.ts";
import type { Stuck } from "./host/driver.ts";
import { noFaults } from "./host/faults.ts";
import { ENV } from "./host/world.ts";
import { minimised } from "./minimise.ts";
import { createTestPlatform, type TestPlatform } from "./platform.ts";
import { Random } from "./random.ts";
import type { TestRun } from "./run.ts";
import { FAULT_KINDS, SimulatedFaults, type FaultKind, type InjectedFault } from "./simulation-faults.ts";

/** One thing that happens in a workload. */
export type Action =
  /** a client sends these events in one request */
  | { send: EventPayload | readonly EventPayload[] }
  /** a function is started with this data, whatever its triggers */
  | { invoke: AnyFunction | string; data?: object }
  /** time passes, and all that is due in it happens */
  | { advance: DurationInput }
  /** the newest run of this function that has not ended is cancelled */
  | { cancel: AnyFunction | string };

/** What an invariant is given. */
export interface SimulationView<World> {
  /** what `world` has made for this simulation */
  world: World;
  /** all runs, or those of one function, oldest first; all have ended */
  runs(fn?: AnyFunction | string): TestRun[];
  /** the one run of a function. @throws Error when there is none, or there are several */
  run(fn: AnyFunction | string): TestRun;
  platform: TestPlatform;
  /** what went wrong, in words */
  faults: readonly string[];
}

/** Options of {@link simulate}. */
export interface SimulateOptions<World = undefined> {
  /** the functions, or what makes them for the world of one simulation */
  functions: readonly AnyFunction[] | ((world: World) => readonly AnyFunction[]);
  /** what functions act on, made anew for each simulation: a ledger, a fake of a service. Default: nothing */
  world?: () => World;
  /** what happens, in this order; or what draws it for one simulation */
  workload: readonly Action[] | ((chance: Random) => readonly Action[]);
  /** what must be so at the end of every simulation, by name; each throws when it is not */
  invariants?: Record<string, (simulation: SimulationView<World>) => void | Promise<void>>;
  /** how many simulations, from seed 1 on; or exactly these seeds. Default 100 */
  seeds?: number | readonly number[];
  /** what may go wrong. Default: everything */
  faults?: readonly FaultKind[];
  /** how many faults one simulation has at most. Default 5 */
  faultsMax?: number;
  /** how functions are reached. Default `local` */
  transport?: TestTransport;
  /** when time begins. Default 2026-01-01T00:00:00Z */
  start?: InstantInput;
}

/** What simulations that found nothing were like. */
export interface SimulationReport {
  simulations: number;
  runs: number;
  faults: number;
  turns: number;
}

/** A seed for which something does not hold. */
export class SimulationError extends Error {
  override name = "SimulationError";
  readonly seed: number;
  /** name of the invariant or promise */
  readonly invariant: string;
  /** the shortest workload found for which it still does not hold */
  readonly workload: readonly Action[];
  /** the faults that it takes */
  readonly faults: readonly string[];

  constructor(seed: number, failure: Failure, workload: readonly Action[], message: string) {
    super(message);
    this.seed = seed;
    this.invariant = failure.invariant;
    this.workload = workload;
    this.faults = failure.faults;
  }
}

const SEEDS = 100;
const FAULTS_MAX = 5;
/** Every so many seeds one without faults: then everything must be on time as well. */
const CALM_EVERY = 5;
/** Turns that one action may be behind another. */
const TURNS_BETWEEN_MAX = 60;
/** How many points earlier a fault is tried when a workload gets smaller. */
const EARLIER_MAX = 6;
/** Instants that one simulation visits at most after its workload. */
const INSTANTS_MAX = 10_000;
const CLOCK_JUMP_MAX_MS = 3_600_000;
const OPTIONS: (keyof SimulateOptions)[] = [
  "functions",
  "world",
  "workload",
  "invariants",
  "seeds",
  "faults",
  "faultsMax",
  "transport",
  "start",
];

/**
 * Plays a workload many times, each time in another order of events and with other faults, as a seed decides, and checks
 * at the end of each that the platform has kept its promises and that the invariants hold.
 *
 * The first seed for which something does not hold is played again with ever less of its workload and its faults; what is
 * left is reported. The same seed gives the same simulation, as long as functions take time and chance from `Date`,
 * `Math.random` and `crypto`, or from steps.
 *
 * @throws SimulationError naming seed, invariant, the smallest workload and its faults
 * @throws TypeError for an option that is none
 * @example
 * await simulate({
 *   world: () => ({ charged: 0 }),
 *   functions: (world) => [makeOrderFunction(world)],
 *   workload: [{ send: { name: "order/placed", data: { orderId: "o1" } } }],
 *   invariants: { "charged once": ({ world }) => assert.equal(world.charged, 1) },
 *   seeds: 200,
 * });
 */
export async function simulate<World = undefined>(options: SimulateOptions<World>): Promise<SimulationReport> {
  checkOptions(options);
  const { seeds = SEEDS } = options;
  const list = typeof seeds === "number" ? Array.from({ length: seeds }, (_, index) => index + 1) : seeds;
  const report: SimulationReport = { simulations: 0, runs: 0, faults: 0, turns: 0 };
  for (const seed of list) {
    const actions = workloadOf(options, seed);
    const outcome = await play(options, { seed, actions, plan: null, isOrdered: false });
    report.simulations += 1;
    report.runs += outcome.runs;
    report.faults += outcome.injected.length;
    report.turns += outcome.turns;
    if (outcome.failure) throw await explain(options, seed, actions, outcome.failure, outcome.injected);
  }
  return report;
}

/** An action and its place in the whole workload, which decides when it happens. */
interface Placed {
  action: Action;
  index: number;
}

/** What one simulation is made of. */
interface Play {
  seed: number;
  actions: readonly Placed[];
  /** exactly these faults; null to draw them */
  plan: readonly InjectedFault[] | null;
  /** tasks go on in the order in which they became ready */
  isOrdered: boolean;
}

interface Failure {
  invariant: string;
  message: string;
  /** turn of the simulation at which it was noticed */
  turn: number;
  faults: string[];
  story: string;
}

interface Outcome {
  failure: Failure | null;
  injected: readonly InjectedFault[];
  runs: number;
  turns: number;
}

function workloadOf<World>({ workload }: SimulateOptions<World>, seed: number): Placed[] {
  const actions = typeof workload === "function" ? workload(new Random(seed).fork()) : workload;
  return actions.map((action, index) => ({ action, index }));
}

/**
 * Whether two failures are one: a workload that is cut short may break the same invariant in another way, such as that what
 * it counts never came.
 */
function isSame(one: Failure, other: Failure): boolean {
  const withoutIds = ({ message }: Failure) => message.replace(/\b[0-9A-HJKMNP-TV-Z]{26}\b/g, "");
  return one.invariant === other.invariant && withoutIds(one) === withoutIds(other);
}

/** What a failing simulation is made of, as far as it can be left out. */
type Part = { kind: "action"; placed: Placed } | { kind: "fault"; fault: InjectedFault } | { kind: "disorder" };

/** The smallest part of a failing simulation that still fails, told as an error. */
async function explain<World>(
  options: SimulateOptions<World>,
  seed: number,
  actions: readonly Placed[],
  failure: Failure,
  injected: readonly InjectedFault[],
): Promise<SimulationError> {
  const parts: Part[] = [
    { kind: "disorder" },
    ...injected.map((fault): Part => ({ kind: "fault", fault })),
    ...actions.map((placed): Part => ({ kind: "action", placed })),
  ];
  let last = failure;
  const fails = async (some: readonly Part[]) => {
    const outcome = await play(options, { seed, ...playOf(some) });
    if (!outcome.failure || !isSame(outcome.failure, failure)) return false;
    last = outcome.failure;
    return true;
  };
  const smallest = await minimised(parts, async (some) => {
    for (const shifted of [some, ...earlierFaults(some)]) if (await fails(shifted)) return shifted;
    return null;
  });
  const left = playOf(smallest ?? parts).actions.map(({ action }) => action);
  return new SimulationError(
    seed,
    last,
    left,
    messageOf(seed, last, left, { all: actions.length, replays: smallest !== null }),
  );
}

function playOf(parts: readonly Part[]): Omit<Play, "seed"> {
  return {
    actions: parts.flatMap((part) => (part.kind === "action" ? [part.placed] : [])),
    plan: parts.flatMap((part) => (part.kind === "fault" ? [part.fault] : [])),
    isOrdered: !parts.some((part) => part.kind === "disorder"),
  };
}

/** The same with one fault at an earlier point of its kind: with less going on before, its point comes earlier. */
function* earlierFaults(parts: readonly Part[]): Generator<readonly Part[]> {
  for (const [index, part] of parts.entries()) {
    if (part.kind !== "fault") continue;
    const [, where = "", passed = "0"] = /^(.*) (\d+)$/.exec(part.fault.point) ?? [];
    for (let earlier = Number(passed) - 1; earlier >= Math.max(Number(passed) - EARLIER_MAX, 0); earlier--)
      yield parts.with(index, { kind: "fault", fault: { ...part.fault, point: `${where} ${earlier}` } });
  }
}

function messageOf(
  seed: number,
  { invariant, message, turn, faults, story }: Failure,
  workload: readonly Action[],
  { all, replays }: { all: number; replays: boolean },
): string {
  const lines = [
    `seed ${seed}, step ${turn}: ${JSON.stringify(invariant)} does not hold: ${message}`,
    "",
    replays
      ? `the smallest workload found for which it does not, ${workload.length} of ${all} actions:`
      : "it held when the same simulation was played again: a function takes time or chance from elsewhere, or keeps state between simulations; make it in `world`. The workload:",
    ...workload.map((action) => `  ${actionWords(action)}`),
    faults.length > 0 ? "with these faults:" : "without any fault",
    ...faults.map((fault) => `  ${fault}`),
    "",
    story,
    "",
    `to play it again: simulate({ …, seeds: [${seed}] })`,
  ];
  return lines.join("\n");
}

function actionWords(action: Action): string {
  if ("send" in action) return `send ${JSON.stringify(action.send)}`;
  if ("invoke" in action) return `invoke ${idOf(action.invoke)} with ${JSON.stringify(action.data ?? {})}`;
  if ("advance" in action) return `advance ${String(action.advance)}`;
  return `cancel ${idOf(action.cancel)}`;
}

function idOf(fn: AnyFunction | string): string {
  return typeof fn === "string" ? fn : fn.id();
}

/** Plays one simulation to its end. */
async function play<World>(
  options: SimulateOptions<World>,
  { seed, actions, plan, isOrdered }: Play,
): Promise<Outcome> {
  const { functions, invariants = {}, transport, start, faultsMax = FAULTS_MAX } = options;
  const kinds = new Set(options.faults ?? FAULT_KINDS);
  const chance = new Random(seed);
  chance.fork(); // the workload's
  const [order, drawn] = [chance.fork(), chance.fork()];
  const isCalmSeed = plan === null && seed % CALM_EVERY === 0;
  const faults = new SimulatedFaults({
    kinds,
    chance: drawn,
    most: isCalmSeed ? 0 : faultsMax,
    plan: plan && new Map(plan.map(({ point, fault }) => [point, fault])),
    turn: () => platform.world.turns.count,
  });
  const world = options.world?.() as World;
  const list = typeof functions === "function" ? functions(world) : functions;
  const accepted: { record: EventRecord; at: number }[] = [];
  const jumps: string[] = [];
  let guarantees: Guarantees | undefined;
  const platform: TestPlatform = createTestPlatform({
    functions: list,
    seed,
    start,
    transport,
    host: { step: (run, step) => guarantees?.step(run, step) ?? step },
    simulation: {
      faults: kinds.size > 0 ? faults : noFaults,
      choose: (count) => (isOrdered || !kinds.has("reorder") ? 0 : order.below(count)),
      reply: () => faults.reply(),
      committed: (kind, name, writes) => guarantees?.committed(kind, name, writes),
      ended: (kind, name) => kind === "run" && guarantees?.died(name),
      accepted: (records, at) => void accepted.push(...records.map((record) => ({ record, at }))),
    },
  });
  const { driver, functions: app } = platform.parts;
  guarantees = new Guarantees({
    world: platform.world,
    functions: app.syncs().flatMap((sync) => sync.functions),
    accepted: () => accepted,
    isRemote: transport === "http",
    isCalm: () => faults.injected.length === 0 && jumps.length === 0,
  });

  const told = () => [...faults.injected.map(({ text, turn }) => `step ${turn}: ${text}`), ...jumps];
  const failed = (invariant: string, message: string, runId?: string): Failure => ({
    invariant,
    message,
    turn: platform.world.turns.count,
    faults: told(),
    story: runId === undefined ? platform.timeline() : platform.parts.run(runId).timeline(),
  });
  const outcome = (failure: Failure | null): Outcome => ({
    failure,
    injected: faults.injected,
    runs: platform.world.names("run").length,
    turns: platform.world.turns.count,
  });

  try {
    let isRegistered = false;
    const registered = platform.parts.register().then(() => (isRegistered = true));
    await driver.until(() => isRegistered);
    await registered;
    const refused: unknown[] = [];
    let waiting = 0;
    for (const { action, index } of actions) {
      const own = new Random(seed * 1_009 + index);
      const isBusyTime = kinds.has("reorder") && own.chance(0.7);
      if (!isBusyTime || "advance" in action) await driver.settle();
      if (kinds.has("clock-jump") && !isCalmSeed && own.chance(0.05)) {
        const ms = own.below(CLOCK_JUMP_MAX_MS);
        platform.world.clock.moveTo(platform.clock.now() + ms);
        jumps.push(`before action ${index + 1}: the clock leapt ${ms} ms ahead`);
      }
      if ("advance" in action) await driver.advanceTo(platform.clock.now() + durationMs(action.advance, "advance"));
      else {
        waiting += 1;
        const turns = isBusyTime ? own.below(TURNS_BETWEEN_MAX) : 0;
        void perform(platform, action, turns)
          .catch((error: unknown) => refused.push(error))
          .finally(() => (waiting -= 1));
      }
    }
    const stuck = await driver.until(() => false, Number.POSITIVE_INFINITY, INSTANTS_MAX);
    if (stuck?.kind !== "idle") return outcome(failed("ends", notAtRest(stuck)));
    if (waiting > 0) return outcome(failed("G1", `${waiting} requests of clients got no answer`));
    if (refused.length > 0) throw refused[0];
  } catch (error) {
    return outcome(
      failed(
        "runs without an error of the platform's own",
        error instanceof Error ? (error.stack ?? error.message) : String(error),
      ),
    );
  }
  guarantees.atRest();
  const [violation] = guarantees.violations;
  if (violation) return outcome(failed(violation.promise, violation.message, violation.runId));
  for (const [name, check] of Object.entries(invariants)) {
    const failure = await broken(check, {
      world,
      platform,
      faults: told(),
      runs: (fn) => platform.runs(fn),
      run: (fn) => theOne(platform, fn),
    });
    if (failure !== null) return outcome(failed(name, failure));
  }
  return outcome(null);
}

function notAtRest(stuck: Stuck | null): string {
  if (stuck?.kind === "executing") return `code of runs ${stuck.runs.join(", ")} executes without end`;
  return `after ${INSTANTS_MAX} instants there is still something to do`;
}

async function broken<World>(
  check: (simulation: SimulationView<World>) => void | Promise<void>,
  view: SimulationView<World>,
): Promise<string | null> {
  try {
    await check(view);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function theOne(platform: TestPlatform, fn: AnyFunction | string): TestRun {
  const [run, ...more] = platform.runs(fn);
  if (!run || more.length > 0)
    throw new Error(`function "${idOf(fn)}" has ${run ? more.length + 1 : "no"} runs, and one was asked for`);
  return run;
}

/** What a client does, so many turns from now. */
async function perform(
  platform: TestPlatform,
  action: Exclude<Action, { advance: unknown }>,
  turns: number,
): Promise<void> {
  const { world, accept, start } = platform.parts;
  for (let turn = 0; turn < turns; turn++) await world.turns.next();
  if ("send" in action) await accept(Array.isArray(action.send) ? action.send : [action.send as EventPayload]);
  else if ("invoke" in action) await start(idOf(action.invoke), action.data ?? {});
  else {
    const open = platform.runs(idOf(action.cancel)).filter((run) => !run.hasEnded);
    const newest = open.at(-1);
    if (newest) await platform.parts.ask((objects) => objects.run(ENV, newest.id).cancel("cancelled by the workload"));
  }
}

function checkOptions<World>(options: SimulateOptions<World>): void {
  if (typeof options !== "object" || options === null) throw new TypeError("simulate: expected options");
  for (const [name, value] of Object.entries(options))
    if (value !== undefined && !OPTIONS.some((known) => known === name))
      throw new TypeError(
        `simulate: ${JSON.stringify(name)} is not an option${suggestion(name, OPTIONS)}; there are ${OPTIONS.join(", ")}`,
      );
  const { seeds, faults, faultsMax, functions, workload } = options;
  if (functions === undefined || workload === undefined)
    throw new TypeError(`simulate: ${functions === undefined ? "functions" : "workload"}: is required`);
  const list = typeof seeds === "object" ? seeds : [seeds ?? SEEDS];
  for (const seed of list)
    if (!Number.isSafeInteger(seed) || seed < 0)
      throw new TypeError(`simulate: seeds: ${JSON.stringify(seed)} is not a whole number from 0 on`);
  for (const kind of faults ?? [])
    if (!FAULT_KINDS.includes(kind))
      throw new TypeError(
        `simulate: faults: ${JSON.stringify(kind)} is no kind of fault${suggestion(kind, FAULT_KINDS)}; there are ${FAULT_KINDS.join(", ")}`,
      );
  if (faultsMax !== undefined && !(Number.isInteger(faultsMax) && faultsMax >= 0))
    throw new TypeError(`simulate: faultsMax: ${JSON.stringify(faultsMax)} is not a whole number from 0 on`);
}
