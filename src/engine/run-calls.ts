/** Rules of a run whose code is called over HTTP (inngest-protocol §3.7): when to call, and what a reply means. */
import { retryDelayMs } from "./retry.ts";
import { type Entry, type Executing, type Run, isEnded } from "./run.ts";
import type { Op, StepInfo } from "./step-ops.ts";
import { type Call, type Draft, attemptOf, execute } from "./decision.ts";
import { runTime } from "./run-clock.ts";
import { activate, callOut, releaseCall } from "./run-leases.ts";
import { open, openEntry, ranBody } from "./run-steps.ts";
import { holdsDiscovery, holdsStep, isLetGo } from "./paused.ts";
import { complete, failRun, handlerFailed, unsubscribe } from "./run-end.ts";
import { isDeferOp, takeDefer } from "./run-defers.ts";
import { planGateway } from "./run-gateways.ts";
import type { Input, Reply } from "./run-input.ts";

/** An op that says how a step's body ended. */
type RanOp = Extract<Op, { kind: "done" } | { kind: "error" }>;

/** Scheduled or blocked → executing. Over HTTP that is a discovery call. */
export function begin(draft: Draft): void {
  const { run } = draft;
  if (draft.executing()) {
    draft.stale = true;
    return;
  }
  if (run.http) discover(draft);
  else activate(draft);
}

/** Asks for a discovery call; at most one is outstanding. */
export function discover(draft: Draft): void {
  draft.saveRun = true;
  if (holdsDiscovery(draft)) return;
  const state = execute(draft);
  if (state.discovery) {
    if (!draft.isDiscoveryNew) state.again = true;
    return;
  }
  state.discovery = true;
  draft.isDiscoveryNew = true;
  state.again = false;
  state.retryAt = null;
  const { run } = draft;
  if (run.http) run.http.discoveries += 1;
  callOut(draft, { number: run.http?.discoveries ?? 0, stepId: null, attempt: attemptOf(run), epoch: run.epoch });
}

export function callStep(draft: Draft, entry: Entry): void {
  if (holdsStep(draft, entry)) return;
  const state = execute(draft);
  draft.saveRun = true;
  state.targeted += 1;
  callOut(draft, { number: 0, stepId: entry.id, attempt: entry.attempt, epoch: draft.run.epoch });
}

export function replied(draft: Draft, input: Extract<Input, { kind: "reply" }>): void {
  const { run } = draft;
  const { call, reply } = input;
  const state = draft.executing();
  if (!run.http || !state || !isOutstanding(run, state, call, input.entries)) {
    draft.stale = true;
    return;
  }
  draft.saveRun = true;
  // the first answer decides for the whole run; 0 says nothing (inngest-protocol §3.2)
  if (run.http.version < 1 && (reply.version ?? 0) > 0) run.http.version = reply.version ?? run.http.version;
  if (call.stepId === null) state.discovery = false;
  else state.targeted -= 1;
  releaseCall(draft, call.stepId);

  if (reply.kind === "returned") return complete(draft, reply.data, input.open);
  if (reply.kind === "error") callFailed(draft, call, reply, input);
  else takeOps(draft, call, reply, input);
  // a plan alone is no sign that the steps survive: a cautious run stays cautious until one has settled
  if (reply.kind === "error" || draft.settled.length > 0) run.losses = 0;
  if (!isEnded(run.state)) rest(draft, input.open);
}

/**
 * A call that goes on tells of steps that have run in it. They settle as by its reply, but the handler, which knows their
 * results, is asked nothing: the call's reply says what comes next. Its progress puts the handler's attempts back to 0.
 */
