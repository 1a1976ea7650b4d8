import { describe, expect, it } from "vitest";
import { routeBatch } from "../../src/durable-objects/consumer.ts";
import { logOf } from "../../src/durable-objects/objects.ts";
import { readRetention } from "../../src/durable-objects/retention.ts";
import { DEDUPE_WINDOW_MS, RETENTION_DEFAULT_MS } from "../../src/protocol/limits.ts";
import type { TestPlatform } from "../../src/testing/platform.ts";
import { FaultPoints, type FaultPoint, type PointFault } from "../helpers/fault-points.ts";
import {
  accept,
  die,
  isAcknowledged,
  objectsOf,
  runOf,
  seedOf,
  simulated,
  sweepAnHour,
} from "../helpers/simulated-platform.ts";

const DAY = 86_400_000;

function hello(choose: (point: FaultPoint) => PointFault | null = () => null) {
  const ran: string[] = [];
  const faults = new FaultPoints(choose);
  const platform = simulated(
    (client) => [
      client.createFunction({ id: "hello" }, { event: "hello" }, async ({ event, step }) =>
        step.run("greet", () => {
          ran.push(String(event.id));
          return `hello ${event.data.name}`;
        }),
      ),
      client.createFunction({ id: "sleeper" }, { event: "doze" }, async ({ step }) => {
        await step.sleep("long", "300d");
        return "awake";
      }),
      client.createFunction({ id: "waiter" }, { event: "begin" }, async ({ event, step }) => {
        const found = await step.waitForEvent("w", { event: "done", if: event.data.if, timeout: "1d" });
        return found?.data.value ?? null;
      }),
    ],
    { faults },
  );
  return { platform, ran, faults };
}

/** Sends one event as a client does; its internal id. */
async function send(platform: TestPlatform, event: { name: string; id: string; data?: object }): Promise<string> {
  const { ids } = await platform.send(event as Parameters<TestPlatform["send"]>[0]);
  return ids[0]!;
}

/** Time is over that nothing has noticed, as when no process was there. */
function skip(platform: TestPlatform, ms: number): void {
  platform.world.clock.moveTo(platform.clock.now() + ms);
}

describe("[G1] the log delivers what the queue does not", () => {
  it("sends again after 15 s when the message was lost", async () => {
    const { platform, ran } = hello();
    platform.world.pauseQueue(true);
    const id = await send(platform, { name: "hello", id: "a" });
    platform.world.loseMessages();
    platform.world.pauseQueue(false);
    await platform.clock.advance(14_999);
    expect(ran).toEqual([]);
    expect(isAcknowledged(platform, id)).toBe(false);
    await platform.clock.advance(1);
    expect(ran).toEqual(["a"]);
    expect(isAcknowledged(platform, id)).toBe(true);
  });

  it("does not send again what waits in the queue behind a batch that takes long", async () => {
    const { platform, ran, faults } = hello();
    await platform.clock.advance(0); // registers the functions
    platform.world.pauseQueue(true); // a consumer has the first, and works on it for 40 s
    const id = await accept(platform, { name: "hello", id: "a" }, seedOf(platform, 1));
    const [first] = platform.world.queued;
    await accept(platform, { name: "hello", id: "b" }, seedOf(platform, 2)); // queued behind it
    expect(new Set(platform.world.queued.map(({ log }) => log))).toEqual(new Set([logOf(id)]));
    for (let seconds = 0; seconds < 40; seconds += 5) {
      await objectsOf(platform).log("main", logOf(id)).working([first!]);
      await platform.clock.advance("5s");
    }
    expect(faults.deliveries).toBe(2);
    expect(ran).toEqual([]);
    platform.world.pauseQueue(false);
    await platform.clock.advance("1h");
    expect(ran.sort()).toEqual(["a", "b"]);
    expect(faults.deliveries).toBe(2);
  });

  it("delivers by its own alarm when there is no queue", async () => {
    const { platform, ran, faults } = hello();
    platform.world.hasQueue = false;
    await send(platform, { name: "hello", id: "a" });
    expect(ran).toEqual(["a"]); // and no time has passed
    expect(faults.deliveries).toBe(0);
  });

  it("parks what five resends could not route, with the error, and routes it on request", async () => {
    let isBroken = true;
    const { platform, ran } = hello(({ name }) => (isBroken && name === "registry.route" ? "request-lost" : null));
    const id = await send(platform, { name: "hello", id: "a" });
    const log = objectsOf(platform).log("main", logOf(id));
    await platform.clock.advance("1h");
    isBroken = false;
    await platform.clock.advance("1d");
    expect(await log.parked()).toEqual([{ from: 0, to: 1, error: expect.stringContaining("registry.route was lost") }]);
    expect(ran).toEqual([]);
    await log.reroute(0, 1);
    await platform.clock.runUntilIdle();
    expect(ran).toEqual(["a"]);
    expect(await log.parked()).toEqual([]);
  });

  it("starts a function once however often the message comes", async () => {
    const { platform, ran } = hello();
    platform.world.pauseQueue(true);
    await send(platform, { name: "hello", id: "a" });
    const { clock, queued } = platform.world;
    for (let times = 0; times < 3; times++)
      await platform.world.invoke((objects) => routeBatch(objects, "main", queued, clock.now));
    platform.world.pauseQueue(false);
    await platform.clock.runUntilIdle();
    expect(platform.world.messages).toBe(0);
    expect(ran).toEqual(["a"]);
  });

  it("starts a function once when every message comes twice and every call is carried out twice", async () => {
    const { platform, ran } = hello(({ kind }) => (kind === "call" || kind === "delivery" ? "twice" : null));
    await send(platform, { name: "hello", id: "a" });
    await platform.clock.runUntilIdle();
    expect(ran).toEqual(["a"]);
  });
});

