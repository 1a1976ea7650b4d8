import { acceptRecords } from "../durable-objects/accept.ts";
import type { Objects } from "../durable-objects/objects.ts";
import { isEnded, type Entry } from "../engine/run.ts";
import type { EventRecord, EventValue } from "../protocol/event.ts";
import { internalEvents } from "../protocol/event.ts";
import { readEvents, readSeed } from "../protocol/event-request.ts";
import { runIdOf, ulidOf, type UlidParts } from "../protocol/ids.ts";
import { durationMs, instantMs, type DurationInput, type InstantInput } from "../protocol/time-string.ts";
import { ambient } from "../sdk/ambient.ts";
import type { Inngest } from "../sdk/client.ts";
import type { EventPayload } from "../sdk/event.ts";
import { preparePayload, readPayloads } from "../sdk/event-payload.ts";
import type { HostedRun, RunHost } from "../sdk/run-host.ts";
import { bindSender } from "../sdk/sender.ts";
import { suggestion } from "../sdk/suggestion.ts";
import { AppFunctions, type AnyFunction, type TestTransport } from "./app-functions.ts";
import { CodeWatch } from "./code-watch.ts";
import { Activations } from "./host/activations.ts";
import { Driver, type Stuck } from "./host/driver.ts";
import { noFaults, type FaultSource } from "./host/faults.ts";
import { ObjectReset } from "./host/life.ts";
import type { Timer } from "./host/virtual-clock.ts";
import { ENV, partsOf, World, type WorldOptions } from "./host/world.ts";
import { Random } from "./random.ts";
import { TestRun, splitTarget, type RunTarget, type StoredRun } from "./run.ts";
import { StepControls, type PendingAnswer, type StepControl, type StepSelector } from "./step-control.ts";
import { DiskAccess, type MemoryDisk } from "./storage/memory-disk.ts";
import { memoryStores } from "./storage/memory-stores.ts";
import { story, when } from "./timeline.ts";

/** Options of {@link createTestPlatform}. */
export interface TestPlatformOptions {
  /** the functions under test, and those that they invoke */
  functions: readonly AnyFunction[];
  /**
   * whose events are delivered here, beside the clients that made the functions. What a client sends inside a run stays on
   * the run's platform; outside of runs it goes to the platform that was made last
   */
  client?: Inngest;
  /** what chance decides: ids, jitter, Math.random inside functions. Default 1 */
  seed?: number;
  /** when time begins. Default 2026-01-01T00:00:00Z */
  start?: InstantInput;
  /** how functions are reached. Default `local`: as functions of a Worker */
  transport?: TestTransport;
  /** how long code of a function may execute in real time until a test gives up. Default 2 s */
  patience?: DurationInput;
  /**
   * Code of runs finds virtual time in `Date`, and chance that `seed` decides in `Math.random()`, `crypto.randomUUID()` and
   * `crypto.getRandomValues()`; all other code finds the real ones. Needs AsyncLocalStorage. Default true
   */
  virtualGlobals?: boolean;
  /**
   * A function whose time or chance outside of steps decides which steps it asks for makes the test fail, by a
   * `NondeterminismError`. To know it, a handler that has called for them is entered again, over the results that its
   * steps had, when its run has ended. Needs `virtualGlobals`. Default true
   */
  detectNondeterminism?: boolean;
  /** @internal around what the platform itself decides */
  host?: Pick<RunHost, "handler" | "step">;
  /** @internal */
  simulation?: SimulationHooks;
}

/** How a simulation takes part. */
export interface SimulationHooks {
  faults: FaultSource;
  /** which of the tasks that are ready goes on */
  choose: (count: number) => number;
  /** how late an app's reply comes */
  reply: () => { delayMs: number } | null;
  committed: NonNullable<WorldOptions["committed"]>;
  ended: NonNullable<WorldOptions["ended"]>;
  accepted: (records: readonly EventRecord[], at: number) => void;
}

/** The parts of a platform that a simulation drives by itself. */
export interface PlatformParts {
  world: World;
  driver: Driver;
  functions: AppFunctions;
  random: Random;
  accept: (events: readonly EventPayload[]) => Promise<{ ids: string[] }>;
  start: (functionId: string, data: object) => Promise<string>;
  register: () => Promise<void>;
  ask: <T>(request: (objects: Objects) => Promise<T>) => Promise<T>;
  run: (runId: string) => TestRun;
}

