import type { Host } from "./host.ts";
import type { KnownLine, LinesObjectApi } from "./objects.ts";
import type { KeyStore } from "./storage/stores.ts";

const LINES = "lines";
/** Of whatever number of keys, so many are listed. */
const LINES_MAX = 1_000;
const LINGER_MS = 10 * 60_000;

/** The lines of one function: keys at which somebody has waited for a while. A key says by itself when it comes and goes. */
export class LinesObject implements LinesObjectApi {
  readonly #host: Host;
  #store: KeyStore;

  constructor(host: Host) {
    this.#host = host;
    this.#store = host.stores.key();
  }

  async opened({ env, object, key }: KnownLine): Promise<void> {
    if (this.#store.item(object) || this.#store.count(LINES) >= LINES_MAX) return;
    this.#store.put({ id: object, list: LINES, rank: this.#host.now(), value: { env, object, key } });
  }

  async closed(object: string): Promise<void> {
    if (!this.#store.item(object)) return;
    this.#store.delete(object);
    if (this.#store.isEmpty()) this.#host.setAlarm(this.#host.now() + LINGER_MS);
  }

  /** The longest known first. */
  async list(): Promise<KnownLine[]> {
    return this.#store.list(LINES, LINES_MAX).map(({ value }) => value as unknown as KnownLine); // as `opened` put it
  }

  /** A list that stays empty goes. */
  async alarm(): Promise<void> {
    if (!this.#store.isEmpty()) return;
    const gone = this.#host.wipe();
    this.#store = this.#host.stores.key();
    await gone;
  }
}
