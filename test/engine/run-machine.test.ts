import { describe, expect, test } from "vitest";
import { attemptOf, endEffects } from "../../src/engine/run-machine.ts";
import type { Effect, EndEffect } from "../../src/engine/run.ts";
import { internalEvents } from "../../src/protocol/event.ts";
import { RUN_STATE_HTTP_MAX_BYTES, STEPS_PER_RUN_MAX } from "../../src/protocol/limits.ts";
import {
  boom,
  done,
  EVENT,
  failed,
  FIXED,
  invoke,
  NOW,
  plan,
  RUN_ID,
  RunUnderTest,
  sleep,
  step,
  wait,
} from "../helpers/run-builder.ts";

const HOUR = 3_600_000;
const LATER = NOW + HOUR;
const FOUR_TRIES = { ...FIXED, maxAttempts: 4 };
const kinds = (effects: (Effect | EndEffect)[]) => effects.map((effect) => effect.kind);

describe("a local activation", () => {
  test("begins once: the run executes, and a second beginning is stale", () => {
    const run = new RunUnderTest();
    run.now = NOW + 5;
    expect(run.begin()).toMatchObject({ activate: true, saveRun: true, stale: false });
    expect(run.run.startedAt).toBe(NOW + 5);
    expect(run.state).toMatchObject({ kind: "executing", since: NOW + 5, from: 0, discovery: true });
    expect(run.begin().stale).toBe(true);
  });

  test("[G2] a finished step is settled, the first result wins", () => {
    const run = RunUnderTest.local();
    expect(run.op(done("a", 1)).settled.map((entry) => entry.id)).toEqual(["a"]);
    const again = run.op(done("a", 2));
    expect([again.stale, again.settled, run.memo("a")]).toEqual([true, [], { data: 1 }]);
    expect(run.op(failed("a", true)).stale).toBe(true);
    expect(run.op(sleep("a", LATER)).stale).toBe(true);
    expect(run.memo("a")).toEqual({ data: 1 });
  });

  test("commits are numbered in order; one row per step, the header is not written", () => {
    const run = RunUnderTest.local();
    const decisions = ["a", "b", "c"].map((id) => run.op(done(id)));
    expect(decisions.map((decision) => [decision.saveRun, decision.entries.length])).toEqual([
      [false, 1],
      [false, 1],
      [false, 1],
    ]);
    expect(["a", "b", "c"].map((id) => [run.entry(id).opened, run.entry(id).position])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(run.run).toMatchObject({ position: 3, steps: 3 });
  });

  test("what the code says about a step is kept", () => {
    const run = RunUnderTest.local({ functionVersion: 4 });
    run.op(done("a", null, { userId: "charge", name: "Charge", input: [1], type: "step.sendEvent" }));
    expect(run.entry("a")).toMatchObject({
      userId: "charge",
      name: "Charge",
      input: [1],
      type: "step.sendEvent",
      kind: "run",
      version: 4,
      createdAt: NOW,
    });
  });

  test("returned and threw end it; idle blocks it; yield schedules it at once", () => {
    const returned = RunUnderTest.local();
    returned.returned({ ok: 1 });
    expect(returned.state).toEqual({ kind: "completed", endedAt: NOW, output: { ok: 1 } });

    const threw = RunUnderTest.local();
    threw.threw(true);
    expect(threw.state).toEqual({ kind: "failed", endedAt: NOW, error: boom() });

    const idle = RunUnderTest.local();
    idle.op(sleep("s", LATER));
    idle.idle();
    expect(idle.state).toEqual({ kind: "blocked" });

    const yielded = RunUnderTest.local();
    yielded.yield();
    expect(yielded.state).toEqual({ kind: "scheduled", at: NOW, reason: "yield" });
    expect(yielded.begin().activate).toBe(true);
  });
});

describe("a failed step", () => {
  test("is tried again after its delay, and its error settles once the tries are used up", () => {
    const run = RunUnderTest.local();
    run.op(failed("a"));
    expect(run.entry("a")).toMatchObject({ attempt: 1, status: { kind: "retrying", at: NOW + 1000 } });
    run.idle();

    run.now = NOW + 1000;
    expect(run.due("a")).toMatchObject({ activate: true });
    expect(run.state.kind).toBe("executing");
    expect(run.status("a")).toEqual({ kind: "retrying", at: null }); // not due a second time

    run.op(failed("a"));
    expect(run.entry("a")).toMatchObject({ attempt: 2, status: { kind: "retrying", at: NOW + 2000 } });
    run.op(failed("a"));
    expect(run.memo("a")).toEqual({ error: boom("a failed") });
    expect(run.entry("a").failures.map((failure) => failure.attempt)).toEqual([0, 1, 2]);
    expect(run.run.steps).toBe(1);
  });

  test("a final error settles at once", () => {
    const run = RunUnderTest.local();
    run.op(failed("a", true));
    expect(run.memo("a")).toEqual({ error: boom("a failed") });
    expect(run.isEnded).toBe(false); // the handler may catch it
  });

  test.each([
    ["more tries than its function", FOUR_TRIES, 4],
    ["fewer", { ...FIXED, maxAttempts: 1 }, 1],
  ])("follows its own policy: %s", (_, retry, tries) => {
    const run = RunUnderTest.local();
    for (let attempt = 0; attempt < tries; attempt++) {
      expect(run.memo("a")).toBeUndefined();
      run.op(failed("a", false, { retry }));
    }
    expect(run.memo("a")).toEqual({ error: boom("a failed") });
  });

  test("its own policy holds for a loss as well, where only the journal knows it", () => {
    const run = RunUnderTest.local();
    run.op(failed("a", false, { retry: { ...FIXED, initialDelayMs: 7, maxDelayMs: 7 } }));
    expect(run.entry("a").retry?.initialDelayMs).toBe(7);
  });

  test("retry-after replaces the delay and counts as an attempt", () => {
    const run = RunUnderTest.local();
    run.op(failed("a"), NOW + 50_000);
    expect(run.entry("a")).toMatchObject({ attempt: 1, status: { kind: "retrying", at: NOW + 50_000 } });
  });

  test("a success after failures settles and keeps them", () => {
    const run = RunUnderTest.local();
    run.op(failed("a"));
    run.op(done("a", 9));
    expect(run.memo("a")).toEqual({ data: 9 });
    expect(run.entry("a").failures).toHaveLength(1);
  });
});

describe("open entries", () => {
  test("a sleep ends at its time with null and wakes the run", () => {
    const run = RunUnderTest.local();
    run.op(sleep("s", LATER));
    expect(run.status("s")).toEqual({ kind: "sleeping", until: LATER });
    run.idle();
    run.now = LATER;
    expect(run.due("s")).toMatchObject({ activate: true });
    expect([run.memo("s"), run.state.kind]).toEqual([null, "executing"]);
  });

  test("[G6] a wait subscribes from the instant of its commit, and waits once that is confirmed", () => {
    const run = RunUnderTest.local();
    run.now = NOW + 10;
    const waiting = wait("w", LATER, { expression: "async.data.order == event.data.order" });
    expect(run.op(waiting).effects).toEqual([
      {
        kind: "subscribe",
        id: "subscribe/w",
        stepId: "w",
        events: ["order/paid"],
        wait: {
          source: "async.data.order == event.data.order",
          event: { data: { order: 7 } },
          terms: [{ path: "data.order", value: 7 }],
        },
        since: NOW + 10,
        until: LATER,
      },
    ]);
    expect(run.status("w")).toEqual({ kind: "registering", until: LATER });
    run.subscribed("w");
    expect(run.status("w")).toEqual({ kind: "waiting", until: LATER });
    const { position } = run.run;
    run.subscribed("w"); // repeated effect
    expect(run.run.position).toBe(position);
  });

  test("a wait `since: run` looks back to the run's start", () => {
    const run = RunUnderTest.local({ createdAt: NOW - 77 });
    expect(run.op(wait("w", LATER, { since: "run" })).effects).toMatchObject([{ since: NOW - 77 }]);
  });

  test("an event answers a wait, even before the subscription is confirmed", () => {
    for (const confirmed of [true, false]) {
      const run = RunUnderTest.local();
      run.op(wait("w", LATER));
      if (confirmed) run.subscribed("w");
      run.idle();
      const answered = run.answer("w", { name: "order/paid" });
      expect(answered).toMatchObject({ activate: true, effects: [] }); // EventDO deletes what was taken
      expect(run.memo("w")).toEqual({ name: "order/paid" });
      // confirmed after its end it would stay for ever
      expect(kinds(run.subscribed("w").effects)).toEqual(["unsubscribe"]);
      expect(run.memo("w")).toEqual({ name: "order/paid" });
    }
  });

  test("an event that is found in the log answers a wait, which withdraws: EventDO has offered nothing", () => {
    const run = RunUnderTest.local();
    run.op(wait("w", LATER));
    run.subscribed("w");
    expect(kinds(run.answer("w", { name: "order/paid" }, true).effects)).toEqual(["unsubscribe"]);
  });

  test("a wait for several names withdraws from all of them once answered", () => {
    const run = RunUnderTest.local();
    run.op(wait("w", LATER, { events: ["a", "b"] }));
    expect(run.answer("w", { name: "b" }).effects).toEqual([
      { kind: "unsubscribe", id: "unsubscribe/w", stepId: "w", events: ["a", "b"] },
    ]);
  });

  test("a wait that times out withdraws and gets null", () => {
    const run = RunUnderTest.local();
    run.op(wait("w", LATER));
    run.idle();
    run.now = LATER;
    expect(kinds(run.due("w").effects)).toEqual(["unsubscribe"]);
    expect(run.memo("w")).toBeNull();
  });

  test("first of event and timeout wins, the other is stale", () => {
    const timeout = RunUnderTest.local();
    timeout.op(wait("w", LATER));
    timeout.due("w");
    expect(timeout.answer("w", { name: "order/paid" }).stale).toBe(true);
    expect(timeout.memo("w")).toBeNull();

    const event = RunUnderTest.local();
    event.op(wait("w", LATER));
    event.answer("w", { name: "order/paid" });
    expect(event.due("w").stale).toBe(true);
    expect(event.memo("w")).toEqual({ name: "order/paid" });
  });

  test("[§9.3] an invoke sends one event that names the callee and the step that waits", () => {
    const run = RunUnderTest.local();
    const [effect] = run.op(invoke("i", LATER)).effects;
    expect(effect).toMatchObject({
      kind: "invoke",
      id: "invoke/i",
      stepId: "i",
      functionId: "shop-bill",
      record: {
        event: {
          name: internalEvents.invoked,
          ts: NOW,
          user: {},
          data: {
            amount: 3,
            _inngest: {
              fn_id: "shop-bill",
              correlation_id: `${RUN_ID}.i`,
              source_app_id: "shop",
              source_fn_id: "shop-ship",
            },
          },
        },
      },
    });
    expect(run.status("i")).toEqual({ kind: "invoking", until: LATER });
  });

  test("[G6] the invoke event has an id of its own that every repetition shares", () => {
    const idOf = (stepId: string) => {
      const [effect] = RunUnderTest.local().op(invoke(stepId, LATER)).effects;
      return effect?.kind === "invoke" ? effect.record.internalId : "";
    };
    expect(idOf("i")).toBe(idOf("i"));
    expect(idOf("i")).not.toBe(idOf("j"));
  });

  test("a callee's end is the result of the invoke; without one it is the timeout error", () => {
    const run = RunUnderTest.local();
    run.op(invoke("i", LATER));
    run.op(invoke("j", LATER));
    run.answer("i", { data: 42 });
    run.due("j");
    expect(run.memo("i")).toEqual({ data: 42 });
    expect(run.memo("j")).toEqual({
      error: {
        name: "InngestInvokeTimeoutError",
        message: "Timed out waiting for invoked function to complete",
        error: "InngestInvokeTimeoutError: Timed out waiting for invoked function to complete",
      },
    });
    expect(run.answer("j", { data: 1 }).stale).toBe(true);
  });

  test("reported again while open, nothing changes and no effect is repeated", () => {
    for (const op of [sleep("x", LATER), wait("x", LATER), invoke("x", LATER)]) {
      const run = RunUnderTest.local();
      run.op(op);
      const again = run.op(op);
      expect([again.entries, again.effects]).toEqual([[], []]);
      expect(run.run).toMatchObject({ position: 1, steps: 1 });
    }
  });

  test("only waits and invokes can be answered, only open entries are due", () => {
    const run = RunUnderTest.local();
    run.op(sleep("s", LATER));
    run.op(done("a"));
    run.op(failed("r"));
    expect(["s", "a", "r"].map((id) => run.answer(id, 1).stale)).toEqual([true, true, true]);
    expect(run.due("a").stale).toBe(true);
  });
});

describe("attempts of the handler", () => {
  test("a throw is tried again after the delay, then the run fails", () => {
    const run = RunUnderTest.local();
    for (const attempt of [0, 1]) {
      expect(attemptOf(run.run)).toBe(attempt);
      run.threw();
      expect(run.state).toEqual({ kind: "scheduled", at: run.now + 1000, reason: "retry" });
      run.now += 1000;
      run.begin();
    }
    expect(run.run.lastError).toEqual(boom());
    run.threw();
    expect(run.state).toEqual({ kind: "failed", endedAt: run.now, error: boom() });
  });

  test("a throw with retry-after waits that long", () => {
    const run = RunUnderTest.local();
    run.threw(false, NOW + 90_000);
    expect(run.state).toEqual({ kind: "scheduled", at: NOW + 90_000, reason: "retry" });
  });

  test("[§4] count from 0 again once a step has settled since", () => {
    const run = RunUnderTest.local();
    run.threw();
    run.begin();
    expect(attemptOf(run.run)).toBe(1);
    run.op(done("a"));
    expect(attemptOf(run.run)).toBe(0);
    run.threw();
    expect(run.state.kind).toBe("scheduled");
    run.begin();
    run.threw();
    expect(run.state.kind).toBe("scheduled");
    run.begin();
    run.threw();
    expect(run.state.kind).toBe("failed");
  });
});

describe("losses", () => {
  test("[G3, G4] a lost activation begins anew in the next epoch", () => {
    const run = RunUnderTest.local();
    const decision = run.lost();
    expect(decision).toMatchObject({ activate: true, saveRun: true });
    expect(run.run).toMatchObject({ epoch: 1, losses: 1, state: { kind: "executing" } });
    expect(attemptOf(run.run)).toBe(0); // the first loss is nobody's failure
  });

  test("an activation that committed anything is no reason for caution", () => {
    const run = RunUnderTest.local();
    run.op(done("a"));
    run.lost();
    expect(run.run).toMatchObject({ epoch: 1, losses: 0 });
  });

  test("[design §4] the second loss in a row is the marked step's failed attempt, code step_lost", () => {
    const run = RunUnderTest.local();
    run.lost();
    run.mark("a");
    expect(run.status("a")).toEqual({ kind: "running" });
    const decision = run.lost();
    expect(decision.activate).toBe(false);
    expect(run.entry("a")).toMatchObject({
      attempt: 1,
      status: { kind: "retrying", at: NOW + 1000 },
      failures: [{ attempt: 0, error: { code: "step_lost", name: "StepLostError" } }],
    });
    expect(run.state).toEqual({ kind: "blocked" });
  });

  test("a step that keeps killing its object uses up its tries; the handler gets the error", () => {
    const run = RunUnderTest.local();
    run.lost();
    for (let attempt = 0; attempt < 3; attempt++) {
      run.mark("a");
      run.lost();
      if (attempt < 2) run.due("a");
    }
    expect(run.memo("a")).toMatchObject({ error: { code: "step_lost" } });
    expect(run.state.kind).toBe("executing"); // the handler may catch it
    expect(run.entry("a").failures).toHaveLength(3);
  });

  test("[G3] a mark is not progress, a step that settled after caution began is", () => {
    const run = RunUnderTest.local();
    run.lost();
    run.mark("a");
    run.op(done("a"));
    run.lost();
    expect(run.run.losses).toBe(0);
    expect(run.memo("a")).toEqual({ data: "a" });
  });

  test("the step that was marked when it died is blamed although one before it settled", () => {
    const run = RunUnderTest.local();
    run.lost();
    run.mark("a");
    run.op(done("a"));
    run.mark("b");
    run.lost();
    expect(run.entry("b").failures).toMatchObject([{ error: { code: "step_lost" } }]);
  });

  test("without a mark the handler is blamed: its attempts count, then the run fails with step_lost", () => {
    const run = RunUnderTest.local();
    run.lost();
    run.lost();
    expect(run.state).toMatchObject({ kind: "scheduled", reason: "retry" });
    run.begin();
    run.lost();
    run.begin();
    run.lost();
    expect(run.state).toMatchObject({ kind: "failed", error: { code: "step_lost" } });
  });

  test("a rest ends caution", () => {
    for (const rest of ["idle", "yield"] as const) {
      const run = RunUnderTest.local();
      run.op(sleep("s", LATER));
      run.lost();
      run.lost();
      run.begin();
      run[rest]();
      expect(run.run.losses).toBe(0);
    }
  });

  test("[G4] a loss of a run that is not executing is stale", () => {
    const run = RunUnderTest.local();
    run.op(sleep("s", LATER));
    run.idle();
    expect(run.lost().stale).toBe(true);
    expect(run.run.epoch).toBe(0);
  });

  test("[G2] a mark of a settled step changes nothing", () => {
    const run = RunUnderTest.local();
    run.op(done("a", 1));
    expect(run.mark("a").stale).toBe(true);
    expect(run.memo("a")).toEqual({ data: 1 });
  });
});

describe("the end of a run", () => {
  const invoker = { runId: RUN_ID, stepId: "parent" };

  test("[G4] an ended run never changes, whatever still comes", () => {
    const ends: [string, (run: RunUnderTest) => void][] = [
      ["completed", (run) => run.returned(1)],
      ["failed", (run) => run.threw(true)],
      ["cancelled", (run) => run.cancel()],
    ];
    for (const [kind, end] of ends) {
      const run = RunUnderTest.local();
      run.op(sleep("s", LATER));
      run.op(wait("w", LATER));
      run.op(failed("r"));
      end(run);
      const { run: ended } = run;
      expect(ended.state.kind).toBe(kind);
      const late = [
        run.begin(),
        run.op(done("new")),
        run.op(sleep("new", LATER)),
        run.due("s"),
        run.due("r"),
        run.answer("w", 1),
        run.subscribed("w"),
        run.mark("m"),
        run.returned(2),
        run.threw(),
        run.idle(),
        run.yield(),
        run.lost(),
        run.cancel("again"),
      ];
      expect(late.every((decision) => decision.stale && decision.effects.length === 0 && !decision.saveRun)).toBe(true);
      expect(run.run).toBe(ended);
    }
  });

  test.each([
    ["returned", (run: RunUnderTest) => run.returned()],
    ["threw", (run: RunUnderTest) => run.threw(true)],
    ["cancelled", (run: RunUnderTest) => run.cancel()],
  ])("%s: withdraws waits, confirmed or not, and nothing else", (_, end) => {
    const run = RunUnderTest.local();
    run.op(wait("w", LATER));
    run.op(wait("v", LATER));
    run.op(sleep("s", LATER));
    run.subscribed("v");
    expect(
      end(run)
        .effects.filter((effect) => effect.kind === "unsubscribe")
        .map((effect) => effect.stepId),
    ).toEqual(["w", "v"]);
  });

  test("cancel raises the epoch, so what still executes is stale", () => {
    const run = RunUnderTest.local();
    run.cancel("operator");
    expect(run.run).toMatchObject({ epoch: 1, state: { kind: "cancelled", reason: "operator", endedAt: NOW } });
  });

  test.each([
    ["returned", (run: RunUnderTest) => run.returned({ ok: true }), { data: { ok: true } }],
    ["threw", (run: RunUnderTest) => run.threw(true), { error: boom() }],
    ["cancelled", (run: RunUnderTest) => run.cancel(), { error: { name: "FunctionCancelledError" } }],
  ])("[§9.3] its invoker gets a memo: %s", (_, end, memo) => {
    expect(endEffects(end(RunUnderTest.local({ invokers: [invoker] })).run)).toMatchObject([
      { kind: "resume", invoker, memo },
      { kind: "announce" },
    ]);
  });

  test.each([
    ["returned", (run: RunUnderTest) => run.returned(5), [internalEvents.finished], { result: 5 }],
    [
      "threw",
      (run: RunUnderTest) => run.threw(true),
      [internalEvents.finished, internalEvents.failed],
      { error: boom() },
    ],
    ["cancelled", (run: RunUnderTest) => run.cancel(), [internalEvents.finished, internalEvents.cancelled], {}],
  ])("[§1.6] it is announced: %s", (_, end, names, data) => {
    expect(endEffects(end(RunUnderTest.local()).run)).toMatchObject([
      { kind: "announce", names, at: NOW, data: { ...data, function_id: "shop-ship", run_id: RUN_ID } },
    ]);
  });

  test.each([internalEvents.failed, internalEvents.finished])(
    "[§1.6] a run that %s started announces nothing, or announcements would start one another",
    (eventName) => {
      expect(endEffects(RunUnderTest.local({ eventName }).returned().run)).toEqual([]);
      expect(endEffects(RunUnderTest.local({ eventName }).threw(true).run)).toEqual([]);
      expect(endEffects(RunUnderTest.local({ eventName }).cancel().run)).toEqual([]);
    },
  );
});

describe("bounds fail the run cleanly", () => {
  test.each([
    ["a finished step", done("a")],
    ["a sleep", sleep("a", LATER)],
    ["a wait", wait("a", LATER)],
    ["an invoke", invoke("a", LATER)],
  ])("[design §9] one step too many: %s", (_, op) => {
    const run = RunUnderTest.local({ steps: STEPS_PER_RUN_MAX });
    const decision = run.op(op);
    expect(run.state).toMatchObject({
      kind: "failed",
      error: { code: "steps_exceeded", name: "InngestErrFunctionOverflowed" },
    });
    expect(decision.entries).toEqual([]);
    expect(decision.effects).toEqual([]);
    expect(kinds(endEffects(run.run))).toEqual(["announce"]);
  });

  test("the last step that is allowed is", () => {
    const run = RunUnderTest.local({ steps: STEPS_PER_RUN_MAX - 1 });
    run.op(done("a"));
    expect([run.isEnded, run.memo("a")]).toEqual([false, { data: "a" }]);
  });

  test("[design §9] too many bytes: the result that was too much stays readable", () => {
    const run = RunUnderTest.http(2, { bytes: RUN_STATE_HTTP_MAX_BYTES - 5 });
    run.ops(null, done("a", "much"));
    expect(run.state).toMatchObject({ kind: "failed", error: { code: "state_exceeded" } });
    expect(run.memo("a")).toEqual({ data: "much" });
    expect(run.calls).toEqual([]);
  });

  test("too many planned steps in one reply: none of them is called", () => {
    const run = RunUnderTest.http(2, { steps: STEPS_PER_RUN_MAX - 1 });
    const decision = run.ops(null, plan("a"), plan("b"), plan("c"));
    expect(run.state.kind).toBe("failed");
    expect(decision.calls).toEqual([]);
  });
});

describe("a run over HTTP", () => {
  test("begins with a discovery, one at a time", () => {
    const run = RunUnderTest.http(-1);
    expect(run.calls).toEqual([{ number: 1, stepId: null, attempt: 0, epoch: 0 }]);
    expect(run.begin().stale).toBe(true);
  });

  test("[G4] the reply to an earlier discovery is not taken for that of the next", () => {
    const run = RunUnderTest.http(2);
    const first = run.call(null);
    run.ops(null, done("a"));
    expect(run.call(null).number).toBe(first.number + 1);
    expect(run.replyTo(first, { kind: "returned", data: "early", version: 2 }).stale).toBe(true);
    expect(run.run.state.kind).toBe("executing");
  });

  test("[§3.7] worked example, version 2: parallel completions lead to one discovery", () => {
    const run = RunUnderTest.http(-1);
    // 1: a ran at once
    run.reply(null, { kind: "ops", ops: [done("A", 1)], version: 2 });
    expect([run.asked(), run.run.http]).toEqual([[null], { version: 2, pending: 0, discoveries: 2, emptyAt: null }]);
    // 2: b and c are planned
    run.ops(null, plan("B"), plan("C"));
    expect([run.asked(), run.run.http?.pending]).toEqual([["B", "C"], 2]);
    expect(run.calls.map((call) => call.attempt)).toEqual([0, 0]);
    // 3, 4: a discovery follows only the second
    run.ops("C", done("C", 3));
    expect([run.asked(), run.run.http?.pending]).toEqual([["B"], 1]);
    run.ops("B", done("B", 2));
    expect([run.asked(), run.run.http?.pending]).toEqual([[null], 0]);
    const stack = [...run.journal.values()].sort((a, b) => a.position - b.position).map((entry) => entry.id);
    expect(stack).toEqual(["A", "C", "B"]); // order of completion
    // 5: the sleep
    run.ops(null, sleep("S", LATER));
    expect([run.asked(), run.state]).toEqual([[], { kind: "blocked" }]);
    // 6: an hour later
    run.now = LATER;
    run.due("S");
    expect([run.asked(), run.memo("S")]).toEqual([[null], null]);
    run.reply(null, { kind: "returned", data: "end", version: 2 });
    expect(run.state).toEqual({ kind: "completed", endedAt: LATER, output: "end" });
  });

  test("[§3.7] version 1: a discovery follows each step, one outstanding and one more remembered", () => {
    const run = RunUnderTest.http(1);
    run.ops(null, plan("B"), plan("C"), plan("D"));
    run.ops("B", done("B"));
    expect(run.asked()).toEqual(["C", "D", null]);
    run.ops("C", done("C"));
    run.ops("D", done("D"));
    expect(run.asked()).toEqual([null]); // not three
    run.ops(null); // it saw only B: the rest came after it was asked
    expect(run.asked()).toEqual([null]);
    run.reply(null, { kind: "returned", data: 1, version: 1 });
    expect(run.state.kind).toBe("completed");
  });

  test("[§3.7] version 1: a discovery that reports the missing step again plans nothing twice", () => {
    const run = RunUnderTest.http(1);
    run.ops(null, plan("B"), plan("C"));
    run.ops("B", done("B"));
    run.ops(null, plan("C"));
    expect([run.asked(), run.run.http?.pending, run.run.steps]).toEqual([["C"], 1, 2]);
  });

  test("[§3.7] race mode asks after each of them, with one discovery outstanding", () => {
    const run = RunUnderTest.http(2);
    const race = { race: true };
    run.ops(null, plan("B", race), plan("C", race), sleep("S", LATER, race));
    run.ops("B", done("B"));
    expect(run.asked()).toEqual(["C", null]);
    run.ops("C", done("C"));
    expect(run.asked()).toEqual([null]);
    expect(run.state).toMatchObject({ kind: "executing", again: true });
    run.ops(null, plan("D")); // race was won by B
    expect(run.asked()).toEqual(["D", null]);
    run.ops(null);
    run.ops("D", done("D")); // whom S, still in the race, does not hold up
    expect([run.asked(), run.run.http?.pending, run.run.http?.racing]).toEqual([[null], 1, 1]);
    run.reply(null, { kind: "returned", data: "B", version: 2 });
    expect(run.state.kind).toBe("completed");
    expect(run.due("S").stale).toBe(true);
  });

  test("sleeps, waits and invokes of one reply are waited for together with its steps", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("B"), sleep("S", LATER), wait("W", LATER), invoke("I", LATER));
    expect(run.run.http?.pending).toBe(4);
    run.ops("B", done("B"));
    expect(run.state.kind).toBe("blocked");
    run.due("S");
    run.answer("W", { name: "order/paid" });
    expect(run.asked()).toEqual([]);
    run.answer("I", { data: 1 });
    expect([run.asked(), run.run.http?.pending]).toEqual([[null], 0]);
  });

  test("[§3.4] waits are taken before the rest of their reply", () => {
    const run = RunUnderTest.http(2);
    const decision = run.ops(null, plan("B"), wait("W", LATER));
    expect(decision.entries.map((entry) => entry.id)).toEqual(["W", "B"]);
  });

  test("[§3.3] RunComplete ends the run, DiscoveryRequest asks again without condition", () => {
    const complete = RunUnderTest.http(2);
    complete.ops(null, done("a", 1), { kind: "complete", data: "end" });
    expect([complete.memo("a"), complete.state]).toEqual([
      { data: 1 },
      { kind: "completed", endedAt: NOW, output: "end" },
    ]);
    expect(complete.calls).toEqual([]);

    const asked = RunUnderTest.http(2);
    asked.ops(null, sleep("S", LATER), { kind: "discover" });
    expect([asked.asked(), asked.state.kind]).toEqual([[null], "executing"]);
  });

  test("a step that is reported twice in one reply counts once (G2)", () => {
    const ran = RunUnderTest.http(2);
    ran.ops(null, done("a", 1), done("a", 2));
    expect([ran.memo("a"), ran.run.steps, ran.asked()]).toEqual([{ data: 1 }, 1, [null]]);

    const planned = RunUnderTest.http(2);
    planned.ops(null, plan("a"), plan("a"));
    expect([planned.asked(), planned.run.http?.pending, planned.run.steps]).toEqual([["a"], 1, 1]);
    planned.ops("a", done("a"));
    expect(planned.asked()).toEqual([null]);
  });

  test("a call for one step may report what it has found besides", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("B"), plan("C"));
    run.ops("B", done("B"), done("C"));
    expect([run.memo("B"), run.memo("C")]).toEqual([{ data: "B" }, { data: "C" }]);
    expect([run.asked(), run.run.http?.pending]).toEqual([["C", null], 0]);
    expect(run.ops("C", done("C", "late")).stale).toBe(true); // settled meanwhile: that call is over
    run.reply(null, { kind: "returned", data: 1, version: 2 });
    expect(run.state.kind).toBe("completed");
  });
});