/** Virtual time of a test platform: it moves when a test says so, or waits for something. */
export interface TestClock {
  /** epoch ms */
  now(): number;
  /**
   * Lets everything happen that is due within a duration, schedules included, and stops at its end.
   *
   * @throws TypeError for what is no duration, a negative one included
   */
  advance(by: DurationInput): Promise<void>;
  /** As {@link advance}, to an instant. @throws RangeError for one that is over */
  advanceTo(instant: InstantInput): Promise<void>;
  /** Lets time pass until no run has anything left to do by itself; schedules alone do not count. */
  runUntilIdle(): Promise<void>;
}

/** What an event has come to. */
export interface SentEvents {
  ids: string[];
  /** runs that the events have started */
  runs: TestRun[];
  /** the one run that they have started. Reading it throws when there are none, or several */
  readonly run: TestRun;
}

const START = Date.UTC(2026, 0, 1);
const PATIENCE_MS = 2_000;
const OPTIONS: (keyof TestPlatformOptions)[] = [
  "functions",
  "client",
  "seed",
  "start",
  "transport",
  "patience",
  "virtualGlobals",
  "detectNondeterminism",
  "host",
  "simulation",
];
/** A client repeats what a crash has cut short, as ours does. */
const REQUEST_ATTEMPTS = 10;

/**
 * A whole platform in this process, with virtual time: the engine, routing and storage rules of production, on an
 * in-memory host. It opens nothing, so there is nothing to close; any number of them may exist at a time.
 *
 * @throws TypeError when a function is not one, two share an id, or an option is not known
 * @example
 * const platform = createTestPlatform({ functions: [onboarding] });
 * const { run } = await platform.send({ name: "user/created", data: { userId: "u1" } });
 * await run.waitFor("end"); // also over the 30 days that it sleeps
 * assert.equal(run.output.welcomed, true);
 */
export function createTestPlatform(options: TestPlatformOptions): TestPlatform {
  return new TestPlatform(options);
}

/** See {@link createTestPlatform}. */
export class TestPlatform {
  readonly clock: TestClock;
  readonly #world: World;
  readonly #driver: Driver;
  readonly #random: Random;
  readonly #functions: AppFunctions;
  readonly #controls: StepControls;
  readonly #watch: CodeWatch;
  readonly #activations = new Activations();
  readonly #start: number;
  /** by internal id */
  readonly #sent = new Map<string, { runId: string | null; event: EventValue }>();
  readonly #runs = new Map<string, TestRun>();
  /** what was read of runs, and at which change of their disks */
  readonly #reads = new Map<string, { changes: number; stored: StoredRun | undefined }>();
  readonly #accepted: SimulationHooks["accepted"];
  #registered: Promise<void> | null = null;
  /** operations of the test, one after the other: each may move the clock */
  #turn: Promise<unknown> = Promise.resolve();