describe("events with a user id", () => {
  it("start a function once in 24 hours, and again after", async () => {
    const { platform, ran } = hello();
    await send(platform, { name: "hello", id: "a" });
    await platform.clock.advance(DEDUPE_WINDOW_MS - 1);
    await send(platform, { name: "hello", id: "a" }); // another request with the same id
    expect(ran).toEqual(["a"]);
    await platform.clock.advance(DAY);
    await send(platform, { name: "hello", id: "a" });
    expect(ran).toEqual(["a", "a"]);
  });
});

describe("the sweeper", () => {
  it("wakes a run whose alarm the platform dropped", async () => {
    const { platform } = hello();
    const id = await send(platform, { name: "doze", id: "d" });
    const run = runOf(platform, id, "mem-sleeper")!;
    await run.waitFor("sleep");
    platform.world.loseAlarm("run", run.id);
    await platform.clock.advance(300 * DAY + 180_000);
    expect(run.hasEnded).toBe(false);
    await sweepAnHour(platform);
    await platform.clock.runUntilIdle();
    expect(run.output).toBe("awake");
  });

  it("forgets ended runs and events past retention, keeps what still runs, and drops the log when it is empty", async () => {
    const { platform } = hello();
    const ended = await send(platform, { name: "hello", id: "a" });
    const dozing = await send(platform, { name: "doze", id: "b" });
    const dozer = () => runOf(platform, dozing, "mem-sleeper");
    const { log, registry } = objectsOf(platform);
    expect(runOf(platform, ended, "mem-hello")?.hasEnded).toBe(true);
    expect(await log("main", logOf(ended)).event(ended)).not.toBeNull();
    await platform.clock.advance(RETENTION_DEFAULT_MS + 2 * DAY);
    await sweepAnHour(platform);
    expect(runOf(platform, ended, "mem-hello")).toBeUndefined();
    expect(await log("main", logOf(ended)).event(ended)).toBeNull();
    expect(dozer()?.waitsFor).toHaveLength(1);
    expect(await registry("main").logs()).toContain(logOf(dozing));
    await dozer()!.waitFor("end"); // 300 days on
    await platform.clock.advance(RETENTION_DEFAULT_MS + DAY);
    await sweepAnHour(platform);
    await sweepAnHour(platform);
    expect(dozer()).toBeUndefined();
    expect(await registry("main").logs()).toEqual([]);
    expect([...platform.world.names("log"), ...platform.world.names("run")]).toEqual([]);
  });

  it("keeps runs by how they have ended: those that failed longer than those that completed, events by default", async () => {
    const { platform } = hello();
    platform.world.retention = readRetention({ default: "14d", completed: "7d", cancelled: "60d" }, undefined);
    const completed = await send(platform, { name: "hello", id: "a" });
    const dozing = await send(platform, { name: "doze", id: "b" });
    const { log, registry, run } = objectsOf(platform);
    const dozer = () => runOf(platform, dozing, "mem-sleeper");
    await run("main", dozer()!.id).cancel("enough");
    await platform.clock.runUntilIdle();
    const kept = async () => {
      await sweepAnHour(platform);
      await sweepAnHour(platform);
      const event = await log("main", logOf(completed)).event(completed);
      return [runOf(platform, completed, "mem-hello") !== undefined, event !== null, dozer() !== undefined];
    };
    expect(await kept()).toEqual([true, true, true]);
    await platform.clock.advance(8 * DAY);
    expect(await kept()).toEqual([false, true, true]);
    await platform.clock.advance(8 * DAY);
    expect(await kept()).toEqual([false, false, true]);
    await platform.clock.advance(45 * DAY);
    expect(await kept()).toEqual([false, false, false]);
    expect(await registry("main").logs()).toEqual([]);
  });

  it("refuses to start a run whose event is older than a week: it may have ended and been forgotten", async () => {
    const { platform, ran } = hello();
    platform.world.pauseQueue(true);
    await send(platform, { name: "hello", id: "a" });
    skip(platform, 8 * DAY);
    platform.world.pauseQueue(false);
    await platform.clock.runUntilIdle();
    expect(platform.world.messages).toBe(0);
    expect(ran).toEqual([]);
  });
});

