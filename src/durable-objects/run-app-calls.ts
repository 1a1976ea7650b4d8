import { isOutstanding } from "../engine/run-calls.ts";
import type { Call, Decision, Reply } from "../engine/run-machine.ts";
import { type Entry, isEnded, type Run } from "../engine/run.ts";
import { readOp, type Op } from "../engine/step-ops.ts";
import type { StepOp } from "../protocol/step-op.ts";
import { callRef, readCallRef } from "../protocol/call-ref.ts";
import type { WorkerResult } from "../protocol/connect/result.ts";
import type { Host } from "./host.ts";
import { KnownMemos } from "./known-memos.ts";
import type { RegistryObjectApi } from "./objects.ts";
import { NotStored, type RunDecisions } from "./run-decisions.ts";
import type { Checkpoint } from "./run-checkpoint.ts";
import { performGateway } from "./run-gateways.ts";
import type { RunRecord } from "./run-record.ts";
import type { CallRequest, ConnectTransport, HttpTransport, WorkerMessage } from "./transport.ts";

/** What calls are made with. */
export interface AppCallsParts {
  host: Host;
  record: RunRecord;
  decisions: RunDecisions;
  transport(): HttpTransport;
  connect(): ConnectTransport;
  /** code of a run that has ended is over: what it still held can be given back */
  codeOver(): void;
}

/** The calls of a run to the app that its code lives in: over HTTP, or to a worker that has dialled in. */
export class RunAppCalls {
  readonly #parts: AppCallsParts;
  #outstanding = 0;
  /** calls that the gateway has, as far as this object remembers */
  readonly #withWorkers = new Set<string>();
  #memos = new KnownMemos();
  /** what the registry is being asked */
  #asked: ReturnType<RegistryObjectApi["callable"]> | null = null;

  constructor(parts: AppCallsParts) {
    this.#parts = parts;
  }

  /** Whether an app is being waited for. */
  get areOutstanding(): boolean {
    return this.#outstanding > 0;
  }

  /** Whether a worker may execute code of this run; what the object has forgotten does not count. */
  get areWithWorkers(): boolean {
    return this.#withWorkers.size > 0;
  }

  /** Whether the gateway has a call of this run: its answer comes by itself, and so does the news that none will. */
  async areHeld(): Promise<boolean> {
    const { host, record } = this.#parts;
    const run = record.current();
    if (!run.http) return false;
    const fn = await host.objects.registry(run.env).callable(run.functionId);
    return fn?.transport.kind === "connect" && host.objects.gateway(run.env).holds(run.id);
  }

  /** Makes a call, and decides what follows from its reply. */
  async make(call: Call): Promise<void> {
    const { decisions } = this.#parts;
    this.#outstanding += 1;
    try {
      const reply = await this.#call(call).catch((error: unknown) => this.#platformError(error));
      if (reply) this.#replied(call, reply);
    } catch (error) {
      // the alarm that was committed with the call finds its reply lost
      if (!(error instanceof NotStored)) decisions.abandon(error);
    } finally {
      this.#outstanding -= 1;
      this.#tellIfOver();
      decisions.changed();
    }
  }

  /** Forgets the results that calls carry: there will be no more of them. */
  rest(): void {
    this.#memos = new KnownMemos();
  }

