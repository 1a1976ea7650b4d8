/** What a key that lets runs in keeps, in its own words: holders, the line, what was decided, and what runs are to be told. */
import type { GatePolicy, Refusal } from "../engine/lease.ts";
import type { LogPlace } from "../flow-control/fifo.ts";
import { withPolicy, type KeyPolicies } from "../flow-control/latest-policy.ts";
import type { ThrottleUse } from "../flow-control/throttle.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { AdmitRequest } from "./objects.ts";
import type { KeyItem, KeyPlace, KeyStore } from "./storage/stores.ts";

/** Whose lease it is. */
export interface LeaseOwner {
  leaseId: string;
  env: string;
  runId: string;
  functionId: string;
}

export interface Holder extends LeaseOwner {
  since: number;
  /** when its run is asked whether it still holds it, should somebody wait then */
  checkAt: number;
  /** how often it was asked */
  checks: number;
  /** it is to give way to a newer one */
  isCancelled?: boolean;
}

export interface Waiting extends LeaseOwner {
  since: number;
  rank: number;
  /** order "fifo": where its event stands; absent when it stands in no log of order */
  order?: LogPlace;
  /** order "fifo": its run has not asked yet; when it is asked whether it will */
  reserved?: { checkAt: number };
}

/** What a run is to be told until it has heard it: that a lease is let in, or out of the line; or that it is cancelled. */
export interface Notice {
  kind: "admitted" | "refused" | "cancel";
  leaseId: string;
  env: string;
  runId: string;
  /** refused: why */
  refusal?: Refusal;
  /** cancel: what its run is told */
  reason?: string;
  /** when it is told next */
  at: number;
  /** how often that has failed */
  failures: number;
}

/** What was decided of a lease that neither holds nor waits: a request that comes twice gets one answer. */
export interface Decision {
  /** null: it was let in */
  refusal: Refusal | null;
}

/** A function whose list of lines names this key. */
export type ShownTo = Pick<LeaseOwner, "env" | "functionId">;

/** What is kept besides lists. */
interface BookState {
  policies: KeyPolicies;
  /** what the key came to, for people */
  key: string | null;
  /** throttle */
  use: ThrottleUse | null;
  /** pause */
  openedUntil: number | null;
  /** functions whose list of lines names this key */
  shownTo: ShownTo[];
  /** order "fifo": the greatest rank that came from a log */
  lastRank?: number;
}

const EMPTY: BookState = { policies: {}, key: null, use: null, openedUntil: null, shownTo: [] };

export const HELD = "held";
export const LINE = "line";
const DECIDED = "decided";
export const NOTICES = "notices";

/** All writes are in a transaction of {@link LeaseBook.write}. */
export class LeaseBook {
  readonly #store: KeyStore;
  /** null for a key at which nobody ever was */
  #state: BookState | null | undefined;
  #isDirty = false;

  constructor(store: KeyStore) {
    this.#store = store;
  }

