/**
 * The rules of a run, as pure decisions: header, input and time in; header, journal entries, effects and calls out.
 * This is the only place where a status changes.
 *
 * Invariants (design §5):
 * 1. A settled entry never changes (G2); a second result of its step is ignored.
 * 2. An ended run never changes; a call counts only in the epoch it was made in, while it is outstanding (G4).
 * 3. A run that is neither executing nor ended has a time in its state or at least one open entry (G5).
 * 4. Whatever must happen outside is an effect of the same decision (G6).
 *
 * Over `local` one activation executes the handler and reports as it goes. Over `http` the handler is replayed by
 * discovery calls and planned steps are called one by one; `http.pending` counts the steps that the next discovery
 * waits for (inngest-protocol §3.7).
 */
import { derivedUlid } from "../protocol/ids.ts";
import { internalEvents, type EventRecord } from "../protocol/event.ts";
import { byteLength, type JsonObject, type JsonValue } from "../protocol/json.ts";
import {
  RUN_OUTPUT_MAX_BYTES,
  RUN_STATE_DISK_MAX_BYTES,
  RUN_STATE_HTTP_MAX_BYTES,
  STEPS_PER_RUN_MAX,
} from "../protocol/limits.ts";
import { errorNames, type WireError } from "../protocol/wire-error.ts";
import type { Memo } from "../protocol/call.ts";
import { prepareWait } from "./expression.ts";
import { retryDelayMs } from "./retry.ts";
import { isEnded, type Effect, type Entry, type EntryKind, type EntryStatus, type Executing, type Run } from "./run.ts";
import type { InvokePayload, Op, StepInfo } from "./step-ops.ts";
import type { EventValue } from "../protocol/event.ts";

/** Time and chance, handed in so that a decision can be repeated exactly. */
export interface Moment {
  now: number;
  /** in [0, 1) */
  random: number;
}

/** One request to the code of a run over HTTP. `stepId` is null for a discovery. */
export interface Call {
  stepId: string | null;
  attempt: number;
  epoch: number;
}

/** What an app made of a call. */
export type Reply =
  | { kind: "ops"; ops: Op[]; version: number; retryAt?: number }
  | { kind: "returned"; data: JsonValue; version: number }
  | { kind: "error"; error: WireError; final: boolean; retryAt?: number; version?: number };

export type Input =
  /** the state's time has come, or the run has just been created */
  | { kind: "begin" }
  /** local: the activation reports a step */
  | { kind: "op"; op: Op; entry: Entry | undefined; event: EventValue; retryAt?: number }
  /** local, cautious mode: the body of this step is about to run */
  | { kind: "mark"; step: StepInfo; entry: Entry | undefined }
  | { kind: "returned"; data: JsonValue; open: Entry[] }
  | { kind: "threw"; error: WireError; final: boolean; retryAt?: number; open: Entry[] }
  /** local: every branch is blocked on an open entry */
  | { kind: "idle" }
  /** local: the activation used up its steps; the next one goes on */
  | { kind: "yield" }
  /** http: a call was answered */
  | { kind: "reply"; call: Call; reply: Reply; entries: Map<string, Entry>; event: EventValue; open: Entry[] }
  /** the deadline of an open entry is over */
  | { kind: "due"; entry: Entry }
  /** an event or a finished callee answers an open entry */
  | { kind: "answer"; entry: Entry; memo: Memo }
  /** EventDO holds the subscription of a wait */
  | { kind: "subscribed"; entry: Entry }
  /** the object woke and found an executing run without an activation */
  | { kind: "lost"; marked: Entry | undefined; planned: Entry[]; open: Entry[] }
  | { kind: "cancel"; reason: string; open: Entry[] };

export interface Decision {
  run: Run;
  /** the header must be stored; false when only the journal grew */
  saveRun: boolean;
  entries: Entry[];
  effects: Effect[];
  /** entries that were settled, in order */
  settled: Entry[];
  /** http: calls to make now */
  calls: Call[];
  /** local: start an activation, or wake the one that is suspended */
  activate: boolean;
  /** the input came from something that is over; nothing was changed */
  stale: boolean;
}

