/** How an object reaches the code of a function. What is installed decides; objects know only these interfaces. */
import type { SettledMemo } from "../protocol/call.ts";
import type { StepInfo } from "../engine/step-ops.ts";
import type { StepOp } from "../protocol/step-op.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { WireError } from "../protocol/wire-error.ts";
import type { EventRecord } from "../protocol/event.ts";
import type { GatewayRequest, GatewayResult } from "../protocol/gateway.ts";
import type { Entry, Run } from "../engine/run.ts";
import type { Call, Reply } from "../engine/run-machine.ts";
import type { WorkerResult } from "../protocol/connect/result.ts";

/** The journal as an activation sees it: every method is synchronous but those that wait for the disk. */
export interface Journal {
  /** one step at a time, each marked before its body (design §4) */
  readonly cautious: boolean;
  memo(stepId: string): SettledMemo | undefined;
  /** How many steps have settled. */
  memoCount(): number;
  /** All settled steps at once, for middleware that asks for them: memory for the whole journal. */
  memos(): [stepId: string, settled: SettledMemo][];
  /** Attempt of a step that runs or comes next; 0 for the first. */
  attempt(stepId: string): number;
  /** Whether the body may run now; false while its next attempt is not due. */
  isRunnable(stepId: string): boolean;
  /** Stores that a body is about to run. */
  mark(step: StepInfo): Promise<void>;
  /** Resolves when earlier commits are durable; null when they are. */
  durable(): Promise<void> | null;
  /** Commits an op; the memo when that settled the step. */
  report(op: StepOp, retryAt: number | undefined): SettledMemo | undefined;
  returned(data: JsonValue): void;
  threw(error: WireError, final: boolean, retryAt: number | undefined): void;
  /** Every branch waits for an open step. */
  idle(): void;
  /** The activation has run its share of steps. */
  yield(): void;
  /** How many bodies may run at the same time: leases, where the function asks for them. */
  room(): number;
  /** Tells how many bodies run or wait for room. */
  needRoom(bodies: number): void;
}

/** An activation in this process. */
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

export interface LocalTransport {
  /** False when this version of the Worker holds no such function. */
  has(functionId: string): boolean;
  activate(run: Run, events: EventRecord[], attempt: number, journal: Journal): LocalActivation;
}

/** All that a call over HTTP carries. */
export interface CallRequest {
  call: Call;
  url: string;
  run: Run;
  events: EventRecord[];
  entries: Entry[];
  disableImmediateExecution: boolean;
  /** how the app named its SDK when it registered, as `go:v0.15.1` */
  sdk(): Promise<string>;
  /** the run's own time when its reply is read, which sleeps and timeouts count from */
  runNow(): number;
}

export interface HttpTransport {
  call(request: CallRequest): Promise<Reply>;
  /** Makes a request that a step has left to the platform. */
  gateway(request: GatewayRequest, runId: string): Promise<GatewayResult>;
}

/** What a worker is sent of a call, beside its name. */
export interface WorkerMessage {
  kind: "message";
  body: string;
  jobId: string;
  trace: { traceparent: string; tracestate: string };
}

/** What is said to workers that have dialled in; the gateway carries it. */
export interface ConnectTransport {
  /** An error when the worker's SDK could do nothing with it. */
  message(request: CallRequest): Promise<WorkerMessage | Extract<Reply, { kind: "error" }>>;
  /** What a worker's answer means. */
  read(result: WorkerResult, known: { now: number; version: number; runNow: number }): Reply;
}

export interface Transports {
  local: LocalTransport;
  http: HttpTransport;
  connect: ConnectTransport;
}