export function checkpointed(draft: Draft, input: Extract<Input, { kind: "checkpoint" }>): void {
  const { run } = draft;
  const { call, ops, entries } = input;
  const state = draft.executing();
  if (!run.http || !state || !isOutstanding(run, state, call, entries)) {
    draft.stale = true;
    return;
  }
  for (const op of once(ops)) {
    if (isEnded(run.state)) return;
    if (op.kind === "plan") continue; // the reply says what is left to run
    if (op.kind === "done" || op.kind === "error") settleEarly(draft, op, entries);
    else takeOp(draft, call, op, false, undefined, input);
  }
  if (isEnded(run.state)) return;
  if (draft.settled.length > 0 && run.losses > 0) {
    run.losses = 0;
    draft.saveRun = true;
  }
  if (run.paused && call.stepId === null) giveUp(draft, state);
  rest(draft, input.open);
}

/** The call of a run that is paused goes no further: another takes its place when the run goes on. */
function giveUp(draft: Draft, state: Executing): void {
  state.discovery = false;
  state.again = false;
  releaseCall(draft, null);
  discover(draft);
}

/**
 * What code says that executes outside of any call, which is outstanding for as long as this decides.
 *
 * @param goesOn only steps have run, and the code is still at work
 */
export function takeTold(draft: Draft, input: Extract<Input, { kind: "endpoint" }>, goesOn: boolean): void {
  const call: Call = { number: 0, stepId: null, attempt: attemptOf(draft.run), epoch: draft.run.epoch };
  if (!goesOn) {
    const reply = { kind: "ops" as const, ops: input.ops, version: 2 };
    takeOps(draft, call, reply, { ...input, kind: "reply", call, reply });
    if (!isEnded(draft.run.state)) rest(draft, input.open);
    return;
  }
  for (const op of once(input.ops)) if (op.kind === "done") settleEarly(draft, op, input.entries);
}

function settleEarly(draft: Draft, op: RanOp, entries: Map<string, Entry>): void {
  const known = entries.get(op.step.id);
  if (known?.status.kind === "settled") return; // the first result wins
  told(draft, op.step, known?.attempt ?? 0);
  if (known) notNeeded(draft, known); // its own call may be this one
  ranBody(draft, op, known, undefined, "entry");
  if (isEnded(draft.run.state)) return;
  const counted = countedOf(known);
  // others of its group may have settled without the call's knowing
  if (counted) afterSettled(draft, counted, op.step.race);
}

/** Whether the reply to a call is waited for. */
export function isOutstanding(run: Run, state: Executing, call: Call, entries: Map<string, Entry>): boolean {
  if (call.epoch !== run.epoch) return false;
  if (call.stepId === null) return state.discovery && call.number === run.http?.discoveries;
  const entry = entries.get(call.stepId);
  return entry?.status.kind === "planned" && entry.attempt === call.attempt;
}

function takeOps(
  draft: Draft,
  call: Call,
  reply: Extract<Reply, { kind: "ops" }>,
  input: Extract<Input, { kind: "reply" }>,
): void {
  const { run } = draft;
  const reported = reply.ops.filter((op) => "step" in op);
  const grouped = reported.length > 1;
  for (const op of once(reply.ops).sort((a, b) => rank(a) - rank(b))) {
    if (isEnded(run.state)) return;
    takeOp(draft, call, op, grouped, reply.retryAt, input);
  }
  if (isEnded(run.state)) return;
  if (call.stepId !== null) return targetReported(draft, { ...call, stepId: call.stepId }, reply, input);
  if (reported.length === 0 && reply.ops.length === 0) nothingReported(draft);
}

/** What an op tells people of its step goes with it. */
function told(draft: Draft, { id, metadata = [] }: StepInfo, attempt: number): void {
  for (const update of metadata) {
    const isRuns = update.scope === "run";
    const target = { step: isRuns ? null : id, attempt: update.scope === "step_attempt" ? attempt : null, span: null };
    draft.annotations.push({ target, updates: [update] });
  }
}

/** Ops about steps that were told twice: the first counts. */
function once(ops: Op[]): Op[] {
  const taken = new Set<string>();
  return ops.filter((op) => !("step" in op) || (!taken.has(op.step.id) && taken.add(op.step.id)));
}

