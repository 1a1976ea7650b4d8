/** The log of one day and shard, tried alone: what it is asked and what it costs. */
import { describe, expect, it } from "vitest";
import { acceptRecords, readMessage, routeMessages } from "../../src/durable-objects/accept.ts";
import { routeBatch, sayFailed } from "../../src/durable-objects/consumer.ts";
import { logOf, type LogObjectApi } from "../../src/durable-objects/objects.ts";
import { appendParts } from "../../src/durable-objects/storage/append-parts.ts";
import type { EventRecord } from "../../src/protocol/event.ts";
import { eventUlid } from "../../src/protocol/ids.ts";
import type { Commit } from "../../src/testing/host/faults.ts";
import { realTurn } from "../../src/testing/host/turns.ts";
import { World } from "../../src/testing/host/world.ts";
import { FaultPoints, type PointFault } from "../helpers/fault-points.ts";

const START = Date.UTC(2026, 0, 1);
const ENV = "main";

/** Events of one request. The first byte of its entropy chooses the log. */
function request(number: number, names: string[], shard = 0, data = ""): EventRecord[] {
  const entropy = Uint8Array.from([shard, 1, 2, 3, 4, 5, 0, 0, 0, 0]);
  return names.map((name, index) => {
    const internalId = eventUlid({ timeMs: START + number, entropy }, index + 1);
    return { internalId, event: { id: internalId, name, data: { data }, user: {}, ts: START } };
  });
}

const LOG = logOf(request(1, ["a"])[0]!.internalId);

/** Counts what objects are asked, and the alarms and commits of the log. */
class Counted extends FaultPoints {
  commits = 0;
  alarms = 0;

  readonly #fault: (commit: Commit) => PointFault | null;

  constructor(fault: (commit: Commit) => PointFault | null) {
    super();
    this.#fault = fault;
  }

