/**
 * Drives a random workflow to its end, the same way on any host: it lets the run come to rest, answers a wait that is to
 * be answered, or else moves the run whose next deadline is nearest to that deadline; and so on.
 */
import { derivedUlid, runIdOf, stepHash } from "../../src/protocol/ids.ts";
import { answeredPath, answerTo, calleeKey, START_EVENT, type Program } from "../fixtures/random-workflow.ts";
import type { runView } from "../../src/routes/run-view.ts";

/** A run as the API tells of it. */
export type DrivenRun = ReturnType<typeof runView>;
type DrivenStep = DrivenRun["steps"][number];

/** A platform, as far as the driver needs it. */
export interface WorkflowHost {
  /** the id that the platform gave the event */
  send(event: { name: string; data: Record<string, unknown> }): Promise<string>;
  /** null for a run that does not exist (yet) */
  read(runId: string): Promise<DrivenRun | null>;
  /** moves one run's clock */
  advance(runId: string, ms: number): Promise<void>;
  /** epoch ms by everybody's clock */
  now(): number;
  /** called while runs are not at rest; throws when that takes too long */
  pause(looks: number, state: () => string): Promise<void>;
}

/** What is the same on all hosts. */
export interface Trace {
  status: string;
  attempt: number;
  output: unknown;
  error: unknown;
  lastError: string | null;
  /** settled entries of the journal in the order of their commits */
  settled: unknown[];
  /** those that the run's end left open, by hash */
  open: unknown[];
  /** runs that it has invoked, by the step's hash */
  callees: Record<string, Trace>;
}

export interface Driven {
  trace: Trace;
  /** the smallest time by which a deadline that was moved to was ahead of the next: small ones no host keeps apart */
  closestMs: number;
  moves: number;
}

const FUNCTION_ID = "random";
const CHILD_ID = "random-child";
const MOVES_MAX = 300;

export async function drive(host: WorkflowHost, app: string, program: Program, key: string): Promise<Driven> {
  const eventId = await host.send({ name: START_EVENT, data: { key, program: program.body } });
  const runId = runIdOf(eventId, `${app}-${FUNCTION_ID}`);
  const ended = new Map<string, DrivenRun>();
  const read = (id: string) => readTree(withMemory(host, ended), id, key, `${app}-${CHILD_ID}`);
  /** waits whose answers are on the way */
  const answered = new Set<string>();
  let closestMs = Number.POSITIVE_INFINITY;
  for (let moves = 0; moves < MOVES_MAX; moves++) {
    const tree = await atRest(host, () => read(runId), answered);
    if (tree.run.ended_at !== null) return { trace: traceOf(tree, program.loose), closestMs, moves };
    const runs = flat(tree).filter(({ run }) => run.ended_at === null);
    // waits are registered at the same time, and so come in any order
    const answers = runs.flatMap(answersTo).sort((a, b) => (placeOf(a.event) < placeOf(b.event) ? -1 : 1));
    const [answer] = answers;
    if (answer) {
      // rounds of a loop may wait for the same event at the same time: it answers all of them
      for (const { step, event } of answers)
        if (event.name === answer.event.name && event.data.key === answer.event.data.key) answered.add(step);
      await host.send(answer.event);
      continue;
    }
    const now = host.now();
    const deadlines = runs
      .flatMap(({ run }) => deadlinesOf(run).map((at) => ({ id: run.run_id, leftMs: at - now })))
      .sort((a, b) => a.leftMs - b.leftMs);
    const [next, second] = deadlines;
    if (!next) throw new Error(`the run waits for nothing: ${JSON.stringify(tree.run.waiting_for)}`);
    if (second) closestMs = Math.min(closestMs, second.leftMs - next.leftMs);
    if (next.leftMs > 0) await host.advance(next.id, next.leftMs);
  }
  throw new Error(`no end after ${MOVES_MAX} moves`);
}

/** Runs that have ended are read once. */
function withMemory(host: WorkflowHost, ended: Map<string, DrivenRun>): Pick<WorkflowHost, "read"> {
  return {
    read: async (runId) => {
      const run = ended.get(runId) ?? (await host.read(runId));
      if (run?.ended_at) ended.set(runId, run);
      return run;
    },
  };
}

/** A run with those that it has invoked, by their steps' hashes. */
interface Tree {
  run: DrivenRun;
  key: string;
  callees: Map<string, Tree | null>;
}

async function readTree(
  host: Pick<WorkflowHost, "read">,
  runId: string,
  key: string,
  childId: string,
): Promise<Tree | null> {
  const run = await host.read(runId);
  if (!run) return null;
  const callees = new Map<string, Tree | null>();
  for (const step of run.steps.filter(({ kind }) => kind === "invoke")) {
    const eventId = derivedUlid(Date.parse(step.created_at), `invoke\0${runId}\0${step.hash}`);
    const path = step.id.slice(step.id.indexOf("@") + 1);
    let nth = 0;
    while (stepHash(step.id, nth) !== step.hash) nth += 1;
    const callee = await readTree(host, runIdOf(eventId, childId), calleeKey(key, path, nth), childId);
    callees.set(step.hash, callee);
  }
  return { run, key, callees };
}

