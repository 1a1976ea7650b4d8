/**
 * One bulk cancellation: finds the runs of its window and cancels them, in pages from its alarm.
 *
 * 1. Each run is counted once. A page is counted together with the step beyond it, so one that is repeated after a crash was
 *    not counted before. What it had cancelled by then says so in its reason. Runs that two passes may find are remembered.
 * 2. What was cancelled before a stop is counted, and stays cancelled.
 * 3. A run that cannot be asked holds nobody up: it is asked again when all others have been.
 */
import { matches } from "../engine/expression.ts";
import { isEnded } from "../engine/run.ts";
import type { JsonValue } from "../protocol/json.ts";
import { RETENTION_DEFAULT_MS } from "../protocol/limits.ts";
import {
  beginsAt,
  FIRST,
  freshFrom,
  lateFrom,
  nextLog,
  nextPass,
  windowOf,
  type Pass,
  type Progress,
  type Window,
} from "./cancellation-passes.ts";
import type { Host } from "./host.ts";
import type {
  CancellationObjectApi,
  CancellationRequest,
  CancellationView,
  EventPlace,
  FoundRun,
  RunPlace,
} from "./objects.ts";
import type { KeyStore } from "./storage/stores.ts";

/** Each is a request to another object. */
const CANCELS_AT_ONCE = 50;
/** A run that has not answered by then is asked again later. */
const ANSWER_MAX_MS = 30_000;
/** Pages of one alarm, and runs after which the next goes on: an invocation may make 10,000 requests (cloudflare-facts §4). */
const PAGES_PER_ALARM = 20;
const RUNS_PER_ALARM = 1_000;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 60_000;

/** Lists of its store: runs that were counted and may be found again, and runs that could not be asked. */
const COUNTED = "counted";
const AGAIN = "again";

interface State {
  request: CancellationRequest;
  isListed: boolean;
  /** null: all is done, or stopped */
  progress: Progress | null;
  isStopped: boolean;
  cancelled: number;
  alreadyEnded: number;
  endedAt: number | null;
  /** rounds of `again` in a row that have got nowhere */
  failures: number;
}

/** What has become of a run; null: it is none of those that are to be cancelled. */
type Outcome = { runId: string; kind: "cancelled" | "ended" | "failed" | null; createdAt: number | null };

/** Where a page is read. */
interface PageOf {
  pass: Pass;
  log: string;
  window: Window;
}

/** A page of runs, and where the next begins. */
interface Page {
  outcomes: Outcome[];
  next: Progress | null;
}

export class CancellationObject implements CancellationObjectApi {
  readonly #host: Host;
  #store: KeyStore;

  constructor(host: Host) {
    this.#host = host;
    this.#store = host.stores.key();
  }

  async begin(request: CancellationRequest): Promise<CancellationView> {
    const known = this.#state();
    if (known) return this.#viewOf(known);
    const state: State = {
      request,
      isListed: false,
      progress: FIRST,
      isStopped: false,
      cancelled: 0,
      alreadyEnded: 0,
      endedAt: null,
      failures: 0,
    };
    this.#put(state);
    this.#host.setAlarm(this.#host.now());
    // so that whoever has the answer finds it; should this fail, the alarm sees to it
    await this.#list(state).catch((error) => this.#report("could not be listed", error));
    return this.#viewOf(this.#state() ?? state);
  }

  async view(): Promise<CancellationView | null> {
    const state = this.#state();
    return state && this.#viewOf(state);
  }

  async stop(): Promise<CancellationView | null> {
    const state = this.#state();
    if (!state) return null;
    if (state.progress) this.#end(state, true);
    return this.view();
  }

  async alarm(): Promise<void> {
    const state = this.#state();
    if (!state) return;
    try {
      if (state.progress) await this.#work();
      else await this.#expire(state);
    } catch (error) {
      this.#report("goes on in a moment", error);
      this.#host.setAlarm(this.#host.now() + RETRY_MIN_MS);
    }
  }

  async #work(): Promise<void> {
    for (let pages = 0, runs = 0; pages < PAGES_PER_ALARM && runs < RUNS_PER_ALARM; pages++) {
      const state = this.#state();
      if (!state?.progress) return;
      if (!state.isListed) await this.#list(state);
      const { progress, request } = state;
      const startAt = beginsAt(progress.pass, request);
      if (startAt > this.#host.now()) return this.#host.setAlarm(startAt);
      const page = progress.pass === "again" ? await this.#askAgain(request) : await this.#readPage(progress, request);
      this.#count(page, progress.pass);
      runs += page.outcomes.length;
      const { failures = 0, progress: next } = this.#state() ?? {};
      if (next && failures > 0)
        return this.#host.setAlarm(this.#host.now() + Math.min(RETRY_MIN_MS * 2 ** failures, RETRY_MAX_MS));
    }
    this.#host.setAlarm(this.#host.now());
  }

