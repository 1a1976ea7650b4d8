/// <reference lib="esnext.disposable" />
/**
 * Functions of another Worker on the account, reached by a service binding: their code reports each step to its journal,
 * which is a stub there, and goes on once that is durable. No HTTP, no signature (design §4).
 */
import type { LocalTransport, RemoteJournal } from "../durable-objects/transport.ts";
import type { Run } from "../engine/run.ts";
import type {
  BoundCall,
  BoundEntrypoint,
  BoundJournal,
  JournalLine,
  Listener,
  News,
  OpenStep,
  SettledStep,
} from "../protocol/binding.ts";
import type { SettledMemo } from "../protocol/call.ts";
import { deferred } from "../protocol/deferred.ts";
import type { EventRecord } from "../protocol/event.ts";
import type { LocalActivation } from "../protocol/journal.ts";
import { isObject } from "../protocol/json.ts";
import { readLogs } from "../protocol/logs.ts";
import type { StepOp } from "../protocol/step-op.ts";

export interface BindingParts {
  /** The entrypoint that a binding leads to. @throws Error saying what to add to wrangler.toml */
  entrypoint(binding: string): BoundEntrypoint;
  /** Delivers events that an app sends inside of a run. */
  send: BoundJournal["send"];
}

export class BindingFunctions implements LocalTransport {
  readonly #parts: BindingParts;

  constructor(parts: BindingParts) {
    this.#parts = parts;
  }

  /** Which functions there are is known to the app. */
  has(run: Pick<Run, "binding">): boolean {
    return run.binding !== undefined;
  }

  activate(run: Run, events: EventRecord[], attempt: number, journal: RemoteJournal): LocalActivation {
    const call: BoundCall = {
      functionId: run.functionId,
      runId: run.id,
      events: events.map(({ event }) => event),
      attempt,
      maxAttempts: run.retry.maxAttempts,
      hasSteps: run.steps > 0,
      cautious: journal.cautious,
      room: journal.room(),
      logs: true,
      page: run.steps === 0 ? { memos: [], next: null } : journal.page(0),
      open: run.steps === 0 ? [] : journal.openSteps(),
      ...(run.rerunOf?.step?.isEdited && { edited: journal.edited?.() }),
    };
    return new BoundActivation(this.#parts, run.binding ?? "", call, journal);
  }
}

/** An activation whose code is in another Worker: what it tells goes into the journal, and what settles is told to it. */
class BoundActivation implements LocalActivation {
  readonly #journal: RemoteJournal;
  readonly #left = deferred();
  #listener: (Listener & Partial<Disposable>) | null = null;
  #settled = new Map<string, SettledStep>();
  #retries = new Map<string, OpenStep>();
  #number = 0;
  /** the last that changed what the code waits for */
  #lastChange = 0;
  #room: number;
  #isHearing = false;
  #isPushing = false;
  #hasBegun = false;
  /** what it still tells is not listened to */
  #isOver = false;
  #isGone = false;

  constructor(parts: BindingParts, binding: string, call: BoundCall, journal: RemoteJournal) {
    this.#journal = journal;
    this.#room = call.room;
    void this.#execute(parts, binding, call);
  }

  settle(stepId: string, { memo, position }: SettledMemo): void {
    this.#settled.set(stepId, { id: stepId, position, settled: { memo, position } });
    this.#push();
  }

  retry(stepId: string): void {
    this.#retries.set(stepId, { id: stepId, attempt: this.#journal.attempt(stepId), isRunnable: true });
    this.#push();
  }

