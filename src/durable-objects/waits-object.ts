/**
 * The waits for one event name. It offers, the run decides (first of event and timeout wins), and the subscription goes
 * after the answer.
 *
 * No event is missed: a wait is stored, its name flagged in the registry, and only then the log is read from the wait's
 * own instant on. The router reads the flags after an event was appended, so it either sees the flag or the event is
 * in what is read here (design §2).
 */
import { termKey, termsOf, waitMatches } from "../engine/expression.ts";
import { groupBy } from "../protocol/group-by.ts";
import { FLAG_LINGER_MS, LOOKBACK_MARGIN_MS } from "../protocol/limits.ts";
import type { Host } from "./host.ts";
import { inTurns } from "./in-turns.ts";
import type { LoggedEvent, Subscription, WaitsObjectApi } from "./objects.ts";
import { NO_TERM, type Cursor, type WaitStore } from "./storage/stores.ts";

/** Waits offered one event before the rest is left to the alarm; bounds what a consumer waits for. */
const OFFERS_INLINE = 200;
/** Waits read at once. */
const PAGE = 50;
const FOUND_MAX = 20;
const RETRY_MS = 1_000;

/** An event for a wait. */
interface Offer {
  wait: Subscription;
  logged: LoggedEvent;
}

/** An event, and where to go on with it. */
interface Offered {
  logged: LoggedEvent;
  rest: Cursor | null;
}

export class WaitsObject implements WaitsObjectApi {
  readonly #host: Host;
  readonly #store: WaitStore;
  /** flagging and unflagging, one after the other: a flag must not be undone by an older wish */
  #flags: Promise<unknown> = Promise.resolve();

  constructor(host: Host) {
    this.#host = host;
    this.#store = host.stores.waits();
  }

  async subscribe(subscription: Subscription): Promise<{ found: LoggedEvent[] }> {
    const [term] = subscription.wait.terms;
    this.#store.put(subscription, term ? termKey(term.path, term.value) : NO_TERM, term?.path ?? "");
    const from = subscription.since - LOOKBACK_MARGIN_MS;
    const { logs } = await this.#inTurn(() => this.#registry().flag(this.#host.name, from));
    const found = (await Promise.all(logs.map((log) => this.#lookBack(log, subscription, from)))).flat();
    return { found: found.sort((a, b) => a.receivedAt - b.receivedAt).slice(0, FOUND_MAX) };
  }

  async #lookBack(log: string, { wait }: Subscription, from: number): Promise<LoggedEvent[]> {
    const found: LoggedEvent[] = [];
    for (let cursor: number | null = 0; cursor !== null && found.length < FOUND_MAX;) {
      const page: { events: LoggedEvent[]; next: number | null } = await this.#host.objects
        .log(this.#host.env, log)
        .since(this.#host.name, from, cursor);
      found.push(...page.events.filter((logged) => waitMatches(wait, { ...logged.record.event }, this.#host.now())));
      cursor = page.next;
    }
    return found;
  }

  async unsubscribe(runId: string, stepId: string): Promise<void> {
    this.#store.delete(runId, stepId);
    this.#lingerIfEmpty();
  }

  async deliver(events: LoggedEvent[]): Promise<void> {
    const start: Cursor = { key: 0, runId: "", stepId: "" };
    const rests = await this.#offerAll(events.map((logged) => ({ logged, cursor: start })));
    for (const { logged, rest } of rests) if (rest) this.#store.putDelivery(logged, rest);
    if (rests.some(({ rest }) => rest)) this.#host.setAlarm(this.#host.now());
    else this.#lingerIfEmpty();
  }

  async alarm(): Promise<void> {
    try {
      for (const { logged, rest } of await this.#offerAll(this.#store.deliveries()))
        if (rest) this.#store.putDelivery(logged, rest);
        else this.#store.deleteDelivery(logged.record.internalId);
      if (this.#store.deliveries().length > 0) return this.#host.setAlarm(this.#host.now());
      if (this.#store.isEmpty()) await this.#unflag();
    } catch (error) {
      this.#host.report(`waits for "${this.#host.name}": a delivery failed and is tried again`, error);
      this.#host.setAlarm(this.#host.now() + RETRY_MS);
    }
  }

  /**
   * Offers events to the waits that they match: a wait gets them in their order, all waits at the same time. What was
   * answered is deleted together, in the turn in which this returns.
   *
   * @returns where to go on with each, null when no more waits may match
   */
  async #offerAll(deliveries: { logged: LoggedEvent; cursor: Cursor }[]): Promise<Offered[]> {
    const offers: Offer[] = [];
    const offered = deliveries.map(({ logged, cursor }) => {
      const { matching, rest } = this.#matching(logged, cursor);
      for (const wait of matching) offers.push({ wait, logged });
      return { logged, rest };
    });
    const byWait = [...groupBy(offers, ({ wait: { runId, stepId } }) => `${runId}/${stepId}`).values()];
    const areAnswered = await inTurns(byWait, (ofOne) => this.#isAnswered(ofOne));
    for (const [index, [first]] of byWait.entries())
      if (first && areAnswered[index]) this.#store.delete(first.wait.runId, first.wait.stepId);
    return offered;
  }

  /** Looks through at most {@link OFFERS_INLINE} waits; where to go on when more may follow. */
  #matching(logged: LoggedEvent, start: Cursor): { matching: Subscription[]; rest: Cursor | null } {
    const event = { ...logged.record.event };
    const keys = [...termsOf(event, this.#store.paths()).sort(), NO_TERM];
    const matching: Subscription[] = [];
    const cursor = { ...start };
    for (let left = OFFERS_INLINE; left > 0;) {
      const term = keys[cursor.key];
      if (term === undefined) return { matching, rest: null };
      const page = this.#store.page(term, cursor.runId, cursor.stepId, Math.min(left, PAGE));
      matching.push(...page.filter((wait) => waitMatches(wait.wait, event, this.#host.now())));
      left -= Math.max(page.length, 1);
      const last = page.at(-1);
      if (last) Object.assign(cursor, { runId: last.runId, stepId: last.stepId });
      else Object.assign(cursor, { key: cursor.key + 1, runId: "", stepId: "" });
    }
    return { matching, rest: cursor };
  }

  /** Whether a wait needs its subscription no more. */
  async #isAnswered(offers: Offer[]): Promise<boolean> {
    for (const { wait, logged } of offers) {
      const { kind } = await this.#host.objects.run(this.#host.env, wait.runId).offer(wait.stepId, logged);
      if (kind !== "declined") return true;
    }
    return false;
  }

  /** The flag stays for an hour: names that are waited for now and then are not flagged anew each time. */
  #lingerIfEmpty(): void {
    if (this.#store.isEmpty()) this.#host.setAlarm(this.#host.now() + FLAG_LINGER_MS);
  }

  async #unflag(): Promise<void> {
    await this.#inTurn(async () => {
      if (!this.#store.isEmpty()) return;
      await this.#registry().unflag(this.#host.name); // a wait that comes meanwhile flags again, behind this in line
    });
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#flags.then(task, task);
    this.#flags = turn.catch(() => undefined);
    return turn;
  }

  #registry() {
    return this.#host.objects.registry(this.#host.env);
  }
}
