/**
 * The rules of the platform as a user sees them, over HTTP only: what every host must do, with its functions embedded and
 * served.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { FrontDoor } from "../helpers/front-door.ts";

/** How functions are reached; also the id of the app that has them. */
export type Transport = "local" | "binding" | "http";

/** The fixture app of a transport, from the test's side: its hooks. */
export interface FixtureApp {
  /** how often a body ran, counted outside the engine */
  counted(name: string): Promise<number>;
  /** lets the body that waits at a gate go on */
  open(name: string): Promise<void>;
}

/** A host with the functions of test/fixtures/functions.ts, as an app of each transport. */
export interface BehaviourHost {
  door: FrontDoor;
  /** over which the rules are tried */
  transports: readonly Transport[];
  apps: Record<Transport, FixtureApp>;
  /** whether tests that leave each other alone, and need nothing within a time, may run at once: waits are real there */
  isConcurrent?: boolean;
  /** before the rules over a transport */
  begin?(transport: Transport): Promise<void>;
  /** after them */
  end?(): Promise<void>;
  /** Lets so much time pass, with all that happens in it. */
  pass(ms: number): Promise<void>;
  /**
   * All objects lose their memory at once.
   *
   * @param interrupted a run that comes back at once, not only when its alarm is due
   */
  crash(interrupted?: string): Promise<void>;
  /** reasons by the name of a rule that means nothing on this host, or of one over one transport, as "over http: …" */
  skips?: Readonly<Record<string, string>>;
}

const MIB = 1024 * 1024;