  resume(): void {
    if (this.#journal.room() !== this.#room) this.#push();
  }

  stop(): void {
    this.#isOver = true;
    this.#push();
  }

  /** The app answers when none is left. */
  bodiesOver(): Promise<void> | null {
    return this.#isGone ? null : this.#left.promise;
  }

  async #execute(parts: BindingParts, binding: string, call: BoundCall): Promise<void> {
    let problem: { code: string; message: string } | null = null;
    try {
      const journal = this.#stub(parts.send);
      const { kind } = await parts.entrypoint(binding).execute(call, journal);
      if (kind === "missing") problem = { code: "function_missing", message: missing(call.functionId, binding) };
    } catch (error) {
      if (!this.#hasBegun) problem = { code: "unreachable", message: unreachable(call.functionId, binding, error) };
    }
    this.#isGone = true;
    this.#listener?.[Symbol.dispose]?.();
    this.#left.resolve();
    if (this.#isOver) return;
    this.#isOver = true;
    if (problem) this.#journal.threw({ name: "Error", ...problem }, false, undefined);
    else this.#journal.left(); // it died, and the watchdog says what follows
  }

  #stub(send: BoundJournal["send"]): BoundJournal {
    return {
      tell: async (lines, listen) => {
        if (listen) this.#listener = listen.dup?.() ?? listen;
        return this.#hear(lines);
      },
      page: async (after) => this.#journal.page(after),
      send,
    };
  }

  #hear(lines: JournalLine[]): News {
    this.#hasBegun = true;
    this.#isHearing = true;
    try {
      for (const line of lines) {
        if (this.#isOver) break;
        this.#take(line);
      }
    } finally {
      this.#isHearing = false;
    }
    return this.#news();
  }

  #take(line: JournalLine): void {
    const journal = this.#journal;
    switch (line.kind) {
      case "op":
        return this.#report(line.op, line.retryAt);
      case "mark":
        return void journal.mark(line.step); // the answer waits for the disk
      case "logged":
        return this.#log(line.logs);
      case "room":
        return journal.needRoom(line.bodies);
      case "returned":
        journal.returned(line.data);
        break;
      case "threw":
        journal.threw(line.error, line.final, line.retryAt);
        break;
      case "yield":
        journal.yield();
        journal.left();
        break;
      case "idle":
        if (this.#settled.size > 0 || this.#retries.size > 0 || line.heard < this.#lastChange) return; // it goes on
        journal.idle();
        journal.left();
        break;
      default:
        line satisfies never;
    }
    this.#isOver = true;
  }

  #log(given: unknown): void {
    const logs = readLogs(given);
    if (logs) this.#journal.logged(logs);
  }

  #report(op: StepOp, retryAt: number | undefined): void {
    const settled = this.#journal.report(op, retryAt);
    if (!settled) return;
    const { memo, position } = settled;
    const isItsOwn = op.op === "StepRun" && isObject(memo) && "data" in memo;
    this.#settled.set(op.id, isItsOwn ? { id: op.id, position } : { id: op.id, position, settled });
  }

  /** Tells what was not asked for, together with all that is decided in the same turn. */
  #push(): void {
    if (this.#isHearing || this.#isPushing || this.#isGone) return;
    this.#isPushing = true;
    queueMicrotask(() => {
      this.#isPushing = false;
      const hasNews = this.#settled.size > 0 || this.#retries.size > 0 || this.#isOver;
      // without a listener it is told with the first answer
      if (this.#listener && (hasNews || this.#journal.room() !== this.#room)) void this.#send(this.#listener);
    });
  }

  /** One that cannot be reached any more has died: its call breaks. */
  async #send(listener: Listener): Promise<void> {
    try {
      await listener(this.#news());
    } catch {
      return;
    }
  }

  #news(): News {
    const [settled, retries] = [[...this.#settled.values()], [...this.#retries.values()]];
    this.#settled.clear();
    this.#retries.clear();
    this.#number += 1;
    if (settled.length > 0 || retries.length > 0) this.#lastChange = this.#number;
    if (!this.#isOver) this.#room = this.#journal.room();
    return { number: this.#number, settled, retries, room: this.#room, isOver: this.#isOver };
  }
}

function missing(functionId: string, binding: string): string {
  return `function "${functionId}" is not part of the app behind the binding ${binding} any more; deploy it again to let the run go on, or cancel the run`;
}

function unreachable(functionId: string, binding: string, error: unknown): string {
  const why = error instanceof Error ? error.message : String(error);
  return `function "${functionId}" could not be called by the binding ${binding}: ${why}`;
}
