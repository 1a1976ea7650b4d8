/** What a run is made of: header, journal entries and effects. All of it is plain JSON, stored as it is. */
import type { EventRecord } from "../protocol/event.ts";
import type { GatewayRequest } from "../protocol/gateway.ts";
import type { JsonObject, JsonValue } from "../protocol/json.ts";
import type { RetryPolicy } from "../protocol/retry-policy.ts";
import type { WireError } from "../protocol/wire-error.ts";
import type { Memo } from "../protocol/call.ts";
import type { CancelTrigger, TimeoutsPolicy } from "../protocol/flow-control.ts";
import type { PreparedWait } from "./expression.ts";
import type { Admission, Refusal } from "./lease.ts";
import type { DeferNote } from "./run-defers.ts";
import type { LogCount, RunLogs } from "./run-logs.ts";

/** Raised when a stored form changes; state with a newer number is refused (design §3). */
export const RUN_SCHEMA = 1;

/** Which step of which run waits for this run's end. */
export interface Invoker {
  runId: string;
  stepId: string;
}

/**
 * What a run is doing. Times ahead (`at`, `retryAt`) are in the run's own time, those past are real. Every state that is
 * not an end names what it waits for and until when (G5): `blocked` runs have at least one open journal entry, `queued`
 * ones at least one lease that they wait for.
 */
export type RunState =
  /** `endpoint`: its code executes where its request came in, and nothing is heard of it; it is entered anew by then */
  | { kind: "scheduled"; at: number; reason: "start" | "retry" | "yield" | "endpoint" }
  | Executing
  | { kind: "blocked" }
  | { kind: "completed"; endedAt: number; output: JsonValue }
  | { kind: "failed"; endedAt: number; error: WireError }
  | { kind: "cancelled"; endedAt: number; reason: string }
  /** its code was never let in */
  | { kind: "skipped"; endedAt: number; refusal: Refusal };

/** Code of the run is executing, or was when the object died; `queued`: all of it waits for leases. */
export interface Executing {
  kind: "executing" | "queued";
  since: number;
  /** the journal's position when this activation began: progress is a higher one */
  from: number;
  /** the handler itself is being executed or replayed: a local activation, or an outstanding discovery call; or is to be */
  discovery: boolean;
  /** one more discovery is wanted when the outstanding one has replied */
  again: boolean;
  /** outstanding calls that target one step, and those that wait for a lease (http) */
  targeted: number;
  /** when the discovery that failed comes again, while single steps are still outstanding (http) */
  retryAt: number | null;
}

/** Book-keeping of a run whose code is reached over HTTP (inngest-protocol §3.2, §3.7). */
export interface HttpState {
  /** the protocol version the app answered with; -1 before its first reply */
  version: number;
  /** steps reported together that have not settled: the next discovery waits for all of them */
  pending: number;
  /** of these, the ones in race mode; absent: there never was one */
  racing?: number;
  /** discovery calls so far; only the reply to the latest counts */
  discoveries: number;
  /** open steps whose request the platform makes; absent: there never was one */
  gateways?: number;
  /** position at the last reply that reported nothing: a second one at the same position is an error */
  emptyAt: number | null;
}

export interface Run {
  schema: number;
  id: string;
  env: string;
  functionId: string;
  appId: string;
  functionVersion: number;
  retry: RetryPolicy;
  eventIds: string[];
  eventName: string;
  /** the steps that wait for its end */
  invokers?: Invoker[];
  createdAt: number;
  /** when its code was first let in */
  startedAt?: number;
  /** what lets its code in; absent: nothing stands before it */
  admission?: Admission;
  /** number of the last lease that it asked for */
  leases?: number;
  /** events that cancel it; `received` is what came before them: its own trigger */
  cancelOn?: { triggers: CancelTrigger[]; received: { at: number; id: string } };
  timeouts?: TimeoutsPolicy;
  /** when its next timeout cancels it, in the run's own time */
  cancelAt?: number;
  /** how far the run's own clock is ahead of the real one (`run-clock.ts`); absent: not at all */
  offsetMs?: number;
  /** rises on cancel and on a lost activation: what an earlier epoch still reports is stale (G4) */
  epoch: number;
  /** attempt of the handler, 0 for the first try; back to 0 once a step has settled since */
  attempt: number;
  /** the position at which the handler failed last; -1 when it has not */
  attemptAt: number;
  /** why the handler's last attempt failed */
  lastError?: WireError;
  /** activations in a row that died without a commit; from the first on, steps run one at a time (cautious mode) */
  losses: number;
  /** number of the last commit of the journal */
  position: number;
  /** journal entries so far */
  steps: number;
  /** bytes of the journal's values so far */
  bytes: number;
  state: RunState;
  http?: HttpState;
  /** name of the service binding by which its code is reached */
  binding?: string;
  /** nothing of it begins */
  paused?: Paused;
  /** when its last pause ended */
  resumedAt?: number;
  /** the run that it repeats */
  rerunOf?: RerunOf;
  /** its code is an HTTP endpoint: it began with a request there, and is entered anew by repeating that */
  endpoint?: true;
  /** runs that are started at its end, in the order in which they were told */
  defers?: DeferNote[];
  /** what its app has asked and not got, for people; the first few */
  warnings?: string[];
  /** what is kept of what its code has logged; absent: nothing */
  logs?: RunLogs;
}

/** A run that people have paused, and what is to begin when it goes on. */
export interface Paused {
  at: number;
  /** http: a discovery */
  discovery: boolean;
  /** http: calls of these steps, which are planned */
  steps: string[];
}

/** What a run repeats. */
export interface RerunOf {
  runId: string;
  /** the step that it begins with; absent: it begins with the first */
  step?: RerunStep;
}