/** Applies one input to a run. The given run is not changed; entries in the decision are new objects. */
export function apply(run: Run, input: Input, moment: Moment): Decision {
  const draft = new Draft(run, moment);
  if (isEnded(run.state)) draft.stale = true;
  else decide(draft, input);
  return draft;
}

class Draft implements Decision {
  run: Run;
  saveRun = false;
  entries: Entry[] = [];
  effects: Effect[] = [];
  settled: Entry[] = [];
  calls: Call[] = [];
  activate = false;
  stale = false;
  readonly moment: Moment;

  constructor(run: Run, moment: Moment) {
    this.run = { ...run, state: { ...run.state }, http: run.http && { ...run.http } };
    this.moment = moment;
  }

  get now(): number {
    return this.moment.now;
  }

  /** The header with its state changed; the header is stored. */
  move(state: Run["state"]): void {
    this.run.state = state;
    this.saveRun = true;
  }

  /** Stores an entry as the journal's next commit. */
  write(entry: Entry, status: EntryStatus): Entry {
    this.run.position += 1;
    const written = { ...entry, status, position: this.run.position };
    const same = this.entries.findIndex((other) => other.id === entry.id);
    if (same >= 0) this.entries.splice(same, 1, written);
    else this.entries.push(written);
    return written;
  }

  executing(): Executing | null {
    return this.run.state.kind === "executing" ? this.run.state : null;
  }
}

function decide(draft: Draft, input: Input): void {
  switch (input.kind) {
    case "begin":
      return begin(draft);
    case "op":
      return reportLocal(draft, input.op, input.entry, input.event, input.retryAt);
    case "mark":
      if (input.entry?.status.kind === "settled") draft.stale = true;
      else draft.write(input.entry ?? open(draft, input.step, "run"), { kind: "running" });
      return;
    case "returned":
      return complete(draft, input.data, input.open);
    case "threw":
      return handlerFailed(draft, input.error, input.final, input.retryAt, input.open);
    case "idle":
      // executing → blocked: every branch waits for an open entry
      draft.run.losses = 0;
      return draft.move({ kind: "blocked" });
    case "yield":
      draft.run.losses = 0;
      return draft.move({ kind: "scheduled", at: draft.now, reason: "yield" });
    case "reply":
      return replied(draft, input);
    case "due":
      return due(draft, input.entry);
    case "answer":
      return answer(draft, input.entry, input.memo);
    case "subscribed":
      if (input.entry.status.kind === "registering")
        draft.write(input.entry, { kind: "waiting", until: input.entry.status.until });
      return;
    case "lost":
      return lost(draft, input.marked, input.planned, input.open);
    case "cancel":
      draft.run.epoch += 1;
      // any → cancelled
      return end(draft, { kind: "cancelled", endedAt: draft.now, reason: input.reason }, input.open);
  }
}

/** Scheduled or blocked → executing. Over HTTP that is a discovery call. */
function begin(draft: Draft): void {
  const { run } = draft;
  if (run.state.kind === "executing") {
    draft.stale = true;
    return;
  }
  run.startedAt ??= draft.now;
  execute(draft);
  if (run.http) discover(draft);
  else draft.activate = true;
}

function execute(draft: Draft): Executing {
  const { run } = draft;
  if (run.state.kind === "executing") return run.state;
  const state: Executing = {
    kind: "executing",
    since: draft.now,
    from: run.position,
    discovery: !run.http,
    again: false,
    targeted: 0,
    // a step that is called before the discovery that failed comes again does not replace it
    retryAt: run.http && run.state.kind === "scheduled" ? run.state.at : null,
  };
  draft.move(state);
  return state;
}

/** Asks for a discovery call; at most one is outstanding. */
function discover(draft: Draft): void {
  const state = execute(draft);
  draft.saveRun = true;
  if (state.discovery) {
    state.again = true;
    return;
  }
  state.discovery = true;
  state.again = false;
  state.retryAt = null;
  draft.calls.push({ stepId: null, attempt: attemptOf(draft.run), epoch: draft.run.epoch });
}

function callStep(draft: Draft, entry: Entry): void {
  const state = execute(draft);
  draft.saveRun = true;
  state.targeted += 1;
  draft.calls.push({ stepId: entry.id, attempt: entry.attempt, epoch: draft.run.epoch });
}

