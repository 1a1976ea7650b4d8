import type { Host } from "./host.ts";
import type { LeaseBook, Notice } from "./lease-book.ts";
import { Underway } from "./underway.ts";

const AT_ONCE = 50;
const TOLD_MAX = 50;
/** more than can be on their way, or have been heard */
const IN_HAND = AT_ONCE + TOLD_MAX;
/** A run that does not answer holds nobody else up. */
const LOST_AFTER_MS = 30_000;
const LOOK_AGAIN_MS = 5_000;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 5 * 60_000;
/** A run that fails once is restarted, or a Worker deployed; one that keeps failing somebody should look at. */
const REPORTED_FAILURES = 5;

/** What came of a notice that was heard. */
export type Heard = "done" | "declined" | "gone";

/**
 * Tells runs what their key has decided, until each has heard it. Notices are stored before; who has heard is stored after,
 * with what is written next anyway: a key that forgets it tells once more.
 */
export class LeaseNotices {
  readonly #host: Host;
  readonly #book: () => LeaseBook;
  readonly #heard: (notice: Notice, heard: Heard) => void;
  readonly #underway = new Underway(LOST_AFTER_MS);
  readonly #work = new Set<Promise<void>>();
  /** notices that have been heard, and are stored still; never so many that they hide the others */
  readonly #told = new Map<string, Notice>();

  /** @param heard called in the turn in which a run has answered; the notice is still stored */
  constructor(host: Host, book: () => LeaseBook, heard: (notice: Notice, heard: Heard) => void) {
    this.#host = host;
    this.#book = book;
    this.#heard = heard;
  }

  /** Deletes, in a transaction of the book, what need not be said any more. */
  forgetTold(): void {
    for (const { kind, leaseId } of this.#told.values()) this.#book().deleteNotice(kind, leaseId);
    this.#told.clear();
  }

  /** Deletes, in a transaction of the book, what nobody has to hear any more. */
  withdraw(kind: Notice["kind"], leaseId: string): void {
    this.#book().deleteNotice(kind, leaseId);
    this.#told.delete(idOf({ kind, leaseId }));
  }

  /** Begins all that is due, as far as there is room. */
  start(): void {
    if (this.#book().untold === 0) return this.#told.clear();
    const now = this.#host.now();
    this.#putOffLost(now);
    let room = AT_ONCE - this.#underway.count(now);
    for (const notice of this.#due(now)) {
      if (room-- <= 0) return;
      const work = this.#tell(notice, now).finally(() => this.#work.delete(work));
      this.#work.add(work);
    }
  }

  /** What never came back gives way to the others. */
  #putOffLost(now: number): void {
    for (const notice of this.#due(now).slice(0, AT_ONCE))
      if (this.#underway.isLost(idOf(notice), now))
        this.#failed(notice, new Error(`no answer in ${LOST_AFTER_MS} ms`), () => this.#underway.forget(idOf(notice)));
  }

  /** When this has to be looked at again, if nothing else happens; null when nothing is left. */
  nextAt(now: number): number | null {
    if (this.#book().untold === 0) return null;
    const first = this.#book().notices(IN_HAND + 1);
    const next = first.find((notice) => !this.#isInHand(notice, now));
    // what is due now begins as soon as there is room; what is on its way may die with this object
    const dueAt = Math.max(next?.at ?? Number.POSITIVE_INFINITY, now + RETRY_MIN_MS);
    return first.some((notice) => this.#isInHand(notice, now)) ? Math.min(dueAt, now + LOOK_AGAIN_MS) : dueAt;
  }

  /** Resolves when all that is on its way, and what follows upon it, has come to an end. */
  async rest(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  #due(now: number): Notice[] {
    return this.#book()
      .notices(IN_HAND + AT_ONCE)
      .filter((notice) => notice.at <= now && !this.#isInHand(notice, now));
  }

  /** Whether a notice is on its way, or has been heard. */
  #isInHand(notice: Notice, now: number): boolean {
    return this.#told.has(idOf(notice)) || this.#underway.has(idOf(notice), now);
  }

  async #tell(notice: Notice, now: number): Promise<void> {
    const end = this.#underway.begin(idOf(notice), now);
    try {
      const heard = await this.#perform(notice);
      end();
      if (notice.kind === "admitted" && heard === "done" && this.#told.size < TOLD_MAX)
        this.#told.set(idOf(notice), notice);
      else this.#heard(notice, heard);
    } catch (error) {
      this.#failed(notice, error, end);
    }
    this.start();
  }

  async #perform({ kind, env, runId, leaseId, refusal, reason }: Notice): Promise<Heard> {
    const run = this.#host.objects.run(env, runId);
    if (kind === "cancel") return (await run.cancel(reason ?? "")).kind === "cancelled" ? "done" : "gone";
    if (kind === "admitted")
      return (await run.admitted(leaseId, this.#host.name)).kind === "declined" ? "declined" : "done";
    if (refusal) await run.refused(leaseId, this.#host.name, refusal);
    return "done";
  }

  /** @param end not called when this cannot be stored either: the notice then rests until it counts as lost */
  #failed(notice: Notice, error: unknown, end: () => void): void {
    const failures = notice.failures + 1;
    const at = this.#host.now() + Math.min(RETRY_MIN_MS * 2 ** notice.failures, RETRY_MAX_MS);
    if (failures === REPORTED_FAILURES)
      this.#host.report(`key ${this.#host.name}: the run ${notice.runId} cannot be told "${notice.kind}"`, error);
    try {
      const book = this.#book();
      if (book.hasNotice(notice.kind, notice.leaseId)) book.write(() => book.putNotice({ ...notice, failures, at }));
      end();
    } catch (failure) {
      this.#host.report(`key ${this.#host.name}: a notice could not be put off`, failure);
    }
  }
}

function idOf({ kind, leaseId }: Pick<Notice, "kind" | "leaseId">): string {
  return `${kind}/${leaseId}`;
}
