/**
 * Which functions are paused, and since when.
 *
 * 1. A pause is known by the instant of its beginning, and each begins later than the last. Runs that it holds carry that
 *    instant, so letting those of one pause go never lets go those of the next.
 * 2. That a pause is over is stored before its gate is opened, and the gate is asked until it has acknowledged.
 */
import { pauseObject } from "../flow-control/admit.ts";
import type { Pause } from "../protocol/flow-control.ts";
import type { Host } from "./host.ts";
import type { AlarmSource } from "./registry-alarm.ts";
import type { RegistryStore, StoredPause } from "./storage/stores.ts";

/** A gate that could not be opened is asked again after this. */
const RETRY_MS = 5_000;

export class RegistryPauses implements AlarmSource {
  readonly #host: Host;
  readonly #store: RegistryStore;
  #triedAt: number | null = null;

  constructor(host: Host, store: RegistryStore) {
    this.#host = host;
    this.#store = store;
  }

  /** The pauses that go on, by function. */
  current(): Map<string, Pause> {
    return new Map(this.#store.pauses().flatMap(({ functionId, pause }) => (pause ? [[functionId, pause]] : [])));
  }

  begin(functionId: string, triggers: Pause["triggers"]): { kind: "changed" | "unchanged"; pause: Pause } {
    const known = this.#of(functionId);
    if (known.pause?.triggers === triggers) return { kind: "unchanged", pause: known.pause };
    const at = known.pause?.at ?? Math.max(this.#host.now(), (known.endedAt ?? 0) + 1);
    const pause = { triggers, at };
    this.#store.putPause({ ...known, pause });
    return { kind: "changed", pause };
  }

  /** The gate is opened by {@link fire}, which is to be called next; should that be lost, by the alarm. */
  end(functionId: string): { kind: "changed" | "unchanged"; pause: null } {
    const known = this.#of(functionId);
    if (!known.pause) return { kind: "unchanged", pause: null };
    this.#store.putPause({ functionId, pause: null, endedAt: known.pause.at, isOpening: true });
    this.#triedAt = this.#host.now();
    return { kind: "changed", pause: null };
  }

  nextAt(): number | null {
    if (!this.#store.pauses().some((stored) => stored.isOpening)) return null;
    return this.#triedAt === null ? this.#host.now() : this.#triedAt + RETRY_MS;
  }

  /** Opens the gates of pauses that are over. */
  async fire(): Promise<void> {
    const opening = this.#store.pauses().filter((stored) => stored.isOpening);
    if (opening.length > 0) this.#triedAt = this.#host.now();
    await Promise.all(opening.map((stored) => this.#open(stored)));
  }

  async #open({ functionId, endedAt }: StoredPause): Promise<void> {
    try {
      const gate = this.#host.objects.leases(this.#host.env, pauseObject(functionId));
      await gate.open(endedAt ?? 0);
      const stored = this.#of(functionId);
      if (stored.endedAt === endedAt) this.#store.putPause({ ...stored, isOpening: false });
    } catch (error) {
      this.#host.report(
        `runs that the pause of "${functionId}" has held could not be let go, which is tried again`,
        error,
      );
    }
  }

  #of(functionId: string): StoredPause {
    const stored = this.#store.pauses().find((one) => one.functionId === functionId);
    return stored ?? { functionId, pause: null, endedAt: null, isOpening: false };
  }
}
