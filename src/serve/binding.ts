/** Functions that the platform reaches by a service binding: the side of the app. Knows no runtime. */
import {
  BINDING_VERSION,
  type BoundApp,
  type BoundEntrypoint,
  type BoundCall,
  type BoundJournal,
  type BoundOutcome,
  type JournalLine,
  type Listener,
  type MemoPage,
  type News,
  type OpenStep,
  type SettledStep,
} from "../protocol/binding.ts";
import type { SettledMemo } from "../protocol/call.ts";
import { deferred } from "../protocol/deferred.ts";
import type { EditedInput, Journal, MarkedStep } from "../protocol/journal.ts";
import type { JsonObject, JsonValue } from "../protocol/json.ts";
import type { LogBatch } from "../protocol/logs.ts";
import type { StepOp } from "../protocol/step-op.ts";
import type { WireError } from "../protocol/wire-error.ts";
import { Activation } from "../sdk/activation.ts";
import type { Inngest } from "../sdk/client.ts";
import type { ReceivedEvent } from "../sdk/event.ts";
import type { InngestFunction, Registration } from "../sdk/function.ts";
import type { RequestPlatform } from "../sdk/platform.ts";
import { registrationsOf } from "../sdk/registrations.ts";
import type { RunHost } from "../sdk/run-host.ts";
import { suggestion } from "../sdk/suggestion.ts";
import { sdkName } from "../sdk/version.ts";
import { envVarsOf } from "./env-vars.ts";

/** Options of `functionsEntrypoint`. */
export interface EntrypointOptions {
  /** the app: its id, and what its functions send events with outside of runs */
  client: Inngest;
  /** made by `client.createFunction`; their ids must differ */
  functions: readonly InngestFunction<unknown, object>[];
}

/** What a Worker exports: its service bindings make instances of it. */
export type FunctionsEntrypoint = new (ctx: EntrypointContext, env: unknown) => BoundEntrypoint;

export interface EntrypointContext {
  waitUntil(promise: Promise<unknown>): void;
}

const OPTIONS = ["client", "functions"];

/** Of what a function is registered with and never called at. */
const NO_URL = "http://binding/";

/** How many continuations lines wait for others: steps that end in the same turn share a commit. */
const GATHER_HOPS = 32;

/** An app that a platform has not heard of for so long tells it where to reach it: a run may be cancelled. */
const INTRODUCE_MS = 20;

export class BoundFunctions {
  readonly #client: Inngest;
  readonly #functions: readonly InngestFunction<unknown, object>[];
  readonly #registrations: ReadonlyMap<string, Registration>;

  /** @throws TypeError naming the option that cannot be used */
  constructor(options: EntrypointOptions) {
    for (const [name, value] of Object.entries(options ?? {}))
      if (value !== undefined && !OPTIONS.includes(name))
        throw new TypeError(
          `functionsEntrypoint: ${JSON.stringify(name)} is not an option${suggestion(name, OPTIONS)}; there are ${OPTIONS.join(", ")}`,
        );
    const { client, functions } = options ?? {};
    if (typeof client?.id !== "string")
      throw new TypeError("functionsEntrypoint: client: it needs the client that made the functions");
    this.#client = client;
    this.#functions = functions;
    this.#registrations = registrationsOf(client, functions, "functionsEntrypoint");
  }

  /** What a platform registers. */
  describe(): BoundApp {
    const client = this.#client;
    const registration = {
      url: NO_URL,
      appname: client.id,
      sdk: sdkName,
      framework: "cloudflare",
      functions: this.#functions.flatMap((fn) => fn.configs(client.id, NO_URL)),
      ...(client.appVersion === undefined ? {} : { appversion: client.appVersion }),
    };
    return { version: BINDING_VERSION, registration: JSON.parse(JSON.stringify(registration)) };
  }

  /** Runs code of a run until all of it is over; rejects when its journal cannot be reached any more. */
  async execute(call: BoundCall, journal: BoundJournal, platform: RequestPlatform): Promise<BoundOutcome> {
    const client = this.#client;
    const registration = this.#registrations.get(call.functionId);
    if (!registration) return { kind: "missing" };
    client.setEnvVars(envVarsOf(platform.env));
    const told = new ToldJournal(call, journal);
    await told.load();
    const host: RunHost = {
      send: (_run, events, seed) => journal.send(JSON.parse(JSON.stringify(events)) as JsonObject[], seed),
    };
    const { functionId: _, runId: id, attempt, maxAttempts, hasSteps } = call;
    const run = { id, events: call.events as ReceivedEvent[], attempt, maxAttempts, hasSteps }; // as accepted, plain JSON
    const logs = call.logs === true;
    const activation = new Activation({ registration, client, run, journal: told, platform, host, logs });
    await told.follow(activation);
    return { kind: "over" };
  }
}

/** A journal that is somewhere else. What it holds is here from the beginning; what is committed is told to it. */
class ToldJournal implements Journal {
  readonly cautious: boolean;
  readonly #journal: BoundJournal;
  readonly #memos = new Map<string, SettledMemo>();
  readonly #open: Map<string, OpenStep>;
  /** results of steps that are told and not yet committed */
  readonly #results = new Map<string, JsonValue>();
  readonly #isGated: boolean;
  readonly #over = deferred();
  readonly #next: number | null;
  readonly #edited: EditedInput | undefined;
  #room: number;
  #bodies = 0;
  #activation: Activation | null = null;
  #lines: JournalLine[] = [];
  /** to be told with the next line */
  #logs: LogBatch[] = [];
  #telling: Promise<void> | null = null;
  /** tellings that are not answered */
  #underway = 0;
  #isIdleHeld = false;
  #isIntroduced = false;
  #introducing: ReturnType<typeof setTimeout> | undefined;
  /** news that came before those which they follow */
  readonly #early = new Map<number, News>();
  #heard = 0;
  #isOver = false;
  #failure: { error: unknown } | null = null;