  /** @internal use {@link createTestPlatform} */
  constructor(options: TestPlatformOptions) {
    checkOptions(options);
    this.#accepted = options.simulation?.accepted ?? (() => undefined);
    const { functions, client, seed = 1, start = START, transport = "local", patience, simulation } = options;
    const faults = simulation?.faults ?? noFaults;
    this.#start = instantMs(start, "createTestPlatform: start");
    this.#random = new Random(seed);
    const chance = this.#random.fork();
    this.#world = new World({
      start: this.#start,
      random: () => chance.next(),
      choose: simulation?.choose,
      faults: {
        commit: (commit) => this.#controls.crash(commit) ?? faults.commit(commit),
        call: (kind, method) => faults.call(kind, method),
        delivery: () => faults.delivery(),
        alarm: (kind) => faults.alarm(kind),
      },
      transports: (life) => ({
        local: this.#activations.within(life, this.#functions.local()),
        http: this.#activations.calls(this.#functions.http(), () => {
          const late = simulation?.reply();
          return late ? this.#world.later(late.delayMs) : null;
        }),
      }),
      committed: (kind, name, writes) => {
        if (kind === "run") this.#controls.committed(name, writes);
        simulation?.committed(kind, name, writes);
      },
      ended: (kind, name) => {
        if (kind === "run") this.#controls.forget(name);
        simulation?.ended(kind, name);
      },
    });
    this.#controls = new StepControls(
      () => this.#world.clock.now,
      (runId) => this.#openEntries(runId),
    );
    this.#watch = new CodeWatch({
      seed,
      now: () => this.#world.clock.now,
      read: (runId) => this.#read(runId),
      registration: (functionId) => this.#functions.registration(functionId),
      handler: options.host?.handler,
      virtualGlobals: options.virtualGlobals ?? true,
      // the order of a simulation's turns is its own
      detectNondeterminism: options.detectNondeterminism ?? simulation === undefined,
    });
    this.#functions = new AppFunctions(functions, client, this.#runHost(options.host ?? {}), {
      transport,
      now: () => this.#world.clock.now,
    });
    this.#driver = new Driver({
      world: this.#world,
      activations: this.#activations,
      isHanging: (runId) => this.#controls.isHanging(runId),
      hasEnded: (runId) => isEnded(this.#read(runId)?.run.state ?? { kind: "blocked" }),
      patienceMs: patience === undefined ? PATIENCE_MS : durationMs(patience, "createTestPlatform: patience"),
      isWork: (timer) => this.#isWork(timer),
      atRest: () => this.#answerPending(),
    });
    for (const one of this.#functions.clients) bindSender(one, (events, idSeed) => this.#accept(null, events, idSeed));
    this.clock = {
      now: () => this.#world.clock.now,
      advance: async (by) => {
        const ms = durationMs(by, "clock.advance");
        return this.#advanceTo(() => this.#world.clock.now + ms);
      },
      advanceTo: async (instant) => {
        const at = instantMs(instant, "clock.advanceTo");
        return this.#advanceTo(() => at);
      },
      runUntilIdle: () =>
        this.#inTurn(async () => {
          await this.#register();
          this.#check(await this.#driver.until(() => false), true);
        }),
    };
  }

  /**
   * Sends events as a client does, and lets all happen that follows at once: runs go on to their first sleep or wait.
   *
   * @throws TypeError for an event that is not one
   * @throws EventValidationError for data that its schema does not take
   */
  async send(payload: EventPayload | readonly EventPayload[]): Promise<SentEvents> {
    const [client] = this.#functions.clients;
    const payloads = readPayloads(payload);
    return this.#inTurn(async () => {
      const events = await Promise.all(payloads.map(async (event) => (client ? preparePayload(event, client) : event)));
      const { ids } = await this.#accept(null, events, undefined);
      this.#check(await this.#driver.settle(), true);
      return this.#startedBy(ids);
    });
  }

  /**
   * Starts a function as `step.invoke` does, and lets all happen that follows at once.
   *
   * @param options.data `event.data` of the run
   */
  async invoke(fn: AnyFunction | string, options: { data?: object; user?: object } = {}): Promise<TestRun> {
    const id = typeof fn === "string" ? fn : fn.id();
    const known = this.#functionIds();
    if (!known.includes(id))
      throw new TypeError(`invoke: function "${id}" is not under test${suggestion(id, known)}; add it to functions`);
    return this.#inTurn(async () => {
      const runId = await this.#startFunction(id, options);
      this.#check(await this.#driver.settle(), true);
      return this.#run(runId);
    });
  }

  /** All runs so far, or those of one function, oldest first. */
  runs(fn?: AnyFunction | string): TestRun[] {
    const id = typeof fn === "object" ? fn.id() : fn;
    return this.#world
      .names("run")
      .map((runId) => this.#run(runId))
      .filter((run) => id === undefined || run.functionId === id);
  }

  /** Events that were sent, by tests and by runs. */
  get events(): EventValue[] {
    return [...this.#sent.values()].map(({ event }) => event);
  }

  /** What happens to steps of any run from now on. */
  step(selector: StepSelector): StepControl {
    return this.#controls.control(selector);
  }

  /** What was asked of steps and never came to anything, in words. */
  unused(): string[] {
    return this.#controls.unused();
  }

  /** @throws Error listing what was asked of steps that never came */
  assertAllUsed(): void {
    const unused = this.unused();
    if (unused.length > 0)
      throw new Error(`asked of steps that never came:\n${unused.map((line) => `  ${line}`).join("\n")}`);
  }

  /** The stories of all runs, and what else there is to know when something is not as expected. */
  timeline(): string {
    const runs = this.#world.names("run").flatMap((runId) => this.#read(runId) ?? []);
    return [...runs.map(({ run, entries }) => story(run, entries, this.#start)), ...this.#notes()].join("\n");
  }

  /** @internal */
  get world(): World {
    return this.#world;
  }

  /** @internal */
  get parts(): PlatformParts {
    return {
      world: this.#world,
      driver: this.#driver,
      functions: this.#functions,
      random: this.#random,
      accept: (events) => this.#accept(null, [...events], undefined),
      start: (functionId, data) => this.#startFunction(functionId, { data }),
      register: () => this.#register(),
      ask: (request) => this.#repeat(request),
      run: (runId) => this.#run(runId),
    };
  }

  // ---- runs ---------------------------------------------------------------------------------------------------------

  #run(id: string): TestRun {
    const known = this.#runs.get(id);
    if (known) return known;
    const run = new TestRun(id, {
      start: this.#start,
      read: (runId) => this.#read(runId),
      sent: (runId) => [...this.#sent.values()].flatMap((sent) => (sent.runId === runId ? [sent.event] : [])),
      waitFor: (one, target, within) => this.#waitFor(one, target, within),
      control: (selector, runId) => this.#controls.control(selector, runId),
      cancel: (runId, reason) => this.#ask((objects) => objects.run(ENV, runId).cancel(reason)),
      advance: async (runId, by) => {
        const ms = durationMs(by, "run.advance");
        await this.#ask(async (objects) => {
          const { kind } = await objects.run(ENV, runId).advance(ms);
          if (kind !== "advanced") throw new Error(`run.advance: the run has ended\n${run.timeline()}`);
        });
      },
      wake: (runId, step) =>
        this.#ask(async (objects) => {
          const outcome = await objects.run(ENV, runId).wake(step);
          if (outcome.kind === "woken") return;
          const asleep = outcome.kind === "awake" ? outcome.sleeping : [];
          const what = step === undefined ? "no step of the run sleeps" : `step ${JSON.stringify(step)} does not sleep`;
          throw new Error(`run.wake: ${what}${suggestion(step ?? "", asleep)}\n${run.timeline()}`);
        }),
      notes: () => this.#notes(),
    });
    this.#runs.set(id, run);
    return run;
  }

  /** A run as it is stored. Its journal is read when it is asked for: most questions are about the run alone. */
  #read(runId: string): StoredRun | undefined {
    const disk = this.#world.disk("run", runId);
    if (!disk) return undefined;
    const known = this.#reads.get(runId);
    if (known?.changes === disk.changes) return known.stored;
    const stored = storedRun(disk);
    this.#reads.set(runId, { changes: disk.changes, stored });
    return stored;
  }

  *#openEntries(only?: string): Iterable<{ runId: string; entry: Entry }> {
    for (const runId of only === undefined ? this.#world.names("run") : [only]) {
      const found = this.#read(runId);
      if (!found || isEnded(found.run.state)) continue;
      for (const entry of found.entries) if (entry.status.kind !== "settled") yield { runId, entry };
    }
  }

  #startedBy(eventIds: string[]): SentEvents {
    const functions = this.#functionIds();
    const runs = eventIds.flatMap((eventId) =>
      functions.flatMap((fn) => {
        const runId = runIdOf(eventId, fn);
        return this.#world.disk("run", runId)?.isEmpty === false ? [this.#run(runId)] : [];
      }),
    );
    return {
      ids: eventIds,
      runs,
      get run() {
        const [run] = runs;
        if (run && runs.length === 1) return run;
        throw new Error(
          run
            ? `the events started ${runs.length} runs, of ${runs.map((one) => one.functionId).join(", ")}: choose one of \`runs\``
            : `the events started no run; functions under test are ${functions.join(", ")}`,
        );
      },
    };
  }

  #functionIds(): string[] {
    return this.#functions.syncs().flatMap(({ functions }) => functions.map((fn) => fn.id));
  }

  // ---- time ---------------------------------------------------------------------------------------------------------

  async #waitFor(run: TestRun, target: RunTarget, within: DurationInput | undefined): Promise<void> {
    splitTarget(target);
    await this.#inTurn(async () => {
      const limit =
        within === undefined ? Number.POSITIVE_INFINITY : this.#world.clock.now + durationMs(within, "waitFor: within");
      const isOver = () => run.has(target) || run.hasEnded;
      const stuck = await this.#driver.until(isOver, limit);
      if (run.has(target)) return;
      const why = stuck ? describe(stuck, this.#start) : "the run has ended";
      throw new Error(`waitFor(${JSON.stringify(target)}): ${why}\n${run.timeline()}`);
    });
  }

  /** @param instantOf asked when the operation's turn has come */
  #advanceTo(instantOf: () => number): Promise<void> {
    return this.#inTurn(async () => {
      const [{ now }, instant] = [this.#world.clock, instantOf()];
      if (instant < now)
        throw new RangeError(
          `clock: cannot go back from ${new Date(now).toISOString()} by ${now - instant} ms; time goes forward only`,
        );
      await this.#register(); // schedules tick although nothing was ever sent
      this.#check(await this.#driver.advanceTo(instant));
    });
  }

  /** @param mayRest whether having nothing left to do is well */
  #check(stuck: Stuck | null, mayRest = false): void {
    if (!stuck || (mayRest && stuck.kind === "idle")) return;
    throw new Error(`${describe(stuck, this.#start)}\n${this.timeline()}`);
  }

  /** Whether a timer is about a run's progress: upkeep alone does not make time pass. */
  #isWork({ key }: Timer): boolean {
    const { kind, name } = partsOf(key);
    if (kind === "registry" || kind === "dedupe") return false;
    const disk = this.#world.disk(kind, name.split(" ")[0] ?? "");
    if (kind === "waits")
      return disk ? memoryStores(new DiskAccess(disk, unwatched)).waits().deliveries().length > 0 : false;
    const runId = name.split(" ")[0] ?? "";
    if (kind !== "run" || !this.#controls.isHanging(runId) || !this.#activations.isExecuting(runId) || !disk)
      return true;
    // the watchdog of code that hangs only looks whether it still does
    return memoryStores(new DiskAccess(disk, unwatched)).run().nextDueAt() !== null;
  }

  // ---- events -------------------------------------------------------------------------------------------------------

  async #accept(run: HostedRun | null, events: EventPayload[], idSeed: string | undefined): Promise<{ ids: string[] }> {
    await this.#register();
    const { now } = this.#world.clock;
    const entropy = this.#random.bytes(10);
    const seed: UlidParts = idSeed !== undefined && run ? readSeed(idSeed, now, entropy) : { timeMs: now, entropy };
    const records = readEvents(JSON.stringify(events), seed, now);
    const accepted = this.#insist(records);
    await (run ? this.#activations.whileWaiting(run.runId, accepted) : accepted);
    // a step that is tried again sends the same events again
    for (const { event, internalId } of records)
      if (!this.#sent.has(internalId)) this.#sent.set(internalId, { runId: run?.runId ?? null, event });
    return { ids: records.map((record) => record.internalId) };
  }

  /** Starts a function by its id; the run's id. */
  async #startFunction(functionId: string, { data, user }: { data?: object; user?: object }): Promise<string> {
    const { now } = this.#world.clock;
    const internalId = ulidOf({ timeMs: now, entropy: this.#random.bytes(10) });
    const event: EventValue = {
      id: internalId,
      name: internalEvents.invoked,
      data: JSON.parse(JSON.stringify({ ...data, _inngest: { fn_id: functionId } })),
      user: JSON.parse(JSON.stringify(user ?? {})),
      ts: now,
    };
    await this.#insist([{ internalId, event }]);
    return runIdOf(internalId, functionId);
  }

  /** Accepts events, again when the process dies under the request. */
  async #insist(records: EventRecord[]): Promise<void> {
    await this.#register();
    await this.#repeat((objects) => acceptRecords(objects, ENV, records, this.#world.clock.now));
    this.#accepted(records, this.#world.clock.now);
  }

  #register(): Promise<void> {
    this.#registered ??= this.#repeat(async (objects) => {
      for (const sync of this.#functions.syncs()) await objects.registry(ENV).sync(sync);
    });
    return this.#registered;
  }

  /** A request of a client's, which it repeats when it gets no answer. */
  async #repeat<T>(request: (objects: Objects) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#world.invoke(request);
      } catch (error) {
        if (!(error instanceof ObjectReset) || attempt === REQUEST_ATTEMPTS) throw error;
      }
    }
  }

  #answerPending(): boolean {
    const pending = this.#controls.takePending();
    for (const answer of pending) void this.#repeat((objects) => this.#answer(objects, answer));
    return pending.length > 0;
  }

  async #answer(objects: Objects, { runId, stepId, kind, event }: PendingAnswer): Promise<void> {
    const run = objects.run(ENV, runId);
    if (kind === "timeOut") return void (await run.expire(stepId));
    const { now } = this.#world.clock;
    const internalId = ulidOf({ timeMs: now, entropy: this.#random.bytes(10) });
    const value: EventValue = JSON.parse(
      JSON.stringify({
        id: internalId,
        name: event.name ?? "",
        data: event.data ?? {},
        user: event.user ?? {},
        ts: now,
      }),
    );
    await run.offer(stepId, { record: { internalId, event: value }, receivedAt: now });
  }

  // ---- the rest -----------------------------------------------------------------------------------------------------

  #runHost(outer: Pick<RunHost, "handler" | "step">): RunHost {
    return {
      ...this.#watch.hooks(),
      turns: () => this.#world.turns.source(),
      now: () => this.#world.clock.now,
      send: (run, events, seed) => this.#accept(run, events, seed),
      step: (run, step) => {
        const adjusted = this.#controls.adjust(run, step);
        return outer.step?.(run, adjusted) ?? adjusted;
      },
    };
  }

  /** One request to an object, and what follows from it at once. */
  #ask(request: (objects: Objects) => Promise<unknown>): Promise<void> {
    return this.#inTurn(async () => {
      await this.#repeat(request);
      this.#check(await this.#driver.settle(), true);
    });
  }

  /** @throws Error inside a run, whose code would wait for an operation that waits for the code */
  async #inTurn<T>(task: () => Promise<T>): Promise<T> {
    if (ambient() !== undefined)
      throw new Error(
        "the test platform was asked by code inside a run, which it lets come to rest first; there, send events with step.sendEvent or the client, and move time from the test",
      );
    const judged = async () => {
      const result = await task().catch(async (error: unknown) => {
        await this.#watch.judge(error);
        throw error;
      });
      await this.#watch.judge();
      return result;
    };
    const turn = this.#turn.then(judged, judged);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  #notes(): string[] {
    const unused = this.unused();
    return unused.length === 0 ? [] : ["asked of steps that never came:", ...unused.map((line) => `  ${line}`)];
  }
}