/** Attempt of the handler that runs or comes next: back to 0 once the journal has moved on (inngest-protocol §4). */
export function attemptOf(run: Run): number {
  return run.position > run.attemptAt ? 0 : run.attempt;
}

// ---- steps -------------------------------------------------------------------------------------------------------

function reportLocal(draft: Draft, op: Op, entry: Entry | undefined, event: EventValue, retryAt?: number): void {
  if (entry?.status.kind === "settled") {
    draft.stale = true; // first result wins
    return;
  }
  if (op.kind === "done" || op.kind === "error") return ranBody(draft, op, entry, retryAt, "entry");
  if (op.kind === "plan" || op.kind === "complete" || op.kind === "discover" || entry !== undefined) return;
  openEntry(draft, op, event);
}

/** The body of a step ended: settle it, or plan its next attempt. */
function ranBody(
  draft: Draft,
  op: Extract<Op, { kind: "done" } | { kind: "error" }>,
  known: Entry | undefined,
  retryAt: number | undefined,
  retryBy: "entry" | "run",
): void {
  const entry = known ?? open(draft, op.step, "run");
  if (draft.run.state.kind === "failed") return; // `open` ended the run: too many steps
  if (op.kind === "done") return settle(draft, entry, { data: op.data });
  stepFailed(draft, entry, op.error, op.final, retryAt, retryBy, op.step);
}

function stepFailed(
  draft: Draft,
  entry: Entry,
  error: WireError,
  final: boolean,
  retryAt: number | undefined,
  retryBy: "entry" | "run",
  step?: StepInfo,
): void {
  const policy = step?.retry ?? entry.retry ?? draft.run.retry;
  const delay = final ? null : retryDelayMs(policy, entry.attempt, draft.moment.random);
  const failure = { attempt: entry.attempt, endedAt: draft.now, error };
  const failed: Entry = { ...entry, failures: [...entry.failures, failure], retry: policyOf(entry, step) };
  // out of attempts: the handler gets a StepError, which it may catch
  if (delay === null) return settle(draft, failed, { error: error as JsonObject });
  const at = retryAt ?? draft.now + delay;
  const next: Entry = { ...failed, attempt: entry.attempt + 1 };
  if (retryBy === "entry") {
    draft.write(next, { kind: "retrying", at });
    return;
  }
  const { run } = draft;
  draft.write(next, { kind: "retrying", at: null });
  run.attempt = next.attempt;
  run.attemptAt = run.position;
  const state = draft.executing();
  if (state) state.retryAt = at;
}

function policyOf(entry: Entry, step: StepInfo | undefined): Entry["retry"] {
  return step?.retry ?? entry.retry;
}

function openEntry(
  draft: Draft,
  op: Extract<Op, { kind: "sleep" } | { kind: "wait" } | { kind: "invoke" }>,
  event: EventValue,
): Entry | null {
  const entry = open(draft, op.step, op.kind);
  if (isEnded(draft.run.state)) return null;
  switch (op.kind) {
    case "sleep":
      return draft.write(entry, { kind: "sleeping", until: op.until });
    case "wait": {
      const wait = { events: op.events, expression: op.expression, since: op.since };
      const since = op.since === "run" ? draft.run.createdAt : draft.now;
      draft.effects.push({
        kind: "subscribe",
        id: `subscribe/${entry.id}`,
        stepId: entry.id,
        events: op.events,
        wait: prepareWait(op.expression, event),
        since,
        until: op.until,
      });
      return draft.write({ ...entry, wait }, { kind: "registering", until: op.until });
    }
    case "invoke": {
      draft.effects.push({
        kind: "invoke",
        id: `invoke/${entry.id}`,
        stepId: entry.id,
        functionId: op.functionId,
        record: invokeRecord(draft, entry.id, op.functionId, op.payload),
      });
      return draft.write({ ...entry, invoke: { functionId: op.functionId } }, { kind: "invoking", until: op.until });
    }
  }
}

