/** Runs that began with a request to an endpoint, whose code executes outside of any call (inngest-protocol §6.2). */
import { describe, expect, test } from "vitest";
import { CALL_TIMEOUT_MS } from "../../src/protocol/limits.ts";
import { boom, done, failed, NOW, plan, RunUnderTest, sleep } from "../helpers/run-builder.ts";

const HOUR = 3_600_000;
const http = { version: 2, pending: 0, discoveries: 0, emptyAt: null };

function begun(): RunUnderTest {
  const run = new RunUnderTest({ http, endpoint: true });
  run.create();
  return run;
}
const silentUntil = (at: number) => ({ kind: "scheduled", at: at + CALL_TIMEOUT_MS, reason: "endpoint" });

describe("[§6.2] a run that an endpoint began", () => {
  test("is under way, calls nobody, and says until when it waits for a word (G5)", () => {
    const run = begun();
    expect([run.state, run.calls, run.run.startedAt]).toEqual([silentUntil(NOW), [], NOW]);
  });

  test("steps that ran settle, and the wait begins anew with each word", () => {
    const run = begun();
    run.now += 60_000;
    expect(run.endpointTold(done("a", 1), done("b", 2)).calls).toEqual([]);
    expect([run.memo("a"), run.memo("b"), run.state]).toEqual([{ data: 1 }, { data: 2 }, silentUntil(NOW + 60_000)]);
  });

  test("[G2] the first result wins", () => {
    const run = begun();
    run.endpointTold(done("a", 1));
    expect(run.endpointTold(done("a", 2)).stale).toBe(false);
    expect(run.memo("a")).toEqual({ data: 1 });
  });

  test("its end is the run's, with the steps that are told beside it", () => {
    const run = begun();
    run.endpointTold(done("a"), { kind: "complete", data: { status: 200 } });
    expect([run.memo("a"), run.state]).toEqual([
      { data: "a" },
      { kind: "completed", endedAt: NOW, output: { status: 200 } },
    ]);
  });

  test.each<[string, Parameters<RunUnderTest["endpointTold"]>, (string | null)[], object]>([
    ["a sleep", [sleep("s", NOW + HOUR)], [], { kind: "blocked" }],
    ["planned steps", [plan("a"), plan("b")], ["a", "b"], { kind: "executing", targeted: 2 }],
    ["its time being up", [{ kind: "discover" }], [null], { kind: "executing", discovery: true }],
    ["a step that failed for good", [failed("a", true)], [null], { kind: "executing", discovery: true }],
    ["a step that failed", [failed("a")], [], { kind: "scheduled", at: NOW + 1000, reason: "retry" }],
    [
      "a failure of its own",
      [{ kind: "threw", error: boom(), final: false }],
      [],
      { kind: "scheduled", at: NOW + 1000, reason: "retry" },
    ],
  ])("%s leaves the rest to the platform, and what its code still says is stale", (_, ops, asked, state) => {
    const run = begun();
    run.endpointTold(done("first"));
    run.endpointTold(...ops);
    expect([run.asked(), run.state]).toMatchObject([asked, state]);
    expect(run.endpointTold(done("late")).stale).toBe(true);
    expect(run.memo("late")).toBeUndefined();
  });

  test("of which nothing is heard any more is entered anew; from then on its first code is not listened to (G4)", () => {
    const run = begun();
    run.endpointTold(done("a"));
    run.now += CALL_TIMEOUT_MS;
    run.begin();
    expect(run.asked()).toEqual([null]);
    expect(run.endpointTold(done("b")).stale).toBe(true);
    run.reply(null, { kind: "returned", data: "again", version: 2 });
    expect(run.state).toMatchObject({ kind: "completed", output: "again" });
  });

  test("that was cancelled changes no more", () => {
    const run = begun();
    run.cancel();
    expect(run.endpointTold(done("a")).stale).toBe(true);
  });
});

test("a run of another kind has no endpoint to listen to", () => {
  const run = RunUnderTest.http(2);
  expect(run.endpointTold(done("a")).stale).toBe(true);
  run.fails(null); // scheduled, though not for a word of an endpoint
  expect(run.endpointTold(done("a")).stale).toBe(true);
});
