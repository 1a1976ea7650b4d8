/** Calls that tell of steps while they go on (inngest-protocol §6.1). */
import { describe, expect, test } from "vitest";
import { attemptOf } from "../../src/engine/run-machine.ts";
import { RUN_STATE_HTTP_MAX_BYTES, STEPS_PER_RUN_MAX } from "../../src/protocol/limits.ts";
import { boom, done, failed, FIXED, NOW, plan, RunUnderTest, sleep, wait } from "../helpers/run-builder.ts";

const HOUR = 3_600_000;
const LATER = NOW + HOUR;

describe("[§6.1] a checkpoint", () => {
  test("settles steps in one decision, and asks the handler nothing: it is at work", () => {
    const run = RunUnderTest.http(2);
    const decision = run.checkpoint(null, done("a", 1), done("b", 2), done("c", 3));
    expect(decision).toMatchObject({ stale: false, calls: [], effects: [] });
    expect(decision.settled.map((entry) => entry.id)).toEqual(["a", "b", "c"]);
    expect(["a", "b", "c"].map((id) => run.entry(id).position)).toEqual([1, 2, 3]);
    expect(run.asked()).toEqual([null]); // the same call
    expect(run.state).toMatchObject({ kind: "executing", discovery: true, again: false });
  });

  test("the call's reply ends the run", () => {
    const run = RunUnderTest.http(2);
    run.checkpoint(null, done("a", 1));
    run.ops(null, done("b", 2), { kind: "complete", data: "end" });
    expect([run.memo("a"), run.memo("b")]).toEqual([{ data: 1 }, { data: 2 }]);
    expect(run.state).toEqual({ kind: "completed", endedAt: NOW, output: "end" });
  });

  test("... or opens what it cannot do itself, or plans", () => {
    const run = RunUnderTest.http(2);
    run.checkpoint(null, done("a"));
    run.ops(null, sleep("s", LATER));
    expect([run.asked(), run.state]).toEqual([[], { kind: "blocked" }]);
    run.now = LATER;
    run.due("s");
    run.checkpoint(null, done("b"));
    run.ops(null, plan("c"), plan("d"));
    expect(run.asked()).toEqual(["c", "d"]);
    run.ops("c", done("c"));
    run.ops("d", done("d"));
    expect(run.asked()).toEqual([null]); // once
    run.reply(null, { kind: "returned", data: 1, version: 2 });
    expect(run.state.kind).toBe("completed");
  });

  test("[G2] the first result of a step wins, whoever tells it", () => {
    const run = RunUnderTest.http(2);
    run.checkpoint(null, done("a", 1));
    const again = run.checkpoint(null, done("a", 2), failed("a", true));
    expect([again.stale, again.entries, run.memo("a")]).toEqual([false, [], { data: 1 }]);
    run.ops(null, done("a", 3), { kind: "complete", data: null });
    expect([run.memo("a"), run.state.kind]).toEqual([{ data: 1 }, "completed"]);
  });

  test("stored, but its answer lost: the client answers the call with the steps it has, and the next call goes on", () => {
    const run = RunUnderTest.http(2);
    for (const id of ["a", "b", "c"]) {
      run.checkpoint(null, done(id));
      run.ops(null, done(id));
      expect([run.asked(), run.state.kind]).toEqual([[null], "executing"]);
    }
    run.reply(null, { kind: "returned", data: "end", version: 2 });
    expect(run.state.kind).toBe("completed");
    expect(run.run.http?.discoveries).toBe(4); // one call more for each that had to fall back
  });

  test("not stored: steps that a call had buffered all come with its reply, and lead to one discovery", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, done("a"), done("b"), done("c"));
    expect([run.asked(), run.state]).toMatchObject([[null], { again: false }]);
    run.ops(null, sleep("s", LATER));
    expect([run.asked(), run.state.kind]).toEqual([[], "blocked"]);
  });

  test("a failed step settles with its error", () => {
    const run = RunUnderTest.http(2);
    run.checkpoint(null, failed("a", true));
    expect(run.memo("a")).toEqual({ error: boom("a failed") });
    expect(run.isEnded).toBe(false); // the code may have caught it
  });

  test("a planned step is only noted: the reply says what is left", () => {
    const run = RunUnderTest.http(2);
    expect(run.checkpoint(null, plan("a"))).toMatchObject({ stale: false, entries: [], calls: [] });
    expect(run.run.steps).toBe(0);
  });

  test("[§4] puts the handler's attempts back to 0, and a failure after it is the first again", () => {
    const run = RunUnderTest.http(2);
    run.fails(null);
    run.begin();
    run.fails(null);
    run.begin();
    expect([attemptOf(run.run), run.call(null).attempt]).toEqual([2, 2]); // the last of three
    run.checkpoint(null, done("a"));
    expect(attemptOf(run.run)).toBe(0);
    run.fails(null);
    expect(run.state).toMatchObject({ kind: "scheduled", reason: "retry" });
    run.begin();
    expect(run.call(null).attempt).toBe(1);
  });

  test("a step that failed before and is told of now keeps its failures", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, failed("a"));
    run.begin();
    run.checkpoint(null, done("a", 1));
    expect([run.memo("a"), run.entry("a").failures.length, run.run.steps]).toEqual([{ data: 1 }, 1, 1]);
    run.reply(null, { kind: "returned", data: 1, version: 2 });
    expect(run.state.kind).toBe("completed");
  });

  test("a call that tells of its own one step: the step is over, its late reply changes nothing, and the handler is asked", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("a"), sleep("s", LATER));
    const call = run.call("a");
    run.checkpoint("a", done("a", 1));
    expect(run.state).toEqual({ kind: "blocked" }); // the sleep is pending
    expect(run.replyTo(call, { kind: "ops", ops: [done("a", 2)], version: 2 }).stale).toBe(true);
    run.due("s");
    expect(run.calls.filter((one) => one !== call).map((one) => one.stepId)).toEqual([null]);
  });

  test("a call that tells of another that is being called: that one is not waited for any more", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, plan("a", { race: true }), plan("b", { race: true }));
    run.ops("a", done("a"));
    expect(run.asked()).toEqual(["b", null]);
    const late = run.call("b");
    run.checkpoint(null, done("b", 1, { race: true }));
    expect(run.run.http?.pending).toBe(0);
    expect(run.state).toMatchObject({ targeted: 0, discovery: true, again: true });
    expect(run.replyTo(late, { kind: "ops", ops: [done("b", 2)], version: 2 }).stale).toBe(true);
    expect(run.memo("b")).toEqual({ data: 1 });
  });

  test("a wait that is told to have run is withdrawn", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, wait("w", LATER), { kind: "discover" });
    expect(run.checkpoint(null, done("w", 1)).effects).toMatchObject([{ kind: "unsubscribe", stepId: "w" }]);
  });
});

