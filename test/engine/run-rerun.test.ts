/** What a run has from the one that it repeats from a step on. */
import { describe, expect, test } from "vitest";
import { carryOver, repeating, takesInput, versionNote } from "../../src/engine/run-rerun.ts";
import type { Entry } from "../../src/engine/run.ts";
import { invokedRunId } from "../../src/engine/run-steps.ts";
import { done, failed, invoke, newRun, NOW, RUN_ID, RunUnderTest, sleep } from "../helpers/run-builder.ts";

const LATER = NOW + 3_600_000;

/** a; then b and c side by side, c ends first; then d, which fails for good; a nap that goes on. */
function repeated(): RunUnderTest {
  const run = RunUnderTest.local();
  run.op(done("a"));
  run.op(failed("b")); // its first attempt
  run.op(done("c"));
  run.now += 1000;
  run.due("b");
  run.op(done("b"));
  run.op(sleep("nap", LATER));
  run.op(failed("d", true));
  return run;
}

function over(from: string, run = repeated()) {
  const outcome = carryOver(RUN_ID, [...run.journal.values()], { step: from }, NOW + 5000);
  if (outcome.kind === "refused") throw new Error(outcome.message);
  return outcome;
}
const ids = (entries: Entry[]) => entries.map(({ id }) => id);

describe("steps that had ended before", () => {
  test.each([
    ["a", []],
    ["c", ["a"]],
    ["b", ["a", "c"]], // c had ended, side by side with it
    ["d", ["a", "c", "b"]],
    ["nap", ["a", "c", "b", "d"]], // has not ended: all that have
  ])("%s are %j, in the order in which they ended", (from, expected) => {
    const { entries } = over(from);
    expect(ids(entries)).toEqual(expected);
    expect(entries.map(({ position, opened }) => [position, opened])).toEqual(expected.map((_, i) => [i + 1, i + 1]));
  });

  test("keep their results and what they were; attempts and times are those of a new run, which says where they are from", () => {
    const [, , b] = over("d").entries;
    expect(b).toMatchObject({
      status: { kind: "settled", memo: { data: "b" }, at: NOW + 5000 },
      attempt: 0,
      failures: [],
      createdAt: NOW + 5000,
      carriedFrom: { runId: RUN_ID, createdAt: NOW },
    });
  });

  test("name the run that they are from, and that which they invoked, also when they are carried over again", () => {
    const run = RunUnderTest.local();
    run.op(invoke("i", LATER));
    const child = invokedRunId(RUN_ID, run.entry("i"));
    run.answer("i", { data: 1 });
    run.op(done("z"));
    const once = over("z", run).entries;
    const twice = carryOver("another", [...once, { ...run.entry("z"), position: 9 }], { step: "z" }, LATER);
    expect(twice).toMatchObject({ kind: "carried", entries: [{ carriedFrom: { runId: RUN_ID, createdAt: NOW } }] });
    expect(once.map((entry) => invokedRunId("another", entry))).toEqual([child]);
  });
});

describe("the step that it begins with", () => {
  const entries = () => [...repeated().journal.values()];

  test("is named by hash or id; one of several of an id by its hash alone", () => {
    const run = RunUnderTest.local();
    run.op(done("h1", 1, { userId: "s" }));
    run.op(done("h2", 2, { userId: "s" }));
    const journal = [...run.journal.values()];
    expect(carryOver(RUN_ID, journal, { step: "h2" }, NOW)).toMatchObject({ kind: "carried", step: { id: "h2" } });
    expect(carryOver(RUN_ID, journal, { step: "s" }, NOW)).toEqual({
      kind: "refused",
      why: "ambiguous",
      message: `run ${RUN_ID} has 2 steps "s"; name one by its hash: h1, h2`,
    });
    expect(carryOver(RUN_ID, journal, { step: "x" }, NOW)).toMatchObject({ kind: "refused", why: "unknown" });
  });

  test("takes other arguments if it has code that gets them", () => {
    expect(carryOver(RUN_ID, entries(), { step: "nap", input: [1] }, NOW)).toMatchObject({
      kind: "refused",
      why: "input",
      message: 'step "nap" is step.sleep, which takes no other input: only code that a step runs does',
    });
    const kinds = ["step.run", "StepRun", "step.ai.wrap", "step.ai.infer", "step.sendEvent", "step.fetch"];
    expect(kinds.filter((type) => takesInput({ kind: "run", type }))).toEqual(kinds.slice(0, 3));
    expect(takesInput({ kind: "wait", type: "step.run" })).toBe(false);
  });

  test("a new run knows it, counts what it has, and keeps the arguments beside", () => {
    const outcome = over("d");
    const begun = repeating(newRun({ rerunOf: { runId: RUN_ID } }), outcome, { step: "d", input: [{ n: 1 }] });
    expect(begun.run).toMatchObject({ position: 3, steps: 3, bytes: 3 * '{"data":"a"}'.length });
    expect(begun.run.rerunOf).toEqual({ runId: RUN_ID, step: { id: "d", userId: "d", carried: 3, isEdited: true } });
    expect(begun.extras).toEqual([{ list: "input", id: "d", value: [{ n: 1 }] }]);
    expect(repeating(newRun(), outcome, { step: "d" }).extras).toEqual([]);
  });
});

test("a run that goes on with another version of its function says so", () => {
  expect(versionNote({ of: RUN_ID, version: 3 }, 4)).toBe(
    `results are from run ${RUN_ID}, which had version 3 of the function; what runs anew has version 4`,
  );
});