export interface RerunStep {
  /** hash of its id */
  id: string;
  userId: string;
  /** results that it has from the run that it repeats */
  carried: number;
  /** its code gets other arguments, until it has settled: they are the run's {@link Extra} of this id */
  isEdited?: true;
}

export type EntryKind = "run" | "sleep" | "wait" | "signal" | "invoke";

/** Times ahead (`at` of a retry, `until`) are in the run's own time. */
export type EntryStatus =
  | { kind: "planned" } // http: a call that targets this step is outstanding
  | { kind: "running" } // cautious mode: its body began; a loss from here on is this step's failed attempt
  | { kind: "retrying"; at: number | null } // null: the run itself is scheduled to try again
  | { kind: "sleeping"; until: number }
  | { kind: "registering"; until: number } // the subscription is not confirmed yet
  | { kind: "waiting"; until: number }
  | { kind: "invoking"; until: number }
  | { kind: "settled"; memo: Memo; at: number };

export interface FailedAttempt {
  attempt: number;
  endedAt: number;
  error: WireError;
}

/** One step of a run in its journal. */
export interface Entry {
  /** hash of the step id (inngest-protocol §3.5) */
  id: string;
  userId: string;
  kind: EntryKind;
  /** label of the tool, such as `step.run` or `step.sendEvent` */
  type: string;
  name?: string;
  /** number of the commit that last changed it; settled entries replay in this order */
  position: number;
  /** number of the commit that first recorded it */
  opened: number;
  status: EntryStatus;
  /** attempt that runs or comes next, 0 for the first */
  attempt: number;
  failures: FailedAttempt[];
  retry?: RetryPolicy;
  /** hash of the step's inputs, to notice that the code asks something else than it did */
  inputHash?: string;
  input?: JsonValue;
  /** version of the function's code that first reported it */
  version: number;
  createdAt: number;
  startedAt?: number;
  /** over HTTP: reported together with others, so counted in {@link HttpState.pending} */
  grouped?: boolean;
  /** over HTTP: each completion leads to a discovery, not only the last of its group */
  race?: boolean;
  wait?: { events: string[]; expression: string | null; since: "commit" | "run" };
  signal?: SignalWait;
  invoke?: { functionId: string };
  /** its result is from another run, which this one repeats; and when it was first recorded there */
  carriedFrom?: { runId: string; createdAt: number };
  /** somebody has ended it: it was resolved or woken */
  byHand?: true;
  /** the request that the platform makes for it; gone once it has been made for good */
  gateway?: GatewayRequest;
  /** what its code has logged, which is stored apart; absent: nothing */
  logs?: LogCount;
}

/** What a step waits for that waits for a signal, and what becomes of one that waits already. */
export interface SignalWait {
  name: string;
  conflict: "fail" | "replace";
}

/** Something to do outside the run, its times real; stored with the decision that caused it and repeated until acknowledged (G6). */
export type Effect =
  | {
      kind: "subscribe";
      id: string;
      stepId: string;
      events: string[];
      wait: PreparedWait;
      since: number;
      until: number;
    }
  | { kind: "unsubscribe"; id: string; stepId: string; events: string[] }
  | { kind: "subscribe-signal"; id: string; stepId: string; signal: SignalWait; until: number }
  | { kind: "unsubscribe-signal"; id: string; stepId: string; signal: string }
  | { kind: "invoke"; id: string; stepId: string; functionId: string; record: EventRecord }
  /** the run that a step has invoked goes with this one; `until` when that may not have been started yet */
  | { kind: "cancel-callee"; id: string; runId: string; reason: string; until: number };

/** What an ended run owes the outside. It follows from the header, and so is not stored by itself. */
export type EndEffect =
  | { kind: "resume"; invoker: Invoker; memo: Memo }
  | { kind: "start-deferred"; ids: string[]; at: number }
  | { kind: "announce"; names: string[]; data: JsonObject; at: number };

/** What belongs to a run beside its journal, by an id of its own. */
export interface Extra {
  list: ExtraList;
  id: string;
  value: JsonValue;
}

/** Deferred runs; metadata; spans that its app has recorded, and how many they are; edited input of a step; what its
 * code has logged. */
export type ExtraList = "defer" | "metadata" | "span" | "tally" | "input" | "log";

export function isEnded(state: RunState): state is Extract<RunState, { endedAt: number }> {
  return "endedAt" in state;
}

/** Names the subscription of a run's cancel event, where those of waits have the hash of their step. */
export function cancelId(index: number): string {
  return `cancel/${index}`;
}

/** Whose cancel event a subscription is for; undefined for that of a step. */
export function cancelIndex(stepId: string): number | undefined {
  return stepId.startsWith("cancel/") ? Number(stepId.slice("cancel/".length)) : undefined;
}

/** The instant, in the run's own time, at which an entry must be looked at, or null when none. */
export function entryDueAt(entry: Entry): number | null {
  switch (entry.status.kind) {
    case "sleeping":
    case "registering":
    case "waiting":
    case "invoking":
      return entry.status.until;
    case "retrying":
      return entry.status.at;
    default:
      return null;
  }
}

export type RunStatus = "Scheduled" | "Running" | "Completed" | "Failed" | "Cancelled" | "Skipped";

/** A run's state in the words of the API (inngest-protocol §10.3). */
export function runStatus({ state, startedAt }: Run): RunStatus {
  switch (state.kind) {
    case "completed":
      return "Completed";
    case "failed":
      return "Failed";
    case "cancelled":
      return "Cancelled";
    case "skipped":
      return "Skipped";
    default:
      return startedAt === undefined ? "Scheduled" : "Running";
  }
}