  override commit(commit: Commit) {
    if (commit.kind === "log") this.commits += 1;
    return (this.#fault(commit) as "crash-before" | null) ?? super.commit(commit);
  }

  override alarm(...args: Parameters<FaultPoints["alarm"]>) {
    if (args[0] === "log") this.alarms += 1;
    return super.alarm(...args);
  }
}

/** @param fault what goes wrong with a commit */
function tried(fault: (commit: Commit) => PointFault | null = () => null) {
  const counted = new Counted(fault);
  const world = new World({
    start: START,
    random: () => 0,
    transports: () => {
      throw new Error("no run is started here");
    },
    faults: counted,
  });
  world.pauseQueue(true);
  const objects = world.objects();
  const accept = (records: EventRecord[]) => world.invoke((own) => acceptRecords(own, ENV, records, world.clock.now));
  /** What the queue has is routed. */
  const route = async () => {
    const messages = world.queued;
    world.loseMessages();
    await world.invoke((own) => routeBatch(own, ENV, messages, world.clock.now));
  };
  const rest = async () => {
    for (let quiet = 0; quiet < 5; quiet = world.turns.areOver ? quiet + 1 : 0) await realTurn();
  };
  /** Alarms go off until an instant. */
  const advance = async (ms: number) => {
    const until = world.clock.now + ms;
    for (let timer = world.clock.next(); timer && timer.at <= until; timer = world.clock.next()) {
      world.clock.moveTo(Math.max(timer.at, world.clock.now));
      world.clock.fire(timer);
      await rest();
    }
    world.clock.moveTo(until);
  };
  return { world, counted, accept, route, advance, log: objects.log(ENV, LOG) };
}

describe("a batch of the queue", () => {
  it("acknowledges with one request per log, however many messages it has", async () => {
    const { world, counted, accept, route } = tried();
    for (let n = 0; n < 6; n++) await accept(request(n, ["a"], n % 2));
    expect(world.queued).toHaveLength(6);
    await route();
    expect(counted.calls("log.acknowledge")).toBe(2);
    expect([world.isRouted(LOG), counted.calls("registry.route")]).toEqual([true, 1]);
  });

  it("tells each log once why it could not be routed", async () => {
    const { world, counted, accept } = tried();
    for (let n = 0; n < 6; n++) await accept(request(n, ["a"], n % 2));
    await sayFailed(world.objects(), ENV, world.queued, new Error("down"));
    expect(counted.calls("log.failed")).toBe(2);
  });

  it("whose failure is shown for each of its events that is given up on", async () => {
    const { world, accept, advance, log } = tried();
    for (const n of [1, 2]) await accept(request(n, ["a"]));
    const [first, second] = world.queued;
    world.loseMessages();
    await sayFailed(world.objects(), ENV, [{ ...first!, to: second!.to }], new Error("down"));
    for (let times = 0; times < 6; times++) {
      await advance(30_000);
      world.loseMessages();
    }
    expect(await log.parked()).toEqual([
      { from: 0, to: 1, error: "down" },
      { from: 1, to: 2, error: "down" },
    ]);
  });
});

describe("[G1] the alarm of a log", () => {
  it("is set once by a stream of events, and what goes off finds nothing to send", async () => {
    const { world, counted, accept, route, advance } = tried();
    for (let n = 0; n < 20; n++) {
      await accept(request(n, ["a"]));
      await route();
      await advance(100);
    }
    expect(counted.commits).toBe(20); // an append each, and nothing to acknowledge one
    expect(world.clock.at(`log ${LOG}`)).toBe(START + 8_000);
    await advance(60_000);
    expect([counted.alarms, counted.deliveries, world.clock.at(`log ${LOG}`)]).toEqual([1, 20, null]);
  });

  it("goes off before the object may have left memory, however long events wait", async () => {
    const { world, counted, accept, route, advance } = tried();
    await accept(request(1, ["a"]));
    await advance(7_999);
    await accept(request(2, ["a"])); // not routed yet when the alarm goes off
    await advance(1);
    await route();
    const next = world.clock.at(`log ${LOG}`)!;
    expect(next - world.clock.now).toBeLessThan(10_000);
    await advance(60_000);
    expect([counted.deliveries, world.clock.at(`log ${LOG}`)]).toEqual([2, null]);
  });

  it("sends again what was accepted 15 s ago and not routed, and no earlier", async () => {
    const { world, counted, accept, route, advance } = tried();
    await accept(request(1, ["a"]));
    await route();
    await advance(5_000);
    await accept(request(2, ["b"]));
    world.loseMessages();
    await advance(14_999);
    expect(counted.deliveries).toBe(2);
    await advance(1);
    expect(world.queued).toMatchObject([{ from: 1, to: 2, events: [{ record: { event: { name: "b" } } }] }]);
    await route();
    await advance(600_000);
    expect([counted.deliveries, world.clock.at(`log ${LOG}`)]).toEqual([3, null]);
  });

  it("takes nothing for routed that an object without memory does not know of", async () => {
    const { world, accept, route, advance } = tried();
    await accept(request(1, ["a"]));
    await route();
    world.reset("log", LOG);
    expect(world.isRouted(LOG)).toBe(false);
    await advance(15_000);
    expect(world.queued).toMatchObject([{ from: 0, to: 1 }]);
    await route();
    await advance(600_000);
    expect([world.isRouted(LOG), world.messages, world.clock.at(`log ${LOG}`)]).toEqual([true, 0, null]);
  });
});

describe("a log of order", () => {
  const ORDERED_SHARD = 255;
  const ORDER = logOf(request(1, ["a"], ORDERED_SHARD)[0]!.internalId);

  it("knows what was routed also when its process has died: lines wait for that", async () => {
    const { world, accept, route } = tried();
    await accept(request(1, ["a"], ORDERED_SHARD));
    expect(world.isRouted(ORDER)).toBe(false);
    await route();
    world.reset("log", ORDER);
    expect(world.clock.at(`log ${ORDER}`)).toBeNull();
    expect(await world.objects().log(ENV, ORDER).routed(1)).toBe(true);
  });
});

describe("[G1] requests that come together", () => {
  const all = (requests: EventRecord[][], log: LogObjectApi) =>
    Promise.all(requests.map((records) => log.append(appendParts(records), START)));

  it("share commits and messages, get dense numbers, and each is known when it comes again", async () => {
    const { world, counted, log } = tried();
    const requests = Array.from({ length: 20 }, (_, n) => request(n, Array(1 + (n % 3)).fill("a")));
    const appended = await all(requests, log);
    expect(counted.commits).toBeLessThan(10);
    expect(world.messages).toBe(counted.commits);
    let next = 0;
    for (const { from, to } of appended.toSorted((a, b) => a.from - b.from)) {
      expect(from).toBe(next);
      next = to;
    }
    expect(await all(requests, log)).toEqual(appended);
    for (const record of requests.flat())
      expect(await log.event(record.internalId)).toMatchObject({ record: { internalId: record.internalId } });
    expect(await log.read(0, 99)).toHaveLength(next);
    expect(eventsIn(world).sort()).toEqual(expect.arrayContaining(requests.flat().map(({ internalId }) => internalId)));
  });

  it("one after the other they share nothing", async () => {
    const { world, counted, log } = tried();
    for (const n of [1, 2, 3]) {
      await log.append(appendParts(request(n, ["a"])), START);
      await world.turns.next(); // its message is on its way
    }
    expect([counted.commits, world.messages]).toEqual([3, 3]);
  });

  it("one that cannot be stored is refused alone", async () => {
    const { world, log } = tried();
    await log.append(appendParts(request(1, ["known"])), START);
    // its second part begins with an event that is here
    const broken = [...request(2, ["a"], 0, "x".repeat(500_000)), ...request(1, ["known"])];
    const outcomes = await Promise.allSettled([request(3, ["b"]), broken, request(4, ["c"])].map((one) => log.append(appendParts(one), START))); // oxfmt-ignore
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    const names = (await log.read(0, 9)).map(({ record }) => record.event.name);
    expect(names).toEqual(["known", "b", "c"]);
    expect(world.isRouted(LOG)).toBe(false);
  });

  it("an object that dies before their commit has answered none of them", async () => {
    let crashes = 0;
    const { world, log } = tried(({ kind, writes }) =>
      kind === "log" && writes.length > 0 && crashes++ === 1 ? "crash-before" : null,
    );
    const requests = Array.from({ length: 6 }, (_, n) => request(n, ["a"]));
    const outcomes = await Promise.allSettled(requests.map((one) => log.append(appendParts(one), START)));
    const stored = (await log.read(0, 99)).map(({ record }) => record.internalId);
    expect(crashes).toBeGreaterThan(1);
    for (const [index, { status }] of outcomes.entries())
      if (status === "fulfilled") expect(stored).toContain(requests[index]![0]!.internalId);
    expect(outcomes.some(({ status }) => status === "rejected")).toBe(true);
    await all(requests, log); // as their senders do
    expect(new Set(eventsIn(world)).size).toBe(6);
    expect(await log.read(0, 99)).toHaveLength(6);
  });

  it("share messages while these are small, and nobody's events are in two", () => {
    const requests = [1, 2, 3, 4].map((n, index) => ({
      parts: appendParts(request(n, ["a", "b"], 0, n === 3 ? "x".repeat(60_000) : "")),
      appended: { from: index * 2, to: index * 2 + 2, receivedAt: START },
    }));
    const messages = routeMessages(ENV, LOG, requests).map(readMessage);
    expect(messages.map(({ from, to, events }) => [from, to, events?.length])).toEqual([
      [0, 4, 4],
      [4, 6, undefined], // too large for a message: the consumer reads them
      [6, 8, 2],
    ]);
    // one that was there before stands elsewhere
    const [first, second] = requests;
    const known = { ...second!, appended: { from: 40, to: 42, receivedAt: START } };
    expect(routeMessages(ENV, LOG, [first!, known])).toHaveLength(2);
  });
});

/** Ids of the events whose bodies are in the queue. */
function eventsIn(world: World): string[] {
  return world.queued.flatMap(({ events }) => (events ?? []).map(({ record }) => record.internalId));
}
