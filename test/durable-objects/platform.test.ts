import { describe, expect, it } from "vitest";
import { logOf } from "../../src/durable-objects/objects.ts";
import { DEDUPE_WINDOW_MS, RETENTION_DEFAULT_MS } from "../../src/protocol/limits.ts";
import { Death, MemoryPlatform } from "../helpers/memory-platform.ts";

const DAY = 86_400_000;
const hour = { horizonMs: 3_600_000 };

function hello() {
  const ran: string[] = [];
  const platform = new MemoryPlatform((client) => [
    client.createFunction({ id: "hello" }, { event: "hello" }, async ({ event, step }) =>
      step.run("greet", () => {
        ran.push(event.id);
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
  ]);
  return { platform, ran };
}

describe("[G1] the log delivers what the queue does not", () => {
  it("sends again after 15 s when the message was lost", async () => {
    const { platform, ran } = hello();
    await platform.register();
    const id = await platform.send({ name: "hello", id: "a" });
    platform.messages.length = 0;
    const sentAt = platform.now;
    await platform.run(undefined, hour);
    expect(ran).toEqual(["a"]);
    expect(platform.now - sentAt).toBe(15_000);
    expect(await platform.isAcknowledged(id)).toBe(true);
  });

  it("does not send again what waits in the queue behind a batch that takes long", async () => {
    const { platform, ran } = hello();
    platform.oneShard = true;
    await platform.register();
    const id = await platform.send({ name: "hello", id: "a" });
    const log = platform.objects().log("main", logOf(id));
    const [first] = platform.messages.splice(0); // a consumer has it, and works on it for 40 s
    await platform.send({ name: "hello", id: "b" });
    const [second] = platform.messages.splice(0); // queued behind it
    for (let seconds = 0; seconds < 40; seconds += 5) {
      await log.working([first!.from]);
      platform.now += 5_000;
      await platform.run(undefined, { horizonMs: 0 });
    }
    expect(platform.hops.filter((hop) => hop === "queue.send")).toHaveLength(2);
    expect(ran).toEqual([]);
    platform.messages.push(first!, second!);
    await platform.run(undefined, hour);
    expect(ran.sort()).toEqual(["a", "b"]);
  });

  it("delivers by its own alarm when there is no queue", async () => {
    const { platform, ran } = hello();
    platform.hasQueue = false;
    await platform.register();
    const sentAt = platform.now;
    await platform.send({ name: "hello", id: "a" });
    await platform.run(undefined, hour);
    expect(ran).toEqual(["a"]);
    expect(platform.now).toBe(sentAt);
  });

  it("parks what five resends could not route, with the error, and routes it on request", async () => {
    const { platform, ran } = hello();
    await platform.register();
    let isBroken = true;
    platform.hop = (name) => {
      if (isBroken && name === "→ registry.route") throw new Error("registry is down");
    };
    const id = await platform.send({ name: "hello", id: "a" });
    await platform.run(async () => (await platform.objects().log("main", logOf(id)).parked()).length > 0);
    isBroken = false;
    const [range] = await platform.objects().log("main", logOf(id)).parked();
    expect(range).toMatchObject({ from: 0, to: 1 });
    expect(ran).toEqual([]);
    await platform.objects().log("main", logOf(id)).reroute(range!.from, range!.to);
    await platform.run();
    expect(ran).toEqual(["a"]);
    expect(await platform.objects().log("main", logOf(id)).parked()).toEqual([]);
  });

  it("starts a function once however often the message comes", async () => {
    const { platform, ran } = hello();
    await platform.register();
    await platform.send({ name: "hello", id: "a" });
    platform.messages.push(...structuredClone(platform.messages), ...structuredClone(platform.messages));
    await platform.run();
    expect(ran).toEqual(["a"]);
  });
});

describe("events with a user id", () => {
  it("start a function once in 24 hours, and again after", async () => {
    const { platform, ran } = hello();
    await platform.register();
    await platform.send({ name: "hello", id: "a" });
    await platform.run(undefined, hour);
    platform.forgetSeeds(); // another request with the same id
    platform.now += DEDUPE_WINDOW_MS - 1;
    await platform.send({ name: "hello", id: "a" });
    await platform.run(undefined, { horizonMs: 0 });
    expect(ran).toEqual(["a"]);
    platform.forgetSeeds();
    platform.now += DAY;
    await platform.send({ name: "hello", id: "a" });
    await platform.run();
    expect(ran).toEqual(["a", "a"]);
  });
});

describe("the sweeper", () => {
  it("wakes a run whose alarm the platform dropped", async () => {
    const { platform } = hello();
    await platform.register();
    const id = await platform.send({ name: "doze", id: "d" });
    await platform.run(async () => (await platform.view(id, "mem-sleeper"))?.run.state.kind === "blocked");
    platform.dropAlarms("run ");
    platform.now += 300 * DAY + 180_000;
    await platform.sweepAnHour();
    await platform.run();
    expect((await platform.view(id, "mem-sleeper"))?.run.state).toMatchObject({ kind: "completed", output: "awake" });
  });

  it("forgets ended runs and events past retention, keeps what still runs, and drops the log when it is empty", async () => {
    const { platform } = hello();
    await platform.register();
    const ended = await platform.send({ name: "hello", id: "a" });
    const dozing = await platform.send({ name: "doze", id: "b" });
    await platform.run(async () => (await platform.view(dozing, "mem-sleeper"))?.run.state.kind === "blocked");
    const log = logOf(ended);
    platform.now += RETENTION_DEFAULT_MS + 2 * DAY;
    await platform.sweepAnHour();
    expect(await platform.view(ended, "mem-hello")).toBeNull();
    expect(await platform.objects().log("main", log).event(ended)).toBeNull();
    expect((await platform.view(dozing, "mem-sleeper"))?.run.state.kind).toBe("blocked");
    expect(await platform.objects().registry("main").logs()).toContain(logOf(dozing));
    await platform.run(); // 300 days on
    platform.now += RETENTION_DEFAULT_MS + DAY;
    await platform.sweepAnHour();
    await platform.sweepAnHour();
    expect(await platform.view(dozing, "mem-sleeper")).toBeNull();
    expect(await platform.objects().registry("main").logs()).toEqual([]);
  });

  it("refuses to start a run whose event is older than a week: it may have ended and been forgotten", async () => {
    const { platform, ran } = hello();
    await platform.register();
    await platform.send({ name: "hello", id: "a" });
    const late = structuredClone(platform.messages.splice(0));
    platform.now += 8 * DAY;
    platform.messages.push(...late);
    await platform.run();
    expect(ran).toEqual([]);
  });
});

describe("many waits for one event", () => {
  async function waiting(platform: MemoryPlatform, count: number, condition: (n: number) => string) {
    const ids: string[] = [];
    for (let n = 0; n < count; n++)
      ids.push(await platform.send({ name: "begin", id: `b${n}`, data: { if: condition(n), n } }));
    const last = async (id: string) => (await platform.view(id, "mem-waiter"))?.entries[0]?.status.kind === "waiting";
    await platform.run(async () => (await Promise.all(ids.map(last))).every(Boolean), { maxRounds: 5000 });
    return ids;
  }

  it("all resume, page by page, also when the process dies on the way", async () => {
    const { platform } = hello();
    await platform.register();
    const ids = await waiting(platform, 450, () => "async.data.value > 1");
    let offers = 0;
    platform.hop = (name) => {
      if (name !== "→ run.offer" || ++offers !== 300) return;
      platform.die();
      throw new Death(name);
    };
    await platform.send({ name: "done", id: "d", data: { value: 2 } });
    const ended = async (id: string) => (await platform.view(id, "mem-waiter"))?.run.state.kind === "completed";
    await platform.run(async () => (await Promise.all(ids.map(ended))).every(Boolean), { maxRounds: 5000 });
    for (const id of ids) expect((await platform.view(id, "mem-waiter"))?.run.state).toMatchObject({ output: 2 });
  }, 60_000);

  it("with an equality only the runs that match are asked", async () => {
    const { platform } = hello();
    await platform.register();
    await waiting(platform, 40, (n) => `async.data.key == 'k${n}'`);
    const before = platform.hops.length;
    await platform.send({ name: "done", id: "d", data: { key: "k7", value: 7 } });
    await platform.run(() => platform.hops.slice(before).includes("← log.acknowledge"));
    expect(platform.hops.slice(before).filter((hop) => hop === "→ run.offer")).toHaveLength(1);
  });
});

describe("what people are told", () => {
  it("a run that failed for good, once, with its function, its error and where to read more", async () => {
    const platform = new MemoryPlatform((client) => [
      client.createFunction({ id: "boom", retries: 1 }, { event: "go" }, () => {
        throw new RangeError("too much");
      }),
      client.createFunction({ id: "fine" }, { event: "go" }, () => 1),
    ]);
    await platform.register();
    await platform.send({ name: "go", id: "a" });
    await platform.run(undefined, hour);
    expect(platform.reports).toEqual([
      expect.stringMatching(/^run \S+ of "mem-boom" failed \(GET \/v1\/runs\/\S+\): RangeError: too much$/),
    ]);
  });
});