describe("[G4, C9] a checkpoint of a call that is over is stale, and changes nothing", () => {
  const late = (run: RunUnderTest, call = run.call(null)) => {
    return () => {
      const before = run.run;
      expect(run.checkpointOf(call, done("late")).stale).toBe(true);
      expect([run.memo("late"), run.run === before]).toEqual([undefined, true]);
    };
  };

  test("answered", () => {
    const run = RunUnderTest.http(2);
    const check = late(run);
    run.ops(null, sleep("s", LATER));
    check();
  });

  test("answered, and the next one is outstanding", () => {
    const run = RunUnderTest.http(2);
    const check = late(run);
    run.ops(null, done("a"));
    check();
  });

  test("superseded after a crash; its late reply is dropped too", () => {
    const run = RunUnderTest.http(2);
    const first = run.call(null);
    const check = late(run);
    run.lost();
    check();
    // what v4 answers when it was told so
    expect(run.replyTo(first, { kind: "error", error: boom(), final: true }).stale).toBe(true);
    expect(run.state.kind).toBe("executing");
  });

  test("cancelled", () => {
    const run = RunUnderTest.http(2);
    const check = late(run);
    run.cancel();
    check();
    expect(run.state.kind).toBe("cancelled");
  });

  test("a run whose code is in this process knows none", () => {
    const run = RunUnderTest.local();
    expect(run.checkpointOf({ number: 1, stepId: null, attempt: 0, epoch: 0 }, done("a")).stale).toBe(true);
  });
});

describe("what a checkpoint keeps", () => {
  test("progress that is known when the object dies: no caution, and the next call has the memos", () => {
    const run = RunUnderTest.http(2);
    run.checkpoint(null, done("a"));
    run.lost();
    expect(run.run).toMatchObject({ epoch: 1, losses: 0 });
    run.lost();
    expect(run.run.losses).toBe(1); // nothing more since
    run.checkpoint(null, done("b"));
    expect(run.run.losses).toBe(0);
  });

  test("[design §9] one step too many ends the run", () => {
    const run = RunUnderTest.http(2, { steps: STEPS_PER_RUN_MAX - 1 });
    run.checkpoint(null, done("a"), done("b"), done("c"));
    expect(run.state).toMatchObject({ kind: "failed", error: { code: "steps_exceeded" } });
    expect([run.memo("a"), run.memo("b")]).toEqual([{ data: "a" }, undefined]);
  });

  test("[design §9] too many bytes end the run", () => {
    const run = RunUnderTest.http(2, { bytes: RUN_STATE_HTTP_MAX_BYTES - 5 });
    run.checkpoint(null, done("a", "much"), done("b"));
    expect(run.state).toMatchObject({ kind: "failed", error: { code: "state_exceeded" } });
    expect(run.memo("b")).toBeUndefined();
  });

  test("a step's own tries hold in the call that goes on from it", () => {
    const run = RunUnderTest.http(2, { retry: FIXED });
    run.checkpoint(null, done("a"));
    run.ops(null, failed("b"));
    expect(run.entry("b")).toMatchObject({ attempt: 1, status: { kind: "retrying", at: null } });
    run.begin();
    expect(run.call(null).attempt).toBe(1);
  });
});
