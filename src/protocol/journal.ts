/** What an activation, which is code of a run that executes, and the journal of its run say to each other. */
import type { SettledMemo } from "./call.ts";
import type { JsonValue } from "./json.ts";
import type { LogBatch } from "./logs.ts";
import type { StepOp } from "./step-op.ts";
import type { WireError } from "./wire-error.ts";

/** A step whose body is about to run. */
export interface MarkedStep {
  /** hash of the id (inngest-protocol §3.5) */
  id: string;
  userId: string;
  /** label of the tool, such as `step.run` */
  type: string;
}

/** Arguments that somebody has written for the code of a step, in the place of its own. */
export interface EditedInput {
  stepId: string;
  input: JsonValue[];
}

/** Room for no bodies, and for no other step: the run is paused. */
export const PAUSED = -1;

/** The journal as an activation sees it: every method is synchronous but those that wait for the disk. */
export interface Journal {
  /** one step at a time, each marked before its body (design §4) */
  readonly cautious: boolean;
  memo(stepId: string): SettledMemo | undefined;
  /** The one step whose arguments are others than the handler gives, while it has not settled. */
  edited?(): EditedInput | undefined;
  /** How many steps have settled. */
  memoCount(): number;
  /** All settled steps at once, for middleware that asks for them: memory for the whole journal. */
  memos(): [stepId: string, settled: SettledMemo][];
  /** Attempt of a step that runs or comes next; 0 for the first. */
  attempt(stepId: string): number;
  /** Whether the body may run now; false while its next attempt is not due. */
  isRunnable(stepId: string): boolean;
  /** Stores that a body is about to run. */
  mark(step: MarkedStep): Promise<void>;
  /** Resolves when earlier commits are durable; null when they are. */
  durable(): Promise<void> | null;
  /** Commits an op; the memo when that settled the step, and nothing when its activation will be told. */
  report(op: StepOp, retryAt: number | undefined): SettledMemo | undefined;
  /** Stores what the code around steps has logged, with what is committed next. */
  logged(logs: LogBatch): void;
  returned(data: JsonValue): void;
  threw(error: WireError, final: boolean, retryAt: number | undefined): void;
  /** Every branch waits for an open step. */
  idle(): void;
  /** The activation has run its share of steps. */
  yield(): void;
  /** How many bodies may run at the same time: leases, where the function asks for them; {@link PAUSED}. */
  room(): number;
  /** Tells how many bodies run or wait for room. */
  needRoom(bodies: number): void;
}

/** An activation as the object of its run sees it. */
export interface LocalActivation {
  settle(stepId: string, settled: SettledMemo): void;
  /** The next attempt of an open step is due. */
  retry(stepId: string): void;
  /** Goes on, with a new share of steps if it has yielded, and as many bodies as there is room for. */
  resume(): void;
  /** Ends it; what it still reports is not listened to. */
  stop(): void;
  /** Resolves when no step body is left on the stack; null when none is. */
  bodiesOver(): Promise<void> | null;
}
