/**
 * One signal of an environment, and the one step that waits for it (inngest-protocol §9.1).
 *
 * 1. It offers, the run decides: a signal counts as taken once the run has stored it as the step's result, so a signal
 *    that was answered with a run's id is not lost, and none reaches a step twice.
 * 2. A wait that has been taken over is remembered until its run withdraws it: asking again, after a lost answer, neither
 *    takes the signal back nor conflicts with whoever has it.
 * 3. Between a question to a run and its answer anything may have happened here: what was read before counts only if it
 *    is still so.
 */
import type { JsonValue } from "../protocol/json.ts";
import { FLAG_LINGER_MS } from "../protocol/limits.ts";
import type { Signal } from "../protocol/signal.ts";
import type { Host } from "./host.ts";
import type { SignalObjectApi, SignalWaiter } from "./objects.ts";
import type { KeyStore } from "./storage/stores.ts";

/** Lists of its store: who waits, and those who did until another took over. */
export const WAITING = "waiting";
export const REPLACED = "replaced";

export class SignalObject implements SignalObjectApi {
  readonly #host: Host;
  #store: KeyStore;
  /** it is being emptied: what comes meanwhile waits, so that nothing of it is deleted */
  #wiping: Promise<void> | null = null;

  constructor(host: Host) {
    this.#host = host;
    this.#store = host.stores.key();
  }

  async wait(waiter: SignalWaiter, conflict: "fail" | "replace"): Promise<{ kind: "waiting" | "conflict" | "gone" }> {
    await this.#wiping;
    for (;;) {
      if (this.#store.item(keyOf(waiter))?.list === REPLACED) return { kind: "waiting" };
      const holder = this.#waiter();
      if (!holder || isSame(holder, waiter) || holder.until <= this.#host.now())
        return this.#hold(waiter, holder, false);
      // the holder's run may have ended, or gone on, and not have said so yet
      const isHeld = await this.#isWaiting(holder);
      if (!this.#isStill(holder)) continue;
      if (!isHeld) return this.#hold(waiter, holder, false);
      if (conflict === "fail") return { kind: "conflict" };
      // a request that was late: its step has gone on, and takes nothing from anybody
      if (!(await this.#isWaiting(waiter))) return { kind: "gone" };
      if (this.#isStill(holder)) return this.#hold(waiter, holder, true);
    }
  }

  async withdraw(runId: string, stepId: string): Promise<void> {
    await this.#wiping;
    this.#forget({ runId, stepId });
  }

  async send(signal: Signal): Promise<{ runId: string | null }> {
    await this.#wiping;
    const receivedAt = this.#host.now();
    for (;;) {
      const waiter = this.#waiter();
      if (!waiter || waiter.until < receivedAt) return { runId: null };
      const { runId, stepId } = waiter;
      const { kind } = await this.#run(runId).signal(stepId, signal, receivedAt);
      if (this.#isStill(waiter)) this.#forget(waiter);
      if (kind === "taken") return { runId };
    }
  }

  /** Everything goes once nobody has waited for a while: names of signals are often used once. */
  async alarm(): Promise<void> {
    if (!this.#store.isEmpty()) return;
    this.#wiping = this.#host.wipe();
    try {
      await this.#wiping;
      this.#store = this.#host.stores.key();
    } catch (error) {
      this.#host.report(`signal "${this.#host.name}": it could not be emptied and is tried again`, error);
      this.#host.setAlarm(this.#host.now() + FLAG_LINGER_MS);
    } finally {
      this.#wiping = null;
    }
  }

  #hold(waiter: SignalWaiter, before: SignalWaiter | undefined, isReplaced: boolean): { kind: "waiting" } {
    this.#store.transaction(() => {
      if (before && !isSame(before, waiter)) {
        this.#store.delete(keyOf(before));
        if (isReplaced) this.#put(REPLACED, before);
      }
      this.#put(WAITING, waiter);
    });
    return { kind: "waiting" };
  }

  #put(list: string, { runId, stepId, until }: SignalWaiter): void {
    this.#store.put({ id: keyOf({ runId, stepId }), list, rank: 0, value: { runId, stepId, until } });
  }

  #forget(waiter: Pick<SignalWaiter, "runId" | "stepId">): void {
    if (!this.#store.item(keyOf(waiter))) return;
    this.#store.delete(keyOf(waiter));
    if (this.#store.isEmpty()) this.#host.setAlarm(this.#host.now() + FLAG_LINGER_MS);
  }

  #waiter(): SignalWaiter | undefined {
    const [item] = this.#store.list(WAITING, 1);
    return item && waiterOf(item.value);
  }

  #isStill(waiter: SignalWaiter): boolean {
    const now = this.#waiter();
    return now !== undefined && isSame(now, waiter);
  }

  #isWaiting({ runId, stepId }: SignalWaiter): Promise<boolean> {
    return this.#run(runId).waitsForSignal(stepId);
  }

  #run(runId: string) {
    return this.#host.objects.run(this.#host.env, runId);
  }
}

function waiterOf(value: JsonValue): SignalWaiter {
  return value as unknown as SignalWaiter; // as `#put` wrote it
}

function isSame(one: Pick<SignalWaiter, "runId" | "stepId">, other: Pick<SignalWaiter, "runId" | "stepId">): boolean {
  return one.runId === other.runId && one.stepId === other.stepId;
}

/** Ids of runs have no slash. */
function keyOf({ runId, stepId }: Pick<SignalWaiter, "runId" | "stepId">): string {
  return `${runId}/${stepId}`;
}
