/** A run under test: applies inputs to the run machine and keeps what a host would have stored. */
import { gatesOf, type Lease, type Refusal } from "../../src/engine/lease.ts";
import {
  apply,
  create,
  type NewRun,
  type Call,
  type Decision,
  type Input,
  type Reply,
} from "../../src/engine/run-machine.ts";
import { entryDueAt, isEnded, RUN_SCHEMA, type Effect, type Entry, type Run } from "../../src/engine/run.ts";
import type { Resolution } from "../../src/engine/run-resolve.ts";
import type { Op, StepInfo } from "../../src/engine/step-ops.ts";
import type { Memo } from "../../src/protocol/call.ts";
import type { EventValue } from "../../src/protocol/event.ts";
import { derivedUlid } from "../../src/protocol/ids.ts";
import type { JsonValue } from "../../src/protocol/json.ts";
import type { RetryPolicy } from "../../src/protocol/retry-policy.ts";
import type { WireError } from "../../src/protocol/wire-error.ts";

export const NOW = Date.UTC(2026, 0, 1);
export const RUN_ID = derivedUlid(NOW, "run under test");
const EVENT_ID = derivedUlid(NOW, "event under test");

/** Three tries, one second apart, no chance in it. */
export const FIXED: RetryPolicy = {
  maxAttempts: 3,
  backoff: "fixed",
  initialDelayMs: 1000,
  maxDelayMs: 1000,
  jitter: false,
};

export const EVENT: EventValue = { id: EVENT_ID, name: "order/created", data: { order: 7 }, user: {}, ts: NOW };

export const boom = (message = "boom"): WireError => ({ name: "Error", message });

export function newRun(changes: Partial<Run> = {}): Run {
  return {
    schema: RUN_SCHEMA,
    id: RUN_ID,
    env: "dev",
    functionId: "shop-ship",
    appId: "shop",
    functionVersion: 1,
    retry: FIXED,
    eventIds: [EVENT_ID],
    eventName: EVENT.name,
    createdAt: NOW,
    epoch: 0,
    attempt: 0,
    attemptAt: -1,
    losses: 0,
    position: 0,
    steps: 0,
    bytes: 0,
    state: { kind: "blocked" },
    ...changes,
  };
}

// ---- what code reports ---------------------------------------------------------------------------------------

export const step = (id: string, more: Partial<StepInfo> = {}): StepInfo => ({
  id,
  userId: id,
  type: "step.run",
  ...more,
});
export const done = (id: string, data: JsonValue = id, more: Partial<StepInfo> = {}): Op => ({
  kind: "done",
  step: step(id, more),
  data,
});
export const failed = (id: string, final = false, more: Partial<StepInfo> = {}): Op => ({
  kind: "error",
  step: step(id, more),
  error: boom(`${id} failed`),
  final,
});
export const plan = (id: string, more: Partial<StepInfo> = {}): Op => ({ kind: "plan", step: step(id, more) });
export const sleep = (id: string, until: number, more: Partial<StepInfo> = {}): Op => ({
  kind: "sleep",
  step: step(id, { type: "step.sleep", ...more }),
  until,
});
export const wait = (
  id: string,
  until: number,
  more: Partial<Extract<Op, { kind: "wait" }>> = {},
): Extract<Op, { kind: "wait" }> => ({
  kind: "wait",
  step: step(id, { type: "step.waitForEvent" }),
  events: ["order/paid"],
  expression: null,
  until,
  since: "commit",
  ...more,
});
export const invoke = (id: string, until: number): Op => ({
  kind: "invoke",
  step: step(id, { type: "step.invoke" }),
  functionId: "shop-bill",
  payload: { data: { amount: 3 } },
  until,
});

export class RunUnderTest {
  run: Run;
  readonly journal = new Map<string, Entry>();
  effects: Effect[] = [];
  /** what it has or asks for; those given back stay until `acknowledge` */
  readonly leases = new Map<number, Lease>();
  /** calls over HTTP that nobody has answered yet */
  calls: Call[] = [];
  now = NOW;
  random = 0;