export function behaviours(host: BehaviourHost): void {
  const { ended, json, outputOf, post, readRun, request, runsOf, runWhen, send, sendAll, started, until } = host.door;

  const beside = host.isConcurrent ? describe.concurrent : describe;

  describe.each(host.transports)("over %s:", (transport) => {
    beforeAll(() => host.begin?.(transport));
    afterAll(() => host.end?.());
    beforeEach(({ task, skip }) => {
      const why = host.skips?.[task.name] ?? host.skips?.[`over ${transport}: ${task.name}`];
      if (why !== undefined) skip(why);
    });

    const app = host.apps[transport];

    /** Sends an event to a fixture function; its hooks are counted under the key. */
    async function start(name: string, data: object = {}, more: object = {}): Promise<{ key: string; id: string }> {
      const key = crypto.randomUUID();
      return { key, id: await send({ name: `${transport}/${name}`, data: { key, ...data }, ...more }) };
    }
    const outputFrom = async (name: string, data?: object) => outputOf((await start(name, data)).id);
    const counted = (key: string, what: string) => app.counted(`${key}.${what}`);
    const open = (key: string, what: string) => app.open(`${key}.${what}`);
    const untilCounted = (key: string, what: string, times = 1) =>
      until(async () => (await counted(key, what)) >= times, `${what} to run ${times} time(s)`);
    const isWaitingFor = (kind: string) => (run: Awaited<ReturnType<typeof readRun>>) =>
      run.waiting_for.some((reason) => reason.kind === kind);
    /** A name that only this test's events have. */
    const freshName = () => `${transport}/answer/${crypto.randomUUID()}`;

    describe("steps", () => {
      it("run in their order, once each, and each result feeds the next", async () => {
        const { key, id } = await start("sequence");
        expect(await outputOf(id)).toEqual({ a: { n: 1, at: "1970-01-01T00:00:00.000Z" }, b: 2, c: 20 });
        for (const step of ["a", "b", "c"]) expect(await counted(key, step)).toBe(1);
        expect((await ended(id)).steps.map((step) => [step.id, step.status, step.attempt])).toEqual([
          ["a", "completed", 0],
          ["b", "completed", 0],
          ["c", "completed", 0],
        ]);
      });

      it("get their inputs, which are recorded", async () => {
        const { id } = await start("inputs");
        const run = await ended(id);
        expect(run.output).toBe(42);
        expect(run.steps[0]).toMatchObject({ id: "add", input: [2, { n: 40 }], output: 42 });
      });

      it("with a repeated id are told apart by position", async () => {
        const { key, id } = await start("loop", { n: 5 });
        const run = await ended(id);
        expect(run.output).toBe(10);
        expect(await counted(key, "s")).toBe(5);
        expect(new Set(run.steps.map((step) => step.hash)).size).toBe(5);
      });

      it("of one Promise.all run at the same time", async () => {
        const { key, id } = await start("all");
        await untilCounted(key, "together", 3); // none has returned yet
        await open(key, "all");
        expect(await outputOf(id)).toEqual(["a", "b", "c"]);
        expect(await counted(key, "together")).toBe(3);
      });

      it("of a crowd of 100 are all under way at the same time, wherever their code is", async () => {
        const { key, id } = await start("crowd", { n: 100 });
        await untilCounted(key, "crowded", 100); // none has returned yet: no connection is waited for
        await open(key, "crowd");
        expect(await outputOf(id)).toBe(4950);
        expect(await counted(key, "crowded")).toBe(100);
      });

      it("of one Promise.race: the handler goes on and ends while the loser still runs", async () => {
        const { key, id } = await start("race");
        const run = await ended(id);
        expect(run).toMatchObject({ status: "Completed", output: { first: "quick", next: "after quick" } });
        expect(await counted(key, "slow")).toBe(1);
        await open(key, "slow"); // its late result changes nothing
        await host.pass(30);
        const after = await readRun(run.run_id);
        expect(after).toEqual(run);
        expect(await counted(key, "next")).toBe(1);
      });

      it("in a race with a sleep: the sleep limits the step's time", async () => {
        const { key, id } = await start("race-sleep");
        expect(await outputOf(id)).toBe("too slow");
        await open(key, "slow");
      });

      it("in a race: a wait that lost is withdrawn with the run's end", async () => {
        const answer = freshName();
        const { id } = await start("race-wait", { answer });
        expect(await outputOf(id)).toBe("too late");
        await send({ name: answer, data: {} });
        expect((await ended(id)).output).toBe("too late");
      });

      it("with a timeout fail when an attempt takes longer, are told so, and tried again", async () => {
        const { key, id } = await start("timed");
        const run = await ended(id);
        expect(run.output).toEqual({ greeting: "hello", isAborted: false });
        expect(run.steps[0]).toMatchObject({ id: "hangs", status: "completed", attempt: 1, input: ["hello"] });
        expect(await counted(key, "attempt")).toBe(2);
        expect(await counted(key, "told")).toBe(1);
      });

      it("with a timeout and no attempt left reject with what it was", async () => {
        expect(await outputFrom("timed-out")).toEqual({
          name: "StepTimeoutError",
          code: "step_timeout",
          message: 'step "hangs" took longer than its timeout, 50ms',
        });
      });

      it("are retried while others of the same Promise.all still run", async () => {
        const { key, id } = await start("retry-beside");
        await untilCounted(key, "held");
        await untilCounted(key, "flaky", 3);
        await open(key, "held");
        expect(await outputOf(id)).toEqual(["flaky", "held"]);
        expect([await counted(key, "flaky"), await counted(key, "held")]).toEqual([3, 1]);
      });

      it("may be open when the handler throws: it is tried again beside them", async () => {
        const { key, id } = await start("throw-beside");
        expect(await outputOf(id)).toBe("went on");
        expect([await counted(key, "work"), await counted(key, "handler")]).toEqual([1, 3]);
      });

      it("may hold 12 MiB together", async () => {
        const { key, id } = await start("big-state", { n: 4 });
        expect(await outputOf(id)).toBe(12 * MIB);
        expect(await counted(key, "big")).toBe(4);
      });

      it(
        "may hold 36 MiB together when embedded; over HTTP the run fails and says the bound",
        { timeout: 60_000 },
        async () => {
          const { id } = await start("big-state", { n: 12 });
          const last = await until(
            async () => (await runsOf(id)).find((run) => run.ended_at !== null),
            "the end of the run",
            40_000,
          );
          if (transport === "local") expect(last).toMatchObject({ status: "Completed", output: 36 * MIB });
          else expect(last).toMatchObject({ status: "Failed", output: { code: "state_exceeded" } });
          expect((await request(`/v1/runs/${last.run_id}`)).status).toBe(200);
        },
      );

      it("settle one by one under Promise.allSettled", async () => {
        expect(await outputFrom("settled")).toEqual([1, "bad"]);
      });

      it("that fail for good reject with a StepError that the handler may catch", async () => {
        const { key, id } = await start("caught");
        expect(await outputOf(id)).toEqual({
          problem: { name: "RangeError", message: "out of range", isStepError: true, stepId: "fails" },
          after: "went on",
        });
        expect(await counted(key, "fails")).toBe(3);
      });

      it("may be used in helper functions", async () => {
        expect(await outputFrom("helpers")).toBe(14);
      });

      it("may have other awaits between and beside them", async () => {
        expect(await outputFrom("own-awaits")).toBe(42);
      });

      it("are not needed", async () => {
        expect(await outputFrom("no-steps", { n: 7 })).toEqual({ got: 7 });
      });

      it("may be 1,000 in one run", { timeout: 120_000 }, async () => {
        const { key, id } = await start("loop", { n: 1000 });
        const run = await ended(id, 100_000);
        expect(run.error).toBeNull();
        expect(run.output).toBe(499_500);
        expect(await counted(key, "s")).toBe(1000);
      });

      it("may be 100 at a time", async () => {
        const { key, id } = await start("many", { n: 100 });
        expect(await outputOf(id)).toBe(4950);
        expect(await counted(key, "p")).toBe(100);
      });

      it("[G5] executing are what the run says it does, since when", async () => {
        const { key, id } = await start("crash");
        await untilCounted(key, "held");
        const run = await started(id);
        expect(run.waiting_for).toContainEqual(
          expect.objectContaining({ kind: "executing", since: expect.any(String) }),
        );
        await open(key, "held");
        expect((await ended(id)).waiting_for).toEqual([]);
      });

      it("need an id: an empty one is refused by name", async () => {
        expect(await outputFrom("step-id", { id: "" })).toMatchObject({
          name: "TypeError",
          message: expect.stringContaining('id: ""'),
        });
      });

      it("may have an id of 1,024 bytes; one of 10 kB is refused with the bound", async () => {
        expect(await outputFrom("step-id", { id: "i".repeat(1024) })).toBe("ran");
        expect(await outputFrom("step-id", { id: "i".repeat(10_000) })).toMatchObject({
          name: "RangeError",
          message: expect.stringMatching(/10000 bytes.*1024/),
        });
      });
    });

    beside("sleep", () => {
      it("is exact to the millisecond: it never ends early", async () => {
        const { id } = await start("sleep", { ms: 137 });
        expect(await outputOf(id)).toBeGreaterThanOrEqual(137);
      });

      it("of several lengths side by side: none ends early, and the short one not after the long one", async () => {
        const [long, short] = await outputFrom("sleeps");
        expect(long).toBeGreaterThanOrEqual(150);
        expect(short).toBeGreaterThanOrEqual(50);
        expect(short).toBeLessThanOrEqual(long);
      });

      it("may be written as text", async () => {
        expect(await outputFrom("sleep", { ms: "0.05s" })).toBeGreaterThanOrEqual(50);
      });

      it("until an instant in the past is over at once", async () => {
        expect(await outputFrom("sleep-until", { at: "2020-01-01T00:00:00Z" })).toBe("awake");
      });

      it("[G5] is what the run says it waits for, until when", async () => {
        const { id } = await start("sleep", { ms: 60_000 });
        const run = await runWhen(id, isWaitingFor("sleeping"), "the sleep");
        const [reason] = run.waiting_for.filter((other) => other.kind === "sleeping");
        expect(reason).toMatchObject({ step: "nap" });
        const left = Date.parse(reason?.until ?? "") - Date.now();
        expect(left).toBeGreaterThan(50_000);
        expect(left).toBeLessThanOrEqual(60_000);
        expect(run.status).toBe("Running");
      });
    });

    describe("waitForSignal", () => {
      const waiting = (id: string) => runWhen(id, isWaitingFor("signal"), "the wait for a signal");
      const wait = (signal: string, more: object = {}) => ({
        wait: { signal, timeout: "20s", onConflict: "fail", ...more },
      });

      it("resumes with the data of the signal, whose sender is told the run", async () => {
        const signal = `${freshName()}/ü?`;
        const { id } = await start("signal", wait(signal));
        const run = await waiting(id);
        expect(run.waiting_for).toMatchObject([{ kind: "signal", step: "answer", on: { signal } }]);
        const { status, body } = await post("/v1/signals", { signal, data: { by: "ada" } });
        expect([status, body.data]).toEqual([200, { run_id: run.run_id }]);
        expect(await outputOf(id)).toEqual({ signal, data: { by: "ada" } });
        expect((await post("/v1/signals", { signal, data: 2 })).status).toBe(404);
      });

      it("resumes with null when none came in time", async () => {
        expect(await outputFrom("signal", wait(freshName(), { timeout: 50 }))).toBeNull();
      });

      it("a second wait fails its run, or takes the signal over", async () => {
        const signal = freshName();
        const first = await start("signal", wait(signal, { timeout: "2s" }));
        await waiting(first.id);
        const second = await ended((await start("signal", wait(signal))).id);
        expect(second.error).toMatchObject({
          code: "signal_conflict",
          message: "Signal conflict; signal wait already exists for another run",
        });
        const third = await start("signal", wait(signal, { onConflict: "replace" }));
        const isHeld = await waiting(third.id);
        await until(async () => {
          const { status, body } = await post("/v1/signals", { signal, data: null });
          return status === 200 && body.data.run_id === isHeld.run_id;
        }, "the third to have the signal");
        expect(await outputOf(third.id)).toEqual({ signal, data: null });
        expect(await outputOf(first.id)).toBeNull();
      });

      it("a step sends one: in the Worker in process, elsewhere over the API", async () => {
        const signal = freshName();
        const { id } = await start("signal", wait(signal));
        const run = await waiting(id);
        expect(await outputFrom("send-signal", { signal: { signal, data: [1] } })).toEqual({ runId: run.run_id });
        expect(await outputOf(id)).toEqual({ signal, data: [1] });
        expect(await outputFrom("send-signal", { signal: { signal } })).toEqual({});
      });

      it("a signal without a name, with one too long, or with too much data is refused", async () => {
        expect((await post("/v1/signals", { data: 1 })).body.error).toBe(
          "signal: must be a name of 1 to 512 bytes, not undefined",
        );
        expect((await post("/v1/signals", { signal: "x".repeat(513) })).status).toBe(400);
        expect((await post("/v1/signals", { signal: "s", data: "x".repeat(4 * MIB) })).status).toBe(413);
      });
    });

    describe("waitForEvent", () => {
      const waiting = (id: string) => runWhen(id, isWaitingFor("waiting"), "the wait");

      it("resumes with the event whose matched path is equal", async () => {
        const event = freshName();
        const { id } = await start("wait", { order: "o1", wait: { event, match: "data.order", timeout: "20s" } });
        await waiting(id);
        await sendAll([
          { name: event, data: { order: "o2" } },
          { name: event, data: {} },
          { name: event, data: { order: "o1", n: 1 } },
        ]);
        expect(await outputOf(id)).toMatchObject({ name: event, data: { order: "o1", n: 1 } });
      });

      it("resumes with the event for which the expression is true", async () => {
        const event = freshName();
        const { id } = await start("wait", {
          min: 10,
          wait: { event, if: "async.data.n > event.data.min", timeout: "20s" },
        });
        await waiting(id);
        await send({ name: event, data: { n: 5 } });
        await send({ name: event, data: { n: 11 } });
        expect((await outputOf(id)).data).toEqual({ n: 11 });
      });

      it("gives null when no event came in time, and is not early", async () => {
        const event = freshName();
        const { id } = await start("wait", { wait: { event, timeout: 120 } });
        const run = await ended(id);
        expect(run).toMatchObject({ status: "Completed", output: null });
        expect(Date.parse(run.ended_at ?? "") - Date.parse(run.run_started_at)).toBeGreaterThanOrEqual(120);
        await send({ name: event, data: {} });
        expect((await readRun(run.run_id)).output).toBeNull();
      });

      // clocks of two objects may differ: events of the last second before the wait count as after it (design §2)
      it("does not find an event that came more than a second before the wait", async () => {
        const event = freshName();
        const { key, id } = await start("wait-late", { wait: { event, timeout: 1500 } });
        const early = await send({ name: event, data: { n: 1 } });
        expect((await request(`/v1/events/${early}`)).status).toBe(200);
        await host.pass(1100);
        await open(key, "late");
        await waiting(id);
        expect(await outputOf(id)).toBeNull();
      });

      it("with `since: run` finds an event that came before the wait", async () => {
        const event = freshName();
        const { key, id } = await start("wait-late", { wait: { event, timeout: "20s", since: "run" } });
        await started(id);
        await send({ name: event, data: { n: 1 } });
        await open(key, "late");
        expect((await outputOf(id)).data).toEqual({ n: 1 });
      });

      it("with `events` resumes with the first of any of them", async () => {
        const [a, b] = [freshName(), freshName()];
        const { id } = await start("wait", { wait: { events: [a, b], timeout: "20s" } });
        await waiting(id);
        await send({ name: b, data: { n: 2 } });
        expect((await outputOf(id)).data).toEqual({ n: 2 });
      });

      it("one event does not answer two waits that follow each other in a run", async () => {
        const answer = freshName();
        const { id } = await start("wait-twice", { answer, timeout: "20s" });
        await waiting(id);
        await send({ name: answer, data: { n: 1 } });
        const isSecond = (run: Awaited<ReturnType<typeof readRun>>) =>
          run.waiting_for.some((reason) => reason.kind === "waiting" && reason.step === "second");
        await runWhen(id, isSecond, "the second wait");
        await send({ name: answer, data: { n: 2 } });
        expect(await outputOf(id)).toEqual([1, 2]);
      });

      it("one event answers two waits that stand side by side", async () => {
        const answer = freshName();
        const { id } = await start("wait-both", { answer });
        const areBoth = (run: Awaited<ReturnType<typeof readRun>>) =>
          run.waiting_for.filter((reason) => reason.kind === "waiting").length === 2;
        await runWhen(id, areBoth, "both waits");
        await send({ name: answer, data: { n: 1 } });
        expect(await outputOf(id)).toEqual([1, 1]);
      });

      it("one event resumes every run that waits for it", async () => {
        const event = freshName();
        const wait = { event, timeout: "20s" };
        const ids = await sendAll(
          Array.from({ length: 20 }, () => ({ name: `${transport}/wait`, data: { key: crypto.randomUUID(), wait } })),
        );
        await Promise.all(ids.map(waiting));
        await send({ name: event, data: { n: 1 } });
        for (const id of ids) expect((await outputOf(id)).data).toEqual({ n: 1 });
      });

      it("with an expression that does not compile fails the step, which names it", async () => {
        const { id } = await start("wait", { wait: { event: freshName(), if: "async.data.n >", timeout: "1s" } });
        const run = await ended(id);
        expect(run.status).toBe("Failed");
        expect(run.error?.message).toContain("async.data.n >");
      });

      it("[G5] is what the run says it waits for, until when", async () => {
        const event = freshName();
        const { id } = await start("wait", { wait: { event, match: "data.x", timeout: "1h" } });
        const run = await waiting(id);
        expect(run.waiting_for).toEqual([
          expect.objectContaining({
            kind: "waiting",
            step: "answer",
            on: { events: [event], if: "event.data.x == async.data.x" },
          }),
        ]);
        expect(Date.parse(run.waiting_for[0]?.until ?? "") - Date.now()).toBeGreaterThan(3_500_000);
      });
    });

    beside("invoke", () => {
      it("gives the result of the other function", async () => {
        const { key, id } = await start("invoke");
        expect(await outputOf(id)).toBe(42);
        expect(await counted(key, "double")).toBe(1);
      });

      it("of several at the same time gives all results", async () => {
        expect(await outputFrom("invoke-all")).toBe(12);
      });

      it("[G11] reaches functions of other apps of the environment", async () => {
        const { key, id } = await start("invoke-foreign");
        expect(await outputOf(id)).toBe(8);
        const other = host.apps[transport === "http" ? "local" : "http"];
        expect([await other.counted(`${key}.double`), await counted(key, "double")]).toEqual([1, 0]);
      });

      it("rejects with the callee's error as a StepError", async () => {
        expect(await outputFrom("invoke-broken")).toMatchObject({
          name: "TypeError",
          message: "callee broke",
          isStepError: true,
        });
      });

      it("rejects when the function is unknown", async () => {
        expect(await outputFrom("invoke-unknown")).toMatchObject({
          isStepError: true,
          message: expect.stringContaining(`${transport}-unregistered`),
        });
      });

      it("rejects after its timeout while the callee goes on", async () => {
        const { key, id } = await start("invoke-slow", { timeout: 150 });
        expect(await outputOf(id)).toMatchObject({ name: "InngestInvokeTimeoutError", isStepError: true });
        await open(key, "hold");
        await until(async () => (await counted(key, "hold")) === 1, "the callee");
      });

      it("[G5] is what the run says it waits for, until when", async () => {
        const { key, id } = await start("invoke-slow");
        const run = await runWhen(id, isWaitingFor("invoking"), "the invoke");
        expect(run.waiting_for.find((reason) => reason.kind === "invoking")).toMatchObject({
          step: "call",
          on: { function: `${transport}-gated` },
          until: expect.any(String),
        });
        await open(key, "hold");
        expect(await outputOf(id)).toBe("held");
      });
    });

    beside("sendEvent", () => {
      it("starts other runs, once each", async () => {
        const { key, id } = await start("send");
        const ids: string[] = await outputOf(id);
        expect(ids).toHaveLength(2);
        expect(await outputOf(ids[0] ?? "")).toBe(1);
        expect(await outputOf(ids[1] ?? "")).toBe(2);
        expect([await counted(key, "heard1"), await counted(key, "heard2"), await counted(key, "after")]).toEqual([
          1, 1, 1,
        ]);
      });
    });

    beside("sessions", () => {
      it("of an event are inherited by the events that its run sends, and what those say themselves wins", async () => {
        const { id } = await start("in-session", { isLast: false }, { meta: { sessions: { chat: 7, org: "o" } } });
        const { ids } = await outputOf(id);
        const sessions = { chat: "7", org: "o" };
        expect(await outputOf(ids[0])).toEqual({ sessions, stored: { sessions } });
      });
    });

    beside("group.experiment", () => {
      it("chooses once and goes on with that variant", async () => {
        const { key, id } = await start("experiment", { variant: "next" });
        const run = await ended(id);
        expect(run.output).toEqual({ result: "new", variant: "next" });
        expect([await counted(key, "select"), await counted(key, "new")]).toEqual([1, 1]);
        expect(run.steps.map((step) => [step.id, step.type, step.output])).toEqual([
          ["which", "group.experiment", "next"],
          ["nap", "step.sleep", null],
          ["new", "step.run", "new"],
        ]);
      });

      it("fails, without another try, for a choice that is no variant", async () => {
        const { key, id } = await start("experiment", { variant: "other" });
        const run = await ended(id);
        expect(run).toMatchObject({
          status: "Failed",
          error: { message: expect.stringContaining("there are control, next") },
        });
        expect(await counted(key, "select")).toBe(1);
      });
    });

    describe("retries", () => {
      it("try a failing step again; the attempt is visible inside and in the API", async () => {
        const { key, id } = await start("flaky", { fails: 2 });
        const run = await ended(id);
        expect(run.output).toEqual({ attempt: 2, maxAttempts: 3 });
        expect(await counted(key, "f")).toBe(3);
        expect(run.steps[0]?.failures.map(({ attempt, error }) => [attempt, error.message])).toEqual([
          [0, "try 0 failed"],
          [1, "try 1 failed"],
        ]);
      });

      it("wait as the policy says, and the run says so meanwhile [G5]", async () => {
        const { id } = await start("flaky", { fails: 2 });
        const run = await ended(id);
        const [first, second] = run.steps[0]?.failures.map((failure) => Date.parse(failure.ended_at)) ?? [];
        expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(20);
      });

      it("try the handler again, without the steps that are settled", async () => {
        const { key, id } = await start("flaky-handler", { fails: 2 });
        expect(await outputOf(id)).toEqual({ once: 1, attempt: 2 });
        expect(await counted(key, "once")).toBe(1);
      });

      it("end with the last error when the handler keeps failing", async () => {
        const { id } = await start("flaky-handler", { fails: 99 });
        expect(await ended(id)).toMatchObject({ status: "Failed", error: { message: "handler, try 2" } });
      });

      it("follow the step's own policy", async () => {
        const { key, id } = await start("step-policy");
        expect(await outputOf(id)).toMatchObject({ many: 5, one: { message: "only once" } });
        expect(await counted(key, "none")).toBe(1);
      });

      it.each(["retry-after", "retry-after-handler"])("honour RetryAfterError (%s)", async (name) => {
        const sent = Date.now();
        const at = await outputFrom(name, { ms: 1000 });
        expect(at - sent).toBeGreaterThanOrEqual(1000);
        expect(at - sent).toBeLessThan(2500);
      });

      it("wait at least a second for a RetryAfterError that asks for less", async () => {
        const sent = Date.now();
        expect((await outputFrom("retry-after", { ms: 1 })) - sent).toBeGreaterThanOrEqual(1000);
      });

      it("[G5] are what the run says it waits for, with the error", async () => {
        const { id } = await start("retry-after", { ms: 1000 });
        const run = await runWhen(
          id,
          (now) => now.waiting_for.some((reason) => /retry/.test(reason.kind)),
          "the retry",
        );
        const reason = run.waiting_for.find((other) => other.until !== undefined);
        expect(reason).toMatchObject({ until: expect.any(String) });
        expect(run.waiting_for.find((other) => other.step === "r")).toMatchObject({
          kind: "retrying",
          error: { message: "later" },
        });
      });

      it("are not made after a NonRetriableError", async () => {
        for (const [name, what] of [
          ["never", "n"],
          ["never-handler", "handler"],
        ] as const) {
          const { key, id } = await start(name);
          expect(await ended(id)).toMatchObject({
            status: "Failed",
            error: { name: "NonRetriableError", message: "no use" },
          });
          expect(await counted(key, what)).toBe(1);
        }
      });

      it("are not made for a step's failure that nobody caught", async () => {
        const { key, id } = await start("uncaught");
        expect(await ended(id)).toMatchObject({
          status: "Failed",
          error: { name: "TypeError", message: "nobody catches this" },
        });
        expect(await counted(key, "fails")).toBe(3); // the step's attempts, not those of the handler times them
      });
    });

    it("onFailure runs as a run of its own, with the error", async () => {
      const { key, id } = await start("fails");
      const failed = await ended(id);
      expect(failed).toMatchObject({ status: "Failed", error: { message: `for ${key}` } });
      await untilCounted(key, "failure");
      const failures = await until(async () => {
        const { data } = (await (await request("/v1/events?name=inngest/function.failed&limit=100")).json()) as {
          data: any[];
        };
        return data.find((event) => event.data.run_id === failed.run_id);
      }, "the failure event");
      const run = await ended(failures.internal_id);
      expect(run).toMatchObject({ status: "Completed", function_slug: `${transport}-fails-failure` });
      expect(run.output).toEqual({
        message: `for ${key}`,
        name: "NonRetriableError",
        functionId: `${transport}-fails`,
        runId: failed.run_id,
      });
      expect(await counted(key, "failure")).toBe(1);
    });

    beside.each([false, true])("what is thrown, in a step: %s", (inStep) => {
      it.each([
        ["string", "just text"],
        ["undefined", "undefined was thrown"],
        ["object", '{"reason":"an object"}'],
        ["cycle", '{"is":"cyclic","self":"[circular]"}'],
      ])("may be anything: %s", async (what, message) => {
        const run = await ended((await start("throws", { what, inStep })).id);
        if (inStep) expect(run.output).toMatchObject({ message, isStepError: true });
        else expect(run).toMatchObject({ status: "Failed", error: { message } });
      });
    });

    describe("starting", () => {
      it("waits for a future `ts`, and the run says so [G5]", async () => {
        const ts = Date.now() + 700;
        const { id } = await start("when", {}, { ts });
        const run = await runWhen(
          id,
          (now) => now.status === "Scheduled" || now.ended_at !== null,
          "the scheduled run",
        );
        expect(run).toMatchObject({
          status: "Scheduled",
          waiting_for: [{ kind: "start", until: new Date(ts).toISOString() }],
        });
        const at = await outputOf(id);
        expect(at).toBeGreaterThanOrEqual(ts);
        expect(at).toBeLessThan(ts + 300);
      });

      it("happens once for events of the same id, per function", async () => {
        const key = crypto.randomUUID();
        const event = { name: `${transport}/once`, id: key, data: { key } };
        const first = await send(event);
        await outputOf(first);
        const second = await send(event);
        expect(second).not.toBe(first);
        const other = await send({ ...event, name: `${transport}/once.too` }); // another function has not seen the id
        await outputOf(other);
        expect(await runsOf(second)).toEqual([]);
        expect([await counted(key, "a"), await counted(key, "b")]).toEqual([1, 1]);
      });

      it("happens once for events of the same id in one request", async () => {
        const key = crypto.randomUUID();
        const event = { name: `${transport}/once`, id: key, data: { key } };
        const ids = await sendAll([event, event, event]);
        await outputOf(ids[0] ?? "");
        expect((await Promise.all(ids.map(runsOf))).map((runs) => runs.length)).toEqual([1, 0, 0]);
      });

      it("happens for each of several triggers, and by pattern", async () => {
        expect(await outputFrom("either.a")).toBe(`${transport}/either.a`);
        expect(await outputFrom("either.b")).toBe(`${transport}/either.b`);
        expect(await outputFrom("star/any")).toBe(`${transport}/star/any`);
      });

      it("happens only when the trigger's expression is true; a missing field is not an error", async () => {
        const ids = await sendAll(
          ["pro", "free", undefined].map((plan) => ({
            name: `${transport}/if`,
            data: plan === undefined ? {} : { plan },
          })),
        );
        expect(await outputOf(ids[0] ?? "")).toBe("pro");
        expect(await runsOf(ids[1] ?? "")).toEqual([]);
        expect(await runsOf(ids[2] ?? "")).toEqual([]);
      });

      it("does not happen by event for a function without triggers", async () => {
        const ids = await sendAll([
          { name: `${transport}/double`, data: { n: 1 } },
          { name: `${transport}/no-steps`, data: { n: 1 } },
        ]);
        await outputOf(ids[1] ?? "");
        expect(await runsOf(ids[0] ?? "")).toEqual([]);
      });

      it.each([100_000, 1_900_000, 3 * MIB - 300])("carries a body of %i bytes", async (length) => {
        const { id } = await start("echo", { text: "é".repeat(length / 2) });
        expect(await outputOf(id)).toMatchObject({ length: length / 2 });
        const { data } = (await (await request(`/v1/events/${id}`)).json()) as { data: any };
        expect(data.data.text).toHaveLength(length / 2);
      });
    });

    beside("cancel", () => {
      it("of a run whose step runs refuses the late result", async () => {
        const { key, id } = await start("crash");
        await untilCounted(key, "held");
        const { run_id } = await started(id);
        expect((await request(`/v1/runs/${run_id}`, { method: "DELETE" })).status).toBe(200);
        const cancelled = await readRun(run_id);
        expect(cancelled).toMatchObject({ status: "Cancelled", waiting_for: [], cancel_reason: expect.any(String) });
        await open(key, "held");
        await host.pass(100);
        expect(await readRun(run_id)).toEqual(cancelled);
        expect(await counted(key, "after")).toBe(0);
        expect((await request(`/v1/runs/${run_id}`, { method: "DELETE" })).status).toBe(409);
      });

      it("of a waiting run withdraws its wait: the event changes nothing", async () => {
        const event = freshName();
        const { id } = await start("wait", { wait: { event, timeout: "20s" } });
        const { run_id } = await runWhen(id, isWaitingFor("waiting"), "the wait");
        expect((await request(`/v1/runs/${run_id}`, { method: "DELETE" })).status).toBe(200);
        const cancelled = await readRun(run_id);
        await send({ name: event, data: {} });
        await host.pass(50);
        expect(await readRun(run_id)).toEqual(cancelled);
      });

      it("of an invoked run rejects the step that invoked it", async () => {
        const { key, id } = await start("invoke-slow");
        await untilCounted(key, "hold");
        const invoked = await until(async () => {
          const { data } = (await (await request("/v1/events?name=inngest/function.invoked&limit=20")).json()) as {
            data: any[];
          };
          return data.find((event) => event.data.key === key);
        }, "the invoke event");
        const callee = await started(invoked.internal_id);
        expect((await request(`/v1/runs/${callee.run_id}`, { method: "DELETE" })).status).toBe(200);
        expect(await outputOf(id)).toMatchObject({ name: "FunctionCancelledError", isStepError: true });
        await open(key, "hold");
      });

      it("of a scheduled run: it never starts", async () => {
        const { id } = await start("when", {}, { ts: Date.now() + 60_000 });
        const { run_id } = await started(id);
        expect((await request(`/v1/runs/${run_id}`, { method: "DELETE" })).status).toBe(200);
        expect(await readRun(run_id)).toMatchObject({ status: "Cancelled", waiting_for: [] });
      });
    });

    describe("outputs", () => {
      it("of a step: 4 MiB is stored, 5 MiB is an error that says the bound", async () => {
        expect(await outputFrom("output", { what: "4MiB" })).toEqual({ length: 4 * MIB - 2 });
        expect(await outputFrom("output", { what: "5MiB" })).toMatchObject({
          isStepError: true,
          message: expect.stringMatching(/4194304/),
        });
      });

      it("of a run: 4 MiB is stored, 5 MiB is an error that says the bound", async () => {
        expect(await outputFrom("returns", { what: "4MiB" })).toHaveLength(4 * MIB - 2);
        const run = await ended((await start("returns", { what: "5MiB" })).id);
        expect(run).toMatchObject({ status: "Failed", error: { message: expect.stringMatching(/4194304/) } });
      });

      it.each([
        ["bigint", /BigInt/],
        ["cycle", /circular/i],
      ])("of a step that JSON cannot express are final errors: %s", async (what, message) => {
        expect(await outputFrom("output", { what })).toMatchObject({
          isStepError: true,
          message: expect.stringMatching(message),
        });
        const run = await ended((await start("returns", { what })).id);
        expect(run).toMatchObject({
          status: "Failed",
          error: { code: "output_not_json", message: expect.stringMatching(message) },
        });
      });

      it.each(["undefined", "function", "null"])("of %s are null", async (what) => {
        expect(await outputFrom("output", { what })).toEqual({ value: null });
        expect(await outputFrom("returns", { what })).toBeNull();
      });

      it("that look like the platform's own wrapping are kept as they are", async () => {
        expect(await outputFrom("output", { what: "data" })).toEqual({ value: { data: "looks like a memo" } });
        expect(await outputFrom("output", { what: "error" })).toEqual({
          value: { error: { name: "Error", message: "looks like an error" } },
        });
        expect(await outputFrom("returns", { what: "error" })).toEqual({
          error: { name: "Error", message: "looks like an error" },
        });
      });
    });

    describe("after a crash of every object", () => {
      it("[G2, G3] a run whose step was interrupted ends; only that step runs again", async () => {
        const { key, id } = await start("crash");
        await untilCounted(key, "held");
        await host.crash();
        await untilCounted(key, "held", 2);
        await open(key, "held");
        expect(await outputOf(id)).toEqual({ before: 1, held: true, after: 1 });
        expect(await counted(key, "before")).toBe(1);
      });

      it("[G2, G3] of parallel steps only the interrupted ones run again", async () => {
        const { key, id } = await start("crash-all");
        await untilCounted(key, "slow");
        await runWhen(
          id,
          (run) => run.steps.some((step) => step.id === "quick" && step.status === "completed"),
          "the quick step",
        );
        await host.crash();
        await untilCounted(key, "slow", 2);
        await open(key, "slow");
        expect(await outputOf(id)).toEqual([1, "slow", 1]);
        expect(await counted(key, "quick")).toBe(1);
      });

      it("[G2] a sleeping run wakes in time", async () => {
        const { key, id } = await start("sleep", { ms: 800 });
        await runWhen(id, isWaitingFor("sleeping"), "the sleep");
        await host.crash();
        expect(await outputOf(id)).toBeLessThan(800 + 400);
        expect([await counted(key, "before"), await counted(key, "after")]).toEqual([1, 1]);
      });

      it("[G2] a waiting run resumes with its event", async () => {
        const event = freshName();
        const { key, id } = await start("wait", { wait: { event, timeout: "20s" } });
        await runWhen(id, isWaitingFor("waiting"), "the wait");
        await host.crash();
        await send({ name: event, data: { n: 1 } });
        expect((await outputOf(id)).data).toEqual({ n: 1 });
        expect(await counted(key, "before")).toBe(1);
      });

      it("[G2] a waiting run still times out", async () => {
        const { id } = await start("wait", { wait: { event: freshName(), timeout: 600 } });
        await runWhen(id, isWaitingFor("waiting"), "the wait");
        await host.crash();
        expect(await outputOf(id)).toBeNull();
      });

      it("[G8] a race has the same winner when it is replayed", async () => {
        const { key, id } = await start("race-replayed");
        await runWhen(
          id,
          (run) => run.steps.some((step) => step.id === "quick" && step.status === "completed"),
          "the quick step",
        );
        await open(key, "slow");
        await runWhen(id, isWaitingFor("sleeping"), "the sleep");
        await host.crash();
        expect(await outputOf(id)).toEqual({ first: "quick", both: ["slow", "quick"] });
        expect([await counted(key, "slow"), await counted(key, "quick")]).toEqual([1, 1]);
      });

      it("[G5] a retry that waits for its time is made", async () => {
        const { key, id } = await start("retry-after", { ms: 1000 });
        await runWhen(id, isWaitingFor("retrying"), "the retry");
        await host.crash();
        expect(await outputOf(id)).toEqual(expect.any(Number));
        expect(await counted(key, "r")).toBe(2);
      });

      it("[G5] a run with a future `ts` starts in time", async () => {
        const ts = Date.now() + 600;
        const { id } = await start("when", {}, { ts });
        await started(id);
        await host.crash();
        const at = await outputOf(id);
        expect(at).toBeGreaterThanOrEqual(ts);
        expect(at).toBeLessThan(ts + 400);
      });

      it("[G3, G6] a run gets the result of its callee, which was interrupted too", async () => {
        const { key, id } = await start("invoke-slow");
        await untilCounted(key, "hold");
        await host.crash();
        await untilCounted(key, "hold", 2);
        await open(key, "hold");
        expect(await outputOf(id)).toBe("held");
        expect(await counted(key, "entered")).toBe(1);
      });

      it("[G1] events that were just accepted start their runs once", async () => {
        const key = crypto.randomUUID();
        const ids = await sendAll(
          Array.from({ length: 5 }, () => ({ name: `${transport}/heard`, data: { key, n: 1 } })),
        );
        await host.crash();
        for (const id of ids) expect(await outputOf(id, 25_000)).toBe(1);
      });
    });

    it("what code logs is kept once with the attempt of the step that logged it, and never reaches another run", async () => {
      const all = await Promise.all(Array.from({ length: 6 }, () => start("logs", { id: crypto.randomUUID() })));
      for (const { id: eventId } of all) {
        const run = await ended(eventId);
        expect(run.status).toBe("Completed");
        const { data } = await json(`/v1/events/${eventId}`).then(({ body }) => body.data);
        const logs: { step: string | null; attempt: number; lines: { level: string; text: string }[] }[] = await json(
          `/v1/runs/${run.run_id}/logs`,
        ).then(({ body }) => body.data);
        const of = (step: string | null, attempt = 0) =>
          logs
            .filter((one) => one.step === step && one.attempt === attempt)
            .flatMap(({ lines }) => lines.map(({ level, text }) => `${level} ${text}`));
        const written = (what: string) => [1, 2].map((n) => `debug logged by ${data.id}: ${what} {"n":${n}}`);
        expect(of("a")).toEqual(written("a"));
        expect(of("b")).toEqual(written("b"));
        expect([of("fails"), of("fails", 1)]).toEqual([written("fails"), written("fails")]);
        expect(of(null)).toEqual(["begins", "ends"].map((text) => `debug logged by ${data.id}: ${text}`));
        expect(logs.flatMap(({ lines }) => lines)).toHaveLength(10);
        expect(run.steps.map((step) => [step.id, step.logs.lines])).toEqual(
          expect.arrayContaining([
            ["a", 2],
            ["nap", 0],
            ["fails", 4],
          ]),
        );
      }
    });

    describe("acts on one run:", () => {
      const act = (runId: string, path: string, body: object = {}) => post(`/v1/runs/${runId}/${path}`, body);

      it("paused, it ends what it runs and begins nothing, whatever dies, until it is resumed", async () => {
        const { key, id } = await start("gated-steps");
        await untilCounted(key, "first");
        const { run_id } = await started(id);
        expect((await act(run_id, "pause")).status).toBe(200);
        await open(key, "first");
        const isStored = async () => (await readRun(run_id)).steps.some(({ status }) => status === "completed");
        await until(isStored, "the first step to be stored");
        await host.crash();
        expect(await readRun(run_id)).toMatchObject({ status: "Running", waiting_for: [{ kind: "paused" }] });
        expect(await counted(key, "second")).toBe(0);
        await act(run_id, "resume");
        expect(await outputOf(id)).toBe("both");
        expect([await counted(key, "first"), await counted(key, "second")]).toEqual([1, 1]);
      });

      it("repeated from a step on, it has the results before it, and that step the arguments that were written", async () => {
        const { key, id } = await start("sequence");
        const { run_id } = await ended(id);
        const again = await act(run_id, "rerun", { from_step: { id: "c", input: ["unused"] } });
        const repeated: string = again.body.data.run_id;
        await until(async () => (await readRun(repeated)).ended_at, "the end of the run that repeats it");
        const run = await readRun(repeated);
        expect(run.output).toEqual((await readRun(run_id)).output);
        expect(run.steps.at(-1)).toMatchObject({ id: "c", input: ["unused"], carried_from: null });
        expect(await Promise.all(["a", "b", "c"].map((step) => counted(key, step)))).toEqual([1, 1, 2]);
        const added = await start("inputs");
        const inputs = await ended(added.id);
        const other = await act(inputs.run_id, "rerun", { from_step: { id: "add", input: [1, { n: 2 }] } });
        await until(async () => (await readRun(other.body.data.run_id)).ended_at, "its end");
        expect((await readRun(other.body.data.run_id)).output).toBe(3);
      });

      it("waiting, it goes on with what is written by hand", async () => {
        const wait = { event: freshName(), timeout: "7d" };
        const { id } = await start("wait", { wait });
        const { run_id, steps } = await runWhen(id, isWaitingFor("waiting"), "the run to wait");
        const { hash } = steps.at(-1) ?? { hash: "" };
        expect((await act(run_id, `steps/${hash}/resolve`, { event: { data: { by: "hand" } } })).status).toBe(200);
        expect(await outputOf(id)).toMatchObject({ name: wait.event, data: { by: "hand" } });
      });
    });

    it("an activation that lives far longer than watchdog and alarm hold, with no other traffic, ends once", async () => {
      const { key, id } = await start("long-step", { ms: 3500 }); // 300 ms and 700 ms in the fixture
      await host.pass(3700);
      expect(await outputOf(id)).toBe("done");
      expect(await counted(key, "long")).toBe(1);
    });

    describe("a step that resets its object every time", () => {
      it(
        "[G3] fails with step_lost once its attempts are used up, and does not loop",
        { timeout: 60_000 },
        async () => {
          const { key, id } = await start("resets");
          const { run_id } = await started(id);
          let resets = 0;
          const hasEnded = async () => {
            if ((await counted(key, "reset")) > resets) {
              resets += 1;
              await host.crash(run_id);
            }
            return (await readRun(run_id)).ended_at !== null;
          };
          await until(hasEnded, "the end of the run", 40_000);
          const run = await readRun(run_id);
          expect(run).toMatchObject({ status: "Failed", error: { code: "step_lost" } });
          expect(await counted(key, "before")).toBe(1);
          // the first loss without progress only makes the next activation cautious; then each is a failed attempt
          expect(await counted(key, "reset")).toBeGreaterThanOrEqual(3);
          expect(await counted(key, "reset")).toBeLessThanOrEqual(5);
          await open(key, "never");
        },
      );
    });
  });
}