describe("failures over HTTP", () => {
  test("[§4] a step that fails inside a discovery: another discovery, one attempt on", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, failed("a"));
    expect([run.state, run.status("a")]).toEqual([
      { kind: "scheduled", at: NOW + 1000, reason: "retry" },
      { kind: "retrying", at: null },
    ]);
    run.now += 1000;
    run.begin();
    expect(run.calls).toEqual([{ number: 2, stepId: null, attempt: 1, epoch: 0 }]);
    run.ops(null, failed("a"));
    run.now += 1000;
    run.begin();
    expect(run.call(null).attempt).toBe(2);
    run.ops(null, failed("a", true)); // StepFailed: the app knows its last attempt
    expect([run.memo("a"), run.asked()]).toEqual([{ error: boom("a failed") }, [null]]);
    expect(run.call(null).attempt).toBe(0);
  });

  test("a step that failed inside a discovery may be planned by the next", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, failed("a"));
    run.now += 1000;
    run.begin();
    run.ops(null, plan("a"), plan("b")); // this time the code found both at once
    expect([run.asked(), run.run.http?.pending, run.run.steps]).toEqual([["a", "b"], 2, 2]);
    expect(run.call("a").attempt).toBe(1);
    run.ops("a", done("a"));
    run.ops("b", done("b"));
    expect([run.asked(), run.run.http?.pending]).toEqual([[null], 0]);
  });

  test("[§4] StepError without attempts left settles; its handler goes on", () => {
    const run = RunUnderTest.http(2, { retry: { ...FIXED, maxAttempts: 1 } });
    run.ops(null, failed("a"));
    expect([run.memo("a"), run.asked()]).toEqual([{ error: boom("a failed") }, [null]]);
  });

  test("a targeted step that fails is called again after its delay, with its own attempt", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("a"), plan("b"));
    run.ops("b", done("b"));
    run.ops("a", failed("a"));
    expect([run.state.kind, run.status("a")]).toEqual(["blocked", { kind: "retrying", at: NOW + 1000 }]);
    run.now += 1000;
    run.due("a");
    expect(run.calls).toEqual([{ number: 0, stepId: "a", attempt: 1, epoch: 0 }]);
    expect(run.due("a").stale).toBe(true);
    run.ops("a", done("a"));
    expect([run.asked(), run.run.http?.pending]).toEqual([[null], 0]);
  });

  test("[§4] a targeted call that fails as a call is an attempt of its step; without attempts the run fails", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("a"), sleep("s", LATER));
    for (const attempt of [0, 1]) {
      run.fails("a");
      expect(run.entry("a")).toMatchObject({ attempt: attempt + 1, status: { kind: "retrying", at: NOW + 1000 } });
      run.due("a");
    }
    run.fails("a");
    expect(run.state).toMatchObject({ kind: "failed", error: boom() });
  });

  test("a call for a step whose reply does not tell of that step has failed", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("a"), plan("b"));
    run.ops("b", done("b"));
    run.ops("a");
    expect(run.entry("a")).toMatchObject({
      attempt: 1,
      status: { kind: "retrying", at: NOW + 1000 },
      failures: [{ error: { code: "step_not_reported" } }],
    });
    run.due("a");
    run.ops("a", plan("a"));
    run.due("a");
    run.ops("a", done("c"));
    expect(run.state).toMatchObject({ kind: "failed", error: { code: "step_not_reported" } });
  });

  test.each([
    ["no-retry on a discovery", null],
    ["no-retry on a step", "a"],
  ])("[§3.3] %s fails the run at once", (_, target) => {
    const run = RunUnderTest.http(2);
    if (target) run.ops(null, plan("a"), plan("b"));
    run.fails(target, { final: true });
    expect(run.state).toMatchObject({ kind: "failed", error: boom() });
  });

  test("a failed discovery comes again after its delay, or when the app asked", () => {
    const run = RunUnderTest.http(2);
    run.fails(null);
    expect(run.state).toEqual({ kind: "scheduled", at: NOW + 1000, reason: "retry" });
    run.begin();
    expect(run.call(null).attempt).toBe(1);
    run.fails(null, { retryAt: NOW + 60_000 });
    expect(run.state).toEqual({ kind: "scheduled", at: NOW + 60_000, reason: "retry" });
    run.begin();
    run.fails(null);
    expect(run.state.kind).toBe("failed");
  });

  const raced = () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("a", { race: true }), plan("b", { race: true }), plan("c", { race: true }));
    run.ops("a", done("a"));
    return run; // b, c and the discovery that tells the handler of a are outstanding
  };

  test("a failed discovery waits its delay although steps settled while it was outstanding", () => {
    const run = raced();
    run.ops("b", done("b"));
    run.fails(null, { retryAt: NOW + 60_000 });
    run.ops("c", failed("c"));
    expect([run.asked(), run.state]).toEqual([[], { kind: "scheduled", at: NOW + 60_000, reason: "retry" }]);
  });

  test("[G5] the retry of a discovery is not forgotten when a step is called before it", () => {
    const run = raced();
    run.ops("b", failed("b"));
    run.ops("c", failed("c"), done("x")); // unrelated progress
    run.fails(null, { retryAt: NOW + 60_000 });
    run.now += 1000;
    run.due("b");
    run.ops("b", failed("b"));
    expect(run.state).toEqual({ kind: "scheduled", at: NOW + 60_000, reason: "retry" });
  });

  test("[G5] the retry of a discovery is not forgotten when the object dies during a step", () => {
    const run = raced();
    run.ops("b", done("b"));
    run.fails(null, { retryAt: NOW + 60_000 });
    run.lost();
    expect(run.asked()).toEqual(["c"]);
    run.ops("c", failed("c"));
    expect(run.state).toEqual({ kind: "scheduled", at: NOW + 60_000, reason: "retry" });
  });

  test("`[]` twice in a row fails the run with nothing_reported", () => {
    const run = RunUnderTest.http(2);
    run.ops(null);
    expect(run.asked()).toEqual([null]);
    run.ops(null);
    expect(run.state).toMatchObject({ kind: "failed", error: { code: "nothing_reported" } });
  });

  test("`[]` is right while steps are pending, and counts anew after progress", () => {
    const run = RunUnderTest.http(1);
    run.ops(null, plan("a"), sleep("s", LATER));
    run.ops("a", done("a"));
    run.ops(null);
    expect(run.state.kind).toBe("blocked");
    run.due("s");
    run.ops(null);
    expect(run.asked()).toEqual([null]);
    run.ops(null, done("b"));
    run.ops(null);
    expect(run.asked()).toEqual([null]);
  });

  test("a reply that only repeats settled steps reports nothing", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, done("a"));
    run.ops(null, done("a"));
    expect(run.asked()).toEqual([null]);
    run.ops(null, done("a"));
    expect(run.state).toMatchObject({ kind: "failed", error: { code: "nothing_reported" } });
  });
});

