/** Debounce and batch in the whole platform: who gets which event, when, and who is told (features §3.6, §3.7, §2.4). */
import { describe, expect, it } from "vitest";
import { routeBatch } from "../../src/durable-objects/consumer.ts";
import { keyOf } from "../../src/flow-control/key.ts";
import { runIdOf } from "../../src/protocol/ids.ts";
import { BATCH_MAX_BYTES, REDELIVERY_HORIZON_MS } from "../../src/protocol/limits.ts";
import type { Inngest } from "../../src/sdk/index.ts";
import { ENV } from "../../src/testing/host/world.ts";
import type { TestPlatform } from "../../src/testing/platform.ts";
import { FaultPoints, type FaultPoint, type PointFault } from "../helpers/fault-points.ts";
import { die, objectsOf, simulated } from "../helpers/simulated-platform.ts";

const MINUTE = 60_000;
const MIB = 1024 * 1024;

/** What each run of a function got, in the order in which the runs began. */
function got(platform: TestPlatform, functionId: string): unknown[][] {
  return platform.runs(functionId).map((run) => run.output);
}

const byFirst = (a: unknown[], b: unknown[]) => Number(a[0]) - Number(b[0]);
const numbers = ({ events }: { events: readonly { data?: any }[] }) => events.map((event) => event.data.n);
const numbered = (name: string, from: number, to: number, data: object = {}) =>
  Array.from({ length: to - from }, (_, i) => ({ name, data: { n: from + i, ...data } }));

function batching(
  batchEvents: object,
  choose?: (point: FaultPoint) => PointFault | null,
  faults: FaultPoints = new FaultPoints(choose),
) {
  const functions = (client: Inngest) => [
    client.createFunction(
      { id: "batch", batchEvents: batchEvents as { maxSize: 3; timeout: "1m" } },
      { event: "b" },
      numbers,
    ),
    client.createFunction({ id: "caller" }, { event: "call" }, async ({ step, event }) =>
      step
        .invoke("ask", { function: "mem-batch" as never, data: { n: event.data.n } })
        .catch(({ name, message }: Error) => ({ name, message })),
    ),
  ];
  return { platform: simulated(functions, { faults }), faults };
}

function debouncing(debounce: object) {
  return simulated((client) => [
    client.createFunction({ id: "calm", debounce: debounce as { period: "1m" } }, { event: "d" }, numbers),
    client.createFunction({ id: "caller" }, { event: "call" }, async ({ step, event }) =>
      step
        .invoke("ask", { function: "mem-calm" as never, data: { n: event.data.n } })
        .catch((error: Error & { code?: string }) => ({ name: error.name, code: error.code })),
    ),
  ]);
}

/** Syncs the app again, its functions changed. */
async function change(platform: TestPlatform, functionId: string, flow: object | null): Promise<void> {
  const registry = objectsOf(platform).registry(ENV);
  const functions = await registry.functions();
  const changed = functions.flatMap((fn) =>
    fn.id !== functionId ? [fn] : flow ? [{ ...fn, flow: { ...fn.flow, ...flow } }] : [],
  );
  const checksum = JSON.stringify([functionId, flow]);
  const sync = { appId: "mem", url: null, sdk: "test", framework: "test", functions: changed, checksum };
  expect(await registry.sync(sync)).toEqual({ kind: "synced", modified: true });
}