describe("many waits for one event", () => {
  async function waiting(platform: TestPlatform, count: number, condition: (n: number) => string) {
    const begins = Array.from({ length: count }, (_, n) => ({
      name: "begin",
      id: `b${n}`,
      data: { if: condition(n), n },
    }));
    const { runs } = await platform.send(begins);
    expect(runs).toHaveLength(count);
    expect(runs.every((run) => run.has("wait"))).toBe(true);
    return runs;
  }

  it("all resume, page by page, also when the process dies on the way", async () => {
    let offers = 0;
    const { platform } = hello(({ name }) => {
      if (name === "run.offer" && ++offers === 300) die(platform);
      return null;
    });
    const runs = await waiting(platform, 450, () => "async.data.value > 1");
    await send(platform, { name: "done", id: "d", data: { value: 2 } });
    await platform.clock.advance("1h"); // the waits last a day
    expect(offers).toBeGreaterThan(450);
    expect(runs.map((run) => run.output)).toEqual(runs.map(() => 2));
  }, 60_000);

  it("with an equality only the runs that match are asked", async () => {
    const { platform, faults } = hello();
    await waiting(platform, 40, (n) => `async.data.key == 'k${n}'`);
    const id = await send(platform, { name: "done", id: "d", data: { key: "k7", value: 7 } });
    expect(isAcknowledged(platform, id)).toBe(true);
    expect(faults.calls("run.offer")).toBe(1);
  });
});

describe("what people are told", () => {
  it("a run that failed for good, once, with its function, its error and where to read more", async () => {
    const platform = simulated((client) => [
      client.createFunction({ id: "boom", retries: 1 }, { event: "go" }, () => {
        throw new RangeError("too much");
      }),
      client.createFunction({ id: "fine" }, { event: "go" }, () => 1),
    ]);
    await platform.send({ name: "go", id: "a" });
    await platform.clock.advance("1h");
    expect(platform.world.reports.map(({ message, error }) => `${message} ${String(error)}`)).toEqual([
      expect.stringMatching(/^run \S+ of "mem-boom" failed \(GET \/v1\/runs\/\S+\): RangeError: too much$/),
    ]);
  });
});
