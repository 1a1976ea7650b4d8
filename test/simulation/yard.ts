/** Functions, workload and invariants by which flow control is simulated: every rule, alone and beside others. */
import { Inngest, NonRetriableError, type InngestFunction } from "../../src/sdk/index.ts";
import type { TestPlatform } from "../../src/testing/platform.ts";
import type { Random } from "../../src/testing/random.ts";
import type { Action, SimulateOptions } from "../../src/testing/simulate-options.ts";
import type { TestRun } from "../../src/testing/run.ts";
import { storesOf } from "../../src/testing/stored-runs.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const retries = { attempts: 6, backoff: "fixed", initialDelay: "1m", jitter: false } as const;

export function yard(): InngestFunction[] {
  const client = new Inngest({ id: "yard", logger: silent });
  /** A body takes as many turns as sending an event does, so that others can meet it. Nobody listens. */
  const work = async <T>(value: T): Promise<T> => {
    await client.send({ name: "noise", data: {} });
    return value;
  };

  const perKey = client.createFunction(
    { id: "per-key", retries, concurrency: { limit: 2, key: "event.data.key" } },
    { event: "key/start" },
    async ({ step, event }) => {
      await step.run("first", () => work(1));
      await step.sleep("nap", "10m");
      const parts = await Promise.all(["a", "b", "c"].map((id) => step.run(id, () => work(id))));
      return `${event.data.id} ${parts.join("")}`;
    },
  );

  const serial = client.createFunction(
    { id: "serial", retries, concurrency: { limit: 1, key: "event.data.key", mode: "run" } },
    { event: "serial/start" },
    async ({ step, event }) => {
      await step.run("first", () => work(1));
      await step.sleep("nap", "1h");
      return step.run("last", () => work(event.data.id));
    },
  );

  const ordered = client.createFunction(
    { id: "ordered", retries, concurrency: { limit: 1, key: "event.data.key", mode: "run", order: "fifo" } },
    { event: "ordered/start" },
    async ({ step, event }) => {
      await step.run("first", () => work(1));
      await step.sleep("nap", "5m");
      return event.data.id;
    },
  );

  // crossed: each has a limit of its own, and both share one
  const crossed = ["left", "right"].map((side) =>
    client.createFunction(
      {
        id: side,
        retries,
        concurrency: [
          { limit: 1, key: "event.data.key" },
          { limit: 2, key: "'both'", scope: "env" },
        ],
      },
      { event: "crossed/start" },
      async ({ step, event }) => {
        const two = await Promise.all([step.run("one", () => work(1)), step.run("two", () => work(2))]);
        await step.sleep("nap", "1m");
        await step.run("three", () => work(3));
        return `${event.data.id} ${two.join()}`;
      },
    ),
  );

  // each asks first for what the other asks for last: taken in one order, neither waits for the other for ever
  const opposite = [
    ["to", "'x'", "'y'"],
    ["fro", "'y'", "'x'"],
  ].map(([id = "", one = "", other = ""]) =>
    client.createFunction(
      {
        id,
        retries,
        concurrency: [
          { limit: 1, key: one, scope: "env", mode: "run" },
          { limit: 1, key: other, scope: "env", mode: "run" },
        ],
      },
      { event: "opposite/start" },
      async ({ step, event }) => {
        await step.run("first", () => work(1));
        await step.sleep("nap", "3m");
        return event.data.id;
      },
    ),
  );

  const spaced = client.createFunction(
    {
      id: "spaced",
      retries,
      throttle: { limit: 1, period: "10m", key: "event.data.key" },
      priority: { run: "event.data.n" },
    },
    { event: "spaced/start" },
    async ({ step }) => step.run("work", () => work("done")),
  );

  const alone = (["skip", "cancel", "queue"] as const).map((mode) =>
    client.createFunction(
      { id: `alone-${mode}`, retries, singleton: { mode, key: "event.data.key" } },
      { event: "alone/start" },
      async ({ step, event }) => {
        await step.run("first", () => work(1));
        await step.sleep("nap", "20m");
        return step.run("last", () => work(event.data.id));
      },
    ),
  );

  const settled = client.createFunction(
    { id: "settled", retries, debounce: { period: "5m", timeout: "20m", key: "event.data.key" } },
    { event: "burst/event" },
    async ({ step, event }) => step.run("work", () => work(event.data.id)),
  );

  const collected = client.createFunction(
    { id: "collected", retries, debounce: { period: "5m", key: "event.data.key", collect: true } },
    { event: "burst/event" },
    async ({ step, events }) => step.run("work", () => work(events.map((one) => one.data.id))),
  );

  const together = client.createFunction(
    {
      id: "together",
      retries,
      batchEvents: { maxSize: 3, timeout: "10m", key: "event.data.key" },
      concurrency: { limit: 1, key: "event.data.key" },
    },
    { event: "burst/event" },
    async ({ step, events }) => {
      await step.sleep("nap", "2m");
      return step.run("work", () => work(events.length));
    },
  );

  const counted = client.createFunction(
    { id: "counted", retries, rateLimit: { limit: 2, period: "30m", key: "event.data.key", mode: "window" } },
    { event: "burst/event" },
    async ({ step, event }) => step.run("work", () => work(event.data.id)),
  );

  const hasty = client.createFunction(
    {
      id: "hasty",
      retries,
      concurrency: { limit: 1, key: "event.data.key", mode: "run" },
      cancelOn: [{ event: "hasty/stop", match: "data.id", cascade: true }],
      timeouts: { start: "40m", finish: "2h" },
    },
    { event: "hasty/start" },
    async ({ step, event }) => {
      await step.run("first", () => work(1));
      await step.sleep("nap", event.data.long ? "3h" : "30m");
      await step.invoke("serial", { function: serial, data: { id: `of-${event.data.id}`, key: event.data.key } });
      return step.run("last", () => work(event.data.id));
    },
  );

  /** The newest of an id cancels the one before. */
  const renewed = client.createFunction(
    { id: "renewed", retries, cancelOn: [{ event: "renewed/start", match: "data.key" }] },
    { event: "renewed/start" },
    async ({ step, event }) => {
      await step.run("first", () => work(1));
      await step.sleep("nap", "1h");
      return event.data.id;
    },
  );

  const caller = client.createFunction(
    { id: "caller", retries },
    { event: "caller/start" },
    async ({ step, event }) => {
      const data = { id: `called-${event.data.id}`, key: event.data.key };
      const [batch, one, slow] = await Promise.all([
        step.invoke("batch", { function: together, data }),
        step.invoke("alone", { function: alone[0]!, data }).catch((error: Error) => error.name),
        step.invoke("serial", { function: serial, data }).catch((error: Error) => error.name),
      ]);
      if (event.data.fails) throw new NonRetriableError("as asked");
      return { batch, one, slow };
    },
  );

  return [
    perKey,
    serial,
    ordered,
    ...crossed,
    ...opposite,
    spaced,
    ...alone,
    settled,
    collected,
    together,
    counted,
    hasty,
    renewed,
    caller,
  ];
}