function flat(tree: Tree): Tree[] {
  return [tree, ...[...tree.callees.values()].flatMap((callee) => (callee ? flat(callee) : []))];
}

async function atRest(host: WorkflowHost, read: () => Promise<Tree | null>, answered: Set<string>): Promise<Tree> {
  for (let looks = 0; ; looks++) {
    const tree = await read();
    if (tree && rests(tree, host.now(), answered)) return tree;
    await host.pause(looks, () => JSON.stringify(tree?.run.waiting_for));
  }
}

const RESTING = ["start", "retry", "sleeping", "waiting", "invoking", "retrying"];

/** Whether all that is left to happen is a deadline, or an answer. */
function rests({ run, callees }: Tree, now: number, answered: Set<string>): boolean {
  for (const callee of callees.values()) if (!callee || !rests(callee, now, answered)) return false;
  if (run.ended_at !== null) return true;
  const isAhead = run.waiting_for.every(
    ({ kind, until }) => RESTING.includes(kind) && (until === undefined || Date.parse(until) > now),
  );
  const isOnTheWay = run.steps.some(
    ({ status, hash }) =>
      (status === "invoking" && callees.get(hash)?.run.ended_at) ||
      (status === "waiting" && answered.has(`${run.run_id} ${hash}`)),
  );
  return isAhead && !isOnTheWay;
}

function answersTo({ run, key }: Tree): { step: string; event: ReturnType<typeof answerTo> }[] {
  return run.steps.flatMap(({ id, hash, status }) => {
    const path = status === "waiting" ? answeredPath(id) : undefined;
    return path === undefined ? [] : [{ step: `${run.run_id} ${hash}`, event: answerTo(path, key) }];
  });
}

function placeOf({ name, data }: ReturnType<typeof answerTo>): string {
  return `${name} ${String(data.key)}`;
}

function deadlinesOf(run: DrivenRun): number[] {
  return run.waiting_for.flatMap(({ until }) => (until === undefined ? [] : [Date.parse(until)]));
}

/** What a run came to, without ids and instants. */
function traceOf({ run, key, callees }: Tree, loose: string[]): Trace {
  const steps = run.steps.toSorted((a, b) => a.position - b.position);
  const isSettled = ({ ended_at }: DrivenStep) => ended_at !== null;
  return withoutKey(key, {
    status: run.status,
    attempt: run.attempt,
    output: run.error === null ? run.output : null,
    error: shortError(run.error),
    lastError: run.last_error?.message ?? null,
    settled: untangled(steps.filter(isSettled), loose).map(stepTrace),
    open: steps
      .filter((step) => !isSettled(step))
      .sort((a, b) => (a.hash < b.hash ? -1 : 1))
      .map(stepTrace),
    callees: Object.fromEntries(
      [...callees]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([hash, callee]) => (callee ? [[hash, traceOf(callee, [])]] : [])),
    ),
  });
}

function stepTrace(step: DrivenStep) {
  const { id, hash, kind, type, status, attempt, failures, input, output, error } = step;
  return {
    id,
    hash,
    kind,
    type,
    status,
    attempt,
    failures: failures.map((failure) => [failure.attempt, shortError(failure.error)]),
    input,
    output: withoutIds(output),
    error: shortError(error),
  };
}

function shortError(error: { name?: string; message?: string; code?: unknown } | null): unknown {
  return error && { name: error.name, message: error.message, code: error.code };
}

/** Events that were sent have ids of their own, and so has one that was waited for. */
function withoutIds(output: unknown): unknown {
  if (typeof output !== "object" || output === null) return output;
  if ("ids" in output && Array.isArray(output.ids)) return { ids: output.ids.length };
  if ("ts" in output && "name" in output && "data" in output) return { name: output.name, data: output.data };
  return output;
}

/** The same programs run on several hosts of one process, under different keys. */
function withoutKey(key: string, trace: Trace): Trace {
  return JSON.parse(JSON.stringify(trace).replaceAll(JSON.stringify(key).slice(1, -1), "KEY"));
}

/** Steps in the order of their commits; within a loose block in that of its branches, each in its own order. */
function untangled(steps: DrivenStep[], loose: string[]): DrivenStep[] {
  const ordered = [...steps];
  for (const path of loose) {
    const branchOf = ({ id }: DrivenStep) => {
      const at = id.indexOf(`@${path}.b`);
      return at < 0 ? null : Number.parseInt(id.slice(at + path.length + 3), 10);
    };
    const places = ordered.flatMap((step, index) => (branchOf(step) === null ? [] : [index]));
    const inside = places.map((index) => ordered[index]!).sort((a, b) => (branchOf(a) ?? 0) - (branchOf(b) ?? 0));
    for (const [index, place] of places.entries()) ordered[place] = inside[index]!;
  }
  return ordered;
}
