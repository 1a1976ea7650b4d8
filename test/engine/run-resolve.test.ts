/** Steps that somebody ends by hand: the first of that and of what they waited for counts. */
import { describe, expect, test } from "vitest";
import type { Resolution } from "../../src/engine/run-resolve.ts";
import { unresolvable } from "../../src/engine/run-resolve.ts";
import type { Op } from "../../src/engine/step-ops.ts";
import { EVENT, failed, invoke, NOW, plan, RunUnderTest, sleep, step, wait } from "../helpers/run-builder.ts";

const LATER = NOW + 3_600_000;
const WRITTEN = { ...EVENT, id: "by-hand", name: "", data: { by: "hand" } };
const event = (name = ""): Resolution => ({ kind: "event", event: { ...WRITTEN, name } });
const data: Resolution = { kind: "data", data: { by: "hand" } };
const error: Resolution = { kind: "error", error: { name: "Error", message: "by hand" } };
const timeout: Resolution = { kind: "timeout" };
const signal = (id: string): Op => ({
  kind: "signal",
  step: step(id, { type: "step.waitForSignal" }),
  signal: { name: "approval", conflict: "fail" },
  until: LATER,
});

describe.each(["local", "http"] as const)("over %s, a step that is resolved by hand", (transport) => {
  function waiting(op: Op): RunUnderTest {
    const run = transport === "local" ? RunUnderTest.local() : RunUnderTest.http(2);
    if (transport === "local") {
      run.op(op);
      run.idle();
    } else run.ops(null, op);
    run.effects = [];
    return run;
  }

  test.each<[string, Op, Resolution, unknown, string[]]>([
    ["a wait gets its event", wait("w", LATER), event(), { ...WRITTEN, name: "order/paid" }, ["unsubscribe"]],
    [
      "a wait gets one of its events",
      wait("w", LATER, { events: ["a", "b"] }),
      event("b"),
      { ...WRITTEN, name: "b" },
      ["unsubscribe"],
    ],
    ["a wait gets none", wait("w", LATER), timeout, null, ["unsubscribe"]],
    ["a signal", signal("w"), data, { data: { signal: "approval", data: { by: "hand" } } }, ["unsubscribe-signal"]],
    ["no signal", signal("w"), timeout, null, ["unsubscribe-signal"]],
    ["an invoke gets an output", invoke("w", LATER), data, { data: { by: "hand" } }, []],
    ["an invoke gets a failure", invoke("w", LATER), error, { error: { name: "Error", message: "by hand" } }, []],
    [
      "an invoke times out",
      invoke("w", LATER),
      timeout,
      { error: expect.objectContaining({ name: "InngestInvokeTimeoutError" }) },
      [],
    ],
  ])("%s, says so, and its run goes on", (_, op, resolution, memo, effects) => {
    const run = waiting(op);
    const decision = run.resolve("w", resolution);
    expect(run.memo("w")).toEqual(memo);
    expect(run.entry("w").byHand).toBe(true);
    expect(run.effects.map(({ kind }) => kind)).toEqual(effects);
    expect(run.state.kind).toBe("executing");
    expect([decision.activate, run.asked()]).toEqual(transport === "local" ? [true, []] : [false, [null]]);
  });

  test("[G2] the first of hand and event counts, whichever it is", () => {
    const byHand = waiting(wait("w", LATER));
    byHand.resolve("w", event());
    expect([byHand.answer("w", { name: "late" }).stale, byHand.resolve("w", timeout).stale]).toEqual([true, true]);
    expect(byHand.memo("w")).toMatchObject({ data: { by: "hand" } });
    const byEvent = waiting(wait("w", LATER));
    byEvent.answer("w", { name: "order/paid" });
    expect(byEvent.resolve("w", event()).stale).toBe(true);
    expect(byEvent.entry("w").byHand).toBeUndefined();
  });

  test("[G4] nothing is resolved of a run that has ended", () => {
    const run = waiting(wait("w", LATER));
    run.cancel();
    expect(run.resolve("w", event()).stale).toBe(true);
    expect(run.status("w").kind).toBe("registering");
  });

  test("a wait whose subscription is confirmed afterwards is withdrawn", () => {
    const run = waiting(wait("w", LATER));
    run.resolve("w", event());
    run.effects = [];
    run.subscribed("w");
    expect(run.effects.map(({ kind }) => kind)).toEqual(["unsubscribe"]);
  });
});

describe("why a step cannot be resolved", () => {
  function entryOf(op: Op) {
    const run = op.kind === "plan" ? RunUnderTest.http(2) : RunUnderTest.local();
    if (op.kind === "plan") run.ops(null, op);
    else run.op(op);
    return run.entry("x");
  }

  test.each<[Op, Resolution, string, string]>([
    [sleep("x", LATER), timeout, "nothing", "POST /v1/runs/:id/wake ends a sleep"],
    [failed("x"), data, "nothing", 'step "x" is code'],
    [plan("x"), data, "nothing", 'step "x" is code'],
    [wait("x", LATER), data, "unfit", 'data: step "x" waits for an event'],
    [wait("x", LATER), event("other"), "unfit", 'event.name: step "x" waits for "order/paid", not "other"'],
    [wait("x", LATER, { events: ["a", "b"] }), event("c"), "unfit", 'waits for "a" or "b", not "c"'],
    [signal("x"), event(), "unfit", 'event: step "x" waits for a signal'],
    [signal("x"), error, "unfit", 'error: step "x" waits for a signal'],
    [invoke("x", LATER), event(), "unfit", 'event: step "x" waits for the end of a run'],
  ])("%j by %j is %s: %s", (op, resolution, kind, message) => {
    expect(unresolvable(entryOf(op), resolution)).toEqual({ kind, message: expect.stringContaining(message) });
  });

  test("what has ended stays as it is", () => {
    const run = RunUnderTest.local();
    run.op(wait("x", LATER));
    run.due("x");
    expect(unresolvable(run.entry("x"), event())).toMatchObject({ kind: "over" });
  });
});

test("a sleep that was woken says that it did not end by itself", () => {
  const run = RunUnderTest.local();
  run.op(sleep("nap", LATER));
  run.op(sleep("rest", LATER));
  run.wake("nap");
  run.due("rest");
  expect([run.entry("nap").byHand, run.entry("rest").byHand]).toEqual([true, undefined]);
});