/** A mixed workload over few keys. */
export function yardWorkload(chance: Random): Action[] {
  const actions: Action[] = [];
  let ids = 0;
  const names = ["key", "serial", "ordered", "crossed", "opposite", "spaced", "alone", "hasty", "renewed", "caller"];
  for (let n = 0, count = 2 + chance.below(5); n < count; n++) {
    const data = () => ({ id: `${(ids += 1)}`, key: `k${chance.below(2)}` });
    const many = (name: string, least: number, more: object = {}) =>
      Array.from({ length: least + chance.below(5) }, () => ({
        name,
        data: { ...data(), n: chance.below(100), ...more },
      }));
    const kind = chance.below(names.length + 2);
    if (kind === names.length) {
      for (let burst = 0, bursts = 1 + chance.below(4); burst < bursts; burst++)
        actions.push({ send: many("burst/event", 1) }, { advance: `${chance.below(7)}m` });
    } else if (kind > names.length) {
      const stop = data();
      actions.push({ send: { name: "hasty/start", data: { ...stop, long: chance.chance(0.4) } } });
      // while it sleeps, or while it waits for what it has invoked
      const after = chance.chance(0.5) ? 31 + chance.below(20) : 1 + chance.below(25);
      actions.push({ advance: `${after}m` }, { send: { name: "hasty/stop", data: { id: stop.id } } });
    } else {
      const name = names[kind] ?? "key";
      const least = name === "caller" || name === "hasty" ? 1 : 2;
      actions.push({ send: many(`${name}/start`, least, { long: chance.chance(0.3), fails: chance.chance(0.2) }) });
    }
    if (chance.chance(0.5)) actions.push({ advance: `${1 + chance.below(40)}m` });
    if (chance.chance(0.15)) actions.push({ cancel: "yard-serial" });
    if (chance.chance(0.1)) actions.push({ cancel: "yard-per-key" });
  }
  return actions;
}

