import type { Entry } from "../engine/run.ts";
import type { CallFault, Commit, CommitFault, DeliveryFault, FaultSource, ObjectKind } from "./host/faults.ts";
import type { Random } from "./random.ts";

/**
 * What may go wrong in a simulation.
 *
 * - `crash`: an object, or the whole process, dies right before or right after its writes take effect
 * - `drop`: a request, a reply or a queue message is lost
 * - `duplicate`: a call between objects or a queue message arrives twice
 * - `delay`: a call, a message or an alarm comes late
 * - `reorder`: what is under way goes on in any order
 * - `late-reply`: the app's reply to a call comes late (transport `http`)
 * - `alarm-twice`: an alarm's handler runs twice
 * - `clock-jump`: the clock leaps ahead
 */
export type FaultKind =
  | "crash"
  | "drop"
  | "duplicate"
  | "delay"
  | "reorder"
  | "late-reply"
  | "alarm-twice"
  | "clock-jump";

export const FAULT_KINDS: readonly FaultKind[] = [
  "crash",
  "drop",
  "duplicate",
  "delay",
  "reorder",
  "late-reply",
  "alarm-twice",
  "clock-jump",
];

/** A fault that was injected, and where. */
export interface InjectedFault {
  /** the point, by what it is and how often such a point was passed before */
  point: string;
  fault: NonNullable<CommitFault | CallFault | DeliveryFault | "alarm-twice">;
  /** turn of the simulation */
  turn: number;
  /** in words */
  text: string;
}

/** Probability with which a fault happens at a point at which it can. `result`: at a commit of a step's result. */
const RATES = { commit: 0.04, result: 0.12, call: 0.02, delivery: 0.2, alarm: 0.2, reply: 0.1, action: 0.05 };
const CALL_DELAY_MAX_MS = 20_000;
const MESSAGE_DELAY_MAX_MS = 60_000;
const ALARM_DELAY_MAX_MS = 30_000;
const LEAP_MAX_MS = 3_600_000;

/** Faults by chance, at most so many; or exactly those of a plan, at their points. */
export class SimulatedFaults implements FaultSource {
  readonly injected: InjectedFault[] = [];
  readonly #kinds: ReadonlySet<FaultKind>;
  readonly #chance: Random;
  readonly #plan: ReadonlyMap<string, InjectedFault["fault"]> | null;
  readonly #passed = new Map<string, number>();
  readonly #turn: () => number;
  #left: number;

  /** @param plan what happens at which points; null to draw it */
  constructor(options: {
    kinds: ReadonlySet<FaultKind>;
    chance: Random;
    most: number;
    plan: ReadonlyMap<string, InjectedFault["fault"]> | null;
    turn: () => number;
  }) {
    this.#kinds = options.kinds;
    this.#chance = options.chance;
    this.#left = options.most;
    this.#plan = options.plan;
    this.#turn = options.turn;
  }

  /** From now on nothing goes wrong any more. */
  stop(): void {
    this.#left = 0;
  }

  commit({ kind, name, writes }: Commit): CommitFault | null {
    const entries = writes.flatMap(({ table, value }) =>
      table === "step" && value !== undefined ? [JSON.parse(String(value)) as Entry] : [],
    );
    const steps = entries.map(({ userId }) => `"${userId}"`).join(", ");
    const what = `${kind} ${name}${steps === "" ? "" : ` (${steps})`}`;
    const hasResult = entries.some((entry) => entry.status.kind === "settled");
    return this.#at(
      `commit ${kind}`,
      hasResult ? RATES.result : RATES.commit,
      () => {
        if (!this.#kinds.has("crash")) return null;
        return this.#chance.pick(["crash-before", "crash-before", "crash-after", "crash-after", "crash-all"]);
      },
      (fault) =>
        fault === "crash-all"
          ? `the process died right before a commit of ${what}`
          : `the object died right ${fault === "crash-before" ? "before" : "after"} a commit of ${what}`,
    );
  }

