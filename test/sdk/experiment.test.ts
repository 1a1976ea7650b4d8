import { experiment as official } from "inngest-v4";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { experiment, group as exported, Inngest, type Context, type ExperimentSelectFn } from "../../src/sdk/index.ts";
import { EVENT, RUN_ID } from "../helpers/run-builder.ts";
import { call, clientWith, recorder, silent, type CallChanges } from "./middleware/helpers.ts";

const client = new Inngest({ id: "shop", isDev: true, logger: silent });
const on = (handler: (context: Context) => unknown) =>
  client.createFunction({ id: "f" }, { event: EVENT.name }, handler);

describe("[features §2.7] strategies", () => {
  const users = Array.from({ length: 200 }, (_, n) => `user-${n}`);
  const names = ["b", "Control", "a", "é"];

  test("fixed is always the same", async () => {
    expect(await experiment.fixed("b")(names)).toBe("b");
  });

  test.each<[string, (from: typeof experiment, value: unknown) => ExperimentSelectFn]>([
    ["equal shares", (from, value) => from.bucket(value)],
    ["weights", (from, value) => from.bucket(value, { weights: { b: 1, Control: 5, a: 0, é: 2.5 } })],
  ])("bucket chooses as `inngest` does: %s", async (_, strategy) => {
    for (const value of [...users, "", "é😀", 7, true, null, undefined])
      expect(await strategy(experiment, value)(names), String(value)).toBe(
        await strategy(official as unknown as typeof experiment, value)(names),
      );
  });

  test("weighted chooses by the run's id, as bucket does by its value", async () => {
    const weights = { control: 80, next: 20 };
    for (const runId of users)
      expect(await experiment.weighted(weights)([], { runId })).toBe(await experiment.bucket(runId, { weights })());
  });

  test("shares are about what the weights say, and a weight of 0 is none", async () => {
    const weights = { a: 3, b: 1, never: 0 };
    const chosen = await Promise.all(
      Array.from({ length: 2000 }, async (_, n) => experiment.weighted(weights)([], { runId: `run ${n}` })),
    );
    const share = (name: string) => chosen.filter((one) => one === name).length / chosen.length;
    expect([share("a"), share("b"), share("never")]).toEqual([expect.closeTo(0.75, 1), expect.closeTo(0.25, 1), 0]);
  });

  test("later changes of the weights object change nothing", async () => {
    const weights = { a: 1, b: 0 };
    const select = experiment.weighted(weights);
    Object.assign(weights, { a: 0, b: 1 });
    expect(await select()).toBe("a");
  });

  test.each([
    ["fixed", experiment.fixed("a"), { strategy: "fixed" }],
    ["weighted", experiment.weighted({ a: 1 }), { strategy: "weighted", weights: { a: 1 } }],
    ["bucket", experiment.bucket(7), { strategy: "bucket" }],
    ["bucket of nothing", experiment.bucket(null), { strategy: "bucket", nullishBucket: true }],
    ["bucket with weights", experiment.bucket(7, { weights: { a: 1 } }), { strategy: "bucket", weights: { a: 1 } }],
    ["custom", experiment.custom(() => "a"), { strategy: "custom" }],
  ])("say what they are: %s", (_, select, config) => {
    expect(select.__experimentConfig).toEqual(config);
  });

  test.each<[string, () => unknown, string]>([
    ["negative", () => experiment.weighted({ a: -1 }), "experiment.weighted: weights.a: -1 is not a finite number"],
    ["NaN", () => experiment.weighted({ a: 1, b: Number.NaN }), "experiment.weighted: weights.b: NaN is not a finite"],
    [
      "infinite",
      () => experiment.bucket(1, { weights: { a: 1 / 0 } }),
      "experiment.bucket: weights.a: Infinity is not",
    ],
    ["a text", () => experiment.weighted({ a: "1" as never }), "experiment.weighted: weights.a: 1 is not a finite"],
    ["all zero", () => experiment.weighted({ a: 0, b: 0 }), "experiment.weighted: weights: all are zero"],
    ["none", () => experiment.bucket(1, { weights: {} }), "experiment.bucket: weights: all are zero"],
    ["too large", () => experiment.weighted({ a: 1e308, b: 1e308 }), "weights: their sum is not a finite number"],
  ])("[G9] weights are checked when they are given: %s", (_, make, message) => {
    expect(make).toThrow(message);
  });
});

/** Two variants, each of one step. */
const checkout =
  (select: ExperimentSelectFn) =>
  ({ group, step }: Pick<Context, "group" | "step">) =>
    group.experiment("checkout", {
      variants: { control: () => step.run("old", () => "paid"), next: () => step.run("new", () => 42) },
      select,
    });