const may = (run: TestRun, ...statuses: TestRun["status"][]) => {
  if (!statuses.includes(run.status)) throw new Error(`run ${run.id} of ${run.functionId} has ${run.status}`);
};

/** From a run's event to its first step; 0 for one that never had any. */
function waitedMs({ steps, event }: TestRun): number {
  return (steps[0]?.startedAt.getTime() ?? event.ts) - event.ts;
}

/** Whether every run came before the one before it could end. */
function isAtOnce(runs: readonly TestRun[], withinMs = 30 * 60_000): boolean {
  const times = runs.map(({ event }) => event.ts).toSorted((a, b) => a - b);
  return times.every((ts, index) => ts - (times[index - 1] ?? ts) < withinMs);
}

/** Ids of events as the logs of strict order have them: of requests that are under way together either may be first. */
function acceptedInOrder({ world }: TestPlatform): string[] {
  const logs = world.names("log").filter((name) => name.endsWith(".order"));
  const events = logs.toSorted().flatMap((name) => {
    const disk = world.disk("log", name);
    return disk ? storesOf(disk).log().read(0, Number.MAX_SAFE_INTEGER) : [];
  });
  return events.map(({ record }) => record.event.id);
}

/** Statuses in which runs of a function may end besides Completed. */
const ENDS: Record<string, TestRun["status"][]> = {
  "yard-serial": ["Cancelled"],
  "yard-per-key": ["Cancelled"],
  "yard-alone-skip": ["Skipped"],
  "yard-alone-cancel": ["Cancelled"],
  "yard-alone-queue": ["Skipped"],
  "yard-hasty": ["Cancelled", "Failed"],
  "yard-renewed": ["Cancelled"],
  "yard-caller": ["Failed"],
};

