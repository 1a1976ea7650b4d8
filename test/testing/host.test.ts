/** The host of test platforms itself: what it promises is what a platform's own objects rely on. */
import { describe, expect, it } from "vitest";
import { routeBatch } from "../../src/durable-objects/consumer.ts";
import { appendParts } from "../../src/durable-objects/storage/append-parts.ts";
import { noFaults, type FaultSource } from "../../src/testing/host/faults.ts";
import { Life, ObjectReset } from "../../src/testing/host/life.ts";
import { realTurn, Turns } from "../../src/testing/host/turns.ts";
import { VirtualClock } from "../../src/testing/host/virtual-clock.ts";
import { World } from "../../src/testing/host/world.ts";
import { Random } from "../../src/testing/random.ts";
import { FaultPoints } from "../helpers/fault-points.ts";
import { simulated } from "../helpers/simulated-platform.ts";

const START = Date.UTC(2026, 0, 1);
const LOG = "2026-01-01-0";

function worldOf(faults: FaultSource = noFaults): World {
  const http = {
    call: () => Promise.reject(new Error("no app")),
    gateway: () => Promise.reject(new Error("no network")),
  };
  const noWorkers = {
    message: () => Promise.reject(new Error("no workers")),
    read: () => {
      throw new Error("no workers");
    },
  };
  const local = { has: () => false, activate: () => Promise.reject(new Error("no functions")) as never };
  return new World({
    start: START,
    random: () => 0,
    transports: () => ({ local, http, connect: noWorkers }),
    faults,
  });
}

/** All turns that are ready, and what they lead to. */
async function rest(world: World): Promise<void> {
  for (let quiet = 0; quiet < 5; quiet = world.turns.areOver ? quiet + 1 : 0) await realTurn();
}

const record = (n: number) => ({
  internalId: `01KDVDNA00000000000000000${n}`,
  userId: undefined,
  event: { id: `${n}`, name: "a", data: {}, user: {}, ts: START },
});

describe("what one turn writes", () => {
  const append = (world: World) =>
    world.invoke((objects) => objects.log("main", LOG).append(appendParts([record(1)]), START));

  it("takes effect together with the alarm that was set in it", async () => {
    const world = worldOf();
    await append(world);
    expect(world.disk("log", LOG)?.isEmpty).toBe(false);
    expect(world.clock.at(`log ${LOG}`)).toBe(START + 8_000);
  });

  it("is lost together with it when the object dies before its end, and its caller is told", async () => {
    let crashes = 0;
    const world = worldOf({
      ...noFaults,
      commit: ({ kind, writes }) =>
        kind === "log" && writes.some(({ table }) => table === "append") && crashes++ === 0 ? "crash-before" : null,
    });
    await expect(append(world)).rejects.toThrow(ObjectReset);
    expect(crashes).toBe(1);
    expect(world.isAwake("log", LOG)).toBe(false);
    expect(world.clock.at(`log ${LOG}`)).toBeNull();
    expect(await world.objects().log("main", LOG).read(0, 1)).toEqual([]);
    expect(await append(world)).toMatchObject({ from: 0, to: 1 });
  });

  it("stays when the object dies right after it", async () => {
    let crashes = 0;
    const world = worldOf({
      ...noFaults,
      commit: ({ kind, writes }) =>
        kind === "log" && writes.some(({ table }) => table === "append") && crashes++ === 0 ? "crash-after" : null,
    });
    await expect(append(world)).rejects.toThrow(ObjectReset);
    expect(world.clock.at(`log ${LOG}`)).toBe(START + 8_000);
    expect(await world.objects().log("main", LOG).read(0, 1)).toMatchObject([{ record: { event: { id: "1" } } }]);
  });
});

describe("a life that is over", () => {
  it("notices nothing that it waited for, neither results nor errors", async () => {
    const life = new Life();
    const noticed: string[] = [];
    void life.within(Promise.resolve()).then(() => noticed.push("before"));
    await realTurn();
    const result = life.within(realTurn());
    const error = life.within(realTurn().then(() => Promise.reject(new Error("late"))));
    void result.then(() => noticed.push("result"));
    void error.catch(() => noticed.push("error"));
    life.end();
    await realTurn();
    await realTurn();
    expect(noticed).toEqual(["before"]);
  });

  it("sends no call that it made in its last turn", async () => {
    const faults = new FaultPoints();
    const world = worldOf(faults);
    const life = new Life();
    let answered = false;
    void world
      .objects(life)
      .registry("main")
      .logs()
      .then(() => (answered = true));
    life.end();
    await rest(world);
    expect(faults.calls("registry.logs")).toBe(0);
    expect(answered).toBe(false);
    await world.objects().registry("main").logs(); // as another life can
    expect(faults.calls("registry.logs")).toBe(1);
  });

  it("of a process takes invocations with it, which are told", async () => {
    const world = worldOf();
    const asked = world.invoke((objects) => objects.registry("main").logs());
    world.resetAll();
    await expect(asked).rejects.toThrow("the process died");
  });
});