describe("[features §2.7] group.experiment", () => {
  test("chooses in a step of its own", async () => {
    expect(await call(client, on(checkout(experiment.fixed("next"))))).toMatchObject({
      ops: [{ op: "StepRun", data: "next", opts: { type: "group.experiment" }, userland: { id: "checkout" } }],
    });
  });

  test("then runs the variant that the journal names, whatever `select` says by now", async () => {
    const journal = { checkout: { data: "next" } };
    const select = vi.fn(() => "control");
    const reply = await call(client, on(checkout(experiment.custom(select))), { journal });
    expect(select).not.toHaveBeenCalled();
    expect(reply).toMatchObject({
      ops: [
        {
          userland: { id: "new" },
          data: 42,
          opts: { experimentName: "checkout", variant: "next", selectionStrategy: "custom" },
        },
      ],
    });
  });

  test("gives back result, variant and a reference to both", async () => {
    const journal = { checkout: { data: "control" }, old: { data: "paid" } };
    expect(await call(client, on(checkout(experiment.fixed("next"))), { journal })).toEqual({
      status: 200,
      data: {
        result: "paid",
        variant: "control",
        experimentRef: { experimentName: "checkout", variant: "control" },
      },
    });
  });

  test("weighted and a strategy of the user's own are given names and run", async () => {
    const select = Object.assign(
      vi.fn(() => "next"),
      { __experimentConfig: { strategy: "mine" } },
    );
    await call(client, on(checkout(select)));
    expect(select).toHaveBeenCalledWith(["control", "next"], { runId: RUN_ID });
    const weights = { control: 50, next: 50 };
    const reply = await call(client, on(checkout(experiment.weighted(weights))));
    expect(reply).toMatchObject({ ops: [{ data: await experiment.bucket(RUN_ID, { weights })() }] });
  });

  test("a step of the same id beside it, and the same experiment twice, are told apart by position", async () => {
    const fn = on(async (context) => {
      await checkout(experiment.fixed("next"))(context);
      return context.group.experiment("checkout", {
        variants: { b: () => context.step.run("new", () => 1) },
        select: experiment.fixed("b"),
      });
    });
    const journal = { checkout: { data: "next" }, new: { data: 42 } };
    expect(await call(client, fn, { journal })).toMatchObject({
      ops: [{ data: "b", userland: { id: "checkout", index: 1 } }],
    });
  });

  test("works inside another, inside group.parallel, and by the exported group", async () => {
    const fn = on(({ step }) =>
      exported.parallel(() =>
        exported.experiment("outer", {
          variants: {
            a: async () => {
              await Promise.resolve();
              return exported.experiment("inner", {
                variants: { b: () => step.sleep("nap", 1000) },
                select: experiment.fixed("b"),
              });
            },
          },
          select: experiment.fixed("a"),
        }),
      ),
    );
    expect(await call(client, fn, { journal: { outer: { data: "a" }, inner: { data: "b" } } })).toMatchObject({
      ops: [{ op: "Sleep", opts: { parallelMode: "race", experimentName: "inner", variant: "b" } }],
    });
    const journal = { outer: { data: "a" }, inner: { data: "b" }, nap: null };
    expect(await call(client, fn, { journal })).toMatchObject({
      status: 200,
      data: { variant: "a", result: { variant: "b" } },
    });
  });

  test("the choice is a step to middleware", async () => {
    const log: string[] = [];
    const own = clientWith([recorder("M", log)]);
    const fn = own.createFunction({ id: "f" }, { event: EVENT.name }, checkout(experiment.fixed("next")));
    expect(await call(own, fn)).toMatchObject({ ops: [{ data: "next" }] });
    expect(log).toContain("M > wrapStepHandler(checkout)");
  });

  test("a bucket of nothing is warned about, once", async () => {
    const warn = vi.fn();
    const own = new Inngest({ id: "shop", logger: silent, internalLogger: { ...silent, warn } });
    const fn = own.createFunction({ id: "f" }, { event: EVENT.name }, checkout(experiment.bucket(undefined)));
    await call(own, fn);
    expect(warn.mock.calls).toEqual([
      [expect.stringContaining('group.experiment "checkout": experiment.bucket was given no value')],
    ]);
  });
});

