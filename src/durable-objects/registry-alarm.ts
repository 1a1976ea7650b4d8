import type { Host } from "./host.ts";

/** An alarm that is this late was dropped by the platform. */
const OVERDUE_MS = 60_000;

/** What the registry's alarm is for. */
export interface AlarmSource {
  /** when it is needed next; null for never */
  nextAt(): number | null;
  /** Does what is due. When it throws, the platform repeats the alarm after a while. */
  fire(): Promise<void>;
}

/** The one alarm of the registry, at the earliest instant at which any schedule needs it. */
export class RegistryAlarm {
  readonly #host: Host;
  readonly #sources: readonly AlarmSource[];
  #isRinging = false;

  constructor(host: Host, sources: readonly AlarmSource[]) {
    this.#host = host;
    this.#sources = sources;
  }

  /** Sets it anew: something else may be next. Inside its handler that happens at the end. */
  arm(): void {
    if (!this.#isRinging) this.#host.setAlarm(this.#nextAt());
  }

  /** Sets it when the platform has lost it. */
  async repair(): Promise<void> {
    const alarm = await this.#host.alarm();
    if (this.#isRinging) return; // it reads as unset, and is set when its handler ends
    const next = this.#nextAt();
    if (next === null) return;
    if (alarm === null || alarm > next || alarm < this.#host.now() - OVERDUE_MS) this.#host.setAlarm(next);
  }

  async ring(): Promise<void> {
    this.#isRinging = true;
    try {
      for (const source of this.#sources) await source.fire();
    } finally {
      this.#isRinging = false;
    }
    this.arm();
  }

  #nextAt(): number | null {
    return this.#sources.reduce<number | null>((least, source) => {
      const at = source.nextAt();
      return at === null || (least !== null && least <= at) ? least : at;
    }, null);
  }
}
