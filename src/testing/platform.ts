import type { Objects } from "../durable-objects/objects.ts";
import type { EventValue } from "../protocol/event.ts";
import { runIdOf } from "../protocol/ids.ts";
import { signalNameProblem } from "../protocol/signal.ts";
import { durationMs, instantMs, type DurationInput, type InstantInput } from "../protocol/time-string.ts";
import { ambient } from "../sdk/ambient.ts";
import type { EventPayload } from "../sdk/event.ts";
import { readPayloads } from "../sdk/event-payload.ts";
import type { RunHost } from "../sdk/run-host.ts";
import { bindRealtime } from "../sdk/realtime/service.ts";
import { bindSchedules } from "../sdk/schedules.ts";
import { bindSignals, type SendSignalOptions, type SendSignalResponse } from "../sdk/signals.ts";
import { bindSender } from "../sdk/sender.ts";
import { suggestion } from "../sdk/suggestion.ts";
import { ConnectFunctions } from "../transports/connect.ts";
import { AppFunctions, type AnyFunction } from "./app-functions.ts";
import { CodeWatch } from "./code-watch.ts";
import { Activations } from "./host/activations.ts";
import { Driver, type Stuck } from "./host/driver.ts";
import { noFaults } from "./host/faults.ts";
import type { Timer } from "./host/virtual-clock.ts";
import { ENV, partsOf, World } from "./host/world.ts";
import { checkOptions, type TestPlatformOptions } from "./platform-options.ts";
import { publishedMessage, type PublishedMessage } from "./published.ts";
import { Random } from "./random.ts";
import { TestRun, splitTarget, type RunTarget } from "./run.ts";
import { StepControls, type StepControl, type StepSelector } from "./step-control.ts";
import { StoredRuns } from "./stored-runs.ts";
import { whyStuck } from "./stuck.ts";
import { TestClient } from "./test-client.ts";
import { story } from "./timeline.ts";

/** The parts of a platform that a simulation drives by itself. */
export interface PlatformParts {
  world: World;
  driver: Driver;
  functions: AppFunctions;
  client: TestClient;
  /** @throws NondeterminismError for a run that would not repeat itself */
  judge: () => Promise<void>;
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

const NO_SUBSCRIBERS =
  "nobody can subscribe to the platform in memory: read what was published from `platform.published`";

/** Keys of the timers of a run's steps begin so. */
const bodyTimers = (runId: string): string => `body ${runId} `;

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
  readonly #stored: StoredRuns;
  readonly #client: TestClient;
  readonly #functions: AppFunctions;
  readonly #controls: StepControls;
  readonly #watch: CodeWatch;
  readonly #activations = new Activations();
  readonly #start: number;
  readonly #runs = new Map<string, TestRun>();
  /** code of steps with a timeout, so far */
  #bodies = 0;
  /** operations of the test, one after the other: each may move the clock */
  #turn: Promise<unknown> = Promise.resolve();

