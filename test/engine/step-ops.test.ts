import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readOp, type Op } from "../../src/engine/step-ops.ts";
import { INVOKE_TIMEOUT_DEFAULT_MS, SLEEP_MAX_MS, STEP_OUTPUT_MAX_BYTES } from "../../src/protocol/limits.ts";
import { stepHash } from "../../src/protocol/ids.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { DEFAULT_RETRY_POLICY } from "../../src/protocol/retry-policy.ts";
import type { StepOp } from "../../src/protocol/step-op.ts";
import { durationString } from "../../src/protocol/time-string.ts";

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const op = (kind: StepOp["op"], more: Partial<StepOp> = {}): StepOp => ({ op: kind, id: "hash", ...more });
const read = (kind: StepOp["op"], more: Partial<StepOp> = {}) => readOp(op(kind, more), NOW);

/** Checks that an op became the final error of its step. */
function expectError(found: Op | null, expected: JsonObject): void {
  expect(found).toMatchObject({
    kind: "error",
    final: true,
    step: { id: "hash" },
    error: { noRetry: true, ...expected },
  });
}

describe("[§3.4] ops that are about no step", () => {
  test.each<[StepOp, Op | null]>([
    [op("None"), null],
    [op("RunComplete", { data: { a: 1 } }), { kind: "complete", data: { a: 1 } }],
    [op("RunComplete"), { kind: "complete", data: null }],
    [op("DiscoveryRequest"), { kind: "discover" }],
  ])("%j", (given, expected) => {
    expect(readOp(given, NOW)).toEqual(expected);
  });
});

describe("[§3.4] outputs", () => {
  test.each<[string, Partial<StepOp>, StepOp["op"], unknown]>([
    ["StepRun keeps its data", { data: { data: 1 } }, "StepRun", { data: 1 }],
    ["no data is null", {}, "StepRun", null],
    ["legacy Step is wrapped by the SDK", { data: { data: [1] } }, "Step", [1]],
    ["legacy Step without a wrapper is taken as it is", { data: 5 }, "Step", 5],
    ["legacy Step, list", { data: [1] }, "Step", [1]],
  ])("%s", (_, more, kind, data) => {
    expect(read(kind, more)).toMatchObject({ kind: "done", data });
  });

  test("[design §9] 4 MiB are allowed, a byte more is the step's final error with bound and value", () => {
    const text = (bytes: number) => "x".repeat(bytes - 2); // two quotes
    expect(read("StepRun", { data: text(STEP_OUTPUT_MAX_BYTES) })?.kind).toBe("done");
    const over = read("StepRun", { data: text(STEP_OUTPUT_MAX_BYTES + 1), displayName: "big" });
    expectError(over, { name: "RangeError", code: "step_invalid" });
    expect(over).toMatchObject({ error: { message: expect.stringMatching(/"big".*4194305 bytes.*4194304/) } });
  });

  test("the bound counts bytes, not characters", () => {
    expect(read("StepRun", { data: "é".repeat(STEP_OUTPUT_MAX_BYTES / 2) })?.kind).toBe("error");
  });

  test.each<[StepOp["op"], JsonObject, boolean]>([
    ["StepError", {}, false],
    ["StepError", { noRetry: true }, true],
    ["StepFailed", {}, true],
  ])("%s with %j is final: %s; its error is kept word for word", (kind, extra, final) => {
    const error = { name: "TypeError", message: "no", data: { partial: 1 }, custom: [1], ...extra };
    expect(read(kind, { error })).toMatchObject({ kind: "error", final, error });
  });

  test("an error op without an error says so", () => {
    expect(read("StepError")).toMatchObject({ error: { message: "the step failed and its app did not say why" } });
  });
});

describe("what identifies a step", () => {
  test.each<[string, Partial<StepOp>, Partial<Extract<Op, { kind: "plan" }>["step"]>]>([
    [
      "id as the user wrote it",
      { userland: { id: "charge" }, displayName: "Charge" },
      { userId: "charge", name: "Charge" },
    ],
    ["else its name shown", { displayName: "Charge", name: "n" }, { userId: "Charge" }],
    ["else its name", { name: "n" }, { userId: "n" }],
    ["else its hash", {}, { userId: "hash" }],
    ["label", { opts: { type: "step.sendEvent" } }, { type: "step.sendEvent" }],
    ["label of an SDK that sends none", {}, { type: "StepPlanned" }],
    ["input", { opts: { input: [1, "a"] } }, { input: [1, "a"] }],
    ["race", { opts: { parallelMode: "race" } }, { race: true }],
    ["race as Go writes it", { opts: { parallelMode: "Race" } }, { race: true }],
    ["no race", { opts: { parallelMode: "all" } }, { race: false }],
    ["our policy", { opts: { retries: { ...DEFAULT_RETRY_POLICY } } }, { retry: DEFAULT_RETRY_POLICY }],
  ])("%s", (_, more, expected) => {
    expect(read("StepPlanned", more)).toMatchObject({ kind: "plan", step: { id: "hash", ...expected } });
  });

  test.each<[JsonObject[string]]>([
    [5],
    ["x"],
    [{}],
    [null],
    [{ maxAttempts: 3 }],
    [{ ...DEFAULT_RETRY_POLICY, maxDelayMs: "1h" }],
  ])("`retries` of %j, which our client never writes, is no policy", (retries) => {
    expect(read("StepPlanned", { opts: { retries } })).toMatchObject({ step: { retry: undefined } });
  });
});