describe("a call", () => {
  const logs = (world: World) => world.objects().registry("main").logs();

  it.each([
    ["request-lost", 0],
    ["reply-lost", 1],
  ] as const)("whose fault is %s is carried out %i times, and its caller gets ObjectReset", async (fault, times) => {
    const world = worldOf({ ...noFaults, call: (_kind, method) => (method === "openLog" ? fault : null) });
    await expect(world.objects().registry("main").openLog("l")).rejects.toThrow(ObjectReset);
    expect(await logs(world)).toHaveLength(times);
  });

  it("that is delayed is carried out when its time has come", async () => {
    const world = worldOf({ ...noFaults, call: (_kind, method) => (method === "openLog" ? { delayMs: 500 } : null) });
    const opened = world.objects().registry("main").openLog("l");
    await rest(world);
    expect(await logs(world)).toEqual([]);
    world.clock.moveTo(START + 500);
    expect(world.startDue()).toBe(true);
    await opened;
    expect(await logs(world)).toEqual(["l"]);
  });
});

describe("an alarm", () => {
  it("whose handler was cut short runs again, one that came to its end does not", async () => {
    const world = worldOf();
    world.hasQueue = false; // so that the log delivers by its alarm
    await world.invoke((objects) => objects.log("main", LOG).append(appendParts([record(1)]), START));
    expect(world.startDue()).toBe(true);
    expect(world.clock.at(`log ${LOG}`)).toBeNull();
    await world.turns.next(); // the handler is under way
    world.reset("log", LOG);
    expect(world.clock.at(`log ${LOG}`)).toBe(START);
    expect(world.startDue()).toBe(true);
    await rest(world);
    expect(world.clock.at(`log ${LOG}`)).toBeNull();
    expect(world.startDue()).toBe(false);
  });
});

describe("the queue", () => {
  it("delivers a message that cannot be routed three times more, then drops it", async () => {
    const faults = new FaultPoints(({ name }) => (name === "registry.route" ? "request-lost" : null));
    const world = worldOf(faults);
    await world.objects().queue.send(JSON.stringify({ env: "main", log: LOG, from: 0, to: 1, events: [] }));
    while (world.startDue()) await rest(world);
    expect(faults.calls("registry.route")).toBe(4);
    expect(world.messages).toBe(0);
  });

  it("keeps copies: what a receiver does with a message nobody else sees", async () => {
    const world = worldOf();
    world.pauseQueue(true);
    await world.objects().queue.send(JSON.stringify({ env: "main", log: LOG, from: 0, to: 1, events: [] }));
    expect(world.startDue()).toBe(false);
    world.queued[0]!.from = 7;
    expect(world.queued).toMatchObject([{ from: 0 }]);
    await world.invoke((objects) => routeBatch(objects, "main", world.queued, START));
    expect(world.messages).toBe(1);
  });
});

describe("turns", () => {
  /** The hops of a whole flow of runs. */
  async function hopsOf(seed: number): Promise<string[]> {
    const faults = new FaultPoints();
    const random = new Random(seed); // of the order of turns alone
    const platform = simulated(
      (client) => [
        client.createFunction({ id: "wide" }, { event: "go" }, async ({ step }) => {
          await Promise.all([1, 2, 3].map((n) => step.sendEvent(`s${n}`, { name: "more", data: { n } })));
          return Math.random();
        }),
        client.createFunction({ id: "more" }, { event: "more" }, ({ step }) => step.run("a", () => 1)),
      ],
      { faults, choose: (count) => random.below(count) },
    );
    await platform.send({ name: "go" });
    await platform.clock.runUntilIdle();
    const ends = platform.runs().map((run) => `${run.id} ${run.status}`);
    return [...faults.points.map(({ kind, name }) => `${kind} ${name}`), ...ends, `${platform.world.turns.count}`];
  }

  it("[determinism] of the same seed are the same sequence, those of another seed are not", async () => {
    const first = await hopsOf(1);
    expect(first.length).toBeGreaterThan(50);
    expect(await hopsOf(1)).toEqual(first);
    expect(await hopsOf(2)).not.toEqual(first);
  });

  it("come one at a time, each with all that follows from it at once", async () => {
    const turns = new Turns((count) => count - 1);
    const seen: string[] = [];
    const task = async (name: string) => {
      await turns.next();
      seen.push(`${name} begins`);
      await Promise.resolve();
      seen.push(`${name} goes on`);
    };
    await Promise.all(["a", "b"].map(task));
    expect(seen).toEqual(["b begins", "b goes on", "a begins", "a goes on"]);
  });
});

describe("the virtual clock", () => {
  it("fires by instant, then in the order in which timers were set; a timer set again takes its new place", () => {
    const clock = new VirtualClock(START);
    const seen: string[] = [];
    const set = (key: string, at: number) => clock.set(key, START + at, () => seen.push(key));
    set("late", 9);
    set("a", 5);
    set("b", 5);
    set("moved", 1);
    set("moved", 5);
    set("gone", 2);
    clock.clear("gone");
    for (let timer = clock.next(); timer; timer = clock.next()) clock.fire(timer);
    expect(seen).toEqual(["a", "b", "moved", "late"]);
    expect(clock.timers()).toEqual([]);
  });

  it("goes forward only", () => {
    const clock = new VirtualClock(START);
    clock.moveTo(START + 1);
    expect(() => clock.moveTo(START)).toThrow("time goes forward only");
    expect(clock.now).toBe(START + 1);
  });
});
