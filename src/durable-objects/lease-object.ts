/**
 * A key that lets runs in: concurrency, throttle, singleton or pause. It decides and stores; runs are told afterwards, and
 * again until they have heard it.
 *
 * 1. Everything goes by lease id: what comes twice changes nothing, and gets the answer that it got.
 * 2. Strictly by the line: rank, then lease id. Whoever asks while others wait, waits behind those who come before it.
 * 3. [G7] A lease becomes free when its run gives it back, has no use for it, or, asked, does not name it. Never by time.
 * 4. Runs are asked only while somebody waits, about leases they have had for a while. A key at which nobody waits does nothing.
 * 5. While somebody waits or is to be told something the alarm is set.
 */
import type { GatePolicy, Refusal } from "../engine/lease.ts";
import { concurrency } from "../flow-control/concurrency.ts";
import { fifoRank, fifoRankAfter, isFifo } from "../flow-control/fifo.ts";
import { pause } from "../flow-control/pause.ts";
import { singleton } from "../flow-control/singleton.ts";
import { idleAt, throttle, throttleInstant, throttleTaken } from "../flow-control/throttle.ts";
import { WAIT, type Verdict } from "../flow-control/verdict.ts";
import { groupBy } from "../protocol/group-by.ts";
import { FifoWatch } from "./fifo-watch.ts";
import type { Host } from "./host.ts";
import { LeaseBook, type Holder, type LeaseOwner, type Notice, type ShownTo, type Waiting } from "./lease-book.ts";
import { LeaseNotices, type Heard } from "./lease-notices.ts";
import type { AdmitReply, AdmitRequest, LeaseObjectApi, LineView, PlaceView } from "./objects.ts";
import { Underway } from "./underway.ts";

/** Let in by one commit; the rest of a long line follows at once. */
const LET_IN_AT_ONCE = 100;
/** How long a run has had a lease before it is asked for the first time, and how long at most between two questions. */
const CHECK_AFTER_MS = 15_000;
const CHECK_EVERY_MAX_MS = 5 * 60_000;
const CHECKS_AT_ONCE = 50;
const CHECK_LOST_AFTER_MS = 30_000;
/** Lines shorter than this are nobody's concern: nothing is asked, nothing is shown. */
const LINE_SHOWS_MS = 1_000;
const LINE_GONE_MS = 60_000;
const SHOWN_AT_ONCE = 100;
/** How long a decision is remembered at least: far longer than anybody asks again after a lost answer. */
const REMEMBER_MS = 60 * 60_000;
const FORGET_EVERY_MS = 10_000;
const FORGET_AT_ONCE = 5_000;
/** A key that is not used goes after this: a million keys do not stay. */
const LINGER_MS = 10 * 60_000;
/** An alarm's work may take this long before the handler leaves it to itself. */
const ALARM_HOLD_MS = 10_000;
const RETRY_MS = 5_000;
const VIEW_HOLDERS = 100;
const VIEW_WAITERS = 20;
/** A view looks at so many of a line for the one that has waited longest. */
const VIEW_LINE = 1_000;

export class LeaseObject implements LeaseObjectApi {
  readonly #host: Host;
  #book: LeaseBook;
  readonly #notices: LeaseNotices;
  readonly #watch: FifoWatch;
  readonly #checks = new Underway(CHECK_LOST_AFTER_MS);
  /** undefined until it was asked for */
  #alarmAt: number | null | undefined;
  #usedAt = Number.NEGATIVE_INFINITY;
  /** since when nobody waits, as far as this object remembers */
  #emptySince: number | null = null;
  /** something of an alarm's work failed, and is tried again */
  #retryAt: number | null = null;