  /** Counts a page, and goes on to the next. Whoever has stopped it meanwhile has stopped what comes after. */
  #count({ outcomes, next }: Page, pass: Pass): void {
    const state = this.#state();
    if (!state) return;
    const { request } = state;
    const times = (wanted: Outcome["kind"]) => outcomes.filter(({ kind }) => kind === wanted).length;
    const isVain = next?.pass === "again" && outcomes.length > 0 && times("failed") === outcomes.length;
    const after: State = {
      ...state,
      progress: state.progress && next,
      cancelled: state.cancelled + times("cancelled"),
      alreadyEnded: state.alreadyEnded + times("ended"),
      failures: isVain ? state.failures + 1 : 0,
    };
    this.#store.transaction(() => {
      for (const outcome of outcomes) this.#note(outcome, pass, request);
      if (state.progress && next === null) this.#end(after, false);
      else this.#put(after);
    });
  }

  #note({ runId, kind, createdAt }: Outcome, pass: Pass, request: CancellationRequest): void {
    const isCounted = kind === "cancelled" || kind === "ended";
    const mayBeFoundAgain = pass === "fresh" || (createdAt ?? 0) >= lateFrom(request);
    // those that failed go to the end of their line
    if (kind === "failed") this.#store.put({ id: runId, list: AGAIN, rank: this.#host.now(), value: null });
    else if (isCounted && mayBeFoundAgain) this.#store.put({ id: runId, list: COUNTED, rank: 0, value: null });
    else this.#store.delete(runId);
  }

  // ---- pages --------------------------------------------------------------------------------------------------------

  async #readPage(progress: Progress, request: CancellationRequest): Promise<Page> {
    const { pass, log, cursor } = progress;
    const window = windowOf(pass, request);
    if (!window) return { outcomes: [], next: nextPass(pass) };
    const at = cursor === null ? nextLog(await this.#registry().logs(), log, window) : log;
    if (at === null) return { outcomes: [], next: nextPass(pass) };
    const page = { pass, log: at, window };
    if (pass === "fresh") return this.#freshPage(request, page, cursor && "seq" in cursor ? cursor : null);
    return this.#indexedPage(request, page, cursor && "runId" in cursor ? cursor : null);
  }

  /** Runs that are not indexed. */
  async #freshPage(request: CancellationRequest, page: PageOf, place: EventPlace | null): Promise<Page> {
    const { pass, log, window } = page;
    const fn = await this.#registry().function(request.functionId);
    if (!fn) return { outcomes: [], next: nextPass(pass) };
    const { runIds, next } = await this.#log(log).unindexed(fn, freshFrom(request), place);
    const open = runIds.filter((runId) => this.#store.item(runId) === undefined).map((runId) => ({ runId }));
    const outcomes = await this.#each(open, ({ runId }) => this.#askAndCancel(runId, request, window));
    return { outcomes, next: { pass, log, cursor: next } };
  }

  async #indexedPage(request: CancellationRequest, page: PageOf, after: RunPlace | null): Promise<Page> {
    const { pass, log, window } = page;
    const query = { functionId: request.functionId, ...window, if: request.if, now: request.createdAt };
    const { runs, next } = await this.#log(log).runs(query, after);
    const open = runs.filter(({ runId }) => this.#store.item(runId) === undefined);
    const outcomes = await this.#each(open, (found) => this.#cancelFound(found, request, window));
    return { outcomes, next: { pass, log, cursor: next } };
  }

  /** Runs that could not be asked. All of them are tried before any is tried once more. */
  async #askAgain(request: CancellationRequest): Promise<Page> {
    const failed = this.#store.list(AGAIN, CANCELS_AT_ONCE).map(({ id }) => ({ runId: id }));
    if (failed.length === 0) return { outcomes: [], next: null };
    const outcomes = await this.#each(failed, ({ runId }) => this.#askAndCancel(runId, request, request));
    return { outcomes, next: { pass: "again", log: null, cursor: null } };
  }

  /** One that cannot be asked, or does not answer, fails alone. */
  async #each<Run extends { runId: string }>(runs: Run[], work: (run: Run) => Promise<Outcome>): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (let i = 0; i < runs.length; i += CANCELS_AT_ONCE) {
      if (!this.#state()?.progress) break; // stopped
      outcomes.push(...(await this.#some(runs.slice(i, i + CANCELS_AT_ONCE), work)));
    }
    return outcomes;
  }

  /** All at the same time. What comes too late is found when its run is asked again. */
  async #some<Run extends { runId: string }>(runs: Run[], work: (run: Run) => Promise<Outcome>): Promise<Outcome[]> {
    const outcomes = new Map<string, Outcome>();
    const errors = new Map<string, unknown>();
    const asking = runs.map((run) =>
      work(run).then(
        (outcome) => void outcomes.set(run.runId, outcome),
        (error) => void errors.set(run.runId, error),
      ),
    );
    await this.#host.wait(ANSWER_MAX_MS, Promise.all(asking));
    return runs.map(({ runId }) => {
      const outcome = outcomes.get(runId);
      if (outcome) return outcome;
      const error = errors.get(runId) ?? `no answer within ${ANSWER_MAX_MS} ms`;
      this.#report(`run ${runId} could not be asked and is asked again`, error);
      return { runId, kind: "failed", createdAt: null };
    });
  }

  // ---- one run ------------------------------------------------------------------------------------------------------

  async #cancelFound(found: FoundRun, request: CancellationRequest, window: Window): Promise<Outcome> {
    const { runId, createdAt } = found;
    if (found.matches === null) return this.#askAndCancel(runId, request, window);
    if (!found.isEnded) return this.#cancel(runId, createdAt, request);
    return found.status === "Cancelled" ? this.#ended(runId, createdAt, request) : { runId, kind: "ended", createdAt };
  }

  async #askAndCancel(runId: string, request: CancellationRequest, window: Window): Promise<Outcome> {
    const summary = await this.#run(runId).summary();
    const createdAt = summary?.run.createdAt ?? null;
    const none: Outcome = { runId, kind: null, createdAt };
    if (!summary || createdAt === null) return none;
    if (summary.run.functionId !== request.functionId) return none;
    if (createdAt < window.createdFrom || createdAt >= window.createdBefore) return none;
    const [first] = summary.events;
    if (request.if !== null && !(first && matches(request.if, { event: { ...first.event }, now: request.createdAt })))
      return none;
    return isEnded(summary.run.state)
      ? this.#ended(runId, createdAt, request)
      : this.#cancel(runId, createdAt, request);
  }

  async #cancel(runId: string, createdAt: number | null, request: CancellationRequest): Promise<Outcome> {
    const { kind } = await this.#run(runId).cancel(reasonOf(request));
    if (kind === "unknown") return { runId, kind: null, createdAt };
    return kind === "cancelled" ? { runId, kind, createdAt } : this.#ended(runId, createdAt, request);
  }

  /** A run that has ended: by this cancellation, in a page that was not counted, or by itself. */
  async #ended(runId: string, createdAt: number | null, request: CancellationRequest): Promise<Outcome> {
    const summary = await this.#run(runId).summary();
    const state = summary?.run.state;
    const isOurs = state?.kind === "cancelled" && state.reason === reasonOf(request);
    return { runId, kind: isOurs ? "cancelled" : "ended", createdAt };
  }

  // ---- what is stored -----------------------------------------------------------------------------------------------

  async #list({ request: { id } }: State): Promise<void> {
    await this.#registry().listCancellation(id, true);
    const state = this.#state();
    if (state && !state.isListed) this.#put({ ...state, isListed: true });
  }

  #end(state: State, isStopped: boolean): void {
    const endedAt = this.#host.now();
    this.#put({ ...state, progress: null, isStopped, endedAt });
    this.#host.setAlarm(endedAt + RETENTION_DEFAULT_MS);
  }

  async #expire({ endedAt, request: { id } }: State): Promise<void> {
    const at = (endedAt ?? 0) + RETENTION_DEFAULT_MS;
    if (at > this.#host.now()) return this.#host.setAlarm(at);
    await this.#registry().listCancellation(id, false);
    await this.#host.wipe();
    this.#store = this.#host.stores.key();
  }

  #state(): State | null {
    return this.#store.state() as unknown as State | null; // as `#put` wrote it
  }

  #put(state: State): void {
    this.#store.putState({ ...state } as unknown as JsonValue);
  }

  #viewOf({ request, progress, isStopped, cancelled, alreadyEnded, endedAt }: State): CancellationView {
    const status = progress ? "running" : isStopped ? "stopped" : "done";
    return { ...request, status, cancelled, alreadyEnded, failing: this.#store.count(AGAIN), endedAt };
  }

  #report(what: string, error: unknown): void {
    this.#host.report(`bulk ${this.#host.name}: ${what}`, error);
  }

  #registry() {
    return this.#host.objects.registry(this.#host.env);
  }

  #log(log: string) {
    return this.#host.objects.log(this.#host.env, log);
  }

  #run(runId: string) {
    return this.#host.objects.run(this.#host.env, runId);
  }
}

/** Also tells its own cancellations from those of others. */
function reasonOf({ id, cause }: CancellationRequest): string {
  return cause === "pause"
    ? `its function was paused (bulk cancellation ${id})`
    : `bulk cancellation ${id} (GET /v1/cancellations/${id})`;
}
