import { describe, expect, test } from "vitest";
import type { Admission, Gate, GatePolicy } from "../../src/engine/lease.ts";
import { endEffects } from "../../src/engine/run-machine.ts";
import type { Run } from "../../src/engine/run.ts";
import { seededRandom } from "../helpers/random.ts";
import { done, failed, invoke, NOW, plan, RUN_ID, RunUnderTest, sleep } from "../helpers/run-builder.ts";

const HOUR = 3_600_000;
const LATER = NOW + HOUR;

const limit: GatePolicy = { rule: "concurrency", limit: 1, order: "age" };
const gate = (object: string, unit: Gate["unit"], policy: GatePolicy = limit): Gate => ({
  env: "dev",
  object,
  key: null,
  unit,
  policy,
});
const singleton = gate("singleton/f/k", "run", { rule: "singleton", mode: "skip" });
const throttle = gate("throttle/f/k", "start", { rule: "throttle", limit: 1, periodMs: 1000, burst: 0 });
const wholeRun = gate("concurrency/run/f/k", "run");
const [perStep, perEnv] = [gate("concurrency/step/0-fn/f/k", "step"), gate("concurrency/step/1-env/k", "step")];
const gated = (...gates: Gate[]): Partial<Run> => ({ admission: { gates, rank: NOW } satisfies Admission });

const local = (...gates: Gate[]) => {
  const run = new RunUnderTest(gated(...gates));
  run.begin();
  return run;
};
const http = (...gates: Gate[]) => RunUnderTest.http(2, gated(...gates));
const heldBy = (run: RunUnderTest) => run.line.filter((lease) => lease.endsWith(" held"));

describe("a run without gates", () => {
  test("has no leases and starts at once", () => {
    const run = RunUnderTest.local();
    expect([run.line, run.state.kind, run.run.startedAt]).toEqual([[], "executing", NOW]);
  });
});

describe("a run with gates", () => {
  test("[G5] is queued until it is let in, and has not started", () => {
    const run = local(perStep);
    expect([run.state.kind, run.line, run.run.startedAt]).toEqual(["queued", ["activation asking"], undefined]);
    run.at("activation", "lined");
    expect(run.line).toEqual(["activation waiting"]);
    run.now = LATER;
    expect(run.at("activation")).toMatchObject({ activate: true });
    expect(run.state).toMatchObject({ kind: "executing", since: LATER });
    expect(run.run.startedAt).toBe(LATER);
  });

  test("passes them in their order, holding only earlier ones while it waits", () => {
    const run = local(singleton, throttle, wholeRun, perStep, perEnv);
    const passed: string[] = [];
    for (const slot of ["start", "start", "start", "activation", "activation"]) {
      passed.push(`${slot} ${run.lease(slot).passed}`);
      expect(run.state.kind).toBe("queued");
      run.at(slot);
    }
    expect(passed).toEqual(["start 0", "start 1", "start 2", "activation 0", "activation 1"]);
    expect([run.state.kind, run.line]).toEqual(["executing", ["start held", "activation held"]]);
  });

  test("takes no notice of a gate that it is not at, or not any more", () => {
    const run = local(perStep, perEnv);
    const { seq } = run.lease("activation");
    expect(run.apply({ kind: "admitted", seq, object: perEnv.object }).stale).toBe(true);
    run.at("activation");
    expect(run.apply({ kind: "admitted", seq, object: perStep.object }).stale).toBe(true);
    expect(run.apply({ kind: "admitted", seq: seq + 1, object: perEnv.object }).stale).toBe(true);
  });

  test("a lease that is at hand is not asked for again, and its number never comes twice", () => {
    const run = local(perStep);
    run.at("activation");
    run.op(sleep("nap", LATER));
    run.idle();
    expect(run.line).toEqual(["activation releasing"]);
    run.due("nap");
    expect(run.line).toEqual(["activation releasing", "activation asking"]);
    run.acknowledge();
    run.at("activation");
    expect([run.lease("activation").seq, run.state.kind]).toEqual([2, "executing"]);
  });

  test("what settles while it is queued does not make it ask twice", () => {
    const run = local(perStep);
    run.at("activation");
    run.op(sleep("a", LATER));
    run.op(sleep("b", LATER));
    run.idle();
    run.acknowledge();
    run.due("a");
    run.due("b");
    expect([run.state.kind, run.line]).toEqual(["queued", ["activation asking"]]);
  });
});

