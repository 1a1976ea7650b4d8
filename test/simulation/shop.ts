/** Functions, workload and invariants by which the engine is simulated: every kind of step, alone and beside others. */
import { Inngest, NonRetriableError, RetryAfterError, type InngestFunction } from "../../src/sdk/index.ts";
import type { Random } from "../../src/testing/random.ts";
import type { Action, SimulateOptions } from "../../src/testing/simulate-options.ts";
import type { TestRun } from "../../src/testing/run.ts";

/** What is seen from outside of the engine. */
export interface Witness {
  /** how often the code of steps has run, by function, subject and step */
  ran: Map<string, number>;
  /** when the code of a step has begun, by function, subject and step */
  times: Map<string, number[]>;
  /** failure handlers that have run, by the id of the run that failed */
  failures: Map<string, number>;
  /** ends that were told, by run */
  told: Map<string, number>;
}

export function makeWitness(): Witness {
  return { ran: new Map(), times: new Map(), failures: new Map(), told: new Map() };
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const retries = { attempts: 6, backoff: "fixed", initialDelay: "1m", jitter: false } as const;

/** All functions, over a witness of their own. */
export function shop(witness: Witness): InngestFunction[] {
  const client = new Inngest({ id: "shop", logger: silent });
  const saw = (map: Map<string, number>, what: string) => map.set(what, (map.get(what) ?? 0) + 1);
  const ran = <T>(what: string, value: T): T => {
    saw(witness.ran, what);
    return value;
  };

  const bill = client.createFunction({ id: "bill", retries }, async ({ step, event }) => {
    const text = await step.run("write", () => ran(`bill ${event.data.id} write`, `bill of ${event.data.id}`));
    if (event.data.slow) await step.sleep("think", "2h");
    if (event.data.refuse) throw new NonRetriableError("no such account");
    return text;
  });

  const order = client.createFunction(
    {
      id: "order",
      retries,
      onFailure: async ({ event, step }) => step.run("note", () => saw(witness.failures, event.data.run_id)),
    },
    { event: "order/placed" },
    async ({ step, event }) => {
      const { id } = event.data;
      const charged = await step.run("charge", () => ran(`order ${id} charge`, { id, cents: 100 }));
      await step.sleep("settle", "1h");
      const approval = await step.waitForEvent("approval", {
        event: "order/approved",
        match: "data.id",
        timeout: "2d",
      });
      if (approval?.data.verdict === "no") throw new NonRetriableError("rejected");
      const billed = await step.invoke("bill", { function: bill, data: { id, slow: event.data.slow } });
      const sent = await step.sendEvent("tell", { name: "order/done", data: { id } });
      await step.run("ship", () => ran(`order ${id} ship`, "shipped"));
      return { charged, by: approval?.data.by ?? null, billed, told: sent.ids.length };
    },
  );

  const flaky = client.createFunction({ id: "flaky", retries }, { event: "flaky/start" }, async ({ step, event }) => {
    const { id, fails } = event.data;
    const value = await step.run("try", () => {
      const times = (witness.ran.get(`flaky ${id} try`) ?? 0) + 1;
      ran(`flaky ${id} try`, times);
      if (times <= fails) throw new Error(`failure ${times}`);
      return "at last";
    });
    const caught = await step
      .run({ id: "hopeless", retries: 1 }, () => {
        ran(`flaky ${id} hopeless`, 0);
        throw new Error("never");
      })
      .catch((error: Error) => error.message);
    return { value, caught };
  });

  const fan = client.createFunction({ id: "fan", retries }, { event: "fan/start" }, async ({ step, event }) => {
    const { id } = event.data;
    const parts = await Promise.all([
      step.run("a", async () => ran(`fan ${id} a`, "a")),
      step.run("b", async () => ran(`fan ${id} b`, "b")),
      step.sleep("nap", "30m").then(() => step.run("c", () => ran(`fan ${id} c`, "c"))),
      step.invoke("bill", { function: bill, data: { id: `fan-${id}` } }),
    ]);
    const first = await Promise.race([
      step.sleep("short", "10m").then(() => "short"),
      step.sleep("close", "10m500ms").then(() => "close"),
      step.sleep("long", "20h").then(() => "long"),
    ]);
    const loop: number[] = [];
    for (let i = 0; i < 5; i++) {
      loop.push(await step.run("turn", () => ran(`fan ${id} turn ${i}`, i)));
      await step.sendEvent("tell", { name: "fan/turned", data: { id, i } });
    }
    return { parts, first, loop };
  });

  const pair = client.createFunction({ id: "pair", retries }, { event: "pair/start" }, async ({ step, event }) => {
    const wait = (name: string) =>
      step.waitForEvent(name, { event: "pair/answer", match: "data.id", timeout: "6h", since: "run" });
    const first = await wait("first");
    const second = await wait("second");
    return { id: event.data.id, first: first?.data.n ?? null, second: second?.data.n ?? null };
  });

  // its attempts are further and further apart; the third says itself when it wants to be tried again
  const patient = client.createFunction(
    { id: "patient", retries: { attempts: 6, backoff: "exponential", initialDelay: "1m", jitter: false } },
    { event: "patient/start" },
    async ({ step, event }) => {
      const what = `patient ${event.data.id} try`;
      return step.run("try", () => {
        const times = witness.times.get(what) ?? [];
        witness.times.set(what, [...times, Date.now()]);
        if (times.length === 2) throw new RetryAfterError("busy", "90s");
        if (times.length < 4) throw new Error(`failure ${times.length}`);
        return "at last";
      });
    },
  );

  // the handler itself throws, between its steps
  const moody = client.createFunction(
    { id: "moody", retries },
    { event: "moody/start" },
    async ({ step, event, attempt }) => {
      const { id, throws, fatal } = event.data;
      const first = await step.run("first", () => ran(`moody ${id} first`, 1));
      if (attempt < throws) throw new Error(`mood ${attempt}`);
      if (fatal) throw new NonRetriableError("enough");
      await step.sleepUntil("date", new Date(Date.UTC(2026, 0, 3)));
      const either = await step.waitForEvent("either", {
        events: ["moody/calm", "moody/angry"],
        if: "async.data.id == event.data.id && async.data.n > 1",
        timeout: "5h",
      });
      const none = await step.invoke("none", { function: "shop-none" }).catch(() => "no such function");
      return { first, either: either?.name ?? null, none };
    },
  );

  // its own trigger is no answer to what it waits for
  const again = client.createFunction({ id: "again", retries }, { event: "again/start" }, async ({ step, event }) => {
    const other = await step.waitForEvent("other", {
      event: "again/start",
      match: "data.id",
      timeout: "3h",
      since: "run",
    });
    return { n: event.data.n, other: other?.data.n ?? null };
  });

  const caller = client.createFunction(
    { id: "caller", retries },
    { event: "caller/start" },
    async ({ step, event }) => {
      const { id } = event.data;
      const refused = await step
        .invoke("refused", { function: bill, data: { id: `caller-${id}`, refuse: true } })
        .catch((error: Error) => error.message);
      const late = await step
        .invoke("late", { function: bill, data: { id: `late-${id}`, slow: true }, timeout: "1h" })
        .catch((error: Error) => error.name);
      return { refused, late };
    },
  );

  // whoever waits last has the signal, unless it is the polite one
  const pager = client.createFunction({ id: "pager", retries }, { event: "pager/start" }, async ({ step, event }) => {
    const { id, polite } = event.data;
    const onConflict = polite ? "fail" : "replace";
    const called = await step.waitForSignal("call", { signal: `page-${id}`, timeout: "4h", onConflict });
    const again = await step.waitForSignal("again", { signal: `again-${id}`, timeout: "1h", onConflict: "replace" });
    await step.sendSignal("answer", { signal: `page-${id}`, data: "answer" });
    return { called: called?.data ?? null, again: again?.data ?? null };
  });

  const listener = client.createFunction(
    { id: "listener", retries },
    [{ event: "order/*" }, { event: "fan/start", if: "event.data.loud == true" }],
    async ({ event, step }) => step.run("hear", () => ran(`listener ${event.id} hear`, event.name)),
  );

  const audit = client.createFunction(
    { id: "audit", retries },
    { event: "inngest/function.finished" },
    async ({ event }) => {
      saw(witness.told, event.data.run_id);
    },
  );

  const daily = client.createFunction({ id: "daily", retries }, { cron: "0 6 * * *" }, async ({ event, step }) =>
    step.run("tick", () => ran(`daily ${event.id}`, event.id)),
  );

  return [bill, order, flaky, patient, moody, fan, pair, again, caller, pager, listener, audit, daily];
}

/** A mixed workload. */
export function workload(chance: Random): Action[] {
  const actions: Action[] = [];
  for (let n = 0, count = 1 + chance.below(4); n < count; n++) actions.push(...story(chance, `${n}`));
  return actions;
}

function story(chance: Random, id: string): Action[] {
  const send = (name: string, data: object, userId?: string): Action => ({
    send: { name, data: { id, ...data }, id: userId },
  });
  const pause = (most: number): Action[] => (chance.chance(0.6) ? [{ advance: `${1 + chance.below(most)}m` }] : []);
  switch (chance.below(12)) {
    case 0:
    case 1: {
      const userId = chance.chance(0.4) ? `order-${id}` : undefined;
      const placed = send("order/placed", { slow: chance.chance(0.5) }, userId);
      const verdict = chance.chance(0.2) ? "no" : "yes";
      return [
        placed,
        ...(userId === undefined ? [] : [placed]),
        ...pause(90),
        ...(chance.chance(0.8) ? [{ advance: "61m" } as const, send("order/approved", { by: "ann", verdict })] : []),
        // perhaps while it waits for its bill
        ...(chance.chance(0.4) ? [...pause(60), { cancel: "shop-order" } as const] : []),
        ...pause(600),
      ];
    }
    case 2:
      return [send("flaky/start", { fails: chance.below(5) }), ...pause(10)];
    case 3:
      return [send("fan/start", { loud: chance.chance(0.5) }), ...pause(60)];
    case 4:
      // an answer that comes when the wait has just given up
      if (chance.chance(0.4))
        return [send("pair/start", {}), { advance: "6h" }, { advance: "1s" }, send("pair/answer", { n: 1 })];
      return [
        send("pair/start", {}),
        ...pause(60),
        send("pair/answer", { n: 1 }),
        ...pause(100),
        ...(chance.chance(0.7) ? [send("pair/answer", { n: 2 })] : []),
        // about when the waits give up
        ...(chance.chance(0.4)
          ? [{ advance: `${350 + chance.below(20)}m` } as const, send("pair/answer", { n: 3 })]
          : []),
      ];
    case 5:
      if (chance.chance(0.4))
        return [send("again/start", { n: 1 }), { advance: "3h" }, { advance: "1s" }, send("again/start", { n: 2 })];
      return [
        send("again/start", { n: 1 }),
        ...pause(100),
        ...(chance.chance(0.5) ? [send("again/start", { n: 2 })] : []),
      ];
    case 6:
      return [
        send("caller/start", {}),
        ...pause(100),
        ...(chance.chance(0.2) ? [{ cancel: "shop-bill" } as const] : []),
      ];
    case 7:
      return [send("patient/start", {}), ...pause(5)];
    case 8:
    case 9:
      return [
        send("moody/start", { throws: chance.below(4), fatal: chance.chance(0.2) }),
        ...pause(60),
        ...(chance.chance(0.6)
          ? [
              { advance: "60h" } as const,
              send("moody/calm", { n: 1 }),
              ...pause(100),
              send(chance.chance(0.5) ? "moody/angry" : "moody/calm", { n: 2 }),
            ]
          : []),
      ];
    case 10:
      return [
        send("pager/start", {}),
        ...pause(60),
        ...(chance.chance(0.6) ? [send("pager/start", { polite: chance.chance(0.5) }), ...pause(60)] : []),
        { signal: `page-${id}`, data: "one" },
        ...(chance.chance(0.5) ? [{ signal: `page-${id}`, data: "two" } as const] : []),
        ...pause(90),
        { signal: `again-${id}`, data: "three" },
        // about when the first gives up
        ...(chance.chance(0.4)
          ? [{ advance: `${170 + chance.below(20)}m` } as const, { signal: `page-${id}`, data: "four" } as const]
          : []),
        ...(chance.chance(0.2) ? [{ cancel: "shop-pager" } as const] : []),
      ];
    default:
      return [{ advance: "1d" }];
  }
}

/** Invariants: what each function comes to, whatever goes wrong. */
export const invariants: NonNullable<SimulateOptions<Witness>["invariants"]> = {
  "every function returns what it would without faults": (view) => {
    for (const run of view.platform.runs()) checkOutcome(run);
  },
  "code of a step runs again only when something has gone wrong": (view) => {
    if (view.faults.length > 0) return;
    for (const [what, times] of view.world.ran)
      if (!isAsMeant(what, times)) throw new Error(`${what} ran ${times} times without any fault`);
  },
  "failure handlers run for runs that failed, and for no other": (view) => {
    const failed = view
      .runs("shop-order")
      .filter((run) => run.status === "Failed")
      .map((run) => run.id);
    for (const id of failed)
      if (!view.world.failures.has(id)) throw new Error(`the failure of run ${id} was not handled`);
    for (const id of view.world.failures.keys())
      if (!failed.includes(id)) throw new Error(`the failure of run ${id}, which has not failed, was handled`);
  },
  "attempts are as far apart as was asked": (view) => {
    for (const [what, times] of view.world.times) {
      const apart = times.slice(1).map((at, index) => at - (times[index] ?? 0));
      const asked = [60_000, 120_000, 90_000, 480_000];
      const isRight = view.faults.length === 0 ? apart.join() === asked.join() : apart.length >= asked.length;
      if (!isRight) throw new Error(`${what}: attempts ${apart.join(", ")} ms apart, and not ${asked.join(", ")}`);
    }
  },
  "an event that a step sends is sent once": (view) => {
    for (const run of view.platform.runs()) {
      const meant = run.steps.flatMap((step) =>
        step.type === "step.sendEvent" ? ((step.output as { ids?: string[] } | undefined)?.ids ?? []) : [],
      );
      if (run.status === "Completed" && run.events.length !== meant.length)
        throw new Error(`run ${run.id} has sent ${run.events.length} events where it meant ${meant.length}`);
    }
  },
  "every tick of a schedule starts its function": (view) => {
    const passed = (at: number) => Math.floor((at - Date.UTC(2026, 0, 1, 6)) / 86_400_000) + 1;
    const now = view.platform.clock.now();
    const ticks = view.runs("shop-daily").length;
    // an alarm may still be late
    if (ticks > passed(now) || ticks < passed(now - 10 * 60_000))
      throw new Error(`${passed(now)} ticks have passed, and ${ticks} have started the function`);
  },
  "every end is told": (view) => {
    for (const run of view.platform.runs())
      if (
        !["inngest/function.finished", "inngest/function.failed"].includes(run.event.name) &&
        !view.world.told.has(run.id)
      )
        throw new Error(`the end of run ${run.id} of ${run.functionId} was not told`);
  },
};

/** How often a step runs by its function's own doing: see `flaky`. */
function isAsMeant(what: string, times: number): boolean {
  if (what.endsWith("hopeless")) return times === 2;
  return times <= (what.endsWith(" try") ? 5 : 1);
}

function checkOutcome(run: TestRun): void {
  if (run.status === "Cancelled") return;
  const expected = expectedOf(run);
  if (expected === undefined) return;
  const got = run.status === "Completed" ? run.output : `${run.error?.message}`;
  if (!expected.some((one) => JSON.stringify(one) === JSON.stringify(got)))
    throw new Error(
      `run ${run.id} of ${run.functionId}: ${JSON.stringify(got)} where ${expected.map((one) => JSON.stringify(one)).join(" or ")} was expected\n${run.timeline()}`,
    );
}

/** All outcomes that are right; undefined when nothing is said. */
function expectedOf(run: TestRun): unknown[] | undefined {
  const { id, refuse, fatal } = run.event.data;
  switch (run.functionId) {
    case "shop-bill":
      return refuse ? ["no such account"] : [`bill of ${id}`];
    case "shop-order": {
      const approval = run.steps.find((step) => step.id === "approval");
      const answered = approval?.output as { data?: { verdict?: string } } | null | undefined;
      if (answered?.data?.verdict === "no") return ["rejected"];
      const by = answered ? "ann" : null;
      const billed = run.steps.find((step) => step.id === "bill");
      if (billed?.status === "failed") return [billed.error?.message]; // its bill was cancelled
      return [{ charged: { id, cents: 100 }, by, billed: `bill of ${id}`, told: 1 }];
    }
    case "shop-flaky":
      // a step that has crashed twice in a row has failed by that
      return ["never", run.steps.find((step) => step.id === "hopeless")?.error?.message].map((caught) => ({
        value: "at last",
        caught,
      }));
    case "shop-fan":
      return [
        { parts: ["a", "b", "c", `bill of fan-${id}`], first: "short", loop: [0, 1, 2, 3, 4] },
        ...(run.steps.some((step) => step.id === "bill" && step.status === "failed") ? [run.error?.message] : []),
      ];
    case "shop-pair":
      // each answer at most once, in whichever order they came
      return [null, 1, 2, 3].flatMap((first) =>
        [null, 1, 2, 3].flatMap((second) => (first !== null && first === second ? [] : [{ id, first, second }])),
      );
    case "shop-patient":
      return ["at last"];
    case "shop-moody":
      return [
        ...(fatal ? ["enough"] : []),
        ...[null, "moody/calm", "moody/angry"].map((either) => ({ first: 1, either, none: "no such function" })),
      ];
    case "shop-again":
      return [null, 1, 2].flatMap((other) => [1, 2].flatMap((n) => (n === other ? [] : [{ n, other }])));
    case "shop-caller":
      return run.steps.some((step) => step.error?.message.includes("cancelled"))
        ? undefined
        : ["StepError", "InngestInvokeTimeoutError"].map((late) => ({ refused: "no such account", late }));
    case "shop-pager": {
      const { called, again } = (run.output ?? {}) as { called?: string | null; again?: string | null };
      const isWell =
        [null, "one", "two", "four", "answer"].includes(called ?? null) && [null, "three"].includes(again ?? null);
      if (run.status === "Completed") return isWell ? [run.output] : ["a signal of its own"];
      return run.event.data.polite ? ["Signal conflict; signal wait already exists for another run"] : ["no failure"];
    }
    case "shop-listener":
      return [run.event.name];
    default:
      return undefined;
  }
}

/** All of it, for `simulate`. */
export const shopSimulation = { world: makeWitness, functions: shop, workload, invariants };
