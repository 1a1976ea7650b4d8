import { DurableObject } from "cloudflare:workers";
import { DedupeObject } from "./dedupe-object.ts";
import type { Signal } from "../protocol/signal.ts";
import type {
  DedupeClaim,
  DedupeObjectApi,
  LoggedEvent,
  SignalObjectApi,
  SignalWaiter,
  Subscription,
  WaitsObjectApi,
} from "./objects.ts";
import { SignalObject } from "./signal-object.ts";
import { WaitsObject } from "./waits-object.ts";
import { workerdHost } from "./workerd-host.ts";

/** Subscriptions of one event name, the step that waits for one signal, or one shard of the event ids seen lately; its name says which. */
export class EventDO extends DurableObject implements WaitsObjectApi, DedupeObjectApi, SignalObjectApi {
  readonly #waits: WaitsObject | null;
  readonly #dedupe: DedupeObject | null;
  readonly #signal: SignalObject | null;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    const host = workerdHost(ctx);
    const slash = host.name.indexOf("/");
    const own = { ...host, name: host.name.slice(slash + 1) };
    const kind = host.name.slice(0, slash);
    this.#dedupe = kind === "id" ? new DedupeObject(own) : null;
    this.#signal = kind === "signal" ? new SignalObject(own) : null;
    this.#waits = this.#dedupe || this.#signal ? null : new WaitsObject(own);
  }

  async subscribe(subscription: Subscription) {
    return this.#waitsOf().subscribe(subscription);
  }

  async unsubscribe(runId: string, stepId: string) {
    return this.#waitsOf().unsubscribe(runId, stepId);
  }

  async deliver(events: LoggedEvent[]) {
    return this.#waitsOf().deliver(events);
  }

  async wait(waiter: SignalWaiter, conflict: "fail" | "replace") {
    return this.#signalOf().wait(waiter, conflict);
  }

  async withdraw(runId: string, stepId: string) {
    return this.#signalOf().withdraw(runId, stepId);
  }

  async send(signal: Signal) {
    return this.#signalOf().send(signal);
  }

  async claim(claims: DedupeClaim[]) {
    if (!this.#dedupe) throw new Error("this object holds waits, not event ids");
    return this.#dedupe.claim(claims);
  }

  async holders(claims: Omit<DedupeClaim, "internalId">[]) {
    if (!this.#dedupe) throw new Error("this object holds waits, not event ids");
    return this.#dedupe.holders(claims);
  }

  override async alarm() {
    await (this.#dedupe ?? this.#signal ?? this.#waitsOf()).alarm();
  }

  #signalOf(): SignalObject {
    if (!this.#signal) throw new Error("this object holds no signal");
    return this.#signal;
  }

  #waitsOf(): WaitsObject {
    if (!this.#waits) throw new Error("this object holds event ids, not waits");
    return this.#waits;
  }
}