  constructor(changes: Partial<Run> = {}) {
    this.run = newRun(changes);
  }

  /** A run of an app behind a URL. */
  static http(version: number, changes: Partial<Run> = {}): RunUnderTest {
    const run = new RunUnderTest({ http: { version, pending: 0, discoveries: 0, emptyAt: null }, ...changes });
    run.begin();
    return run;
  }

  /** A run whose code is executing in this process. */
  static local(changes: Partial<Run> = {}): RunUnderTest {
    const run = new RunUnderTest(changes);
    run.begin();
    return run;
  }

  apply(input: Input): Decision {
    deepFreeze(this.run); // a decision changes nothing that it was given
    deepFreeze(input);
    const leases = [...this.leases.values()];
    deepFreeze(leases);
    const decision = apply(this.run, input, { now: this.now, random: this.random }, leases);
    if (decision.stale) return decision;
    return this.#keep(decision);
  }

  /** Its first decision. */
  create(more: Partial<NewRun> = {}): Decision {
    const how = { at: this.now, event: EVENT, isSkipped: false, ...more };
    return this.#keep(create(this.run, how, { now: this.now, random: this.random }));
  }

  #keep(decision: Decision): Decision {
    this.run = decision.run;
    for (const lease of decision.leases) this.leases.set(lease.seq, lease);
    for (const entry of decision.entries) this.journal.set(entry.id, entry);
    this.effects.push(...decision.effects);
    this.calls.push(...decision.calls);
    return decision;
  }

  /** `slot status` of each lease, in the order in which they were asked for. */
  get line(): string[] {
    return [...this.leases.values()].sort((a, b) => a.seq - b.seq).map(({ slot, status }) => `${slot} ${status}`);
  }

  lease(slot: string): Lease {
    const lease = [...this.leases.values()].find((one) => one.slot === slot && one.status !== "releasing");
    if (!lease) throw new Error(`there is no lease of ${slot}, only ${this.line.join(", ")}`);
    return lease;
  }

  /** The gate that a lease is at answers. */
  at(slot: string, kind: "admitted" | "lined" = "admitted"): Decision {
    const lease = this.lease(slot);
    const gate = this.run.admission && gatesOf(lease, this.run.admission)[lease.passed];
    return this.apply({ kind, seq: lease.seq, object: gate?.object ?? "" });
  }

  refuse(slot: string, refusal: Refusal): Decision {
    return this.apply({ kind: "refused", seq: this.lease(slot).seq, refusal, open: this.open() });
  }

  room = (bodies: number): Decision => this.apply({ kind: "room", bodies });

  /** What was given back has been taken. */
  acknowledge(): void {
    for (const { seq, status } of this.leases.values()) if (status === "releasing") this.leases.delete(seq);
  }

  /** The entry of a step that is in the journal. */
  entry(id: string): Entry {
    const entry = this.journal.get(id);
    if (!entry) throw new Error(`step ${id} is not in the journal`);
    return entry;
  }

  status(id: string): Entry["status"] {
    return this.entry(id).status;
  }

  /** The stored result of a step; undefined when it has none. */
  memo(id: string): Memo | undefined {
    const status = this.journal.get(id)?.status;
    return status?.kind === "settled" ? status.memo : undefined;
  }

  get state(): Run["state"] {
    return this.run.state;
  }

  get isEnded(): boolean {
    return isEnded(this.run.state);
  }

  /** Entries that an end must withdraw: those with a deadline, as the store selects them. */
  open(): Entry[] {
    return [...this.journal.values()].filter((entry) => entryDueAt(entry) !== null);
  }

  begin = (): Decision => this.apply({ kind: "begin" });
  idle = (): Decision => this.apply({ kind: "idle" });
  yield = (): Decision => this.apply({ kind: "yield" });
  cancel = (reason = "asked", cascade?: boolean): Decision =>
    this.apply({ kind: "cancel", reason, cascade, open: this.open() });
  timedOut = (): Decision => this.apply({ kind: "timed-out", open: this.open() });
  due = (id: string): Decision => this.apply({ kind: "due", entry: this.entry(id) });
  answer = (id: string, memo: Memo, found?: boolean): Decision =>
    this.apply({ kind: "answer", entry: this.entry(id), memo, found });
  wake = (id: string): Decision => this.apply({ kind: "wake", entry: this.entry(id) });
  pause = (): Decision => this.apply({ kind: "pause", planned: this.planned() });
  resume = (): Decision => this.apply({ kind: "resume", planned: this.planned() });
  planned = (): Entry[] => [...this.journal.values()].filter((entry) => entry.status.kind === "planned");
  resolve = (id: string, resolution: Resolution): Decision =>
    this.apply({ kind: "resolve", entry: this.entry(id), resolution });
  advance = (byMs: number): Decision => this.apply({ kind: "advance", byMs });
  subscribed = (id: string): Decision => this.apply({ kind: "subscribed", entry: this.entry(id) });
  returned = (data: JsonValue = null): Decision => this.apply({ kind: "returned", data, open: this.open() });
  threw = (final = false, retryAt?: number): Decision =>
    this.apply({ kind: "threw", error: boom(), final, retryAt, open: this.open() });
  mark = (id: string): Decision => this.apply({ kind: "mark", step: step(id), entry: this.journal.get(id) });

  op(op: Op, retryAt?: number): Decision {
    const entry = "step" in op ? this.journal.get(op.step.id) : undefined;
    return this.apply({ kind: "op", op, entry, event: EVENT, retryAt });
  }

  /** The process died: nobody answers what was asked. */
  lost(): Decision {
    this.calls = [];
    const entries = [...this.journal.values()];
    return this.apply({
      kind: "lost",
      marked: entries.find((entry) => entry.status.kind === "running"),
      planned: entries.filter((entry) => entry.status.kind === "planned"),
      open: this.open(),
    });
  }

  // ---- http ----------------------------------------------------------------------------------------------------

  /** Ids of the steps that calls are outstanding for; `null` is a discovery. */
  asked(): (string | null)[] {
    return this.calls.map((call) => call.stepId);
  }

  /** The outstanding call for a step or, with null, the discovery. */
  call(stepId: string | null): Call {
    const call = this.calls.find((candidate) => candidate.stepId === stepId);
    if (!call) throw new Error(`no call for ${stepId} is outstanding, only ${JSON.stringify(this.asked())}`);
    return call;
  }

  /** Answers an outstanding call. */
  reply(stepId: string | null, reply: Reply): Decision {
    const call = this.call(stepId);
    this.calls.splice(this.calls.indexOf(call), 1);
    return this.replyTo(call, reply);
  }

  /** Answers any call, outstanding or not. */
  replyTo(call: Call, reply: Reply): Decision {
    return this.apply({ kind: "reply", call, reply, entries: new Map(this.journal), event: EVENT, open: this.open() });
  }

  ops(stepId: string | null, ...ops: Op[]): Decision {
    return this.reply(stepId, { kind: "ops", ops, version: this.run.http?.version ?? 2 });
  }

  /** An outstanding call tells of steps while it goes on. */
  checkpoint(stepId: string | null, ...ops: Op[]): Decision {
    return this.checkpointOf(this.call(stepId), ...ops);
  }

  /** As any call, outstanding or not, may. */
  checkpointOf(call: Call, ...ops: Op[]): Decision {
    return this.apply({
      kind: "checkpoint",
      call,
      ops,
      entries: new Map(this.journal),
      event: EVENT,
      open: this.open(),
    });
  }

  /** The code of an endpoint tells of steps. */
  endpointTold(...ops: Op[]): Decision {
    return this.apply({ kind: "endpoint", ops, entries: new Map(this.journal), event: EVENT, open: this.open() });
  }

  /** The app answered with an error that is not a step's. */
  fails(stepId: string | null, more: { final?: boolean; retryAt?: number } = {}): Decision {
    return this.reply(stepId, { kind: "error", error: boom(), final: false, ...more });
  }
}

function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null || value instanceof Map || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
}