  /** @internal use {@link createTestPlatform} */
  constructor(options: TestPlatformOptions) {
    checkOptions(options);
    const { functions, client, seed = 1, start = START, transport = "local", patience, simulation } = options;
    const faults = simulation?.faults ?? noFaults;
    this.#start = instantMs(start, "createTestPlatform: start");
    const random = new Random(seed);
    const chance = random.fork();
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
        connect: new ConnectFunctions(),
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
    this.#stored = new StoredRuns(this.#world);
    this.#controls = new StepControls(
      () => this.#world.clock.now,
      (runId) => this.#stored.openEntries(runId),
    );
    this.#watch = new CodeWatch({
      seed,
      now: () => this.#world.clock.now,
      read: (runId) => this.#stored.read(runId),
      registration: (functionId) => this.#functions.registration(functionId),
      handler: options.host?.handler,
      virtualGlobals: options.virtualGlobals ?? true,
      detectNondeterminism: options.detectNondeterminism ?? true,
      judgesEarly: simulation === undefined, // the order of a simulation's turns is its own
    });
    this.#functions = new AppFunctions(functions, client, this.#runHost({ ...options.host, fetch: options.fetch }), {
      transport,
      now: () => this.#world.clock.now,
    });
    this.#client = new TestClient({
      world: this.#world,
      functions: this.#functions,
      activations: this.#activations,
      random,
      accepted: simulation?.accepted ?? (() => undefined),
    });
    this.#driver = new Driver({
      world: this.#world,
      activations: this.#activations,
      isHanging: (runId) => this.#controls.isHanging(runId),
      hasTimeout: (runId) => this.#world.clock.next(({ key }) => key.startsWith(bodyTimers(runId))) !== undefined,
      hasEnded: (runId) => this.#stored.hasEnded(runId),
      patienceMs: patience === undefined ? PATIENCE_MS : durationMs(patience, "createTestPlatform: patience"),
      isWork: (timer) => this.#isWork(timer),
      atRest: () => this.#answerPending(),
    });
    for (const one of this.#functions.clients) {
      bindSender(one, (events) => this.#client.deliver(null, events));
      bindSchedules(one, (request) => this.#client.schedules(ambient()?.runId ?? null, request));
      bindRealtime(one, {
        publish: (message) => this.#client.publish(ambient()?.runId ?? null, message),
        token: async () => "a token of the platform in memory",
        connect: () => Promise.reject(new Error(NO_SUBSCRIBERS)),
      });
      bindSignals(one, (signal) => this.#client.signal(ambient()?.runId ?? null, signal));
    }
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
          await this.#client.register();
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
    readPayloads(payload); // what is no event is told before the operation's turn
    return this.#inTurn(async () => {
      const { ids } = await this.#client.send(payload);
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
      const runId = await this.#client.start(id, options);
      this.#check(await this.#driver.settle(), true);
      return this.#run(runId);
    });
  }

  /**
   * Sends a signal as a client does, and lets all happen that follows at once.
   *
   * @returns the run that got it; `runId` is undefined when nobody waited
   * @throws TypeError for a name that cannot be
   * @example
   * await run.waitFor("wait:approval");
   * await platform.sendSignal({ signal: "approval/42", data: { by: "ada" } });
   */
  async sendSignal({ signal: name, data = null }: SendSignalOptions): Promise<SendSignalResponse> {
    const problem = signalNameProblem(name);
    if (problem !== null) throw new TypeError(`sendSignal: signal ${problem}`);
    return this.#inTurn(async () => {
      const { runId } = await this.#client.signal(null, { name, data: JSON.parse(JSON.stringify(data)) });
      this.#check(await this.#driver.settle(), true);
      return { runId: runId ?? undefined };
    });
  }

  /** All runs so far, or those of one function, oldest first. */
  runs(fn?: AnyFunction | string): TestRun[] {
    const id = typeof fn === "object" ? fn.id() : fn;
    return this.#stored
      .ids()
      .map((runId) => this.#run(runId))
      .filter((run) => id === undefined || run.functionId === id);
  }

  /** Events that were sent, by tests and by runs. */
  get events(): EventValue[] {
    return this.#client.sent();
  }

  /** Realtime messages that were published, by tests and by runs, oldest first. */
  get published(): PublishedMessage[] {
    return this.#world.published.map(publishedMessage);
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
    const runs = this.#stored.ids().flatMap((runId) => this.#stored.read(runId) ?? []);
    return [...runs.map((run) => story(run, this.#start)), ...this.#notes()].join("\n");
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
      client: this.#client,
      judge: () => this.#watch.judge(),
      run: (runId) => this.#run(runId),
    };
  }

  // ---- runs ---------------------------------------------------------------------------------------------------------

  #run(id: string): TestRun {
    const known = this.#runs.get(id);
    if (known) return known;
    const run = new TestRun(id, {
      start: this.#start,
      read: (runId) => this.#stored.read(runId),
      sent: (runId) => this.#client.sent(runId),
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

  #startedBy(eventIds: string[]): SentEvents {
    const functions = this.#functionIds();
    const runs = eventIds.flatMap((eventId) =>
      functions.flatMap((fn) => {
        const runId = runIdOf(eventId, fn);
        return this.#stored.has(runId) ? [this.#run(runId)] : [];
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
      const why = stuck ? whyStuck(stuck, this.#start) : "the run has ended";
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
      await this.#client.register(); // schedules tick although nothing was ever sent
      this.#check(await this.#driver.advanceTo(instant));
    });
  }

  /** @param mayRest whether having nothing left to do is well */
  #check(stuck: Stuck | null, mayRest = false): void {
    if (!stuck || (mayRest && stuck.kind === "idle")) return;
    throw new Error(`${whyStuck(stuck, this.#start)}\n${this.timeline()}`);
  }

  /** Whether a timer is about a run's progress: upkeep alone does not make time pass. */
  #isWork({ key }: Timer): boolean {
    const { kind, name } = partsOf(key);
    if (kind === "registry" || kind === "dedupe" || kind === "signal" || kind === "channel") return false;
    if (kind === "key") return this.#stored.keyHasWork(name);
    if (kind === "log") return !this.#world.isRouted(name);
    if (kind === "waits") return this.#stored.hasDeliveries(name);
    const [runId = ""] = name.split(" ");
    if (kind !== "run" || !this.#controls.isHanging(runId) || !this.#activations.isExecuting(runId)) return true;
    return this.#stored.hasDeadline(runId); // the watchdog of code that hangs only looks whether it still does
  }

  // ---- the rest -----------------------------------------------------------------------------------------------------

  #runHost(outer: Pick<RunHost, "handler" | "step" | "fetch">): RunHost {
    return {
      ...this.#watch.hooks(),
      ...(outer.fetch && { fetch: outer.fetch }),
      turns: () => this.#world.turns.source(),
      now: () => this.#world.clock.now,
      timer: ({ runId }, ms, fire) => this.#world.timer(`${bodyTimers(runId)}${(this.#bodies += 1)}`, ms, fire),
      state: (runId) => this.#client.state(runId),
      send: (run, events, seed) => this.#client.deliver(run, events, seed),
      step: (run, step) => {
        const adjusted = this.#controls.adjust(run, step);
        return outer.step?.(run, adjusted) ?? adjusted;
      },
    };
  }

  #answerPending(): boolean {
    const pending = this.#controls.takePending();
    for (const answer of pending) void this.#client.answer(answer);
    return pending.length > 0;
  }

  /** One request to an object, and what follows from it at once. */
  #ask(request: (objects: Objects) => Promise<unknown>): Promise<void> {
    return this.#inTurn(async () => {
      await this.#client.ask(request);
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