  /** All that is written in `body`, or nothing when it throws. It must not await. */
  write<T>(body: () => T): T {
    try {
      return this.#store.transaction(() => {
        const result = body();
        if (this.#isDirty && this.#state) this.#store.putState({ ...this.#state } as unknown as JsonValue);
        this.#isDirty = false;
        return result;
      });
    } catch (error) {
      this.#state = undefined;
      this.#isDirty = false;
      throw error;
    }
  }

  get isUnknown(): boolean {
    return this.#read() === null;
  }

  get state(): Readonly<BookState> {
    return this.#read() ?? EMPTY;
  }

  change(change: Partial<BookState>): void {
    this.#state = { ...this.state, ...change };
    this.#isDirty = true;
  }

  #read(): BookState | null {
    if (this.#state === undefined) this.#state = this.#store.state() as unknown as BookState | null; // as `change` wrote it
    return this.#state;
  }

  // ---- policies -----------------------------------------------------------------------------------------------------

  /** Notes what the run's function holds its runs to, and what the key is called. */
  note(request: AdmitRequest): void {
    const { policies, key } = this.state;
    const noted = withPolicy(policies, request);
    const shown = request.key ?? key;
    if (noted !== policies || shown !== key) this.change({ policies: noted, key: shown });
  }

  /** @throws Error for a function none of whose runs was here */
  policyOf(functionId: string): GatePolicy {
    const known = this.state.policies[functionId];
    if (!known) throw new Error(`no run of the function "${functionId}" has come to this key`);
    return known.policy;
  }

  // ---- holders ------------------------------------------------------------------------------------------------------

  get held(): number {
    return this.#store.count(HELD);
  }

  holder(leaseId: string): Holder | undefined {
    return this.#of(leaseId, HELD, holderOf);
  }

  /** Those that are to be asked first. */
  holders(limit: number): Holder[] {
    return this.#store.list(HELD, limit).map(holderOf);
  }

  /** In the place of what waits under this id. */
  putHolder({ leaseId, checkAt, isCancelled, ...rest }: Holder): void {
    const value: JsonValue = isCancelled ? { ...rest, isCancelled } : rest;
    this.#store.put({ id: leaseId, list: HELD, rank: checkAt, value });
  }

  // ---- the line -----------------------------------------------------------------------------------------------------

  get waiting(): number {
    return this.#store.count(LINE);
  }

  waiter(leaseId: string): Waiting | undefined {
    return this.#of(leaseId, LINE, waitingOf);
  }

  get head(): Waiting | undefined {
    return this.waiting === 0 ? undefined : this.line(1)[0];
  }

  line(limit: number): Waiting[] {
    return this.#store.list(LINE, limit).map(waitingOf);
  }

  /** How many stand before it. */
  before({ leaseId, rank }: Waiting): number {
    return this.#store.before(LINE, { id: leaseId, rank });
  }

  putWaiting({ leaseId, rank, order, reserved, ...rest }: Waiting): void {
    const value: JsonValue = { ...rest, ...(order && { order: { ...order } }), ...(reserved && { reserved }) };
    this.#store.put({ id: leaseId, list: LINE, rank, value });
  }

  // ---- decisions ----------------------------------------------------------------------------------------------------

  decision(leaseId: string): Decision | undefined {
    return this.#of(leaseId, DECIDED, (item) => item.value as unknown as Decision);
  }

  /** In the place of what waits under this id. */
  decide(leaseId: string, { refusal }: Decision, forgetAt: number): void {
    this.#store.put({ id: leaseId, list: DECIDED, rank: forgetAt, value: { refusal: refusal && { ...refusal } } });
  }

  get decided(): number {
    return this.#store.count(DECIDED);
  }

  /** When the first decision is forgotten; null when there is none. */
  get forgetAt(): number | null {
    return this.decided === 0 ? null : (this.#store.list(DECIDED, 1)[0]?.rank ?? null);
  }

  forget(now: number, limit: number): void {
    for (const { id, rank } of this.#store.list(DECIDED, limit)) if (rank <= now) this.#store.delete(id);
  }

  // ---- notices ------------------------------------------------------------------------------------------------------

  get untold(): number {
    return this.#store.count(NOTICES);
  }

  /** In the order in which they are due. */
  notices(limit: number, after?: Notice): Notice[] {
    const place: KeyPlace | undefined = after && { id: noticeId(after), rank: after.at };
    return this.#store.list(NOTICES, limit, place).map(noticeOf);
  }

  hasNotice(kind: Notice["kind"], leaseId: string): boolean {
    return this.#store.item(noticeId({ kind, leaseId })) !== undefined;
  }

  putNotice({ at, ...notice }: Notice): void {
    const { refusal, ...rest } = notice;
    const value: JsonValue = refusal ? { ...rest, refusal: { ...refusal } } : rest;
    this.#store.put({ id: noticeId(notice), list: NOTICES, rank: at, value });
  }

  deleteNotice(kind: Notice["kind"], leaseId: string): void {
    if (this.untold > 0) this.#store.delete(noticeId({ kind, leaseId }));
  }

  // -------------------------------------------------------------------------------------------------------------------

  /** Takes a lease out, wherever it is. */
  delete(leaseId: string): void {
    this.#store.delete(leaseId);
  }

  /** Whether nobody holds or waits, and nothing has to be remembered or told. */
  get isEmpty(): boolean {
    return this.#store.isEmpty();
  }

  #of<T>(id: string, list: string, read: (item: KeyItem) => T): T | undefined {
    if (this.#store.count(list) === 0) return undefined;
    const item = this.#store.item(id);
    return item?.list === list ? read(item) : undefined;
  }
}

/** Lease ids begin with a run's. */
function noticeId({ kind, leaseId }: Pick<Notice, "kind" | "leaseId">): string {
  return `${kind}/${leaseId}`;
}

function holderOf({ id, rank, value }: KeyItem): Holder {
  return { ...(value as unknown as Omit<Holder, "leaseId" | "checkAt">), leaseId: id, checkAt: rank };
}

export function waitingOf({ id, rank, value }: KeyItem): Waiting {
  return { ...(value as unknown as Omit<Waiting, "leaseId" | "rank">), leaseId: id, rank };
}

function noticeOf({ rank, value }: KeyItem): Notice {
  return { ...(value as unknown as Omit<Notice, "at">), at: rank };
}
