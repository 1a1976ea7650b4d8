/**
 * What the platform and an app in another Worker say to each other over a service binding: calls with plain data, and
 * functions, which arrive as stubs. Nothing is signed: who has the binding may call.
 *
 * 1. The app tells lines of its journal in their order; each telling is answered once what it committed is durable.
 * 2. All news to the app, answers and what comes in between, are numbered in the order in which they were decided, and heard
 *    in that order: what settles live settles as it will when it is replayed.
 */
import type { SettledMemo } from "./call.ts";
import type { EventValue } from "./event.ts";
import type { EditedInput, MarkedStep } from "./journal.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { LogBatch } from "./logs.ts";
import type { StepOp } from "./step-op.ts";
import type { WireError } from "./wire-error.ts";

/** Of this contract. A platform refuses an app that speaks another, naming both. */
export const BINDING_VERSION = 1;

/** Where an app is that has no URL, as the platform shows it. */
export function bindingUrl(binding: string): string {
  return `binding:${binding}`;
}

/** One thing that an activation reports. */
export type JournalLine =
  | { kind: "op"; op: StepOp; retryAt?: number }
  | { kind: "mark"; step: MarkedStep }
  /** lines of the code around steps, before what is reported next; only to a platform that takes them */
  | { kind: "logged"; logs: LogBatch }
  | { kind: "returned"; data: JsonValue }
  | { kind: "threw"; error: WireError; final: boolean; retryAt?: number }
  /** every branch waits for an open step, as far as news up to this number tell */
  | { kind: "idle"; heard: number }
  | { kind: "yield" }
  | { kind: "room"; bodies: number };

/** A step that has settled. The result of its own code, which the app has just told, is not told back. */
export interface SettledStep {
  id: string;
  position: number;
  settled?: SettledMemo;
}

/** What an app is told of its run. */
export interface News {
  number: number;
  settled: SettledStep[];
  /** open steps whose next attempt is due */
  retries: OpenStep[];
  /** how many bodies may run at the same time */
  room: number;
  /** nothing that the activation still reports is listened to */
  isOver: boolean;
}

/** A step that has not settled, and was reported before. */
export interface OpenStep {
  id: string;
  /** that runs or comes next */
  attempt: number;
  /** whether its body may run now */
  isRunnable: boolean;
}

export interface MemoPage {
  memos: { id: string; settled: SettledMemo }[];
  /** asks for what follows */
  next: number | null;
}

/** One activation of a function. */
export interface BoundCall {
  functionId: string;
  runId: string;
  events: EventValue[];
  /** of the handler, 0 for the first */
  attempt: number;
  /** tries of a step that has no policy of its own */
  maxAttempts: number;
  /** whether the journal holds any step */
  hasSteps: boolean;
  /** one step at a time, each marked before its body */
  cautious: boolean;
  room: number;
  /** the platform takes what is logged */
  logs?: true;
  /** the first page of what has settled */
  page: MemoPage;
  open: OpenStep[];
  /** of a run that repeats another from a step on, which gets other arguments */
  edited?: EditedInput;
}

/** Hears news that are no answer. As a parameter of a call it is gone after it, but for what `dup` returns. */
export type Listener = ((news: News) => void | Promise<void>) & { dup?: () => Listener };

/** The journal of one activation, as its app is handed it. */
export interface BoundJournal {
  /** @param listen with the first telling */
  tell(lines: JournalLine[], listen: Listener | null): Promise<News>;
  page(after: number): Promise<MemoPage>;
  /** Delivers events that are sent inside of the run. */
  send(events: JsonObject[], seed: string): Promise<{ ids: string[] }>;
}

/** `missing`: this version of the app has no such function. */
export interface BoundOutcome {
  kind: "over" | "missing";
}

/** What an app is, and the body of its registration (inngest-protocol §2.2). */
export interface BoundApp {
  version: number;
  registration: JsonObject;
}

/** The entrypoint that an app exports. */
export interface BoundEntrypoint {
  describe(): Promise<BoundApp>;
  /** Resolves when none of the activation's code is left. */
  execute(call: BoundCall, journal: BoundJournal): Promise<BoundOutcome>;
}
