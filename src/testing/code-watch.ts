/**
 * What the code of one platform's runs finds in the globals, and what it makes of that. A run whose handler has called
 * for the time or for chance outside of steps is judged when it has ended: its handler is replayed over its journal as it
 * was, and with another time and other chance. One that asks for other steps then would have gone astray in production.
 */
import { isEnded, type Entry, type Run } from "../engine/run.ts";
import type { SettledMemo } from "../protocol/call.ts";
import type { EventValue } from "../protocol/event.ts";
import { textHash } from "../protocol/ids.ts";
import { hasAmbient } from "../sdk/ambient.ts";
import type { Inngest } from "../sdk/client.ts";
import type { ReceivedEvent } from "../sdk/event.ts";
import type { FoundStep } from "../sdk/execute.ts";
import type { Registration } from "../sdk/function.ts";
import type { HostedRun, RunHost } from "../sdk/run-host.ts";
import { callSite } from "./call-site.ts";
import {
  deviation,
  differ,
  NondeterminismError,
  type AskedStep,
  type Deviation,
  type OutsideCall,
} from "./determinism.ts";
import { Random } from "./random.ts";
import { replay } from "./replay.ts";
import { enterVirtual, installVirtualGlobals, type VirtualPass } from "./virtual-globals.ts";

export interface CodeWatchOptions {
  seed: number;
  now(): number;
  read(runId: string): { run: Run; entries: readonly Entry[]; events: readonly EventValue[] } | undefined;
  registration(functionId: string): { registration: Registration; client: Inngest } | undefined;
  /** around the handler, in replays too */
  handler: RunHost["handler"];
  virtualGlobals: boolean;
  detectNondeterminism: boolean;
  /** a run that never ends is judged after some passes; that takes turns which no seed orders */
  judgesEarly: boolean;
}

/** One pass over a handler that has been. */
interface Pass {
  run: HostedRun;
  /** of the run, from 1 */
  number: number;
  /** what it was given when it asked for the time, outside of steps */
  times: number[];
  /** steps that it reached, by hash */
  asked: Map<string, AskedStep>;
  hasEnded: boolean;
}

interface Watched {
  passes: number;
  last: Pass | undefined;
  /** the pass in which the handler ended */
  ended: Pass | undefined;
  /** outside of steps, the first ones */
  calls: { what: string; site: () => string }[];
  /** the handler's attempt that asked for a step last, by hash */
  askedBy: Map<string, number>;
  isJudged: boolean;
  finding: NondeterminismError | undefined;
  isTold: boolean;
}

const CALLS_MAX = 50;
const TIMES_MAX = 100_000;
/** Passes at which a run that has not ended is judged: code that never repeats itself never ends over HTTP. */
const FIRST_JUDGED_PASS = 4;
const JUDGED_PASS_FACTOR = 4;
/** Calls of a replay for which time stands still. Then it moves: code may wait for it in a loop. */
const CALLS_STILL_MAX = 2 * TIMES_MAX;
const DAY_MS = 86_400_000;
/** The first value that `Math.random()` gives a varied replay: whatever is likelier than not comes out differently. */
const LOW = 1e-9;
const HIGH = 1 - 1e-9;

export class CodeWatch {
  readonly #options: CodeWatchOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #passes = new WeakMap<HostedRun, Pass>();
  /** executions so far, by run and step */
  readonly #executions = new Map<string, number>();

  constructor(options: CodeWatchOptions) {
    this.#options = options;
    if (options.virtualGlobals) installVirtualGlobals();
  }

  /** What a run's host does for it. */
  hooks(): Pick<RunHost, "handler" | "asked"> {
    const { virtualGlobals, detectNondeterminism, handler } = this.#options;
    if (!virtualGlobals || !hasAmbient()) return { handler };
    return {
      handler: (run, context, call) => {
        const enter = () => {
          this.#enter(run);
          const result = handler ? handler(run, context, call) : call(context);
          return this.#ending(run, result);
        };
        return this.#isDue(run.runId) ? this.#judgeEarly(run.runId).then(enter) : enter();
      },
      asked: detectNondeterminism ? (run, step) => this.#asked(run, step) : undefined,
    };
  }

