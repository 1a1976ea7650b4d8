import type { Lease } from "../engine/lease.ts";
import { invokedRunId } from "../engine/run-steps.ts";
import type { StoredLogs } from "../engine/run-logs.ts";
import { isEnded, runStatus, type Entry, type Run, type RunStatus } from "../engine/run.ts";
import type { EventValue } from "../protocol/event.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { LogLineLevel } from "../protocol/logs.ts";
import type { DurationInput } from "../protocol/time-string.ts";
import { restoreError } from "../sdk/errors.ts";
import type { StepControl, StepSelector } from "./step-control.ts";
import { dueAt, story, waitsFor } from "./timeline.ts";

/** A step of a run, as its journal tells. */
export interface TestStep {
  id: string;
  /** `run` is code of the function: `step.run`, `step.sendEvent`, `step.sendSignal`, `step.realtime.publish`, `step.ai.wrap` */
  kind: Entry["kind"];
  /** label of the tool, such as `step.run` */
  type: string;
  status: "completed" | "failed" | "timed out" | "retrying" | "executing" | "sleeping" | "waiting" | "invoking";
  /** how often its code has run, or runs */
  attempts: number;
  /** errors of the attempts that failed */
  failures: Error[];
  /** what the handler gets; undefined until then */
  output: unknown;
  error: Error | undefined;
  input: unknown;
  /** until when it sleeps, waits, or is not tried again */
  until: Date | undefined;
  startedAt: Date;
  endedAt: Date | undefined;
}

/** A line that the code of a run has logged. */
export interface TestLogLine {
  /** the step whose code wrote it; undefined for the code around steps */
  step: string | undefined;
  /** of that step, or of the function; 0 for the first */
  attempt: number;
  level: LogLineLevel;
  /** what was given to the logger or the console, as one text */
  text: string;
  at: Date;
}

/**
 * What a test may wait for. `end`; `sleep`, `wait` (for an event or a signal) or `invoke`: any of that kind is open, or `wait:<id>` the one of that
 * id; `step:<id>`: that step has its result.
 */
export type RunTarget = "end" | "sleep" | "wait" | "invoke" | `${"step" | "sleep" | "wait" | "invoke"}:${string}`;

/** A run as it is stored. */
export interface StoredRun {
  run: Run;
  /** in the order of their commits */
  readonly entries: readonly Entry[];
  /** what it has of its keys, and waits for */
  readonly leases: readonly Lease[];
  /** what its code has logged */
  readonly logs: readonly StoredLogs[];
  /** the first of its events */
  trigger: EventValue;
  events: readonly EventValue[];
}

/** What a run reads of its platform. */
export interface RunSource {
  start: number;
  read(runId: string): StoredRun | undefined;
  sent(runId: string): EventValue[];
  waitFor(run: TestRun, target: RunTarget, within: DurationInput | undefined): Promise<void>;
  control(selector: StepSelector, runId: string): StepControl;
  cancel(runId: string, reason: string): Promise<void>;
  advance(runId: string, by: DurationInput): Promise<void>;
  wake(runId: string, step: string | undefined): Promise<void>;
  notes(): string[];
}

/** A run of a test platform. What it tells is always how things are now. */
export class TestRun {
  readonly id: string;
  readonly #source: RunSource;

  /** @internal */
  constructor(id: string, source: RunSource) {
    this.id = id;
    this.#source = source;
  }

  /** `<app>-<function>` */
  get functionId(): string {
    return this.#read().run.functionId;
  }

