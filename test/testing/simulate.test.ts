import { describe, expect, it } from "vitest";
import { Inngest, type InngestFunction } from "../../src/sdk/index.ts";
import { simulate, SimulationError } from "../../src/testing/simulate.ts";
import type { SimulateOptions } from "../../src/testing/simulate-options.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

interface Counter {
  runs: number;
}

/** One function that counts what it does in a step. */
function counting(world: Counter): InngestFunction[] {
  const client = new Inngest({ id: "app", logger: silent });
  return [
    client.createFunction({ id: "count" }, { event: "count" }, async ({ step, event }) => {
      await step.run("add", () => void (world.runs += 1));
      await step.sleep("rest", "1h");
      return event.data.n ?? null;
    }),
  ];
}

const counted: SimulateOptions<Counter> = {
  world: () => ({ runs: 0 }),
  functions: counting,
  workload: [
    { send: { name: "other", data: {} } },
    { send: { name: "count", data: {} } },
    { advance: "2h" },
    { send: [{ name: "other", data: {} }] },
  ],
  seeds: 60,
};

async function failureOf<World>(options: SimulateOptions<World>): Promise<SimulationError> {
  const error = await simulate(options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SimulationError)) throw error ?? new Error("nothing failed");
  return error;
}

describe("simulate", () => {
  it("tells what it has played when all holds", async () => {
    const report = await simulate({ ...counted, seeds: 10 });
    expect(report).toMatchObject({ simulations: 10, runs: 10 });
    expect(report.faults).toBeGreaterThan(0);
    expect(report.turns).toBeGreaterThan(100);
  });

  it.each(["local", "http"] as const)("plays the same for the same seed, over %s", async (transport) => {
    const play = () => simulate({ ...counted, seeds: [3, 7, 11], transport });
    expect(await play()).toEqual(await play());
  });

  it("finds what goes wrong only with a crash, and plays it again from its seed, message for message", async () => {
    const options: SimulateOptions<Counter> = {
      ...counted,
      invariants: {
        "counts each event once": ({ world }) => {
          if (world.runs > 1) throw new Error(`counted ${world.runs} times`);
        },
      },
    };
    const error = await failureOf(options);
    expect(error).toMatchObject({ invariant: "counts each event once", workload: [{ send: { name: "count" } }] });
    expect(error.faults).toHaveLength(1);
    expect(error.faults[0]).toMatch(/died right before a commit of run \w{26} \("add"\)/);
    expect(error.message).toContain("1 of 4 actions");
    expect(error.message).toContain(`seeds: [${error.seed}]`);
    expect(error.message).toMatch(/step "add" completed/);
    expect((await failureOf({ ...options, seeds: [error.seed] })).message).toBe(error.message);
    await expect(simulate({ ...options, faults: [] })).resolves.toMatchObject({ simulations: 60, faults: 0 });
    await expect(simulate({ ...options, faultsMax: 0 })).resolves.toMatchObject({ simulations: 60, faults: 0 });
  });

  it.each([
    ["crash", /died right/],
    ["drop", /was lost/],
    ["duplicate", /came twice/],
    ["delay", /late/],
    ["alarm-twice", /fired twice/],
    ["clock-jump", /the clock leapt/],
  ] as const)("injects only faults of the kinds asked for: %s", async (kind, words) => {
    const seen: string[] = [];
    await simulate({
      ...counted,
      faults: [kind],
      invariants: { sees: ({ faults }) => void seen.push(...faults) },
    });
    expect(seen.length).toBeGreaterThan(0);
    for (const fault of seen) expect(fault).toMatch(words);
  });

  it("lets replies of an app come late", async () => {
    const seen: string[] = [];
    const invariants = { sees: ({ faults }: { faults: readonly string[] }) => void seen.push(...faults) };
    await simulate({ ...counted, transport: "http", faults: ["late-reply"], invariants });
    expect(seen.length).toBeGreaterThan(0);
    for (const fault of seen) expect(fault).toMatch(/the app's reply came \d+ ms late/);
  });

  it("plays every fifth seed without faults", async () => {
    const calm: number[] = [];
    let seed = 0;
    await simulate({
      ...counted,
      seeds: 20,
      invariants: { sees: ({ faults }) => ((seed += 1), faults.length === 0 && calm.push(seed), undefined) },
    });
    expect(calm).toEqual(expect.arrayContaining([5, 10, 15, 20]));
  });

  it("draws a workload for each seed", async () => {
    const lengths = new Set<number>();
    await simulate({
      ...counted,
      seeds: 20,
      workload: (chance) =>
        Array.from({ length: 1 + chance.below(4) }, () => ({ invoke: "app-count", data: { n: 1 } })),
      invariants: { sees: ({ runs }) => void lengths.add(runs().length) },
    });
    expect([...lengths].sort((a, b) => a - b)).toEqual([1, 2, 3, 4]);
  });

  it("cancels the newest run of a function", async () => {
    const statuses = new Set<string>();
    await simulate({
      ...counted,
      workload: [{ invoke: "app-count" }, { advance: "10m" }, { cancel: "app-count" }],
      invariants: { sees: ({ run }) => void statuses.add(run("app-count").status) },
    });
    expect(statuses).toContain("Cancelled");
  });

  it("names the function that decides by the clock", async () => {
    const client = new Inngest({ id: "app", logger: silent });
    const odd = client.createFunction({ id: "odd" }, { event: "go" }, async ({ step }) => {
      await step.run(Date.now() % 2 === 0 ? "even" : "odd", () => 1);
    });
    const error = await failureOf({ functions: [odd], workload: [{ send: { name: "go", data: {} } }] });
    expect(error).toMatchObject({ invariant: "functions repeat themselves" });
    expect(error.message).toMatch(/Date\.now\(\) at .*simulate\.test\.ts/);
  });

  it("says so when a failure cannot be played again", async () => {
    let played = 0;
    const error = await failureOf({
      ...counted,
      seeds: 1,
      invariants: {
        flaky: () => {
          if (++played === 1) throw new Error("once only");
        },
      },
    });
    expect(error.message).toContain("it held when the same simulation was played again");
  });

  it("tells of runs that never end", async () => {
    const client = new Inngest({ id: "app", logger: silent });
    const endless = client.createFunction({ id: "endless" }, { event: "go" }, async ({ step }) => {
      await step.run("stuck", () => new Promise(() => undefined));
    });
    const error = await failureOf({ functions: [endless], workload: [{ send: { name: "go", data: {} } }], seeds: 1 });
    expect(error.invariant).toBe("ends");
    expect(error.message).toContain("executes without end");
  }, 60_000);

  it("asks for one run only where there is one", async () => {
    const error = await failureOf({
      ...counted,
      workload: [{ invoke: "app-count" }, { invoke: "app-count" }],
      invariants: { one: ({ run }) => void run("app-count") },
    });
    expect(error.message).toContain('function "app-count" has 2 runs, and one was asked for');
  });
});

describe("simulate refuses", () => {
  it.each<[string, object, string]>([
    ["an unknown option", { seed: 1 }, 'simulate: "seed" is not an option (did you mean "seeds"?)'],
    ["no functions", { functions: undefined }, "simulate: functions: is required"],
    ["no workload", { workload: undefined }, "simulate: workload: is required"],
    ["a fraction of seeds", { seeds: 1.5 }, "simulate: seeds: 1.5 is not a whole number from 0 on"],
    ["a negative seed", { seeds: [-1] }, "simulate: seeds: -1 is not a whole number from 0 on"],
    [
      "an unknown fault",
      { faults: ["crush"] },
      'simulate: faults: "crush" is no kind of fault (did you mean "crash"?)',
    ],
    ["half a fault", { faultsMax: 0.5 }, "simulate: faultsMax: 0.5 is not a whole number from 0 on"],
  ])("%s", async (_what, wrong, message) => {
    await expect(simulate({ ...counted, ...wrong } as SimulateOptions<Counter>)).rejects.toThrow(message);
  });
});