  constructor(call: BoundCall, journal: BoundJournal) {
    this.#journal = journal;
    this.cautious = call.cautious;
    this.#room = call.room;
    this.#isGated = Number.isFinite(call.room);
    this.#open = new Map(call.open.map((step) => [step.id, step]));
    for (const { id, settled } of call.page.memos) this.#memos.set(id, settled);
    this.#next = call.page.next;
    this.#edited = call.edited;
  }

  /** Reads what did not fit into the call. */
  async load(): Promise<void> {
    for (let after: number | null = this.#next; after !== null;) {
      const { memos, next }: MemoPage = await this.#journal.page(after);
      for (const { id, settled } of memos) this.#memos.set(id, settled);
      after = next;
    }
  }

  /** Tells an activation its news until all of its code is over. */
  async follow(activation: Activation): Promise<void> {
    this.#activation = activation;
    this.#introducing = setTimeout(() => void this.#tell(), INTRODUCE_MS);
    await this.#over.promise;
    this.#isKnown();
    await activation.bodiesOver();
    if (this.#failure) throw this.#failure.error;
  }

  memo(stepId: string): SettledMemo | undefined {
    return this.#memos.get(stepId);
  }

  edited(): EditedInput | undefined {
    return this.#edited;
  }

  memoCount(): number {
    return this.#memos.size;
  }

  memos(): [stepId: string, settled: SettledMemo][] {
    return [...this.#memos];
  }

  attempt(stepId: string): number {
    return this.#open.get(stepId)?.attempt ?? 0;
  }

  isRunnable(stepId: string): boolean {
    return this.#open.get(stepId)?.isRunnable ?? true;
  }

  async mark(step: MarkedStep): Promise<void> {
    await this.#line({ kind: "mark", step });
  }

  /** What was answered is durable, and nothing is done that follows from anything else. */
  durable(): null {
    return null;
  }

  report(op: StepOp, retryAt: number | undefined): undefined {
    if (op.op === "StepRun") this.#results.set(op.id, op.data ?? null);
    void this.#line({ kind: "op", op, ...(retryAt !== undefined && { retryAt }) });
  }

  logged(logs: LogBatch): void {
    this.#logs.push(logs);
  }

  returned(data: JsonValue): void {
    void this.#line({ kind: "returned", data });
  }

  threw(error: WireError, final: boolean, retryAt: number | undefined): void {
    void this.#line({ kind: "threw", error, final, ...(retryAt !== undefined && { retryAt }) });
  }

  /** While anything is told it is not known: the answer may settle what the code waits for. */
  idle(): void {
    this.#isIdleHeld = this.#lines.length > 0 || this.#underway > 0;
    if (!this.#isIdleHeld) void this.#line({ kind: "idle", heard: this.#heard });
  }

  yield(): void {
    void this.#line({ kind: "yield" });
  }

  room(): number {
    return this.#room;
  }

  needRoom(bodies: number): void {
    if (!this.#isGated || this.#bodies === bodies) return;
    const isEnough = bodies <= 1 && this.#bodies <= 1; // its own lease
    this.#bodies = bodies;
    if (!isEnough) void this.#line({ kind: "room", bodies });
  }

  /** Resolves when it is answered. */
  #line(line: JournalLine): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    const logs = this.#logs.splice(0).map((one): JournalLine => ({ kind: "logged", logs: one }));
    this.#lines.push(...logs, line);
    return (this.#telling ??= this.#gather());
  }

  async #gather(): Promise<void> {
    for (let hop = 0; hop < GATHER_HOPS; hop++) await Promise.resolve();
    this.#telling = null;
    await this.#tell();
  }

  async #tell(): Promise<void> {
    const listen: Listener | null = this.#isIntroduced ? null : (news: News) => this.#hear(news);
    this.#isIntroduced = true;
    this.#isKnown();
    this.#underway += 1;
    try {
      this.#hear(await this.#journal.tell(this.#lines.splice(0), listen));
    } catch (error) {
      this.#failure ??= { error };
      this.#end();
    }
    this.#underway -= 1;
    if (!this.#isIdleHeld || this.#underway > 0 || this.#lines.length > 0) return;
    this.#isIdleHeld = false;
    this.#activation?.lookAgain();
  }

  #isKnown(): void {
    if (this.#introducing !== undefined) clearTimeout(this.#introducing);
  }

  #hear(news: News): void {
    this.#early.set(news.number, news);
    for (;;) {
      const next = this.#early.get(this.#heard + 1);
      if (!next || this.#isOver) return;
      this.#early.delete(next.number);
      this.#heard = next.number;
      this.#take(next);
    }
  }

  #take({ settled, retries, room, isOver }: News): void {
    for (const step of settled) {
      this.#open.delete(step.id);
      this.#activation?.settle(step.id, this.#settledWith(step));
    }
    for (const step of retries) {
      this.#open.set(step.id, step);
      this.#activation?.retry(step.id);
    }
    if (isOver) return this.#end();
    if (room !== this.#room) {
      this.#room = room;
      this.#activation?.resume();
    } else if (settled.length > 0 || retries.length > 0) this.#activation?.lookAgain(); // what it does not wait for yet
  }

  #settledWith({ id, position, settled }: SettledStep): SettledMemo {
    const data = this.#results.get(id) ?? null;
    this.#results.delete(id);
    return settled ?? { memo: { data }, position };
  }

  #end(): void {
    this.#isOver = true;
    this.#activation?.stop();
    this.#over.resolve();
  }
}
