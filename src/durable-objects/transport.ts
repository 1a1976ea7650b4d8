/** How an object reaches the code of a function. What is installed decides; objects know only these interfaces. */
import type { MemoPage, OpenStep } from "../protocol/binding.ts";
import type { EventRecord } from "../protocol/event.ts";
import type { EditedInput, Journal, LocalActivation } from "../protocol/journal.ts";
import type { GatewayRequest, GatewayResult } from "../protocol/gateway.ts";
import type { Entry, Run } from "../engine/run.ts";
import type { Call, Reply } from "../engine/run-machine.ts";
import type { Memos } from "./known-memos.ts";
import type { WorkerResult } from "../protocol/connect/result.ts";

/** The journal as it is given to activations of other Workers too, which see it from afar. */
export interface RemoteJournal extends Journal {
  /** Steps that have settled after a position, as many as one RPC carries well; `next` asks for what follows. */
  page(after: number): MemoPage;
  /** Steps that have not. */
  openSteps(): OpenStep[];
  /** Nothing of the activation is in memory any more: blocked, it is entered anew; executing, it was lost. */
  left(): void;
}

/** Code that reports each step to the journal of its run: in this Worker, or behind a service binding. */
export interface LocalTransport {
  /** False when this version of the Worker holds no such function. */
  has(run: Pick<Run, "functionId" | "binding">): boolean;
  activate(run: Run, events: EventRecord[], attempt: number, journal: RemoteJournal): LocalActivation;
}

/** All that a call over HTTP carries. */
export interface CallRequest {
  call: Call;
  url: string;
  run: Run;
  events: EventRecord[];
  /** results of the steps that have settled */
  memos: Memos;
  /** a step that has not settled, and gets other arguments than its handler gives */
  edited?: EditedInput;
  /** the step that is to run, as far as it is known */
  target: Entry | undefined;
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