describe("[G4] what is over", () => {
  const ok = (data: string) => ({ kind: "returned", data, version: 2 }) as const;

  test("a reply of an earlier epoch is ignored", () => {
    const run = RunUnderTest.http(2);
    const before = run.call(null);
    run.lost();
    expect(run.calls).toEqual([{ number: 2, stepId: null, attempt: 0, epoch: 1 }]);
    expect(run.replyTo(before, ok("late")).stale).toBe(true);
    run.reply(null, ok("now"));
    expect(run.state).toMatchObject({ kind: "completed", output: "now" });
  });

  test("a reply of an earlier attempt of a step is ignored", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("a"), plan("b"));
    const first = run.call("a");
    run.ops("a", failed("a"));
    run.due("a");
    expect(run.replyTo(first, { kind: "ops", ops: [done("a", "late")], version: 2 }).stale).toBe(true);
    run.ops("a", done("a", "now"));
    expect(run.memo("a")).toEqual({ data: "now" });
  });

  test("a reply to a step that is not called is ignored", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("a"), plan("b"));
    const call = run.call("a");
    run.ops("a", done("a", 1));
    for (const late of [call, { ...call, stepId: "nobody" }])
      expect(run.replyTo(late, { kind: "ops", ops: [done("a", 2)], version: 2 }).stale).toBe(true);
  });

  test("a discovery's reply is ignored when none is outstanding", () => {
    const run = RunUnderTest.http(2);
    const call = run.call(null);
    run.ops(null, plan("a"), plan("b"));
    expect(run.replyTo(call, ok("late")).stale).toBe(true);
  });

  test("a reply after the run's end is ignored", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("a"), plan("b"));
    const call = run.call("a");
    run.cancel();
    expect(run.replyTo(call, ok("late")).stale).toBe(true);
  });
});