function invokeRecord(draft: Draft, stepId: string, functionId: string, payload: InvokePayload): EventRecord {
  const { run, now } = draft;
  const internalId = derivedUlid(now, `invoke\0${run.id}\0${stepId}`);
  const origin = {
    fn_id: functionId,
    correlation_id: `${run.id}.${stepId}`,
    source_app_id: run.appId,
    source_fn_id: run.functionId,
  };
  return {
    internalId,
    event: {
      id: internalId,
      name: internalEvents.invoked,
      data: { ...payload.data, _inngest: origin },
      user: payload.user ?? {},
      ts: now,
      ...(payload.v === undefined ? {} : { v: payload.v }),
      ...(payload.meta === undefined ? {} : { meta: payload.meta }),
    },
  };
}

/** A new journal entry, not yet written. The step that is one too many ends the run. */
function open(draft: Draft, step: StepInfo, kind: EntryKind): Entry {
  const { run } = draft;
  run.steps += 1;
  if (run.steps > STEPS_PER_RUN_MAX)
    failRun(draft, {
      name: errorNames.functionOverflowed,
      code: "steps_exceeded",
      message: `the run reported step ${run.steps} ("${step.userId}"); a run has at most ${STEPS_PER_RUN_MAX} steps`,
    });
  return {
    id: step.id,
    userId: step.userId,
    kind,
    type: step.type,
    name: step.name,
    position: 0,
    opened: run.position + 1,
    status: { kind: "planned" },
    attempt: 0,
    failures: [],
    retry: step.retry,
    input: step.input,
    version: run.functionVersion,
    createdAt: draft.now,
    race: step.race,
  };
}

/** Stores the result of a step for good (G2). */
function settle(draft: Draft, entry: Entry, memo: Memo): void {
  const { run } = draft;
  const bound = run.http ? RUN_STATE_HTTP_MAX_BYTES : RUN_STATE_DISK_MAX_BYTES;
  run.bytes += byteLength(JSON.stringify(memo));
  draft.settled.push(draft.write(entry, { kind: "settled", memo, at: draft.now }));
  if (run.bytes > bound)
    failRun(draft, {
      name: errorNames.stateOverflowed,
      code: "state_exceeded",
      message: `the run's steps hold ${run.bytes} bytes; the bound is ${bound}; return references instead of large values`,
    });
}

/** An open entry's own time has come. */
function due(draft: Draft, entry: Entry): void {
  switch (entry.status.kind) {
    case "sleeping":
      return resume(draft, entry, null); // the sleep is over
    case "registering":
    case "waiting":
      draft.effects.push(unsubscribe(entry));
      return resume(draft, entry, null); // gave up waiting
    case "invoking": {
      const message = "Timed out waiting for invoked function to complete";
      const error = { name: errorNames.invokeTimeout, message, error: `${errorNames.invokeTimeout}: ${message}` };
      return resume(draft, entry, { error });
    }
    case "retrying":
      if (draft.run.http) {
        draft.write(entry, { kind: "planned" });
        return callStep(draft, { ...entry });
      }
      // blocked → executing; without a time it is not due a second time
      draft.write(entry, { kind: "retrying", at: null });
      execute(draft);
      draft.activate = true;
      return;
    default:
      draft.stale = true;
  }
}

function answer(draft: Draft, entry: Entry, memo: Memo): void {
  const { kind } = entry.status;
  if (kind !== "waiting" && kind !== "registering" && kind !== "invoking") {
    draft.stale = true;
    return;
  }
  if (kind !== "invoking" && (entry.wait?.events.length ?? 0) > 1) draft.effects.push(unsubscribe(entry));
  resume(draft, entry, memo);
}

/** An open entry got its result: the code that waits for it goes on. */
function resume(draft: Draft, entry: Entry, memo: Memo): void {
  settle(draft, entry, memo);
  if (isEnded(draft.run.state)) return;
  if (draft.run.http) return afterSettled(draft, entry);
  // blocked → executing
  execute(draft);
  draft.activate = true;
}

function unsubscribe(entry: Entry): Effect {
  return { kind: "unsubscribe", id: `unsubscribe/${entry.id}`, stepId: entry.id, events: entry.wait?.events ?? [] };
}

// ---- replies over HTTP -------------------------------------------------------------------------------------------

