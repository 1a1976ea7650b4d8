/** What a key of debounce or batch has collected, and what follows from it: the storage of `collector-object.ts`. */
import { batch, batchDueAt, type OpenBatch } from "../flow-control/batch.ts";
import { debounce, debounceDueAt, type OpenDebounce } from "../flow-control/debounce.ts";
import type { Invoker } from "../engine/run.ts";
import type { BatchPolicy, DebouncePolicy } from "../protocol/flow-control.ts";
import { runIdOf, ulidTime } from "../protocol/ids.ts";
import { byteLength, type JsonValue } from "../protocol/json.ts";
import { REDELIVERY_HORIZON_MS } from "../protocol/limits.ts";
import { skippedError, type WireError } from "../protocol/wire-error.ts";
import type { CollectedEvent, Whereabouts } from "./objects.ts";
import type { KeyPlace, KeyStore } from "./storage/stores.ts";

/** Events, by their number: the order in which they came. */
const EVENTS = "event";
/**
 * Ids of events that have come, as long as they may come again: a run's id tells of its first event only, so the others
 * would start a second run.
 */
const SEEN = "seen";
const DUTIES = "duty";
const PAGE = 100;

interface StoredEvent extends CollectedEvent {
  /** when it came */
  at: number;
  bytes: number;
}

type Collecting =
  | { rule: "batch"; policy: BatchPolicy; open: OpenBatch | null }
  | { rule: "debounce"; policy: DebouncePolicy; open: OpenDebounce | null };

type CollectionState = Collecting & {
  functionId: string;
  /** number of the first event that waits */
  from: number;
  /** of the next that comes */
  next: number;
};

/** Starts a run with the events from one number to before another. */
export interface StartDuty {
  kind: "start";
  runId: string;
  from: number;
  to: number;
  /** of them, and of their JSON */
  count: number;
  bytes: number;
  dueAt: number;
}

/** Tells a step that its event starts no run. */
interface AnswerDuty {
  kind: "answer";
  invoker: Invoker;
  error: WireError;
}

/** What is owed to the outside until it is acknowledged (G6). */
export type Duty = { id: string; place: KeyPlace } & (StartDuty | AnswerDuty);

export class Collection {
  readonly #store: KeyStore;

  constructor(store: KeyStore) {
    this.#store = store;
  }

  /** Whether events wait, or something is owed. */
  get isAtWork(): boolean {
    return this.#store.count(EVENTS) > 0 || this.#store.count(DUTIES) > 0;
  }

  get isEmpty(): boolean {
    return this.#store.isEmpty();
  }

  get functionId(): string {
    return this.#state()?.functionId ?? "";
  }