  constructor(host: Host) {
    this.#host = host;
    this.#book = new LeaseBook(host.stores.key());
    this.#notices = new LeaseNotices(
      host,
      () => this.#book,
      (notice, heard) => this.#heard(notice, heard),
    );
    this.#watch = new FifoWatch(host, () => this.#routedFurther());
  }

  async admit(request: AdmitRequest): Promise<AdmitReply> {
    await this.#load();
    await this.#checkInTheWay(request);
    const now = (this.#usedAt = this.#host.now());
    const reply = this.#book.write(() => this.#replyTo(request, now));
    this.#goOn();
    return reply;
  }

  async reserve(requests: AdmitRequest[]): Promise<void> {
    await this.#load();
    const now = (this.#usedAt = this.#host.now());
    const book = this.#book;
    book.write(() => {
      for (const request of requests) {
        const { leaseId } = request;
        if (book.holder(leaseId) ?? book.waiter(leaseId) ?? book.decision(leaseId)) continue;
        book.note(request);
        book.putWaiting({ ...this.#newcomer(request, now), reserved: { checkAt: now + CHECK_AFTER_MS } });
      }
      this.#letIn(now);
    });
    this.#goOn();
  }

  async release(leaseId: string): Promise<void> {
    await this.#load();
    const book = this.#book;
    const owner = book.holder(leaseId) ?? book.waiter(leaseId);
    if (!owner) return;
    const now = (this.#usedAt = this.#host.now());
    book.write(() => {
      this.#takeOut(owner, now);
      this.#letIn(now);
    });
    this.#goOn();
  }

  async open(until: number): Promise<void> {
    await this.#load();
    const book = this.#book;
    const openedUntil = Math.max(until, book.state.openedUntil ?? until);
    book.write(() => {
      if (openedUntil !== book.state.openedUntil) book.change({ openedUntil });
      this.#letIn(this.#host.now());
    });
    this.#goOn();
  }

  async line(): Promise<LineView | null> {
    const book = this.#book;
    if (book.isUnknown) return null;
    const now = this.#host.now();
    const holders = book
      .holders(VIEW_HOLDERS)
      .map(({ leaseId, runId, functionId, since }) => ({ leaseId, runId, functionId, since }));
    const line = book.line(VIEW_LINE);
    const [head] = line;
    const functionId = head?.functionId ?? holders[0]?.functionId ?? Object.keys(book.state.policies)[0];
    return {
      policy: functionId === undefined ? null : book.policyOf(functionId),
      holders: holders.sort((a, b) => a.since - b.since),
      held: book.held,
      waiters: line.slice(0, VIEW_WAITERS).map(({ leaseId, runId, functionId: of, since }) => ({
        leaseId,
        runId,
        functionId: of,
        since,
      })),
      waiting: book.waiting,
      oldestSince: head ? Math.min(...line.map(({ since }) => since)) : null,
      nextAt: head ? this.#earliestAt(head, 1, now) : null,
    };
  }

  async place(leaseId: string): Promise<PlaceView | null> {
    const waiting = this.#book.waiter(leaseId);
    const line = waiting && (await this.line());
    if (!line) return null;
    const place = this.#book.before(waiting) + 1;
    return { ...line, place, earliestAt: this.#earliestAt(waiting, place, this.#host.now()) };
  }

  async alarm(): Promise<void> {
    this.#alarmAt = null;
    this.#retryAt = null;
    try {
      const now = this.#host.now();
      this.#book.write(() => {
        this.#book.forget(now, FORGET_AT_ONCE);
        this.#notices.forgetTold();
        this.#letIn(now);
      });
      if (await this.#goAway(now)) return;
      this.#notices.start();
      await this.#host.wait(ALARM_HOLD_MS, this.#work(now));
      this.#goOn();
    } catch (error) {
      this.#host.report(`key ${this.#host.name}: an alarm failed and is repeated`, error);
      this.#setAlarm(this.#host.now() + RETRY_MS);
    }
  }

  /** One part that fails does not keep the others. */
  async #work(now: number): Promise<void> {
    const parts = [this.#notices.rest(), this.#checkDue(now), this.#checkReserved(now), this.#show(now)];
    for (const part of await Promise.allSettled(parts))
      if (part.status === "rejected") {
        this.#host.report(`key ${this.#host.name}: something failed and is tried again`, part.reason);
        this.#retryAt = this.#host.now() + RETRY_MS;
      }
  }

  // ---- who is let in ------------------------------------------------------------------------------------------------

  #replyTo(request: AdmitRequest, now: number): AdmitReply {
    const { leaseId } = request;
    const book = this.#book;
    const waiter = book.waiter(leaseId);
    if (waiter?.reserved) book.putWaiting({ ...waiter, reserved: undefined });
    else if (!(waiter ?? book.holder(leaseId) ?? book.decision(leaseId))) this.#take(request, now);
    this.#letIn(now, leaseId);
    if (book.waiter(leaseId)) return { kind: "waiting" };
    const refusal = book.decision(leaseId)?.refusal;
    return refusal ? { kind: "refused", refusal } : { kind: "admitted" };
  }

  /** Lets a newcomer in, or puts it where it belongs. */
  #take(request: AdmitRequest, now: number): void {
    const book = this.#book;
    book.note(request);
    const newcomer = this.#newcomer(request, now);
    const { leaseId, rank } = newcomer;
    const latest = book.policyOf(request.functionId);
    if (latest.rule === "singleton") return this.#takeSingleton(latest.mode, newcomer, now);
    const head = book.head;
    const isFirst = !head || rank < head.rank || (rank === head.rank && leaseId < head.leaseId);
    if (isFirst && this.#verdict(newcomer, now).kind === "admit") this.#enter(newcomer, now);
    else book.putWaiting(newcomer);
  }

  #newcomer(request: AdmitRequest, now: number): Waiting {
    const { leaseId, env, runId, functionId, order } = request;
    return { leaseId, env, runId, functionId, rank: this.#rankOf(request), since: now, ...(order && { order }) };
  }

  #rankOf({ functionId, policy, rank, order }: AdmitRequest): number {
    if (policy.rule === "pause") return policy.at; // runs of one pause are let go together
    if (!isFifo(this.#book.policyOf(functionId))) return rank;
    const { lastRank = 0 } = this.#book.state;
    if (!order) return fifoRankAfter(lastRank);
    const own = fifoRank(order);
    if (own > lastRank) this.#book.change({ lastRank: own });
    return own;
  }

  #takeSingleton(mode: "skip" | "cancel" | "queue", newcomer: Waiting, now: number): void {
    const book = this.#book;
    const [holder = null] = book.holders(1);
    const waiter = book.head ?? null;
    const verdict = singleton(mode, holder, waiter, newcomer);
    if (verdict.kind === "admit") return this.#enter(newcomer, now);
    if (verdict.kind === "refuse") return book.decide(newcomer.leaseId, verdict, now + REMEMBER_MS);
    if (waiter && verdict.refusal) this.#refuse(waiter, verdict.refusal, now);
    if (holder && verdict.cancels && !holder.isCancelled) {
      const reason = `the newer run ${newcomer.runId} of its singleton came`;
      book.putNotice({ ...noticeTo(holder, now), kind: "cancel", reason });
      book.putHolder({ ...holder, isCancelled: true });
    }
    book.putWaiting(newcomer);
  }

  #refuse(waiter: Waiting, refusal: Refusal, now: number): void {
    this.#book.decide(waiter.leaseId, { refusal }, now + REMEMBER_MS);
    this.#book.putNotice({ ...noticeTo(waiter, now), kind: "refused", refusal });
  }

  /** Lets in from the head of the line whoever can be, and stores that they are to be told, except the one that asks. */
  #letIn(now: number, asking?: string): void {
    for (let count = 0; count < LET_IN_AT_ONCE; count++) {
      const { head } = this.#book;
      if (!head || this.#verdict(head, now).kind !== "admit") return;
      this.#enter(head, now);
      if (head.leaseId !== asking) this.#book.putNotice({ ...noticeTo(head, now), kind: "admitted" });
    }
  }

  #verdict({ functionId, rank, order, reserved }: Waiting, now: number): Verdict {
    const { state, held } = this.#book;
    const policy = this.#book.policyOf(functionId);
    if (reserved) return WAIT; // its run will ask
    switch (policy.rule) {
      case "pause":
        return pause({ at: rank }, state.openedUntil);
      case "throttle":
        return throttle(policy, state.use, now);
      case "singleton":
        return concurrency({ limit: 1 }, held);
      case "concurrency":
        // with an order, only when nobody can come before it any more
        if (order && held < policy.limit && !this.#watch.isRouted(order, now)) return WAIT;
        return concurrency(policy, held);
    }
  }

  /** The rule has admitted it. */
  #enter({ leaseId, env, runId, functionId }: Waiting, now: number): void {
    const book = this.#book;
    const policy = book.policyOf(functionId);
    switch (policy.rule) {
      case "pause":
        return book.delete(leaseId);
      case "throttle":
        book.change({ use: throttleTaken(policy, book.state.use, now) });
        return book.decide(leaseId, { refusal: null }, now + Math.max(REMEMBER_MS, policy.periodMs));
      default:
        book.putHolder({ leaseId, env, runId, functionId, since: now, checkAt: now + CHECK_AFTER_MS, checks: 0 });
    }
  }

  /** A lease is free, or out of the line; nobody has to hear of it any more. */
  #takeOut({ leaseId, functionId }: LeaseOwner, now: number): void {
    // an event that is routed again takes no place for a run that is over
    if (isFifo(this.#book.policyOf(functionId))) this.#book.decide(leaseId, { refusal: null }, now + REMEMBER_MS);
    else this.#book.delete(leaseId);
    this.#notices.withdraw("admitted", leaseId);
    this.#notices.withdraw("cancel", leaseId);
  }

  #heard(notice: Notice, heard: Heard): void {
    const book = this.#book;
    const { kind, leaseId } = notice;
    const now = this.#host.now();
    book.write(() => {
      book.deleteNotice(kind, leaseId);
      this.#notices.forgetTold();
      const holder = book.holder(leaseId);
      if (holder && heard === "declined") this.#takeOut(holder, now);
      if (holder && heard === "gone") book.putHolder({ ...holder, checkAt: now }); // ended, and not given back yet
      this.#letIn(now);
    });
    this.#goOn();
  }

  // ---- whether leases are still held [G7] -----------------------------------------------------------------------------

  /** Where nobody waits, since whoever finds a holder is sent away, it is asked when one is found. */
  async #checkInTheWay(request: AdmitRequest): Promise<void> {
    const book = this.#book;
    if (request.policy.rule !== "singleton" || book.decision(request.leaseId)) return;
    const [holder] = book.holders(1);
    if (!holder || holder.leaseId === request.leaseId || holder.checkAt > this.#host.now()) return;
    await this.#check([holder]);
  }

  async #checkDue(now: number): Promise<void> {
    if (this.#book.waiting === 0) return;
    this.#putOffLost(now);
    const due = this.#book
      .holders(CHECKS_AT_ONCE)
      .filter(({ leaseId, checkAt }) => checkAt <= now && !this.#checks.has(leaseId, now));
    await Promise.all([...groupBy(due, ({ runId }) => runId).values()].map((holders) => this.#check(holders)));
  }

  /** A place whose run does not come, though its event has been routed, is given up. */
  async #checkReserved(now: number): Promise<void> {
    const { head } = this.#book;
    if (!head?.reserved || head.reserved.checkAt > now || (head.order && !this.#watch.isRouted(head.order, now)))
      return;
    const { leaseId } = head;
    const named = await this.#host.objects.run(head.env, head.runId).holding([leaseId]);
    const book = this.#book;
    const waiter = book.waiter(leaseId);
    if (!waiter?.reserved) return;
    book.write(() => {
      const at = this.#host.now();
      if (named.includes(leaseId)) book.putWaiting({ ...waiter, reserved: { checkAt: at + CHECK_AFTER_MS } });
      else book.delete(leaseId);
      this.#letIn(at);
    });
    this.#goOn();
  }

  /** A log has said that more has been routed. */
  #routedFurther(): void {
    this.#book.write(() => this.#letIn(this.#host.now()));
    this.#goOn();
  }

  /** Runs that have never answered give way to the others. */
  #putOffLost(now: number): void {
    const first = this.#book.holders(CHECKS_AT_ONCE).map(({ leaseId }) => leaseId);
    const lost = first.filter((leaseId) => this.#checks.isLost(leaseId, now));
    if (lost.length === 0) return;
    this.#checked(lost, () => true);
    for (const leaseId of lost) this.#checks.forget(leaseId);
  }

  /** Asks a run which of these leases it has, and takes back the others. */
  async #check(holders: Holder[]): Promise<void> {
    const [first] = holders;
    if (!first) return;
    const ends = holders.map(({ leaseId }) => this.#checks.begin(leaseId, this.#host.now()));
    try {
      const ids = holders.map(({ leaseId }) => leaseId);
      const named = new Set(await this.#host.objects.run(first.env, first.runId).holding(ids));
      this.#checked(ids, (leaseId) => named.has(leaseId));
    } catch (error) {
      this.#host.report(
        `key ${this.#host.name}: the run ${first.runId} does not say whether it holds its lease`,
        error,
      );
      this.#checked(
        holders.map(({ leaseId }) => leaseId),
        () => true,
      );
    } finally {
      for (const end of ends) end();
    }
    this.#goOn();
  }

  #checked(ids: string[], isHeld: (leaseId: string) => boolean): void {
    const book = this.#book;
    const now = this.#host.now();
    book.write(() => {
      for (const holder of ids.flatMap((leaseId) => book.holder(leaseId) ?? []))
        if (isHeld(holder.leaseId)) {
          const checkAt = now + Math.min(CHECK_AFTER_MS * 2 ** holder.checks, CHECK_EVERY_MAX_MS);
          book.putHolder({ ...holder, checkAt, checks: holder.checks + 1 });
        } else this.#takeOut(holder, now);
      this.#letIn(now);
    });
  }

  // ---- what people see ------------------------------------------------------------------------------------------------

  /** When it can be let in at the earliest; null when that does not depend on time alone. */
  #earliestAt({ functionId }: Waiting, place: number, now: number): number | null {
    const policy: GatePolicy = this.#book.policyOf(functionId);
    return policy.rule === "throttle" ? throttleInstant(policy, this.#book.state.use, now, place) : null;
  }

  /** Names this key in the lists of functions whose runs wait here, and takes it out again once nobody does. */
  async #show(now: number): Promise<void> {
    const { env, name, objects } = this.#host;
    for (const to of this.#hidden(SHOWN_AT_ONCE, now)) {
      await objects.lines(to.env, to.functionId).opened({ env, object: name, key: this.#book.state.key });
      this.#book.write(() => this.#book.change({ shownTo: [...this.#book.state.shownTo, to] }));
    }
    if (this.#emptySince === null || this.#emptySince + LINE_GONE_MS > now) return;
    for (const { env: ownEnv, functionId } of this.#book.state.shownTo) {
      await objects.lines(ownEnv, functionId).closed(name);
      const rest = this.#book.state.shownTo.filter((to) => to.env !== ownEnv || to.functionId !== functionId);
      this.#book.write(() => this.#book.change({ shownTo: rest }));
    }
  }

  /** Functions whose runs have waited here for a while without being named, among the first of the line. */
  #hidden(limit: number, now: number): ShownTo[] {
    const { head, state } = this.#book;
    if (!head) return [];
    const line = limit === 1 ? [head] : this.#book.line(limit);
    const hidden = line.filter(
      ({ env, functionId, since }) =>
        since + LINE_SHOWS_MS <= now && !state.shownTo.some((to) => to.env === env && to.functionId === functionId),
    );
    const each = new Map(hidden.map(({ env, functionId }) => [`${env}/${functionId}`, { env, functionId }]));
    return [...each.values()];
  }

  // ---- the alarm ------------------------------------------------------------------------------------------------------

  /** What follows upon every change: runs are told, and the alarm is set. */
  #goOn(): void {
    const now = this.#host.now();
    const { waiting, untold } = this.#book;
    this.#emptySince = waiting > 0 ? null : (this.#emptySince ?? now);
    this.#notices.start();
    if (waiting === 0 && untold === 0 && this.#alarmAt !== null) return; // nothing is due before it is
    const at = this.#dueAt(now);
    const setTo = this.#alarmAt ?? Number.NEGATIVE_INFINITY;
    const isEarly = setTo > now && setTo <= (at ?? now); // one that is overdue may have been lost
    if (at !== null && !isEarly) this.#setAlarm(at);
  }

  /** When something has to be done even if nobody comes; null when never. */
  #dueAt(now: number): number | null {
    const book = this.#book;
    const times = [this.#notices.nextAt(now), this.#lineDueAt(now), this.#retryAt];
    if (book.forgetAt !== null) times.push(Math.max(book.forgetAt, now + FORGET_EVERY_MS));
    if (book.waiting === 0 && book.state.shownTo.length > 0)
      times.push(this.#retryAt ?? Math.max((this.#emptySince ?? now) + LINE_GONE_MS, now));
    if (this.#mayGo) times.push(Math.max(this.#usedAt + LINGER_MS, idleAt(book.state.use), now));
    const due = times.filter((at) => at !== null);
    return due.length === 0 ? null : Math.ceil(Math.min(...due));
  }

  #lineDueAt(now: number): number | null {
    const { head } = this.#book;
    if (!head) return null;
    const verdict = this.#verdict(head, now);
    if (verdict.kind === "admit") return now; // more than are let in at once
    const lastsAt = head.since + LINE_SHOWS_MS;
    const times = [verdict.until];
    if (this.#hidden(1, Math.max(now, lastsAt)).length > 0) times.push(this.#retryAt ?? Math.max(lastsAt, now));
    // the logs are asked in the background, and may not answer
    if (head.reserved) times.push(Math.max(head.reserved.checkAt, this.#retryAt ?? now + LINE_SHOWS_MS));
    else if (head.order) times.push(now + CHECK_AFTER_MS);
    const holders = this.#book.holders(this.#checks.count(now) + 1);
    const next = holders.find(({ leaseId }) => !this.#checks.has(leaseId, now));
    if (next) times.push(Math.max(next.checkAt, lastsAt, this.#retryAt ?? now));
    if (!next && holders.length > 0) times.push(now + CHECK_LOST_AFTER_MS);
    const due = times.filter((at) => at !== null);
    return due.length === 0 ? null : Math.min(...due);
  }

  /** Whether nothing is here but what a new object would come to by itself. */
  get #mayGo(): boolean {
    const { isEmpty, state } = this.#book;
    // a pause that is over has to be known to runs that ask late
    return isEmpty && state.openedUntil === null && state.shownTo.length === 0;
  }

  /** No await between the look and the end of all: whoever comes meanwhile finds the key as it was, or a new one. */
  async #goAway(now: number): Promise<boolean> {
    if (!this.#mayGo || this.#usedAt + LINGER_MS > now || idleAt(this.#book.state.use) > now) return false;
    const gone = this.#host.wipe();
    this.#book = new LeaseBook(this.#host.stores.key());
    await gone;
    return true;
  }

  /** Not inside its handler, where it reads as unset. */
  async #load(): Promise<void> {
    if (this.#alarmAt !== undefined) return;
    const at = await this.#host.alarm();
    if (this.#alarmAt === undefined) this.#alarmAt = at;
  }

  #setAlarm(at: number): void {
    this.#alarmAt = at;
    this.#host.setAlarm(at);
  }
}

/** What is said of a lease, to be told at once. */
function noticeTo({ leaseId, env, runId }: LeaseOwner, now: number): Omit<Notice, "kind"> {
  return { leaseId, env, runId, at: now, failures: 0 };
}
