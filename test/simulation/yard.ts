/** Functions, workload and invariants by which flow control is simulated: every rule, alone and beside others. */
import { Inngest, NonRetriableError, type InngestFunction } from "../../src/sdk/index.ts";
import type { Random } from "../../src/testing/random.ts";
import type { Action, SimulateOptions } from "../../src/testing/simulate-options.ts";
import type { TestRun } from "../../src/testing/run.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const retries = { attempts: 6, backoff: "fixed", initialDelay: "1m", jitter: false } as const;

export function yard(): InngestFunction[] {
  const client = new Inngest({ id: "yard", logger: silent });
  /** Turns that pass while a body executes, so that others can meet it. */
  const work = async <T>(value: T): Promise<T> => {
    for (let n = 0; n < 3; n++) await Promise.resolve();
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
      timeouts: { start: "3h", finish: "2h" },
    },
    { event: "hasty/start" },
    async ({ step, event }) => {
      await step.run("first", () => work(1));
      await step.sleep("nap", event.data.long ? "3h" : "30m");
      await step.invoke("serial", { function: serial, data: { id: `of-${event.data.id}`, key: event.data.key } });
      return step.run("last", () => work(event.data.id));
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

  return [perKey, serial, ordered, ...crossed, spaced, ...alone, settled, collected, together, counted, hasty, caller];
}

/** A mixed workload over few keys. */
export function yardWorkload(chance: Random): Action[] {
  const actions: Action[] = [];
  let ids = 0;
  const names = ["key", "serial", "ordered", "crossed", "spaced", "alone", "hasty", "caller"];
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
      actions.push({ advance: `${1 + chance.below(60)}m` }, { send: { name: "hasty/stop", data: { id: stop.id } } });
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

/** Statuses in which runs of a function may end besides Completed. */
const ENDS: Record<string, TestRun["status"][]> = {
  "yard-serial": ["Cancelled"],
  "yard-per-key": ["Cancelled"],
  "yard-alone-skip": ["Skipped"],
  "yard-alone-cancel": ["Cancelled"],
  "yard-alone-queue": ["Skipped"],
  "yard-hasty": ["Cancelled", "Failed"],
  "yard-caller": ["Failed"],
};

export const yardInvariants: NonNullable<SimulateOptions["invariants"]> = {
  "every run ends as its rules say": (view) => {
    for (const run of view.platform.runs()) may(run, "Completed", ...(ENDS[run.functionId] ?? []));
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
  "runs of a strict order begin as their events were sent": (view) => {
    for (const [key, runs] of Map.groupBy(view.runs("yard-ordered"), (run) => run.event.data.key)) {
      const sent = runs.toSorted((a, b) => Number(a.event.data.id) - Number(b.event.data.id));
      const starts = sent.map((run) => run.steps[0]?.startedAt.getTime() ?? 0);
      if (starts.some((at, index) => at < (starts[index - 1] ?? 0)))
        throw new Error(`${key}: events ${sent.map((run) => run.event.data.id)} began at ${starts}`);
    }
  },
  "batches are no larger than asked": (view) => {
    for (const run of view.runs("yard-together"))
      if (Number(run.output) > 3) throw new Error(`run ${run.id} has a batch of ${run.output}`);
  },
};

export const yardSimulation = { functions: yard, workload: yardWorkload, invariants: yardInvariants };