/**
 * Waits first, so that nothing else of the reply can run ahead of them (inngest-protocol §3.4); then what else is opened, so
 * that results are followed by a discovery only when nothing is pending; what is about the whole run comes last.
 */
function rank({ kind }: Op): number {
  if (kind === "wait" || isDeferOp({ kind })) return 0;
  if (kind === "complete" || kind === "threw" || kind === "discover") return 3;
  return kind === "done" || kind === "error" ? 2 : 1;
}

/** A call for one step that was answered without a word about it has failed: nothing else would ask for it again. */
function targetReported(
  draft: Draft,
  call: Call & { stepId: string },
  { version, retryAt }: Extract<Reply, { kind: "ops" }>,
  input: Extract<Input, { kind: "reply" }>,
): void {
  if (draft.entries.some((entry) => entry.id === call.stepId)) return;
  const error = {
    name: "Error",
    code: "step_not_reported",
    message: `the app was asked to run step "${input.entries.get(call.stepId)?.userId}" and answered without its result`,
  };
  callFailed(draft, call, { kind: "error", error, final: false, retryAt, version }, input);
}

function takeOp(
  draft: Draft,
  call: Call,
  op: Op,
  grouped: boolean,
  retryAt: number | undefined,
  { entries, event, open: openEntries }: Pick<Extract<Input, { kind: "reply" }>, "entries" | "event" | "open">,
): void {
  if (op.kind === "complete") return complete(draft, op.data, [...openEntries, ...draft.entries]);
  if (op.kind === "threw") {
    const failure = { kind: "error" as const, error: op.error, final: op.final, retryAt };
    return callFailed(draft, call, failure, { entries, open: [...openEntries, ...draft.entries] });
  }
  if (op.kind === "discover") return discoverAgain(draft, openEntries);
  if (isDeferOp(op)) return takeDefer(draft, op);
  const known = entries.get(op.step.id);
  if (known?.status.kind === "settled") return;
  told(draft, op.step, known?.attempt ?? 0);
  const counted = countedOf(known);
  if (op.kind === "done" || op.kind === "error") {
    if (known && call.stepId !== known.id) notNeeded(draft, known);
    const retryBy = call.stepId === null && !counted ? "run" : "entry";
    const before = draft.settled.length;
    ranBody(draft, op, known, retryAt, retryBy);
    if (isEnded(draft.run.state)) return;
    if (draft.settled.length > before) return afterSettled(draft, counted, op.step.race);
    if (retryBy === "entry" && !counted) count(draft, op.step); // from now on it is called by itself
    return;
  }
  if (counted || (known && op.kind !== "plan")) return; // reported again while it is open
  if (op.kind === "plan") {
    const entry = known ?? open(draft, op.step, "run");
    if (isEnded(draft.run.state)) return;
    const planned = draft.write({ ...entry, grouped }, { kind: "planned" });
    count(draft, planned);
    return callStep(draft, planned);
  }
  if (op.kind === "gateway") {
    const planned = planGateway(draft, op, grouped);
    if (!planned) return;
    count(draft, planned);
    return callStep(draft, planned);
  }
  if (openEntry(draft, op, event)) count(draft, op.step);
}

/** A step that failed inside a discovery waits for the next one; every other open entry is counted as pending. */
function countedOf(known: Entry | undefined): Entry | null {
  return known?.status.kind === "retrying" && known.status.at === null ? null : (known ?? null);
}

/** A step is over that was open: nobody waits any more for its own call, or for its event. */
function notNeeded(draft: Draft, entry: Entry): void {
  const state = draft.executing();
  if (entry.status.kind === "planned" && !isLetGo(draft, entry)) {
    if (state) state.targeted -= 1;
    releaseCall(draft, entry.id);
  }
  if (entry.status.kind === "waiting" || entry.status.kind === "registering") draft.effects.push(unsubscribe(entry));
}