function replied(draft: Draft, input: Extract<Input, { kind: "reply" }>): void {
  const { run } = draft;
  const { call, reply } = input;
  const state = draft.executing();
  if (!run.http || !state || !isOutstanding(run, state, call, input.entries)) {
    draft.stale = true;
    return;
  }
  draft.saveRun = true;
  run.losses = 0;
  if (reply.version !== undefined) run.http.version = reply.version;
  if (call.stepId === null) state.discovery = false;
  else state.targeted -= 1;

  if (reply.kind === "returned") return complete(draft, reply.data, input.open);
  if (reply.kind === "error") callFailed(draft, call, reply, input);
  else takeOps(draft, call, reply, input);
  if (!isEnded(run.state)) rest(draft, input.open);
}

function isOutstanding(run: Run, state: Executing, call: Call, entries: Map<string, Entry>): boolean {
  if (call.epoch !== run.epoch) return false;
  if (call.stepId === null) return state.discovery;
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
  const reported = reply.ops.filter((op) => op.kind !== "complete" && op.kind !== "discover");
  const grouped = reported.length > 1;
  const taken = new Set<string>();
  // waits first, so that nothing else of the reply can run ahead of them (inngest-protocol §3.4)
  for (const op of [...reply.ops].sort((a, b) => Number(b.kind === "wait") - Number(a.kind === "wait"))) {
    if (isEnded(run.state)) return;
    if ("step" in op && taken.has(op.step.id)) continue; // told twice: the first counts
    if ("step" in op) taken.add(op.step.id);
    takeOp(draft, call, op, grouped, reply.retryAt, input);
  }
  if (isEnded(run.state)) return;
  if (call.stepId !== null) return targetReported(draft, { ...call, stepId: call.stepId }, reply, input);
  if (reported.length === 0 && reply.ops.length === 0) nothingReported(draft);
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
  { entries, event, open: openEntries }: Extract<Input, { kind: "reply" }>,
): void {
  if (op.kind === "complete") return complete(draft, op.data, openEntries);
  if (op.kind === "discover") return discover(draft);
  const known = entries.get(op.step.id);
  if (known?.status.kind === "settled") return;
  // a step that failed inside a discovery waits for the next one; every other open entry is counted as pending
  const counted = known?.status.kind === "retrying" && known.status.at === null ? null : (known ?? null);
  if (op.kind === "done" || op.kind === "error") {
    const state = draft.executing();
    if (state && known?.status.kind === "planned" && call.stepId !== known.id) state.targeted -= 1; // its own call is over
    const retryBy = call.stepId === null && !counted ? "run" : "entry";
    const before = draft.settled.length;
    ranBody(draft, op, known, retryAt, retryBy);
    if (isEnded(draft.run.state)) return;
    if (draft.settled.length > before) return afterSettled(draft, counted, op.step.race);
    if (retryBy === "entry" && !counted) count(draft, 1); // from now on it is called by itself
    return;
  }
  if (counted || (known && op.kind !== "plan")) return; // reported again while it is open
  if (op.kind === "plan") {
    const entry = known ?? open(draft, op.step, "run");
    if (isEnded(draft.run.state)) return;
    const planned = draft.write({ ...entry, grouped }, { kind: "planned" });
    count(draft, 1);
    return callStep(draft, planned);
  }
  if (openEntry(draft, op, event)) count(draft, 1);
}

function count(draft: Draft, change: number): void {
  if (draft.run.http) draft.run.http.pending += change;
}

/**
 * A step has its memo: whether the handler is replayed now. Version 1 asks after every step, version 2 once all
 * reported steps have settled, or after each for steps in race mode (inngest-protocol §3.7).
 *
 * @param counted the entry when it had been open, and so is counted as pending
 */
