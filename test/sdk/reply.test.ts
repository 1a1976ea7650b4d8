import { afterEach, describe, expect, test, vi } from "vitest";
import { callBodySchema, type Memo } from "../../src/protocol/call.ts";
import { stepHash } from "../../src/protocol/ids.ts";
import { Inngest } from "../../src/sdk/client.ts";
import { NonRetriableError, RetryAfterError } from "../../src/sdk/errors.ts";
import { executeCall, type CallReply } from "../../src/sdk/reply.ts";
import type { Context } from "../../src/sdk/context.ts";
import { EVENT, RUN_ID } from "../helpers/run-builder.ts";

const client = new Inngest({ id: "shop" });

interface CallChanges {
  journal?: Record<string, Memo>;
  stepId?: string;
  race?: boolean;
  attempt?: number;
  maxAttempts?: number;
  plan?: boolean;
}

/** Calls a handler as a server would; the journal is in the order of completion. */
function call(handler: (context: Context) => unknown, changes: CallChanges = {}): Promise<CallReply> {
  const [registration] = client
    .createFunction({ id: "ship", retries: 2 }, { event: EVENT.name }, handler as () => unknown)
    .registrations("shop");
  if (!registration) throw new Error("no registration");
  const { journal = {}, stepId = "step", race = false, attempt = 0, maxAttempts = 3, plan = false } = changes;
  const steps = Object.fromEntries(Object.entries(journal).map(([id, memo]) => [stepHash(id, 0), memo]));
  const body = callBodySchema.parse({
    ctx: {
      run_id: RUN_ID,
      attempt,
      max_attempts: maxAttempts,
      disable_immediate_execution: plan,
      stack: { stack: Object.keys(steps), current: Object.keys(steps).length },
    },
    event: EVENT,
    events: [EVENT],
    steps,
  });
  return executeCall({ registration, client, body, stepId, race });
}

const boom = () => {
  throw new TypeError("boom");
};

afterEach(() => vi.useRealTimers());

describe("[§3.7] discovery", () => {
  test("one new step runs at once and is the reply", async () => {
    expect(await call(({ step }) => step.run("charge", (amount: number) => ({ amount }), 5))).toEqual({
      status: 206,
      ops: [
        {
          op: "StepRun",
          id: stepHash("charge", 0),
          name: "charge",
          displayName: "charge",
          opts: { type: "step.run", input: [5] },
          userland: { id: "charge" },
          data: { amount: 5 },
        },
      ],
    });
  });

  test("only the next step runs: nothing after it", async () => {
    const ran: string[] = [];
    const handler = async ({ step }: Context) => {
      await step.run("a", () => void ran.push("a"));
      await step.run("b", () => void ran.push("b"));
    };
    await call(handler);
    await call(handler, { journal: { a: { data: null } } });
    expect(ran).toEqual(["a", "b"]);
  });

  test("with disable_immediate_execution it is planned and does not run", async () => {
    const body = vi.fn();
    const reply = await call(({ step }) => step.run("a", body), { plan: true });
    expect(reply).toMatchObject({ status: 206, ops: [{ op: "StepPlanned", id: stepHash("a", 0) }] });
    expect(body).not.toHaveBeenCalled();
  });

  test("several at once are planned, none runs; sleeps and waits are what they are", async () => {
    const body = vi.fn();
    const reply = await call(({ step }) =>
      Promise.all([
        step.run("a", body),
        step.sleep("nap", "1h"),
        step.waitForEvent("paid", { event: "order/paid", timeout: "1d" }),
        step.run("a", body),
      ]),
    );
    expect(reply).toMatchObject({
      status: 206,
      ops: [
        { op: "StepPlanned", userland: { id: "a" } },
        { op: "Sleep", name: "1h" },
        { op: "WaitForEvent", name: "order/paid", opts: { timeout: "1d" } },
        { op: "StepPlanned", id: stepHash("a", 1), userland: { id: "a", index: 1 } },
      ],
    });
    expect(body).not.toHaveBeenCalled();
    expect(JSON.stringify(reply)).not.toContain("parallelMode");
  });

  test("[design §4] on our platform parallel steps race, unless the user says otherwise; a single one does not", async () => {
    const both = ({ step }: Context) =>
      Promise.all([step.run("a", boom), step.run({ id: "b", parallelMode: "race" }, boom)]);
    expect(await call(both, { race: true })).toMatchObject({
      ops: [{ opts: { parallelMode: "race" } }, { opts: { parallelMode: "race" } }],
    });
    expect(await call(both)).toMatchObject({
      ops: [{ opts: { type: "step.run" } }, { opts: { parallelMode: "race" } }],
    });
    expect(JSON.stringify(await call(({ step }) => step.sleep("s", "1h"), { race: true }))).not.toContain(
      "parallelMode",
    );
  });

  test("[G8] Promise.race is won by the step that completed first, by the stack", async () => {
    const handler = ({ step }: Context) => Promise.race([step.run("a", boom), step.run("b", boom)]);
    expect(await call(handler, { journal: { b: { data: "B" }, a: { data: "A" } } })).toEqual({
      status: 200,
      data: "B",
    });
    expect(await call(handler, { journal: { b: { data: "B" } } })).toEqual({ status: 200, data: "B" });
  });

  test("code between steps may wait for other things", async () => {
    const reply = await call(async ({ step }) => {
      await new Promise((resolve) => setImmediate(resolve));
      return step.run("a", () => 1);
    });
    expect(reply).toMatchObject({ ops: [{ op: "StepRun", data: 1 }] });
  });

  test("the handler sees event, run and attempt", async () => {
    const reply = await call(
      ({ event, events, runId, attempt, maxAttempts }) => [event.data, events.length, runId, attempt, maxAttempts],
      {
        attempt: 1,
        maxAttempts: 4,
      },
    );
    expect(reply).toEqual({ status: 200, data: [EVENT.data, 1, RUN_ID, 1, 4] });
  });
});