describe("[§3.7] a batch", () => {
  it("starts as soon as it is full, with the events in the order in which they came", async () => {
    const { platform } = batching({ maxSize: 3, timeout: "1m" });
    const { ids } = await platform.send(numbered("b", 0, 7));
    expect(got(platform, "mem-batch")).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(platform.runs("mem-batch").map((run) => run.id)).toEqual(
      [ids[0], ids[3]].map((id) => runIdOf(id!, "mem-batch")),
    );
  });

  it("starts at its timeout, counted from its first event, with what there is", async () => {
    const { platform } = batching({ maxSize: 3, timeout: "1m" });
    await platform.send(numbered("b", 0, 1));
    await platform.clock.advance("50s");
    await platform.send(numbered("b", 1, 2));
    await platform.clock.advance(9_999);
    expect(got(platform, "mem-batch")).toEqual([]);
    await platform.clock.advance(1);
    expect(got(platform, "mem-batch")).toEqual([[0, 1]]);
    await platform.send(numbered("b", 2, 3));
    await platform.clock.runUntilIdle();
    expect(got(platform, "mem-batch")).toEqual([[0, 1], [2]]);
  });

  it("has the events of its key alone, whatever the size of the key", async () => {
    const { platform } = batching({ maxSize: 2, timeout: "1m", key: "event.data.key" });
    const long = "k".repeat(2 * MIB);
    for (const [n, key] of [`${long}a`, `${long}b`, `${long}b`, `${long}a`].entries())
      await platform.send({ name: "b", data: { n, key } });
    expect(got(platform, "mem-batch")).toEqual([
      [1, 2],
      [0, 3],
    ]);
  });

  it("leaves events to themselves for which its condition is not true", async () => {
    const { platform } = batching({ maxSize: 2, timeout: "1m", if: "event.data.n > 1" });
    await platform.send(numbered("b", 0, 4));
    expect(got(platform, "mem-batch").toSorted(byFirst)).toEqual([[0], [1], [2, 3]]);
  });

  it("is started below 10 MiB: large events lie in several rows and come back whole", async () => {
    const { platform } = batching({ maxSize: 100, timeout: "1m" });
    const blob = "é".repeat(1.4 * MIB);
    for (let n = 0; n < 4; n++) await platform.send({ name: "b", data: { n, blob } });
    expect(got(platform, "mem-batch")).toEqual([[0, 1, 2]]);
    const [run] = platform.runs("mem-batch");
    expect(Buffer.byteLength(JSON.stringify(run!.event))).toBeGreaterThan(2.8 * MIB);
    expect(run!.event.data.blob).toBe(blob);
    expect(3 * 2.8 * MIB).toBeLessThan(BATCH_MAX_BYTES);
    await platform.clock.advance("1m");
    expect(got(platform, "mem-batch")).toEqual([[0, 1, 2], [3]]);
  });

  it("takes 5,000 events of one request: fifty runs of a hundred, each event once, in order", async () => {
    const { platform } = batching({ maxSize: 100, timeout: "1m" });
    await platform.send(numbered("b", 0, 5_000));
    const all = got(platform, "mem-batch");
    expect(all).toHaveLength(50);
    expect(all.map((list) => list.length)).toEqual(Array.from({ length: 50 }, () => 100));
    expect(all.toSorted(byFirst).flat()).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
  });

  it("lets ticks of a schedule through, one run each", async () => {
    const platform = simulated((client) => [
      client.createFunction(
        { id: "batch", batchEvents: { maxSize: 3, timeout: "1m" } },
        [{ event: "b" }, { cron: "*/10 * * * *" }],
        ({ events }) => events.map((event) => event.name),
      ),
    ]);
    await platform.send([{ name: "b" }, { name: "b" }]);
    await platform.clock.advance("10m");
    expect(got(platform, "mem-batch")).toEqual([["b", "b"], ["inngest/scheduled.timer"]]);
  });

  it("[§2.4] gives its result to every step that invoked one of its events", async () => {
    const { platform } = batching({ maxSize: 3, timeout: "1m" });
    for (let n = 0; n < 2; n++) await platform.send(numbered("call", n, n + 1));
    await platform.send(numbered("b", 2, 3));
    expect(got(platform, "mem-caller")).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ]);
  });

  it("is made anew when its policy changes: a lowered maxSize closes what waits", async () => {
    const { platform } = batching({ maxSize: 10, timeout: "1h" });
    await platform.send(numbered("b", 0, 5));
    await change(platform, "mem-batch", { batch: { maxSize: 2, timeoutMs: MINUTE, key: null, if: null } });
    expect(got(platform, "mem-batch")).toEqual([]);
    await platform.send(numbered("b", 5, 7));
    expect(got(platform, "mem-batch")).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    await platform.clock.advance(MINUTE);
    expect(got(platform, "mem-batch").at(-1)).toEqual([6]);
  });

  it("is over at once when a shorter timeout has passed already", async () => {
    const { platform } = batching({ maxSize: 10, timeout: "1h" });
    await platform.send(numbered("b", 0, 2));
    await platform.clock.advance("30m");
    await change(platform, "mem-batch", { batch: { maxSize: 10, timeoutMs: MINUTE, key: null, if: null } });
    await platform.send(numbered("b", 2, 3));
    expect(got(platform, "mem-batch")).toEqual([[0, 1]]);
  });

  it("runs the function as it is when the batch starts", async () => {
    const { platform } = batching({ maxSize: 2, timeout: "1m" });
    await platform.send(numbered("b", 0, 1));
    const { version } = (await objectsOf(platform).registry(ENV).function("mem-batch"))!;
    await change(platform, "mem-batch", { priority: "1" });
    await platform.clock.advance("1m");
    const [run] = platform.runs("mem-batch");
    const summary = await objectsOf(platform).run(ENV, run!.id).summary();
    expect(summary?.run.functionVersion).toBe(version + 1);
  });

  it("starts nothing when the function is gone: that is reported, and steps that wait get an error", async () => {
    const { platform } = batching({ maxSize: 5, timeout: "1m" });
    await platform.send([...numbered("call", 0, 1), ...numbered("b", 1, 2)]);
    await change(platform, "mem-batch", null);
    await platform.clock.advance("1m");
    expect(got(platform, "mem-batch")).toEqual([]);
    expect(got(platform, "mem-caller")).toEqual([
      { name: "Error", message: 'function "mem-batch" was not run: it is not registered any more' },
    ]);
    expect(platform.world.reports.map(({ message }) => message)).toContainEqual(
      expect.stringContaining("2 collected events start nothing"),
    );
  });
});