function afterSettled(draft: Draft, counted: Entry | null, race?: boolean): void {
  const { http } = draft.run;
  if (!http) return;
  draft.saveRun = true;
  if (counted) http.pending -= 1;
  if (http.version < 2 || http.pending <= 0 || (counted?.race ?? race) === true) discover(draft);
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
  input: Extract<Input, { kind: "reply" }>,
): void {
  if (call.stepId === null) return handlerFailed(draft, reply.error, reply.final, reply.retryAt, input.open);
  const entry = input.entries.get(call.stepId);
  if (!entry) return;
  const policy = entry.retry ?? draft.run.retry;
  const delay = reply.final ? null : retryDelayMs(policy, entry.attempt, draft.moment.random);
  const failures = [...entry.failures, { attempt: entry.attempt, endedAt: draft.now, error: reply.error }];
  // an error that is not the step's own ends the run when no attempt is left (inngest-protocol §4)
  if (delay === null) return failRun(draft, reply.error, input.open);
  const at = reply.retryAt ?? draft.now + delay;
  draft.write({ ...entry, failures, attempt: entry.attempt + 1 }, { kind: "retrying", at });
}

/** After a reply: what the run is doing when no call is outstanding any more. */
function rest(draft: Draft, openEntries: Entry[]): void {
  const state = draft.executing();
  const { http } = draft.run;
  if (!state || !http) return;
  if (state.again && !state.discovery) return discover(draft);
  if (state.discovery || state.targeted > 0) return;
  if (state.retryAt !== null) return draft.move({ kind: "scheduled", at: state.retryAt, reason: "retry" });
  if (http.pending > 0 || draft.entries.length > 0) return draft.move({ kind: "blocked" });
  nothingReported(draft);
  const after = draft.executing();
  if (after && !after.discovery && !isEnded(draft.run.state))
    failRun(
      draft,
      { name: "Error", code: "nothing_reported", message: "the function reported nothing to wait for" },
      openEntries,
    );
}

// ---- ends --------------------------------------------------------------------------------------------------------

function complete(draft: Draft, output: JsonValue, openEntries: Entry[]): void {
  const size = byteLength(JSON.stringify(output));
  if (size > RUN_OUTPUT_MAX_BYTES) {
    const message = `the function's result of ${size} bytes is over the bound of ${RUN_OUTPUT_MAX_BYTES}; store it elsewhere and return a reference`;
    return failRun(draft, { name: "RangeError", code: "output_too_large", message }, openEntries);
  }
  // executing → completed
  end(draft, { kind: "completed", endedAt: draft.now, output }, openEntries);
}

/** The handler threw: another attempt of the whole function, or its end. */
function handlerFailed(
  draft: Draft,
  error: WireError,
  final: boolean,
  retryAt: number | undefined,
  openEntries: Entry[],
): void {
  const { run } = draft;
  const attempt = attemptOf(run);
  const delay = final ? null : retryDelayMs(run.retry, attempt, draft.moment.random);
  if (delay === null) return failRun(draft, error, openEntries);
  const at = retryAt ?? draft.now + delay;
  run.attempt = attempt + 1;
  run.attemptAt = run.position;
  run.lastError = error;
  const state = draft.executing();
  // executing → scheduled, unless calls to single steps are still outstanding
  if (run.http && state && (state.targeted > 0 || state.discovery)) {
    state.retryAt = at;
    state.again = false; // the retry tells of what settled meanwhile
  } else draft.move({ kind: "scheduled", at, reason: "retry" });
  draft.saveRun = true;
}

function failRun(draft: Draft, error: WireError, openEntries: Entry[] = []): void {
  // executing → failed
  end(draft, { kind: "failed", endedAt: draft.now, error }, openEntries);
}

function end(draft: Draft, state: Run["state"], openEntries: Entry[]): void {
  const { run } = draft;
  draft.move(state);
  draft.calls = [];
  draft.activate = false;
  for (const entry of openEntries)
    if (entry.status.kind === "waiting" || entry.status.kind === "registering") draft.effects.push(unsubscribe(entry));
  draft.effects.push(...endEffects(run));
}

/**
 * What an ended run owes the outside: its invoker first, then whoever listens. They follow from the header, so they need
 * no rows of their own: a run that ended and has not cleared its alarm performs them (again).
 */
export function endEffects(run: Run): Effect[] {
  const { state, invoker } = run;
  if (!isEnded(state)) return [];
  const effects: Effect[] = invoker ? [{ kind: "resume", id: "resume", invoker, memo: memoOf(run) }] : [];
  const names = announced(run);
  if (names.length > 0)
    effects.push({ kind: "announce", id: "announce", names, data: outcomeData(run), at: state.endedAt });
  return effects;
}