  get status(): RunStatus {
    return runStatus(this.#read().run);
  }

  get hasEnded(): boolean {
    return isEnded(this.#read().run.state);
  }

  /** What the function returned, as JSON has it; undefined until it has. */
  // oxlint-disable-next-line typescript/no-explicit-any -- JSON of any shape, whose fields tests read
  get output(): any {
    const { state } = this.#read().run;
    return state.kind === "completed" ? state.output : undefined;
  }

  /** Why the run failed, with name, message and causes of what was thrown; undefined when it has not. */
  get error(): Error | undefined {
    const { state } = this.#read().run;
    return state.kind === "failed" ? restoreError(state.error) : undefined;
  }

  /** The event that started it. */
  get event(): EventValue {
    return this.#read().trigger;
  }

  /** Steps in the order in which they were reached. */
  get steps(): TestStep[] {
    const { run, entries } = this.#read();
    return entries.toSorted((a, b) => a.opened - b.opened).map((entry) => testStep(run, entry));
  }

  /** What its code has logged, by `logger` and the console, in the order in which it was stored. */
  get logs(): TestLogLine[] {
    return this.#read().logs.flatMap(({ id, attempt, lines }) =>
      lines.map(({ level, text, at }) => ({ step: id ?? undefined, attempt, level, text, at: new Date(at) })),
    );
  }

  /** Events that the run has sent, by `step.sendEvent` or the client. */
  get events(): EventValue[] {
    return this.#source.sent(this.id);
  }

  /** What happens to steps of this run from now on. */
  step(selector: StepSelector): StepControl {
    return this.#source.control(selector, this.id);
  }

  /**
   * Lets things happen, and time pass, until the run has come so far.
   *
   * @param options.within how much time may pass at most
   * @returns the run itself
   * @throws Error with the run's story when it never does
   * @example
   * await run.waitFor("wait");
   * await platform.send({ name: "order/approved", data: { orderId } });
   * await run.waitFor("end");
   */
  async waitFor(target: RunTarget, options: { within?: DurationInput } = {}): Promise<this> {
    await this.#source.waitFor(this, target, options.within);
    return this;
  }

  /** Whether the run has come as far as {@link waitFor} would wait for. */
  has(target: RunTarget): boolean {
    const found = this.#read();
    const [kind, id] = splitTarget(target);
    if (kind === "end") return isEnded(found.run.state);
    const { entries } = found;
    if (kind === "step") return entries.some((entry) => entry.userId === id && entry.status.kind === "settled");
    const status = { sleep: "sleeping", wait: "waiting", invoke: "invoking" }[kind];
    return entries.some((entry) => entry.status.kind === status && (id === undefined || entry.userId === id));
  }

  /** What it waits for, in words; empty when it has ended. */
  get waitsFor(): string[] {
    return waitsFor(this.#read(), this.#source.start);
  }

  async cancel(reason = "cancelled by the test"): Promise<this> {
    await this.#source.cancel(this.id, reason);
    return this;
  }

  /** Moves this run's time on, and no other's. */
  async advance(by: DurationInput): Promise<this> {
    await this.#source.advance(this.id, by);
    return this;
  }

  /** Ends its sleep now, or only that of one step. */
  async wake(step?: string): Promise<this> {
    await this.#source.wake(this.id, step);
    return this;
  }

  /**
   * Its story: what happened when, counted from the platform's start, and what it waits for. Stories of the runs that it
   * invokes follow.
   */
  timeline(): string {
    return [...this.#stories(this.id, new Set()), ...this.#source.notes()].join("\n");
  }

  #stories(runId: string, told: Set<string>): string[] {
    const found = this.#source.read(runId);
    if (!found || told.has(runId)) return [];
    told.add(runId);
    const { run, entries } = found;
    const invoked = entries.flatMap((entry) => invokedRunId(run.id, entry) ?? []);
    return [story(found, this.#source.start), ...invoked.flatMap((id) => this.#stories(id, told))];
  }

  #read(): StoredRun {
    const found = this.#source.read(this.id);
    if (!found) throw new Error(`run ${this.id} does not exist any more`);
    return found;
  }
}

/** Parts of a target. @throws TypeError for what is none */
export function splitTarget(target: RunTarget): ["end" | "step" | "sleep" | "wait" | "invoke", string | undefined] {
  const [, kind, id] = /^(end|step|sleep|wait|invoke)(?::(.+))?$/s.exec(target) ?? [];
  if (kind === undefined || (kind === "step" && id === undefined) || (kind === "end" && id !== undefined))
    throw new TypeError(
      `waitFor: ${JSON.stringify(target)} is nothing to wait for; there are "end", "step:<id>", "sleep", "wait" and "invoke", and with an id "sleep:<id>", "wait:<id>" and "invoke:<id>"`,
    );
  return [kind as "end", id];
}

function testStep(run: Run, entry: Entry): TestStep {
  const { userId, kind, type, attempt, failures, input, status, createdAt } = entry;
  const due = dueAt(run, entry);
  const result = status.kind === "settled" ? readMemo(status.memo, kind) : { status: OPEN[status.kind] };
  return {
    id: userId,
    kind,
    type,
    attempts:
      kind === "run"
        ? Math.max(attempt + (status.kind === "retrying" || "isLast" in result ? 0 : 1), failures.length)
        : 1,
    failures: failures.map(({ error }) => restoreError(error)),
    output: undefined,
    error: undefined,
    input,
    until: due === null ? undefined : new Date(due),
    startedAt: new Date(createdAt),
    endedAt: status.kind === "settled" ? new Date(status.at) : undefined,
    ...result,
  };
}

const OPEN = {
  planned: "executing",
  running: "executing",
  retrying: "retrying",
  sleeping: "sleeping",
  registering: "waiting",
  waiting: "waiting",
  invoking: "invoking",
} as const;

function readMemo(memo: JsonValue, kind: Entry["kind"]): Pick<TestStep, "status"> & Partial<TestStep> {
  if (memo === null) return { status: kind === "wait" || kind === "signal" ? "timed out" : "completed", output: null };
  if (typeof memo === "object" && !Array.isArray(memo)) {
    if ("error" in memo && memo.error !== undefined) return { status: "failed", error: restoreError(memo.error) };
    if ("data" in memo && Object.keys(memo).length === 1) return { status: "completed", output: memo.data };
  }
  return { status: "completed", output: memo };
}