describe("what group.experiment refuses", () => {
  const refused = async (handler: (context: Context) => unknown, changes?: CallChanges) => {
    const reply = await call(client, on(handler), changes);
    if (reply.status === 206) return reply.ops.map(({ op, error }) => [op, error?.message]);
    return [reply.status, "noRetry" in reply && reply.noRetry, "error" in reply && reply.error.message];
  };

  test.each<[unknown, RegExp]>([
    ["other", /^group\.experiment "checkout": select returned "other", which is no variant; there are control, next$/],
    ["toString", /select returned "toString", which is no variant/],
    [undefined, /select returned undefined, which is no variant/],
  ])("a choice that is no variant, for good: %j", async (name, message) => {
    const select = experiment.custom(() => name as string);
    expect(await refused(checkout(select))).toEqual([["StepFailed", expect.stringMatching(message)]]);
  });

  test("a choice of earlier code that is no variant now, which other code may bring back", async () => {
    const journal = { checkout: { data: "gone" } };
    expect(await refused(checkout(experiment.fixed("next")), { journal })).toEqual([
      500,
      false,
      'group.experiment "checkout": this run has "gone", which is no variant; there are control, next',
    ]);
  });

  test("a failing select is tried again", async () => {
    const select = experiment.custom(() => Promise.reject(new Error("flags are down")));
    expect(await refused(checkout(select))).toEqual([["StepError", "flags are down"]]);
  });

  test.each<[string, () => unknown]>([
    ["without any code", () => 5],
    ["that awaits something else", () => Promise.resolve(5)],
  ])("a variant %s that starts no step, for good", async (_, variant) => {
    const fn = ({ group }: Context) =>
      group.experiment("idle", { variants: { a: variant }, select: experiment.fixed("a") });
    expect(await refused(fn, { journal: { idle: { data: "a" } } })).toEqual([
      400,
      true,
      'group.experiment "idle": variant "a" started no step; put what it does into step.run, or every pass over the handler does it again',
    ]);
  });

  test("steps beside the experiment are none of the variant's", async () => {
    const fn = async ({ group, step }: Context) =>
      Promise.all([
        group.experiment("idle", { variants: { a: async () => 5 }, select: experiment.fixed("a") }),
        step.run("beside", () => 1),
      ]);
    const journal = { idle: { data: "a" }, beside: { data: 1 } };
    expect(await refused(fn, { journal })).toEqual([400, true, expect.stringContaining("started no step")]);
  });

  test("one that nobody awaits may fail: the handler goes on", async () => {
    const fn = async ({ group }: Context) => {
      void group.experiment("idle", { variants: { a: () => 5 }, select: experiment.fixed("a") });
      await new Promise((resolve) => setTimeout(resolve, 5));
      return "done";
    };
    expect(await call(client, on(fn), { journal: { idle: { data: "a" } } })).toEqual({ status: 200, data: "done" });
  });

  test("an error of the variant itself is the handler's", async () => {
    const fn = ({ group }: Context) =>
      group.experiment("idle", {
        variants: { a: () => Promise.reject(new Error("mine")) },
        select: experiment.fixed("a"),
      });
    expect(await refused(fn, { journal: { idle: { data: "a" } } })).toEqual([500, false, "mine"]);
  });

  test("steps inside select", async () => {
    const fn = ({ group, step }: Context) =>
      group.experiment("e", {
        variants: { a: () => step.run("s", () => 1) },
        select: experiment.custom(async () => {
          await Promise.resolve();
          return step.run("flag", () => "a");
        }),
      });
    expect(await refused(fn)).toEqual([
      ["StepFailed", expect.stringContaining('step.run "flag": started in `select` of group.experiment "e"')],
    ]);
  });

  test.each<[string, unknown, string]>([
    ["no variants", { variants: {}, select: experiment.fixed("a") }, "variants: there are none; give at least one"],
    ["no options", undefined, "variants: there are none"],
    ["a variant that is no code", { variants: { a: 5 }, select: experiment.fixed("a") }, "variants.a: number is not a"],
    ["no select", { variants: { a: () => 1 } }, "select: undefined is not a function; take one of `experiment`"],
  ])("%s", async (_, options, message) => {
    expect(await refused(({ group }) => group.experiment("e", options as never))).toEqual([
      500,
      false,
      expect.stringContaining(`group.experiment "e": ${message}`),
    ]);
  });
});

describe("where there is no AsyncLocalStorage", () => {
  beforeEach(() => {
    vi.resetModules();
    vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined as never);
  });
  afterEach(() => vi.restoreAllMocks());

  /** The same, by modules that have not seen any. */
  async function bare(handler: (context: Context) => unknown, changes: CallChanges) {
    const helpers = await import("./middleware/helpers.ts");
    const sdk = await import("../../src/sdk/index.ts");
    const own = new sdk.Inngest({ id: "shop", logger: silent });
    return helpers.call(own, own.createFunction({ id: "f" }, { event: EVENT.name }, handler), changes);
  }

  test("an experiment runs, also when its variant waits before its first step", async () => {
    const handler = ({ group, step }: Context) =>
      group.experiment("e", {
        variants: { a: () => Promise.resolve().then(() => step.run("s", () => 1)) },
        select: experiment.fixed("a"),
      });
    const journal = { e: { data: "a" }, s: { data: 1 } };
    expect(await bare(handler, {})).toMatchObject({ ops: [{ data: "a" }] });
    expect(await bare(handler, { journal })).toMatchObject({ status: 200, data: { result: 1, variant: "a" } });
  });

  test("a variant in whose time no step was started is refused", async () => {
    const handler = ({ group }: Context) =>
      group.experiment("e", { variants: { a: async () => 1 }, select: experiment.fixed("a") });
    const reply = await bare(handler, { journal: { e: { data: "a" } } });
    expect(reply).toMatchObject({ status: 400, error: { message: expect.stringContaining("started no step") } });
  });

  test("a step that select starts at once is refused", async () => {
    const handler = ({ group, step }: Context) =>
      group.experiment("e", {
        variants: { a: () => step.run("s", () => 1) },
        select: experiment.custom(() => step.run("flag", () => "a")),
      });
    expect(await bare(handler, {})).toMatchObject({
      ops: [{ op: "StepFailed", error: { message: expect.stringContaining("started in `select`") } }],
    });
  });
});
