/** A run's own clock: what is ahead is in the run's time, what is past or leaves the run is real (design §7). */
import { describe, expect, test } from "vitest";
import { entryDueAt } from "../../src/engine/run.ts";
import { realTime, runTime } from "../../src/engine/run-clock.ts";
import { endEffects } from "../../src/engine/run-machine.ts";
import { readOp } from "../../src/engine/step-ops.ts";
import { ulidParts } from "../../src/protocol/ids.ts";
import { done, failed, invoke, NOW, plan, RunUnderTest, sleep, wait } from "../helpers/run-builder.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A run of either kind whose clock was moved a day ahead. */
function dayAhead(version: number | null = null): RunUnderTest {
  const run = version === null ? RunUnderTest.local() : RunUnderTest.http(version);
  run.advance(DAY);
  return run;
}

describe("the clock", () => {
  test.each([
    [undefined, NOW, NOW],
    [0, NOW, NOW],
    [DAY, NOW, NOW + DAY],
  ])("with an offset of %s real %s is %s in the run, and back", (offsetMs, real, own) => {
    expect(runTime({ offsetMs }, real)).toBe(own);
    expect(realTime({ offsetMs }, own)).toBe(real);
  });

  test("advances add up; only the header is stored, and nothing is decided with them", () => {
    const run = RunUnderTest.local();
    const { state } = run;
    expect(run.advance(HOUR)).toMatchObject({ stale: false, saveRun: true, entries: [], effects: [], calls: [] });
    run.advance(DAY);
    expect(run.run.offsetMs).toBe(HOUR + DAY);
    expect(run.state).toEqual(state);
  });

  test("[G4] an ended run has no clock to move, and nothing to wake", () => {
    const run = RunUnderTest.local();
    run.op(sleep("nap", NOW + DAY));
    run.returned();
    expect([run.advance(DAY).stale, run.wake("nap").stale]).toEqual([true, true]);
    expect(run.run.offsetMs).toBeUndefined();
  });
});

describe("a run whose clock is ahead", () => {
  test.each([
    ["the handler's", (run: RunUnderTest) => run.threw(), (run: RunUnderTest) => (run.state as { at: number }).at],
    [
      "a step's",
      (run: RunUnderTest) => run.op(failed("a")),
      (run: RunUnderTest) => entryDueAt(run.entry("a")) as number,
    ],
  ])("%s next attempt comes a second later in both times", (_, fail, dueAt) => {
    const run = dayAhead();
    fail(run);
    expect(dueAt(run)).toBe(NOW + DAY + 1000);
    expect(realTime(run.run, dueAt(run))).toBe(NOW + 1000);
  });

  test("the instant that an app names for the next attempt is real", () => {
    const own = dayAhead();
    own.threw(false, NOW + HOUR);
    expect(own.state).toMatchObject({ kind: "scheduled", at: NOW + DAY + HOUR });
    const step = dayAhead();
    step.op(failed("a"), NOW + HOUR);
    expect(step.status("a")).toEqual({ kind: "retrying", at: NOW + DAY + HOUR });
    const http = dayAhead(2);
    http.ops(null, plan("a"), plan("b"));
    http.fails("a", { retryAt: NOW + HOUR });
    expect(http.status("a")).toEqual({ kind: "retrying", at: NOW + DAY + HOUR });
  });

  test("over HTTP a discovery that failed before an advance comes that much earlier", () => {
    const run = RunUnderTest.http(2);
    run.fails(null);
    expect(run.state).toMatchObject({ kind: "scheduled", at: NOW + 1000 });
    run.advance(HOUR);
    expect(realTime(run.run, (run.state as { at: number }).at)).toBe(NOW + 1000 - HOUR);
  });

  test("a yield goes on at once", () => {
    const run = dayAhead();
    run.yield();
    expect(run.state).toEqual({ kind: "scheduled", at: NOW + DAY, reason: "yield" });
  });

  test("what has happened is told in real time", () => {
    const run = new RunUnderTest();
    run.advance(DAY);
    run.begin();
    run.op(done("a"));
    run.op(failed("b"));
    expect(run.run).toMatchObject({ createdAt: NOW, startedAt: NOW, state: { kind: "executing", since: NOW } });
    expect(run.entry("a")).toMatchObject({ createdAt: NOW, status: { kind: "settled", at: NOW } });
    expect(run.entry("b").failures).toMatchObject([{ endedAt: NOW }]);
    run.returned();
    expect(run.state).toMatchObject({ kind: "completed", endedAt: NOW });
    expect(endEffects(run.run)).toMatchObject([{ kind: "announce", at: NOW }]);
  });

  test.each([
    ["commit", NOW + HOUR],
    ["run", NOW],
  ] as const)("a wait since its %s is subscribed for in real time", (since, from) => {
    const run = dayAhead();
    run.now = NOW + HOUR;
    run.op(wait("w", NOW + HOUR + DAY + 5000, { since }));
    expect(run.effects).toMatchObject([{ kind: "subscribe", since: from, until: NOW + HOUR + 5000 }]);
    expect(run.status("w")).toEqual({ kind: "registering", until: NOW + HOUR + DAY + 5000 });
  });

  test("the event of an invoke has the real time, in its id too: it must be found in today's log", () => {
    const run = dayAhead();
    run.op(invoke("i", NOW + 2 * DAY));
    const [effect] = run.effects;
    const { record } = effect as Extract<typeof effect, { kind: "invoke" }>;
    expect([record.event.ts, ulidParts(record.internalId).timeMs]).toEqual([NOW, NOW]);
    expect(run.status("i")).toEqual({ kind: "invoking", until: NOW + 2 * DAY });
  });

  test("a sleep until a date counts by the run's time: one that is past there is over at once", () => {
    const run = dayAhead();
    const op = { op: "Sleep", id: "nap", name: new Date(NOW + HOUR).toISOString() } as const;
    const read = readOp(op, runTime(run.run, NOW));
    expect(read).toMatchObject({ kind: "sleep", until: NOW + HOUR });
    if (read) run.op(read);
    expect(entryDueAt(run.entry("nap"))).toBeLessThan(runTime(run.run, NOW));
  });
});

