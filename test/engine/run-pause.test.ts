/** A run that is paused: nothing of it begins, nothing that comes is lost, and it goes on where it was. */
import { describe, expect, test } from "vitest";
import type { Gate } from "../../src/engine/lease.ts";
import { done, failed, invoke, NOW, plan, RunUnderTest, sleep, wait } from "../helpers/run-builder.ts";

const HOUR = 3_600_000;
const LATER = NOW + HOUR;

test("it is paused once and resumed once, and an ended run neither", () => {
  const run = RunUnderTest.local();
  expect(run.resume().stale).toBe(true);
  expect(run.pause()).toMatchObject({ stale: false, saveRun: true });
  expect(run.run.paused?.at).toBe(NOW);
  expect(run.pause().stale).toBe(true);
  run.now += 5;
  expect(run.resume()).toMatchObject({ stale: false });
  expect([run.run.paused, run.run.resumedAt]).toEqual([undefined, NOW + 5]);
  run.cancel();
  expect([run.pause().stale, run.resume().stale]).toEqual([true, true]);
});

describe("a local activation", () => {
  test("that executes ends its bodies, whose results are stored, and then gives way until the run goes on", () => {
    const run = RunUnderTest.local();
    run.pause();
    expect(run.state.kind).toBe("executing");
    expect(run.op(done("a")).settled).toHaveLength(1);
    run.yield();
    expect(run.state).toMatchObject({ kind: "scheduled", reason: "yield" });
    expect(run.resume()).toMatchObject({ activate: false });
    expect(run.begin()).toMatchObject({ activate: true });
  });

  test("may end in what was running", () => {
    const run = RunUnderTest.local();
    run.pause();
    run.returned("done");
    expect(run.state).toMatchObject({ kind: "completed", output: "done" });
  });

  test.each([
    ["an event", (run: RunUnderTest) => run.answer("x", { name: "order/paid" })],
    ["what is written by hand", (run: RunUnderTest) => run.resolve("x", { kind: "timeout" })],
  ])("does not begin for %s, which is kept and is there when it goes on", (_, come) => {
    const run = RunUnderTest.local();
    run.op(wait("x", LATER));
    run.idle();
    run.pause();
    expect(come(run)).toMatchObject({ stale: false, activate: false });
    expect(run.memo("x")).toBeDefined();
    expect(run.state).toMatchObject({ kind: "scheduled", reason: "yield" });
    run.resume();
    expect(run.begin().activate).toBe(true);
  });

  test("that was lost meanwhile begins anew when it goes on", () => {
    const run = RunUnderTest.local();
    run.pause();
    expect(run.lost()).toMatchObject({ activate: false });
    expect(run.run).toMatchObject({ epoch: 1, state: { kind: "scheduled", reason: "yield" } });
  });

  test("keeps its own time for another attempt", () => {
    const run = RunUnderTest.local();
    run.threw();
    const { state } = run;
    run.pause();
    expect(run.state).toEqual(state);
  });

  test("an invoke whose time was over has timed out, whatever its callee says afterwards", () => {
    const run = RunUnderTest.local();
    run.op(invoke("i", LATER));
    run.idle();
    run.pause();
    run.now = LATER + 1;
    run.answer("i", { data: "late" });
    expect(run.memo("i")).toMatchObject({ error: { name: "InngestInvokeTimeoutError" } });
    const byHand = RunUnderTest.local();
    byHand.op(invoke("i", LATER));
    byHand.pause();
    byHand.now = LATER + 1;
    byHand.resolve("i", { kind: "data", data: 1 });
    expect(byHand.memo("i")).toEqual({ data: 1 });
  });
});