describe("losses over HTTP", () => {
  test("[G3] what was outstanding is asked again in the next epoch", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("a", { race: true }), plan("b", { race: true }), plan("c", { race: true }));
    run.ops("a", done("a"));
    run.lost();
    expect(run.calls).toEqual([
      { number: 0, stepId: "b", attempt: 0, epoch: 1 },
      { number: 0, stepId: "c", attempt: 0, epoch: 1 },
      { number: 3, stepId: null, attempt: 0, epoch: 1 },
    ]);
    expect(run.state).toMatchObject({ kind: "executing", targeted: 2, discovery: true });
  });

  test("only planned steps were outstanding: no discovery besides", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("a"), plan("b"));
    run.lost();
    expect(run.asked()).toEqual(["a", "b"]);
  });

  test("the second loss in a row without a reply is a failed attempt of each step that was called", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("a"), plan("b"));
    run.lost(); // not without progress: it had planned them
    run.lost();
    run.lost();
    expect(run.calls).toEqual([]);
    for (const id of ["a", "b"])
      expect(run.entry(id)).toMatchObject({ attempt: 1, failures: [{ error: { code: "step_lost" } }] });
    expect(run.state.kind).toBe("blocked");
  });

  test("... and of the handler, when it was the discovery", () => {
    const run = RunUnderTest.http(2);
    run.lost();
    run.lost();
    expect(run.state).toEqual({ kind: "scheduled", at: NOW + 1000, reason: "retry" });
    run.begin();
    expect(run.call(null).attempt).toBe(1);
  });

  test("any reply ends the row of losses", () => {
    const run = RunUnderTest.http(2);
    run.lost();
    run.fails(null);
    run.begin();
    expect(run.run.losses).toBe(0);
  });
});

test("the trigger event that waits are prepared with is the run's own", () => {
  const run = RunUnderTest.local();
  const expression = `async.data.id == event.id`;
  expect(run.op(wait("w", LATER, { expression, step: step("w") })).effects).toMatchObject([
    { wait: { terms: [{ path: "data.id", value: EVENT.id }] } },
  ]);
});
