/**
 * One bulk operation: finds the runs of its window and does to each what is asked for (`bulk-cancel.ts`, `bulk-replay.ts`), in
 * pages from its alarm.
 *
 * 1. Each run is counted once. A page is counted together with the step beyond it, so one that is repeated after a crash was
 *    not counted before; what had been done by then is known by the run. Runs that two passes may find are remembered.
 * 2. What was done before a stop is counted, and stays done.
 * 3. A run that cannot be asked holds nobody up: it is asked again when all others have been.
 */
import type { RegisteredFunction } from "../protocol/function-config.ts";
import type { JsonValue } from "../protocol/json.ts";
import { RETENTION_DEFAULT_MS } from "../protocol/limits.ts";
import { BulkCancel } from "./bulk-cancel.ts";
import type { Deed, Outcome } from "./bulk-deed.ts";
import {
  beginsAt,
  firstPass,
  freshFrom,
  mayBeFoundAgain,
  nextLog,
  nextPass,
  windowOf,
  type Pass,
  type Progress,
  type Window,
} from "./bulk-passes.ts";
import { BulkReplay } from "./bulk-replay.ts";
import type { Host } from "./host.ts";
import type { BulkObjectApi, BulkRequest, BulkView, EventPlace, RunPlace } from "./objects.ts";
import type { KeyStore } from "./storage/stores.ts";

/** Runs asked again in one page. */
const AGAIN_AT_ONCE = 50;
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
  request: BulkRequest;
  isListed: boolean;
  /** null: all is done, or stopped */
  progress: Progress | null;
  isStopped: boolean;
  done: number;
  vain: number;
  endedAt: number | null;
  /** rounds of `again` in a row that have got nowhere */
  failures: number;
}

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

export class BulkObject implements BulkObjectApi {
  readonly #host: Host;
  #store: KeyStore;

  constructor(host: Host) {
    this.#host = host;
    this.#store = host.stores.key();
  }

  async begin(request: BulkRequest): Promise<BulkView> {
    const known = this.#state();
    if (known) return this.#viewOf(known);
    const state: State = {
      request,
      isListed: false,
      progress: firstPass(request.kind),
      isStopped: false,
      done: 0,
      vain: 0,
      endedAt: null,
      failures: 0,
    };
    this.#put(state);
    this.#host.setAlarm(this.#host.now());
    // so that whoever has the answer finds it; should this fail, the alarm sees to it
    await this.#list(state).catch((error) => this.#report("could not be listed", error));
    return this.#viewOf(this.#state() ?? state);
  }

  async view(): Promise<BulkView | null> {
    const state = this.#state();
    return state && this.#viewOf(state);
  }

