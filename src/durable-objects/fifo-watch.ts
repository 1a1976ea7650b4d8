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
  readonly #underway = new Underway(LOST_AFTER_MS);

  /** @param moved called when a log has said that more has been routed */
  constructor(host: Host, moved: () => void) {
    this.#host = host;
    this.#moved = moved;
  }

  /** Asks in the background when it is not known; the answer comes when it is so. */
  isRouted({ log, seq }: LogPlace, now: number): boolean {
    const before = now < logDay(log) + OVERLAP_MS ? orderLogBefore(log) : null;
    const isOverBefore = before === null || this.#has(before, null, now);
    return this.#has(log, seq, now) && isOverBefore;
  }

  #has(log: string, seq: number | null, now: number): boolean {
    if ((this.#routed.get(log) ?? -1) >= (seq ?? 0)) return true;
    if (!this.#underway.has(log, now)) void this.#ask(log, seq, this.#underway.begin(log, now));
    return false;
  }

  async #ask(log: string, seq: number | null, end: () => void): Promise<void> {
    try {
      const isSo = await this.#host.objects.log(this.#host.env, log).routed(seq);
      end();
      if (isSo) this.#routed.set(log, Math.max(this.#routed.get(log) ?? 0, seq ?? 0));
      this.#moved();
    } catch (error) {
      this.#host.report(`key ${this.#host.name}: the log ${log} does not say how far it is routed`, error);
      end();
    }
  }
}
