/** What may happen to a run. */
import type { Memo } from "../protocol/call.ts";
import type { EventValue } from "../protocol/event.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { LogBatch } from "../protocol/logs.ts";
import type { WireError } from "../protocol/wire-error.ts";
import type { Call } from "./decision.ts";
import type { Refusal } from "./lease.ts";
import type { Entry } from "./run.ts";
import type { Resolution } from "./run-resolve.ts";
import type { Op, StepInfo } from "./step-ops.ts";

/** What an app made of a call. */
export type Reply =
  | { kind: "ops"; ops: Op[]; version: number; retryAt?: number; logs?: LogBatch[] }
  | { kind: "returned"; data: JsonValue; version: number }
  | { kind: "error"; error: WireError; final: boolean; retryAt?: number; version?: number; logs?: LogBatch[] };

/** One input to a run; `open` are the entries with a deadline, which an end withdraws. */
export type Input = Happened & {
  /** what code around steps has logged before it told this */
  logs?: readonly LogBatch[];
};

type Happened =
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
  /** http: a call that is still outstanding tells of steps that have run in it (inngest-protocol §6.1) */
  | { kind: "checkpoint"; call: Call; ops: Op[]; entries: Map<string, Entry>; event: EventValue; open: Entry[] }
  /** the code of an endpoint tells of its steps (inngest-protocol §6.2) */
  | { kind: "endpoint"; ops: Op[]; entries: Map<string, Entry>; event: EventValue; open: Entry[] }
  /** the deadline of an open entry is over */
  | { kind: "due"; entry: Entry }
  /** an event or a finished callee answers an open entry; `found`: the event was in the log, EventDO knows nothing of it */
  | { kind: "answer"; entry: Entry; memo: Memo; found?: boolean }
  /** another run waits for the signal that this step was to wait for, and keeps it */
  | { kind: "conflicted"; entry: Entry; open: Entry[] }
  /** EventDO holds the subscription of a wait */
  | { kind: "subscribed"; entry: Entry }
  /** the object woke and found an executing run without an activation */
  | { kind: "lost"; marked: Entry | undefined; planned: Entry[]; open: Entry[] }
  /** a sleep ends now */
  | { kind: "wake"; entry: Entry }
  /** somebody lets nothing more of it begin, or lets it go on; `planned`: over HTTP, its steps that are */
  | { kind: "pause" | "resume"; planned: Entry[] }
  /** somebody writes what a step waits for */
  | { kind: "resolve"; entry: Entry; resolution: Resolution }
  /** the run's clock goes forward; what is due by it then comes as inputs of its own */
  | { kind: "advance"; byMs: number }
  | { kind: "cancel"; reason: string; cascade?: boolean; open: Entry[] }
  /** `timeouts.start` or `timeouts.finish` is over */
  | { kind: "timed-out"; open: Entry[] }
  /** a gate has let a lease in, has given it a place in its line, or will never let it in */
  | { kind: "admitted" | "lined"; seq: number; object: string }
  | { kind: "refused"; seq: number; refusal: Refusal; open: Entry[] }
  /** local: so many step bodies run, or wait for room to run in */
  | { kind: "room"; bodies: number };