describe("a lease of the whole run", () => {
  test("is held while it sleeps, and given back at its end", () => {
    const run = local(wholeRun);
    run.at("start");
    run.op(sleep("nap", LATER));
    run.idle();
    expect([run.state.kind, run.line]).toEqual(["blocked", ["start held"]]);
    expect(run.due("nap")).toMatchObject({ activate: true });
    run.returned();
    expect(run.line).toEqual(["start releasing"]);
  });
});

describe("a lease of executing code", () => {
  test.each([
    ["rests", (run: RunUnderTest) => void (run.op(sleep("nap", LATER)), run.idle())],
    ["is tried again later", (run: RunUnderTest) => void run.threw()],
    ["ends", (run: RunUnderTest) => void run.returned()],
    ["fails", (run: RunUnderTest) => void run.threw(true)],
    ["is cancelled", (run: RunUnderTest) => void run.cancel()],
  ])("is given back when the code %s", (_, happens) => {
    const run = local(perStep);
    run.at("activation");
    happens(run);
    expect(run.line).toEqual(["activation releasing"]);
  });

  test("goes on with the activation that replaces one that has died; those of its branches go", () => {
    const run = local(perStep);
    run.at("activation");
    run.room(2);
    run.at("branch");
    expect(run.lost()).toMatchObject({ activate: true });
    expect(run.line).toEqual(["activation held", "branch releasing"]);
  });

  test("a queued run is not lost", () => {
    const run = local(perStep);
    run.cancel();
    expect([run.line, run.lost().stale]).toEqual([["activation releasing"], true]);
  });
});

describe("bodies beside each other", () => {
  test("each further one asks for a lease, and the activation is told of each", () => {
    const run = local(perStep);
    run.at("activation");
    run.room(3);
    expect(run.line).toEqual(["activation held", "branch asking", "branch asking"]);
    expect(run.at("branch")).toMatchObject({ hasMoreRoom: true, activate: false });
  });

  test("what is not needed any more is given back, those in line first", () => {
    const run = local(perStep);
    run.at("activation");
    run.room(4);
    run.at("branch"); // the first of three
    run.room(3);
    expect(run.line).toEqual(["activation held", "branch held", "branch asking", "branch releasing"]);
    run.room(2);
    expect(run.line).toEqual(["activation held", "branch held", "branch releasing", "branch releasing"]);
    run.room(1);
    expect(heldBy(run)).toEqual(["activation held"]);
    expect(run.room(1).stale).toBe(true);
  });

  test("of a thousand only fifty stand in line at a time", () => {
    const run = local(perStep);
    run.at("activation");
    run.room(1000);
    expect(run.line).toHaveLength(51);
    run.at("branch");
    run.room(999);
    expect([heldBy(run).length, run.line.length]).toEqual([2, 52]);
  });
});

describe("calls over HTTP", () => {
  test("each goes out with its own lease, and gives it back with its answer", () => {
    const run = http(perStep);
    expect([run.asked(), run.state.kind]).toEqual([[], "queued"]);
    run.at("discovery");
    expect(run.asked()).toEqual([null]);
    run.ops(null, plan("a"), plan("b"));
    expect([run.asked(), run.line]).toEqual([[], ["discovery releasing", "a asking", "b asking"]]);
    run.at("b");
    expect([run.asked(), run.state.kind]).toEqual([["b"], "executing"]);
    run.ops("b", done("b"));
    expect([run.line.slice(1), run.state.kind]).toEqual([["a asking", "b releasing"], "queued"]);
    run.at("a");
    run.ops("a", done("a"));
    expect(run.lease("discovery").status).toBe("asking");
  });

  test("after a loss those that were out go out again, those in line keep their place, in the new epoch", () => {
    const run = http(perStep);
    run.at("discovery");
    run.ops(null, plan("a"), plan("b"));
    run.at("a");
    run.lost();
    expect([run.asked(), run.call("a").epoch]).toEqual([["a"], 1]);
    run.at("b");
    expect(run.call("b").epoch).toBe(1);
  });

  test("a step that stood in line is not blamed for a loss", () => {
    const run = http(perStep);
    run.at("discovery");
    run.ops(null, plan("a"), plan("b"));
    run.at("a");
    run.lost();
    run.lost();
    expect([run.entry("a").failures.length, run.entry("b").failures.length]).toEqual([1, 0]);
  });
});