  async stop(): Promise<BulkView | null> {
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
      done: state.done + times("done"),
      vain: state.vain + times("vain"),
      failures: isVain ? state.failures + 1 : 0,
    };
    this.#store.transaction(() => {
      for (const outcome of outcomes) this.#note(outcome, pass, request);
      if (state.progress && next === null) this.#end(after, false);
      else this.#put(after);
    });
  }

  #note({ runId, kind, createdAt }: Outcome, pass: Pass, request: BulkRequest): void {
    const isCounted = kind === "done" || kind === "vain";
    // those that failed go to the end of their line
    if (kind === "failed") this.#store.put({ id: runId, list: AGAIN, rank: this.#host.now(), value: null });
    else if (isCounted && mayBeFoundAgain(pass, request, createdAt ?? 0))
      this.#store.put({ id: runId, list: COUNTED, rank: 0, value: null });
    else this.#store.delete(runId);
  }

  // ---- pages --------------------------------------------------------------------------------------------------------

  async #readPage(progress: Progress, request: BulkRequest): Promise<Page> {
    const { pass, log, cursor } = progress;
    const window = windowOf(pass, request);
    const over: Page = { outcomes: [], next: nextPass(request.kind, pass) };
    if (!window) return over;
    const at = cursor === null ? nextLog(await this.#registry().logs(), log, window) : log;
    if (at === null) return over;
    const page = { pass, log: at, window };
    if (pass === "fresh") return this.#freshPage(request, page, cursor && "seq" in cursor ? cursor : null);
    return this.#indexedPage(request, page, cursor && "runId" in cursor ? cursor : null);
  }

  /** Runs that are not indexed. */
  async #freshPage(request: BulkRequest, page: PageOf, place: EventPlace | null): Promise<Page> {
    const { pass, log, window } = page;
    const functions = functionsOf(await this.#registry().functions(), request);
    if (functions.length === 0) return { outcomes: [], next: nextPass(request.kind, pass) };
    const { runIds, next } = await this.#log(log).unindexed(functions, freshFrom(request), place);
    const open = runIds.filter((runId) => this.#store.item(runId) === undefined).map((runId) => ({ runId }));
    const deed = this.#deed(request);
    const outcomes = await this.#each(open, deed, ({ runId }) => deed.toAny(runId, window));
    return { outcomes, next: { pass, log, cursor: next } };
  }

  async #indexedPage(request: BulkRequest, page: PageOf, after: RunPlace | null): Promise<Page> {
    const { pass, log, window } = page;
    const { functionIds, appId, statuses, if: condition, createdAt: now } = request;
    const query = { functionIds, appId, statuses, ...window, if: condition, now };
    const { runs, next } = await this.#log(log).runs(query, after);
    const open = runs.filter(({ runId }) => this.#store.item(runId) === undefined);
    const deed = this.#deed(request);
    const outcomes = await this.#each(open, deed, (found) => deed.toFound(found, window));
    return { outcomes, next: { pass, log, cursor: next } };
  }

  /** Runs that could not be asked. All of them are tried before any is tried once more. */
  async #askAgain(request: BulkRequest): Promise<Page> {
    const failed = this.#store.list(AGAIN, AGAIN_AT_ONCE).map(({ id }) => ({ runId: id }));
    if (failed.length === 0) return { outcomes: [], next: null };
    const deed = this.#deed(request);
    const outcomes = await this.#each(failed, deed, ({ runId }) => deed.toAny(runId, request));
    return { outcomes, next: { pass: "again", log: null, cursor: null } };
  }

  /** One that cannot be asked, or does not answer, fails alone. */
  async #each<Run extends { runId: string }>(
    runs: Run[],
    { atOnce }: Deed,
    work: (run: Run) => Promise<Outcome>,
  ): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (let i = 0; i < runs.length; i += atOnce) {
      if (!this.#state()?.progress) break; // stopped
      outcomes.push(...(await this.#some(runs.slice(i, i + atOnce), work)));
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

  #deed(request: BulkRequest): Deed {
    return request.kind === "replay" ? new BulkReplay(this.#host, request) : new BulkCancel(this.#host, request);
  }

  // ---- what is stored -----------------------------------------------------------------------------------------------

  async #list({ request: { id, kind } }: State): Promise<void> {
    await this.#registry().listBulk(kind, id, true);
    const state = this.#state();
    if (state && !state.isListed) this.#put({ ...state, isListed: true });
  }

  #end(state: State, isStopped: boolean): void {
    const endedAt = this.#host.now();
    this.#put({ ...state, progress: null, isStopped, endedAt });
    this.#host.setAlarm(endedAt + RETENTION_DEFAULT_MS);
  }

  async #expire({ endedAt, request: { id, kind } }: State): Promise<void> {
    const at = (endedAt ?? 0) + RETENTION_DEFAULT_MS;
    if (at > this.#host.now()) return this.#host.setAlarm(at);
    await this.#registry().listBulk(kind, id, false);
    await this.#host.wipe();
    this.#store = this.#host.stores.key();
  }

  #state(): State | null {
    const stored = this.#store.state() as unknown as State | StoredBefore | null; // as `#put` wrote it
    return stored && ("cancelled" in stored ? fromBefore(stored) : stored);
  }

  #put(state: State): void {
    this.#store.putState({ ...state } as unknown as JsonValue);
  }

  #viewOf({ request, progress, isStopped, done, vain, endedAt }: State): BulkView {
    const status = progress ? "running" : isStopped ? "stopped" : "done";
    return { ...request, status, done, vain, failing: this.#store.count(AGAIN), endedAt };
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
}

/** Of those that are registered, the functions that a request means. */
export function functionsOf(
  registered: readonly RegisteredFunction[],
  { functionIds, appId }: Pick<BulkRequest, "functionIds" | "appId">,
): RegisteredFunction[] {
  return registered.filter((fn) => (functionIds?.includes(fn.id) ?? true) && (appId === null || fn.appId === appId));
}

/** What an earlier version has stored: a cancellation of one function. */
type StoredBefore = Omit<State, "request" | "done" | "vain"> & {
  request: Omit<BulkRequest, "kind" | "functionIds" | "statuses"> & { functionId: string };
  cancelled: number;
  alreadyEnded: number;
};

function fromBefore({ request, cancelled, alreadyEnded, ...rest }: StoredBefore): State {
  const { functionId, ...more } = request;
  return {
    ...rest,
    request: { ...more, kind: "cancellation", functionIds: [functionId], statuses: null },
    done: cancelled,
    vain: alreadyEnded,
  };
}