  /** Takes those events that it has not had; the latest policy counts for all that waits. */
  collect(functionId: string, policy: DebouncePolicy | BatchPolicy, events: CollectedEvent[], now: number): void {
    this.#store.transaction(() => {
      const before = this.#state();
      const state = withPolicy(before, functionId, policy);
      if (state.rule === "batch" && before && !isSame(before.policy, policy)) this.#batchAnew(state);
      for (const event of events) if (this.#isNew(event, now)) this.#add(state, event, now);
      this.#close(state, now);
      if (!isSame(state, before)) this.#store.putState(state as unknown as JsonValue);
    });
  }

  /** Where an event is. */
  whereabouts(internalId: string): Whereabouts {
    const item = this.#store.item(internalId);
    if (item?.list !== EVENTS) return { kind: this.#store.item(`${SEEN}/${internalId}`) ? "gone" : "unknown" };
    for (let after: KeyPlace | undefined; ;) {
      const page = this.duties(PAGE, after);
      after = page.at(-1)?.place;
      if (!after) return { kind: "collecting", dueAt: this.dueAt, count: this.#state()?.open?.count ?? 0 };
      for (const duty of page)
        if (duty.kind === "start" && duty.from <= item.rank && item.rank < duty.to)
          return { kind: "starting", runId: duty.runId };
    }
  }

  /** Closes what is due, and forgets ids that do not come again. */
  tidy(now: number): void {
    this.#store.transaction(() => {
      const state = this.#state();
      if (state && this.#close(state, now)) this.#store.putState(state as unknown as JsonValue);
      for (let page = PAGE; page === PAGE;) {
        const old = this.#store.list(SEEN, PAGE).filter((item) => item.rank < now - REDELIVERY_HORIZON_MS);
        for (const { id } of old) this.#store.delete(id);
        page = old.length;
      }
    });
  }

  /** When what waits closes by itself; null when nothing does. */
  get dueAt(): number | null {
    const state = this.#state();
    return state && dueAtOf(state);
  }

  /** When the next id may be forgotten. */
  get forgetAt(): number | null {
    const [oldest] = this.#store.list(SEEN, 1);
    return oldest ? oldest.rank + REDELIVERY_HORIZON_MS + 1 : null;
  }

  get hasDuties(): boolean {
    return this.#store.count(DUTIES) > 0;
  }

  /** In the order in which they came about. */
  duties(limit: number, after?: KeyPlace): Duty[] {
    return this.#store
      .list(DUTIES, limit, after)
      .map(({ id, rank, value }) => ({ id, place: { id, rank }, ...(value as unknown as StartDuty | AnswerDuty) }));
  }

  /** What a run starts with: the first event is the one whose keys count. */
  eventsOf(duty: StartDuty): CollectedEvent[] {
    const events = this.#range(duty);
    return this.#state()?.rule === "debounce" ? events.sort(byTs) : events;
  }

  /** A duty is done. */
  done(duty: Duty): void {
    this.#store.transaction(() => {
      if (duty.kind === "start") for (const event of this.#range(duty)) this.#store.delete(idOf(event));
      this.#store.delete(duty.id);
    });
  }

  /** A run cannot start: whoever waits for it is told. */
  drop(duty: Duty & StartDuty, error: WireError): void {
    this.#store.transaction(() => {
      for (const event of this.#range(duty)) this.#answer(event, duty.from, error);
      this.done(duty);
    });
  }

  // ---- the rules ----------------------------------------------------------------------------------------------------

  #add(state: CollectionState, event: CollectedEvent, at: number): void {
    const stored = { ...event, at, bytes: byteLength(JSON.stringify(event.logged.record)) };
    if (state.rule === "debounce") return this.#debounce(state, stored);
    const number = this.#keep(state, stored);
    this.#batch(state, stored, number);
  }

  #batch(state: CollectionState & { rule: "batch" }, event: StoredEvent, number: number): void {
    const { policy, open } = state;
    const decision = batch(policy, open, event, event.at);
    if (open && decision.closesBefore) this.#owe(state, open, number, Math.min(event.at, batchDueAt(policy, open)));
    if (decision.closesWith) this.#owe(state, decision.batch, number + 1, event.at);
    state.open = decision.closesWith ? null : decision.batch;
  }

  /** What waits is batched as if the policy had been in force from the beginning: a lowered `maxSize` closes at once. */
  #batchAnew(state: CollectionState & { rule: "batch" }): void {
    const { from, next: to, open } = state;
    state.open = null;
    const events = this.#range({ from, to, count: open?.count ?? 0 });
    for (const [index, event] of events.entries()) this.#batch(state, event, from + index);
  }

  #debounce(state: CollectionState & { rule: "debounce" }, event: StoredEvent): void {
    const { policy, open } = state;
    const decision = debounce(policy, open, { ts: tsOf(event), bytes: event.bytes }, event.at);
    const isReplaced = open !== null && decision.event === "stands" && !policy.collect && !decision.firesBefore;
    if (open && decision.firesBefore)
      this.#owe(state, open, state.next, Math.min(event.at, debounceDueAt(policy, open)));
    if (isReplaced) {
      const { from, next: to } = state;
      for (const one of this.#range({ from, to, count: open.count })) this.#skip(state, one);
      state.from = to;
    }
    if (decision.event === "ignored") this.#skip(state, event);
    else this.#keep(state, event);
    state.open = decision.open;
  }

  /** Closes what is due. */
  #close(state: CollectionState, now: number): boolean {
    const dueAt = dueAtOf(state);
    if (!state.open || dueAt === null || dueAt > now) return false;
    this.#owe(state, state.open, state.next, dueAt);
    state.open = null;
    return true;
  }

  // ---- rows ---------------------------------------------------------------------------------------------------------

  /** An event that is too old starts nothing, as anywhere else (design §3). */
  #isNew({ logged }: CollectedEvent, now: number): boolean {
    const id = logged.record.internalId;
    const sentAt = ulidTime(id);
    if (now - sentAt > REDELIVERY_HORIZON_MS) return false;
    const seen = `${SEEN}/${id}`;
    if (this.#store.item(seen) || this.#store.item(id)) return false;
    this.#store.put({ id: seen, list: SEEN, rank: Math.max(now, sentAt), value: null });
    return true;
  }

  #keep(state: CollectionState, event: StoredEvent): number {
    const number = state.next++;
    this.#store.put({ id: idOf(event), list: EVENTS, rank: number, value: event as unknown as JsonValue });
    return number;
  }

  #skip({ functionId, next }: CollectionState, event: CollectedEvent): void {
    this.#answer(event, next, skippedError(functionId, "debounce, a later event took its place"));
    this.#store.delete(idOf(event));
  }

  #answer(event: CollectedEvent, rank: number, error: WireError): void {
    if (event.invoker) this.#put(`answer/${idOf(event)}`, rank, { kind: "answer", invoker: event.invoker, error });
  }

  /**
   * Stores what is started before it is: a run with all events that wait up to a number. Its id follows from the event whose
   * keys count: the first of a batch, the one that stands in a debounce, or, where all are kept, the oldest by its `ts`.
   */
  #owe(state: CollectionState, { count, bytes }: { count: number; bytes: number }, to: number, dueAt: number): void {
    const { from, functionId, rule } = state;
    const [first] =
      rule === "batch" ? this.#range({ from, to, count: 1 }) : this.#range({ from, to, count }).sort(byTs);
    if (!first) throw new Error(`the events from ${from} on are not there`);
    const runId = runIdOf(idOf(first), functionId);
    this.#put(`start/${runId}`, from, { kind: "start", runId, from, to, count, bytes, dueAt });
    state.from = to;
  }

  #put(id: string, rank: number, duty: StartDuty | AnswerDuty): void {
    this.#store.put({ id, list: DUTIES, rank, value: duty as unknown as JsonValue });
  }

  #range({ from, to, count }: { from: number; to: number; count: number }): StoredEvent[] {
    const before = { rank: from - 1, id: "~" }; // after all ids of that number: they are ULIDs
    const items = this.#store.list(EVENTS, count, before).filter(({ rank }) => rank < to);
    return items.map(({ value }) => value as unknown as StoredEvent);
  }

  #state(): CollectionState | null {
    return this.#store.state() as unknown as CollectionState | null; // what was put
  }
}

/** A copy of the state as another policy finds it. */
function withPolicy(
  before: CollectionState | null,
  functionId: string,
  policy: DebouncePolicy | BatchPolicy,
): CollectionState {
  const { from, next } = before ?? { from: 0, next: 0 };
  if ("maxSize" in policy)
    return { rule: "batch", policy, open: before?.rule === "batch" ? before.open : null, functionId, from, next };
  return { rule: "debounce", policy, open: before?.rule === "debounce" ? before.open : null, functionId, from, next };
}

function dueAtOf(state: CollectionState): number | null {
  if (!state.open) return null;
  return state.rule === "batch" ? batchDueAt(state.policy, state.open) : debounceDueAt(state.policy, state.open);
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function idOf({ logged }: CollectedEvent): string {
  return logged.record.internalId;
}

/** Stable: of equals the one that came first. */
function byTs(a: CollectedEvent, b: CollectedEvent): number {
  return tsOf(a) - tsOf(b);
}

function tsOf({ logged }: CollectedEvent): number {
  return logged.record.event.ts;
}