describe("[§3.7] a call for one step", () => {
  const handler = async ({ step }: Context) => {
    await Promise.all([step.run("a", () => "A"), step.run("b", () => "B")]);
    await step.run("after", boom);
  };

  test.each(["a", "b"])("runs %s and no other", async (id) => {
    const reply = await call(handler, { stepId: stepHash(id, 0), plan: true });
    expect(reply).toMatchObject({ status: 206, ops: [{ op: "StepRun", id: stepHash(id, 0), data: id.toUpperCase() }] });
    expect(reply).toHaveProperty("ops.length", 1);
  });

  test("also behind steps that are done", async () => {
    const reply = await call(handler, { stepId: stepHash("b", 0), journal: { a: { data: "A" } } });
    expect(reply).toMatchObject({ ops: [{ op: "StepRun", data: "B" }] });
  });

  test("[§3.3] one that the function does not reach within 10 s: 500, tried again, with what was found", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const pending = call(handler, { stepId: stepHash("gone", 0) });
    await vi.waitUntil(() => vi.getTimerCount() > 0, { interval: 1 });
    vi.advanceTimersByTime(10_000);
    expect(await pending).toMatchObject({
      status: 500,
      noRetry: false,
      error: { code: "step_not_found", message: expect.stringContaining('found: "a", "b"') },
    });
  });

  test("no timer is left when it was found", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    await call(
      async ({ step }) => {
        await new Promise((resolve) => setImmediate(resolve));
        await step.run("a", () => 1);
      },
      { stepId: stepHash("a", 0) },
    );
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("[§3.3, §4] failures of steps", () => {
  const failing =
    (error: unknown, options: { retries?: number } = {}) =>
    ({ step }: Context) =>
      step.run({ id: "a", ...options }, () => {
        throw error;
      });

  type Changes = { attempt: number; maxAttempts: number; race?: boolean };
  test.each<[string, Changes, { retries?: number }, "StepError" | "StepFailed"]>([
    ["the first of three", { attempt: 0, maxAttempts: 3 }, {}, "StepError"],
    ["the second of three", { attempt: 1, maxAttempts: 3 }, {}, "StepError"],
    ["the last of three", { attempt: 2, maxAttempts: 3 }, {}, "StepFailed"],
    ["the only one", { attempt: 0, maxAttempts: 1 }, {}, "StepFailed"],
    ["its own retries are more", { attempt: 2, maxAttempts: 3, race: true }, { retries: 5 }, "StepError"],
    ["its own are more than another server grants", { attempt: 2, maxAttempts: 3 }, { retries: 5 }, "StepFailed"],
    ["its own retries are fewer", { attempt: 1, maxAttempts: 5 }, { retries: 1 }, "StepFailed"],
    ["it has none", { attempt: 0, maxAttempts: 5 }, { retries: 0 }, "StepFailed"],
  ])("%s attempt", async (_, changes, options, op) => {
    expect(await call(failing(new TypeError("boom"), options), changes)).toMatchObject({
      status: 206,
      noRetry: op === "StepFailed",
      ops: [{ op, error: { name: "TypeError", message: "boom", stack: expect.any(String) } }],
    });
  });

  test("NonRetriableError fails it at once", async () => {
    expect(await call(failing(new NonRetriableError("never")))).toMatchObject({
      noRetry: true,
      ops: [{ op: "StepFailed" }],
    });
  });

  test.each<[number | string, string]>([
    [30_000, "30"],
    ["1m", "60"],
    [1, "1"],
    ["2026-01-02T00:00:00.000Z", "2026-01-02T00:00:00.000Z"],
  ])("RetryAfterError of %j is the header %s", async (wait, header) => {
    expect(await call(failing(new RetryAfterError("later", wait)))).toMatchObject({
      retryAfter: header,
      ops: [{ op: "StepError" }],
    });
    expect(await call(() => Promise.reject(new RetryAfterError("later", wait)))).toMatchObject({
      status: 500,
      retryAfter: header,
    });
  });

  test("a step may throw anything", async () => {
    expect(await call(failing("text"))).toMatchObject({ ops: [{ error: { name: "Error", message: "text" } }] });
    expect(await call(failing(undefined))).toMatchObject({ ops: [{ error: { message: "undefined was thrown" } }] });
  });

  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  test.each<[string, unknown]>([
    ["a BigInt", 5n],
    ["a cycle", cycle],
    ["a BigInt inside", { n: [1n] }],
  ])("[G9] a result that JSON cannot carry fails for good, by name: %s", async (_, value) => {
    expect(await call(({ step }) => step.run("a", () => value))).toMatchObject({
      noRetry: true,
      ops: [{ op: "StepFailed", error: { code: "output_not_json", message: expect.stringContaining('step "a"') } }],
    });
    expect(await call(() => value)).toMatchObject({ status: 400, noRetry: true, error: { code: "output_not_json" } });
  });

  test.each<[string, unknown, unknown]>([
    ["undefined", undefined, null],
    ["a function", () => 1, null],
    ["NaN", Number.NaN, null],
    ["a date", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["undefined properties", { a: undefined, b: 1 }, { b: 1 }],
  ])("a result is what JSON makes of it: %s", async (_, value, data) => {
    expect(await call(({ step }) => step.run("a", () => value))).toMatchObject({ ops: [{ op: "StepRun", data }] });
    expect(await call(() => value)).toEqual({ status: 200, data });
  });
});

describe("[§3.8, §3.9] the end of the function", () => {
  const stepFailed = { error: { name: "CardError", message: "declined" } };

  test("an error is tried again", async () => {
    expect(await call(boom)).toMatchObject({
      status: 500,
      noRetry: false,
      error: { name: "TypeError", message: "boom" },
    });
  });

  test("NonRetriableError is not", async () => {
    expect(await call(() => Promise.reject(new NonRetriableError("never")))).toMatchObject({
      status: 400,
      noRetry: true,
    });
  });

  test("a failed step that nobody caught is final: another attempt would meet the same memo", async () => {
    expect(await call(({ step }) => step.run("a", boom), { journal: { a: stepFailed } })).toMatchObject({
      status: 400,
      noRetry: true,
      error: { name: "CardError", message: "declined" },
    });
  });

  test("... and one that was caught is not", async () => {
    const handler = ({ step }: Context) => step.run("a", boom).catch((error: Error) => `caught ${error.message}`);
    expect(await call(handler, { journal: { a: stepFailed } })).toEqual({ status: 200, data: "caught declined" });
  });

  test("an error of its own, thrown because of it, is tried again", async () => {
    const handler = ({ step }: Context) =>
      step.run("a", boom).catch((cause: Error) => {
        throw new Error("shipping failed", { cause });
      });
    expect(await call(handler, { journal: { a: stepFailed } })).toMatchObject({
      status: 500,
      noRetry: false,
      error: { message: "shipping failed", cause: { message: "declined" } },
    });
  });
});