describe("[§3.6] a debounce", () => {
  it("starts one run with the last event, exactly a period after it", async () => {
    const platform = debouncing({ period: "1m" });
    for (let n = 0; n < 3; n++) {
      await platform.send(numbered("d", n, n + 1));
      await platform.clock.advance("50s");
    }
    expect(got(platform, "mem-calm")).toEqual([]);
    await platform.clock.advance("10s");
    expect(got(platform, "mem-calm")).toEqual([[2]]);
    const [run] = platform.runs("mem-calm");
    const summary = await objectsOf(platform).run(ENV, run!.id).summary();
    expect(summary?.run.createdAt).toBe(platform.clock.now());
    expect(run!.id).toBe(runIdOf(summary!.run.eventIds[0]!, "mem-calm"));
  });

  it("ignores an older event, which does not extend it", async () => {
    const platform = debouncing({ period: "1m" });
    const ts = platform.clock.now();
    await platform.send({ name: "d", data: { n: 0 }, ts });
    await platform.clock.advance("30s");
    await platform.send({ name: "d", data: { n: 1 }, ts: ts - 1 });
    await platform.clock.advance("30s");
    expect(got(platform, "mem-calm")).toEqual([[0]]);
  });

  it("waits no longer than its timeout", async () => {
    const platform = debouncing({ period: "1m", timeout: "2m" });
    for (let n = 0; n < 4; n++) {
      await platform.send(numbered("d", n, n + 1));
      await platform.clock.advance("30s");
    }
    expect(got(platform, "mem-calm")).toEqual([[3]]);
  });

  it("debounces each key by itself; events whose key has no value are one more", async () => {
    const platform = debouncing({ period: "1m", key: "event.data.list[0].key" });
    await platform.send([
      { name: "d", data: { n: 0, list: [{ key: "a" }] } },
      { name: "d", data: { n: 1, list: [{ key: "b" }] } },
      { name: "d", data: { n: 2, list: 7 } },
      { name: "d", data: { n: 3, list: 8 } },
    ]);
    await platform.clock.advance("1m");
    expect(got(platform, "mem-calm").toSorted(byFirst)).toEqual([[0], [1], [3]]);
  });

  it("collect: gives the run all events, by their ts, the first of which names the run", async () => {
    const platform = debouncing({ period: "1m", collect: true });
    const ts = platform.clock.now();
    const { ids } = await platform.send([2, 0, 3, 1].map((n) => ({ name: "d", data: { n }, ts: ts - 4 + n })));
    await platform.clock.advance("1m");
    expect(got(platform, "mem-calm")).toEqual([[0, 1, 2, 3]]);
    expect(platform.runs("mem-calm")[0]!.id).toBe(runIdOf(ids[1]!, "mem-calm"));
  });

  it("[§2.4] gives the last caller the result, and tells the others at once that theirs is not run", async () => {
    const platform = debouncing({ period: "1m" });
    const skipped = { name: "FunctionSkippedError", code: "function_skipped" };
    await platform.send(numbered("call", 0, 1));
    await platform.clock.advance("1s");
    await platform.send(numbered("call", 1, 2));
    expect(got(platform, "mem-caller")).toEqual([skipped, undefined]);
    await platform.clock.advance("1m");
    expect(got(platform, "mem-caller")).toEqual([skipped, [1]]);
  });

  it("collect: gives every caller the result", async () => {
    const platform = debouncing({ period: "1m", collect: true });
    for (let n = 0; n < 3; n++) await platform.send(numbered("call", n, n + 1));
    await platform.clock.advance("1m");
    expect(got(platform, "mem-caller")).toEqual([
      [0, 1, 2],
      [0, 1, 2],
      [0, 1, 2],
    ]);
  });

  it("takes the policy of the latest event for all that waits", async () => {
    const platform = debouncing({ period: "1h", collect: true });
    await platform.send(numbered("d", 0, 2));
    await change(platform, "mem-calm", { debounce: { periodMs: MINUTE, timeoutMs: null, key: null, collect: false } });
    await platform.clock.advance("1s");
    await platform.send(numbered("d", 2, 3));
    await platform.clock.advance(MINUTE);
    expect(got(platform, "mem-calm")).toEqual([[2]]);
  });
});