describe("waking", () => {
  test("a sleep that is woken settles as one that is over: null, and the code goes on", () => {
    const [woken, slept] = [RunUnderTest.local(), RunUnderTest.local()];
    for (const run of [woken, slept]) {
      run.op(sleep("nap", NOW + DAY));
      run.idle();
    }
    const byHand = { ...slept.due("nap").settled[0], byHand: true };
    expect(woken.wake("nap")).toMatchObject({ settled: [byHand], entries: [byHand], activate: true });
    expect([woken.memo("nap"), woken.state.kind]).toEqual([null, "executing"]);
    expect(woken.wake("nap").stale).toBe(true);
    expect(woken.due("nap").stale).toBe(true);
  });

  test("over HTTP the handler is called, once", () => {
    const run = RunUnderTest.http(2);
    run.ops(null, sleep("nap", NOW + DAY));
    expect(run.state.kind).toBe("blocked");
    run.wake("nap");
    expect(run.asked()).toEqual([null]);
    expect(run.run.http?.pending).toBe(0);
  });

  test.each([
    ["wait", (run: RunUnderTest) => run.op(wait("w", NOW + DAY))],
    ["invoke", (run: RunUnderTest) => run.op(invoke("w", NOW + DAY))],
    ["retry", (run: RunUnderTest) => run.op(failed("w"))],
    ["finished step", (run: RunUnderTest) => run.op(done("w"))],
  ])("a %s does not sleep: nothing is changed", (_, open) => {
    const run = RunUnderTest.local();
    open(run);
    const before = run.entry("w");
    expect(run.wake("w").stale).toBe(true);
    expect(run.entry("w")).toBe(before);
  });

  test("each sleep is woken by itself", () => {
    const run = RunUnderTest.local();
    run.op(sleep("short", NOW + HOUR));
    run.op(sleep("long", NOW + DAY));
    run.idle();
    run.wake("short");
    expect([run.memo("short"), run.status("long").kind]).toEqual([null, "sleeping"]);
    run.wake("long");
    expect([run.memo("long"), run.open()]).toEqual([null, []]);
  });
});
