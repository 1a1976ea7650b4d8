import { DurableObject } from "cloudflare:workers";
import { DedupeObject } from "./dedupe-object.ts";
import type { DedupeClaim, DedupeObjectApi, LoggedEvent, Subscription, WaitsObjectApi } from "./objects.ts";
import { WaitsObject } from "./waits-object.ts";
import { workerdHost } from "./workerd-host.ts";

/** Subscriptions of one event name, or one shard of the event ids seen lately; its name says which. */
export class EventDO extends DurableObject implements WaitsObjectApi, DedupeObjectApi {
  readonly #waits: WaitsObject | null;
  readonly #dedupe: DedupeObject | null;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    const host = workerdHost(ctx);
    const slash = host.name.indexOf("/");
    const own = { ...host, name: host.name.slice(slash + 1) };
    const isDedupe = host.name.slice(0, slash) === "id";
    this.#dedupe = isDedupe ? new DedupeObject(own) : null;
    this.#waits = isDedupe ? null : new WaitsObject(own);
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

  async claim(claims: DedupeClaim[]) {
    if (!this.#dedupe) throw new Error("this object holds waits, not event ids");
    return this.#dedupe.claim(claims);
  }

  override async alarm() {
    await (this.#dedupe ?? this.#waitsOf()).alarm();
  }

  #waitsOf(): WaitsObject {
    if (!this.#waits) throw new Error("this object holds event ids, not waits");
    return this.#waits;
  }
}