  #tellIfOver(): void {
    const { record, decisions, codeOver } = this.#parts;
    if (this.areOutstanding || this.areWithWorkers) return;
    try {
      if (isEnded(record.current().state)) codeOver();
    } catch (error) {
      decisions.abandon(error); // the storage fails, or the object is gone: its alarm sees to the rest
    }
  }

  #platformError(error: unknown): Reply {
    const { host } = this.#parts;
    host.report(`run ${host.name}: a call failed inside the platform`, error);
    const message = error instanceof Error ? error.message : String(error);
    return { kind: "error", error: { name: "Error", code: "platform", message }, final: false };
  }

  /** Null: the gateway has the call, and brings the answer. */
  async #call(call: Call): Promise<Reply | null> {
    const { record, transport } = this.#parts;
    const run = record.current();
    const target = call.stepId === null ? undefined : record.stored.entry(call.stepId);
    if (target?.gateway) return performGateway(target, target.gateway, this.#parts);
    if (run.endpoint) return transport().call(this.#request(call, ""));
    const fn = await this.#callable(run);
    if (fn?.transport.kind === "connect") return this.#giveToWorker(call);
    if (fn?.transport.kind !== "http") {
      const message = `function "${run.functionId}" is not registered; sync its app to let the run go on, or cancel the run`;
      return { kind: "error", error: { name: "Error", code: "function_missing", message }, final: false };
    }
    return transport().call(this.#request(call, fn.transport.url));
  }

  /** Where its function is reached now; calls that go out together ask once. */
  #callable({ env, functionId }: Run): ReturnType<RegistryObjectApi["callable"]> {
    const { host } = this.#parts;
    return (this.#asked ??= host.objects
      .registry(env)
      .callable(functionId)
      .finally(() => (this.#asked = null)));
  }

  #request(call: Call, url: string): CallRequest {
    const { host, record } = this.#parts;
    const run = record.current();
    const edited = record.editedInput();
    // after a loss steps are called one by one, so that the one that does not survive can be named; and so is one with other
    // arguments: in any other call official clients of version 4 pass it over
    const disableImmediateExecution =
      call.stepId !== null || (run.http?.pending ?? 0) > 0 || run.losses > 0 || edited !== undefined;
    return {
      call,
      url,
      run,
      events: record.events(),
      memos: this.#memos.of(record.stored),
      edited: edited?.stepId === call.stepId ? edited : undefined,
      target: call.stepId === null ? undefined : record.stored.entry(call.stepId),
      disableImmediateExecution,
      sdk: async () => (await host.objects.registry(run.env).apps()).find(({ id }) => id === run.appId)?.sdk ?? "",
      runNow: () => record.now(),
    };
  }

  async #giveToWorker(call: Call): Promise<Reply | null> {
    const { host, record, connect } = this.#parts;
    const { id: runId, env, appId, functionId } = record.current();
    const requestId = callRef(runId, call);
    const message = await connect().message(this.#request(call, ""));
    if (message.kind === "error") return message;
    this.#withWorkers.add(requestId);
    await host.objects.gateway(env).dispatch({ requestId, runId, appId, functionId, stepId: call.stepId }, message);
    return null;
  }

  /** What a worker is sent for a call; null when nobody waits for its answer any more. */
  async message(requestId: string): Promise<WorkerMessage | null> {
    const { record, connect } = this.#parts;
    const named = readCallRef(requestId);
    const run = record.load();
    if (!named || named.runId !== run?.id) return null;
    const { state } = run;
    const isWanted =
      state.kind === "executing" && isOutstanding(run, state, named.call, this.#concerning(named.call, []).entries);
    const message = isWanted ? await connect().message(this.#request(named.call, "")) : null;
    if (message?.kind === "message") return message;
    this.#withWorkers.delete(requestId);
    return null;
  }

  /** A worker has answered a call, or the gateway has given it up. `refused`: the worker is none of this app (G11). */
  answered(requestId: string, result: WorkerResult, apps: string[] | null): "taken" | "stale" | "refused" {
    const { host, record, decisions, connect } = this.#parts;
    const named = readCallRef(requestId);
    const run = record.load();
    if (!named || named.runId !== run?.id) return "stale";
    if (apps !== null && !apps.includes(run.appId)) return "refused";
    this.#withWorkers.delete(requestId);
    if (isEnded(run.state)) {
      this.#tellIfOver();
      decisions.changed();
      return "stale";
    }
    const reply = connect().read(result, { now: host.now(), version: run.http?.version ?? -1, runNow: record.now() });
    const { stale } = this.#replied(named.call, reply);
    decisions.changed();
    return stale ? "stale" : "taken";
  }

  /** Takes what a call says while it goes on; false when nobody waits for that call, or its run has ended by it. */
  checkpoint({ call, ops, logs }: Pick<Checkpoint, "call" | "ops" | "logs">): boolean {
    const { decisions } = this.#parts;
    const { stale, run } = decisions.decide({ kind: "checkpoint", call, ops, ...this.#concerning(call, ops), logs });
    // the call of a run that is paused is not to go on
    return !stale && !isEnded(run.state) && !(run.paused && call.stepId === null);
  }

  #replied(call: Call, reply: Reply): Decision {
    const concerned = this.#concerning(call, reply.kind === "ops" ? reply.ops : []);
    const logs = reply.kind === "returned" ? undefined : reply.logs;
    return this.#parts.decisions.decide({ kind: "reply", call, reply, ...concerned, logs });
  }

  /** Takes what the code of an endpoint says; false when the platform has taken over, and this is news. */
  endpointTold(told: StepOp[]): boolean {
    const { record, decisions } = this.#parts;
    const ops = told.flatMap((op) => readOp(op, record.now()) ?? []);
    const concerned = this.#concerning(null, ops);
    const hadEnded = isEnded(record.current().state);
    if (!decisions.decide({ kind: "endpoint", ops, ...concerned }).stale) return true;
    // its answer may have been lost, and it is told once more
    return ops.every((op) => ("step" in op ? concerned.entries.has(op.step.id) : op.kind === "discover" || hadEnded));
  }

  /** What is stored of the steps that a call and its ops are about. */
  #concerning(call: Call | null, ops: Op[]) {
    const { record } = this.#parts;
    const entries = new Map<string, Entry>();
    for (const id of [call?.stepId ?? null, ...ops.map((op) => ("step" in op ? op.step.id : null))]) {
      const entry = id === null ? undefined : record.stored.entry(id);
      if (entry) entries.set(entry.id, entry);
    }
    return { entries, event: record.event(), open: record.stored.openEntries() };
  }
}