describe("a run that is not let in", () => {
  test("[features §3.9] ends as skipped, and says by which run", () => {
    const run = local(singleton);
    run.refuse("start", { rule: "singleton", as: "skipped", byRunId: "other" });
    expect(run.state).toMatchObject({ kind: "skipped", refusal: { byRunId: "other" } });
  });

  test("or as cancelled by a newer one", () => {
    const run = local(singleton);
    run.refuse("start", { rule: "singleton", as: "cancelled", byRunId: "other" });
    expect(run.state).toMatchObject({ kind: "cancelled", reason: "singleton: replaced by run other" });
  });

  test("its invoker hears of it at once, and nobody else", () => {
    const run = new RunUnderTest({ ...gated(singleton), invokers: [{ runId: RUN_ID, stepId: "parent" }] });
    run.begin();
    run.refuse("start", { rule: "singleton", as: "skipped", byRunId: null });
    expect(endEffects(run.run)).toMatchObject([
      { kind: "resume", memo: { error: { name: "FunctionSkippedError", code: "function_skipped" } } },
    ]);
  });

  test("once it is in, it cannot be refused", () => {
    const run = local(singleton);
    run.at("start");
    expect(run.refuse("start", { rule: "singleton", as: "skipped", byRunId: null }).stale).toBe(true);
  });

  test("that of a paused function is skipped before anything else", () => {
    const run = new RunUnderTest(gated(perStep));
    run.create({ isSkipped: true });
    expect([run.state.kind, run.line]).toEqual(["skipped", []]);
  });
});

describe("timeouts", () => {
  const timeouts = { startMs: HOUR, finishMs: 2 * HOUR };

  test("[features §3.11] start counts while it waits to be let in, and cancels", () => {
    const run = new RunUnderTest({ ...gated(perStep), timeouts, cancelAt: NOW + HOUR });
    run.create();
    run.timedOut();
    expect(run.state).toMatchObject({ kind: "cancelled", reason: expect.stringContaining("timeouts.start") });
  });

  test("finish counts from the first executing code", () => {
    const run = new RunUnderTest({ ...gated(perStep), timeouts, cancelAt: NOW + HOUR });
    run.create();
    run.now = NOW + HOUR / 2;
    run.at("activation");
    expect(run.run.cancelAt).toBe(run.now + 2 * HOUR);
    run.timedOut();
    expect(run.state).toMatchObject({ kind: "cancelled", reason: expect.stringContaining("timeouts.finish") });
  });

  test("without one the time of the start alone is over when it starts", () => {
    const run = new RunUnderTest({ timeouts: { startMs: HOUR, finishMs: null }, cancelAt: NOW + HOUR });
    run.create();
    expect(run.run.cancelAt).toBeUndefined();
  });
});

describe("cancel events", () => {
  const cancelOn = {
    triggers: [{ event: "order/cancelled", expression: null, timeoutMs: HOUR, cascade: false }],
    received: { at: NOW, id: "e" },
  };

  test("[features §3.10] are subscribed to when the run is created, for their time, and withdrawn at its end", () => {
    const run = new RunUnderTest({ ...gated(perStep), cancelOn });
    run.create();
    expect(run.effects).toMatchObject([
      { kind: "subscribe", stepId: "cancel/0", events: ["order/cancelled"], since: NOW, until: NOW + HOUR },
    ]);
    run.cancel();
    expect(run.effects.at(-1)).toMatchObject({ kind: "unsubscribe", stepId: "cancel/0" });
  });

  test("cascade takes along the run that a step waits for", () => {
    const run = RunUnderTest.local();
    run.op(invoke("bill", LATER));
    run.op(sleep("nap", LATER));
    run.idle();
    run.cancel("asked", true);
    expect(run.effects.filter(({ kind }) => kind === "cancel-callee")).toHaveLength(1);
    const other = RunUnderTest.local();
    other.op(invoke("bill", LATER));
    other.cancel();
    expect(other.effects.some(({ kind }) => kind === "cancel-callee")).toBe(false);
  });
});