/** What the step that invoked this run gets. */
function memoOf({ state, functionId, id }: Run): Memo {
  switch (state.kind) {
    case "completed":
      return { data: state.output };
    case "failed":
      return { error: state.error as JsonObject };
    default:
      return {
        error: { name: "FunctionCancelledError", message: `run ${id} of function "${functionId}" was cancelled` },
      };
  }
}

/** Events that tell of this end. Runs that such an event started tell nothing, or they would loop (inngest-protocol §1.6). */
function announced(run: Run): string[] {
  if (run.eventName === internalEvents.failed || run.eventName === internalEvents.finished) return [];
  if (run.state.kind === "failed") return [internalEvents.finished, internalEvents.failed];
  if (run.state.kind === "cancelled") return [internalEvents.finished, internalEvents.cancelled];
  return [internalEvents.finished];
}

/** `data` of the events that tell of a run's end, without its trigger events, which the run's object adds. */
function outcomeData(run: Run): JsonObject {
  const base = { function_id: run.functionId, run_id: run.id };
  if (run.state.kind === "completed") return { ...base, result: run.state.output, _inngest: { status: "Completed" } };
  if (run.state.kind === "failed")
    return { ...base, error: run.state.error as JsonObject, _inngest: { status: "Failed" } };
  return { ...base, _inngest: { status: "Cancelled" } };
}

// ---- losses ------------------------------------------------------------------------------------------------------

/**
 * The object died while code was executing. The epoch rises, so whatever that activation still reports is stale. Once
 * an activation has died without a commit the next one is cautious: it marks each step before its body; a loss after
 * the mark is that step's failed attempt (design §4).
 */
function lost(draft: Draft, marked: Entry | undefined, planned: Entry[], openEntries: Entry[]): void {
  const { run } = draft;
  const state = draft.executing();
  if (!state) {
    draft.stale = true;
    return;
  }
  run.epoch += 1;
  draft.saveRun = true;
  const wasCautious = run.losses > 0;
  const progressed = run.position > state.from && !(wasCautious && marked);
  run.losses = progressed ? 0 : run.losses + 1;
  const blamed = wasCautious && !progressed;
  // executing → blocked: what follows begins anew
  run.state = { kind: "blocked" };

  if (run.http) {
    if (blamed) return blameCalls(draft, state, planned, openEntries);
    for (const entry of planned) callStep(draft, entry);
    if (state.discovery || (planned.length === 0 && state.retryAt === null)) return discover(draft);
    return keepRetry(draft, state.retryAt);
  }
  if (blamed && marked) {
    stepFailed(draft, marked, lossError(marked.userId), false, undefined, "entry");
    if (isEnded(run.state) || draft.settled.length === 0) return;
  } else if (blamed) {
    return handlerFailed(draft, lossError(null), false, undefined, openEntries);
  }
  begin(draft);
}

function blameCalls(draft: Draft, state: Executing, planned: Entry[], openEntries: Entry[]): void {
  for (const entry of planned) {
    stepFailed(draft, entry, lossError(entry.userId), false, undefined, "entry");
    if (isEnded(draft.run.state)) return;
    if (draft.settled.some((settled) => settled.id === entry.id)) afterSettled(draft, entry);
  }
  if (draft.executing()) return; // a step used up its attempts: the handler is asked at once
  if (state.discovery) handlerFailed(draft, lossError(null), false, undefined, openEntries);
  else keepRetry(draft, state.retryAt);
}

/** A discovery that had failed before the loss still comes again at its time. */
function keepRetry(draft: Draft, at: number | null): void {
  if (at === null) return;
  const state = draft.executing();
  if (state) state.retryAt = at;
  else draft.move({ kind: "scheduled", at, reason: "retry" });
}

function lossError(userId: string | null): WireError {
  const what = userId === null ? "the function" : `step "${userId}"`;
  return {
    name: errorNames.stepLost,
    code: "step_lost",
    message: `${what} stopped without a result, twice in a row: the process or object it ran in died (out of memory, CPU limit, reset or deploy)`,
  };
}