/** @returns undefined for an object that has stored no run */
function storedRun(disk: MemoryDisk): StoredRun | undefined {
  const store = memoryStores(new DiskAccess(disk, unwatched)).run();
  const run = store.run();
  const events = run ? store.events().records.map((record) => record.event) : [];
  const [trigger] = events;
  if (!run || !trigger) return undefined;
  let entries: Entry[] | undefined;
  return {
    run,
    trigger,
    events,
    get entries() {
      return (entries ??= store.entries());
    },
  };
}

const unwatched = { access: () => undefined, committing: () => undefined, committed: () => undefined };

function checkOptions(options: TestPlatformOptions): void {
  if (typeof options !== "object" || options === null)
    throw new TypeError("createTestPlatform: expected options, { functions }");
  for (const [name, value] of Object.entries(options))
    if (value !== undefined && !OPTIONS.some((known) => known === name))
      throw new TypeError(
        `createTestPlatform: ${JSON.stringify(name)} is not an option${suggestion(name, OPTIONS)}; there are functions, client, seed, start, transport, patience, virtualGlobals, detectNondeterminism`,
      );
  const { seed, transport } = options;
  if (seed !== undefined && !Number.isSafeInteger(seed))
    throw new TypeError(`createTestPlatform: seed: ${JSON.stringify(seed)} is not a whole number`);
  if (transport !== undefined && transport !== "local" && transport !== "http")
    throw new TypeError(`createTestPlatform: transport: ${JSON.stringify(transport)} is neither "local" nor "http"`);
}

function describe(stuck: Stuck, start: number): string {
  switch (stuck.kind) {
    case "idle":
      return "nothing is left that could happen: no deadline, no event under way";
    case "executing":
      return `code has been executing for ${stuck.patienceMs} ms of real time, while which virtual time stands still (runs ${stuck.runs.join(", ") || "none: the platform itself"}); raise \`patience\` if it needs longer, or use step(id).hang() if it is meant to hang`;
    case "limit":
      return `not until ${when(stuck.at, start)}`;
    case "endless":
      return `no end in sight: time has moved on ${stuck.instants} times; does something repeat for ever?`;
  }
}