  call(kind: ObjectKind, method: string): CallFault | null {
    return this.#at(
      `call ${kind}.${method}`,
      RATES.call,
      () => {
        const faults: CallFault[] = [];
        if (this.#kinds.has("drop")) faults.push("request-lost", "reply-lost");
        if (this.#kinds.has("duplicate")) faults.push("twice");
        if (this.#kinds.has("delay")) faults.push({ delayMs: this.#chance.below(CALL_DELAY_MAX_MS) });
        return faults[this.#chance.below(faults.length)] ?? null;
      },
      (fault) => `the call ${kind}.${method} ${callWords(fault)}`,
    );
  }

  delivery(): DeliveryFault | null {
    return this.#at(
      "delivery",
      RATES.delivery,
      () => {
        const faults: DeliveryFault[] = [];
        if (this.#kinds.has("drop")) faults.push("lost");
        if (this.#kinds.has("duplicate")) faults.push("twice");
        if (this.#kinds.has("delay")) faults.push({ delayMs: this.#chance.below(MESSAGE_DELAY_MAX_MS) });
        return faults[this.#chance.below(faults.length)] ?? null;
      },
      (fault) =>
        typeof fault === "object"
          ? `a queue message came ${fault.delayMs} ms late`
          : `a queue message ${fault === "lost" ? "was lost" : "came twice"}`,
    );
  }

  alarm(kind: ObjectKind): "twice" | { delayMs: number } | null {
    const fault = this.#at(
      `alarm ${kind}`,
      RATES.alarm,
      () => {
        const faults: ("alarm-twice" | { delayMs: number })[] = [];
        if (this.#kinds.has("alarm-twice")) faults.push("alarm-twice");
        if (this.#kinds.has("delay")) faults.push({ delayMs: this.#chance.below(ALARM_DELAY_MAX_MS) });
        return faults[this.#chance.below(faults.length)] ?? null;
      },
      (one) =>
        typeof one === "object"
          ? `an alarm of a ${kind} fired ${one.delayMs} ms late`
          : `an alarm of a ${kind} fired twice`,
    );
    return fault === "alarm-twice" ? "twice" : fault;
  }

  /** Whether faults of a kind may happen. */
  has(kind: FaultKind): boolean {
    return this.#kinds.has(kind);
  }

  /** By how much the clock leaps ahead now. */
  leap(): number {
    const fault = this.#at(
      "action",
      RATES.action,
      () => (this.#kinds.has("clock-jump") ? { delayMs: this.#chance.below(LEAP_MAX_MS) } : null),
      ({ delayMs }) => `the clock leapt ${delayMs} ms ahead`,
    );
    return fault?.delayMs ?? 0;
  }

  /** How late an app's reply comes; null for at once. */
  reply(): { delayMs: number } | null {
    return this.#at(
      "reply",
      RATES.reply,
      () => (this.#kinds.has("late-reply") ? { delayMs: this.#chance.below(MESSAGE_DELAY_MAX_MS) } : null),
      ({ delayMs }) => `the app's reply came ${delayMs} ms late`,
    );
  }

  #at<Fault extends InjectedFault["fault"]>(
    where: string,
    rate: number,
    draw: () => Fault | null,
    words: (fault: Fault) => string,
  ): Fault | null {
    const passed = this.#passed.get(where) ?? 0;
    this.#passed.set(where, passed + 1);
    const point = `${where} ${passed}`;
    const fault = this.#plan ? ((this.#plan.get(point) as Fault | undefined) ?? null) : this.#draw(rate, draw); // a plan names faults of its points
    if (fault !== null) this.injected.push({ point, fault, turn: this.#turn(), text: words(fault) });
    return fault;
  }

  #draw<Fault>(rate: number, draw: () => Fault | null): Fault | null {
    if (this.#left <= 0 || !this.#chance.chance(rate)) return null;
    const fault = draw();
    if (fault !== null) this.#left -= 1;
    return fault;
  }
}

function callWords(fault: CallFault): string {
  if (typeof fault === "object") return `came ${fault.delayMs} ms late`;
  return { "request-lost": "was lost", "reply-lost": "was carried out, and its reply was lost", twice: "came twice" }[
    fault
  ];
}