describe("over HTTP", () => {
  test("a call that is outstanding ends, and no other goes out; what it asked for does when the run goes on", () => {
    const run = RunUnderTest.http(2);
    run.pause();
    run.ops(null, plan("a"), plan("b"));
    expect([run.asked(), run.state.kind]).toEqual([[], "blocked"]);
    expect(run.run.paused?.steps).toEqual(["a", "b"]);
    run.resume();
    expect(run.asked()).toEqual(["a", "b"]);
    run.ops("a", done("a"));
    run.ops("b", done("b"));
    expect(run.asked()).toEqual([null]);
  });

  test("single steps end and are stored; the discovery comes when the run goes on", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("a"), plan("b"));
    run.pause();
    run.ops("a", done("a"));
    run.ops("b", done("b"));
    expect([run.asked(), run.state.kind, run.memo("b")]).toEqual([[], "blocked", { data: "b" }]);
    run.resume();
    expect(run.asked()).toEqual([null]);
    run.reply(null, { kind: "returned", data: 1, version: 2 });
    expect(run.state.kind).toBe("completed");
  });

  test("a call that tells of its steps as it goes is told to stop, and its answer is nobody's", () => {
    const run = RunUnderTest.http(2);
    const call = run.call(null);
    run.pause();
    run.checkpoint(null, done("a"));
    expect([run.memo("a"), run.state.kind]).toEqual([{ data: "a" }, "blocked"]);
    expect(run.checkpointOf(call, done("b")).stale).toBe(true);
    expect(run.replyTo(call, { kind: "returned", data: 1, version: 2 }).stale).toBe(true);
    run.resume();
    expect(run.asked()).toContain(null);
    expect(run.state.kind).toBe("executing");
  });

  test("an event that comes is kept", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, wait("w", LATER));
    run.pause();
    run.answer("w", { name: "order/paid" });
    expect([run.asked(), run.state.kind]).toEqual([[], "blocked"]);
    run.resume();
    expect(run.asked()).toEqual([null]);
  });

  test("a discovery that fails is tried again when its time has come and the run goes on", () => {
    const run = RunUnderTest.http(2);
    run.pause();
    run.fails(null);
    expect(run.state).toMatchObject({ kind: "scheduled", reason: "retry", at: NOW + 1000 });
    run.resume();
    expect(run.asked()).toEqual([]);
    run.begin();
    expect(run.asked()).toEqual([null]);
  });

  test("a step that fails is tried again as ever", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("a"), plan("b"));
    run.pause();
    run.ops("a", failed("a"));
    run.ops("b", done("b"));
    expect(run.status("a")).toMatchObject({ kind: "retrying" });
    run.resume();
    run.due("a");
    expect(run.asked()).toEqual(["a"]);
  });

  test("what was held back and is over elsewhere is not called", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("a"), plan("b"));
    run.pause();
    run.fails("a", {}); // tried again later
    run.ops("b", done("b"));
    run.now += 1000;
    run.due("a");
    expect(run.run.paused?.steps).toEqual(["a"]);
    run.resume();
    expect(run.asked()).toEqual(["a"]);
  });

  test("a process that dies while calls are out blames none that was held back", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("a"), plan("b"));
    run.pause();
    run.lost();
    expect(run.asked()).toEqual([]);
    expect(run.run.paused?.steps.toSorted()).toEqual(["a", "b"]);
    run.resume();
    expect(new Set(run.asked())).toEqual(new Set(["a", "b"]));
    expect([run.entry("a").attempt, run.entry("b").attempt]).toEqual([0, 0]);
  });
});

describe("a run in a line", () => {
  const gate = (unit: Gate["unit"]): Gate => ({
    env: "dev",
    object: unit,
    key: null,
    unit,
    policy: { rule: "concurrency", limit: 1, order: "age" },
  });

  test.each(["start", "step"] as const)("for its %s leaves it, and asks anew when it goes on", (unit) => {
    for (const http of [undefined, { version: 2, pending: 0, discoveries: 0, emptyAt: null }]) {
      const run = new RunUnderTest({ http, admission: { gates: [gate(unit)], rank: 1 } });
      run.begin();
      expect(run.state.kind).toBe("queued");
      run.pause();
      expect(run.line.every((lease) => lease.endsWith("releasing"))).toBe(true);
      expect(["scheduled", "blocked"]).toContain(run.state.kind);
      run.acknowledge();
      run.resume();
      if (run.state.kind === "scheduled") run.begin();
      expect(run.line).toHaveLength(1);
      const slot = run.line[0]?.split(" ")[0] ?? "";
      const decision = run.at(slot);
      expect(decision.activate || decision.calls.length === 1).toBe(true);
    }
  });
});

test("sleeps that are opened before are looked at when the run goes on", () => {
  const run = RunUnderTest.local();
  run.op(sleep("nap", LATER));
  run.idle();
  run.pause();
  run.now = LATER + HOUR;
  expect(run.status("nap").kind).toBe("sleeping");
  run.resume();
  expect(run.due("nap").activate).toBe(true);
});