describe("what a key remembers", () => {
  it("an event that comes again changes nothing: while it waits, and after its run has started", async () => {
    const { platform } = batching({ maxSize: 3, timeout: "1m" });
    platform.world.pauseQueue(true);
    await platform.send(numbered("b", 0, 2));
    const { clock, queued } = platform.world;
    const again = (messages = queued) =>
      platform.world.invoke((objects) => routeBatch(objects, ENV, messages, clock.now));
    for (let times = 0; times < 3; times++) await again();
    platform.world.pauseQueue(false);
    await platform.clock.advance("1m");
    const second = queued.map((message) => ({ ...message, events: message.events?.slice(1) }));
    for (let days = 0; days < 12; days++) {
      await again(second); // by itself: it would name another run
      await platform.clock.advance("1d"); // from the eighth on it is too old to start anything
    }
    expect(got(platform, "mem-batch")).toEqual([[0, 1]]);
  });

  it("is gone a week after, when its events start nothing any more: the object has deleted itself", async () => {
    const { platform } = batching({ maxSize: 3, timeout: "1m" });
    await platform.send(numbered("b", 0, 2));
    await platform.clock.advance(REDELIVERY_HORIZON_MS);
    expect(platform.world.names("key")).toHaveLength(1);
    await platform.clock.advance(1);
    expect(platform.world.names("key")).toEqual([]);
    await platform.send(numbered("b", 2, 5));
    expect(got(platform, "mem-batch")).toEqual([
      [0, 1],
      [2, 3, 4],
    ]);
  });

  it("makes no time pass by itself in a test", async () => {
    const { platform } = batching({ maxSize: 2, timeout: "1m" });
    await platform.send(numbered("b", 0, 2));
    const { now } = platform.world.clock;
    await platform.clock.runUntilIdle();
    expect(platform.world.clock.now).toBe(now);
  });
});

