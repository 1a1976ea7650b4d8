import type { JsonValue } from "../protocol/json.ts";
import type { DurationInput, InstantInput } from "../protocol/time-string.ts";
import type { EventPayload } from "../sdk/event.ts";
import { suggestion } from "../sdk/suggestion.ts";
import type { AnyFunction, TestTransport } from "./app-functions.ts";
import type { TestPlatform } from "./platform.ts";
import type { Random } from "./random.ts";
import type { TestRun } from "./run.ts";
import { FAULT_KINDS, type FaultKind } from "./simulation-faults.ts";

/** One thing that happens in a workload. */
export type Action =
  /** a client sends these events in one request */
  | { send: EventPayload | readonly EventPayload[] }
  /** a function is started with this data, whatever its triggers */
  | { invoke: AnyFunction | string; data?: object }
  /** a client sends a signal, which reaches the step that waits for it, if any does */
  | { signal: string; data?: JsonValue }
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

export const SEEDS_DEFAULT = 100;

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

/** @throws TypeError naming the option, its value and what is allowed */
export function checkSimulateOptions<World>(options: SimulateOptions<World>): void {
  if (typeof options !== "object" || options === null) throw new TypeError("simulate: expected options");
  for (const [name, value] of Object.entries(options))
    if (value !== undefined && !OPTIONS.some((known) => known === name))
      throw new TypeError(
        `simulate: ${JSON.stringify(name)} is not an option${suggestion(name, OPTIONS)}; there are ${OPTIONS.join(", ")}`,
      );
  const { seeds, faults, faultsMax, functions, workload } = options;
  if (functions === undefined || workload === undefined)
    throw new TypeError(`simulate: ${functions === undefined ? "functions" : "workload"}: is required`);
  const list = typeof seeds === "object" ? seeds : [seeds ?? SEEDS_DEFAULT];
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
