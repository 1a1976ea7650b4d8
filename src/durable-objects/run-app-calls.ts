import type { Call, Reply } from "../engine/run-machine.ts";
import type { Entry } from "../engine/run.ts";
import type { Host } from "./host.ts";
import { NotStored, type RunDecisions } from "./run-decisions.ts";
import { performGateway } from "./run-gateways.ts";
import type { RunRecord } from "./run-record.ts";
import type { HttpTransport } from "./transport.ts";

/** What calls are made with. */
export interface AppCallsParts {
  host: Host;
  record: RunRecord;
  decisions: RunDecisions;
  transport(): HttpTransport;
}

/** The calls of a run to the app that its code lives in, over HTTP. */
export class RunAppCalls {
  readonly #parts: AppCallsParts;
  #outstanding = 0;

  constructor(parts: AppCallsParts) {
    this.#parts = parts;
  }

  /** Whether an app is being waited for. */
  get areOutstanding(): boolean {
    return this.#outstanding > 0;
  }

  /** Makes a call, and decides what follows from its reply. */
  async make(call: Call): Promise<void> {
    const { decisions } = this.#parts;
    this.#outstanding += 1;
    try {
      const reply = await this.#call(call).catch((error: unknown) => this.#platformError(error));
      this.#replied(call, reply);
    } catch (error) {
      // the alarm that was committed with the call finds its reply lost
      if (!(error instanceof NotStored)) decisions.abandon(error);
    } finally {
      this.#outstanding -= 1;
      decisions.changed();
    }
  }

  #platformError(error: unknown): Reply {
    const { host } = this.#parts;
    host.report(`run ${host.name}: a call failed inside the platform`, error);
    const message = error instanceof Error ? error.message : String(error);
    return { kind: "error", error: { name: "Error", code: "platform", message }, final: false };
  }

  async #call(call: Call): Promise<Reply> {
    const { host, record, transport } = this.#parts;
    const run = record.current();
    const target = call.stepId === null ? undefined : record.stored.entry(call.stepId);
    if (target?.gateway) return performGateway(target, target.gateway, this.#parts);
    const fn = await host.objects.registry(run.env).callable(run.functionId);
    if (fn?.transport.kind !== "http") {
      const message = `function "${run.functionId}" is not registered; sync its app to let the run go on, or cancel the run`;
      return { kind: "error", error: { name: "Error", code: "function_missing", message }, final: false };
    }
    const entries = record.stored.entries();
    // after a loss steps are called one by one, so that the one that does not survive can be named
    const disableImmediateExecution = call.stepId !== null || (run.http?.pending ?? 0) > 0 || run.losses > 0;
    return transport().call({
      call,
      url: fn.transport.url,
      run,
      events: record.events(),
      entries,
      disableImmediateExecution,
      runNow: () => record.now(),
    });
  }

  #replied(call: Call, reply: Reply): void {
    const { record, decisions } = this.#parts;
    const entries = new Map<string, Entry>();
    const ids = [
      call.stepId,
      ...(reply.kind === "ops" ? reply.ops.map((op) => ("step" in op ? op.step.id : null)) : []),
    ];
    for (const id of ids) {
      const entry = id === null ? undefined : record.stored.entry(id);
      if (entry) entries.set(entry.id, entry);
    }
    const open = record.stored.openEntries();
    decisions.decide({ kind: "reply", call, reply, entries, event: record.event(), open });
  }
}