export const yardInvariants: NonNullable<SimulateOptions["invariants"]> = {
  "every run ends as its rules say": (view) => {
    for (const run of view.platform.runs()) may(run, "Completed", ...(ENDS[run.functionId] ?? []));
  },
  "the newest run of a key is cancelled by nothing": (view) => {
    for (const [key, runs] of Map.groupBy(view.runs("yard-renewed"), (run) => run.event.data.key)) {
      // of events of one instant, ids tell which is newer
      const newest = runs.toSorted((a, b) => a.event.ts - b.event.ts || (a.event.id < b.event.id ? -1 : 1)).at(-1);
      if (view.faults.length === 0 && newest?.status !== "Completed")
        throw new Error(`${key}: run ${newest?.id} has ${newest?.status}`);
      if (view.faults.length === 0 && runs.filter(({ status }) => status === "Completed").length > 1 && isAtOnce(runs))
        throw new Error(`${key}: a run was not cancelled by the one after it`);
    }
  },
  "a run that is stopped does not go on, nor does what it has invoked": (view) => {
    const stops = view.platform.events.filter(({ name }) => name === "hasty/stop");
    for (const run of view.runs("yard-hasty")) {
      const stop = stops.find(({ data }) => data.id === run.event.data.id);
      if (!stop) continue;
      const last = Math.max(...run.steps.map((step) => step.endedAt?.getTime() ?? 0));
      // deliveries may be late
      if (run.status === "Completed" && last > stop.ts + 30 * 60_000)
        throw new Error(`run ${run.id} went on ${last - stop.ts} ms after it was stopped`);
      const called = view.runs("yard-serial").find(({ event }) => event.data.id === `of-${run.event.data.id}`);
      if (
        run.status === "Cancelled" &&
        run.steps.some(({ kind }) => kind === "invoke") &&
        called?.status === "Completed"
      ) {
        const ended = Math.max(...called.steps.map((step) => step.endedAt?.getTime() ?? 0));
        if (ended > stop.ts + 30 * 60_000) throw new Error(`run ${called.id} outlived run ${run.id}, which invoked it`);
      }
    }
  },
  "whoever sleeps is in nobody's way": (view) => {
    if (view.faults.length > 0) return;
    for (const run of [...view.runs("yard-per-key"), ...view.runs("yard-left"), ...view.runs("yard-right")]) {
      const waited = waitedMs(run);
      if (waited > 0) throw new Error(`run ${run.id} waited ${waited} ms for runs whose code takes no time`);
    }
  },
  "a newer run cancels the one before it at once": (view) => {
    if (view.faults.length > 0) return;
    for (const [key, runs] of Map.groupBy(view.runs("yard-alone-cancel"), (run) => run.event.data.key))
      if (isAtOnce(runs, 20 * 60_000) && runs.filter(({ status }) => status === "Completed").length > 1)
        throw new Error(`${key}: a run was not cancelled by the one after it`);
  },
  "no run starts long after it should have": (view) => {
    for (const run of view.faults.length === 0 ? view.runs("yard-hasty") : []) {
      const waited = waitedMs(run);
      if (waited > 40 * 60_000) throw new Error(`run ${run.id} began after ${waited} ms, in spite of its timeout`);
    }
  },
  "starts of a key are spaced": (view) => {
    const times = Map.groupBy(view.runs("yard-spaced"), (run) => run.event.data.key);
    for (const [key, runs] of times) {
      const starts = runs.flatMap((run) => run.steps[0]?.startedAt.getTime() ?? []).sort((a, b) => a - b);
      const gaps = starts.slice(1).map((at, index) => at - (starts[index] ?? 0));
      const least = Math.min(...gaps, Number.POSITIVE_INFINITY);
      if (view.faults.length === 0 && least < 600_000)
        throw new Error(`${key}: starts ${least} ms apart where ${600_000} were asked`);
    }
  },
  "no more than the limit of a window is let in": (view) => {
    const times = Map.groupBy(view.runs("yard-counted"), (run) => run.event.data.key);
    for (const [key, runs] of times) {
      // by when events came: deliveries may be late, decisions then follow one another in whatever order
      if (view.faults.length > 0) return;
      const at = runs.map((run) => run.event.ts).sort((a, b) => a - b);
      for (const [index, ts] of at.entries())
        if (index >= 2 && ts - (at[index - 2] ?? 0) < 30 * 60_000)
          throw new Error(`${key}: a third run within 30 minutes`);
    }
  },
  "runs of a strict order begin as their events were accepted": (view) => {
    const accepted = acceptedInOrder(view.platform);
    for (const [key, runs] of Map.groupBy(view.runs("yard-ordered"), (run) => run.event.data.key)) {
      const inOrder = runs.toSorted((one, other) => accepted.indexOf(one.event.id) - accepted.indexOf(other.event.id));
      const starts = inOrder.map((run) => run.steps[0]?.startedAt.getTime() ?? 0);
      if (starts.some((at, index) => at < (starts[index - 1] ?? 0)))
        throw new Error(`${key}: events ${inOrder.map((run) => run.event.data.id)} began at ${starts}`);
    }
  },
  "batches are no larger than asked": (view) => {
    for (const run of view.runs("yard-together"))
      if (Number(run.output) > 3) throw new Error(`run ${run.id} has a batch of ${run.output}`);
  },
};

export const yardSimulation = { functions: yard, workload: yardWorkload, invariants: yardInvariants };
