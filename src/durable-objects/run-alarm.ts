import { realTime } from "../engine/run-clock.ts";
import { isEnded, type Run } from "../engine/run.ts";
import type { Host } from "./host.ts";
import type { RunStore } from "./storage/stores.ts";

/** Where a run's deadlines are looked up, and whether anything is to be done outside. */
export interface Pending extends Pick<RunStore, "nextDueAt"> {
  hasToDo(): boolean;
}

/** The one alarm of a run's object: at the earliest thing that must happen by itself. */
export class RunAlarm {
  readonly #host: Host;
  readonly #watchdogMs: number;
  /** what it is set to; undefined while that is not known */
  #at: number | null | undefined;

  constructor(host: Host, watchdogMs: number) {
    this.#host = host;
    this.#watchdogMs = watchdogMs;
  }

  /** What it must be set to; undefined: as it is set it will do. */
  change(run: Run, pending: Pending, isForced = false): number | null | undefined {
    const wanted = this.#wanted(run, pending);
    const { state } = run;
    // while code executes, or is about to, an alarm that is early enough stays: each change is a row written
    const isBrief = state.kind === "executing" || state.kind === "queued";
    if (!isForced && isBrief && this.#at != null && wanted !== null && this.#at <= wanted) return undefined;
    // one that a run in a line has no use for goes off once: most are let in before, and have one again
    if (!isForced && state.kind === "queued" && wanted === null && this.#at != null) return undefined;
    // cleared once all is published
    if (isEnded(state) && this.#at != null && this.#at <= (wanted ?? 0)) return undefined;
    return isForced || wanted !== this.#at ? wanted : undefined;
  }

  #wanted(run: Run, pending: Pending): number | null {
    const { state } = run;
    const soon = this.#host.now() + this.#watchdogMs;
    // an end that is not published, code that executes, effects that wait: looked after even if this process dies
    if (isEnded(state)) return soon;
    const due = nextDueAt(run, pending) ?? Number.POSITIVE_INFINITY;
    const own = state.kind === "executing" || pending.hasToDo() ? soon : Number.POSITIVE_INFINITY;
    const begin = state.kind === "scheduled" && !run.paused ? realTime(run, state.at) : Number.POSITIVE_INFINITY;
    const wanted = Math.min(due, own, begin);
    return Number.isFinite(wanted) ? wanted : null;
  }

  /** Takes effect with the writes of the same turn. */
  set(at: number | null): void {
    this.#at = at;
    this.#host.setAlarm(at);
  }

  clear(): void {
    if (this.#at !== null) this.set(null);
  }

  /** Sets it to an instant, unless it comes before that. */
  comeBackBy(at: number): void {
    try {
      if (this.#at == null || this.#at > at) this.set(at);
    } catch (error) {
      this.#host.report(`run ${this.#host.name}: its alarm could not be set; the one before it stays`, error);
    }
  }

  /** Its handler has begun: the platform has it no longer. */
  fired(): void {
    this.#at = null;
  }

  /** What it was believed to be set to may not have been stored. */
  forget(): void {
    this.#at = undefined;
  }
}

/** When the next open entry of a run, or its own timeout, is really due. While it is paused nothing but that is looked at. */
export function nextDueAt(run: Run, pending: Pick<RunStore, "nextDueAt">): number | null {
  const entryAt = run.paused ? null : pending.nextDueAt();
  const dueAt = Math.min(entryAt ?? Number.POSITIVE_INFINITY, run.cancelAt ?? Number.POSITIVE_INFINITY);
  return Number.isFinite(dueAt) ? realTime(run, dueAt) : null;
}