function count({ run: { http } }: Draft, { race }: { race?: boolean }): void {
  if (!http) return;
  http.pending += 1;
  if (race === true) http.racing = (http.racing ?? 0) + 1;
}

/**
 * A step has its memo: whether the handler is replayed now. Version 1 asks after every step, version 2 once all
 * reported steps have settled, or after each for steps in race mode (inngest-protocol §3.7). Steps that race hold up none
 * that comes after the race.
 *
 * @param counted the entry when it had been open, and so is counted as pending
 */
export function afterSettled(draft: Draft, counted: Entry | null, race?: boolean): void {
  const { http } = draft.run;
  if (!http) return;
  draft.saveRun = true;
  if (counted) http.pending -= 1;
  if (counted?.race === true) http.racing = (http.racing ?? 0) - 1;
  const awaited = http.pending - (http.racing ?? 0);
  if (http.version < 2 || awaited <= 0 || (counted?.race ?? race) === true) discover(draft);
}

/** The app wants to be asked again; when it has nothing else to say twice in a row, that is a failed attempt. */
function discoverAgain(draft: Draft, openEntries: Entry[]): void {
  const { http, position } = draft.run;
  if (!http) return;
  if (draft.entries.length === 0 && http.emptyAt === position) {
    const message = "the app asked to be called again, twice in a row, and had nothing else to say";
    return handlerFailed(draft, { name: "Error", code: "nothing_reported", message }, false, undefined, openEntries);
  }
  if (draft.entries.length === 0) http.emptyAt = position;
  discover(draft);
}

/** `[]`: ask once more; the same answer again means that the code waits for something the platform does not know. */
function nothingReported(draft: Draft): void {
  const { http, position } = draft.run;
  if (!http || http.pending > 0) return;
  if (http.emptyAt !== position) {
    http.emptyAt = position;
    return discover(draft);
  }
  failRun(draft, {
    name: "Error",
    code: "nothing_reported",
    message:
      "the function neither ended nor reported a step, twice in a row: it waits for something that is not a step",
  });
}

function callFailed(
  draft: Draft,
  call: Call,
  reply: Extract<Reply, { kind: "error" }>,
  input: Pick<Extract<Input, { kind: "reply" }>, "entries" | "open">,
): void {
  if (call.stepId === null) return handlerFailed(draft, reply.error, reply.final, reply.retryAt, input.open);
  const entry = input.entries.get(call.stepId);
  if (!entry) return;
  const policy = entry.retry ?? draft.run.retry;
  const delay = reply.final ? null : retryDelayMs(policy, entry.attempt, draft.moment.random);
  const failures = [...entry.failures, { attempt: entry.attempt, endedAt: draft.now, error: reply.error }];
  // an error that is not the step's own ends the run when no attempt is left (inngest-protocol §4)
  if (delay === null) return failRun(draft, reply.error, input.open);
  const at = runTime(draft.run, reply.retryAt ?? draft.now + delay);
  draft.write({ ...entry, failures, attempt: entry.attempt + 1 }, { kind: "retrying", at });
}

/** After a reply: what the run is doing when no call is outstanding any more. */
function rest(draft: Draft, openEntries: Entry[]): void {
  const state = draft.executing();
  const { http } = draft.run;
  if (!state || !http) return;
  if (state.again && !state.discovery) {
    discover(draft);
    if (!draft.run.paused) return;
  }
  if (state.discovery || state.targeted > 0) return;
  if (state.retryAt !== null) return draft.move({ kind: "scheduled", at: state.retryAt, reason: "retry" });
  const isToGoOn = http.pending > 0 || draft.entries.length > 0 || draft.run.paused?.discovery === true;
  if (isToGoOn) return draft.move({ kind: "blocked" });
  nothingReported(draft);
  const after = draft.executing();
  if (after && !after.discovery && !isEnded(draft.run.state))
    failRun(
      draft,
      { name: "Error", code: "nothing_reported", message: "the function reported nothing to wait for" },
      openEntries,
    );
}
