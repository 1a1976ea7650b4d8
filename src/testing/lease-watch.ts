/**
 * Watches that no limit of flow control is exceeded (G7): bodies of steps that execute at the same time, and runs that are
 * under way at the same time, of each key.
 */
import { firstStepGate, type Gate } from "../engine/lease.ts";
import { isEnded, type Run } from "../engine/run.ts";

interface Body {
  runId: string;
}

/** @returns a message when more hold a key than its limit says */
type Check = string | undefined;

export class LeaseWatch {
  /** gates of runs that have any */
  readonly #gates = new Map<string, readonly Gate[]>();
  /** by key: who executes there, or is under way */
  readonly #inside = new Map<string, Set<unknown>>();
  readonly #bodies = new Map<string, Set<Body>>();

  /** Whether a run waits for others before its code executes: then it may be late. */
  isGated(runId: string): boolean {
    return this.#gates.has(runId);
  }

  /** The header of a run was stored. */
  stored(run: Run): Check {
    const { admission, state, id } = run;
    if (!admission) return undefined;
    this.#gates.set(id, admission.gates);
    const whole = admission.gates.slice(0, firstStepGate(admission.gates)).filter(({ unit }) => unit === "run");
    if (run.startedAt === undefined) return undefined;
    if (!isEnded(state)) return this.#enter(whole, id, "runs are under way");
    this.#leave(whole, id);
    return undefined;
  }

  /** A body begins. `end` is to be called when it has come to its end. */
  begin(runId: string): { problem: Check; end: () => void } {
    const gates = (this.#gates.get(runId) ?? []).filter(({ unit }) => unit === "step");
    const body: Body = { runId };
    const bodies = this.#bodies.get(runId) ?? new Set();
    this.#bodies.set(runId, bodies.add(body));
    const problem = this.#enter(gates, body, "bodies execute");
    return {
      problem,
      end: () => {
        bodies.delete(body);
        this.#leave(gates, body);
      },
    };
  }

  /** The run's object has left memory, and its code with it. */
  died(runId: string): void {
    const gates = this.#gates.get(runId) ?? [];
    for (const body of this.#bodies.get(runId) ?? []) this.#leave(gates, body);
    this.#bodies.delete(runId);
  }

  #enter(gates: readonly Gate[], who: unknown, what: string): Check {
    let problem: Check;
    for (const { object, policy } of gates) {
      const inside = this.#inside.get(object) ?? new Set();
      this.#inside.set(object, inside.add(who));
      const limit = "limit" in policy ? policy.limit : 1;
      if (inside.size > limit) problem ??= `${inside.size} ${what} at the key ${object}, whose limit is ${limit}`;
    }
    return problem;
  }

  #leave(gates: readonly Gate[], who: unknown): void {
    for (const { object } of gates) this.#inside.get(object)?.delete(who);
  }
}
