import type { CallFault, Commit, DeliveryFault, FaultSource, ObjectKind } from "../../src/testing/host/faults.ts";

/** What goes wrong at one point, as all kinds of points name it. */
export type PointFault = "crash-before" | "crash-after" | "request-lost" | "reply-lost" | "twice" | "lost";

/** A place of an execution at which something may go wrong. */
export interface FaultPoint {
  kind: "commit" | "call" | "delivery" | "alarm";
  /** the object's kind, with the method that is called */
  name: string;
}

/** What can go wrong at each kind of point. */
export const FAULTS: Record<FaultPoint["kind"], readonly [PointFault, ...PointFault[]]> = {
  commit: ["crash-before", "crash-after"],
  call: ["request-lost", "reply-lost", "twice"],
  delivery: ["lost", "twice"],
  alarm: ["twice"],
};

/** Counts the points of an execution, and lets go wrong what a test says. */
export class FaultPoints implements FaultSource {
  /** so far, in the order in which they came up */
  readonly points: FaultPoint[] = [];
  readonly #choose: (point: FaultPoint, index: number) => PointFault | null;

  /** @param choose called at every point, with its index */
  constructor(choose: (point: FaultPoint, index: number) => PointFault | null = () => null) {
    this.#choose = choose;
  }

  /** How often a method of objects of a kind was called. */
  calls(name: `${ObjectKind}.${string}`): number {
    return this.points.filter((point) => point.kind === "call" && point.name === name).length;
  }

  /** Messages that were sent to the queue. */
  get deliveries(): number {
    return this.points.filter((point) => point.kind === "delivery").length;
  }

  commit({ kind }: Commit): "crash-before" | "crash-after" | null {
    return this.#at({ kind: "commit", name: kind }) as "crash-before" | null;
  }

  call(kind: ObjectKind, method: string): CallFault | null {
    return this.#at({ kind: "call", name: `${kind}.${method}` }) as "twice" | null;
  }

  delivery(): DeliveryFault | null {
    return this.#at({ kind: "delivery", name: "queue" }) as "twice" | null;
  }

  alarm(kind: ObjectKind): "twice" | null {
    return this.#at({ kind: "alarm", name: kind }) as "twice" | null;
  }

  #at(point: FaultPoint): PointFault | null {
    const fault = this.#choose(point, this.points.length);
    this.points.push(point);
    return fault;
  }
}

/** Every single thing that can go wrong in an execution of these points, one at a time. */
export function* eachFault(points: readonly FaultPoint[]): Generator<{ at: number; fault: PointFault; where: string }> {
  for (const [at, { kind, name }] of points.entries())
    for (const fault of FAULTS[kind]) yield { at, fault, where: `${fault} at point ${at}, ${kind} ${name}` };
}