describe("[§3.4] sleeps", () => {
  test.each<[string, Partial<StepOp>, number]>([
    ["[C5] TypeScript and Python: duration in name", { name: "1h" }, NOW + 3_600_000],
    ["Go: duration in opts", { name: "label", opts: { duration: "1m30s" } }, NOW + 90_000],
    ["an instant", { name: "2026-01-02T00:00:00Z" }, NOW + DAY],
    ["an instant that is over", { name: "2025-01-01T00:00:00.000Z" }, NOW - 365 * DAY],
    ["Go: an instant that is over", { name: "label", opts: { duration: "-5m" } }, NOW - 300_000],
    ["Go: an instant", { name: "label", opts: { duration: "59m59s881ms123us456ns" } }, NOW + 3_599_881],
    ["nothing", {}, NOW],
    ["empty", { name: "" }, NOW],
    ["zero", { name: "0s" }, NOW],
    ["ten characters that are no date", { name: "10 minutes" }, NOW + 600_000],
    ["the longest", { name: "366d" }, NOW + SLEEP_MAX_MS],
  ])("%s", (_, more, until) => {
    expect(read("Sleep", more)).toMatchObject({ kind: "sleep", until });
  });

  test("every duration that a client writes is read as a duration, never as a date", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: SLEEP_MAX_MS }), (ms) => {
        expect(read("Sleep", { name: durationString(ms) })).toMatchObject({ kind: "sleep", until: NOW + ms });
      }),
    );
  });

  test.each<[string, string, JsonObject]>([
    ["over the bound", "367d", { name: "InngestErrTimeoutTooLong" }],
    ["an instant over the bound", "2030-01-01T00:00:00Z", { name: "InngestErrTimeoutTooLong" }],
    ["not a duration", "soon", { code: "time_invalid" }],
    ["a sign alone", "-", { code: "time_invalid" }],
  ])("%s is the step's final error", (_, name, expected) => {
    expectError(read("Sleep", { name }), expected);
  });
});

describe("[§3.4] waits", () => {
  test.each<[string, Partial<StepOp>, object]>([
    [
      "[C5] TypeScript: name of the event",
      { name: "a/b", opts: { timeout: "1h" } },
      { events: ["a/b"], until: NOW + 3_600_000 },
    ],
    [
      "Go: event in opts, name is a label",
      { name: "label", opts: { event: "a/b", timeout: "1h" } },
      { events: ["a/b"] },
    ],
    ["several names, ours", { name: "a", opts: { events: ["a", "b"], timeout: "1h" } }, { events: ["a", "b"] }],
    [
      "names that are no texts are left out",
      { name: "a", opts: { events: [1, "b"], timeout: "1h" } },
      { events: ["b"] },
    ],
    ["an instant as timeout", { name: "a", opts: { timeout: "2026-01-02T00:00:00.000Z" } }, { until: NOW + DAY }],
    ["no timeout is over at once", { name: "a" }, { until: NOW }],
    ["condition", { name: "a", opts: { if: "async.data.x == 1" } }, { expression: "async.data.x == 1" }],
    ["an empty condition is none", { name: "a", opts: { if: "" } }, { expression: null }],
    ["looks back to its commit", { name: "a" }, { since: "commit" }],
    ["or to the run's start, ours", { name: "a", opts: { since: "run" } }, { since: "run" }],
  ])("%s", (_, more, expected) => {
    expect(read("WaitForEvent", more)).toMatchObject({ kind: "wait", ...expected });
  });

  test.each<[string, Partial<StepOp>, JsonObject]>([
    ["no event", {}, { code: "step_invalid" }],
    ["a name over 512 bytes", { name: "é".repeat(257) }, { code: "step_invalid" }],
    [
      "a condition that does not compile",
      { name: "a", opts: { if: "async.data.x ==" } },
      { code: "expression_invalid" },
    ],
    ["an unknown variable", { name: "a", opts: { if: "foo.x == 1" } }, { code: "expression_invalid" }],
    ["a timeout over 366 days", { name: "a", opts: { timeout: "400d" } }, { name: "InngestErrTimeoutTooLong" }],
    ["a timeout that cannot be read", { name: "a", opts: { timeout: "later" } }, { code: "time_invalid" }],
  ])("[G9] %s is the step's final error", (_, more, expected) => {
    expectError(read("WaitForEvent", more), expected);
  });
});

