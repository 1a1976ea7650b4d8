import type { LogPlace } from "../flow-control/fifo.ts";
import type { Host } from "./host.ts";
import { logDay, orderLogBefore } from "./objects.ts";
import { Underway } from "./underway.ts";

const LOST_AFTER_MS = 30_000;
/** On the first of a day the log of the day before may still have events on their way. */
const OVERLAP_MS = 60 * 60_000;

/** Whether all that comes before an event in its log has been routed, as far as the logs have said. */
export class FifoWatch {
  readonly #host: Host;
  readonly #moved: () => void;
  /** all events of a log below this seq have been routed */
  readonly #routed = new Map<string, number>();
  /** logs of days that are over, all of whose events have been routed */
  readonly #over = new Set<string>();
  readonly #underway = new Underway(LOST_AFTER_MS);

  /** @param moved called when a log has said that more has been routed */
  constructor(host: Host, moved: () => void) {
    this.#host = host;
    this.#moved = moved;
  }

  /** Asks in the background when it is not known; the answer comes when it is so. */
  isRouted({ log, seq }: LogPlace, now: number): boolean {
    // a sender's clock may be ahead: of a day that has not begun the day before is not over
    const isBegun = now >= logDay(log) && now < logDay(log) + OVERLAP_MS;
    const before = isBegun ? orderLogBefore(log) : null;
    const isOver = before === null || this.#over.has(before);
    const isReached = (this.#routed.get(log) ?? 0) >= seq;
    if (!isOver) this.#ask(before, null, now);
    if (!isReached) this.#ask(log, seq, now);
    return isOver && isReached;
  }

  /** @param seq null for all that is there */
  #ask(log: string, seq: number | null, now: number): void {
    if (!this.#underway.has(log, now)) void this.#asked(log, seq, this.#underway.begin(log, now));
  }

  async #asked(log: string, seq: number | null, end: () => void): Promise<void> {
    try {
      const isSo = await this.#host.objects.log(this.#host.env, log).routed(seq);
      end();
      if (isSo && seq === null) this.#over.add(log);
      else if (isSo) this.#routed.set(log, Math.max(this.#routed.get(log) ?? 0, seq ?? 0));
      this.#moved();
    } catch (error) {
      this.#host.report(`key ${this.#host.name}: the log ${log} does not say how far it is routed`, error);
      end();
    }
  }
}