describe("what goes wrong in a key", () => {
  const object = `batch/mem-batch/${keyOf(null, { id: "", name: "", data: {}, user: {}, ts: 0 }, 0).hash}`;

  it("an alarm that the platform has lost is set by the next event", async () => {
    const { platform } = batching({ maxSize: 3, timeout: "1m" });
    await platform.send(numbered("b", 0, 1));
    platform.world.loseAlarm("key", object);
    platform.world.reset("key", object);
    await platform.clock.advance("10s");
    await platform.send(numbered("b", 1, 2));
    await platform.clock.advance("50s");
    expect(got(platform, "mem-batch")).toEqual([[0, 1]]);
  });

  it("a start that fails is tried again, later and later, until it succeeds; others do not wait for it", async () => {
    let isBroken = true;
    let starts = 0;
    const { platform } = batching({ maxSize: 2, timeout: "1m", key: "event.data.key" }, ({ name }) => {
      if (name === "run.start") starts += 1;
      return isBroken && name === "run.start" ? "request-lost" : null;
    });
    await platform.send(numbered("b", 0, 2));
    await platform.clock.advance("10m");
    expect(starts).toBeGreaterThan(8);
    expect(starts).toBeLessThan(20);
    isBroken = false;
    await platform.clock.advance("1m");
    expect(got(platform, "mem-batch")).toEqual([[0, 1]]);
  });

  it("an answer that takes minutes is not waited for, and changes nothing when it comes", async () => {
    let starts = 0;
    const faults = Object.assign(new FaultPoints(), {
      call: (_kind: string, method: string) => (method === "start" && starts++ === 0 ? { delayMs: 10 * MINUTE } : null),
    });
    const { platform } = batching({ maxSize: 2, timeout: "1h" }, undefined, faults);
    await platform.send(numbered("b", 0, 2));
    await platform.clock.advance("5m");
    expect(got(platform, "mem-batch")).toEqual([[0, 1]]);
    await platform.send(numbered("b", 2, 3));
    await platform.clock.advance("10m"); // the first start has come to its end
    expect(starts).toBe(2);
    await platform.clock.advance("1h");
    expect(got(platform, "mem-batch")).toEqual([[0, 1], [2]]);
  });

  it("a death after the batch was stored, before its run was asked to start: the alarm asks", async () => {
    const { platform } = batching({ maxSize: 2, timeout: "1h" });
    await platform.send(numbered("b", 0, 1));
    let deaths = 0;
    platform.world.turns.between = () => {
      if (deaths > 0 || platform.world.disk("key", object)?.changes === undefined) return;
      const isFull = platform.world.names("key").includes(object) && hasDuty(platform);
      if (!isFull) return;
      deaths += 1;
      die(platform);
    };
    await platform.send(numbered("b", 1, 2));
    platform.world.turns.between = () => undefined;
    expect(deaths).toBe(1);
    await platform.clock.advance("1m");
    expect(got(platform, "mem-batch")).toEqual([[0, 1]]);
  });

  function hasDuty(platform: TestPlatform): boolean {
    return [...platform.world.disk("key", object)!.values("item")].some((value) => String(value).includes('"duty"'));
  }

  it("a disk that takes no write refuses the events, which come again", async () => {
    const { platform } = batching({ maxSize: 2, timeout: "1h" });
    let isFull = true;
    platform.world.storage = (kind, _name, what, writes) => {
      if (isFull && kind === "key" && what === "commit" && writes.length > 0) throw new Error("no room on this disk");
    };
    await platform.send(numbered("b", 0, 2));
    expect(got(platform, "mem-batch")).toEqual([]);
    isFull = false;
    await platform.clock.advance("1m");
    expect(got(platform, "mem-batch")).toEqual([[0, 1]]);
  });

  it("a disk that takes no write when the batch is due: the alarm comes back", async () => {
    const { platform } = batching({ maxSize: 2, timeout: "1m" });
    await platform.send(numbered("b", 0, 1));
    let isFull = true;
    platform.world.storage = (kind, _name, what, writes) => {
      if (isFull && kind === "key" && what === "commit" && writes.length > 0) throw new Error("no room on this disk");
    };
    await platform.clock.advance("5m");
    expect(got(platform, "mem-batch")).toEqual([]);
    isFull = false;
    await platform.clock.advance("1m");
    expect(got(platform, "mem-batch")).toEqual([[0]]);
  });
});