  /** @throws NondeterminismError for a run that would not repeat itself, once for each */
  async judge(cause?: unknown): Promise<void> {
    for (const [runId, watched] of this.#watched) {
      if (watched.isTold) continue;
      if (!watched.finding && !watched.isJudged && watched.ended) {
        const found = this.#options.read(runId);
        if (!found || !isEnded(found.run.state)) continue;
        watched.isJudged = true;
        watched.finding = await this.#finding(runId, watched);
      }
      if (!watched.finding) continue;
      watched.isTold = true;
      if (cause !== undefined) watched.finding.cause = cause;
      throw watched.finding;
    }
  }

  // ---- passes -------------------------------------------------------------------------------------------------------

  #enter(run: HostedRun): void {
    const watched = this.#watch(run.runId);
    watched.passes += 1;
    watched.isJudged = false; // it goes on
    watched.ended = undefined;
    const pass: Pass = { run, number: watched.passes, times: [], asked: new Map(), hasEnded: false };
    watched.last = pass;
    this.#passes.set(run, pass);
    const tell = (what: string) => {
      if (watched.calls.length < CALLS_MAX) watched.calls.push({ what, site: callSite() });
    };
    enterVirtual({
      now: () => this.#options.now(),
      chance: this.#chance(pass),
      ...(this.#options.detectNondeterminism && {
        tell: (what, now) => {
          if (pass.times.length < TIMES_MAX) pass.times.push(now);
          tell(what);
        },
        drawn: tell,
      }),
    });
  }

  #watch(runId: string): Watched {
    const known = this.#watched.get(runId);
    if (known) return known;
    const watched: Watched = {
      passes: 0,
      last: undefined,
      ended: undefined,
      calls: [],
      askedBy: new Map(),
      isJudged: false,
      finding: undefined,
      isTold: false,
    };
    this.#watched.set(runId, watched);
    return watched;
  }

  #asked(run: HostedRun, { id, userId, type }: FoundStep): void {
    this.#passes.get(run)?.asked.set(id, { id, userId, type });
    this.#watched.get(run.runId)?.askedBy.set(id, run.attempt);
  }

  #ending(run: HostedRun, result: unknown): unknown {
    if (!(result instanceof Promise)) return result;
    const ended = () => {
      const pass = this.#passes.get(run);
      const watched = this.#watched.get(run.runId);
      if (!pass || !watched) return;
      pass.hasEnded = true;
      watched.ended = pass;
    };
    result.then(ended, ended);
    return result;
  }

  /**
   * Sources of chance of one pass: the handler's own, and one for each execution of a step, so that what a step draws
   * does not depend on which others run at the time. A step that is executed again draws anew, as it would in production.
   */
  #chance(pass: Pass, first?: number): VirtualPass["chance"] {
    const { runId } = pass.run;
    const sources = new WeakMap<object, Random>();
    let own: Random | undefined;
    return (execution) => {
      if (!execution)
        return (own ??= biased(
          this.#random(`${runId} pass ${pass.number}${first === undefined ? "" : ` ${first}`}`),
          first,
        ));
      const known = sources.get(execution);
      if (known) return known;
      const key = `${runId} step ${execution.id}`;
      const number = this.#executions.get(key) ?? 0;
      this.#executions.set(key, number + 1);
      const source = this.#random(`${key} ${number}`);
      sources.set(execution, source);
      return source;
    };
  }

  #random(text: string): Random {
    return new Random(Number.parseInt(textHash(`${this.#options.seed} ${text}`).slice(0, 8), 16));
  }

  // ---- judging ------------------------------------------------------------------------------------------------------

  #isDue(runId: string): boolean {
    const watched = this.#watched.get(runId);
    if (!watched || watched.finding || !this.#options.detectNondeterminism || !this.#options.judgesEarly) return false;
    let due = FIRST_JUDGED_PASS;
    while (due < watched.passes) due *= JUDGED_PASS_FACTOR;
    return due === watched.passes;
  }

  /** @throws NondeterminismError which ends the run */
  async #judgeEarly(runId: string): Promise<void> {
    const watched = this.#watch(runId);
    watched.finding = await this.#finding(runId, watched);
    if (watched.finding) throw watched.finding;
  }

  async #finding(runId: string, watched: Watched): Promise<NondeterminismError | undefined> {
    const pass = watched.ended ?? watched.last;
    const found = this.#options.read(runId);
    if (!pass || !found || !this.#options.detectNondeterminism) return undefined;
    const error = (what: Deviation) =>
      new NondeterminismError({
        runId,
        functionId: pass.run.functionId,
        deviation: what,
        calls: places(watched.calls),
      });
    const seen = this.#seen(watched, pass, found.entries);
    if (seen) return error(seen);
    if (watched.calls.length === 0) return undefined;
    const journal = new Set(found.entries.map((entry) => entry.id));
    const repeat = () => this.#replay(pass, found, undefined);
    const repeated = await repeat();
    // what does not repeat itself under the very same times and chance depends on something else
    if (repeated.end === "unknown" || [...pass.asked.keys()].some((id) => !repeated.asked.has(id))) return undefined;
    for (const variation of variations(this.#options.now())) {
      const vary = () => this.#replay(pass, found, variation);
      const varied = await vary();
      if (!differ(repeated, varied)) continue;
      // by chance of another kind, perhaps: a counter, or something that answers late
      if (differ(repeated, await repeat()) || differ(varied, await vary())) return undefined;
      return error(deviation(journal, repeated, varied));
    }
    return undefined;
  }

  /** What has gone astray already: steps with results that the same attempt of the handler does not ask for any more. */
  #seen(watched: Watched, pass: Pass, entries: readonly Entry[]): Deviation | undefined {
    const missing = entries.filter(
      (entry) =>
        entry.status.kind === "settled" &&
        !pass.asked.has(entry.id) &&
        watched.askedBy.get(entry.id) === pass.run.attempt,
    );
    const since = Math.min(...missing.map((entry) => entry.opened));
    const isNew = new Set(entries.flatMap((entry) => (entry.opened > since ? [entry.id] : [])));
    const onReplay = [...pass.asked.values()].filter(({ id }) => isNew.has(id));
    if (missing.length === 0 || onReplay.length === 0) return undefined;
    // a pass that has not ended may not have come to them yet
    if (!pass.hasEnded && missing.length < watched.passes / 2) return undefined;
    return { first: missing, onReplay };
  }

  #replay(
    pass: Pass,
    found: { entries: readonly Entry[]; events: readonly EventValue[] },
    variation: Variation | undefined,
  ) {
    const { handler, now, registration: find } = this.#options;
    const known = find(pass.run.functionId);
    if (!known) throw new Error(`function "${pass.run.functionId}" is not under test`);
    let calls = 0;
    const told = () => {
      calls += 1;
      const at = variation?.now ?? pass.times[Math.min(calls, pass.times.length) - 1] ?? now();
      return at + Math.max(0, calls - CALLS_STILL_MAX) * DAY_MS;
    };
    return replay({
      ...known,
      runId: pass.run.runId,
      attempt: pass.run.attempt,
      events: found.events as ReceivedEvent[], // as the platform accepted them
      memos: memosOf(found.entries),
      now,
      handler: (run, context, call) => {
        enterVirtual({ now: told, chance: this.#chance(pass, variation?.first) });
        return handler ? handler(run, context, call) : call(context);
      },
    });
  }
}

/** Another time, and another beginning of chance. */
interface Variation {
  now: number;
  first: number;
}

/** A day, a minute, a second and a millisecond later; and at the other end of day and week, for what happens in business hours only. */
function variations(now: number): Variation[] {
  const day = new Date(now).getUTCDay();
  const days = day === 0 || day === 6 ? 3 : 6 - day;
  return [
    { now: now + DAY_MS + 61_001, first: LOW },
    { now: now + days * DAY_MS + DAY_MS / 2, first: HIGH },
  ];
}

function biased(random: Random, first: number | undefined): Random {
  return first === undefined ? random : new BiasedRandom(random, first);
}

/** Begins with a given value. */
class BiasedRandom extends Random {
  #first: number | undefined;

  constructor(random: Random, first: number) {
    super(random.below(2 ** 32));
    this.#first = first;
  }

  override next(): number {
    const first = this.#first;
    this.#first = undefined;
    return first ?? super.next();
  }
}

/** Each place once. */
function places(calls: Watched["calls"]): OutsideCall[] {
  const found = calls.map(({ what, site }) => ({ what, at: site() }));
  return [...new Map(found.map((call) => [`${call.what} ${call.at}`, call])).values()];
}

function memosOf(entries: readonly Entry[]): Map<string, SettledMemo> {
  return new Map(
    entries.flatMap(({ id, status, position }) =>
      status.kind === "settled" ? [[id, { memo: status.memo, position }] as const] : [],
    ),
  );
}
