import { minimised } from "./minimise.ts";
import { realNow } from "./host/turns.ts";
import { Random } from "./random.ts";
import { checkSimulateOptions, SEEDS_DEFAULT, type Action, type SimulateOptions } from "./simulate-options.ts";
import { idOf, Simulation, type Failure, type PlacedAction, type Play } from "./simulation.ts";
import type { InjectedFault } from "./simulation-faults.ts";

/** How many points earlier a fault is tried when a workload gets smaller. */
const EARLIER_MAX = 6;
/** How long smaller workloads are looked for, in real time. */
const MINIMISE_MS = 20_000;

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
  checkSimulateOptions(options);
  const { seeds = SEEDS_DEFAULT } = options;
  const list = typeof seeds === "number" ? Array.from({ length: seeds }, (_, index) => index + 1) : seeds;
  const report: SimulationReport = { simulations: 0, runs: 0, faults: 0, turns: 0 };
  for (const seed of list) {
    const actions = workloadOf(options, seed);
    const outcome = await new Simulation(options, { seed, actions, plan: null, isOrdered: false }).play();
    report.simulations += 1;
    report.runs += outcome.runs;
    report.faults += outcome.injected.length;
    report.turns += outcome.turns;
    if (outcome.failure) throw await explain(options, seed, actions, outcome.failure, outcome.injected);
  }
  return report;
}

function workloadOf<World>({ workload }: SimulateOptions<World>, seed: number): PlacedAction[] {
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
type Part = { kind: "action"; placed: PlacedAction } | { kind: "fault"; fault: InjectedFault } | { kind: "disorder" };

/** The smallest part of a failing simulation that still fails, told as an error. */
async function explain<World>(
  options: SimulateOptions<World>,
  seed: number,
  actions: readonly PlacedAction[],
  failure: Failure,
  injected: readonly InjectedFault[],
): Promise<SimulationError> {
  const parts: Part[] = [
    { kind: "disorder" },
    ...injected.map((fault): Part => ({ kind: "fault", fault })),
    ...actions.map((placed): Part => ({ kind: "action", placed })),
  ];
  const since = realNow();
  let hasPlayed = false;
  // the first time in any case
  const isInTime = () => !hasPlayed || realNow() - since < MINIMISE_MS;
  let last = failure;
  const fails = async (some: readonly Part[]) => {
    hasPlayed = true;
    const outcome = await new Simulation(options, { seed, ...playOf(some) }).play();
    if (!outcome.failure || !isSame(outcome.failure, failure)) return false;
    last = outcome.failure;
    return true;
  };
  const smallest = await minimised(
    parts,
    async (some) => {
      for (const shifted of [some, ...earlierFaults(some)]) if (isInTime() && (await fails(shifted))) return shifted;
      return null;
    },
    isInTime,
  );
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
  if ("signal" in action) return `signal ${JSON.stringify(action.signal)} with ${JSON.stringify(action.data ?? null)}`;
  if ("invoke" in action) return `invoke ${idOf(action.invoke)} with ${JSON.stringify(action.data ?? {})}`;
  if ("advance" in action) return `advance ${String(action.advance)}`;
  return `cancel ${idOf(action.cancel)}`;
}
