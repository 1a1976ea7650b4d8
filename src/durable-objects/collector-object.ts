/**
 * A key of debounce or batch.
 *
 * 1. An event is this object's once `collect` has returned: it is stored, with an alarm. One that comes again changes
 *    nothing, also when its run has started: ids are remembered as long as an event may start a run at all.
 * 2. Which events a run gets is stored before the run is asked to start, and it is asked until it has answered (G6). Its id
 *    follows from its first event, so asking twice starts it once.
 * 3. A step that invoked the function by an event which starts no run is told so (G6).
 */
import type { Host } from "./host.ts";
import { Collection, type Duty, type StartDuty } from "./collection.ts";
import { inParts } from "./in-parts.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import type { JsonObject } from "../protocol/json.ts";
import type { CollectorObjectApi, Whereabouts } from "./objects.ts";
import type { KeyPlace } from "./storage/stores.ts";

const DUTIES_AT_ONCE = 50;
/** Events of runs that are started at the same time: what is in memory of a collection that has a lot to start. */
const STARTS_MAX_BYTES = 16 * 1024 * 1024;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 60_000;
const SWEEP_EVERY_MS = 60 * 60_000;
/** An answer that has not come by then is not waited for: what is owed is done once more. */
const LOST_AFTER_MS = 2 * 60_000;

export class CollectorObject implements CollectorObjectApi {
  readonly #host: Host;
  #collection: Collection;
  #alarmAt: number | null | undefined;
  /** what is owed is being done: never twice at the same time */
  #underway: { since: number; done: Promise<void> } | null = null;
  /** in a row */
  #failures = 0;

  constructor(host: Host) {
    this.#host = host;
    this.#collection = new Collection(host.stores.key());
  }

  async collect({ functionId, policy, events }: Parameters<CollectorObjectApi["collect"]>[0]): Promise<void> {
    this.#alarmAt ??= await this.#host.alarm();
    this.#collection.collect(functionId, policy, events, this.#host.now());
    this.#arm();
    if (this.#collection.hasDuties) void this.#perform();
  }

  async whereabouts(internalId: string): Promise<Whereabouts> {
    return this.#collection.whereabouts(internalId);
  }

  /** Closes what is due, does what is owed, forgets what is old, and goes when nothing is left. */
  async alarm(): Promise<void> {
    this.#alarmAt = null;
    try {
      this.#collection.tidy(this.#host.now());
      if (this.#collection.hasDuties) await this.#host.wait(LOST_AFTER_MS, this.#perform());
      if (this.#collection.isEmpty) await this.#wipe();
      else this.#arm(true);
    } catch (error) {
      this.#failed(error);
      this.#setAlarm(this.#host.now() + this.#retryMs());
    }
  }

  // ---- what is owed -------------------------------------------------------------------------------------------------

  /** Never rejects: what fails is left to the alarm. */
  #perform(): Promise<void> {
    const since = this.#host.now();
    if (!this.#underway || this.#underway.since + LOST_AFTER_MS <= since)
      this.#underway = { since, done: this.#performAll().catch((error: unknown) => this.#failed(error)) };
    return this.#underway.done;
  }

  async #performAll(): Promise<void> {
    await Promise.resolve(); // after the commit of this turn
    try {
      do await this.#performRound();
      while (this.#collection.hasDuties);
      this.#failures = 0;
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#underway = null; // at once: what is owed from here on needs another round
    }
    this.#arm(true);
  }

  /** @throws what the last that failed has thrown, after all were tried */
  async #performRound(): Promise<void> {
    let error: unknown;
    let hasFailed = false;
    for (let after: KeyPlace | undefined; ;) {
      const page = this.#collection.duties(DUTIES_AT_ONCE, after);
      after = page.at(-1)?.place;
      if (!after) break;
      const { functionId } = this.#collection;
      const fn = page.some(({ kind }) => kind === "start") ? await this.#registry().function(functionId) : null;
      const bytesOf = (duty: Duty) => (duty.kind === "start" ? duty.bytes : 0);
      for (const part of inParts(page, bytesOf, STARTS_MAX_BYTES))
        for (const result of await Promise.allSettled(part.map((duty) => this.#do(duty, fn))))
          if (result.status === "rejected") [error, hasFailed] = [result.reason, true];
    }
    if (hasFailed) throw error;
  }

  async #do(duty: Duty, fn: RegisteredFunction | null): Promise<void> {
    if (duty.kind === "start") return this.#start(duty, fn);
    const { runId, stepId } = duty.invoker;
    await this.#host.objects.run(this.#host.env, runId).calleeEnded(stepId, { error: duty.error as JsonObject });
    this.#collection.done(duty);
  }

  async #start(duty: Duty & StartDuty, fn: RegisteredFunction | null): Promise<void> {
    const { env, objects } = this.#host;
    const { runId, dueAt } = duty;
    if (!fn) return this.#drop(duty, "function_missing", "it is not registered any more");
    const collected = this.#collection.eventsOf(duty);
    const invokers = collected.flatMap(({ invoker }) => invoker ?? []);
    const events = collected.map(({ logged }) => logged);
    const { kind } = await objects
      .run(env, runId)
      .start({ env, runId, fn, events, dueAt, ...(invokers.length > 0 ? { invokers } : {}) });
    if (kind === "too-old") return this.#drop(duty, "function_skipped", "its events are too old to start a run");
    this.#collection.done(duty);
  }

  #drop(duty: Duty & StartDuty, code: string, why: string): void {
    const message = `function "${this.#collection.functionId}" was not run: ${why}`;
    this.#host.report(`${this.#host.name}: ${duty.count} collected events start nothing`, message);
    this.#collection.drop(duty, { name: "Error", code, message });
  }

  // ---- the alarm ----------------------------------------------------------------------------------------------------

  /** @param isForced also later than it is set: else what comes too early finds nothing to do, and costs less than moving it */
  #arm(isForced = false): void {
    const at = this.#nextAt();
    if (at === null) return;
    const isEarlier = this.#alarmAt === null || this.#alarmAt === undefined || at < this.#alarmAt;
    if (isForced ? at !== this.#alarmAt : isEarlier) this.#setAlarm(at);
  }

  #nextAt(): number | null {
    const { hasDuties, dueAt, forgetAt } = this.#collection;
    const now = this.#host.now();
    if (hasDuties) return Math.min(now + this.#retryMs(), dueAt ?? Number.POSITIVE_INFINITY);
    return dueAt ?? (forgetAt === null ? null : Math.max(forgetAt, now + SWEEP_EVERY_MS));
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    this.#host.report(`${this.#host.name}: starting what it has collected failed, and is tried again`, error);
  }

  #retryMs(): number {
    return Math.min(RETRY_MIN_MS * 2 ** this.#failures, RETRY_MAX_MS);
  }

  #setAlarm(at: number): void {
    this.#alarmAt = at;
    this.#host.setAlarm(at);
  }

  async #wipe(): Promise<void> {
    const wiped = this.#host.wipe();
    this.#collection = new Collection(this.#host.stores.key());
    await wiped;
  }

  #registry() {
    return this.#host.objects.registry(this.#host.env);
  }
}