describe("[§9.1] waits for a signal", () => {
  test.each<[string, Partial<StepOp>, JsonObject]>([
    [
      "the name in its options wins: Go's `name` is a label",
      { name: "label", opts: { signal: "s", timeout: "1h", conflict: "replace" } },
      { signal: { name: "s", conflict: "replace" }, until: NOW + DAY / 24 },
    ],
    ["or is the op's own", { name: "s" }, { signal: { name: "s", conflict: "fail" }, until: NOW }],
    [
      "a conflict of another kind is `fail`",
      { name: "s", opts: { conflict: "other" } },
      { signal: { name: "s", conflict: "fail" } },
    ],
    ["an instant as timeout", { name: "s", opts: { timeout: "2026-01-02T00:00:00.000Z" } }, { until: NOW + DAY }],
  ])("%s", (_, more, expected) => {
    expect(read("WaitForSignal", more)).toMatchObject({ kind: "signal", ...expected });
  });

  test.each<[string, Partial<StepOp>, JsonObject]>([
    ["no name", {}, { code: "step_invalid" }],
    ["a name over 512 bytes", { opts: { signal: "é".repeat(257) } }, { name: "RangeError" }],
    ["a timeout over 366 days", { name: "s", opts: { timeout: "400d" } }, { name: "InngestErrTimeoutTooLong" }],
  ])("[G9] %s is the step's final error", (_, more, expected) => {
    expectError(read("WaitForSignal", more), expected);
  });
});

describe("what goes beside a step", () => {
  const COMPLETE = stepHash("complete", 0);

  test("an error of the function itself, told as a step op since others go with it", () => {
    const error = { name: "Error", message: "boom" };
    expect(read("StepFailed", { id: COMPLETE, error })).toEqual({ kind: "threw", error, final: true });
    expect(read("StepError", { id: COMPLETE, error })).toEqual({ kind: "threw", error, final: false });
  });

  test("metadata that cannot be costs the app nothing", () => {
    const update = { kind: "userland.k", op: "merge", values: { a: 1 } };
    const metadata = [update, { kind: "mine" }, null, 7];
    expect(read("StepRun", { metadata })).toMatchObject({ kind: "done", step: { metadata: [update] } });
    expect(read("StepRun", { metadata: "x" })).toMatchObject({ kind: "done", step: { metadata: undefined } });
  });
});

describe("[§9.3] invokes", () => {
  const target = { function_id: "shop-bill" };
  test("payload, and a year without a timeout", () => {
    const payload = { data: { a: 1 }, user: { id: 1 }, v: "2", meta: { sessions: { chat: 7 } }, other: 1 };
    expect(read("InvokeFunction", { opts: { ...target, payload } })).toEqual({
      kind: "invoke",
      step: expect.objectContaining({ id: "hash" }),
      functionId: "shop-bill",
      payload: { data: { a: 1 }, user: { id: 1 }, v: "2", meta: { sessions: { chat: "7" } } },
      until: NOW + INVOKE_TIMEOUT_DEFAULT_MS,
    });
  });

  test.each<[string, JsonObject]>([
    ["none", {}],
    ["a text", { payload: "x" }],
    ["a list as data", { payload: { data: [1] } }],
  ])("data that is no object is empty: %s", (_, opts) => {
    expect(read("InvokeFunction", { opts: { ...target, ...opts } })).toMatchObject({ payload: { data: {} } });
  });

  test.each<[string, JsonObject, JsonObject]>([
    ["no function", {}, { name: "TypeError", code: "step_invalid" }],
    ["too much data", { ...target, payload: { data: { x: "y".repeat(3 * 1024 * 1024) } } }, { name: "RangeError" }],
    [
      "a session that is true",
      { ...target, payload: { meta: { sessions: { chat: true } } } },
      { name: "TypeError", code: "sessions_invalid" },
    ],
    ["timeout too long", { ...target, timeout: "400d" }, { name: "InngestErrTimeoutTooLong" }],
  ])("[G9] %s is the step's final error", (_, opts, expected) => {
    expectError(read("InvokeFunction", { opts }), expected);
  });
});

test("the step that an option error belongs to is named in it", () => {
  const found = read("Sleep", { name: "soon", userland: { id: "nap" } });
  expect(found).toMatchObject({ step: { userId: "nap" }, error: { message: expect.stringContaining('step "nap"') } });
});