describe("whatever happens, in any order", () => {
  const SETS = [[perStep], [perStep, perEnv], [wholeRun, perStep], [singleton, throttle, wholeRun, perStep, perEnv]];

  test.each([
    ["local", "local"],
    ["http", "http"],
  ])("[G5, G7] over %s code executes with a lease only, and every run says what it waits for", (_, transport) => {
    for (let seed = 1; seed <= 400; seed++) {
      const random = seededRandom(seed);
      const below = (n: number) => Math.floor(random() * n);
      const gates = SETS[below(SETS.length)]!;
      const run = transport === "local" ? local(...gates) : http(...gates);
      let ids = 0;
      for (let n = 0; n < 40 && !run.isEnded; n++) {
        const asked = [...run.leases.values()].filter(({ status }) => status === "asking" || status === "waiting");
        const one = asked[below(asked.length)];
        if (one && below(3) > 0) {
          const object = gatesOfRun(run, one.slot)[one.passed]!;
          run.apply({ kind: below(4) === 0 ? "lined" : "admitted", seq: one.seq, object });
        } else if (below(8) === 0) run.acknowledge();
        else if (below(15) === 0) run.cancel();
        else if (run.state.kind === "executing" && below(12) === 0) run.lost();
        else if (run.state.kind === "scheduled") run.begin();
        else if (run.open().length > 0 && below(3) === 0) run.due(run.open()[below(run.open().length)]!.id);
        else if (transport === "local") actLocally(run, below, () => `s${ids++}`);
        else actOverHttp(run, below, () => `s${ids++}`);
        check(run, transport, seed);
      }
    }
  });
});

function gatesOfRun(run: RunUnderTest, slot: string): string[] {
  const gates = run.run.admission!.gates;
  return gates.filter(({ unit }) => (slot === "start") === (unit !== "step")).map(({ object }) => object);
}

function actLocally(run: RunUnderTest, below: (n: number) => number, id: () => string): void {
  if (run.state.kind !== "executing") return;
  const choice = below(7);
  if (choice === 0) run.op(done(id()));
  else if (choice === 1) run.op(sleep(id(), LATER));
  else if (choice === 2) run.op(failed(id()));
  else if (choice === 3) run.room(below(5));
  else if (choice === 4 && run.open().length > 0) run.idle();
  else if (choice === 5) run.threw();
  else if (below(4) === 0) run.returned();
}

function actOverHttp(run: RunUnderTest, below: (n: number) => number, id: () => string): void {
  const call = run.calls[below(run.calls.length)];
  if (!call) return;
  const { stepId } = call;
  if (stepId !== null) return void (below(4) === 0 ? run.fails(stepId) : run.ops(stepId, done(stepId)));
  const choice = below(6);
  if (choice === 0) run.ops(null, plan(id()), plan(id()));
  else if (choice === 1) run.ops(null, done(id()));
  else if (choice === 2) run.ops(null, sleep(id(), LATER));
  else if (choice === 3) run.fails(null);
  else if (choice === 4) run.ops(null, plan(id()), sleep(id(), LATER), plan(id()));
  else if (below(3) === 0) run.ops(null, { kind: "complete", data: null });
}

function check(run: RunUnderTest, transport: string, seed: number): void {
  const leases = [...run.leases.values()];
  const held = (slot: string) => leases.some((lease) => lease.slot === slot && lease.status === "held");
  const waits = leases.filter(({ slot, status }) => slot !== "branch" && (status === "asking" || status === "waiting"));
  const context = `seed ${seed}: ${run.state.kind}, ${run.line.join(", ")}, calls ${run.asked().join(", ")}`;
  const live = leases.filter(({ status }) => status !== "releasing").map(({ slot }) => slot);
  const singles = live.filter((slot) => slot !== "branch");
  expect(new Set(singles).size, context).toBe(singles.length);
  if (run.isEnded) return expect(live, context).toEqual([]);
  if (run.state.kind === "queued") expect(waits.length, context).toBeGreaterThan(0);
  if (run.state.kind === "blocked") expect(run.open().length, context).toBeGreaterThan(0);
  if (transport === "local" && run.state.kind === "executing") expect(held("activation"), context).toBe(true);
  if (transport === "local" && run.state.kind === "blocked") expect(held("activation"), context).toBe(false);
  for (const call of run.calls)
    if (call.epoch === run.run.epoch) expect(held(call.stepId ?? "discovery"), context).toBe(true);
}
