/** What is kept of what a run's code logs (docs/logs.md). */
import { describe, expect, test } from "vitest";
import { storedLogs, type StoredLogs } from "../../src/engine/run-logs.ts";
import type { Decision } from "../../src/engine/run-machine.ts";
import type { Extra } from "../../src/engine/run.ts";
import { LOGS_PER_RUN_MAX_BYTES } from "../../src/protocol/limits.ts";
import type { LogBatch } from "../../src/protocol/logs.ts";
import { done, EVENT, failed, NOW, RunUnderTest } from "../helpers/run-builder.ts";

const batch = (...texts: string[]): LogBatch => ({
  lines: texts.map((text) => ({ at: NOW, level: "info", text })),
  dropped: 0,
});

/** A run, and what it has stored of its lines. */
class Logged {
  readonly run: RunUnderTest;
  readonly #extras = new Map<string, Extra>();

  constructor(run = RunUnderTest.local()) {
    this.run = run;
  }

  op(op: ReturnType<typeof done>, logs?: LogBatch[]): Decision {
    const id = "step" in op ? op.step.id : "";
    return this.#keep(this.run.apply({ kind: "op", op, entry: this.run.journal.get(id), event: EVENT, logs }));
  }

  reply(ops: ReturnType<typeof done>[], logs?: LogBatch[]): Decision {
    const [call] = this.run.calls.splice(0);
    const reply = { kind: "ops" as const, ops, version: 2 };
    const entries = new Map(this.run.journal);
    return this.#keep(this.run.apply({ kind: "reply", call: call!, reply, entries, event: EVENT, open: [], logs }));
  }

  checkpoint(ops: ReturnType<typeof done>[], logs?: LogBatch[]): Decision {
    const [call] = this.run.calls;
    const entries = new Map(this.run.journal);
    return this.#keep(this.run.apply({ kind: "checkpoint", call: call!, ops, entries, event: EVENT, open: [], logs }));
  }

  threw(logs: LogBatch[], final = false): Decision {
    const error = { name: "Error", message: "boom" };
    return this.#keep(this.run.apply({ kind: "threw", error, final, open: [], logs }));
  }

  #keep(decision: Decision): Decision {
    if (!decision.stale) for (const extra of decision.extras) this.#extras.set(extra.id, extra);
    return decision;
  }

  get stored(): StoredLogs[] {
    return storedLogs({ extras: () => [...this.#extras.values()] });
  }

  /** `step/attempt: texts` of each batch; a dash for code around steps. */
  get told(): string[] {
    return this.stored.map(
      ({ id, attempt, lines }) => `${id ?? "-"}/${attempt}: ${lines.map((one) => one.text).join()}`,
    );
  }
}

describe("lines go with the decision that stores what was done", () => {
  test("of a step with its attempt, of the code around it with the function's", () => {
    const logged = new Logged();
    logged.op(done("a", 1, { logs: batch("in a") }), [batch("before a")]);
    logged.op(failed("b", false, { logs: batch("b fails") }), [batch("between")]);
    logged.op(done("b", 1, { logs: batch("b works") }));
    expect(logged.told).toEqual(["-/0: before a", "a/0: in a", "-/0: between", "b/0: b fails", "b/1: b works"]);
    expect(logged.run.entry("b").logs).toEqual({ lines: 2, dropped: 0 });
  });

  test("nothing is stored, and nothing is said of it, where nothing was logged", () => {
    const logged = new Logged();
    const { extras, run } = logged.op(done("a"));
    expect([extras, run.logs, logged.run.entry("a")]).toEqual([
      [],
      undefined,
      expect.not.objectContaining({ logs: expect.anything() }),
    ]);
  });

  test("of a handler that fails with its attempt, and of its end", () => {
    const logged = new Logged();
    logged.threw([batch("first")]);
    logged.run.begin();
    logged.threw([batch("second")], true);
    expect(logged.told).toEqual(["-/0: first", "-/1: second"]);
    expect(logged.run.run.state.kind).toBe("failed");
  });

  test("what is stale leaves none: a step that has its result, a run that has ended", () => {
    const logged = new Logged();
    logged.op(done("a", 1, { logs: batch("first") }));
    expect(logged.op(done("a", 2, { logs: batch("again") }), [batch("around")]).stale).toBe(true);
    logged.threw([], true);
    expect(logged.threw([batch("late")]).stale).toBe(true);
    expect(logged.told).toEqual(["a/0: first"]);
  });
});

describe("over HTTP", () => {
  test("what a checkpoint has told and the answer tells again is kept once", () => {
    const logged = new Logged(RunUnderTest.http(2));
    const first = { ...batch("before a"), part: 0 };
    logged.checkpoint([done("a", 1, { logs: batch("in a") })], [first]);
    logged.reply([done("a", 1, { logs: batch("in a") })], [first, { ...batch("before b"), part: 1 }]);
    expect(logged.told).toEqual(["a/0: in a", "-/0: before a", "-/0: before b"]);
  });

  test("the next call's parts are others", () => {
    const logged = new Logged(RunUnderTest.http(2));
    logged.reply([done("a")], [{ ...batch("one"), part: 0 }]);
    logged.reply([done("b")], [{ ...batch("two"), part: 0 }]);
    expect(logged.told).toEqual(["-/0: one", "-/0: two"]);
  });
});

describe("a run keeps so many bytes", () => {
  const large = () => batch(...Array.from({ length: 100 }, () => "x".repeat(300)));

  test("and counts what it drops: of a step with it, of what is dropped as a whole with the run", () => {
    const logged = new Logged();
    for (let i = 0; i < 60; i++) logged.op(done(`s${i}`, 1, { logs: large() }));
    const { logs } = logged.run.run;
    const stored = logged.stored;
    const bytes = stored.reduce((sum, one) => sum + JSON.stringify(one).length, 0);
    expect(logs?.bytes).toBe(bytes);
    expect(bytes).toBeGreaterThan(LOGS_PER_RUN_MAX_BYTES - 500);
    expect(bytes).toBeLessThan(LOGS_PER_RUN_MAX_BYTES + 500); // the frame of the last batch
    const kept = stored.reduce((sum, one) => sum + one.lines.length, 0);
    const dropped = stored.reduce((sum, one) => sum + one.dropped, logs!.dropped);
    expect(kept + dropped).toBe(6_000);
    expect(logged.run.entry("s0").logs).toEqual({ lines: 100, dropped: 0 });
    expect(logged.run.entry("s59").logs).toEqual({ lines: 0, dropped: 100 });
  });

  test("a drop that stands in no row is stored with the run's header", () => {
    const logged = new Logged(RunUnderTest.local({ logs: { seq: 9, bytes: LOGS_PER_RUN_MAX_BYTES, dropped: 1 } }));
    const { saveRun, extras } = logged.op(done("a", 1, { logs: batch("one too many") }));
    expect([saveRun, extras, logged.run.run.logs]).toEqual([
      true,
      [],
      { seq: 9, bytes: LOGS_PER_RUN_MAX_BYTES, dropped: 2 },
    ]);
  });
});
